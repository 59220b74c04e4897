//! The engine on books whose best answers are known, where they are at hand.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
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

const UNIFORM: &str =
    "a linear programme over all rings at reference prices, in reals, that knows no minimums";

const BOOKS: [Known; 9] = [
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
        name: "real-200k",
        title: "Ring mode on a real book of 200,000 offers",
        mode: "ring",
        reference_usd: 227_803_956_837.0,
        reference: "the bound of a linear programme that knows neither minimums nor the length of rings",
        rounds: 1,
        seconds: "at most 120",
        ratio: "at least 0.90",
    },
    Known {
        name: "real-20k",
        title: "One price per asset on a real book of 20,000 offers",
        mode: "uniform",
        reference_usd: 10_742_837_470.15,
        reference: UNIFORM,
        rounds: 1,
        seconds: "at most 5",
        ratio: "at least 0.995",
    },
    Known {
        name: "synthetic/s10k_dense",
        title: "One price per asset on a dense book of 10,000 offers",
        mode: "uniform",
        reference_usd: 67_808_848.902_5,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
    },
    Known {
        name: "synthetic/s10k_sparse",
        title: "One price per asset on a sparse book of 10,000 offers",
        mode: "uniform",
        reference_usd: 35_700_899.608_7,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
    },
    Known {
        name: "synthetic/s10k_aon",
        title: "All or nothing, at one price per asset, on a book of 10,000 offers",
        mode: "uniform",
        reference_usd: 65_462_579.413_7,
        reference: UNIFORM,
        rounds: ROUNDS,
        seconds: "at most 1",
        ratio: "at least 0.999",
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
    BOOKS.iter().try_for_each(|known| clear(programs, report, &books, known))?;
    let data = books.parent().context("the books lie in a folder of data")?;
    net(programs, report, &data.join("netting/sarafu_debt.csv.gz"))?;
    exchange(programs, report, &data.join("matching/kidney_preflib"))
}

/// Runs one command of `permuta`; returns how long that took, in seconds, and its summary.
fn timed(programs: &Programs, out: &str, args: &[&OsStr]) -> Result<(f64, serde_json::Value)> {
    let out = programs.scratch.fresh(out);
    let start = Instant::now();
    let status = programs.command("permuta").args(args).arg("--out").arg(&out).status()?;
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("`permuta {}` failed: {status}", args[0].display());
    }
    Ok((seconds, serde_json::from_slice(&fs::read(out.join("summary.json"))?)?))
}

/// A number of a summary, which may stand there as text.
fn stated(summary: &serde_json::Value, name: &str) -> Result<f64> {
    let value = &summary[name];
    let value = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    value.with_context(|| format!("the summary says {name}"))
}

/// Nets real debts of which the most that can be cleared is known.
fn net(programs: &Programs, report: &mut Report, debts: &Path) -> Result<()> {
    const MOST: f64 = 72_671_889.614;
    let (mut seconds, mut cleared) = (Vec::new(), 0.0);
    for round in 0..ROUNDS {
        eprintln!("netting, round {} of {ROUNDS} …", round + 1);
        let args = ["net".as_ref(), "--obligations".as_ref(), debts.as_os_str()];
        let (took, summary) = timed(programs, &format!("netting-{round}"), &args)?;
        seconds.push(took);
        cleared = stated(&summary, "cleared")?;
    }
    report.section(
        "Netting 94,223 real debts",
        "`permuta net` as a whole process, from the packed file to the proven answer; the most that can be cleared is known \
         from another solver.",
    );
    report.goal("seconds", median(seconds), 2, "at most 0.5");
    report.goal("cleared, as a ratio to the most that can be", cleared / MOST, 6, "exact: 1");
    Ok(())
}

/// Matches published exchanges of kidneys, in cycles of at most six pairs.
fn exchange(programs: &Programs, report: &mut Report, folder: &Path) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let numbered = |path: &PathBuf| {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
    };
    files.retain(numbered);
    files.sort();
    let (mut longest, mut least) = (0.0f64, 1.0f64);
    for (at, file) in files.iter().enumerate() {
        let args =
            ["match".as_ref(), "--longest".as_ref(), "6".as_ref(), "--instance".as_ref(), file.as_os_str()];
        let (took, summary) = timed(programs, &format!("matching-{at}"), &args)?;
        longest = longest.max(took);
        let (value, bound) = (stated(&summary, "value")?, stated(&summary, "bound")?);
        if bound > 0.0 {
            least = least.min(value / bound);
        }
    }
    report.section(
        &format!("{} published exchanges of kidneys, in cycles of at most six pairs", files.len()),
        "`permuta match` as a whole process; the baseline of each answer is the bound that its own prices prove. The worst \
         of all of them.",
    );
    report.goal("seconds", longest, 2, "at most 60");
    report.goal("value, as a ratio to the bound", least, 4, "at least 0.99");
    Ok(())
}

/// Clears a book and compares what it finds with what is known.
fn clear(programs: &Programs, report: &mut Report, books: &Path, known: &Known) -> Result<()> {
    let book = books.join(known.name);
    let (mut seconds, mut values, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..known.rounds {
        eprintln!("clearing {}, round {} of {} …", known.name, round + 1, known.rounds);
        let offers = ["offers.csv", "offers.csv.zst"].map(|name| book.join(name));
        let offers = offers.iter().find(|path| path.is_file()).context("a book has its offers")?;
        let assets = book.join("assets.csv");
        let fixed = ["clear", "--now", "1800000000", "--mode", known.mode, "--assets"].map(OsStr::new);
        let files = [assets.as_os_str(), "--offers".as_ref(), offers.as_os_str()];
        let out = format!("clearing-{}-{}-{round}", known.mode, known.name.replace('/', "-"));
        let (took, summary) = timed(programs, &out, &[fixed.as_slice(), &files].concat())?;
        seconds.push(took);
        values.push(stated(&summary, "value_usd")?);
        bounds.push(stated(&summary, "bound_usd")?);
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
