//! A world for the consensus engine: clocks that disagree, a network that delays, reorders, repeats, loses and parts,
//! disks that tear, validators that crash, and some that cheat. All of it is in memory and follows from one seed, so
//! that a failure is repeated by repeating the seed; same plan, same bytes.
//!
//! Reading order: [`plan`] says what is to happen, [`sketch`] in a few words; [`dice`] is the only randomness; [`network`] and [`disk`] are the
//! surroundings; [`host`] stands for the ledger: it makes, checks and executes blocks; [`node`] is a validator around
//! [`ledger::koma::Koma`]; [`actors`] are those who cheat; [`world`] runs them; [`history`] is what was seen, and checks
//! it; [`trace`] writes it down for others to check; [`figures`] measures.
//!
//! Deliberately absent: clocks, threads, files, real signatures' cost (a unit is checked once, when it is made).

pub mod actors;
pub mod dice;
pub mod disk;
pub mod figures;
pub mod history;
pub mod host;
pub mod network;
pub mod node;
pub mod plan;
pub mod sketch;
pub mod trace;
pub mod world;

pub use history::History;
pub use plan::{Act, Crash, Partition, Plan};
pub use sketch::Sketch;
pub use world::World;
