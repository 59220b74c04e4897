//! The seam between a ledger and the consensus that orders it. An engine decides which block comes next and proves
//! that it is final; the ledger builds blocks, executes, stores and answers questions.
//!
//! An engine is a state machine: it learns through [`Engine::submit`], advances through [`Engine::step`] and asks
//! for things by returning [`Effect`]s. Time comes in as an argument. So a simulator can drive it, and an engine of
//! many validators takes the place of [`LocalEngine`] without a change to any chain.

use std::collections::BTreeMap;

use crate::block::{Block, Claim, Seal};
use crate::key::{KeyPair, PublicKey};
use crate::moment::{Height, Timestamp};

/// What an engine learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes from another validator.
    Received {
        /// Who sent them, as the transport proved it.
        from: PublicKey,
        /// What was sent.
        bytes: Vec<u8>,
    },
    /// A block that it declared final was executed; this is what came of it.
    Executed(Claim),
}

/// What an engine asks for, to be done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put these bytes on disk before doing anything that follows: amnesia after a restart is equivocation.
    Keep(Vec<u8>),
    /// Send these bytes to one validator, or to all.
    Send {
        /// To whom; `None` for all.
        to: Option<PublicKey>,
        /// What.
        bytes: Vec<u8>,
    },
    /// Execute this block: it is final.
    Final {
        /// The block.
        block: Box<Block>,
        /// The era in which it became final.
        era: u64,
        /// The weight that would have to equivocate to undo it.
        grade: u64,
    },
    /// Call [`Engine::step`] again at this moment at the latest.
    Wake(Timestamp),
}

/// What an engine may ask of its ledger while it thinks.
pub trait Host {
    /// A block above the last executed one, if there is anything to put into one at `now`.
    fn propose(&mut self, now: Timestamp) -> Option<Block>;
}

/// A consensus engine.
pub trait Engine: Send {
    /// Learns something.
    fn submit(&mut self, input: Input);

    /// Advances to `now`.
    fn step(&mut self, now: Timestamp, host: &mut dyn Host) -> Vec<Effect>;

    /// The seal over `height`, as soon as enough validators have signed.
    fn proof(&self, height: Height) -> Option<Seal>;
}

/// How many seals an engine remembers for those who ask late.
const REMEMBERED: usize = 16;

/// One validator that outweighs all others together: what it proposes is final at once, at grade 0.
#[derive(Debug)]
pub struct LocalEngine {
    validator: KeyPair,
    seals: BTreeMap<Height, Seal>,
}

impl LocalEngine {
    /// The engine of `validator`.
    #[must_use]
    pub fn new(validator: KeyPair) -> LocalEngine {
        LocalEngine { validator, seals: BTreeMap::new() }
    }
}

impl Engine for LocalEngine {
    fn submit(&mut self, input: Input) {
        // Nobody else has a say here.
        let Input::Executed(claim) = input else { return };
        let signature = self.validator.sign(&claim.signing_bytes());
        let seal = Seal { claim, signatures: vec![(self.validator.public(), signature)] };
        self.seals.insert(seal.claim.height, seal);
        if self.seals.len() > REMEMBERED {
            self.seals.pop_first();
        }
    }

    fn step(&mut self, now: Timestamp, host: &mut dyn Host) -> Vec<Effect> {
        let block = host.propose(now);
        block.map(|block| Effect::Final { block: Box::new(block), era: 0, grade: 0 }).into_iter().collect()
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.seals.get(&height).cloned()
    }
}
