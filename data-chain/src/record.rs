//! What the data chain keeps, and where.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Address, Hash, Hasher, Table, Tag, Timestamp, hash::encode};
use vocabulary::{Country, Roles, Standing, ToData};

use crate::payload::{Document, Product};

/// A party as the identity chain last spoke of it. Its keys stand with its account in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KnownParty {
    /// Where it is registered.
    pub country: Country,
    /// How it stands.
    pub standing: Standing,
    /// What it may be.
    pub roles: Roles,
}

/// A product on record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DescribedProduct {
    /// Who described it.
    pub owner: Address,
    /// How.
    pub product: Product,
    /// When.
    pub at: Timestamp,
}

/// A document on record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordedDocument {
    /// Which.
    pub document: Document,
    /// When.
    pub at: Timestamp,
}

/// Parties by account.
pub(crate) const PARTIES: Table<Address, KnownParty> = Table::new(32);
/// The day that an account last sent something, and how much on that day.
pub(crate) const SENT: Table<Address, (u64, u32)> = Table::new(33);
/// Products by number.
pub(crate) const PRODUCTS: Table<Hash, DescribedProduct> = Table::new(34);
/// The products of an owner.
pub(crate) const PRODUCTS_OF: Table<(Address, Hash), ()> = Table::new(35);
/// Documents by hash of their contents and by who put them on record.
pub(crate) const DOCUMENTS: Table<(Hash, Address), RecordedDocument> = Table::new(36);
/// The documents of an owner.
pub(crate) const DOCUMENTS_OF: Table<(Address, Hash), ()> = Table::new(37);
/// Settlements of the payment chain.
pub(crate) const TRADES: Table<Hash, ToData> = Table::new(38);
/// The settlements that a party gave or received in.
pub(crate) const TRADES_OF: Table<(Address, Hash), ()> = Table::new(39);

/// The number of a product: tagged hash of owner, the sequence number of the transaction that describes it, and
/// the description. So the same description twice makes two products.
#[must_use]
pub fn product_id(owner: Address, sequence: u64, product: &Product) -> Hash {
    Hasher::new(Tag::Content)
        .chain(b"product")
        .chain(&owner.0)
        .chain(&sequence.to_le_bytes())
        .chain(&encode(product))
        .finish()
}
