//! Writes answers. The same answer gives the same bytes.

use super::answer::LANE_COLUMNS;
use super::reader::{ASSET_COLUMNS, OFFER_COLUMNS};
use super::{FileError, NamedBook, Reason, Skipped, SkippedRows};
use crate::netting::{Netting, Obligations};
use crate::{Clearing, Reason as Why, Unfilled};
use clearing::{Amount, Band, Book, Names, Ring, Rules, UsdValue};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

/// Decimal places of USD in files.
pub(super) const USD_PLACES: u8 = 6;

/// Writes `assets.csv`, as it is read.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_assets(path: &Path, names: &impl Names, book: &Book) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "{}", ASSET_COLUMNS.join(","))?;
        for asset in book.assets() {
            writeln!(file, "{},{},{}", field(&names.asset(asset.key)), asset.decimals, asset.reference)?;
        }
        Ok(())
    })
}

/// Writes `offers.csv`, as it is read.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_offers(path: &Path, names: &impl Names, book: &Book) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "{}", OFFER_COLUMNS.join(","))?;
        for offer in book.offers() {
            writeln!(
                file,
                "{},{},{},{},{},{},{},{},{},{}",
                field(&names.offer(offer.key)),
                field(&names.party(offer.party)),
                field(&names.asset(offer.give)),
                offer.give_qty,
                field(&names.asset(offer.want)),
                offer.want_qty,
                u8::from(offer.divisible),
                offer.min_fill,
                offer.valid_from,
                offer.valid_until,
            )?;
        }
        Ok(())
    })
}

/// Writes `rings.csv`: ring_id (the ring at this place, from 0, is `called` so), pos, offer_id, give_qty.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_rings(
    path: &Path,
    names: &impl Names,
    rings: &[Ring],
    called: impl Fn(usize) -> String,
) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "ring_id,pos,offer_id,give_qty")?;
        for (at, ring) in rings.iter().enumerate() {
            for (leg, pos) in ring.legs.iter().zip(0..) {
                writeln!(file, "{},{pos},{},{}", called(at), field(&names.offer(leg.offer)), leg.give)?;
            }
        }
        Ok(())
    })
}

/// Writes `prices.csv`: asset_id, price_usd, for every asset of the book.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_prices(path: &Path, book: &NamedBook, clearing: &Clearing) -> Result<(), FileError> {
    let searched = clearing.answer.prices.as_slice();
    write_file(path, |file| {
        writeln!(file, "asset_id,price_usd")?;
        for asset in book.book.assets() {
            let price = searched
                .iter()
                .find(|(key, _)| *key == asset.key)
                .map_or(asset.reference, |(_, price)| *price);
            writeln!(file, "{},{price}", field(book.asset_name(asset.key)))?;
        }
        Ok(())
    })
}

/// Writes `duals.csv`: asset_id, dual, the numbers that prove a bound, with nine decimals. Those left out are zero.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_duals<'a>(
    path: &Path,
    duals: impl IntoIterator<Item = (&'a str, u64)>,
) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "asset_id,dual")?;
        for (asset, dual) in duals {
            writeln!(file, "{},{}", field(asset), decimal(dual))?;
        }
        Ok(())
    })
}

/// Writes `lanes.csv`: give_asset, want_asset, dual, which prove a bound of uniform mode, with nine decimals. Those left out
/// are zero.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_lanes<'a>(
    path: &Path,
    lanes: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "{}", LANE_COLUMNS.join(","))?;
        for (give, want, dual) in lanes {
            writeln!(file, "{},{},{}", field(give), field(want), decimal(dual))?;
        }
        Ok(())
    })
}

/// A dual with its nine decimals.
fn decimal(dual: u64) -> String {
    format!("{}.{:09}", dual / clearing::DUAL_WHOLE, dual % clearing::DUAL_WHOLE)
}

/// Writes `unfilled.csv`: offer_id, reason, too_dear_ppm, bearable_want_qty (the most that it could want and be in a ring),
/// and the offer that would complete a ring: nearest_give, nearest_want, nearest_give_qty, nearest_want_qty.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_unfilled(path: &Path, names: &impl Names, unfilled: &[Unfilled]) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(
            file,
            "offer_id,reason,too_dear_ppm,bearable_want_qty,nearest_give,nearest_want,nearest_give_qty,nearest_want_qty"
        )?;
        for offer in unfilled {
            let ppm =
                if let Why::LimitTooFar { ppm } = offer.reason { ppm.to_string() } else { String::new() };
            writeln!(
                file,
                "{},{},{ppm},{},{},{},{},{}",
                field(&names.offer(offer.offer)),
                offer.reason.name(),
                offer.bearable.map(|units| units.to_string()).unwrap_or_default(),
                field(&names.asset(offer.nearest.give)),
                field(&names.asset(offer.nearest.want)),
                offer.nearest.give_qty,
                offer.nearest.want_qty,
            )?;
        }
        Ok(())
    })
}

#[derive(Serialize)]
struct Summary<'a> {
    mode: &'a str,
    value_usd: Box<RawValue>,
    bound_usd: Box<RawValue>,
    rings: usize,
    legs: usize,
    offers: usize,
    offers_filled: usize,
    live_offers: usize,
    band: Box<RawValue>,
    max_assets: u8,
    now: u64,
    candidate_rings: usize,
    every_ring_seen: bool,
    stopped_early: bool,
    unfilled: Reasons,
    skipped_rows: usize,
    skipped: SkippedByFile<'a>,
}

/// The rows left out, by file and reason.
#[derive(Serialize)]
pub(super) struct SkippedByFile<'a> {
    assets: &'a BTreeMap<&'static str, usize>,
    offers: &'a BTreeMap<&'static str, usize>,
}

impl<'a> From<&'a Skipped> for SkippedByFile<'a> {
    fn from(skipped: &'a Skipped) -> SkippedByFile<'a> {
        SkippedByFile { assets: &skipped.assets.reasons, offers: &skipped.offers.reasons }
    }
}

#[derive(Default, Serialize)]
struct Reasons {
    no_counter_offer: usize,
    limit_too_far: usize,
    out_of_competition: usize,
    seventh_asset: usize,
    minimum_not_reached: usize,
}

/// Writes `summary.json`. Values in USD have six decimals: the value rounded down, the bound up.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_summary(
    path: &Path,
    book: &NamedBook,
    rules: &Rules,
    now: u64,
    clearing: &Clearing,
    skipped: &Skipped,
) -> Result<(), FileError> {
    let mut unfilled = Reasons::default();
    for offer in &clearing.unfilled {
        *match offer.reason {
            Why::NoCounterOffer => &mut unfilled.no_counter_offer,
            Why::LimitTooFar { .. } => &mut unfilled.limit_too_far,
            Why::OutOfCompetition => &mut unfilled.out_of_competition,
            Why::SeventhAsset => &mut unfilled.seventh_asset,
            Why::MinimumNotReached => &mut unfilled.minimum_not_reached,
        } += 1;
    }
    let summary = Summary {
        mode: rules.mode.name(),
        value_usd: number(clearing.report.value.display(USD_PLACES)),
        bound_usd: number(rounded_up(clearing.bound, USD_PLACES)),
        rings: clearing.answer.rings.len(),
        legs: clearing.report.legs,
        offers: book.book.offers().len(),
        offers_filled: clearing.report.given.len(),
        live_offers: clearing.stats.live_offers,
        band: share(rules.band),
        max_assets: rules.max_assets,
        now,
        candidate_rings: clearing.stats.candidates,
        every_ring_seen: clearing.stats.every_ring,
        stopped_early: clearing.stats.stopped,
        unfilled,
        skipped_rows: skipped.assets.total() + skipped.offers.total(),
        skipped: skipped.into(),
    };
    write_json(path, &summary)
}

/// The value in USD to so many places (at most 30), rounded up.
#[must_use]
pub fn rounded_up(value: UsdValue, places: u8) -> String {
    let one = 10u128.pow(u32::from(30u8.saturating_sub(places)));
    let up = value.raw().saturating_add(ruint::aliases::U256::from(one - 1));
    UsdValue::from_raw(up).display(places)
}

/// A band as a share: `0.020000` is 2 %.
#[must_use]
pub fn share(band: Band) -> Box<RawValue> {
    micro(u128::from(band.ppm()))
}

/// So many millionths of a dollar, or of a whole, as a JSON number with six decimals.
#[must_use]
pub fn micro(millionths: u128) -> Box<RawValue> {
    number(format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000))
}

/// A JSON number with exactly these digits.
pub(super) fn number(digits: String) -> Box<RawValue> {
    RawValue::from_string(digits).expect("decimal digits are a JSON number")
}

#[derive(Serialize)]
struct NetSummary<'a> {
    debts: usize,
    parties: usize,
    owed: Box<RawValue>,
    cleared: Box<RawValue>,
    bound: Box<RawValue>,
    cleared_pairs: usize,
    debts_to_oneself: usize,
    owed_to_oneself: Box<RawValue>,
    skipped_rows: usize,
    skipped: &'a BTreeMap<&'static str, usize>,
    relabels: u64,
}

/// Writes `cleared.csv` (debtor, creditor, cleared) and `summary.json` of a netting.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_cleared(
    cleared: &Path,
    summary: &Path,
    obligations: &Obligations,
    netting: &Netting,
    skipped: &SkippedRows,
) -> Result<(), FileError> {
    let show = |units: u128| {
        Amount::new(units).expect("all debts together are an amount").display(obligations.decimals)
    };
    write_file(cleared, |file| {
        writeln!(file, "debtor,creditor,cleared")?;
        for debt in &netting.cleared {
            let (debtor, creditor) = (&obligations.names[debt.debtor], &obligations.names[debt.creditor]);
            writeln!(file, "{},{},{}", field(debtor), field(creditor), show(debt.amount))?;
        }
        Ok(())
    })?;
    let figures = NetSummary {
        debts: obligations.debts.len(),
        parties: obligations.names.len(),
        owed: number(show(netting.owed)),
        cleared: number(show(netting.total)),
        bound: number(show(netting.total)),
        cleared_pairs: netting.cleared.len(),
        debts_to_oneself: netting.to_oneself.0,
        owed_to_oneself: number(show(netting.to_oneself.1)),
        skipped_rows: skipped.total(),
        skipped: &skipped.reasons,
        relabels: netting.relabels,
    };
    write_json(summary, &figures)
}

/// Writes `potentials.csv`: party, potential, the numbers that prove a netting.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_potentials(path: &Path, obligations: &Obligations, netting: &Netting) -> Result<(), FileError> {
    write_file(path, |file| {
        writeln!(file, "party,potential")?;
        for (name, potential) in obligations.names.iter().zip(&netting.potentials) {
            writeln!(file, "{},{potential}", field(name))?;
        }
        Ok(())
    })
}

/// A field, quoted where it must be.
pub(super) fn field(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

/// Writes a value as JSON, a field per line.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_file(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        writeln!(file)
    })
}

pub(super) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let written = File::create(path).map(BufWriter::new).and_then(|mut file| {
        fill(&mut file)?;
        file.flush()
    });
    written.map_err(|e| FileError {
        file: path.to_string_lossy().into_owned(),
        line: 0,
        column: "",
        reason: Reason::Io(e),
    })
}
