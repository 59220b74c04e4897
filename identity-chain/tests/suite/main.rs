//! Who trades, told as stories: registrations, keys, standings and records, refusals of every field, and what
//! holds after whatever anybody asks.

mod cast;
mod council;
mod properties;
mod refusals;
mod stage;
mod stories;
