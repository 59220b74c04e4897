//! A running chain: takes transactions and messages, makes blocks, executes, seals, stores, and answers questions.
//!
//! Everything takes `&self` and may be called from any thread. One caller at a time makes blocks ([`Ledger::step`]);
//! the others go on reading the last committed state meanwhile. A block is visible once it is on disk, not before.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rayon::prelude::*;

use crate::account::{ERA, EraRecord, INBOX, VALIDATORS, account};
use crate::application::Application;
use crate::block::{Block, Claim, Header, Seal};
use crate::engine::{Confidence, Effect, Engine, Host, Input, Report, Standing, Verdict};
use crate::execution::{Executed, check_vouched, execute_known};
use crate::genesis::Genesis;
use crate::hash::{Hash, encode};
use crate::inbox::{DeliverError, Inbox, WINDOW};
use crate::journal::Journal;
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
use crate::validity::{BlockError, MAX_LAG, check_header, messages_root};

/// How many blocks stay in memory for those who follow the chain; more than a header may lag behind.
pub(crate) const RECENT: usize = 16;
/// How many accepted transactions wait to be passed on to other validators.
const FRESH: usize = 65_536;
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
    /// How far apart blocks are, in milliseconds, that only let time pass. Whoever calls [`Ledger::step`] of a single
    /// validator sets the pace himself: then 0.
    pub tick_ms: u64,
    /// Thresholds that are followed besides those of the grades, in thousandths of the weight.
    pub shares_per_mille: Vec<u64>,
}

impl Options {
    /// In memory only.
    #[must_use]
    pub fn memory(validator: KeyPair) -> Options {
        let segment_bytes = crate::log::SEGMENT_BYTES;
        Options {
            dir: None,
            validator,
            flush_every: 64,
            limits: Limits::default(),
            segment_bytes,
            tick_ms: 0,
            shares_per_mille: vec![500, 800],
        }
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
    /// The validators sealed another outcome of a block than this node finds: its program or its disk is at fault, or
    /// more of them cheat than the chain bears.
    #[error("block {0} comes to something else here than the validators sealed")]
    Diverged(Height),
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
    pub(crate) journal: Journal,
    pub(crate) pending: Option<Pending>,
    pub(crate) stopped: bool,
}

/// A block that was executed and waits for its seal.
pub(crate) struct Pending {
    block: Arc<Block>,
    executed: Executed,
    tree: Tree,
    sent: Sent,
}

/// What an engine asks of the world, for whoever has the network and the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Send these bytes.
    Send {
        /// To whom; `None` for all validators.
        to: Option<PublicKey>,
        /// What.
        bytes: Vec<u8>,
        /// Whether they may be long, and may wait behind what is urgent.
        bulk: bool,
    },
    /// Tell people, or the one who keeps the connections.
    Report(Report),
    /// Call [`Ledger::step`] again at this moment at the latest. Only the last one counts.
    Wake(Timestamp),
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
    pub(crate) arrivals: Mutex<Vec<Input>>,
    pub(crate) standing: RwLock<Arc<Standing>>,
    /// Whether this node's validator decides alone.
    pub(crate) alone: bool,
    pub(crate) tick_ms: AtomicU64,
    /// Accepted here and to be passed on.
    pub(crate) fresh: Mutex<VecDeque<Transaction>>,
    pub(crate) held: AtomicBool,
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
        self.submit_batch(vec![transaction]).pop().expect("one answer for each")
    }

    /// Takes many transactions, checking their signatures on all cores; one answer each, in order.
    pub fn submit_batch(&self, transactions: Vec<Transaction>) -> Vec<Result<Hash, SubmitError>> {
        self.take_in(transactions, !self.alone)
    }

    /// Takes transactions that another validator accepted and passed on: they are not passed on again.
    pub fn submit_passed_on(&self, transactions: Vec<Transaction>) -> Vec<Result<Hash, SubmitError>> {
        self.take_in(transactions, false)
    }

    fn take_in(&self, transactions: Vec<Transaction>, pass_on: bool) -> Vec<Result<Hash, SubmitError>> {
        let admitted: Vec<_> = transactions
            .into_par_iter()
            .with_min_len(16)
            .map(|transaction| self.admit(transaction))
            .collect();
        let mut pool = lock(&self.pool);
        let insert = |admitted: Result<(Verified, u64), SubmitError>| {
            let (verified, executed) = admitted?;
            let id = verified.id();
            let copy = pass_on.then(|| verified.transaction().clone());
            self.insert(&mut pool, verified, executed)?;
            if let Some(transaction) = copy {
                let mut fresh = lock(&self.fresh);
                // Whoever is told nothing still gets it in a block.
                if fresh.len() < FRESH {
                    fresh.push_back(transaction);
                }
            }
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
    /// last. `None` when nothing was committed. What the engine asks of the world is dropped: a single validator asks for
    /// nothing.
    ///
    /// # Errors
    /// [`StepError`]; after one the ledger makes no further block until it is opened again, and goes on answering.
    pub fn step(&self, now: Timestamp) -> Result<Option<Arc<Committed>>, StepError> {
        self.step_with(now, &mut drop)
    }

    /// Like [`Ledger::step`]; hands each request of the engine to `ask` as soon as all that has to be on disk before is.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn step_with(
        &self,
        now: Timestamp,
        ask: &mut dyn FnMut(Request),
    ) -> Result<Option<Arc<Committed>>, StepError> {
        let mut worker = self.worker.lock().map_err(|_| StepError::Stopped)?;
        if worker.stopped {
            return Err(StepError::Stopped);
        }
        worker.stopped = true;
        let mut inputs = VecDeque::from(std::mem::take(&mut *lock(&self.arrivals)));
        inputs.push_back(Input::Tick);
        let mut last = None;
        while let Some(input) = inputs.pop_front() {
            let mut host = Desk { ledger: self, proposed: None };
            let effects = worker.engine.step(now, input, &mut host);
            let mut proposed = host.proposed;
            for effect in effects {
                match effect {
                    Effect::Keep { era, bytes, sync } => worker.journal.keep(era, bytes, sync)?,
                    Effect::Forget(era) => worker.journal.forget(era),
                    Effect::Send { to, bytes, bulk } => ask(Request::Send { to, bytes, bulk }),
                    Effect::Report(report) => ask(Request::Report(report)),
                    Effect::Wake(at) => ask(Request::Wake(at)),
                    Effect::Final { block, era, grade, seal } => {
                        let ids = match proposed.take() {
                            Some((hash, ids)) if hash == block.header.hash() => ids,
                            _ => block.transactions.par_iter().map(Transaction::id).collect(),
                        };
                        let (pending, claim) = self.execute(block, &ids, era, grade);
                        worker.pending = Some(pending);
                        match seal {
                            Some(seal) if seal.claim == claim => {
                                let committed = self.commit(&mut worker, *seal)?;
                                inputs.push_front(stands(&committed));
                                last = Some(committed);
                            }
                            Some(_) => return Err(StepError::Diverged(claim.height)),
                            None => inputs.push_front(Input::Executed(claim)),
                        }
                    }
                }
            }
            let height = worker.pending.as_ref().map(|pending| pending.block.header.height);
            if let Some(seal) = height.and_then(|height| worker.engine.proof(height)) {
                let committed = self.commit(&mut worker, seal)?;
                inputs.push_front(stands(&committed));
                last = Some(committed);
            }
        }
        let standing = Arc::new(worker.engine.standing());
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
        worker.stopped = false;
        Ok(last)
    }

    /// Hands the engine bytes from another validator, which the transport proved to come from `from`.
    pub fn receive(&self, from: PublicKey, bytes: Vec<u8>) {
        lock(&self.arrivals).push(Input::Received { from, bytes });
    }

    /// Tells the engine that another validator is connected.
    pub fn connected(&self, peer: PublicKey) {
        lock(&self.arrivals).push(Input::Connected(peer));
    }

    /// Where the engine stood at the end of the last step.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How sure the block at `height` is: what the engine saw, at least what its seal proves. `None` when there is no such
    /// block.
    #[must_use]
    pub fn confidence(&self, height: Height) -> Option<Confidence> {
        if height > self.height() {
            return None;
        }
        if let Some(seen) = self.standing().confidence(height) {
            return Some(seen);
        }
        let committed = self.committed(height).ok()??;
        let Claim { era, grade, .. } = committed.seal.claim;
        let members = VALIDATORS.get(&self.read_state().values, &(self.chain, era)).unwrap_or_default();
        Some(Confidence { weight: grade, total: members.iter().map(|(_, weight)| weight).sum() })
    }

    /// Makes no further proposal until it is told otherwise; others may.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }

    /// Sets how far apart blocks are, in milliseconds, that only let time pass.
    pub fn set_tick(&self, ms: u64) {
        self.tick_ms.store(ms, Ordering::Release);
    }

    /// What was accepted here since the last call, to be passed on to the other validators.
    #[must_use]
    pub fn take_fresh(&self) -> Vec<Transaction> {
        lock(&self.fresh).drain(..).collect()
    }

    /// Transactions that could go into the next block, at most `limit`: to be passed on once more, should a validator not
    /// have got them.
    #[must_use]
    pub fn ready(&self, limit: usize) -> Vec<Transaction> {
        let next = self.height().next();
        let ready = lock(&self.pool).look(next, &HashMap::new());
        ready.into_iter().take(limit).map(Verified::into_transaction).collect()
    }

    /// Executes a final block. Nobody sees what came of it yet.
    fn execute(&self, block: Arc<Block>, ids: &[Hash], era: u64, grade: u64) -> (Pending, Claim) {
        let state = self.read_state();
        let executed = execute_known(&*self.app, &state.values, &block, ids);
        let tree = update_tree(&state.tree, &executed.changes);
        let sent = count_sent(state.sent, &executed);
        let claim = claim(&block.header, &executed, tree.root(), era, grade);
        (Pending { block, executed, tree, sent }, claim)
    }

    /// Puts an executed and sealed block on disk and makes it visible, in this order.
    fn commit(&self, worker: &mut Worker, seal: Seal) -> Result<Arc<Committed>, StepError> {
        let pending = worker.pending.take().expect("a seal comes after the block that it is over");
        let Pending { block, executed, tree, sent } = pending;
        let Executed { changes, receipts, outbox } = executed;
        let committed = Committed { block: Arc::unwrap_or_clone(block), receipts, outbox, seal };
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

/// The news that a block stands.
fn stands(committed: &Committed) -> Input {
    Input::Committed { height: committed.height(), block: committed.seal.claim.block }
}

/// Builds and checks blocks for the engine, and remembers what it knows of the last one that it built.
struct Desk<'a> {
    ledger: &'a Ledger,
    proposed: Option<(Hash, Vec<Hash>)>,
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
            // What is due may be done in a block that is not executed yet.
            if !above.is_empty() || soon || !ledger.app.due(&state.values, height, time) {
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
