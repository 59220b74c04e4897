//! What one chain tells another: numbered, proved, consumed once and in order.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Claim, Seal};
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::merkle;
use crate::moment::{Height, SubChain};
use crate::receipt::Refusal;

/// The most bytes a message's payload may have. A transaction that sends a longer one is refused.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MessageBody {
    /// Something for the destination's business, in the format that both agreed on.
    Deliver(Vec<u8>),
    /// The answer to a message that its destination could not use. It is never answered itself.
    Failed {
        /// The number of the message that failed.
        number: u64,
        /// Why.
        refusal: Refusal,
    },
    /// What the last block of an era says; the ledger itself takes it. It hands the chain on to those who decide in the
    /// era after the next one, and from the identity chain it is a checkpoint.
    Validators {
        /// The era, two after the one that ends.
        era: u64,
        /// Validators with their weights, in ascending order of key.
        members: Vec<(PublicKey, u64)>,
        /// Root over the hashes of the sender's blocks, from height 0 up to and including this one.
        blocks: Hash,
        /// From the identity chain: where the other chains last ended an era, as far as it has heard.
        covers: Vec<Closing>,
    },
}

/// The last block of an era of a chain.
///
/// Canonical bytes: chain (1), era (8), height (8), block (32), blocks (32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Closing {
    /// The chain.
    pub chain: SubChain,
    /// The era that ended.
    pub era: u64,
    /// The block's height.
    pub height: Height,
    /// Its hash.
    pub block: Hash,
    /// Root over the hashes of the chain's blocks, from height 0 up to and including this one.
    pub blocks: Hash,
}

/// A message in its sender's outbox.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Envelope {
    /// Who sends.
    pub from: SubChain,
    /// Who receives.
    pub to: SubChain,
    /// Its place among all messages from `from` to `to`, counted from 0.
    pub number: u64,
    /// What it says.
    pub body: MessageBody,
}

/// A message on its way, with the proof that its sender said it: the seal over the block that did, and the
/// Merkle path from the envelope to the outbox root in that seal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RelayedMessage {
    /// The message.
    pub envelope: Envelope,
    /// The validators' word on the block that sent it.
    pub seal: Seal,
    /// Its position in that block's outbox.
    pub index: u32,
    /// How many messages that outbox has.
    pub count: u32,
    /// Sibling hashes from the leaf to the root.
    pub path: Vec<Hash>,
}

impl RelayedMessage {
    /// Whether the message stands in the outbox that the seal names. Whether the seal holds is another question.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        let leaf = merkle::leaf(&encode(&self.envelope));
        let (index, count) = (self.index as usize, self.count as usize);
        merkle::verify(self.seal.claim.outbox_root, leaf, index, count, &self.path)
    }

    /// How an era of the sender's ended, if the message tells of that.
    #[must_use]
    pub fn closing(&self) -> Option<Closing> {
        let MessageBody::Validators { blocks, .. } = self.envelope.body else { return None };
        let Claim { era, height, block, .. } = self.seal.claim;
        Some(Closing { chain: self.envelope.from, era, height, block, blocks })
    }
}

/// Reads a relayed message from arbitrary bytes, and checks its path.
pub fn fuzz_message(bytes: &[u8]) {
    if let Ok(message) = RelayedMessage::try_from_slice(bytes) {
        let _ = (message.is_sent(), message.closing());
    }
}
