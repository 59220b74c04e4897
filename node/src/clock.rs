//! The wall clock. Only the node reads it; a block's time is what the node saw when it proposed the block.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::Timestamp;

/// Now. A clock before 1970 counts as 1970, one after the year 584554051 as that.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
