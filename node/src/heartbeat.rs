//! Makes blocks: at once when something waits, at an even pace when only time passes, not at all when nothing does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ledger::{SubChain, relay};

use crate::clock;
use crate::house::House;

/// How often a chain looks whether something waits.
const GLANCE: Duration = Duration::from_millis(10);
/// Transactions that come within this time share a block.
const GATHER: Duration = Duration::from_millis(30);
/// How far apart blocks are that only let time pass.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// How long the last block that can take a clearing waits for the solver.
const HOLD: Duration = Duration::from_secs(20);

/// The thread that makes blocks.
pub(crate) struct Heartbeat {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Heartbeat {
    /// Begins. Should a chain be unable to go on, `failed` is called once, from the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn start(house: Arc<House>, failed: impl FnOnce() + Send + 'static) -> Result<Heartbeat> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new()
            .name("blocks".to_owned())
            .spawn({
                let stop = stop.clone();
                move || {
                    let result = beat(&house, &stop);
                    if result.is_err() {
                        failed();
                    }
                    result
                }
            })
            .context("cannot start the thread that makes blocks")?;
        Ok(Heartbeat { stop, thread })
    }

    /// Finishes the block at hand and ends.
    ///
    /// # Errors
    /// What stopped it before.
    pub(crate) fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Release);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("the thread that makes blocks broke down; what it had sealed is safe"),
        }
    }
}

fn beat(house: &House, stop: &AtomicBool) -> Result<()> {
    let start = Instant::now();
    // The last block of each chain, when it was last asked whether time is due, and whether messages wait.
    let mut chains = SubChain::ALL.map(|chain| (chain, start, start, false));
    while !stop.load(Ordering::Acquire) {
        let mut moved = false;
        for (chain, made, asked, heard) in &mut chains {
            *heard |= hear(house, *chain)?;
            let waits = *heard || house.ledger(*chain).waiting() > 0;
            let gathered = made.elapsed() >= if solves(house, *chain) { TICK } else { GATHER };
            let ticks = hurries(house, *chain) || (made.elapsed() >= TICK && asked.elapsed() >= GLANCE * 10);
            if !(ticks || waits && gathered) || (held(house, *chain) && made.elapsed() < HOLD) {
                continue;
            }
            *asked = Instant::now();
            let block = house.ledger(*chain).step(clock::now());
            if block.with_context(|| format!("the {chain} chain cannot go on"))?.is_some() {
                (*made, *heard) = (Instant::now(), false);
                house.pulse.beat();
                moved = true;
            }
        }
        if !moved {
            thread::sleep(GLANCE);
        }
    }
    Ok(())
}

/// Whether time runs as fast as blocks can be made: never past a batch that the solver is still at work on.
pub(crate) fn hurries(house: &House, chain: SubChain) -> bool {
    house.tempo.hurry.load(Ordering::Acquire) && chain == SubChain::Payment && !solves(house, chain)
}

/// Whether the solver is still at work on the batch that is open. Blocks then come no faster than time passes,
/// whatever waits: windows are counted in heights, and a busy market must not shut its own solver out.
pub(crate) fn solves(house: &House, chain: SubChain) -> bool {
    unsolved(house, chain).is_some()
}

/// Whether the next block is the last that can take a clearing which is still being looked for.
pub(crate) fn held(house: &House, chain: SubChain) -> bool {
    unsolved(house, chain).is_some_and(|window| window.ends <= house.ledger(chain).height().plus(2))
}

/// The window of a batch that the solver has not answered yet.
fn unsolved(house: &House, chain: SubChain) -> Option<payment_chain::model::Window> {
    if chain != SubChain::Payment {
        return None;
    }
    let window = house.read(chain, |state| payment_chain::view::window(state))?;
    (window.batch.0 > house.tempo.solved.load(Ordering::Acquire)).then_some(window)
}

/// Brings a chain what the other two have to say to it.
pub(crate) fn hear(house: &House, to: SubChain) -> Result<bool> {
    let mut heard = false;
    for from in SubChain::ALL.into_iter().filter(|from| *from != to) {
        let brought = relay(house.ledger(from), house.ledger(to))
            .with_context(|| format!("cannot bring messages from the {from} to the {to} chain"))?;
        heard |= brought > 0;
    }
    Ok(heard)
}
