//! A running chain: takes transactions and messages, makes blocks, executes, seals, stores, and answers questions.
//!
//! Everything takes `&self` and may be called from any thread. One caller at a time makes blocks ([`Ledger::step`]);
//! the others go on reading the last committed state meanwhile. A block is visible once it is on disk, not before.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rayon::prelude::*;

use crate::account::{INBOX, account};
use crate::application::Application;
use crate::block::{Block, Claim, Header};
use crate::engine::{Effect, Engine, Host, Input};
use crate::execution::{Executed, check_vouched, execute_known};
use crate::genesis::Genesis;
use crate::hash::{Hash, encode};
use crate::inbox::{DeliverError, Inbox, WINDOW};
use crate::key::{Address, KeyPair, KnownKeys, PublicKey};
use crate::light::{Fact, Proof};
use crate::log::{Log, LogError};
use crate::mempool::{Formed, Limits, Mempool, SubmitError, Verified, check_sequence};
use crate::merkle;
use crate::message::RelayedMessage;
use crate::moment::{Height, SubChain, Timestamp};
use crate::receipt::Cause;
use crate::record::{Committed, SENT_BYTES, Sent, decode_record, encode_record, slot, split_sent};
use crate::saver::Saver;
use crate::state::{MemoryState, Read};
use crate::store::Changes;
use crate::transaction::Transaction;
use crate::tree::{Place, Tree};
use crate::validity::messages_root;

/// How many blocks stay in memory for those who follow the chain.
const RECENT: usize = 16;
/// How often, in blocks, the pool is swept.
const SWEEP_EVERY: u64 = 32;

/// How a ledger is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files are; `None` for a ledger that forgets everything when dropped.
    pub dir: Option<PathBuf>,
    /// The validator on whose behalf it proposes and signs.
    pub validator: KeyPair,
    /// After how many blocks the copy of the state is brought up to date, at least 1. More is faster, and makes the
    /// next start longer after a crash.
    pub flush_every: u64,
    /// Bounds on what waits.
    pub limits: Limits,
    /// After how many bytes a segment of the log ends.
    pub segment_bytes: u64,
}

impl Options {
    /// In memory only.
    #[must_use]
    pub fn memory(validator: KeyPair) -> Options {
        let segment_bytes = crate::log::SEGMENT_BYTES;
        Options { dir: None, validator, flush_every: 64, limits: Limits::default(), segment_bytes }
    }

    /// In files under `dir`, which belongs to this ledger alone.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>, validator: KeyPair) -> Options {
        Options { dir: Some(dir.into()), ..Options::memory(validator) }
    }
}

/// Why no further block could be made.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The log does not take it. The ledger has to be opened again.
    #[error("the block log does not take the block")]
    Log(#[from] LogError),
    /// The engine declared a block final that it did not seal.
    #[error("block {0} is final but not sealed")]
    Unsealed(Height),
    /// An earlier step failed; the ledger has to be opened again.
    #[error("an earlier step failed: open the ledger again")]
    Stopped,
}

/// Why the copy of the state is no longer kept, until the ledger is opened again: in the words of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreFault(String);

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no such block.
    #[error("there is no block {0} yet")]
    Height(Height),
    /// The block has fewer receipts.
    #[error("block {height} has {count} receipts, counted from 0")]
    Index {
        /// The block.
        height: Height,
        /// How many receipts it has.
        count: usize,
    },
}

/// What readers see: one committed height.
pub(crate) struct State {
    pub(crate) values: MemoryState,
    pub(crate) tree: Tree,
    pub(crate) head: Arc<Committed>,
    pub(crate) sent: Sent,
    pub(crate) recent: VecDeque<Arc<Committed>>,
}

/// What the one who makes blocks needs.
pub(crate) struct Worker {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) saver: Saver,
    pub(crate) requests: Vec<Effect>,
    pub(crate) stopped: bool,
}

/// A block's messages with the tree over them, from which their paths are read off.
#[derive(Debug)]
pub(crate) struct Outbox {
    committed: Arc<Committed>,
    tree: merkle::Levels,
}

/// One chain, open.
pub struct Ledger {
    pub(crate) app: Arc<dyn Application>,
    pub(crate) genesis: Genesis,
    pub(crate) chain: SubChain,
    pub(crate) id: Hash,
    pub(crate) proposer: PublicKey,
    pub(crate) flush_every: u64,
    pub(crate) limits: Limits,
    pub(crate) pool: Mutex<Mempool>,
    pub(crate) inbox: Mutex<Inbox>,
    /// The block that was last asked for its messages to each chain.
    pub(crate) outboxes: Mutex<[Option<Arc<Outbox>>; 3]>,
    pub(crate) state: RwLock<State>,
    pub(crate) log: RwLock<Log>,
    pub(crate) worker: Mutex<Worker>,
    pub(crate) known_keys: KnownKeys,
    /// Held so that no second process opens the same directory.
    pub(crate) _lock: Option<File>,
    pub(crate) recovery: crate::recovery::Recovery,
}

impl Ledger {
    /// Which of the three chains this is.
    #[must_use]
    pub fn chain(&self) -> SubChain {
        self.chain
    }

    /// The chain's name, which every signature on it covers.
    #[must_use]
    pub fn chain_id(&self) -> Hash {
        self.id
    }

    /// What the network started from.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The business that runs on it.
    #[must_use]
    pub fn application(&self) -> &dyn Application {
        &*self.app
    }

    /// What opening found and did.
    #[must_use]
    pub fn recovery(&self) -> &crate::recovery::Recovery {
        &self.recovery
    }

    /// The last committed block.
    #[must_use]
    pub fn head(&self) -> Arc<Committed> {
        self.read_state().head.clone()
    }

    /// The height of the last committed block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.read_state().head.height()
    }

    /// The block of `height` with what came of it, from memory or from the log; `None` when there is none yet.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn committed(&self, height: Height) -> Result<Option<Arc<Committed>>, LogError> {
        {
            let state = self.read_state();
            let head = state.head.height();
            if height > head {
                return Ok(None);
            }
            let back = usize::try_from(head.0 - height.0).unwrap_or(usize::MAX);
            if let Some(index) = state.recent.len().checked_sub(1).and_then(|last| last.checked_sub(back)) {
                return Ok(Some(state.recent[index].clone()));
            }
        }
        let log = self.read_log();
        let Some(bytes) = log.read(height)? else { return Ok(None) };
        let (_, committed) = decode_record(&bytes).map_err(|_| log.unreadable(height))?;
        Ok(Some(Arc::new(committed)))
    }

    /// Reads the state of one height, whatever is committed meanwhile. No block is committed while `look` runs, so
    /// it should be short.
    pub fn view<T>(&self, look: impl FnOnce(&dyn Read) -> T) -> T {
        look(&self.read_state().values)
    }

    /// Like [`Ledger::view`], with the block that the state is of.
    pub fn view_head<T>(&self, look: impl FnOnce(&dyn Read, &Committed) -> T) -> T {
        let state = self.read_state();
        look(&state.values, &state.head)
    }

    /// The sequence number that the next transaction of `account` should have, counting what waits.
    #[must_use]
    pub fn next_sequence(&self, account: Address) -> u64 {
        let pool = lock(&self.pool);
        let executed = crate::account::account(&self.read_state().values, account).sequence;
        pool.next_sequence(account, executed)
    }

    /// How many transactions wait for a block.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.pool).len()
    }

    /// Whether the transaction `id` waits for a block.
    #[must_use]
    pub fn is_waiting(&self, id: &Hash) -> bool {
        lock(&self.pool).contains(id)
    }

    /// Takes a signed transaction to be put into a block, and returns its identifier.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing is kept then.
    pub fn submit(&self, transaction: Transaction) -> Result<Hash, SubmitError> {
        let (verified, executed) = self.admit(transaction)?;
        let id = verified.id();
        self.insert(&mut lock(&self.pool), verified, executed)?;
        Ok(id)
    }

    /// Takes many transactions, checking their signatures on all cores; one answer each, in order.
    pub fn submit_batch(&self, transactions: Vec<Transaction>) -> Vec<Result<Hash, SubmitError>> {
        let admitted: Vec<_> = transactions
            .into_par_iter()
            .with_min_len(16)
            .map(|transaction| self.admit(transaction))
            .collect();
        let mut pool = lock(&self.pool);
        let insert = |admitted: Result<(Verified, u64), SubmitError>| {
            let (verified, executed) = admitted?;
            let id = verified.id();
            self.insert(&mut pool, verified, executed)?;
            Ok(id)
        };
        admitted.into_iter().map(insert).collect()
    }

    /// Checks all that can be checked without the pool's lock, in the order of [`SubmitError`].
    fn admit(&self, transaction: Transaction) -> Result<(Verified, u64), SubmitError> {
        let formed = Formed::new(transaction)?;
        let body = &formed.transaction().body;
        if body.chain != self.id {
            return Err(SubmitError::WrongChain { expected: self.id });
        }
        if body.fee < self.limits.fee_floor {
            return Err(SubmitError::Fee { floor: self.limits.fee_floor, offered: body.fee });
        }
        if lock(&self.pool).contains(&formed.id()) {
            return Err(SubmitError::Duplicate);
        }
        {
            let state = self.read_state();
            let next = state.head.height().next();
            if body.expires < next {
                return Err(SubmitError::Expired { expires: body.expires, next });
            }
            let account = account(&state.values, body.account);
            check_sequence(body.sequence, account.sequence, self.limits.per_account)?;
            if account.scope(body.account, body.key, state.head.block.header.time).is_none() {
                return Err(SubmitError::Key(body.key));
            }
        }
        let verified = formed.verify_with(&self.known_keys)?;
        let state = self.read_state();
        let body = &verified.transaction().body;
        self.app.check(&state.values, body).map_err(SubmitError::Refused)?;
        let executed = account(&state.values, body.account).sequence;
        drop(state);
        Ok((verified, executed))
    }

    fn insert(&self, pool: &mut Mempool, verified: Verified, seen: u64) -> Result<(), SubmitError> {
        // A block may have been committed since `seen` was read; if its transactions are settled, state knows.
        let state = self.read_state();
        let executed = account(&state.values, verified.transaction().body.account).sequence.max(seen);
        pool.insert(verified, executed, state.head.height())
    }

    /// Takes a message from another chain, to be put into a block once its number is next.
    ///
    /// # Errors
    /// [`DeliverError`]; nothing is kept then.
    pub fn deliver(&self, message: RelayedMessage) -> Result<(), DeliverError> {
        let (from, number) = (message.envelope.from, message.envelope.number);
        if message.envelope.to != self.chain || from == self.chain {
            return Err(DeliverError::Destination(self.chain));
        }
        let state = self.read_state();
        let next = INBOX.get(&state.values, &from).unwrap_or(0);
        if number < next {
            return Err(DeliverError::Used { number, next });
        }
        if number >= next.saturating_add(WINDOW) {
            return Err(DeliverError::Ahead { number, next });
        }
        let mut inbox = lock(&self.inbox);
        if inbox.contains(from, number) {
            return Err(DeliverError::Waiting(number));
        }
        check_vouched(&state.values, &message).map_err(DeliverError::Unproved)?;
        inbox.insert(message);
        Ok(())
    }

    /// The number of the next message that this chain expects from `from`.
    #[must_use]
    pub fn expects(&self, from: SubChain) -> u64 {
        INBOX.get(&self.read_state().values, &from).unwrap_or(0)
    }

    /// The number of the first message from `from` that this chain has neither consumed nor waiting, and how many
    /// from there on it may take now.
    #[must_use]
    pub fn lacks(&self, from: SubChain) -> (u64, u64) {
        let state = self.read_state();
        let next = INBOX.get(&state.values, &from).unwrap_or(0);
        let first = lock(&self.inbox).first_missing(from, next);
        (first, next.saturating_add(WINDOW).saturating_sub(first))
    }

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
            let Outbox { committed, tree } = &*outbox;
            for (index, envelope) in committed.outbox.iter().enumerate() {
                if envelope.to != to || envelope.number < next || messages.len() >= limit {
                    continue;
                }
                messages.push(RelayedMessage {
                    envelope: envelope.clone(),
                    seal: committed.seal.clone(),
                    index: narrow(index),
                    count: narrow(tree.count()),
                    path: tree.path(index),
                });
                next = envelope.number + 1;
            }
            from = height.next();
        }
        Ok(messages)
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

    /// Advances to `now`: executes and commits what became final, with one validator at most one block, and returns the
    /// last. `None` when nothing was to be done.
    ///
    /// # Errors
    /// [`StepError`]; after one the ledger makes no further block until it is opened again, and goes on answering.
    pub fn step(&self, now: Timestamp) -> Result<Option<Arc<Committed>>, StepError> {
        let mut worker = self.worker.lock().map_err(|_| StepError::Stopped)?;
        if worker.stopped {
            return Err(StepError::Stopped);
        }
        worker.stopped = true;
        let mut proposer = Proposer { ledger: self, proposed: None };
        let effects = worker.engine.step(now, &mut proposer);
        let mut proposed = proposer.proposed;
        let mut last = None;
        for effect in effects {
            match effect {
                Effect::Final { block, era, grade } => {
                    let ids = match proposed.take() {
                        Some((hash, ids)) if hash == block.header.hash() => ids,
                        _ => block.transactions.par_iter().map(Transaction::id).collect(),
                    };
                    last = Some(self.commit(&mut worker, *block, &ids, era, grade)?);
                }
                Effect::Keep(_) | Effect::Send { .. } | Effect::Wake(_) => worker.requests.push(effect),
            }
        }
        worker.stopped = false;
        Ok(last)
    }

    /// Hands the engine bytes from another validator, which the transport proved to come from `from`.
    pub fn receive(&self, from: PublicKey, bytes: Vec<u8>) {
        lock(&self.worker).engine.submit(Input::Received { from, bytes });
    }

    /// What the engine asked of the world since the last call, to be done in order by whoever has the network and the
    /// clock. A single validator asks for nothing.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Effect> {
        std::mem::take(&mut lock(&self.worker).requests)
    }

    /// Executes a final block, seals it, puts it on disk and makes it visible, in this order.
    fn commit(
        &self,
        worker: &mut Worker,
        block: Block,
        ids: &[Hash],
        era: u64,
        grade: u64,
    ) -> Result<Arc<Committed>, StepError> {
        let height = block.header.height;
        let state = self.read_state();
        let executed = execute_known(&*self.app, &state.values, &block, ids);
        let tree = update_tree(&state.tree, &executed.changes);
        let sent = count_sent(state.sent, &executed);
        drop(state); // only this thread writes it
        worker.engine.submit(Input::Executed(claim(&block.header, &executed, tree.root(), era, grade)));
        let seal = worker.engine.proof(height).ok_or(StepError::Unsealed(height))?;
        let Executed { changes, receipts, outbox } = executed;
        let committed = Committed { block, receipts, outbox, seal };
        let record = encode_record(sent, &committed);
        self.write_log().append(&record)?;
        let committed = Arc::new(committed);
        self.publish(worker, committed.clone(), tree, sent, changes);
        self.settle(&committed);
        Ok(committed)
    }

    fn publish(
        &self,
        worker: &mut Worker,
        committed: Arc<Committed>,
        tree: Tree,
        sent: Sent,
        changes: Changes,
    ) {
        let height = committed.height();
        let mut state = self.write_state();
        apply(&mut state.values, &changes);
        state.tree = tree;
        state.sent = sent;
        state.recent.push_back(committed.clone());
        if state.recent.len() > RECENT {
            state.recent.pop_front();
        }
        state.head = committed;
        drop(state);
        worker.saver.take(height, changes, self.flush_every);
    }

    /// Brings what waits in line with the new state.
    fn settle(&self, committed: &Committed) {
        let accounts: Vec<(Address, u64)> = {
            let state = self.read_state();
            let executed = |address| account(&state.values, address).sequence;
            let transactions = &committed.block.transactions;
            transactions
                .iter()
                .map(|transaction| transaction.body.account)
                .map(|a| (a, executed(a)))
                .collect()
        };
        let mut pool = lock(&self.pool);
        pool.settle(accounts);
        if committed.height().0.is_multiple_of(SWEEP_EVERY) {
            pool.sweep(committed.height().next());
        }
        drop(pool);
        if !committed.block.messages.is_empty() {
            let state = self.read_state();
            lock(&self.inbox).settle(|from| INBOX.get(&state.values, &from).unwrap_or(0));
        }
    }

    /// Proves what came of cause `index` of the block at `height` (0 is the opening, then messages, then
    /// transactions), with the transaction itself if it is one.
    ///
    /// # Errors
    /// [`ProveError`] when there is no such receipt or the log cannot be read.
    pub fn prove_receipt(&self, height: Height, index: usize) -> Result<Proof, ProveError> {
        let committed = self.committed(height)?.ok_or(ProveError::Height(height))?;
        let count = committed.receipts.len();
        let receipt = committed.receipts.get(index).ok_or(ProveError::Index { height, count })?;
        let leaves: Vec<Hash> =
            committed.receipts.par_iter().map(|receipt| merkle::leaf(&encode(receipt))).collect();
        let transaction = match receipt.cause {
            Cause::Transaction(_) => index
                .checked_sub(1 + committed.block.messages.len())
                .and_then(|at| committed.block.transactions.get(at))
                .map(encode),
            Cause::Opening | Cause::Message { .. } => None,
        };
        let fact = Fact::Receipt {
            index: narrow(index),
            count: narrow(count),
            receipt: encode(receipt),
            transaction,
            path: merkle::path(&leaves, index),
        };
        Ok(Proof { genesis: self.genesis.clone(), seal: committed.seal.clone(), fact })
    }

    /// Proves what the last committed state says of `key` ([`crate::Table::key`]): its value, or that it has none.
    #[must_use]
    pub fn prove_state(&self, key: &[u8]) -> Proof {
        let state = self.read_state();
        let way = state.tree.prove(key);
        let fact = match (way.place, state.values.get(key)) {
            (Place::Present, Some(value)) => Fact::Value { key: key.to_vec(), value, siblings: way.siblings },
            (place, _) => Fact::Absence { key: key.to_vec(), place, siblings: way.siblings },
        };
        Proof { genesis: self.genesis.clone(), seal: state.head.seal.clone(), fact }
    }

    /// Brings the copy of the state up to date, so that the next start is short.
    ///
    /// # Errors
    /// What [`Ledger::store_fault`] tells, when it cannot be written; the log has everything all the same.
    pub fn flush(&self) -> Result<(), StoreFault> {
        let mut worker = lock(&self.worker);
        let height = self.height();
        worker.saver.flush(height);
        worker.saver.fault().map_or(Ok(()), |fault| Err(StoreFault(fault.to_string())))
    }

    /// Why the copy of the state is no longer kept, if so.
    #[must_use]
    pub fn store_fault(&self) -> Option<StoreFault> {
        lock(&self.worker).saver.fault().map(|fault| StoreFault(fault.to_string()))
    }

    pub(crate) fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_log(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_log(&self) -> RwLockWriteGuard<'_, Log> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.flush();
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("a block has far fewer than 2^32 parts")
}

pub(crate) fn apply(values: &mut MemoryState, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => values.0.insert(key.clone(), value.clone()),
            None => values.0.remove(key),
        };
    }
}

pub(crate) fn update_tree(tree: &Tree, changes: &Changes) -> Tree {
    tree.update(changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))
}

pub(crate) fn count_sent(mut sent: Sent, executed: &Executed) -> Sent {
    for envelope in &executed.outbox {
        sent[slot(envelope.to)] = envelope.number + 1;
    }
    sent
}

/// What the validators sign about an executed block.
pub(crate) fn claim(header: &Header, executed: &Executed, state_root: Hash, era: u64, grade: u64) -> Claim {
    Claim {
        chain: header.chain,
        era,
        height: header.height,
        block: header.hash(),
        time: header.time,
        state_root,
        receipts_root: executed.receipts_root(),
        outbox_root: executed.outbox_root(),
        grade,
    }
}

/// Builds blocks for the engine, and remembers what it knows of the last one.
struct Proposer<'a> {
    ledger: &'a Ledger,
    proposed: Option<(Hash, Vec<Hash>)>,
}

impl Host for Proposer<'_> {
    fn propose(&mut self, now: Timestamp) -> Option<Block> {
        let ledger = self.ledger;
        let mut pool = lock(&ledger.pool);
        let state = ledger.read_state();
        let parent = &state.head.block.header;
        let executed = &state.head.seal.claim;
        let (height, time) = (parent.height.next(), now.max(parent.time));
        let taken = pool.take(height);
        drop(pool);
        let messages = lock(&ledger.inbox).ready(|from| INBOX.get(&state.values, &from).unwrap_or(0));
        if taken.is_empty() && messages.is_empty() && !ledger.app.due(&state.values, height, time) {
            return None;
        }
        let leaves: Vec<Hash> = taken.iter().map(Verified::leaf).collect();
        let ids = taken.iter().map(Verified::id).collect();
        let header = Header {
            chain: ledger.id,
            height,
            parent: executed.block,
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
}
