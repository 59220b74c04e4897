//! Proofs for outsiders: what the ledger answers in files that need no trust in it.

use rayon::prelude::*;

use super::{Ledger, narrow};
use crate::hash::{Hash, encode};
use crate::light::{Fact, Proof};
use crate::log::LogError;
use crate::merkle;
use crate::moment::Height;
use crate::receipt::Cause;
use crate::state::Read;
use crate::tree::Place;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no such block.
    #[error("there is no block {0} yet")]
    Height(Height),
    /// The block has fewer receipts.
    #[error("block {height} has {count} receipts, counted from 0")]
    Index {
        /// The block.
        height: Height,
        /// How many receipts it has.
        count: usize,
    },
}

impl Ledger {
    /// Proves what came of cause `index` of the block at `height` (0 is the opening, then messages, then
    /// transactions), with the transaction itself if it is one.
    ///
    /// # Errors
    /// [`ProveError`] when there is no such receipt or the log cannot be read.
    pub fn prove_receipt(&self, height: Height, index: usize) -> Result<Proof, ProveError> {
        let committed = self.committed(height)?.ok_or(ProveError::Height(height))?;
        let count = committed.receipts.len();
        let receipt = committed.receipts.get(index).ok_or(ProveError::Index { height, count })?;
        let leaves: Vec<Hash> =
            committed.receipts.par_iter().map(|receipt| merkle::leaf(&encode(receipt))).collect();
        let transaction = match receipt.cause {
            Cause::Transaction(_) => index
                .checked_sub(1 + committed.block.messages.len())
                .and_then(|at| committed.block.transactions.get(at))
                .map(encode),
            Cause::Opening | Cause::Message { .. } => None,
        };
        let fact = Fact::Receipt {
            index: narrow(index),
            count: narrow(count),
            receipt: encode(receipt),
            transaction,
            path: merkle::path(&leaves, index),
        };
        Ok(Proof { genesis: self.genesis.clone(), seal: committed.seal.clone(), fact })
    }

    /// Proves what the last committed state says of `key` ([`crate::Table::key`]): its value, or that it has none.
    #[must_use]
    pub fn prove_state(&self, key: &[u8]) -> Proof {
        let state = self.read_state();
        let way = state.tree.prove(key);
        let fact = match (way.place, state.values.get(key)) {
            (Place::Present, Some(value)) => Fact::Value { key: key.to_vec(), value, siblings: way.siblings },
            (place, _) => Fact::Absence { key: key.to_vec(), place, siblings: way.siblings },
        };
        Proof { genesis: self.genesis.clone(), seal: state.head.seal.clone(), fact }
    }
}
