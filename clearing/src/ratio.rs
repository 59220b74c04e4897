//! Exact ratios, to be compared and shown.

use ruint::aliases::{U256, U512};
use std::cmp::Ordering;

/// An exact ratio, from zero, of two integers below 2^256: it is compared and shown, never computed with.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    num: U256,
    den: U256,
}

impl Ratio {
    /// `num / den`; `None` where `den` is zero.
    #[must_use]
    pub fn new(num: U256, den: U256) -> Option<Ratio> {
        (!den.is_zero()).then_some(Ratio { num, den })
    }

    /// `num / den`, where `den` is known not to be zero.
    pub(crate) fn of(num: U256, den: U256) -> Ratio {
        debug_assert!(!den.is_zero(), "a ratio has a denominator");
        Ratio { num, den }
    }

    /// The numerator, below 2^256.
    #[must_use]
    pub fn num(&self) -> U256 {
        self.num
    }

    /// The denominator, below 2^256 and not zero.
    #[must_use]
    pub fn den(&self) -> U256 {
        self.den
    }

    /// Shows exactly `places` decimal places (at most 30), rounded down: two thirds with 3 places are `0.666`.
    #[must_use]
    pub fn display(&self, places: u8) -> String {
        decimal(scaled(self.num, places) / U512::from(self.den), places)
    }

    /// Shows what the ratio is above one, with exactly `places` decimal places (at most 30), rounded down, so that a gain is
    /// never overstated: `0.0199` for 1.01999, `-0.0200` for 0.98.
    #[must_use]
    pub fn display_gain(&self, places: u8) -> String {
        let den = U512::from(self.den);
        if self.num >= self.den {
            decimal(scaled(self.num - self.den, places) / den, places)
        } else {
            format!("-{}", decimal(scaled(self.den - self.num, places).div_ceil(den), places))
        }
    }
}

/// The most decimal places that are shown.
const MAX_PLACES: u8 = 30;

/// Below 2^256 * 10^30.
fn scaled(number: U256, places: u8) -> U512 {
    U512::from(number) * U512::from(10u128.pow(u32::from(places.min(MAX_PLACES))))
}

fn decimal(units: U512, places: u8) -> String {
    let places = usize::from(places.min(MAX_PLACES));
    let digits = format!("{:0>width$}", units.to_string(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Ratio) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Ratio) -> Ordering {
        let left: U512 = self.num.widening_mul(other.den);
        let right: U512 = other.num.widening_mul(self.den);
        left.cmp(&right)
    }
}
