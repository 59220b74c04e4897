//! Finds the rings: clearing, quotes and netting, each with a checkable certificate. Knows no chain, reads no clock.
//!
//! The search may guess with floats; what it returns has been proved in integers by the `clearing` crate.
//!
//! Modules in reading order: `scene` sees a book as dense numbers. Of small books `search` and `lots` find every
//! ring (`pool`), `choose` and `volumes` decide how much of each, over programmes with yes-or-no decisions (`programme`,
//! `branch`). Of larger ones `flow` finds first prices, `labels` rings that earn at them, `master` how much of each,
//! `ration` and `dive` decide on minimums, `whole` and `local` meet them in whole units. Very large books are filled from their
//! largest offers down (`scales`), and minimums met with what others can spare (`gaps`). In uniform mode the largest `circulation` of value is packed into rings (`uniform`).
//! `exact` and `fill` keep every rule; `bound` and `reasons` certify; [`clear`] puts them together. A [`Market`] is a book
//! kept up to date, over which [`Market::quote`] finds paths and [`Market::try_offer`] tries an offer. [`explanation`] says
//! what a ring means to those in it. [`replay`] clears a dated book day by day; [`matching`] is whole lots over any graph; [`netting`] is a circulation and
//! stands alone; [`files`] reads and writes.

mod bound;
mod branch;
mod choose;
mod circulation;
mod clear;
mod dive;
mod exact;
pub mod explanation;
pub mod files;
mod fill;
mod flow;
mod gaps;
mod labels;
mod local;
mod lots;
mod market;
mod master;
pub mod matching;
pub mod netting;
mod pool;
mod programme;
mod quote;
mod ration;
mod reasons;
pub mod replay;
mod scales;
mod scene;
mod search;
mod trial;
mod uniform;
mod volumes;
mod whole;

pub use clear::{Algorithm, Clearing, Effort, Options, Progress, Stage, Stats, clear};
pub use market::{Market, MarketError};
pub use quote::{Ask, MAX_PATHS, Path, Quote, QuoteError, Strict};
pub use reasons::{Missing, Reason, Unfilled, unfilled_beside};
pub use trial::{Near, Suggestion, Trial};
