//! `cargo xtask bench`: measures, each figure beside its baseline from the same run, and writes `docs/BENCHMARKS.md`.

mod consensus;
mod database;
mod demo;
mod engine;
mod report;

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{root, tools};
use report::Report;

/// How often a figure is taken; the median counts.
const ROUNDS: usize = 3;

type Part = fn(&Programs, &mut Report) -> Result<()>;

/// What is measured, in the order of the document.
pub(crate) const PARTS: [(&str, Part); 8] = [
    ("transfers", throughput),
    ("consensus", consensus::measure),
    ("clearing", engine::clearing),
    ("cycles", engine::cycles),
    ("quotes", engine::quotes),
    ("netting", engine::netting),
    ("matching", engine::matching),
    ("demo", demo::measure),
];

/// Measures everything, or one part, and writes it to its place in the document, unless `dry`.
pub(crate) fn run(dry: bool, only: Option<&str>) -> Result<()> {
    eprintln!("building …");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "-p", "node", "-p", "benchmarks"])
        .current_dir(root())
        .status()?;
    if !built.success() {
        bail!("the release build failed");
    }
    let programs = Programs { folder: root().join("target/release"), scratch: Scratch::new()? };
    let mut report = Report::default();
    for (name, measure) in PARTS {
        if only.is_none_or(|only| only == name) {
            report.part(name);
            measure(&programs, &mut report)?;
        }
    }
    println!("{}", report.measured());
    if !dry {
        let path = root().join("docs/BENCHMARKS.md");
        let document = match only {
            None => report.document(),
            Some(_) => {
                report.merged_into(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)
            }
        };
        fs::write(&path, document).with_context(|| path.display().to_string())?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}

/// Transfers through one node beside bare signature checks and beside PostgreSQL.
fn throughput(programs: &Programs, report: &mut Report) -> Result<()> {
    let tools = tools::ensure()?;
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        eprintln!("transfers, round {} of {ROUNDS} …", round + 1);
        rates[0].push(number(&programs.json(&["signatures"])?, "per_second")?);
        let dir = programs.scratch.fresh(&format!("transfers-{round}"));
        let dir = dir.to_str().context("the scratch folder's name is text")?;
        rates[1].push(number(&programs.json(&["transfers", "--dir", dir])?, "per_second")?);
        rates[2].push(database::transfers_per_second(&tools.postgres_bin)?);
    }
    let [signatures, transfers, database] = rates.map(median);
    report.section(
        "Signed transfers through a single node",
        "From signed bytes to a block that is on disk, executed, sealed and provable; 200,000 transfers among 2,000 \
         accounts, checked on two cores. PostgreSQL moves the same amounts by double entry, unsigned, with 16 clients \
         and its default fsync.",
    );
    report.figure("transfers per second", transfers, 0);
    report.ratio("PostgreSQL's durable double-entry transfers", transfers, database, "at least 1, goal 2");
    report.ratio(
        "strict Ed25519 checks on both cores alone",
        transfers,
        signatures,
        "at least 0.35, goal 0.50",
    );
    let mut runs = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("four validators, round {} of {ROUNDS} …", round + 1);
        let dir = programs.scratch.fresh(&format!("validators-{round}"));
        let dir = dir.to_str().context("the scratch folder's name is text")?;
        runs.push(programs.json(&["validators", "--dir", dir])?);
    }
    let of = |field: &str| -> Result<f64> {
        Ok(median(runs.iter().map(|run| number(run, field)).collect::<Result<Vec<f64>>>()?))
    };
    report.section(
        "Signed transfers through four validators",
        "Four validators in one process on this machine, each with a log and a journal of its own on disk, at the classical \
         grade: 60,000 transfers handed to one of them until all four have them in sealed blocks; then how long one \
         transfer takes, from submission until the block is sealed and on disk, while nothing else happens; and how long a validator that was \
         away for 1,000 blocks takes from its start until it has them.",
    );
    let together = of("per_second")?;
    report.goal("transfers per second", together, 0, "at least 3,000");
    report.ratio("the same through a single node", together, transfers, "");
    report.goal("ms for one alone, p50", of("alone_p50_ms")?, 1, "at most 60");
    report.goal("ms for one alone, p99", of("alone_p99_ms")?, 1, "");
    report.goal("s to be back after 1,000 missed blocks", of("rejoin_s")?, 1, "at most 10");
    Ok(())
}

/// The built programs and a folder to work in.
pub(crate) struct Programs {
    folder: PathBuf,
    scratch: Scratch,
}

impl Programs {
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a measurement and reads the line of JSON that it prints.
    fn json(&self, arguments: &[impl AsRef<OsStr>]) -> Result<Value> {
        let output = self.command("benchmarks").args(arguments).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("`benchmarks {}` failed: {}", arguments[0].as_ref().display(), output.status);
        }
        serde_json::from_slice(&output.stdout).context("a measurement prints a line of JSON")
    }
}

/// A folder that is deleted at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("permuta-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }

    /// A path under it where nothing is yet.
    fn fresh(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn number(value: &Value, field: &str) -> Result<f64> {
    value[field].as_f64().with_context(|| format!("a measurement says {field}"))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}
