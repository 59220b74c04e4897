//! The thread of the demo's solver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ledger::SubChain;
use payment_chain::view::{self, OpenBatch};
use web::clearings::{Clearings, Published};

use super::stage::Stage;
use crate::house::House;
use crate::solver;

/// What is not found within this time is not found in this batch. A window is open for three seconds.
const TIME: Duration = Duration::from_millis(1_500);
/// The longest wait for a sign of life before looking again.
const PATIENCE: Duration = Duration::from_millis(500);

/// The solver at work.
pub(crate) struct Solving {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Solving {
    /// Begins; what proves the clearings goes to `clearings`.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn start(house: Arc<House>, stage: Arc<Stage>, clearings: Clearings) -> Result<Solving> {
        if let Err(error) = clearings.tidy() {
            tracing::warn!("what was half written of certificates stays: {error}");
        }
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new()
            .name("solver".to_owned())
            .spawn({
                let stop = stop.clone();
                move || {
                    let mut certifier = Certifier::default();
                    while !stop.load(Ordering::Acquire) {
                        let beat = house.pulse.wait(0, Duration::ZERO);
                        solve(&house, &stage, &clearings, &mut certifier);
                        house.pulse.wait(beat, PATIENCE);
                    }
                }
            })
            .context("cannot start the solver's thread")?;
        Ok(Solving { stop, thread })
    }

    /// Ends after the batch at hand.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("the solver's thread broke down; batches stay uncleared");
        }
    }
}

/// Finds the duals of certificates on a thread of its own, beside the search for rings, for one batch at a time.
#[derive(Default)]
struct Certifier {
    running: Option<JoinHandle<()>>,
}

impl Certifier {
    /// Begins with a batch; the duals come, or nothing does when those of an earlier batch are still being looked for.
    fn begin(&mut self, batch: &Arc<OpenBatch>) -> Receiver<clearing::Duals> {
        let (tell, told) = mpsc::channel();
        if self.running.as_ref().is_none_or(JoinHandle::is_finished) {
            let batch = Arc::clone(batch);
            // Who no longer waits does not hear it.
            let run = move || drop(tell.send(solver::duals(&batch)));
            let begun = thread::Builder::new().name("certificate".to_owned()).spawn(run);
            self.running = begun.inspect_err(|error| tracing::error!("no thread for duals: {error}")).ok();
        }
        told
    }
}

/// Answers the batch that is open, if it has not yet.
fn solve(house: &House, stage: &Stage, clearings: &Clearings, certifier: &mut Certifier) {
    let done = house.tempo.solved.load(Ordering::Acquire);
    let window = house.read(SubChain::Payment, view::window);
    if window.is_none_or(|window| window.batch.0 <= done) {
        return;
    }
    let Some(batch) = house.read(SubChain::Payment, view::open_batch).map(Arc::new) else { return };
    let begun = Instant::now();
    let late = || begun.elapsed() >= TIME;
    let duals = certifier.begin(&batch);
    // What is not there in time is left out; the bound is then larger, and holds.
    let proof = || {
        let found = duals.recv_timeout(TIME.saturating_sub(begun.elapsed()));
        solver::proof(&batch, found.unwrap_or_default())
    };
    let find = |book: &_| solver::find(book, &batch, &late);
    if let Some(proposal) = solver::propose(&batch, proof, find) {
        let published = Published {
            batch: &batch,
            rings: &proposal.answer.rings,
            value: proposal.value,
            certificate: &proposal.certificate,
            unfilled: &proposal.unfilled(&batch),
        };
        let kept = clearings.keep(&published).inspect_err(
            |error| tracing::error!(batch = %batch.batch, "the certificate cannot be kept, so none is named: {error}"),
        );
        let key = stage.cast.key("solver");
        let handed_in = house.ask(
            SubChain::Payment,
            &key,
            key.public().address(),
            &proposal.payload(&batch, kept.is_ok()),
        );
        match handed_in {
            Ok(_) => tracing::info!(
                batch = %batch.batch,
                rings = proposal.answer.rings.len(),
                value_usd = %proposal.value.display(2),
                bound_usd = proposal.certificate.bound_micro_usd() / 1_000_000,
                "cleared in {} ms",
                begun.elapsed().as_millis()
            ),
            Err(error) => tracing::warn!(batch = %batch.batch, "the clearing was not taken: {error}"),
        }
    }
    house.tempo.solved.fetch_max(batch.batch.0, Ordering::AcqRel);
}
