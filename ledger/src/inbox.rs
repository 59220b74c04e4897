//! Messages from other chains that wait for a block. Each was proved before it came in; the block takes them by
//! number without a gap.

use std::collections::BTreeMap;

use crate::hash::encode;
use crate::message::{Envelope, RelayedMessage};
use crate::moment::SubChain;
use crate::receipt::Refusal;

/// How far ahead of the next number a message may wait.
pub const WINDOW: u64 = 1024;
/// The most bytes of messages in a block.
pub const BLOCK_BYTES: usize = 2 << 20;

/// Why a message was not taken. The checks run in the order of the variants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// It is for another chain, or from this one.
    #[error("this is the {0} chain, the message is not for it")]
    Destination(SubChain),
    /// It was consumed before.
    #[error("message {number} was consumed before, the next one is {next}")]
    Used {
        /// The number of the message.
        number: u64,
        /// The next number.
        next: u64,
    },
    /// It is too far ahead.
    #[error("message {number} is too far ahead, this node holds {WINDOW} from {next} on")]
    Ahead {
        /// The number of the message.
        number: u64,
        /// The next number.
        next: u64,
    },
    /// It waits already.
    #[error("message {0} waits already")]
    Waiting(u64),
    /// Seal or path do not hold.
    #[error(transparent)]
    Unproved(Refusal),
}

/// The waiting messages.
#[derive(Debug, Default)]
pub(crate) struct Inbox(BTreeMap<(SubChain, u64), RelayedMessage>);

impl Inbox {
    pub(crate) fn contains(&self, from: SubChain, number: u64) -> bool {
        self.0.contains_key(&(from, number))
    }

    /// The first number from `next` on that does not wait.
    pub(crate) fn first_missing(&self, from: SubChain, next: u64) -> u64 {
        let waiting = self.0.range((from, next)..=(from, u64::MAX)).map(|((_, number), _)| *number);
        let in_line = waiting.zip(next..).take_while(|(number, expected)| number == expected).count();
        next.saturating_add(in_line as u64)
    }

    pub(crate) fn insert(&mut self, message: RelayedMessage) {
        let Envelope { from, number, .. } = message.envelope;
        self.0.insert((from, number), message);
    }

    /// The messages for the next block, in order; `next` tells the next number from a chain.
    pub(crate) fn ready(&self, next: impl Fn(SubChain) -> u64) -> Vec<RelayedMessage> {
        let mut messages = Vec::new();
        let mut bytes = 0usize;
        for from in SubChain::ALL {
            let mut number = next(from);
            while let Some(message) = self.0.get(&(from, number)) {
                bytes += encode(message).len();
                if !messages.is_empty() && bytes > BLOCK_BYTES {
                    return messages;
                }
                messages.push(message.clone());
                number += 1;
            }
        }
        messages
    }

    /// Drops what was consumed.
    pub(crate) fn settle(&mut self, next: impl Fn(SubChain) -> u64) {
        let next = SubChain::ALL.map(next);
        self.0.retain(|(from, number), _| *number >= next[*from as usize]);
    }
}
