//! Messages on their way to the other chains.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Ledger, lock, narrow};
use crate::hash::encode;
use crate::log::LogError;
use crate::merkle;
use crate::message::{Envelope, MessageBody, RelayedMessage};
use crate::moment::{Height, SubChain};
use crate::record::{Committed, SENT_BYTES, slot, split_sent};

/// A block's messages with the tree over them, from which their paths are read off.
#[derive(Debug)]
pub(crate) struct Outbox {
    committed: Arc<Committed>,
    tree: merkle::Levels,
}

impl Outbox {
    fn message(&self, index: usize, envelope: &Envelope) -> RelayedMessage {
        RelayedMessage {
            envelope: envelope.clone(),
            seal: self.committed.seal.clone(),
            index: narrow(index),
            count: narrow(self.tree.count()),
            path: self.tree.path(index),
        }
    }
}

impl Ledger {
    /// Messages to `to` from number `first` on, each with its proof; at most `limit`, in order.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn outgoing(&self, to: SubChain, first: u64, limit: usize) -> Result<Vec<RelayedMessage>, LogError> {
        let (head, sent) = {
            let state = self.read_state();
            (state.head.height(), state.sent[slot(to)])
        };
        let mut messages = Vec::new();
        let (mut next, mut from) = (first, Height(0));
        while next < sent && messages.len() < limit {
            let height = self.sender_of(to, next, from, head)?;
            let Some(outbox) = self.outbox(to, height)? else { break };
            for (index, envelope) in outbox.committed.outbox.iter().enumerate() {
                if envelope.to != to || envelope.number < next || messages.len() >= limit {
                    continue;
                }
                messages.push(outbox.message(index, envelope));
                next = envelope.number + 1;
            }
            from = height.next();
        }
        Ok(messages)
    }

    /// What the last block of an era, at `height`, said of the next ones; `None` when no era ended there.
    pub(super) fn word(&self, height: Height) -> Result<Option<RelayedMessage>, LogError> {
        let to = if self.chain == SubChain::Data { SubChain::Payment } else { SubChain::Data };
        let Some(outbox) = self.outbox(to, height)? else { return Ok(None) };
        let mut sent = outbox.committed.outbox.iter().enumerate();
        let word = sent.rfind(|(_, envelope)| {
            envelope.to == to && matches!(envelope.body, MessageBody::Validators { .. })
        });
        Ok(word.map(|(index, envelope)| outbox.message(index, envelope)))
    }

    /// The messages of the block at `height`; kept until messages to `to` are asked for from another block, since a
    /// large block is relayed in many parts.
    fn outbox(&self, to: SubChain, height: Height) -> Result<Option<Arc<Outbox>>, LogError> {
        let kept = lock(&self.outboxes)[slot(to)].clone();
        if kept.as_ref().is_some_and(|outbox| outbox.committed.height() == height) {
            return Ok(kept);
        }
        let Some(committed) = self.committed(height)? else { return Ok(None) };
        let leaves = committed.outbox.par_iter().map(|envelope| merkle::leaf(&encode(envelope)));
        let tree = merkle::Levels::new(leaves.collect());
        let outbox = Some(Arc::new(Outbox { committed, tree }));
        lock(&self.outboxes)[slot(to)].clone_from(&outbox);
        Ok(outbox)
    }

    /// The height, from `low` to `high`, whose block sent message `number` to `to`; by bisection.
    fn sender_of(&self, to: SubChain, number: u64, low: Height, high: Height) -> Result<Height, LogError> {
        let log = self.read_log();
        let (mut low, mut high) = (low.0, high.0);
        while low < high {
            let middle = low + (high - low) / 2;
            let front = log.peek::<SENT_BYTES>(Height(middle))?;
            let sent = front.as_ref().and_then(|front| split_sent(front).ok()).map(|(sent, _)| sent);
            let sent = sent.ok_or_else(|| log.unreadable(Height(middle)))?;
            if sent[slot(to)] > number { high = middle } else { low = middle + 1 }
        }
        Ok(Height(low))
    }
}

/// Relays what `to` lacks of `from`'s messages, at most 256 of them; returns how many it took. Repeating it is
/// harmless.
///
/// # Errors
/// [`LogError`] when the log of `from` cannot be read.
pub fn relay(from: &Ledger, to: &Ledger) -> Result<usize, LogError> {
    let (first, most) = to.lacks(from.chain());
    let limit = usize::try_from(most).unwrap_or(usize::MAX).min(256);
    let messages = from.outgoing(to.chain(), first, limit)?;
    Ok(messages.into_iter().map(|message| to.deliver(message)).filter(Result::is_ok).count())
}
