//! How many requests a client may make: so many in each minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Requests of one client in one window.
pub const MAX_REQUESTS: u32 = 600;
/// The window.
pub const WINDOW_MS: u64 = 60_000;

/// Counts requests by client. Only clients with a good token are counted, so there are as many names as clients.
#[derive(Debug, Default)]
pub struct Meter {
    seen: Mutex<HashMap<String, (u64, u32)>>,
}

impl Meter {
    /// Counts a request of `client` at `now_ms`.
    ///
    /// # Errors
    /// How many seconds to wait, when there were too many.
    pub fn count(&self, client: &str, now_ms: u64) -> Result<(), u64> {
        let window = now_ms / WINDOW_MS;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = seen.entry(client.to_owned()).or_insert((window, 0));
        if entry.0 != window {
            *entry = (window, 0);
        }
        if entry.1 >= MAX_REQUESTS {
            let next = (window + 1) * WINDOW_MS;
            return Err((next - now_ms).div_ceil(1000).max(1));
        }
        entry.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_bank_waits_for_the_next_minute_and_no_one_else_does() {
        let meter = Meter::default();
        for _ in 0..MAX_REQUESTS {
            assert_eq!(meter.count("silk", 500), Ok(()));
        }
        assert_eq!(meter.count("silk", 59_000), Err(1));
        assert_eq!(meter.count("harbour", 59_000), Ok(()));
        assert_eq!(meter.count("silk", WINDOW_MS), Ok(()));
    }
}
