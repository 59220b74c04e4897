//! Wakes whoever waits for the next block.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A count that only grows, and that threads can wait for.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    beats: Mutex<u64>,
    changed: Condvar,
}

impl Pulse {
    /// Counts one more and wakes everyone who waits.
    pub(crate) fn beat(&self) {
        *self.lock() += 1;
        self.changed.notify_all();
    }

    /// Waits until the count differs from `seen`, at most `patience`; says what it is then.
    pub(crate) fn wait(&self, seen: u64, patience: Duration) -> u64 {
        let (beats, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |beats| *beats == seen)
            .unwrap_or_else(PoisonError::into_inner);
        *beats
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // A count cannot be left half changed.
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_beat_wakes_who_waits_and_is_not_missed_by_who_comes_late() {
        let pulse = Arc::new(Pulse::default());
        let waiter = std::thread::spawn({
            let pulse = pulse.clone();
            move || pulse.wait(0, Duration::from_secs(60))
        });
        pulse.beat();
        assert_eq!(waiter.join().unwrap(), 1);
        assert_eq!(pulse.wait(0, Duration::from_secs(60)), 1);
        assert_eq!(pulse.wait(1, Duration::ZERO), 1);
    }
}
