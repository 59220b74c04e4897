//! Offers and stock lots, and the exact arithmetic on their limits.

use crate::company::CompanyId;
use crate::goods::{Commodity, commodity};

/// How firmly an offer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Settles without a second signature.
    Binding,
    /// Every party signs the ring before it executes.
    Indicative,
}

/// Where risk passes to the buyer, by Incoterms 2020; the seller's side only, so that the place is known
/// before the buyer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoterm {
    /// Free carrier, at the named place.
    Fca,
    /// Free on board, at the named port.
    Fob,
}

impl Incoterm {
    /// The three-letter code of the rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fca => "FCA",
            Self::Fob => "FOB",
        }
    }
}

/// Goods of one company in one warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockLot {
    /// Whose goods these are.
    pub company: CompanyId,
    /// HS-4 heading.
    pub hs4: &'static str,
    /// Base units, see [`Commodity::decimals`].
    pub quantity: u64,
    /// Trade grade, from the table of goods.
    pub grade: &'static str,
    /// ISO 3166-1 alpha-2 code of the country of origin.
    pub origin: &'static str,
    /// UN/LOCODE of the warehouse.
    pub locode: &'static str,
}

/// One offer: up to `give_qty` of one good for at least `want_qty` of another, in proportion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who offers.
    pub company: CompanyId,
    /// HS-4 heading given.
    pub give: &'static str,
    /// Base units given at most.
    pub give_qty: u64,
    /// HS-4 heading wanted.
    pub want: &'static str,
    /// Base units wanted at least for the whole of `give_qty`. The limit is exactly `want_qty / give_qty`.
    pub want_qty: u64,
    /// Whether a part may trade; otherwise all or none.
    pub divisible: bool,
    /// The smallest part that may trade, in base units of `give`; 0 for any, `give_qty` if not divisible.
    pub min_fill: u64,
    /// Binding or indicative.
    pub kind: Kind,
    /// Whether a binding offer may be part of a ring that waits for signatures; always true for an
    /// indicative one.
    pub joins_indicative: bool,
    /// Delivery rule.
    pub incoterm: Incoterm,
    /// UN/LOCODE of the place that goes with `incoterm`.
    pub place: &'static str,
    /// Days until the offer lapses.
    pub lifetime_days: u32,
}

impl Offer {
    /// Value in US cents of what is given, at reference prices.
    #[must_use]
    pub fn value_cents(&self) -> u128 {
        table(self.give).value_cents(self.give_qty)
    }

    /// The limit against the reference cross rate, see [`limit_ppm`].
    #[must_use]
    pub fn limit_ppm(&self) -> u64 {
        limit_ppm(self.give, self.give_qty, self.want, self.want_qty)
            .expect("an offer of the market is in goods of the table and gives something")
    }
}

/// What an offer asks for, against the reference cross rate, in parts per million and rounded up: 1,000,000
/// asks for goods of exactly the value given, 970,000 is content with 3 % less. `None` if a heading is
/// unknown, nothing is given or the answer does not fit.
#[must_use]
pub fn limit_ppm(give: &str, give_qty: u64, want: &str, want_qty: u64) -> Option<u64> {
    let (give, want) = (commodity(give)?, commodity(want)?);
    // value wanted / value given = (want_qty * want price * give scale) / (give_qty * give price * want scale)
    let asked = product([want_qty, want.price_cents, give.scale()])?;
    let given = product([give_qty, give.price_cents, want.scale()])?;
    let ppm = asked.checked_mul(PPM.into())?.checked_add(given.checked_sub(1)?)? / given;
    u64::try_from(ppm).ok()
}

/// One, in parts per million.
pub const PPM: u64 = 1_000_000;

/// The fairness band of the demo market: 2 %. Nobody trades further than that under the reference rate.
pub const BAND_PPM: u64 = 20_000;

/// The worst rate at which a limit may trade in ring mode, in parts per million of the reference rate: the
/// limit itself, or the edge of the band if the limit is looser.
#[must_use]
pub fn floor_ppm(limit_ppm: u64) -> u64 {
    limit_ppm.max(PPM - BAND_PPM)
}

/// Whether two to six offers with these floors can close a ring: the product of the floors is at most one.
/// Anything but two to six floors cannot.
#[must_use]
pub fn closes(floors_ppm: &[u64]) -> bool {
    let (mut asked, mut allowed) = (1_u128, 1_u128);
    if !(2..=6).contains(&floors_ppm.len()) {
        return false;
    }
    for &floor in floors_ppm {
        // 10^36 fits u128; a floor so high that it overflows closes nothing.
        let Some(next) = asked.checked_mul(floor.into()) else { return false };
        asked = next;
        allowed *= u128::from(PPM);
    }
    asked <= allowed
}

pub(crate) fn table(hs4: &'static str) -> &'static Commodity {
    commodity(hs4).expect("headings inside a market come from the table of goods")
}

fn product(factors: [u64; 3]) -> Option<u128> {
    factors.into_iter().try_fold(1_u128, |all, factor| all.checked_mul(factor.into()))
}

/// Rounds to nearest with `digits` significant digits, as merchants write quantities.
pub(crate) fn round_significant(quantity: u64, digits: u32) -> u64 {
    let extra = quantity.checked_ilog10().map_or(0, |log| (log + 1).saturating_sub(digits));
    let step = 10_u64.pow(extra);
    (quantity / step + u64::from(quantity % step >= step.div_ceil(2))).saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_measured_against_the_reference_rate() {
        // 145 t of wheat are worth 21,025 USD, as much as 36.15 t of diesel.
        let wheat_for_diesel = |tonnes_milli| limit_ppm("1001", 145_000, "2710", tonnes_milli);
        assert_eq!(wheat_for_diesel(36_187), Some(999_984));
        assert_eq!(wheat_for_diesel(36_188), Some(1_000_011));
        assert_eq!(limit_ppm("1001", 0, "2710", 1), None);
        assert_eq!(limit_ppm("9999", 1, "2710", 1), None);
        assert_eq!(limit_ppm("1001", u64::MAX, "2710", u64::MAX), Some(4_006_897));
    }

    #[test]
    fn a_ring_closes_when_its_floors_multiply_to_one_at_most() {
        assert!(closes(&[1_000_000, 1_000_000]));
        assert!(closes(&[1_020_000, 980_000]));
        assert!(!closes(&[1_020_409, 980_000]));
        assert!(closes(&[980_000; 6]));
        assert!(!closes(&[980_000; 7]));
        assert!(!closes(&[980_000]));
        assert!(!closes(&[u64::MAX, u64::MAX, u64::MAX]));
    }

    #[test]
    fn a_loose_limit_stops_at_the_band() {
        assert_eq!(floor_ppm(900_000), 980_000);
        assert_eq!(floor_ppm(1_010_000), 1_010_000);
    }

    #[test]
    fn quantities_are_rounded_as_merchants_write_them() {
        for (exact, digits, written) in [
            (412_317, 3, 412_000),
            (412_500, 3, 413_000),
            (999_999, 3, 1_000_000),
            (12, 3, 12),
            (0, 3, 0),
            (55_149, 4, 55_150),
        ] {
            assert_eq!(round_significant(exact, digits), written, "{exact}");
        }
    }
}
