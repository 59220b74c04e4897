//! A running chain: takes transactions and messages, makes blocks, executes, seals, stores, and answers questions.
//!
//! Everything takes `&self` and may be called from any thread. One caller at a time makes blocks ([`Ledger::step`]);
//! the others go on reading the last committed state meanwhile. A block is visible once it is on disk, not before.

mod desk;
mod intake;
mod making;
mod outgoing;
mod proving;

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::making::Pending;
use self::outgoing::Outbox;
use crate::application::Application;
use crate::block::Claim;
use crate::engine::{Confidence, Engine, Input, Outside, Standing};
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::key::{Address, KeyPair, KnownKeys, PublicKey};
use crate::log::{Log, LogError};
use crate::mempool::{Limits, Mempool};
use crate::moment::{Height, SubChain};
use crate::record::{Committed, Sent, decode_record};
use crate::saver::Saver;
use crate::state::{MemoryState, Read};
use crate::transaction::Transaction;
use crate::tree::Tree;

pub use self::making::{Request, StepError};
pub(crate) use self::making::{apply, claim, count_sent, update_tree};
pub use self::outgoing::relay;
pub use self::proving::ProveError;

/// How many blocks stay in memory for those who follow the chain; more than a header may lag behind.
pub(crate) const RECENT: usize = 16;
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
            shares_per_mille: vec![500, 670, 800, 1000],
        }
    }

    /// In files under `dir`, which belongs to this ledger alone.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>, validator: KeyPair) -> Options {
        Options { dir: Some(dir.into()), ..Options::memory(validator) }
    }
}

/// Why the copy of the state is no longer kept, until the ledger is opened again: in the words of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreFault(String);

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
    /// What came of it, while this node lacks blocks of other chains that it vouches for.
    pub(crate) unseen: Option<Claim>,
    pub(crate) stopped: bool,
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
    /// The other chains of this node, whose word on themselves is looked after before a checkpoint is signed.
    pub(crate) beside: OnceLock<Vec<Arc<Ledger>>>,
    /// Roots over the hashes of each thousand blocks, as far as somebody asked.
    pub(crate) block_chunks: Mutex<Vec<Hash>>,
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

    /// Lets this chain know the other chains of its node. Before this node signs the last block of an era, it sees itself
    /// that each block which that one says the others came to stands; it waits for those that it lacks. Without them it
    /// believes the other chains' validators. Called once, before the first step.
    pub fn stand_beside(&self, others: Vec<Arc<Ledger>>) {
        let _ = self.beside.set(others);
    }

    /// Whether the transaction `id` waits for a block.
    #[must_use]
    pub fn is_waiting(&self, id: &Hash) -> bool {
        lock(&self.pool).contains(id)
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
        let standing = self.standing();
        let seen = standing.confidence(height);
        // No seal proves more than the classical grade, unless evidence raised the threshold.
        let most = |seen: &Confidence| standing.threshold.max(seen.total.saturating_sub(1) / 3);
        let more = |seen: &Confidence| standing.one_owner || seen.weight >= most(seen);
        if let Some(seen) = seen.filter(more) {
            return Some(seen);
        }
        let committed = self.committed(height).ok()??;
        let Claim { era, grade, .. } = committed.seal.claim;
        if let Some(seen) = seen {
            return Some(Confidence { weight: seen.weight.max(grade), ..seen });
        }
        let members = self.deciding(era).ok()?;
        Some(Confidence { weight: grade, total: members.iter().map(|(_, weight)| weight).sum() })
    }

    /// Whether what depends on the block at `height` may leave the chain when somebody asks for `per_mille` thousandths
    /// of the weight: see [`Standing::outside`]. `None` when there is no such block.
    #[must_use]
    pub fn outside(&self, height: Height, per_mille: u64) -> Option<Outside> {
        let sure = self.confidence(height)?;
        Some(self.standing().outside(height, sure, per_mille))
    }

    /// Makes no further proposal until it is told otherwise; others may.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }

    /// Sets how far apart blocks are, in milliseconds, that only let time pass.
    pub fn set_tick(&self, ms: u64) {
        self.tick_ms.store(ms, Ordering::Release);
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("a block has far fewer than 2^32 parts")
}
