//! `permuta replay`: a dated book cleared day by day.

mod chart;

use super::input::BookFiles;
use anyhow::{Context, anyhow};
use barter_engine::files;
use barter_engine::replay::{DAY, Day, MAX_DAYS, Replay, ReplayError};
use barter_engine::{Effort, Options};
use clap::ValueEnum;
use clearing::{Band, Mode, Rules};
use std::path::PathBuf;
use std::time::Instant;

/// Arguments of `permuta replay`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    book: BookFiles,
    /// The fairness band around the reference prices, a share.
    #[arg(long, default_value = "0.02")]
    band: Band,
    /// The most assets of a ring.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(2..=6))]
    max_assets: u8,
    /// How much work is spent on each day; it is counted, not timed, so the result does not depend on the machine.
    #[arg(long, value_enum, default_value_t = EffortName::Quick)]
    effort: EffortName,
    /// Where days.csv, rings.csv, waits.csv, summary.json and chart.svg are written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum EffortName {
    /// What a node's solver spends on a batch.
    Quick,
    /// What `permuta clear` spends.
    Thorough,
}

/// Replays the book and writes what it came to.
///
/// # Errors
/// Whatever is wrong with the input or the output directory.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (book, skipped) = args.book.read()?;
    let rules = Rules { mode: Mode::Ring, band: args.band, max_assets: args.max_assets };
    let effort = match args.effort {
        EffortName::Quick => Effort::Quick,
        EffortName::Thorough => Effort::Thorough,
    };
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let mut replay = Replay::new(&book.book, rules).map_err(|error| match error {
        ReplayError::TooLong { offer, days } => anyhow!(
            "offer {} begins {days} days after the first one, and {MAX_DAYS} days are replayed",
            book.offer_name(offer)
        ),
        error @ (ReplayError::NoDays | ReplayError::RingModeOnly) => error.into(),
    })?;
    let (outlasting, days_left) = (replay.outlasting(), replay.days_left());
    if outlasting > 0 {
        eprintln!("{outlasting} offers are valid for longer than the {days_left} days that are replayed");
    }
    let started = Instant::now();
    let mut days: Vec<Day> = Vec::new();
    while let Some(day) = replay.next_day(&Options { effort, ..Options::default() }) {
        eprintln!(
            "{}: {} offers, {} rings over {} of them, {} USD of at most {} USD; {} days to go, {:.0} s so far",
            date(&day),
            day.live,
            day.rings.len(),
            day.filled,
            day.value.display(0),
            files::rounded_up(day.bound, 0),
            replay.days_left(),
            started.elapsed().as_secs_f64(),
        );
        days.push(day);
    }
    let waits = replay.waits();
    let path = |name: &str| args.out.join(name);
    files::write_days(&path("days.csv"), &days)?;
    files::write_replayed_rings(&path("rings.csv"), &book, &days)?;
    files::write_waits(&path("waits.csv"), &waits)?;
    files::write_replay_summary(&path("summary.json"), &book, &days, &waits, &skipped)?;
    let chart_path = path("chart.svg");
    std::fs::write(&chart_path, chart::drawn(&days, &waits))
        .with_context(|| format!("cannot write {}", chart_path.display()))?;
    eprintln!(
        "{} USD in {} days; half of that had waited at most {} days",
        waits.value().display(2),
        days.len(),
        waits.median_by_value()
    );
    Ok(())
}

/// The day as `2017-01-06`.
fn date(day: &Day) -> String {
    let days = i64::try_from(day.now / DAY).unwrap_or(i64::MAX);
    web::show::iso_date(days.saturating_mul(86_400_000))
}
