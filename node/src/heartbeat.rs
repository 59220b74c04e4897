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
const TICK: Duration = Duration::from_millis(500);

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
            let ticks = hurries(house, *chain) || (made.elapsed() >= TICK && asked.elapsed() >= GLANCE * 10);
            if !(ticks || waits && made.elapsed() >= GATHER) {
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
fn hurries(house: &House, chain: SubChain) -> bool {
    house.hurry.load(Ordering::Acquire)
        && chain == SubChain::Payment
        && house
            .read(chain, |state| payment_chain::view::window(state))
            .is_none_or(|window| window.batch.0 <= house.solved.load(Ordering::Acquire))
}

/// Brings a chain what the other two have to say to it.
fn hear(house: &House, to: SubChain) -> Result<bool> {
    let mut heard = false;
    for from in SubChain::ALL.into_iter().filter(|from| *from != to) {
        let brought = relay(house.ledger(from), house.ledger(to))
            .with_context(|| format!("cannot bring messages from the {from} to the {to} chain"))?;
        heard |= brought > 0;
    }
    Ok(heard)
}
