//! What the log keeps of a block: the block, what came of it, and the seal.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Block, Seal};
use crate::hash::Hash;
use crate::message::Envelope;
use crate::moment::{Height, SubChain};
use crate::receipt::Receipt;

/// The only version of a record so far.
pub const VERSION: u8 = 1;
/// The most bytes that a record may have.
pub const MAX_RECORD_BYTES: usize = 256 << 20;

/// A block that is final, executed, sealed and on disk. The one at height 0 holds what the genesis came to.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Committed {
    /// The order.
    pub block: Block,
    /// What came of the opening, of each message and of each transaction, in this order.
    pub receipts: Vec<Receipt>,
    /// The messages that left.
    pub outbox: Vec<Envelope>,
    /// The validators' word on all of it.
    pub seal: Seal,
}

impl Committed {
    /// The height of the block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.block.header.height
    }
}

/// How many messages the chain had sent to each other chain, in the order of [`SubChain::ALL`], once a block was
/// executed. It stands at a fixed place of each record, so that a message is found by bisection.
pub type Sent = [u64; 3];

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not the canonical encoding.
    #[error("not the canonical encoding of a record")]
    Malformed,
    /// A version that this program does not know.
    #[error("record version {0} is unknown; this program knows version {VERSION}")]
    Version(u8),
}

/// Canonical bytes: version (1), [`Sent`] (3 × 8, little-endian), then block, receipts, outbox and seal in borsh.
#[must_use]
pub fn encode_record(sent: Sent, committed: &Committed) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024 + 512 * committed.block.transactions.len());
    bytes.push(VERSION);
    borsh::to_writer(&mut bytes, &sent).expect("writing to memory does not fail");
    borsh::to_writer(&mut bytes, committed).expect("writing to memory does not fail");
    bytes
}

/// Reads what [`encode_record`] wrote.
///
/// # Errors
/// [`RecordError`].
pub fn decode_record(bytes: &[u8]) -> Result<(Sent, Committed), RecordError> {
    let (sent, rest) = split_sent(bytes)?;
    let committed = Committed::try_from_slice(rest).map_err(|_| RecordError::Malformed)?;
    Ok((sent, committed))
}

/// How many bytes at the front of a record tell [`Sent`].
pub(crate) const SENT_BYTES: usize = 25;

/// How many bytes at the front of a record reach to the end of the hash of the block's parent.
pub(crate) const PARENT_BYTES: usize = SENT_BYTES + 32 + 8 + 32;

/// Reads the hash of a block's parent off the front of its record.
pub(crate) fn parent_of(front: &[u8; PARENT_BYTES]) -> Hash {
    Hash(*front.last_chunk().expect("the front ends with it"))
}

/// Reads the front of a record.
pub(crate) fn split_sent(bytes: &[u8]) -> Result<(Sent, &[u8]), RecordError> {
    match bytes.first() {
        None => return Err(RecordError::Malformed),
        Some(&VERSION) => {}
        Some(&other) => return Err(RecordError::Version(other)),
    }
    let (front, rest) = bytes.split_at_checked(SENT_BYTES).ok_or(RecordError::Malformed)?;
    let sent = Sent::try_from_slice(&front[1..]).map_err(|_| RecordError::Malformed)?;
    Ok((sent, rest))
}

/// The place of `chain` in [`Sent`].
pub(crate) fn slot(chain: SubChain) -> usize {
    chain as usize
}

/// Reads a record from arbitrary bytes.
pub fn fuzz_record(bytes: &[u8]) {
    if let Ok((sent, committed)) = decode_record(bytes) {
        assert_eq!(encode_record(sent, &committed), bytes);
    }
}
