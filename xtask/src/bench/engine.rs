//! The engine on books whose best answers are known, where they are at hand.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::report::Report;
use super::{Programs, ROUNDS, median};

/// A book, and what is known of it.
struct Known {
    name: &'static str,
    /// What it is, for the heading.
    title: &'static str,
    mode: &'static str,
    /// What the value is compared with, USD.
    reference_usd: f64,
    /// What that is.
    reference: &'static str,
    rounds: usize,
    seconds: &'static str,
    ratio: &'static str,
}

const ALL_RINGS: &str = "a mixed-integer programme over all rings of the book, in reals";

const BOOKS: [Known; 4] = [
    Known {
        name: "real-2k",
        title: "Ring mode on a real book of 2,000 offers",
        mode: "ring",
        reference_usd: 180_417_445.67,
        reference: ALL_RINGS,
        rounds: ROUNDS,
        seconds: "at most 2",
        ratio: "at least 0.98",
    },
    Known {
        name: "synthetic/s1k_sparse",
        title: "Ring mode on a sparse book of 1,000 offers",
        mode: "ring",
        reference_usd: 1_931_580.26,
        reference: ALL_RINGS,
        rounds: ROUNDS,
        seconds: "at most 10",
        ratio: "at least 0.999",
    },
    Known {
        name: "real-20k",
        title: "Ring mode on a real book of 20,000 offers",
        mode: "ring",
        reference_usd: 20_290_536_864.0,
        reference: "the bound of a linear programme that knows neither minimums nor the length of rings",
        rounds: 1,
        seconds: "at most 60",
        ratio: "at least 0.95",
    },
    Known {
        name: "synthetic/l1k_sparse",
        title: "Whole lots on a sparse book of 1,000 offers",
        mode: "lots",
        reference_usd: 1_244_295.566_4,
        reference: "an integer programme over all rings of the book",
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "exact: 1",
    },
];

pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let books = env::var_os("PERMUTA_DATA").map(|data| Path::new(&data).join("books"));
    let Some(books) = books.filter(|books| books.join("real-2k").is_dir()) else {
        eprintln!("the engine's figures are left out: PERMUTA_DATA names no folder with books/real-2k");
        return Ok(());
    };
    BOOKS.iter().try_for_each(|known| clear(programs, report, &books, known))
}

/// Clears a book and compares what it finds with what is known.
fn clear(programs: &Programs, report: &mut Report, books: &Path, known: &Known) -> Result<()> {
    let book = books.join(known.name);
    let (mut seconds, mut values, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..known.rounds {
        eprintln!("clearing {}, round {} of {} …", known.name, round + 1, known.rounds);
        let out = programs.scratch.fresh(&format!("clearing-{}-{round}", known.name.replace('/', "-")));
        let start = Instant::now();
        let status = programs
            .command("permuta")
            .args(["clear", "--now", "1800000000", "--mode", known.mode, "--assets"])
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
        let usd = |name: &str| {
            let value = &summary[name];
            let value = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            value.with_context(|| format!("the summary says {name}"))
        };
        values.push(usd("value_usd")?);
        bounds.push(usd("bound_usd")?);
    }
    report.section(
        known.title,
        &format!(
            "`permuta clear` as a whole process, band 2 %, minimum fills honoured, exact in integers; the baseline is \
             the value of {}.{}",
            known.reference,
            if known.rounds == 1 { " One run." } else { "" }
        ),
    );
    report.goal("seconds", median(seconds), 2, known.seconds);
    let value = median(values);
    let name = format!("value in USD, as a ratio to {:.0}", known.reference_usd);
    report.goal(&name, value / known.reference_usd, 4, known.ratio);
    let bound = median(bounds);
    report.figure(&format!("… as a ratio to the bound that the answer proves, {bound:.0}"), value / bound, 4);
    Ok(())
}
