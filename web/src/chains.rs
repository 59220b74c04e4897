//! The three running chains, as the web sees them: to read, to ask for terms, to hand on what was signed.

use std::sync::Arc;

use ledger::{Ledger, SubChain};

/// The three chains of one node.
#[derive(Clone)]
pub struct Chains {
    /// Who trades.
    pub identity: Arc<Ledger>,
    /// What is traded.
    pub data: Arc<Ledger>,
    /// Value.
    pub payment: Arc<Ledger>,
}

impl Chains {
    /// The chain of this name.
    #[must_use]
    pub fn get(&self, chain: SubChain) -> &Ledger {
        match chain {
            SubChain::Identity => &self.identity,
            SubChain::Data => &self.data,
            SubChain::Payment => &self.payment,
        }
    }
}
