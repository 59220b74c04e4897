//! What one chain tells another: numbered, proved, consumed once and in order.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::Seal;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::moment::SubChain;
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
    /// Who decides in an era of the sender's, told before the era before it begins. The ledger itself takes it.
    Validators {
        /// The era.
        era: u64,
        /// Validators with their weights, in ascending order of key.
        members: Vec<(PublicKey, u64)>,
    },
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

/// Reads a relayed message from arbitrary bytes, and checks its path.
pub fn fuzz_message(bytes: &[u8]) {
    if let Ok(message) = RelayedMessage::try_from_slice(bytes) {
        let leaf = crate::merkle::leaf(&crate::hash::encode(&message.envelope));
        let (index, count) = (message.index as usize, message.count as usize);
        let _ = crate::merkle::verify(message.seal.claim.outbox_root, leaf, index, count, &message.path);
    }
}
