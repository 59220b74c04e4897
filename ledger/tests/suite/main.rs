//! What the ledger promises, told as trades.

mod chain;
mod common;
