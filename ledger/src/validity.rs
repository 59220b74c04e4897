//! What makes a block a block, before anyone executes it.

use rayon::prelude::*;

use crate::block::{Block, Claim, Header, MAX_BLOCK_BYTES};
use crate::hash::{Hash, encode};
use crate::merkle;
use crate::message::RelayedMessage;
use crate::moment::{Height, Timestamp};
use crate::transaction::{MAX_TRANSACTION_BYTES, Transaction, VERSION};

/// By how many blocks the roots that a header names may lag behind its parent.
pub const MAX_LAG: u64 = 8;

/// Why a block cannot follow its parent. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// More than [`MAX_BLOCK_BYTES`].
    #[error("a block has at most {MAX_BLOCK_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// It names another chain.
    #[error("the block names chain {0}")]
    Chain(Hash),
    /// It does not come next.
    #[error("height {expected} comes next, the block has {found}")]
    Height {
        /// The next height.
        expected: Height,
        /// The block's.
        found: Height,
    },
    /// It names another parent.
    #[error("the block names parent {0}")]
    Parent(Hash),
    /// It goes back in time.
    #[error("the block's time is before its parent's")]
    Time,
    /// The roots of what was executed are not those that this node found.
    #[error("the block names other roots for executed height {0}")]
    Roots(Height),
    /// The messages are not those of its messages root.
    #[error("the messages are not those of the messages root")]
    Messages,
    /// The transactions are not those of its transactions root.
    #[error("the transactions are not those of the transactions root")]
    Transactions,
    /// A transaction is too long or of an unknown version.
    #[error("transaction {0} is malformed")]
    Form(usize),
    /// The signature of a transaction does not hold.
    #[error("the signature of transaction {0} does not hold")]
    Signature(usize),
}

/// Merkle root over the canonical bytes of relayed messages.
#[must_use]
pub fn messages_root(messages: &[RelayedMessage]) -> Hash {
    merkle::root(&messages.iter().map(|message| merkle::leaf(&encode(message))).collect::<Vec<_>>())
}

/// Merkle root over the canonical bytes of transactions.
#[must_use]
pub fn transactions_root(transactions: &[Transaction]) -> Hash {
    merkle::root(
        &transactions.iter().map(|transaction| merkle::leaf(&encode(transaction))).collect::<Vec<_>>(),
    )
}

/// Checks that `header` follows `parent`, and names the roots of `executed`, which is at most [`MAX_LAG`] blocks before the
/// parent.
///
/// # Errors
/// [`BlockError`], from `Chain` to `Roots`.
pub fn check_header(header: &Header, parent: &Header, executed: &Claim) -> Result<(), BlockError> {
    if header.chain != parent.chain {
        return Err(BlockError::Chain(header.chain));
    }
    let expected = parent.height.next();
    if header.height != expected {
        return Err(BlockError::Height { expected, found: header.height });
    }
    if header.parent != parent.hash() {
        return Err(BlockError::Parent(header.parent));
    }
    if header.time < parent.time {
        return Err(BlockError::Time);
    }
    if executed.height > parent.height || parent.height.0 - executed.height.0 > MAX_LAG {
        return Err(BlockError::Roots(header.executed_height));
    }
    let named = (header.executed_height, header.state_root, header.receipts_root, header.outbox_root);
    if named != (executed.height, executed.state_root, executed.receipts_root, executed.outbox_root) {
        return Err(BlockError::Roots(header.executed_height));
    }
    Ok(())
}

/// Checks that a block holds what its header names, each transaction of the right form.
///
/// # Errors
/// [`BlockError`], `TooLong`, then from `Messages` to `Form`.
pub fn check_body(block: &Block) -> Result<(), BlockError> {
    let bytes = encode(block).len();
    if bytes > MAX_BLOCK_BYTES {
        return Err(BlockError::TooLong(bytes));
    }
    if messages_root(&block.messages) != block.header.messages_root {
        return Err(BlockError::Messages);
    }
    if transactions_root(&block.transactions) != block.header.transactions_root {
        return Err(BlockError::Transactions);
    }
    let malformed = |transaction: &Transaction| {
        transaction.body.version != VERSION || transaction.body.payload.len() > MAX_TRANSACTION_BYTES
    };
    match block.transactions.iter().position(malformed) {
        Some(index) => Err(BlockError::Form(index)),
        None => Ok(()),
    }
}

/// Checks the signatures of all transactions of a block, on all cores.
///
/// # Errors
/// [`BlockError::Signature`] for the first that does not hold.
pub fn check_signatures(block: &Block) -> Result<(), BlockError> {
    let fault = block.transactions.par_iter().position_first(|transaction| transaction.verify().is_err());
    match fault {
        Some(index) => Err(BlockError::Signature(index)),
        None => Ok(()),
    }
}

/// The header of height 0, which stands for the genesis.
#[must_use]
pub(crate) fn genesis_header(chain: Hash, time: Timestamp) -> Header {
    Header {
        chain,
        height: Height(0),
        parent: Hash::ZERO,
        time,
        proposer: crate::key::PublicKey([0; 32]),
        messages_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        executed_height: Height(0),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
    }
}
