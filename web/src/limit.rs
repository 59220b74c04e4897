//! How often one may try: a bounded table in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Attempts within a window.
pub const MAX_ATTEMPTS: u32 = 10;
/// The window.
pub const WINDOW_MS: u64 = 5 * 60_000;
/// The most names that are remembered at once.
const MAX_NAMES: usize = 20_000;

/// Counts attempts by name (a login, an internet address).
#[derive(Debug, Default)]
pub struct Limiter {
    seen: Mutex<HashMap<String, (u64, u32)>>,
}

impl Limiter {
    /// Counts an attempt of `name` at `now_ms`.
    ///
    /// # Errors
    /// How many milliseconds to wait, when there were too many.
    pub fn attempt(&self, name: &str, now_ms: u64) -> Result<(), u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_NAMES && !seen.contains_key(name) {
            seen.retain(|_, (start, _)| now_ms.saturating_sub(*start) < WINDOW_MS);
            if seen.len() >= MAX_NAMES {
                return Err(WINDOW_MS);
            }
        }
        let entry = seen.entry(name.to_owned()).or_insert((now_ms, 0));
        if now_ms.saturating_sub(entry.0) >= WINDOW_MS {
            *entry = (now_ms, 0);
        }
        if entry.1 >= MAX_ATTEMPTS {
            return Err((entry.0 + WINDOW_MS).saturating_sub(now_ms));
        }
        entry.1 += 1;
        Ok(())
    }

    /// Forgets the attempts of `name`: it got in.
    pub fn clear(&self, name: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_attempt_waits_for_the_window_to_end() {
        let limiter = Limiter::default();
        for at in 0..u64::from(MAX_ATTEMPTS) {
            assert_eq!(limiter.attempt("amina", at), Ok(()));
        }
        assert_eq!(limiter.attempt("amina", 10), Err(WINDOW_MS - 10));
        assert_eq!(limiter.attempt("bao", 10), Ok(()));
        assert_eq!(limiter.attempt("amina", WINDOW_MS), Ok(()));
    }

    #[test]
    fn whoever_gets_in_starts_anew() {
        let limiter = Limiter::default();
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(limiter.attempt("amina", 0), Ok(()));
        }
        limiter.clear("amina");
        assert_eq!(limiter.attempt("amina", 1), Ok(()));
    }

    #[test]
    fn a_flood_of_names_does_not_fill_the_memory() {
        let limiter = Limiter::default();
        for n in 0..MAX_NAMES {
            assert_eq!(limiter.attempt(&n.to_string(), 0), Ok(()));
        }
        assert_eq!(limiter.attempt("one more", 1), Err(WINDOW_MS));
        assert_eq!(limiter.attempt("one more", WINDOW_MS), Ok(()));
    }
}
