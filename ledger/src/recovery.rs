//! Opening a ledger, and checking a log from the first byte to the last.
//!
//! The log says what happened. A store may spare the replay of its beginning: its entries must give the state root
//! that the seal of its height names, or it is thrown away and made again.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use crate::account::{BARRED, ERA, RULES, VALIDATORS};
use crate::application::{Application, Run};
use crate::block::{Block, Claim, Seal, SealError};
use crate::engine::{Engine, LocalEngine};
use crate::execution::{Executed, execute};
use crate::genesis::{Genesis, GenesisError};
use crate::hash::Hash;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::key::{KnownKeys, PublicKey};
use crate::koma::{KomaEngine, Start, ValidatorsError};
use crate::ledger::{Ledger, Options, RECENT, State, Worker, apply, claim, count_sent, update_tree};
use crate::log::{Log, LogError, Torn, make_dir};
use crate::mempool::Mempool;
use crate::moment::Height;
use crate::receipt::{Cause, Receipt, Refusal};
use crate::record::{Committed, RecordError, Sent, decode_record, encode_record};
use crate::saver::Saver;
use crate::state::{MemoryState, Staged};
use crate::store::{Changes, SledStore, Store, StoreError};
use crate::tree::Tree;
use crate::validity::{BlockError, MAX_LAG, check_body, check_header, check_signatures, genesis_header};

/// How often, in blocks, a full check looks at the application's own books: they may be long.
const AUDIT_EVERY: u64 = 64;

/// Why a ledger does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The genesis is none.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
    /// Another validator outweighs all others together, and runs the chain alone.
    #[error("another validator than {0} weighs more than half in this genesis, and runs the chain alone")]
    Validator(PublicKey),
    /// The validators cannot run an era together.
    #[error("these validators cannot run a chain together: {0}")]
    Validators(#[from] ValidatorsError),
    /// The state knows of no era: an earlier version of this program began this chain.
    #[error("the state knows of no era: an earlier version of this program began this chain")]
    NoEra,
    /// The disk refuses.
    #[error("{path}: {source}")]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error("{0} is open in another process")]
    InUse(PathBuf),
    /// The log is damaged or does not belong here.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not say what the genesis and the rules of this program give.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The state is ahead of the log: blocks that were acknowledged are missing from it.
    #[error(
        "the log ends at height {log}, but the state was written at height {store}: fetch the missing blocks"
    )]
    Behind {
        /// The log's last height.
        log: Height,
        /// The height of the state.
        store: Height,
    },
}

/// A block of the log that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {height}: {fault}")]
pub struct ReplayError {
    /// Its height.
    pub height: Height,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a logged block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The block does not follow its parent, or does not hold what it names.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The seal does not hold.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Execution gives another state root than the seal.
    #[error("execution gives state root {computed}, the seal says {sealed}")]
    State {
        /// What execution gives.
        computed: Hash,
        /// What the seal says.
        sealed: Hash,
    },
    /// Execution gives other receipts than the log.
    #[error("execution gives other receipts than the log")]
    Receipts,
    /// Execution gives another outbox than the log.
    #[error("execution gives another outbox than the log")]
    Outbox,
    /// The seal is about something else than this block.
    #[error("the seal is about another block")]
    Claim,
    /// The application finds its books wrong after this block.
    #[error("audit: {0}")]
    Audit(Refusal),
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The height of the state that the store gave; `None` when it gave none.
    pub from_store: Option<Height>,
    /// Why the store's state was thrown away, if it was.
    pub store_fault: Option<String>,
    /// How many blocks were executed again.
    pub replayed: u64,
    /// How many bytes of a torn record, never acknowledged, were cut off the log.
    pub torn_bytes: u64,
}

/// What a full check went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The last height.
    pub height: Height,
    /// How many transactions there are.
    pub transactions: u64,
    /// How many messages were consumed.
    pub messages: u64,
    /// The state root after the last block.
    pub state_root: Hash,
}

/// A state being brought forward block by block.
struct Replay<'a> {
    app: &'a dyn Application,
    genesis: &'a Genesis,
    id: Hash,
    values: MemoryState,
    tree: Tree,
    sent: Sent,
    /// What came of the last blocks: a header may name any of them.
    claims: VecDeque<Claim>,
}

impl<'a> Replay<'a> {
    fn new(app: &'a dyn Application, genesis: &'a Genesis) -> Replay<'a> {
        let id = genesis.chain_id(app.chain());
        let (values, tree) = (MemoryState::default(), Tree::default());
        Replay { app, genesis, id, values, tree, sent: [0; 3], claims: VecDeque::new() }
    }

    /// What the genesis comes to.
    fn start(&self) -> (Block, Executed) {
        let nothing = MemoryState::default();
        let mut staged = Staged::new(&nothing);
        let header = genesis_header(self.id, self.genesis.time);
        self.genesis.write(self.app.chain(), header.hash(), &mut staged);
        let mut run = Run::new(self.app.chain(), Height(0), self.genesis.time, &mut staged);
        self.app.genesis(&mut run);
        let (events, outbox) = run.finish();
        let receipts = vec![Receipt { cause: Cause::Opening, outcome: Ok(()), events }];
        let block = Block { header, messages: Vec::new(), transactions: Vec::new() };
        (block, Executed { changes: staged.into_changes(), receipts, outbox })
    }

    /// Remembers what came of a block.
    fn remember(&mut self, claim: &Claim) {
        self.claims.push_back(claim.clone());
        if self.claims.len() as u64 > MAX_LAG + 1 {
            self.claims.pop_front();
        }
    }

    fn take(&mut self, executed: &Executed) {
        self.tree = update_tree(&self.tree, &executed.changes);
        self.sent = count_sent(self.sent, executed);
        apply(&mut self.values, &executed.changes);
    }

    /// Checks the record of the block after `parent` (of the genesis without one), executes it, compares.
    fn advance(
        &mut self,
        parent: Option<&Committed>,
        committed: &Committed,
        sent: Sent,
        thorough: bool,
    ) -> Result<Changes, Fault> {
        let block = &committed.block;
        let sealed = &committed.seal.claim;
        // Who decides in an era was fixed before it began; nobody else's word counts for its blocks.
        let era = ERA.get(&self.values).map_or(0, |era| era.number);
        let validators = match parent {
            None => self.genesis.validators.clone(),
            Some(_) => VALIDATORS.get(&self.values, &(self.app.chain(), era)).unwrap_or_default(),
        };
        let executed = match parent {
            None => {
                let (expected, executed) = self.start();
                if *block != expected {
                    return Err(Fault::Block(BlockError::Chain(block.header.chain)));
                }
                executed
            }
            Some(parent) => {
                let named = self.claims.iter().find(|claim| claim.height == block.header.executed_height);
                let named = named.ok_or(BlockError::Roots(block.header.executed_height))?;
                check_header(&block.header, &parent.block.header, named)?;
                check_body(block)?;
                if thorough {
                    check_signatures(block)?;
                }
                execute(self.app, &self.values, block)
            }
        };
        self.take(&executed);
        let expected = claim(&block.header, &executed, self.tree.root(), era, sealed.grade);
        if expected.state_root != sealed.state_root {
            return Err(Fault::State { computed: expected.state_root, sealed: sealed.state_root });
        }
        if executed.receipts != committed.receipts {
            return Err(Fault::Receipts);
        }
        if executed.outbox != committed.outbox || self.sent != sent {
            return Err(Fault::Outbox);
        }
        if expected != *sealed {
            return Err(Fault::Claim);
        }
        // What the genesis comes to needs nobody's word, and many validators give none.
        if parent.is_some() || !committed.seal.signatures.is_empty() {
            committed.seal.verify(&validators)?;
        }
        self.remember(sealed);
        Ok(executed.changes)
    }
}

/// Who orders the blocks of a ledger.
enum Order {
    /// One validator who outweighs all others together.
    Alone(Box<LocalEngine>),
    /// Many of them.
    Together,
    /// Whoever the caller brings; it has to seal a block as soon as it learns what came of it.
    Brought(Box<dyn Engine>),
}

impl Order {
    fn of(genesis: &Genesis, options: &Options) -> Result<Order, OpenError> {
        let validator = options.validator.public();
        let total: u128 = genesis.validators.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let alone = genesis.validators.iter().find(|(_, weight)| 2 * u128::from(*weight) > total);
        match alone {
            None => Ok(Order::Together),
            Some((key, _)) if *key == validator => {
                let total = u64::try_from(total).unwrap_or(u64::MAX);
                Ok(Order::Alone(Box::new(LocalEngine::new(options.validator.clone(), total))))
            }
            Some(_) => Err(OpenError::Validator(validator)),
        }
    }
}

/// What a ledger holds open on disk besides its store.
struct Files {
    log: Log,
    torn: Torn,
    fault: Option<StoreError>,
    lock: Option<File>,
}

fn disk(path: &Path, source: io::Error) -> OpenError {
    OpenError::Disk { path: path.to_owned(), source }
}

impl Files {
    fn none() -> Files {
        Files { log: Log::memory(), torn: Torn::default(), fault: None, lock: None }
    }

    fn open(dir: &Path, options: &Options, chain: Hash) -> Result<Files, OpenError> {
        make_dir(dir).map_err(|source| disk(dir, source))?;
        let path = dir.join("lock");
        let lock = File::create(&path).map_err(|source| disk(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(disk(&path, source)),
        }
        let (log, torn) = Log::open(&dir.join("log"), chain, options.segment_bytes)?;
        Ok(Files { log, torn, fault: None, lock: Some(lock) })
    }
}

fn read(log: &Log, height: Height) -> Result<(Sent, Committed), OpenError> {
    let bytes = log.read(height)?.unwrap_or_default();
    decode_record(&bytes).map_err(|fault| ReplayError { height, fault: fault.into() }.into())
}

impl Ledger {
    /// Opens a chain, or begins it when there is nothing yet.
    ///
    /// # Errors
    /// [`OpenError`]; nothing that was acknowledged is ever dropped.
    pub fn open(app: Arc<dyn Application>, genesis: &Genesis, options: Options) -> Result<Ledger, OpenError> {
        let order = Order::of(genesis, &options)?;
        let Some(dir) = &options.dir else {
            return Ledger::assemble(app, genesis, options, Files::none(), None, order);
        };
        let path = dir.join("state");
        let id = genesis.chain_id(app.chain());
        let files = Files::open(dir, &options, id)?;
        let (store, fault) = match SledStore::open(&path, id) {
            Ok(store) => (store, None),
            // The store holds nothing that the log does not: begin it again.
            Err(fault) => {
                fs::remove_dir_all(&path).map_err(|source| disk(&path, source))?;
                let store = SledStore::open(&path, id)
                    .map_err(|error| disk(&path, io::Error::other(error.to_string())))?;
                (store, Some(fault))
            }
        };
        Ledger::assemble(app, genesis, options, Files { fault, ..files }, Some(Box::new(store)), order)
    }

    /// Like [`Ledger::open`], with the copy of the state in `store` (without one every opening replays the log) and
    /// blocks ordered by `engine`, which has to seal a block as soon as it learns what came of it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(
        app: Arc<dyn Application>,
        genesis: &Genesis,
        options: Options,
        store: Option<Box<dyn Store>>,
        engine: Box<dyn Engine>,
    ) -> Result<Ledger, OpenError> {
        let files = match &options.dir {
            Some(dir) => Files::open(dir, &options, genesis.chain_id(app.chain()))?,
            None => Files::none(),
        };
        Ledger::assemble(app, genesis, options, files, store, Order::Brought(engine))
    }

    /// Opens a ledger over parts that the caller made.
    fn assemble(
        app: Arc<dyn Application>,
        genesis: &Genesis,
        options: Options,
        Files { mut log, torn, fault, lock }: Files,
        mut store: Option<Box<dyn Store>>,
        order: Order,
    ) -> Result<Ledger, OpenError> {
        genesis.check()?;
        let mut recovery = Recovery {
            torn_bytes: torn.bytes,
            store_fault: fault.map(|fault| fault.to_string()),
            ..Recovery::default()
        };
        let mut replay = Replay::new(&*app, genesis);
        let mut unsaved = Changes::new();
        let mut saved = Height(0);
        let head = if log.is_empty() {
            if let Some(store) = &mut store {
                renew(store, &mut recovery);
            }
            let (block, executed) = replay.start();
            replay.take(&executed);
            let claim = claim(&block.header, &executed, replay.tree.root(), 0, 0);
            replay.remember(&claim);
            let seal = match &order {
                Order::Alone(engine) => engine.seal(claim),
                Order::Together | Order::Brought(_) => Seal { claim, signatures: Vec::new() },
            };
            let Executed { changes, receipts, outbox } = executed;
            let committed = Committed { block, receipts, outbox, seal };
            log.append(&encode_record(replay.sent, &committed))?;
            unsaved = changes;
            committed
        } else {
            let last = Height(log.len() - 1);
            let mut committed = match restore(&mut replay, &log, &mut store, &mut recovery)? {
                Some(committed) => {
                    saved = committed.height();
                    committed
                }
                None => {
                    let (sent, committed) = read(&log, Height(0))?;
                    let changes = replay.advance(None, &committed, sent, false);
                    unsaved = changes.map_err(|fault| ReplayError { height: Height(0), fault })?;
                    committed
                }
            };
            while committed.height() < last {
                let height = committed.height().next();
                let (sent, next) = read(&log, height)?;
                let changes = replay.advance(Some(&committed), &next, sent, false);
                unsaved.extend(changes.map_err(|fault| ReplayError { height, fault })?);
                recovery.replayed += 1;
                committed = next;
            }
            committed
        };
        let Replay { id, values, tree, sent, .. } = replay;
        let head = Arc::new(head);
        let (chain, genesis) = (app.chain(), genesis.clone());
        let mut recent = VecDeque::new();
        for height in (head.height().0.saturating_sub(RECENT as u64 - 1)..head.height().0).map(Height) {
            recent.push_back(Arc::new(read(&log, height)?.1));
        }
        recent.push_back(head.clone());
        let saver = Saver::new(store, saved, unsaved);
        let units = options.dir.as_ref().map(|dir| dir.join("units"));
        let mut journal = Journal::new(units, id, options.segment_bytes);
        let alone = matches!(order, Order::Alone(_));
        let engine: Box<dyn Engine> = match order {
            Order::Alone(engine) => engine,
            Order::Brought(engine) => engine,
            Order::Together => {
                let era = ERA.get(&values).ok_or(OpenError::NoEra)?;
                let start = Start {
                    key: options.validator.clone(),
                    chain: id,
                    rules: RULES.get(&values).ok_or(OpenError::NoEra)?,
                    era,
                    validators: VALIDATORS.get(&values, &(chain, era.number)).ok_or(OpenError::NoEra)?,
                    barred: BARRED.get(&values).unwrap_or_default(),
                    head: (head.height(), head.seal.claim.block),
                    shares_per_mille: options.shares_per_mille.clone(),
                    kept: journal.read(era.number)?,
                };
                Box::new(KomaEngine::new(start)?)
            }
        };
        let standing = RwLock::new(Arc::new(engine.standing()));
        let worker = Worker { engine, saver, journal, pending: None, unseen: None, stopped: false };
        Ok(Ledger {
            app,
            genesis,
            chain,
            id,
            proposer: options.validator.public(),
            flush_every: options.flush_every.max(1),
            limits: options.limits,
            pool: Mutex::new(Mempool::new(options.limits)),
            inbox: Mutex::new(Inbox::default()),
            beside: OnceLock::new(),
            block_chunks: Mutex::default(),
            outboxes: Mutex::default(),
            state: RwLock::new(State { values, tree, head, sent, recent }),
            log: RwLock::new(log),
            worker: Mutex::new(worker),
            arrivals: Mutex::default(),
            standing,
            alone,
            tick_ms: AtomicU64::new(options.tick_ms),
            fresh: Mutex::default(),
            held: AtomicBool::new(false),
            known_keys: KnownKeys::default(),
            _lock: lock,
            recovery,
        })
    }

    /// Replays the whole log from the genesis and checks every hash, signature, root and receipt, and now and
    /// then, at the end in any case, the application's own books. Blocks go on being made meanwhile.
    ///
    /// # Errors
    /// [`OpenError::Log`] or [`OpenError::Replay`] for the first fault.
    pub fn verify_all(&self) -> Result<Checked, OpenError> {
        let head = self.head();
        let mut replay = Replay::new(&*self.app, &self.genesis);
        let mut parent: Option<Committed> = None;
        let (mut transactions, mut messages) = (0, 0);
        for height in (0..=head.height().0).map(Height) {
            let (sent, committed) = {
                let log = self.read_log();
                read(&log, height)?
            };
            let faulty = |fault| ReplayError { height, fault };
            replay.advance(parent.as_ref(), &committed, sent, true).map_err(faulty)?;
            if height == head.height() || height.0.is_multiple_of(AUDIT_EVERY) {
                self.app.audit(&replay.values).map_err(|refusal| faulty(Fault::Audit(refusal)))?;
            }
            transactions += committed.block.transactions.len() as u64;
            messages += committed.block.messages.len() as u64;
            parent = Some(committed);
        }
        let state_root = replay.tree.root();
        Ok(Checked { height: head.height(), transactions, messages, state_root })
    }
}

/// Empties a store that is of no use; does without it when even that fails.
fn renew(store: &mut Box<dyn Store>, recovery: &mut Recovery) {
    if let Err(error) = store.clear() {
        recovery.store_fault = Some(error.to_string());
    }
}

/// Takes over the store's state if it is that of a block in the log.
fn restore(
    replay: &mut Replay<'_>,
    log: &Log,
    store: &mut Option<Box<dyn Store>>,
    recovery: &mut Recovery,
) -> Result<Option<Committed>, OpenError> {
    let Some(store) = store else { return Ok(None) };
    let fault = match store.load() {
        Ok(None) => {
            renew(store, recovery);
            return Ok(None);
        }
        Ok(Some((height, entries))) => {
            let last = Height(log.len() - 1);
            if height > last {
                return Err(OpenError::Behind { log: last, store: height });
            }
            let (sent, committed) = read(log, height)?;
            let tree = Tree::default()
                .update(entries.iter().map(|(key, value)| (key.as_slice(), Some(value.as_slice()))));
            if tree.root() == committed.seal.claim.state_root {
                replay.values = MemoryState(entries);
                replay.tree = tree;
                replay.sent = sent;
                for before in (height.0.saturating_sub(MAX_LAG)..height.0).map(Height) {
                    let claim = read(log, before)?.1.seal.claim;
                    replay.remember(&claim);
                }
                replay.remember(&committed.seal.claim);
                recovery.from_store = Some(height);
                return Ok(Some(committed));
            }
            "its state root is not the sealed one".to_owned()
        }
        Err(error) => error.to_string(),
    };
    recovery.store_fault = Some(fault);
    renew(store, recovery);
    Ok(None)
}
