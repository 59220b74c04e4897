//! What is to be done, and from when on.

use std::collections::BTreeMap;

use ledger::Timestamp;

/// Tasks by the moment from which they may be done; equals keep their order.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    tasks: BTreeMap<(Timestamp, u64), T>,
    entered: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Agenda<T> {
        Agenda { tasks: BTreeMap::new(), entered: 0 }
    }
}

impl<T> Agenda<T> {
    /// Enters a task.
    pub(crate) fn at(&mut self, when: Timestamp, task: T) {
        self.entered += 1;
        self.tasks.insert((when, self.entered), task);
    }

    /// Takes the first task that is due at `now`.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<T> {
        let (&key, _) = self.tasks.first_key_value().filter(|((when, _), _)| *when <= now)?;
        self.tasks.remove(&key)
    }
}

/// A pause between `least` and `most` milliseconds that depends only on `cause`, so that people seem to take their
/// own time and a replay takes the same.
pub(crate) fn pause_ms(cause: u64, least: u64, most: u64) -> u64 {
    // The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    let mut mixed = cause.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    least + mixed % (most.saturating_sub(least) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_when_they_are_due_and_in_order() {
        let mut agenda = Agenda::default();
        agenda.at(Timestamp(20), "sign");
        agenda.at(Timestamp(10), "admit");
        agenda.at(Timestamp(20), "vouch");
        assert_eq!(agenda.take(Timestamp(9)), None);
        assert_eq!(agenda.take(Timestamp(20)), Some("admit"));
        assert_eq!(agenda.take(Timestamp(20)), Some("sign"));
        assert_eq!(agenda.take(Timestamp(20)), Some("vouch"));
        assert_eq!(agenda.take(Timestamp(99)), None);
    }

    #[test]
    fn pauses_stay_within_their_bounds_and_differ() {
        let pauses: Vec<_> = (0..100).map(|cause| pause_ms(cause, 2_000, 9_000)).collect();
        assert!(pauses.iter().all(|pause| (2_000..=9_000).contains(pause)));
        assert!(pauses.iter().collect::<std::collections::BTreeSet<_>>().len() > 90);
        assert_eq!(pause_ms(7, 5, 5), 5);
    }
}
