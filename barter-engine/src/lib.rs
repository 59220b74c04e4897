//! Finds the rings: clearing, quotes and netting, each with a checkable certificate. Knows no chain, reads no clock.
//!
//! The search may guess with floats; what it returns has been proved in integers by the `clearing` crate.
//!
//! Modules in reading order: `scene` sees a book as dense numbers. Of small books `search` and `lots` find every
//! ring (`pool`), `pdhg` prices them, `choose` and `volumes` decide how much of each. Of larger ones `flow` finds first
//! prices, `labels` rings that earn at them, `master` how much of each, `ration` and `dive` decide on minimums. `exact`
//! and `fill` turn that into whole units; `bound` and `reasons` certify; [`clear`] puts them together. [`netting`] stands alone; [`files`] reads and writes.

mod bound;
mod choose;
mod clear;
mod dive;
mod exact;
pub mod files;
mod fill;
mod flow;
mod labels;
mod lots;
mod master;
pub mod netting;
mod pdhg;
mod pool;
mod quote;
mod ration;
mod reasons;
mod scene;
mod search;
mod volumes;

pub use clear::{Algorithm, Clearing, Effort, Options, Progress, Stage, Stats, clear};
pub use quote::{Ask, MAX_PATHS, Market, Path, Quote, QuoteError, Strict};
pub use reasons::{Reason, Unfilled};
