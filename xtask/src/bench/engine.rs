//! The engine on a real book, where one is at hand.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::report::Report;
use super::{Programs, ROUNDS, median};

/// The best value known for `real-2k` in ring mode, band 2 %, minimum fills honoured, in reals: a mixed-integer
/// programme over all its rings.
const REFERENCE_USD: f64 = 180_417_445.67;

pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let book = env::var_os("PERMUTA_DATA").map(|data| Path::new(&data).join("books/real-2k"));
    let Some(book) = book.filter(|book| book.is_dir()) else {
        eprintln!("the engine's figures are left out: PERMUTA_DATA names no folder with books/real-2k");
        return Ok(());
    };
    let mut seconds = Vec::new();
    let mut values = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("clearing real-2k, round {} of {ROUNDS} …", round + 1);
        let out = programs.scratch.fresh(&format!("clearing-{round}"));
        let start = Instant::now();
        let status = programs
            .command("permuta")
            .arg("clear")
            .args(["--now", "1800000000", "--assets"])
            .arg(book.join("assets.csv"))
            .arg("--offers")
            .arg(book.join("offers.csv"))
            .arg("--out")
            .arg(&out)
            .status()?;
        seconds.push(start.elapsed().as_secs_f64());
        if !status.success() {
            bail!("`permuta clear` failed: {status}");
        }
        let summary: serde_json::Value = serde_json::from_slice(&fs::read(out.join("summary.json"))?)?;
        let value = &summary["value_usd"];
        let value = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        values.push(value.context("the summary says value_usd")?);
    }
    report.section(
        "Ring mode on a real book of 2,000 offers",
        "`permuta clear` as a whole process, band 2 %, minimum fills honoured, exact in integers; the baseline is the \
         value of a mixed-integer programme over all rings of the book, in reals.",
    );
    report.goal("seconds", median(seconds), 2, "under 10");
    let value = median(values);
    let name = format!("value in USD, as a ratio to {REFERENCE_USD:.0}");
    report.goal(&name, value / REFERENCE_USD, 4, "at least 0.90");
    Ok(())
}
