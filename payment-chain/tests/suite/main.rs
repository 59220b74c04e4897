//! Trade as stories: rings that settle, wait, lapse and drop; refusals of every field; what is signed, word for
//! word and byte for byte; and a seeded market in which nothing is ever minted or lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that breaks off has failed")]

mod conservation;
mod golden;
mod refusals;
mod signed;
mod signing;
mod stage;
mod sureties;
mod terms;
mod trade;
