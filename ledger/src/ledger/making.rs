//! Making blocks: the engine is told what happened and does what it is to do through the ledger; what is final is
//! executed, what is sealed is put on disk and becomes visible.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use rayon::prelude::*;

use super::desk::Desk;
use super::{Ledger, RECENT, Worker, lock};
use crate::account::{INBOX, VALIDATORS, account};
use crate::block::{Block, Claim, Header, Seal, SealError};
use crate::engine::{Effect, Input, Report};
use crate::execution::{Executed, execute_known};
use crate::hash::Hash;
use crate::key::{Address, PublicKey};
use crate::log::LogError;
use crate::message::{Closing, MessageBody};
use crate::moment::{Height, SubChain, Timestamp};
use crate::record::{Committed, Sent, encode_record, slot};
use crate::state::MemoryState;
use crate::store::Changes;
use crate::transaction::Transaction;
use crate::tree::Tree;

/// How often, in blocks, the pool is swept.
const SWEEP_EVERY: u64 = 32;

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
    /// This chain vouches for another block of a chain beside it than this node has: more validators cheated than the
    /// chains bear, or this node's disk is at fault. People have to decide.
    #[error("the validators vouch for another block {height} of the {chain} chain than stands here")]
    Forked {
        /// The other chain.
        chain: SubChain,
        /// The height.
        height: Height,
    },
    /// This node runs the chain alone, and its own seal does not count any more: nobody could read such a log.
    #[error("the seal of this validator alone does not count for block {height}")]
    Unsealed {
        /// The block.
        height: Height,
        /// Why.
        source: SealError,
    },
    /// An earlier step failed; the ledger has to be opened again.
    #[error("an earlier step failed: open the ledger again")]
    Stopped,
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

/// A block that was executed and waits for its seal.
pub(crate) struct Pending {
    block: Arc<Block>,
    executed: Executed,
    tree: Tree,
    sent: Sent,
}

impl Ledger {
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
        if let Some(claim) = worker.unseen.take() {
            self.report(&mut worker, claim, &mut inputs)?;
        }
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
                            None => self.report(&mut worker, claim, &mut inputs)?,
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

    /// Tells the engine what came of a block, so that it signs: as soon as this node has seen itself what the block says
    /// of other chains.
    fn report(
        &self,
        worker: &mut Worker,
        claim: Claim,
        inputs: &mut VecDeque<Input>,
    ) -> Result<(), StepError> {
        let outbox = worker.pending.as_ref().map_or(&[][..], |pending| &pending.executed.outbox);
        let said = outbox.iter().find_map(|envelope| match &envelope.body {
            MessageBody::Validators { covers, .. } => Some(covers),
            MessageBody::Deliver(_) | MessageBody::Failed { .. } => None,
        });
        let mut seen = true;
        for Closing { chain, height, block, .. } in said.into_iter().flatten() {
            let beside = self.beside.get().into_iter().flatten().find(|ledger| ledger.chain == *chain);
            let Some(beside) = beside else { continue };
            match beside.committed(*height)? {
                Some(committed) if committed.seal.claim.block != *block => {
                    return Err(StepError::Forked { chain: *chain, height: *height });
                }
                stands => seen &= stands.is_some(),
            }
        }
        if seen {
            inputs.push_front(Input::Executed(claim))
        } else {
            worker.unseen = Some(claim)
        }
        Ok(())
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
        // An engine of many checks each signature itself.
        if self.alone {
            let era = (self.chain, seal.claim.era);
            let members = VALIDATORS.get(&self.read_state().values, &era).unwrap_or_default();
            let height = seal.claim.height;
            seal.verify(&members).map_err(|source| StepError::Unsealed { height, source })?;
        }
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
