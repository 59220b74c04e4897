//! What can be asked of the data chain.

use borsh::BorshSerialize;
use ledger::{Hash, Refusal};
use vocabulary::{Country, HsCode, LoCode, Text, UnitCode};

/// The most bytes that a request may have in canonical form.
pub const MAX_PAYLOAD_BYTES: usize = 8 << 10;
/// The most documents that a product may name.
pub const MAX_DOCUMENTS: usize = 16;

/// A product as its owner describes it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
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
    /// Documents about it, by the hash of their contents; each on record already, each once, at most
    /// [`MAX_DOCUMENTS`].
    pub documents: Vec<Hash>,
}

/// A document that is kept off chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Document {
    /// Tagged hash of its contents ([`ledger::Tag::Document`]).
    pub hash: Hash,
    /// What its owner calls it.
    pub name: Text<120>,
    /// Its media type, for instance `application/pdf` (RFC 6838).
    pub media_type: Text<80>,
    /// How many bytes it has; at least 1, at most what the genesis allows.
    pub size_bytes: u64,
}

/// A request to the data chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Payload {
    /// Describes a product of the sender (admitted parties).
    DescribeProduct(Product),
    /// Puts a document of the sender on record, once (admitted parties).
    RecordDocument(Document),
}

vocabulary::decode_by_field!(struct Product { name, hs, grade, origin, unit, place, documents });
vocabulary::decode_by_field!(struct Document { hash, name, media_type, size_bytes });
vocabulary::decode_by_field!(enum Payload { 0 => DescribeProduct(product), 1 => RecordDocument(document) });

impl Payload {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// A [`Refusal`] with the code `too-long` or `malformed` that names the field at fault.
    pub fn decode(bytes: &[u8]) -> Result<Payload, Refusal> {
        if bytes.len() > MAX_PAYLOAD_BYTES {
            let reason = format!("at most {MAX_PAYLOAD_BYTES} bytes, not {}", bytes.len());
            return Err(Refusal::new("too-long", "payload", reason));
        }
        vocabulary::field::decode(bytes)
    }
}
