//! Builds, tests and measures Permuta: `cargo xtask test` is what continuous integration runs, `cargo xtask soak`
//! looks for trouble for hours, `cargo xtask bench` writes `docs/BENCHMARKS.md`.

mod bench;
mod browser;
mod check;
mod postgres;
mod soak;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, tests and measures Permuta.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need, then checks format and lints and runs every test, on SQLite and PostgreSQL and in
    /// headless Chromium.
    Test {
        /// Leave out formatting and lints.
        #[arg(long)]
        only_tests: bool,
        /// Passed on to `cargo test`, for instance `-p ledger`.
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Puts consensus through seeds of simulated trouble for as long as you like, after every small graph of units.
    Soak(soak::Arguments),
    /// Measures the figures of `docs/BENCHMARKS.md` beside their baselines, and writes them there.
    Bench {
        /// Print only; leave the document as it is.
        #[arg(long)]
        dry: bool,
        /// Only this part; the others stay in the document as they are.
        #[arg(long, value_name = "PART", value_parser = bench::PARTS.map(|(name, _)| name))]
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { only_tests, rest } => check::run(only_tests, &rest),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Bench { dry, only } => bench::run(dry, only.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
