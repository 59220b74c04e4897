//! What can be asked of the data chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Hash;
use vocabulary::{Country, HsCode, LoCode, Text, UnitCode};

/// The most documents that a product may name.
pub const MAX_DOCUMENTS: usize = 16;

/// A product as its owner describes it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Product {
    /// What it is called in trade.
    pub name: Text<120>,
    /// What it is in the Harmonized System.
    pub hs: HsCode,
    /// Its grade or specification.
    pub grade: Text<200>,
    /// Where it comes from.
    pub origin: Country,
    /// What it is measured in.
    pub unit: UnitCode,
    /// Where it lies.
    pub place: LoCode,
    /// Documents about it, by the hash of their contents; at most [`MAX_DOCUMENTS`].
    pub documents: Vec<Hash>,
}

/// A document that is kept off chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Document {
    /// Tagged hash of its contents ([`ledger::Tag::Document`]).
    pub hash: Hash,
    /// What its owner calls it.
    pub name: Text<120>,
    /// Its media type, for instance `application/pdf` (RFC 6838).
    pub media_type: Text<80>,
    /// How many bytes it has.
    pub size_bytes: u64,
}

/// A request to the data chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Payload {
    /// Describes a product of the sender.
    DescribeProduct(Product),
    /// Puts a document of the sender on record.
    RecordDocument(Document),
}
