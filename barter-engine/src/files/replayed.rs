//! Writes what a replay found.

use super::writer::{SkippedByFile, USD_PLACES, field, number, rounded_up, write_file, write_json};
use super::{FileError, NamedBook, Skipped, ring_name};
use crate::replay::{Day, Waits};
use clearing::UsdValue;
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::Write;
use std::path::Path;

/// Writes `days.csv`: day (epoch seconds of its beginning), offers in the book, new ones, filled ones, the value cleared
/// (rounded down) and its bound (rounded up) in USD, and for rings of two to six how many and what they are worth.
///
/// # Errors
/// [`Reason::Io`](super::Reason::Io).
pub fn write_days(path: &Path, days: &[Day]) -> Result<(), FileError> {
    let usd = |value: UsdValue| value.display(USD_PLACES);
    write_file(path, |file| {
        write!(file, "day,live,new,filled,value_usd,bound_usd")?;
        (2..=6).try_for_each(|legs| write!(file, ",rings_{legs},value_usd_{legs}"))?;
        writeln!(file)?;
        for day in days {
            write!(file, "{},{},{},{}", day.now, day.live, day.new, day.filled)?;
            write!(file, ",{},{}", usd(day.value), rounded_up(day.bound, USD_PLACES))?;
            day.lengths.iter().try_for_each(|(rings, value)| write!(file, ",{rings},{}", usd(*value)))?;
            writeln!(file)?;
        }
        Ok(())
    })
}

/// Writes the rings of all days: day, ring_id (counted anew each day), pos, offer_id, give_qty.
///
/// # Errors
/// [`Reason::Io`](super::Reason::Io).
pub fn write_replayed_rings(path: &Path, book: &NamedBook, days: &[Day]) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "day,ring_id,pos,offer_id,give_qty")?;
        for day in days {
            for (at, ring) in day.rings.iter().enumerate() {
                for (pos, leg) in ring.legs.iter().enumerate() {
                    let offer = field(book.offer_name(leg.offer));
                    writeln!(file, "{},{},{pos},{offer},{}", day.now, ring_name(at), leg.give)?;
                }
            }
        }
        Ok(())
    })
}

/// Writes `waits.csv`: days waited, what was given after so many in USD, and how many offers had their first fill then.
///
/// # Errors
/// [`Reason::Io`](super::Reason::Io).
pub fn write_waits(path: &Path, waits: &Waits) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "days,value_usd,first_fills")?;
        for (days, value) in &waits.by_value {
            let first = waits.first_fills.get(days).copied().unwrap_or_default();
            writeln!(file, "{days},{},{first}", value.display(USD_PLACES))?;
        }
        Ok(())
    })
}

#[derive(Serialize)]
struct Summary<'a> {
    days: usize,
    offers: usize,
    never_in_a_book: usize,
    offers_filled: usize,
    offered_usd: Box<RawValue>,
    value_usd: Box<RawValue>,
    rings: usize,
    mean_wait_days: Box<RawValue>,
    median_wait_days_by_value: u64,
    median_wait_days_by_offer: u64,
    skipped_rows: usize,
    skipped: SkippedByFile<'a>,
}

/// Writes `summary.json` of a replay.
///
/// # Errors
/// [`Reason::Io`](super::Reason::Io).
pub fn write_replay_summary(
    path: &Path,
    book: &NamedBook,
    days: &[Day],
    waits: &Waits,
    skipped: &Skipped,
) -> Result<(), FileError> {
    let mean = waits.mean_hundredths();
    let (offers, offered) = crate::replay::offered(&book.book);
    write_json(
        path,
        &Summary {
            days: days.len(),
            offers,
            never_in_a_book: book.book.offers().len() - offers,
            offers_filled: waits.first_fills.values().sum(),
            offered_usd: number(offered.display(USD_PLACES)),
            value_usd: number(waits.value().display(USD_PLACES)),
            rings: days.iter().map(|day| day.rings.len()).sum(),
            mean_wait_days: number(format!("{}.{:02}", mean / 100, mean % 100)),
            median_wait_days_by_value: waits.median_by_value(),
            median_wait_days_by_offer: waits.median_by_offer(),
            skipped_rows: skipped.assets.total() + skipped.offers.total(),
            skipped: skipped.into(),
        },
    )
}
