//! The measurements behind `docs/BENCHMARKS.md`: each prints one line of JSON. `cargo xtask bench` runs them beside
//! their baselines.

mod book;
mod consensus;
mod cycles;
mod debts;
mod pages;
mod quotes;
mod signatures;
mod transfers;
mod validators;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// One measurement, printed as a line of JSON.
#[derive(Parser)]
#[command(name = "benchmarks")]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Strict Ed25519 verifications per second on all cores.
    Signatures(signatures::Options),
    /// Signed transfers per second through one durable node.
    Transfers(transfers::Options),
    /// Signed transfers per second through four validators on disk, and how long one takes alone.
    Validators(validators::Options),
    /// Finality, detection and escalation among many validators.
    Consensus(consensus::Options),
    /// Quotes, trials and updates over a large book, beside shortest paths.
    Quotes(quotes::Options),
    /// A book cleared by listing all cycles.
    Cycles(cycles::Options),
    /// Writes debts to be netted.
    Debts(debts::Options),
    /// Latency of pages at a fixed rate of requests.
    Pages(pages::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().measurement {
        Measurement::Signatures(options) => signatures::run(&options),
        Measurement::Transfers(options) => transfers::run(&options),
        Measurement::Validators(options) => validators::run(&options),
        Measurement::Consensus(options) => consensus::run(&options),
        Measurement::Quotes(options) => quotes::run(&options),
        Measurement::Cycles(options) => cycles::run(&options),
        Measurement::Debts(options) => debts::run(&options),
        Measurement::Pages(options) => pages::run(&options),
    }
}
