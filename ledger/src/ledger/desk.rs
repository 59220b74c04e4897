//! The desk at which blocks are built and checked for the engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{Ledger, lock};
use crate::account::{BANNED, BARRED, ERA, EraRecord, INBOX, RULES, VALIDATORS};
use crate::block::{Block, Header};
use crate::engine::{Host, Verdict};
use crate::hash::Hash;
use crate::key::{Address, PublicKey};
use crate::mempool::Verified;
use crate::merkle;
use crate::moment::{Height, Timestamp};
use crate::record::Committed;
use crate::transaction::Transaction;
use crate::validity::{BlockError, MAX_LAG, check_header, messages_root};

/// Builds and checks blocks for the engine, and remembers what it knows of the last one that it built.
pub(super) struct Desk<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) proposed: Option<(Hash, Vec<Hash>)>,
}

impl Host for Desk<'_> {
    fn propose(&mut self, now: Timestamp, above: &[Arc<Block>]) -> Option<Block> {
        let ledger = self.ledger;
        if above.len() as u64 > MAX_LAG || ledger.held.load(Ordering::Acquire) {
            return None;
        }
        let mut pool = lock(&ledger.pool);
        let state = ledger.read_state();
        let head = &state.head.block.header;
        let parent = above.last().map_or(head, |block| &block.header);
        let executed = &state.head.seal.claim;
        let (height, time) = (parent.height.next(), now.max(parent.time));
        let taken = if ledger.alone { pool.take(height) } else { pool.look(height, &used(above)) };
        drop(pool);
        let carried = |from| {
            let messages = above.iter().flat_map(|block| &block.messages);
            messages.filter(|message| message.envelope.from == from).count() as u64
        };
        let messages =
            lock(&ledger.inbox).ready(|from| INBOX.get(&state.values, &from).unwrap_or(0) + carried(from));
        if taken.is_empty() && messages.is_empty() {
            let soon = time < parent.time.plus_ms(ledger.tick_ms.load(Ordering::Acquire));
            let overdue = || {
                let (era, rules) = (ERA.get(&state.values), RULES.get(&state.values));
                era.zip(rules).is_some_and(|(era, rules)| rules.overdue(&era, time))
            };
            // What is due may be done in a block that is not executed yet.
            if !above.is_empty() || soon || !(ledger.app.due(&state.values, height, time) || overdue()) {
                return None;
            }
        }
        let leaves: Vec<Hash> = taken.iter().map(Verified::leaf).collect();
        let ids = taken.iter().map(Verified::id).collect();
        let header = Header {
            chain: ledger.id,
            height,
            parent: if above.is_empty() { executed.block } else { parent.hash() },
            time,
            proposer: ledger.proposer,
            messages_root: messages_root(&messages),
            transactions_root: merkle::root(&leaves),
            executed_height: executed.height,
            state_root: executed.state_root,
            receipts_root: executed.receipts_root,
            outbox_root: executed.outbox_root,
        };
        self.proposed = Some((header.hash(), ids));
        let transactions = taken.into_iter().map(Verified::into_transaction).collect();
        Some(Block { header, messages, transactions })
    }

    fn check(&mut self, block: &Block, parent: &Header) -> Verdict {
        let ledger = self.ledger;
        let at = block.header.executed_height;
        // The answer must be the same at every node, however far each is.
        if at > parent.height || parent.height.0 - at.0 > MAX_LAG {
            return Verdict::Invalid(BlockError::Roots(at));
        }
        let Some(executed) = ledger.committed(at).ok().flatten() else { return Verdict::After(at) };
        let verdict = check_header(&block.header, parent, &executed.seal.claim);
        let waits = {
            let pool = lock(&ledger.pool);
            let known = |transaction: &Transaction| pool.contains(&transaction.id());
            block.transactions.iter().map(known).collect::<Vec<bool>>()
        };
        let fault = block.transactions.par_iter().zip(waits).position_first(|(transaction, waits)| {
            let Transaction { body, signature } = transaction;
            !waits && ledger.known_keys.verify(body.key, &body.signing_bytes(), signature).is_err()
        });
        match verdict.err().or(fault.map(BlockError::Signature)) {
            Some(fault) => Verdict::Invalid(fault),
            None => Verdict::Valid,
        }
    }

    fn committed(&self, height: Height) -> Option<Arc<Committed>> {
        self.ledger.committed(height).ok().flatten()
    }

    fn era(&self) -> Option<EraRecord> {
        ERA.get(&self.ledger.read_state().values)
    }

    fn validators(&self, era: u64) -> Option<Vec<(PublicKey, u64)>> {
        VALIDATORS.get(&self.ledger.read_state().values, &(self.ledger.chain, era))
    }

    fn barred(&self) -> Vec<PublicKey> {
        BARRED.get(&self.ledger.read_state().values).unwrap_or_default()
    }

    fn is_banned(&self, key: PublicKey) -> bool {
        BANNED.has(&self.ledger.read_state().values, &key)
    }
}

/// The sequence number that each account has after blocks which are not executed yet, should all go well.
fn used(blocks: &[Arc<Block>]) -> HashMap<Address, u64> {
    let mut used = HashMap::new();
    for body in blocks.iter().flat_map(|block| &block.transactions).map(|transaction| &transaction.body) {
        let next = used.entry(body.account).or_insert(0);
        *next = (*next).max(body.sequence.saturating_add(1));
    }
    used
}
