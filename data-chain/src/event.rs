//! What happened on the data chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Address, Hash};
use vocabulary::ToData;

use crate::payload::{Document, Product};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// A product was described.
    ProductDescribed {
        /// Its number ([`crate::product_id`]).
        id: Hash,
        /// Who described it.
        owner: Address,
        /// How.
        product: Product,
    },
    /// A document was put on record.
    DocumentRecorded {
        /// Who did.
        owner: Address,
        /// Which.
        document: Document,
    },
    /// A settlement of the payment chain was put on record.
    TradeRecorded(ToData),
}
