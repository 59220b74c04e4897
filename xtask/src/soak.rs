//! `cargo xtask soak`: consensus in more graphs and more seeds than a test has time for.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::root;

/// By how many units the graphs are larger than in the tests.
const DEEPER: &str = "1";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// For how many hours; an hour if nothing is said.
    #[arg(long, conflicts_with = "seeds")]
    hours: Option<f64>,
    /// How many seeds; with it the small graphs are left out.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed. The tests run those below 200.
    #[arg(long, default_value_t = 200)]
    from: u64,
}

/// Runs every small graph, then seeds; fails if a promise was broken, and says how to see it again.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let time = Duration::try_from_secs_f64(3600.0 * arguments.hours.unwrap_or(1.0))
        .context("--hours: a number of hours, for instance 0.5")?;
    let seconds = match arguments.seeds {
        Some(_) => u64::MAX,
        None => {
            graphs()?;
            time.as_secs()
        }
    };
    let seeds = arguments.seeds.unwrap_or(u64::MAX);
    let numbers = [arguments.from, seeds, seconds].map(|number| number.to_string());
    let status = cargo(&["run", "--release", "--locked", "-p", "simulation", "--example", "soak", "--"])
        .args(numbers)
        .status()
        .context("cargo does not start")?;
    if status.success() { Ok(()) } else { bail!("promises were broken: the seeds are above") }
}

fn graphs() -> Result<()> {
    eprintln!("every small graph, by {DEEPER} unit deeper than in the tests …");
    let status = cargo(&["test", "--release", "--locked", "-p", "ledger", "--test", "suite", "enumeration"])
        .args(["--", "--nocapture", "--test-threads", "1"])
        .env("PERMUTA_DEEPER", DEEPER)
        .status()
        .context("cargo does not start")?;
    if status.success() { Ok(()) } else { bail!("a promise is broken in a small graph: it is above") }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}
