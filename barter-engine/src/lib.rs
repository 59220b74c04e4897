//! Finds the rings: clearing, quotes and netting, each with a checkable certificate. Knows no chain, reads no clock.
//!
//! The search may guess with floats; what it returns has been proved in integers by the `clearing` crate.
//!
//! Modules in reading order: `scene` sees a book as dense numbers; `search` and `lots` find candidate rings (`pool`);
//! `master` prices them; `choose` and `volumes` decide how much of each; `exact` and `fill` turn that into whole units; `bound` and
//! `reasons` certify; [`clear`] puts them together. [`netting`] stands alone; [`files`] reads and writes.

mod bound;
mod choose;
mod clear;
mod exact;
pub mod files;
mod fill;
mod lots;
mod master;
pub mod netting;
mod pool;
mod quote;
mod reasons;
mod scene;
mod search;
mod volumes;

pub use clear::{Algorithm, Clearing, Effort, Options, Progress, Stage, Stats, clear};
pub use quote::{Ask, MAX_PATHS, Market, Path, Quote, QuoteError, Strict};
pub use reasons::{Reason, Unfilled};
