//! Stories of validators that find each other, and of some that should not have been let in.
#![allow(clippy::unwrap_used, reason = "a test that meets an error is over")]

mod certificates;
mod common;
mod conduct;
mod connections;
mod decoding;
mod rogue;
