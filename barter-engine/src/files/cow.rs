//! Turns auctions of limit orders, as researchers publish those of the CoW Protocol, into books.
//!
//! The mapping, and what it leaves out, stands in `docs/FILES.md`.

use super::reader::{ASSET_COLUMNS, OFFER_COLUMNS};
use super::writer::{field, write_file};
use super::{FileError, Reason, Source, tables::Table};
use clearing::{Amount, Price};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The most orders of a file.
const MAX_ORDERS: usize = 2_000_000;

/// A smallest unit is 10^-12 of a token.
const TOKEN_PLACES: u8 = 12;

/// Of tokens cheaper than this, in 10^-12 USD, a million is a whole unit, so that a price of twelve places can tell them.
const CHEAP: u128 = 100_000_000;

const COLUMNS: [&str; 8] = [
    "auction",
    "order",
    "token_bought_symbol",
    "token_sold_symbol",
    "token_bought_amount",
    "token_sold_amount",
    "token_bought_price_usd",
    "token_sold_price_usd",
];

/// What became of one auction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Its number, which names its directory.
    pub auction: u64,
    /// Assets written.
    pub assets: usize,
    /// Offers written.
    pub offers: usize,
    /// Orders left out, by reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// The most bytes of an order's id: with a letter before it, it is an identifier of a book.
const MAX_ID: usize = 63;

/// The most bytes of a symbol: with a number of seven digits behind it, it is one too.
const MAX_SYMBOL: usize = 56;

/// A token: its symbol, and the price that tells it from others of the same symbol.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    symbol: String,
    price: Decimal,
}

struct Order {
    id: String,
    sold: Token,
    give: Amount,
    bought: Token,
    want: Amount,
}

/// Reads orders (auction, order, kind, token_bought_symbol, token_sold_symbol, token_bought_amount, token_sold_amount,
/// token_bought_price_usd, token_sold_price_usd) and writes the book of each auction, or of the `only` one, into a directory
/// of its own below `out`: assets.csv and offers.csv. Orders that cannot be told are left out and counted.
///
/// # Errors
/// What concerns the whole file, [`Reason::NoAuction`] and [`Reason::Io`].
pub fn import_cow(source: Source<'_>, only: Option<u64>, out: &Path) -> Result<Vec<Imported>, FileError> {
    let file = source.name.clone();
    let mut table = Table::new(source, &COLUMNS, MAX_ORDERS)?;
    let mut auctions: BTreeMap<u64, (Vec<Order>, Imported)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    while table.next()? {
        let auction = table.number("auction", u64::MAX)?;
        if only.is_some_and(|only| only != auction) {
            continue;
        }
        let (orders, imported) = auctions.entry(auction).or_default();
        imported.auction = auction;
        match order(&table) {
            Ok(order) if !seen.insert((auction, order.id.clone())) => {
                *imported.left_out.entry("duplicate").or_default() += 1;
            }
            Ok(order) => orders.push(order),
            Err(reason) => *imported.left_out.entry(reason).or_default() += 1,
        }
    }
    if let Some(auction) = only.filter(|_| auctions.is_empty()) {
        return Err(FileError { file, line: 0, column: "auction", reason: Reason::NoAuction { auction } });
    }
    auctions.into_values().map(|(orders, imported)| write(out, &orders, imported)).collect()
}

fn order(table: &Table<'_>) -> Result<Order, &'static str> {
    let token = |symbol, price| {
        let symbol = match table.identifier(symbol) {
            Ok(symbol) if symbol.len() <= MAX_SYMBOL => symbol,
            _ if table.cell(symbol).is_empty() => return Err("no symbol"),
            _ => return Err("bad symbol"),
        };
        match table.cell(price) {
            "" => Err("no price"),
            price => {
                let price = Decimal::read(price).ok_or("bad price")?;
                Ok(Token { symbol: symbol.to_owned(), price })
            }
        }
    };
    let amount = |column, up| match table.cell(column) {
        "" => Err("no amount"),
        text => match Decimal::read(text).and_then(|n| n.scaled(TOKEN_PLACES, up)).map(Amount::new) {
            Some(Ok(amount)) if amount.is_zero() => Err("dust"),
            Some(Ok(amount)) => Ok(amount),
            Some(Err(_)) | None => Err("bad amount"),
        },
    };
    let id = table.identifier("order").ok().filter(|id| id.len() <= MAX_ID).ok_or("bad identifier")?;
    let order = Order {
        id: id.to_owned(),
        sold: token("token_sold_symbol", "token_sold_price_usd")?,
        // What is given is rounded down and what is wanted up, so that no limit is lower than the order's.
        give: amount("token_sold_amount", false)?,
        bought: token("token_bought_symbol", "token_bought_price_usd")?,
        want: amount("token_bought_amount", true)?,
    };
    match (reference(&order.sold.price), reference(&order.bought.price)) {
        _ if order.sold == order.bought => Err("same asset"),
        (Some(_), Some(_)) => Ok(order),
        _ => Err("bad price"),
    }
}

/// The decimals of a token's asset, and the price of its whole unit.
fn reference(price: &Decimal) -> Option<(u8, Price)> {
    let plain = price.scaled(12, false)?;
    if plain < CHEAP {
        return Some((TOKEN_PLACES + 6, Price::new(price.scaled(18, false)?, 12).ok()?));
    }
    Some((TOKEN_PLACES, Price::new(plain, 12).ok()?))
}

fn write(out: &Path, orders: &[Order], mut imported: Imported) -> Result<Imported, FileError> {
    let dir = out.join(imported.auction.to_string());
    fs::create_dir_all(&dir).map_err(|e| FileError {
        file: dir.to_string_lossy().into_owned(),
        line: 0,
        column: "",
        reason: Reason::Io(e),
    })?;
    // Tokens that share a symbol are numbered in the order of their prices, past what other tokens are called.
    let tokens: BTreeSet<&Token> = orders.iter().flat_map(|order| [&order.sold, &order.bought]).collect();
    let mut names: BTreeMap<&Token, String> = BTreeMap::new();
    let mut taken: BTreeSet<String> = tokens.iter().map(|token| token.symbol.clone()).collect();
    let mut last: (&str, usize) = ("", 0);
    for token in tokens {
        let mut name = token.symbol.clone();
        if last.0 != token.symbol {
            last = (&token.symbol, 1);
        } else {
            while taken.contains(&name) {
                last.1 += 1;
                name = format!("{}#{}", token.symbol, last.1);
            }
            taken.insert(name.clone());
        }
        names.insert(token, name);
    }
    write_file(&dir.join("assets.csv"), |file| {
        writeln!(file, "{}", ASSET_COLUMNS.join(","))?;
        for (token, name) in &names {
            let (decimals, price) = reference(&token.price).expect("orders without a price were left out");
            writeln!(file, "{},{decimals},{price}", field(name))?;
        }
        Ok(())
    })?;
    write_file(&dir.join("offers.csv"), |file| {
        writeln!(file, "{}", OFFER_COLUMNS.join(","))?;
        for Order { id, sold, give, bought, want } in orders {
            let (offer, party) = (format!("O{id}"), format!("P{id}"));
            let (offer, party) = (field(&offer), field(&party));
            let (sold, bought) = (field(&names[sold]), field(&names[bought]));
            writeln!(file, "{offer},{party},{sold},{give},{bought},{want},1,0,0,1")?;
        }
        Ok(())
    })?;
    (imported.assets, imported.offers) = (names.len(), orders.len());
    Ok(imported)
}

/// A decimal, with or without exponent (`2.1e-05`): 0.`digits` times ten to the `magnitude`. Equal numbers are equal, and
/// they are ordered by value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Decimal {
    magnitude: i32,
    /// Without zeros at either end; none for zero, whose magnitude is the least.
    digits: String,
}

impl Decimal {
    fn read(text: &str) -> Option<Decimal> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent = exponent.parse::<i16>().ok()?;
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(part) || text.len() > 60 {
            return None;
        }
        let all = format!("{whole}{part}");
        let significant = all.trim_start_matches('0');
        let point = i32::try_from(whole.len()).ok()? - i32::try_from(all.len() - significant.len()).ok()?;
        let magnitude = if significant.is_empty() { i32::MIN } else { i32::from(exponent) + point };
        Some(Decimal { magnitude, digits: significant.trim_end_matches('0').to_owned() })
    }

    /// In units of 10^-`places`, rounded down or `up`. `None` beyond 2^128.
    fn scaled(&self, places: u8, up: bool) -> Option<u128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let number = self.digits.parse::<u128>().ok()?;
        let shift = i32::from(places) + self.magnitude - i32::try_from(self.digits.len()).ok()?;
        if shift >= 0 {
            return number.checked_mul(10u128.checked_pow(u32::try_from(shift).ok()?)?);
        }
        let Some(cut) = 10u128.checked_pow(shift.unsigned_abs()) else {
            return Some(u128::from(up));
        };
        Some(if up { number.div_ceil(cut) } else { number / cut })
    }
}

/// Feeds bytes to the reader of orders' numbers; for fuzzing, never panics.
pub fn fuzz_order(bytes: &[u8]) {
    let text = [COLUMNS.join(",").as_bytes(), b"\n", bytes].concat();
    let table = Source::bytes("orders", &text).and_then(|source| Table::new(source, &COLUMNS, 100));
    if let Ok(mut table) = table {
        while table.next().is_ok_and(|more| more) {
            let _ = order(&table);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Decimal::read(text).map(|number| (number.scaled(12, true), reference(&number)));
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, reference};

    #[test]
    fn numbers_are_read_as_they_are_written_by_machines() {
        let cases = [
            ("0.18000000000000002", 12, false, Some(180_000_000_000)),
            ("0.18000000000000002", 12, true, Some(180_000_000_001)),
            ("2.1e-05", 12, false, Some(21_000_000)),
            ("1e-18", 12, true, Some(1)),
            ("1e-18", 12, false, Some(0)),
            ("1.5E+3", 2, false, Some(150_000)),
            ("1e40", 12, false, None),
            ("1e+-5", 12, false, None),
            ("0.000e5", 12, true, Some(0)),
            ("1e-400", 12, true, Some(1)),
            ("-1", 12, false, None),
            ("nan", 12, false, None),
            ("", 12, false, None),
            (".5", 12, false, None),
            ("1e99999", 12, false, None),
        ];
        for (text, places, up, expected) in cases {
            let told = Decimal::read(text).and_then(|number| number.scaled(places, up));
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let read = |text| Decimal::read(text).unwrap();
        for (a, b) in [("3437", "3437.0"), ("0.18", "1.8e-1"), ("00.5e1", "5"), ("0", "0.0e7")] {
            assert!(read(a) == read(b), "{a} {b}");
        }
        for (less, more) in [("9", "10"), ("9.5e-7", "0.1"), ("0", "1e-9"), ("1.2", "1.21"), ("2.1", "12")] {
            assert!(read(less) < read(more), "{less} {more}");
        }
    }

    #[test]
    fn a_million_of_a_cheap_token_is_a_whole_unit() {
        let told =
            |price| reference(&Decimal::read(price)?).map(|(decimals, price)| (decimals, price.to_string()));
        assert_eq!(told("3437.0"), Some((12, "3437".to_owned())));
        assert_eq!(told("4.542467893297471e-11"), Some((18, "0.000045424678".to_owned())));
        assert_eq!(told("1e-20"), None);
        assert_eq!(told("1e13"), None);
    }
}
