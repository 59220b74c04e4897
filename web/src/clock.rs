//! The wall clock, which only this outer crate may read.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::Timestamp;

/// Now, by this machine's clock; 0 before 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
