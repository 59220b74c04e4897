//! What the ledger promises, told as trades.
#![allow(clippy::unwrap_used, reason = "a test that meets an error is over")]

mod attacks;
mod chain;
mod checkpoint;
mod cluster;
mod common;
mod consensus;
mod execution;
mod golden;
mod koma;
mod light;
mod log;
mod membership;
mod messages;
mod recovery;
mod submission;
mod succession;
mod tree;
