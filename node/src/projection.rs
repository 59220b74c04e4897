//! Writes the read model behind the chains' backs: it may fall behind, and then says so; no block ever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use ledger::{Committed, Height, SubChain};
use web::projector::Projector;

use crate::house::{Follower, House};

/// How many blocks are written in one step.
const AT_ONCE: usize = 64;
/// Lagging by more blocks than this is told.
const TELL_FROM: u64 = 200;
/// The longest wait for a sign of life before looking again.
const PATIENCE: Duration = Duration::from_millis(500);
/// The pause after the database failed.
const RECOVERY: Duration = Duration::from_secs(2);

/// The thread that writes the read model.
pub(crate) struct Projection {
    stop: Arc<AtomicBool>,
    behind: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Projection {
    /// Begins where the read model stands.
    ///
    /// # Errors
    /// The database does not say where that is, or the system has no thread to give.
    pub(crate) fn start(house: Arc<House>, projector: Projector) -> Result<Projection> {
        let mut followers = followers(&projector)?;
        let stop = Arc::new(AtomicBool::new(false));
        let behind = Arc::new(AtomicU64::new(lag(&house, &followers)));
        let thread = thread::Builder::new()
            .name("projection".to_owned())
            .spawn({
                let (stop, behind) = (stop.clone(), behind.clone());
                move || write_on(&house, &projector, &mut followers, &stop, &behind)
            })
            .context("cannot start the thread that writes the read model")?;
        Ok(Projection { stop, behind, thread })
    }

    /// How many blocks the read model is behind the chains.
    pub(crate) fn behind(&self) -> &Arc<AtomicU64> {
        &self.behind
    }

    /// Writes what is there already, then ends.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!(
                "the thread that writes the read model broke down; `permuta reindex` makes it whole"
            );
        }
    }
}

/// Writes all that the chains have; tells `progress` how many blocks of a chain are still to come.
///
/// # Errors
/// The log or the database fails.
pub(crate) fn catch_up(
    house: &House,
    projector: &Projector,
    progress: &mut dyn FnMut(SubChain, u64),
) -> Result<()> {
    let mut followers = followers(projector)?;
    for (chain, follower) in &mut followers {
        while write_some(house, projector, *chain, follower)? {
            progress(*chain, follower.behind(house));
        }
    }
    Ok(())
}

fn followers(projector: &Projector) -> Result<[(SubChain, Follower); 3]> {
    let follower = |chain| -> Result<(SubChain, Follower)> {
        let written = projector.height(chain).context("the read model does not say where it stands")?;
        Ok((chain, Follower::from(chain, written.map_or(Height(0), Height::next))))
    };
    Ok([follower(SubChain::Identity)?, follower(SubChain::Data)?, follower(SubChain::Payment)?])
}

fn lag(house: &House, followers: &[(SubChain, Follower)]) -> u64 {
    followers.iter().map(|(_, follower)| follower.behind(house)).sum()
}

fn write_on(
    house: &House,
    projector: &Projector,
    followers: &mut [(SubChain, Follower); 3],
    stop: &AtomicBool,
    behind: &AtomicU64,
) {
    let mut told = false;
    loop {
        let ending = stop.load(Ordering::Acquire);
        let beat = house.pulse.wait(0, Duration::ZERO);
        let mut wrote = false;
        for (chain, follower) in followers.iter_mut() {
            match write_some(house, projector, *chain, follower) {
                Ok(some) => wrote |= some,
                Err(error) => {
                    tracing::error!("the read model of the {chain} chain is not written: {error:#}");
                    if ending {
                        return;
                    }
                    thread::sleep(RECOVERY);
                }
            }
        }
        let lag = lag(house, followers);
        behind.store(lag, Ordering::Release);
        if lag > TELL_FROM && !told {
            tracing::warn!("pages lag {lag} blocks behind the chains");
        }
        told = lag > TELL_FROM;
        if !wrote {
            if ending {
                return;
            }
            house.pulse.wait(beat, PATIENCE);
        }
    }
}

/// Writes the next few blocks of a chain; says whether there were any. After an error the same blocks come again.
fn write_some(
    house: &House,
    projector: &Projector,
    chain: SubChain,
    follower: &mut Follower,
) -> Result<bool> {
    let before = follower.position();
    let mut blocks: Vec<Arc<Committed>> = Vec::new();
    while blocks.len() < AT_ONCE
        && let Some(block) = follower.next(house)?
    {
        blocks.push(block);
    }
    if let Err(error) = projector.apply(chain, &blocks) {
        follower.rewind(before);
        return Err(error.into());
    }
    Ok(!blocks.is_empty())
}
