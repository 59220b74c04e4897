//! What engines of a chain send to each other.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Block, MAX_BLOCK_BYTES, Seal};
use crate::hash::{Hash, encode};
use crate::key::Signature;
use crate::moment::Height;

use super::message::WireMessage;

/// The most bytes of a frame.
pub const MAX_FRAME_BYTES: usize = MAX_BLOCK_BYTES + (32 << 10);
/// The most bodies that are asked for at once.
pub const MAX_WANTED: usize = 16;
/// The most blocks in an answer, and the most bytes unless it has only one.
pub const MAX_BLOCKS: usize = 64;
/// See [`MAX_BLOCKS`].
pub const BLOCKS_BYTES: usize = 2 << 20;

/// A frame.
///
/// Canonical bytes: the number of the variant (1), then its fields in borsh.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Frame {
    /// A message about the units of an era.
    Units(WireMessage),
    /// A block that its sender proposes, or was asked for.
    Body(Arc<Block>),
    /// "Send me the bodies of these blocks."
    WantBodies(Vec<Hash>),
    /// The sender's signature of its claim about an executed block.
    Signature {
        /// The era.
        era: u64,
        /// The block's height.
        height: Height,
        /// Over the claim's signing bytes.
        signature: Signature,
    },
    /// What enough validators signed.
    Sealed(Box<Seal>),
    /// How far the sender is.
    Status {
        /// Its era.
        era: u64,
        /// Its last committed block.
        height: Height,
    },
    /// "Send me blocks from this height on."
    WantBlocks(Height),
    /// Sealed blocks, in order without a gap.
    Blocks(Vec<(Arc<Block>, Seal)>),
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than [`MAX_FRAME_BYTES`].
    #[error("a frame has at most {MAX_FRAME_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not the canonical encoding, or a list longer than it may be.
    #[error("not the canonical encoding of a frame")]
    Malformed,
}

impl Frame {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong(bytes.len()));
        }
        let frame = match bytes.split_first() {
            // A message has bounds of its own.
            Some((0, message)) => {
                Frame::Units(WireMessage::decode(message).map_err(|_| FrameError::Malformed)?)
            }
            _ => Frame::try_from_slice(bytes).map_err(|_| FrameError::Malformed)?,
        };
        let bounded = match &frame {
            Frame::WantBodies(wanted) => (1..=MAX_WANTED).contains(&wanted.len()),
            Frame::Blocks(blocks) => (1..=MAX_BLOCKS).contains(&blocks.len()),
            _ => true,
        };
        if bounded { Ok(frame) } else { Err(FrameError::Malformed) }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Whether it may be long, and may wait behind what is urgent.
    #[must_use]
    pub fn is_bulk(&self, bytes: usize) -> bool {
        const URGENT_BYTES: usize = 32 << 10;
        matches!(self, Frame::Body(_) | Frame::Blocks(_)) || bytes > URGENT_BYTES
    }
}

/// Reads a frame from arbitrary bytes.
pub fn fuzz_frame(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes) {
        assert_eq!(frame.encode(), bytes);
    }
}
