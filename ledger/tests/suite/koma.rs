//! Many validators: what a unit may say, what follows from a graph of them, and what is promised of a final block.
#![allow(clippy::cast_possible_truncation, reason = "the tests count to a few hundred")]

mod cast;
mod conduct;
mod enumeration;
mod graphs;
mod quorums;
mod reference;
mod units;
