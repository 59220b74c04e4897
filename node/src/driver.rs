//! Drives the chains of one validator among many: a thread for each chain brings it what arrives, lets time pass, and
//! does what its engine asks for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use borsh::BorshDeserialize;
use ledger::account::{ERA, FOLLOWING, VALIDATORS};
use ledger::engine::Report;
use ledger::ledger::Request;
use ledger::{Ledger, PublicKey, SubChain, SubmitError, Timestamp, Transaction};
use network::Lane;

use crate::clock;
use crate::heartbeat::{TICK, hear, held, hurries, solves};
use crate::house::House;
use crate::wire::{Arrival, Inboxes, Wire};

/// The longest wait before a chain looks whether transactions or messages came in.
const GLANCE: Duration = Duration::from_millis(5);
/// How many arrivals are taken before time passes again.
const AT_ONCE: usize = 256;
/// How long the last block that can take a clearing waits for the solver, in milliseconds.
const HOLD_MS: u64 = 20_000;
/// The most bytes of transactions in one frame, unless it has only one.
const PASSED_ON_BYTES: usize = 32 << 10;
/// After how many milliseconds transactions that still wait are passed on again.
const AGAIN_MS: u64 = 2_000;
/// The most transactions in one frame.
const PASSED_ON: usize = 256;

/// The threads of one validator.
pub(crate) struct Driver {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Driver {
    /// Begins. Should a chain be unable to go on, `failed` is called, from its thread.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub(crate) fn start(
        house: &Arc<House>,
        wire: &Arc<dyn Wire>,
        inboxes: Inboxes,
        failed: impl Fn() + Clone + Send + 'static,
    ) -> Result<Driver> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (chain, arrivals) in SubChain::ALL.into_iter().zip(inboxes) {
            let (house, wire, stop, failed) = (house.clone(), wire.clone(), stop.clone(), failed.clone());
            let drive = move || {
                let outcome = drive(&house, chain, &*wire, &arrivals, &stop);
                if outcome.is_err() {
                    failed();
                }
                outcome
            };
            let thread = thread::Builder::new().name(format!("{chain} chain")).spawn(drive);
            threads.push(thread.with_context(|| format!("cannot start the thread of the {chain} chain"))?);
        }
        Ok(Driver { stop, threads })
    }

    /// Finishes what is at hand and ends.
    ///
    /// # Errors
    /// What stopped a chain before.
    pub(crate) fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Release);
        let outcomes = self.threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => anyhow::bail!("the thread of a chain broke down; what it had sealed is safe"),
        });
        outcomes.fold(Ok(()), Result::and)
    }
}

fn drive(
    house: &House,
    chain: SubChain,
    wire: &dyn Wire,
    arrivals: &Receiver<Arrival>,
    stop: &AtomicBool,
) -> Result<()> {
    let ledger = house.ledger(chain);
    let (mut wake, mut again, mut seated) = (Timestamp(0), Timestamp(0), false);
    while !stop.load(Ordering::Acquire) {
        let patience = Duration::from_millis(wake.0.saturating_sub(clock::now().0)).min(GLANCE);
        let arrived = match arrivals.recv_timeout(patience) {
            Ok(first) => {
                take(ledger, first, wire);
                arrivals.try_iter().take(AT_ONCE).for_each(|arrival| take(ledger, arrival, wire));
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(patience);
                false
            }
        };
        hear(house, chain)?;
        pass_on(ledger, ledger.take_fresh(), wire);
        let now = clock::now();
        if again <= now {
            // Whoever had no room or was away gets it now: this node may be one that proposes nothing.
            again = now.plus_ms(AGAIN_MS);
            pass_on(ledger, ledger.ready(PASSED_ON), wire);
        }
        if chain == SubChain::Identity {
            house.bring_evidence(now);
        }
        if chain == SubChain::Identity && !seated {
            seated = true;
            wire.seat(SubChain::ALL.into_iter().flat_map(|chain| deciders(house.ledger(chain))).collect());
        }
        if !arrived && now < wake {
            continue;
        }
        pace(house, chain, now);
        let mut ask = |request| match request {
            Request::Send { to, bytes, bulk } => {
                wire.send(to, chain, if bulk { Lane::Bulk } else { Lane::Units }, bytes);
            }
            Request::Wake(at) => wake = at,
            Request::Report(report) => {
                if let Report::Accused { validator, evidence } = &report {
                    house.accuse(*validator, (**evidence).clone());
                }
                tell(house, chain, &report, wire);
            }
        };
        let committed = ledger.step_with(now, &mut ask);
        if committed.with_context(|| format!("the {chain} chain cannot go on"))?.is_some() {
            house.pulse.beat();
            seated = false;
        }
    }
    Ok(())
}

/// Who decides on a chain now, in the next era, or from the one after it on.
fn deciders(ledger: &Ledger) -> BTreeSet<PublicKey> {
    ledger.view(|state| {
        let eras = VALIDATORS.under(state, &ledger.chain()).into_iter();
        let now = ERA.get(state).map_or(0, |era| era.number);
        let fixed = eras.filter(|((_, era), _)| *era >= now).flat_map(|(_, members)| members);
        fixed.chain(FOLLOWING.get(state).unwrap_or_default()).map(|(key, _)| key).collect()
    })
}

/// Takes what arrived.
fn take(ledger: &Ledger, arrival: Arrival, wire: &dyn Wire) {
    match arrival {
        Arrival::Up(peer) => ledger.connected(peer),
        Arrival::Frame { from, lane, bytes } => take_frame(ledger, from, lane, bytes, wire),
        Arrival::Received(mut frame) => {
            take_frame(ledger, frame.from, frame.lane, std::mem::take(&mut frame.bytes), wire);
        }
    }
}

fn take_frame(ledger: &Ledger, from: PublicKey, lane: Lane, bytes: Vec<u8>, wire: &dyn Wire) {
    match lane {
        Lane::Units | Lane::Bulk => ledger.receive(from, bytes),
        Lane::Transactions => {
            let honest = match Vec::<Transaction>::try_from_slice(&bytes) {
                // What this chain has no use for was refused where it came in, or went in a block since; what is none, or is
                // not signed, no honest validator took.
                Ok(transactions) if transactions.len() <= PASSED_ON => {
                    let taken = ledger.submit_passed_on(transactions);
                    let forged = |answer: &Result<_, _>| {
                        matches!(answer, Err(SubmitError::Form(_) | SubmitError::Signature))
                    };
                    !taken.iter().any(forged)
                }
                _ => false,
            };
            // Once for each connection: there is no end to what it may send before the connection has ended.
            if !honest && wire.shut_out(from) {
                tracing::warn!(chain = %ledger.chain(), peer = %from, "shut out: it passed on what are no transactions");
            }
        }
    }
}

/// Passes on transactions to all.
fn pass_on(ledger: &Ledger, transactions: Vec<Transaction>, wire: &dyn Wire) {
    let (mut frame, mut bytes) = (Vec::new(), 0);
    let send = |frame: &mut Vec<Transaction>| {
        let bytes = ledger::hash::encode(&std::mem::take(frame));
        wire.send(None, ledger.chain(), Lane::Transactions, bytes);
    };
    for transaction in transactions {
        let size = ledger::hash::encode(&transaction).len();
        if !frame.is_empty() && (bytes + size > PASSED_ON_BYTES || frame.len() >= PASSED_ON) {
            send(&mut frame);
            bytes = 0;
        }
        bytes += size;
        frame.push(transaction);
    }
    if !frame.is_empty() {
        send(&mut frame);
    }
}

/// Sets the pace: blocks come at once when something waits, at an even pace when only time passes, and no faster than
/// that while the solver is at work: windows are counted in heights.
fn pace(house: &House, chain: SubChain, now: Timestamp) {
    let ledger = house.ledger(chain);
    let since = now.0.saturating_sub(ledger.head().block.header.time.0);
    let tick = u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX);
    ledger.set_tick(if hurries(house, chain) { 0 } else { tick });
    ledger.hold(solves(house, chain) && since < tick || held(house, chain) && since < HOLD_MS);
}

/// Tells people what the engine reports, and shuts out whoever did what no honest validator does: told once for each
/// connection.
fn tell(house: &House, chain: SubChain, report: &Report, wire: &dyn Wire) {
    house.count(match report {
        Report::Misbehaved { .. } => "misbehaved",
        Report::Malformed { .. } => "malformed",
        Report::OtherEra { .. } => "other_era",
        Report::Accused { .. } => "accused",
        Report::Alarm { .. } => "alarm",
        Report::Diverged(_) => "diverged",
        Report::Listening { .. } => "listening",
        Report::Speaking { .. } => "speaking",
    });
    match report {
        Report::Misbehaved { peer, fault } => {
            if wire.shut_out(*peer) {
                tracing::warn!(%chain, %peer, "shut out: {fault}");
            }
        }
        Report::Malformed { peer } => {
            if wire.shut_out(*peer) {
                tracing::warn!(%chain, %peer, "shut out: it sent what is no message");
            }
        }
        Report::OtherEra { peer, era, latest } => {
            tracing::info!(%chain, %peer, era, latest, "speaks of an era that does not run here: one of the two is behind");
        }
        Report::Accused { validator, .. } => {
            tracing::error!(%chain, %validator, "signed two units where one is allowed: the proof goes to the identity chain");
        }
        Report::Alarm { era, alarm } => {
            tracing::error!(%chain, era, "people have to decide; rely on no new record until then: {alarm:?}");
        }
        Report::Diverged(height) => {
            tracing::error!(%chain, %height, "the validators sealed another outcome than this node finds");
        }
        Report::Listening { era } => {
            tracing::info!(%chain, era, "this node does not know what it said before: it listens first");
        }
        Report::Speaking { era } => tracing::info!(%chain, era, "this node takes part"),
    }
}
