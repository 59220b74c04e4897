//! `permuta clear`: a book in files, its rings in files.

use super::input::{BookFiles, tell_outside};
use anyhow::{Context, anyhow, bail};
use barter_engine::explanation::explain_answer;
use barter_engine::files;
use barter_engine::{Options, Progress};
use clap::ValueEnum;
use clearing::{Band, Mode, Rules};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Arguments of `permuta clear`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    book: BookFiles,
    /// How rates come about.
    #[arg(long, value_enum, default_value_t = ModeName::Ring)]
    mode: ModeName,
    /// The fairness band around the reference prices, a share.
    #[arg(long, default_value = "0.02")]
    band: Band,
    /// Uniform mode only: looks within the band for prices that clear more than the references do. What clears is still
    /// counted at the references; the bound is that of the published prices.
    #[arg(long)]
    search_prices: bool,
    /// The most assets of a ring.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(2..=6))]
    max_assets: u8,
    /// The time at which offers must be valid, epoch seconds; the present by default.
    #[arg(long, value_name = "EPOCH")]
    now: Option<u64>,
    /// Stops searching in time to answer after so many seconds; the answer then depends on the machine.
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
    /// Where rings.csv, rings.json (the same rings explained), summary.json, duals.csv (which prove the bound), unfilled.csv and, in uniform mode, prices.csv and lanes.csv (the rest of the proof) are written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeName {
    /// Each ring shares its surplus equally.
    Ring,
    /// One price per asset for the whole batch.
    Uniform,
    /// Whole lots only.
    Lots,
}

/// This part of a time limit is for reading and searching; the rest is for the proof and for writing.
const SEARCHING: f64 = 0.9;

/// Clears the book and writes the answer.
///
/// # Errors
/// Whatever is wrong with the arguments, the input or the output directory.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let limit = args.time_limit.map(|seconds| seconds * SEARCHING);
    let deadline = match limit.map(Duration::try_from_secs_f64) {
        None => None,
        Some(Ok(limit)) => started.checked_add(limit),
        Some(Err(_)) => bail!("--time-limit must be a number of seconds from 0"),
    };
    let now = match args.now {
        Some(now) => now,
        None => SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs(),
    };
    let mode = match args.mode {
        ModeName::Ring => Mode::Ring,
        ModeName::Uniform => Mode::Uniform,
        ModeName::Lots => Mode::Lots,
    };
    if args.search_prices && mode != Mode::Uniform {
        bail!("--search-prices needs --mode uniform: the other modes have no batch prices");
    }
    let rules = Rules { mode, band: args.band, max_assets: args.max_assets };
    let (book, skipped) = args.book.read()?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;

    let stop = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let spent =
        || limit.filter(|limit| *limit > 0.0).map_or(0.0, |limit| started.elapsed().as_secs_f64() / limit);
    let told = Mutex::new(started);
    let progress = |step: Progress| tell(&told, step);
    let options = Options {
        stop: Some(&stop),
        spent: Some(&spent),
        progress: Some(&progress),
        search_prices: args.search_prices,
        ..Options::default()
    };
    let clearing = barter_engine::clear(&book.book, &rules, now, &options);

    files::write_rings(&args.out.join("rings.csv"), &book, &clearing.answer.rings, files::ring_name)?;
    let explained = explain_answer(&book.book, &rules, now, &clearing.answer)
        .map_err(|faults| anyhow!("the answer does not prove itself: {faults:?}"))?;
    files::write_explanations(&args.out.join("rings.json"), &book, &explained)?;
    files::write_duals(&args.out.join("duals.csv"), book.by_asset(&clearing.duals.assets))?;
    files::write_unfilled(&args.out.join("unfilled.csv"), &book, &clearing.unfilled)?;
    if mode == Mode::Uniform {
        files::write_lanes(&args.out.join("lanes.csv"), book.by_lane(&clearing.duals))?;
        files::write_prices(&args.out.join("prices.csv"), &book, &clearing)?;
    }
    files::write_summary(&args.out.join("summary.json"), &book, &rules, now, &clearing, &skipped)?;
    eprintln!(
        "{} rings over {} of {} offers, {} USD of at most {} USD, in {:.1} s",
        clearing.answer.rings.len(),
        clearing.report.given.len(),
        book.book.offers().len(),
        clearing.report.value.display(2),
        clearing.bound.display(2),
        started.elapsed().as_secs_f64(),
    );
    tell_outside(&book, now);
    Ok(())
}

/// Shows a step on the terminal, at most twice a second.
fn tell(told: &Mutex<Instant>, step: Progress) {
    let Ok(mut last) = told.lock() else { return };
    if last.elapsed() >= Duration::from_millis(500) {
        *last = Instant::now();
        eprintln!(
            "{} {}/{}, about {:.0} USD in sight",
            step.stage.name(),
            step.done,
            step.of,
            step.value_usd
        );
    }
}
