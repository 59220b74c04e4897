//! Reads books and obligations.

use super::sides::Sides;
use super::skipped::{Malformed, Skipped, SkippedRows};
use super::{FileError, Reason, Source, error::quoted, tables::Table};
use crate::netting::{Debt, Obligations};
use clearing::{Amount, AmountError, Asset, AssetKey, Book, Duals, Offer, OfferKey, PartyKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most assets of a book.
pub const MAX_ASSETS: usize = 100_000;

/// The most offers of a book, and the most obligations of a file.
pub const MAX_ROWS: usize = 2_000_000;

/// The columns of a book's assets.
pub(super) const ASSET_COLUMNS: [&str; 3] = ["asset_id", "decimals", "ref_usd"];

/// The columns of a book's offers.
pub(super) const OFFER_COLUMNS: [&str; 10] = [
    "offer_id",
    "party",
    "give_asset",
    "give_qty",
    "want_asset",
    "want_qty",
    "divisible",
    "min_fill",
    "valid_from",
    "valid_until",
];

/// A book with the names that its files use.
///
/// Keys are places in the sorted names (offers: by `valid_from`, then name, so that the smaller key is the older
/// offer); the order of rows in the files means nothing.
#[derive(Clone, Debug)]
pub struct NamedBook {
    /// The validated book.
    pub book: Book,
    assets: Vec<String>,
    offers: Vec<String>,
    parties: Vec<String>,
}

impl NamedBook {
    /// The asset's name in the files; empty for a key of another book.
    #[must_use]
    pub fn asset_name(&self, key: AssetKey) -> &str {
        usize::try_from(key.0).ok().and_then(|at| self.assets.get(at)).map_or("", String::as_str)
    }

    /// The offer's name in the files; empty for a key of another book.
    #[must_use]
    pub fn offer_name(&self, key: OfferKey) -> &str {
        usize::try_from(key.0).ok().and_then(|at| self.offers.get(at)).map_or("", String::as_str)
    }

    /// The party's name in the files; empty for a key of another book.
    #[must_use]
    pub fn party_name(&self, key: PartyKey) -> &str {
        let [front @ .., a, b, c, d, e, f, g, h] = key.0;
        let place = usize::try_from(u64::from_be_bytes([a, b, c, d, e, f, g, h])).ok();
        let known = place.filter(|_| front == [0; 12]).and_then(|at| self.parties.get(at));
        known.map_or("", String::as_str)
    }

    /// A number per asset, in the order of the book, with the asset's name.
    pub fn by_asset<'a>(&'a self, numbers: &'a [u64]) -> impl Iterator<Item = (&'a str, u64)> {
        self.assets.iter().map(String::as_str).zip(numbers.iter().copied())
    }

    /// The lanes that count more than nothing, by the names of what they give and want.
    pub fn by_lane<'a>(&'a self, duals: &'a Duals) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
        let name = |key: &AssetKey| self.asset_name(*key);
        let lanes = duals.lanes.iter().filter(|(_, dual)| **dual > 0);
        lanes.map(move |((give, want), dual)| (name(give), name(want), *dual))
    }

    /// The asset of this name.
    #[must_use]
    pub fn asset_key(&self, name: &str) -> Option<AssetKey> {
        let at = self.assets.binary_search_by(|asset| asset.as_str().cmp(name)).ok()?;
        Some(AssetKey(at as u64))
    }
}

/// As the files have them; empty for a key of another book.
impl clearing::Names for NamedBook {
    fn asset(&self, key: AssetKey) -> String {
        self.asset_name(key).to_owned()
    }

    fn offer(&self, key: OfferKey) -> String {
        self.offer_name(key).to_owned()
    }

    fn party(&self, key: PartyKey) -> String {
        self.party_name(key).to_owned()
    }
}

/// Reads a book: `assets.csv` (asset_id, decimals, ref_usd) and `offers.csv` (offer_id, party, give_asset, give_qty,
/// want_asset, want_qty, divisible, min_fill, valid_from, valid_until).
///
/// # Errors
/// The first thing wrong, with file, line and column.
pub fn read_book(assets: Source<'_>, offers: Source<'_>) -> Result<NamedBook, FileError> {
    read_book_with(assets, offers, Malformed::Refused).map(|(book, _)| book)
}

/// Reads a book as [`read_book`] does; with [`Malformed::Skipped`] rows that say nothing sensible are left out and counted.
/// An offer over an asset whose row was left out is left out with it.
///
/// # Errors
/// The first thing wrong that concerns a file, or a row that may not be skipped.
pub fn read_book_with(
    assets: Source<'_>,
    offers: Source<'_>,
    malformed: Malformed,
) -> Result<(NamedBook, Skipped), FileError> {
    let mut skipped = Skipped::default();
    let assets = read_assets(assets, malformed, &mut skipped.assets)?;
    let book = read_offers(&assets, offers, malformed, &mut skipped.offers)?;
    Ok((book, skipped))
}

fn read_assets(
    source: Source<'_>,
    malformed: Malformed,
    skipped: &mut SkippedRows,
) -> Result<BTreeMap<String, Asset>, FileError> {
    let mut table = Table::new(source, &ASSET_COLUMNS, MAX_ASSETS)?;
    let mut named: BTreeMap<String, Asset> = BTreeMap::new();
    each_row(&mut table, malformed, skipped, |table| {
        let id = table.identifier("asset_id")?;
        if named.contains_key(id) {
            return Err(table.error("asset_id", Reason::Duplicate { id: id.to_owned() }));
        }
        let decimals = table.number("decimals", u64::from(clearing::MAX_DECIMALS))?;
        let reference = table.price("ref_usd")?;
        let decimals = u8::try_from(decimals).expect("a number up to 18 is a byte");
        named.insert(id.to_owned(), Asset { key: AssetKey(0), decimals, reference });
        Ok(())
    })?;
    for (place, asset) in (0..).zip(named.values_mut()) {
        asset.key = AssetKey(place);
    }
    Ok(named)
}

/// Reads the rows of a table one by one; those that concern only themselves are left out where that is allowed.
fn each_row(
    table: &mut Table<'_>,
    malformed: Malformed,
    skipped: &mut SkippedRows,
    mut take: impl FnMut(&Table<'_>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    loop {
        let row = match table.next() {
            Ok(false) => return Ok(()),
            Ok(true) => take(table),
            Err(error) => Err(error),
        };
        match row {
            Err(error) if malformed == Malformed::Skipped && error.reason.concerns_a_row() => {
                skipped.count(error);
            }
            row => row?,
        }
    }
}

fn read_offers(
    assets: &BTreeMap<String, Asset>,
    source: Source<'_>,
    malformed: Malformed,
    skipped: &mut SkippedRows,
) -> Result<NamedBook, FileError> {
    let mut table = Table::new(source, &OFFER_COLUMNS, MAX_ROWS)?;
    let mut seen = BTreeSet::new();
    let mut parties: BTreeMap<String, Members> = BTreeMap::new();
    let mut offers: Vec<(String, Offer)> = Vec::new();
    each_row(&mut table, malformed, skipped, |table| {
        let id = table.identifier("offer_id")?;
        if seen.contains(id) {
            return Err(table.error("offer_id", Reason::Duplicate { id: id.to_owned() }));
        }
        let party = table.identifier("party")?;
        let asset = |column| {
            let id = table.cell(column);
            let known = assets.get(id).map(|asset| asset.key);
            known.ok_or_else(|| table.error(column, Reason::UnknownAsset { id: quoted(id) }))
        };
        let (give, want) = (asset("give_asset")?, asset("want_asset")?);
        let offer = Offer {
            key: OfferKey(offers.len() as u64),
            party: PartyKey::default(),
            give,
            give_qty: table.amount("give_qty")?,
            want,
            want_qty: table.amount("want_qty")?,
            divisible: table.flag("divisible")?,
            min_fill: if table.cell("min_fill").is_empty() {
                Amount::ZERO
            } else {
                table.amount("min_fill")?
            },
            valid_from: table.number("valid_from", u64::MAX)?,
            valid_until: table.number("valid_until", u64::MAX)?,
        };
        refuse_nonsense(table, &offer)?;
        if !parties.contains_key(party) {
            parties.insert(party.to_owned(), Members::default());
        }
        let members = parties.get_mut(party).expect("the party was just added");
        if let Some(column) = members.sides.crossed_by(&offer) {
            return Err(table.error(column, Reason::Crossing));
        }
        members.sides.add(&offer);
        members.offers.push(offers.len());
        seen.insert(id.to_owned());
        offers.push((id.to_owned(), offer));
        Ok(())
    })?;
    parties.retain(|_, members| !members.offers.is_empty());
    for (place, members) in (0u64..).zip(parties.values()) {
        let mut key = [0; 20];
        key[12..].copy_from_slice(&place.to_be_bytes());
        for &member in &members.offers {
            offers[member].1.party = PartyKey(key);
        }
    }
    offers.sort_by(|a, b| (a.1.valid_from, &a.0).cmp(&(b.1.valid_from, &b.0)));
    for (place, (_, offer)) in (0..).zip(&mut offers) {
        offer.key = OfferKey(place);
    }
    let (names, offers): (Vec<String>, Vec<Offer>) = offers.into_iter().unzip();
    let book = Book::new(assets.values().copied().collect(), offers)
        .expect("every row was validated and the keys are places in sorted lists");
    Ok(NamedBook {
        book,
        assets: assets.keys().cloned().collect(),
        offers: names,
        parties: parties.into_keys().collect(),
    })
}

/// A party of a book that is being read.
#[derive(Default)]
struct Members {
    offers: Vec<usize>,
    sides: Sides,
}

fn refuse_nonsense(table: &Table<'_>, offer: &Offer) -> Result<(), FileError> {
    let (column, reason) = if offer.give == offer.want {
        ("want_asset", Reason::SameAsset)
    } else if offer.give_qty.is_zero() {
        ("give_qty", Reason::Nothing)
    } else if offer.want_qty.is_zero() {
        ("want_qty", Reason::Nothing)
    } else if offer.min_fill > offer.give_qty {
        ("min_fill", Reason::MinFillTooLarge)
    } else if offer.valid_until <= offer.valid_from {
        ("valid_until", Reason::NeverValid)
    } else {
        return Ok(());
    };
    Err(table.error(column, reason))
}

/// Reads obligations: `debtor, creditor, amount`, exact decimals of at most twelve places.
///
/// # Errors
/// The first thing wrong, with file, line and column. Several debts of a pair are no fault, they add up; what a party owes to
/// itself is counted by [`netting::net`](crate::netting::net).
pub fn read_obligations(
    source: Source<'_>,
    malformed: Malformed,
) -> Result<(Obligations, SkippedRows), FileError> {
    let mut table = Table::new(source, &["debtor", "creditor", "amount"], MAX_ROWS)?;
    let mut names = Names::default();
    let mut rows = Vec::new();
    let mut skipped = SkippedRows::default();
    let mut decimals = 0u8;
    let mut sum = Amount::ZERO;
    each_row(&mut table, malformed, &mut skipped, |table| {
        let (debtor, creditor, amount, places) = obligation(table)?;
        decimals = decimals.max(places);
        sum = sum.checked_add(amount).map_err(|_| table.error("amount", Reason::SumTooLarge))?;
        rows.push(Debt {
            debtor: names.number(debtor),
            creditor: names.number(creditor),
            amount: amount.get(),
        });
        Ok(())
    })?;
    let (names, places) = names.sorted();
    let coarser = 10u128.pow(u32::from(FINEST - decimals));
    let debts = rows
        .iter()
        .map(|row| Debt {
            debtor: places[row.debtor],
            creditor: places[row.creditor],
            amount: row.amount / coarser, // exact: no amount has more places than `decimals`
        })
        .collect();
    Ok((Obligations { names, debts, decimals }, skipped))
}

/// The finest decimal of an amount; files with fewer places are brought to their own finest.
const FINEST: u8 = 12;

/// Debtor, creditor, amount at the finest decimal, and the decimals that the row uses.
fn obligation<'t>(table: &'t Table<'_>) -> Result<(&'t str, &'t str, Amount, u8), FileError> {
    let debtor = table.identifier("debtor")?;
    let creditor = table.identifier("creditor")?;
    let text = table.cell("amount");
    let amount_error = |source| table.error("amount", Reason::Amount { text: quoted(text), source });
    let amount = Amount::parse_decimal(text, FINEST).map_err(amount_error)?;
    if amount.is_zero() {
        return Err(table.error("amount", Reason::Nothing));
    }
    let places = text.split_once('.').map_or(0, |(_, part)| part.len());
    let places = u8::try_from(places).ok().filter(|places| *places <= FINEST);
    let places = places.ok_or_else(|| amount_error(AmountError::TooPrecise { decimals: FINEST }))?;
    Ok((debtor, creditor, amount, places))
}

/// Numbers names in the order of their coming. The map is asked, never walked, so its order decides nothing.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.numbers.len();
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The names sorted, and by number the place of each among them.
    fn sorted(self) -> (Vec<String>, Vec<usize>) {
        let mut names: Vec<(String, usize)> = self.numbers.into_iter().collect();
        names.sort_unstable();
        let mut places = vec![0; names.len()];
        for (place, (_, number)) in names.iter().enumerate() {
            places[*number] = place;
        }
        (names.into_iter().map(|(name, _)| name).collect(), places)
    }
}

/// Feeds bytes to the reader of assets; for fuzzing, never panics.
pub fn fuzz_assets(bytes: &[u8]) {
    for malformed in [Malformed::Refused, Malformed::Skipped] {
        let mut skipped = SkippedRows::default();
        let _ =
            Source::bytes("assets", bytes).and_then(|source| read_assets(source, malformed, &mut skipped));
    }
}

/// Feeds bytes to the reader of offers over two assets `A` and `B`; for fuzzing, never panics.
pub fn fuzz_offers(bytes: &[u8]) {
    for malformed in [Malformed::Refused, Malformed::Skipped] {
        let assets = Source::bytes("assets", b"asset_id,decimals,ref_usd\nA,0,1\nB,2,1.5\n");
        let _ = assets.and_then(|assets| read_book_with(assets, Source::bytes("offers", bytes)?, malformed));
    }
}

/// Feeds bytes to the reader of obligations; for fuzzing, never panics.
pub fn fuzz_obligations(bytes: &[u8]) {
    for malformed in [Malformed::Refused, Malformed::Skipped] {
        let _ = Source::bytes("obligations", bytes).and_then(|source| read_obligations(source, malformed));
    }
}
