//! What stands for the ledger at a node: makes, checks and executes blocks that say nothing but who they are.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::koma::{Member, Proposal};
use ledger::{Hash, Height, PublicKey, Tag, Timestamp};

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SimBlock {
    /// The era in which it is proposed.
    pub era: u64,
    /// The block it builds on.
    pub parent: Hash,
    /// Its height.
    pub height: Height,
    /// When.
    pub time: Timestamp,
    /// By whom.
    pub proposer: PublicKey,
    /// Who equivocated in this era, by evidence that the proposer knew.
    pub accused: Vec<Member>,
    /// What a cheat changes to propose two at once.
    pub salt: u64,
}

impl SimBlock {
    /// What it is known by.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of_value(Tag::Content, self)
    }
}

/// A block that was executed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The block.
    pub block: SimBlock,
    /// Its hash.
    pub hash: Hash,
    /// The threshold at which it was final.
    pub threshold: u64,
    /// Whether it ended its era.
    pub last: bool,
}

/// Bodies and the executed chain of one node; both survive a crash.
#[derive(Clone, Debug, Default)]
pub struct Host {
    bodies: BTreeMap<Hash, SimBlock>,
    chain: Vec<Executed>,
}

impl Host {
    /// The executed chain, from height 1 on.
    #[must_use]
    pub fn chain(&self) -> &[Executed] {
        &self.chain
    }

    /// Keeps a body.
    pub fn keep(&mut self, block: SimBlock) -> Hash {
        let hash = block.hash();
        self.bodies.insert(hash, block);
        hash
    }

    /// A body.
    #[must_use]
    pub fn body(&self, block: &Hash) -> Option<&SimBlock> {
        self.bodies.get(block)
    }

    /// Whether a block may stand where it is proposed.
    #[must_use]
    pub fn is_valid(&self, era: u64, proposal: &Proposal, parent: &Proposal, proposer: PublicKey) -> bool {
        self.body(&proposal.block).is_some_and(|block| {
            block.era == era
                && block.parent == parent.block
                && block.height == proposal.height
                && block.time == proposal.time
                && block.proposer == proposer
        })
    }

    /// Executes a block whose body may be missing after a crash; returns whether it could.
    pub fn execute(&mut self, proposal: &Proposal, threshold: u64) -> bool {
        let next = self.chain.len() as u64 + 1;
        if proposal.height.0 < next {
            return true; // executed before the crash
        }
        assert_eq!(proposal.height.0, next, "blocks are executed in order");
        let Some(block) = self.bodies.get(&proposal.block).cloned() else { return false };
        self.chain.push(Executed { block, hash: proposal.block, threshold, last: proposal.last });
        true
    }

    /// Takes over executed blocks from a node that is ahead.
    pub fn adopt(&mut self, blocks: Vec<Executed>) {
        for executed in blocks {
            if executed.block.height.0 == self.chain.len() as u64 + 1 {
                self.bodies.insert(executed.hash, executed.block.clone());
                self.chain.push(executed);
            }
        }
    }
}
