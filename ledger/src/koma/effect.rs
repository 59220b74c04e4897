//! What an engine asks for, to be done in order.

use borsh::{BorshDeserialize, BorshSerialize};

use super::dag::UnitError;
use super::evidence::{Evidence, VerifiedEvidence};
use super::message::Message;
use super::policy::Alarm;
use super::unit::SignedUnit;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::moment::{Height, Timestamp};

/// What a node keeps on disk so that it knows after a restart what it knew before. Read back in the order in which they
/// were written, each record stands on those before it.
///
/// Canonical bytes: 0 (1) and a signed unit, or 1 (1) and evidence.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// A unit that was taken.
    Unit(SignedUnit),
    /// Evidence that came from elsewhere.
    Evidence(Box<Evidence>),
}

/// A proposed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The hash of the unit that proposes it; of the root, the hash of the block.
    pub id: Hash,
    /// The hash of the block.
    pub block: Hash,
    /// Its height.
    pub height: Height,
    /// When it was proposed: its chain time.
    pub time: Timestamp,
    /// Whether it ends the era.
    pub last: bool,
}

/// What a peer did that no honest one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It sent a unit that does not hold.
    #[error("unit: {0}")]
    Unit(#[from] UnitError),
    /// It sent a unit that proposes a block which may not stand there.
    #[error("it passed on a block that does not hold")]
    Block,
    /// It sent more units of one validator than an era gives.
    #[error("it sent more units of one validator than an era gives")]
    Quota,
    /// It sent a unit too far ahead of time.
    #[error("it sent a unit from the far future")]
    Future,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep this; with `sync`, it has to be on disk before anything that follows is done: amnesia after a restart is
    /// equivocation.
    Keep {
        /// What.
        record: Record,
        /// Whether the rest waits for the disk.
        sync: bool,
    },
    /// Send this to one peer, or to all.
    Send {
        /// To whom; `None` for all.
        to: Option<PublicKey>,
        /// What.
        message: Message,
    },
    /// Ask this peer for the body of a block; tell [`super::Event::Body`] when it is here.
    Fetch {
        /// The block.
        block: Hash,
        /// Whom to ask.
        from: PublicKey,
    },
    /// Make a block on top of this one, send its body to all peers, and answer with [`super::Event::Proposed`].
    Propose {
        /// The era.
        era: u64,
        /// The round, whose start is the block's chain time.
        start: Timestamp,
        /// What to build on.
        parent: Proposal,
    },
    /// Check whether this block may stand on its parent, once everything it relies on is executed, and answer with
    /// [`super::Event::Validated`].
    Validate {
        /// The era.
        era: u64,
        /// The block, by the unit that proposes it.
        proposal: Proposal,
        /// What it builds on.
        parent: Proposal,
        /// Who proposes it.
        proposer: PublicKey,
    },
    /// A block is final at a threshold.
    Final {
        /// The era.
        era: u64,
        /// The block.
        block: Proposal,
        /// The weight beyond which validators would have to equivocate to undo it.
        threshold: u64,
    },
    /// Execute this block: it is final at the threshold of its era. Blocks come in the order of the chain.
    Execute {
        /// The era.
        era: u64,
        /// The block.
        block: Proposal,
        /// The threshold.
        threshold: u64,
    },
    /// The threshold rose: what was to be executed above this height is final at it no more, and comes again once it is.
    CallBack {
        /// The era.
        era: u64,
        /// The last height at which execution had begun.
        above: Height,
    },
    /// Somebody equivocated: put it on record.
    Evidence(VerifiedEvidence),
    /// People have to decide; outside effects have stopped.
    Alarm {
        /// The era.
        era: u64,
        /// Why.
        alarm: Alarm,
    },
    /// This peer is not honest, or does not run this program.
    Misbehaved {
        /// Who.
        peer: PublicKey,
        /// What it did.
        fault: Fault,
    },
    /// This peer speaks of a later era: fetch the blocks that are missing here.
    Behind {
        /// Its era.
        era: u64,
        /// Who.
        peer: PublicKey,
    },
    /// Tell [`super::Event::Tick`] at this moment at the latest. Only the last one counts.
    Wake(Timestamp),
}
