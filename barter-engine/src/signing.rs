//! How likely it is that a party stands by its word, from its record, and what that makes of a ring's worth.
//!
//! A ring of indicative offers is worth something only if everybody signs. Where rings compete, the engine weighs each by
//! the product of these likelihoods over its legs ([`Options::weights_ppm`](crate::Options::weights_ppm)); what it reports,
//! value and bound, is never weighed. Whoever was left waiting by others weighs more for a while, so nobody starves.

use clearing::{Book, OfferKey, Ring};
use ruint::aliases::U256;

/// Certainty, in parts per million: that of a binding offer.
pub const CERTAIN_PPM: u32 = 1_000_000;

/// The largest weight.
pub const MOST_WEIGHT_PPM: u32 = 2 * CERTAIN_PPM;

/// What each fruitless wait adds, in parts of a whole, and how many of them count.
const PATIENCE: (u32, u32) = (10, 5);

/// So many words are taken to have been kept or broken at the market's rate before anybody's own count.
const PRIOR: u64 = 5;

/// What is known of how words were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Words that were kept.
    pub kept: u64,
    /// Words that were broken.
    pub broken: u64,
}

impl Record {
    /// The two together.
    #[must_use]
    pub const fn and(self, other: Record) -> Record {
        Record {
            kept: self.kept.saturating_add(other.kept),
            broken: self.broken.saturating_add(other.broken),
        }
    }

    /// The likelihood that the next word is kept, in parts per million, rounded down: the mean of a Beta distribution whose
    /// prior has the weight of five words and the mean of the whole `market`, which in turn has kept nine words of ten
    /// before its first. So a newcomer is taken for what the market is on average, neither better nor worse, and a few
    /// words of its own soon say more than that. Never quite nothing and never certain.
    #[must_use]
    pub fn signs_ppm(self, market: Record) -> u32 {
        let share = |kept: u128, of: u128| kept * u128::from(CERTAIN_PPM) / of;
        let market =
            share(u128::from(market.kept) + 9, u128::from(market.kept) + u128::from(market.broken) + 10);
        let own = u128::from(self.kept) * u128::from(CERTAIN_PPM) + u128::from(PRIOR) * market;
        let words = u128::from(self.kept) + u128::from(self.broken) + u128::from(PRIOR);
        u32::try_from(own / words).expect("a mean of shares of a million is at most a million")
    }
}

/// The weight of an offer whose party signs with this likelihood, and which came back from so many rings through no fault of
/// its own since it last settled: a tenth more for each of them, up to five. Among equals it comes first, and in the end
/// it passes rings worth half as much again; no further, so that waiting does not outweigh trade.
#[must_use]
pub fn weight_ppm(signs_ppm: u32, returned: u32) -> u32 {
    let (part, most) = PATIENCE;
    let weight =
        u64::from(signs_ppm.min(CERTAIN_PPM)) * u64::from(part + returned.min(most)) / u64::from(part);
    u32::try_from(weight).unwrap_or(MOST_WEIGHT_PPM)
}

/// What a ring counts where rings compete, in 10^-30 USD, rounded down: its value times the weights of its offers, in parts
/// per million.
#[must_use]
pub fn weighed(book: &Book, ring: &Ring, weight_ppm: impl Fn(OfferKey) -> u32) -> U256 {
    ring.legs.iter().fold(clearing::ring_value(book, ring).raw(), |worth, leg| {
        // A value has at most 230 bits and a weight 21.
        let ppm = weight_ppm(leg.offer).min(MOST_WEIGHT_PPM);
        worth.saturating_mul(U256::from(ppm)) / U256::from(CERTAIN_PPM)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_is_what_the_market_is_on_average() {
        for (kept, broken, ppm) in [(0, 0, 900_000), (990, 0, 999_000), (81, 9, 900_000), (41, 49, 500_000)] {
            let market = Record { kept, broken };
            assert_eq!(Record::default().signs_ppm(market), ppm, "{market:?}");
        }
    }

    #[test]
    fn words_kept_raise_the_likelihood_and_words_broken_lower_it_and_nobody_is_certain() {
        let market = Record { kept: 81, broken: 9 };
        let of = |kept, broken| Record { kept, broken }.signs_ppm(market);
        assert!(of(0, 2) < of(0, 1) && of(0, 1) < of(0, 0) && of(0, 0) < of(1, 0) && of(1, 0) < of(50, 0));
        assert_eq!(of(0, 1), 750_000);
        assert_eq!(of(45, 0), 990_000);
        assert!(of(u64::MAX, 0) < CERTAIN_PPM && of(0, 1_000_000) > 0);
        assert_eq!(
            Record { kept: 3, broken: 1 }.and(Record { kept: 4, broken: 0 }),
            Record { kept: 7, broken: 1 }
        );
    }

    #[test]
    fn whoever_was_left_waiting_comes_first_among_equals_and_waiting_never_outweighs_trade() {
        let of = |returned| weight_ppm(800_000, returned);
        assert_eq!(
            [0, 1, 2, 5, 6, u32::MAX].map(of),
            [800_000, 880_000, 960_000, 1_200_000, 1_200_000, 1_200_000]
        );
        assert_eq!(weight_ppm(u32::MAX, 9), 1_500_000);
    }
}
