//! Exact ratios, only to be compared.

use ruint::aliases::{U256, U512};
use std::cmp::Ordering;

/// A positive exact ratio of two integers below 2^256, to be compared and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    num: U256,
    den: U256,
}

impl Ratio {
    /// `num / den`; `den` must not be zero.
    #[must_use]
    pub(crate) fn new(num: U256, den: U256) -> Ratio {
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
