//! Reads answers back, to be proved by somebody who did not make them.

use super::{FileError, NamedBook, Reason, Source, error::quoted, tables::Table};
use clearing::{
    Amount, AssetKey, Band, DUAL_WHOLE, Leg, MAX_DUAL, Mode, OfferKey, Price, Prices, Ring, Rules,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The most legs of an answer that are read.
const MAX_LEGS_READ: usize = 20_000_000;

/// Decimal places of a dual.
const DUAL_PLACES: u8 = 9;

/// The columns of `lanes.csv`.
pub(super) const LANE_COLUMNS: [&str; 3] = ["give_asset", "want_asset", "dual"];

/// What a summary claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The rules that the answer is said to keep.
    pub rules: Rules,
    /// The moment at which its offers are said to be valid, epoch seconds.
    pub now: u64,
    /// The value claimed, in 10^-6 USD.
    pub value_micro_usd: u128,
    /// The bound claimed, in 10^-6 USD.
    pub bound_micro_usd: u128,
    /// Whether the solver says that it saw every ring that can be; its bound may then rest on that.
    pub every_ring_seen: bool,
}

#[derive(Deserialize)]
struct Summary {
    mode: String,
    band: Box<RawValue>,
    max_assets: u8,
    now: u64,
    value_usd: Box<RawValue>,
    bound_usd: Box<RawValue>,
    every_ring_seen: bool,
}

/// Reads `summary.json`.
///
/// # Errors
/// [`Reason::Io`] and [`Reason::NotASummary`].
pub fn read_summary(source: Source<'_>) -> Result<Claims, FileError> {
    let Source { name, mut bytes } = source;
    let fail = |reason| FileError { file: name.clone(), line: 0, column: "", reason };
    let mut text = String::new();
    bytes.read_to_string(&mut text).map_err(|e| fail(Reason::Io(e)))?;
    let claims = || {
        let summary: Summary = serde_json::from_str(&text).ok()?;
        let mode = [Mode::Ring, Mode::Uniform, Mode::Lots].into_iter().find(|m| m.name() == summary.mode)?;
        let micro = |number: &RawValue| Amount::parse_decimal(number.get(), 6).ok().map(Amount::get);
        let band = summary.band.get().parse::<Band>().ok()?;
        Some(Claims {
            rules: Rules { mode, band, max_assets: summary.max_assets },
            now: summary.now,
            value_micro_usd: micro(&summary.value_usd)?,
            bound_micro_usd: micro(&summary.bound_usd)?,
            every_ring_seen: summary.every_ring_seen,
        })
    };
    claims().ok_or_else(|| fail(Reason::NotASummary))
}

/// Reads `rings.csv`: ring_id, pos, offer_id, give_qty. Rings come in the order of their first rows, legs in that of their
/// positions. Returns the names of the rings, and the rings.
///
/// # Errors
/// The first thing wrong, with line and column.
pub fn read_rings(book: &NamedBook, source: Source<'_>) -> Result<(Vec<String>, Vec<Ring>), FileError> {
    let mut table = Table::new(source, &["ring_id", "pos", "offer_id", "give_qty"], MAX_LEGS_READ)?;
    let offers: BTreeMap<&str, OfferKey> =
        book.book.offers().iter().map(|offer| (book.offer_name(offer.key), offer.key)).collect();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut rings: Vec<Ring> = Vec::new();
    while table.next()? {
        let id = table.identifier("ring_id")?;
        let place = *places.entry(id.to_owned()).or_insert(rings.len());
        if place == rings.len() {
            names.push(id.to_owned());
            rings.push(Ring { legs: Vec::new() });
        }
        let name = table.identifier("offer_id")?;
        let known = offers.get(name).copied();
        let offer =
            known.ok_or_else(|| table.error("offer_id", Reason::UnknownOffer { id: quoted(name) }))?;
        let give = table.amount("give_qty")?;
        let expected = rings[place].legs.len();
        if table.number("pos", u64::MAX)? != expected as u64 {
            return Err(table.error("pos", Reason::Position { expected }));
        }
        rings[place].legs.push(Leg { offer, give });
    }
    Ok((names, rings))
}

/// Reads `prices.csv`: asset_id, price_usd.
///
/// # Errors
/// The first thing wrong, with line and column.
pub fn read_prices(book: &NamedBook, source: Source<'_>) -> Result<Prices, FileError> {
    let mut table = Table::new(source, &["asset_id", "price_usd"], super::MAX_ASSETS)?;
    let mut prices: BTreeMap<AssetKey, Price> = BTreeMap::new();
    while table.next()? {
        let (key, id) = asset(book, &table, "asset_id")?;
        if prices.insert(key, table.price("price_usd")?).is_some() {
            return Err(table.error("asset_id", Reason::Duplicate { id }));
        }
    }
    Ok(Prices::new(prices.into_iter().collect()))
}

/// Reads `duals.csv`: asset_id, dual, a decimal of at most nine places up to a million. The duals come in the order of the
/// book's assets, in parts of [`DUAL_WHOLE`]; assets that are not listed have none.
///
/// # Errors
/// The first thing wrong, with line and column.
pub fn read_duals(book: &NamedBook, source: Source<'_>) -> Result<Vec<u64>, FileError> {
    let mut table = Table::new(source, &["asset_id", "dual"], super::MAX_ASSETS)?;
    let mut duals = vec![None; book.book.assets().len()];
    while table.next()? {
        let (key, id) = asset(book, &table, "asset_id")?;
        let dual = dual(&table)?;
        let place = book.book.asset_index(key).expect("the name was found in this book");
        if duals[place].replace(dual).is_some() {
            return Err(table.error("asset_id", Reason::Duplicate { id }));
        }
    }
    Ok(duals.into_iter().map(Option::unwrap_or_default).collect())
}

/// Reads `lanes.csv`: give_asset, want_asset, dual, a decimal of at most nine places up to a million; in parts of
/// [`DUAL_WHOLE`]. Only pairs that some offer gives and wants can be listed, each once.
///
/// # Errors
/// The first thing wrong, with line and column.
pub fn read_lanes(
    book: &NamedBook,
    source: Source<'_>,
) -> Result<BTreeMap<(AssetKey, AssetKey), u64>, FileError> {
    let mut table = Table::new(source, &LANE_COLUMNS, super::MAX_ROWS)?;
    let offered: BTreeSet<(AssetKey, AssetKey)> =
        book.book.offers().iter().map(|offer| (offer.give, offer.want)).collect();
    let mut lanes = BTreeMap::new();
    while table.next()? {
        let [(give, given), (want, wanted)] =
            [asset(book, &table, "give_asset")?, asset(book, &table, "want_asset")?];
        if !offered.contains(&(give, want)) {
            return Err(table.row_error(Reason::NoLane { give: given, want: wanted }));
        }
        if lanes.insert((give, want), dual(&table)?).is_some() {
            return Err(table.row_error(Reason::Duplicate { id: format!("{given}, {wanted}") }));
        }
    }
    Ok(lanes)
}

fn dual(table: &Table<'_>) -> Result<u64, FileError> {
    let text = table.cell("dual");
    let dual = Amount::parse_decimal(text, DUAL_PLACES)
        .map_err(|source| table.error("dual", Reason::Amount { text: quoted(text), source }))?;
    let small = u64::try_from(dual.get()).ok().filter(|dual| *dual <= MAX_DUAL);
    let max = MAX_DUAL / DUAL_WHOLE;
    small.ok_or_else(|| table.error("dual", Reason::Number { text: quoted(text), max }))
}

fn asset(book: &NamedBook, table: &Table<'_>, column: &'static str) -> Result<(AssetKey, String), FileError> {
    let id = table.identifier(column)?;
    let known = book.asset_key(id);
    let key = known.ok_or_else(|| table.error(column, Reason::UnknownAsset { id: quoted(id) }))?;
    Ok((key, id.to_owned()))
}

/// Feeds bytes to the readers of answers over a small book; for fuzzing, never panics.
pub fn fuzz_answer(bytes: &[u8]) {
    let book = || {
        let assets = Source::bytes("assets", b"asset_id,decimals,ref_usd\nA,0,1\nB,2,1.5\n")?;
        let offers = "offer_id,party,give_asset,give_qty,want_asset,want_qty,divisible,min_fill,valid_from,\
                      valid_until\nO1,P,A,5,B,7,1,0,0,9\nO2,Q,B,7,A,5,1,0,0,9\n";
        super::read_book(assets, Source::bytes("offers", offers.as_bytes())?)
    };
    let Ok(book) = book() else { return };
    let source = || Source::bytes("answer", bytes);
    let _ = source().and_then(read_summary);
    let _ = source().and_then(|source| read_rings(&book, source));
    let _ = source().and_then(|source| read_prices(&book, source));
    let _ = source().and_then(|source| read_duals(&book, source));
    let _ = source().and_then(|source| read_lanes(&book, source));
}
