//! What came of a transaction, a message, or the opening of a block.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::Hash;
use crate::moment::SubChain;

/// Why something was refused, in words for a person and in a code for a program.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refusal {
    /// A stable word in kebab case, for instance `limit-too-high`.
    pub code: String,
    /// The field at fault, for instance `give_qty`; `transaction` when it is the whole.
    pub field: String,
    /// What was wrong and what to do, lower case, without a full stop.
    pub reason: String,
}

impl Refusal {
    /// A refusal of `field`.
    #[must_use]
    pub fn new(code: &str, field: &str, reason: impl Into<String>) -> Refusal {
        Refusal { code: code.to_owned(), field: field.to_owned(), reason: reason.into() }
    }

    /// The same, with each text cut to at most 1024 bytes, between two characters: what fits into a message.
    #[must_use]
    pub fn in_brief(&self) -> Refusal {
        let cut = |text: &str| text[..text.floor_char_boundary(1024)].to_owned();
        Refusal { code: cut(&self.code), field: cut(&self.field), reason: cut(&self.reason) }
    }
}

/// What a receipt is about.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Cause {
    /// What fell due at the block's height and time: expiries, deadlines, batch closes.
    Opening,
    /// A message from another chain.
    Message {
        /// Its sender.
        from: SubChain,
        /// Its number.
        number: u64,
    },
    /// A signed transaction, by its identifier.
    Transaction(Hash),
}

/// What came of one cause. The receipts of a block, in order, are the leaves of its receipts root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// What it is about.
    pub cause: Cause,
    /// Done, or why not. What is refused leaves no trace but its sequence number and fee.
    pub outcome: Result<(), Refusal>,
    /// What happened, in the chain's own event format; empty when refused.
    pub events: Vec<Vec<u8>>,
}
