//! What an engine learns.

use std::collections::BTreeSet;

use super::era::Era;
use super::message::Message;
use super::policy::Mode;
use super::validators::Member;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::moment::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passed.
    Tick,
    /// A peer said something; its signatures hold ([`super::message::WireMessage::verify`]).
    Received {
        /// Who sent it, as the transport proved.
        from: PublicKey,
        /// What was sent.
        message: Message,
    },
    /// The answer to [`super::Effect::Propose`].
    Proposed {
        /// The era.
        era: u64,
        /// The round that was asked about.
        start: Timestamp,
        /// The hash of a block whose body was sent to all peers, or nothing to propose.
        block: Option<Hash>,
    },
    /// The body of a block is here, and on disk.
    Body(Hash),
    /// The answer to [`super::Effect::Validate`].
    Validated {
        /// The era.
        era: u64,
        /// The unit that proposes it.
        unit: Hash,
        /// Whether the block may stand there.
        valid: bool,
    },
    /// A further era begins, on the last block of the one before, which was executed. Eras before that one are dropped.
    Begin {
        /// The era.
        era: Box<Era>,
        /// How its members run it.
        mode: Mode,
    },
    /// The chain has evidence against these validators on record, whether or not this node saw their units.
    Convicted {
        /// The era.
        era: u64,
        /// All of them who decide in it.
        members: BTreeSet<Member>,
    },
    /// An era is settled and checkpointed: its units are needed no more.
    Forget(u64),
}
