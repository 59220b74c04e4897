//! How quantities, dates and accounts read in terms and refusals.

use std::fmt;

use clearing::Amount;
use ledger::{Read, Timestamp};
use vocabulary::{Text, UnitCode};

use crate::model::{Asset, AssetId};
use crate::table::ASSETS;

/// What an asset is called, and how its quantities are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    id: AssetId,
    name: Text<80>,
    unit: Option<UnitCode>,
    decimals: u8,
}

impl Label {
    /// The label of a defined asset.
    pub(crate) fn of(state: &dyn Read, id: AssetId) -> Option<Label> {
        ASSETS.get(state, &id).map(|asset| Label::new(id, asset))
    }

    /// The label of an asset that certainly is: of the genesis, or of an offer.
    pub(crate) fn certain(state: &dyn Read, id: AssetId) -> Box<Label> {
        Box::new(Label::of(state, id).expect("assets that offers and bonds are over are defined"))
    }

    pub(crate) fn new(id: AssetId, asset: Asset) -> Label {
        let unit = asset.hs.map(|_| asset.unit);
        Label { id, name: asset.name, unit, decimals: asset.decimals }
    }

    /// `amount` in words.
    #[must_use]
    pub fn quantity(&self, amount: Amount) -> Quantity<'_> {
        Quantity { amount, label: self }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> AssetId {
        self.id
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// A quantity as merchants write it: `500.000 t of jute yarn`; of the deposit asset `25.00 deposit dollar`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity<'a> {
    amount: Amount,
    label: &'a Label,
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { name, unit, decimals, .. } = self.label;
        let amount = self.amount.display(*decimals);
        match unit {
            Some(unit) => write!(f, "{amount} {} of {name}", unit.symbol()),
            None => write!(f, "{amount} {name}"),
        }
    }
}

/// Millionths of a US dollar as dollars and cents, rounded down: `1234.56`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dollars(pub(crate) u128);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 1_000_000, self.0 % 1_000_000 / 10_000)
    }
}

/// A time in whole days where it is some, in seconds otherwise: `21 days`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / Timestamp::DAY_MS, self.0 % Timestamp::DAY_MS);
        match (days, rest) {
            (1, 0) => f.write_str("1 day"),
            (2.., 0) => write!(f, "{days} days"),
            _ => write!(f, "{}.{:03} seconds", self.0 / 1000, self.0 % 1000),
        }
    }
}

/// A moment as `2026-12-01 00:00 UTC`, seconds shown only where there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub(crate) Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.day());
        let ms = self.0.0 % Timestamp::DAY_MS;
        let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")?;
        match (second, ms) {
            (0, 0) => {}
            (_, 0) => write!(f, ":{second:02}")?,
            _ => write!(f, ":{second:02}.{ms:03}")?,
        }
        f.write_str(" UTC")
    }
}

/// The Gregorian date `days` after 1970-01-01, counted in whole 400-year cycles from 0000-03-01, so that the day
/// that a leap year adds is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    const CYCLE: u64 = 146_097; // days in 400 years
    let days = days.saturating_add(719_468); // 0000-03-01 to 1970-01-01
    let (cycle, day) = (days / CYCLE, days % CYCLE);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day + 2) / 153; // months of 30.6 days from March on
    let date = day - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (cycle * 400 + year + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (1_709_208_000, "2024-02-29 12:00 UTC"),
            (1_772_323_200, "2026-03-01 00:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(Moment(Timestamp(seconds * 1000)).to_string(), expected);
        }
        assert_eq!(Moment(Timestamp(1)).to_string(), "1970-01-01 00:00:00.001 UTC");
        let _ = Moment(Timestamp(u64::MAX)).to_string();
    }

    #[test]
    fn dollars_round_down_to_cents() {
        assert_eq!(Dollars(1_239_999).to_string(), "1.23");
        assert_eq!(Dollars(50_000).to_string(), "0.05");
    }
}
