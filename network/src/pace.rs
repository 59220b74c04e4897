//! How fast, and when again.

use std::time::{Duration, Instant};

/// Lets through so much per second, and one second's worth at once (the generic cell rate algorithm of ITU-T I.371).
#[derive(Debug)]
pub(crate) struct Bucket {
    per_s: u64,
    /// When all that was let through so far would have been due at an even pace.
    due: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(per_s: u64) -> Bucket {
        Bucket { per_s: per_s.max(1), due: None }
    }

    /// Books `amount` at `now`; how long to wait before booking more.
    pub(crate) fn book(&mut self, amount: u64, now: Instant) -> Duration {
        let nanos = u128::from(amount) * 1_000_000_000 / u128::from(self.per_s);
        let due = self.due.map_or(now, |due| due.max(now))
            + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.due = Some(due);
        (due - now).saturating_sub(Duration::from_secs(1))
    }
}

/// How long to wait before the next attempt: twice as long after each failure, up to a limit, half of it by chance, so
/// that nodes that lost each other at the same moment do not come back at the same moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { first, most, failures: 0 }
    }

    /// The next wait; `random` is any number, each as likely as every other.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let doubled = 1u32.checked_shl(self.failures.min(31)).unwrap_or(u32::MAX);
        let longest = self.first.saturating_mul(doubled).min(self.most);
        self.failures = self.failures.saturating_add(1);
        let half = u64::try_from(longest.as_nanos() / 2).unwrap_or(u64::MAX);
        Duration::from_nanos(half) + Duration::from_nanos(random % half.saturating_add(1).max(1))
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_lets_one_second_through_at_once_and_the_rest_evenly() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut bucket = Bucket::new(1000);
        assert_eq!(bucket.book(1000, at(0)), Duration::ZERO);
        assert_eq!(bucket.book(100, at(0)), Duration::from_millis(100));
        assert_eq!(bucket.book(0, at(100)), Duration::ZERO);
        // Ten seconds of silence earn no more than one second does.
        assert_eq!(bucket.book(2000, at(10_000)), Duration::from_secs(1));
    }

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew_after_success() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1000));
        let longest: Vec<Duration> = (0..6).map(|_| backoff.next(50_000_000)).collect();
        assert_eq!(longest[0], ms(100));
        assert_eq!(longest[1], ms(150));
        assert_eq!(longest[5], ms(550));
        backoff.reset();
        assert_eq!(backoff.next(0), ms(50));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_above_the_limit_nor_below_half_of_the_first(
            first in 0u64..10_000, most in 0u64..100_000, random: u64, failures in 0u32..100
        ) {
            let mut backoff = Backoff::new(Duration::from_millis(first), Duration::from_millis(most));
            for _ in 0..failures {
                backoff.next(random);
            }
            let wait = backoff.next(random);
            prop_assert!(wait <= Duration::from_millis(most));
            prop_assert!(wait >= Duration::from_millis(first.min(most)) / 2);
        }

        #[test]
        fn nobody_who_waits_as_told_gets_more_than_the_rate_and_one_second_of_it(
            amounts in prop::collection::vec(0u64..5_000, 1..50)
        ) {
            let start = Instant::now();
            let (mut bucket, mut now, mut passed) = (Bucket::new(1000), start, 0);
            for amount in amounts {
                now += bucket.book(amount, now);
                passed += amount;
                let allowed = 1000 + u64::try_from((now - start).as_millis()).unwrap();
                prop_assert!(passed <= allowed + 1);
            }
        }
    }
}
