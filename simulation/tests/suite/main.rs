//! What holds in every simulated world, and in what is written down of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an error is over")]

mod checker;
mod traces;
mod worlds;
