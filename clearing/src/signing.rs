//! How likely it is that a party stands by its word, from its record, and what that makes of a ring's worth.
//!
//! A ring of indicative offers is worth something only if everybody signs. Where rings compete in a search, or clearings
//! for a batch, each ring is weighed by the product of these likelihoods over its legs; what is reported, value and bound,
//! is never weighed. Whoever was left waiting by others weighs more for a while.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ruint::aliases::U256;

use crate::{Book, OfferKey, PartyKey, Ring, UsdValue, groups, ring_value};

/// Certainty, in parts per million: that of a binding offer.
pub const CERTAIN_PPM: u32 = 1_000_000;

/// What each fruitless wait adds, in parts per million, and how many of them count. A ring has up to six offers that may all
/// have waited: 1.065 to the sixth power is less than one and a half.
const PATIENCE: (u32, u32) = (13_000, 5);

/// The largest weight of an offer: that of a certain one which waited long.
pub const MOST_WEIGHT_PPM: u32 = CERTAIN_PPM + PATIENCE.0 * PATIENCE.1;

/// So many words of one party count towards what the market does.
const WORDS_OF_ONE: u64 = 20;

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

    /// What the market does, from the records of its parties: of nobody count more than twenty words, at the rate at which
    /// they were kept, so that one party's thousand broken words do not decide what a newcomer is taken for.
    #[must_use]
    pub fn market(records: impl IntoIterator<Item = Record>) -> Record {
        let capped = |record: Record| {
            let words = u128::from(record.kept) + u128::from(record.broken);
            if words <= u128::from(WORDS_OF_ONE) {
                return record;
            }
            let kept = u128::from(record.kept) * u128::from(WORDS_OF_ONE) / words;
            let kept = u64::try_from(kept).expect("a share of twenty");
            Record { kept, broken: WORDS_OF_ONE - kept }
        };
        records.into_iter().map(capped).fold(Record::default(), Record::and)
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

/// What speaks for an offer where rings or clearings compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// How likely its owner is to sign, in parts per million; [`CERTAIN_PPM`] where nobody waits for a signature.
    pub signs_ppm: u32,
    /// How often it came back from contracts through others' fault since it last settled.
    pub returned: u32,
}

impl Standing {
    /// A binding offer that never waited.
    pub const CERTAIN: Standing = Standing { signs_ppm: CERTAIN_PPM, returned: 0 };

    /// How much the offer counts by itself, in parts per million.
    #[must_use]
    pub fn weight_ppm(self) -> u32 {
        weight_ppm(self.signs_ppm, self.returned)
    }
}

/// What rings are expected to bring at the references. Those that execute or drop together are worth their value times
/// the likelihood of each party that has to sign, once for each, and as much more as the one of their offers that waited
/// longest has waited. Rounded down to 10^-30 USD after each factor; offers that the book does not know count nothing.
#[must_use]
pub fn expected(book: &Book, rings: &[Ring], standing: impl Fn(OfferKey) -> Standing) -> UsdValue {
    let times = |worth: U256, ppm: u32| worth.saturating_mul(U256::from(ppm)) / U256::from(CERTAIN_PPM);
    let of_group = |group: Vec<usize>| {
        let mut signers: BTreeMap<PartyKey, u32> = BTreeMap::new();
        let mut waited = 0;
        for leg in group.iter().flat_map(|ring| &rings[*ring].legs) {
            let Some(offer) = book.offer(leg.offer) else { continue };
            let Standing { signs_ppm, returned } = standing(leg.offer);
            let signs = signers.entry(offer.party).or_insert(CERTAIN_PPM);
            *signs = signs_ppm.min(*signs);
            waited = returned.max(waited);
        }
        let value: UsdValue = group.iter().map(|ring| ring_value(book, &rings[*ring])).sum();
        let signed = signers.into_values().filter(|signs| *signs < CERTAIN_PPM).fold(value.raw(), times);
        UsdValue::from_raw(times(signed, weight_ppm(CERTAIN_PPM, waited)))
    };
    groups(book, rings).into_iter().map(of_group).sum()
}

/// The weight of an offer whose party signs with this likelihood, and which came back from so many rings through no fault of
/// its own since it last settled: 1.3 per cent more for each of them, up to five. Among equals it comes first, and where all
/// six of the longest ring have waited it passes rings worth 1.45 times as much; never half as much again, so that waiting
/// does not outweigh trade.
#[must_use]
pub fn weight_ppm(signs_ppm: u32, returned: u32) -> u32 {
    let (each, most) = PATIENCE;
    let patience = u64::from(CERTAIN_PPM + each * returned.min(most));
    let weight = u64::from(signs_ppm.min(CERTAIN_PPM)) * patience / u64::from(CERTAIN_PPM);
    u32::try_from(weight).unwrap_or(MOST_WEIGHT_PPM)
}

/// What a ring counts where rings compete, rounded down to 10^-30 USD: its value times the weights of its offers, in parts
/// per million. Legs that the book does not know have no value.
#[must_use]
pub fn weighed(book: &Book, ring: &Ring, weight_ppm: impl Fn(OfferKey) -> u32) -> UsdValue {
    let worth = ring.legs.iter().fold(ring_value(book, ring).raw(), |worth, leg| {
        // A value has at most 230 bits and a weight 21.
        let ppm = weight_ppm(leg.offer).min(MOST_WEIGHT_PPM);
        worth.saturating_mul(U256::from(ppm)) / U256::from(CERTAIN_PPM)
    });
    UsdValue::from_raw(worth)
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
    fn nobody_decides_alone_what_the_market_does() {
        let keeps = Record { kept: 18, broken: 2 };
        let declines = Record { kept: 0, broken: 1_000 };
        assert_eq!(Record::market([keeps, declines, keeps]), Record { kept: 36, broken: 24 });
        assert_eq!(
            Record::market([Record { kept: u64::MAX, broken: u64::MAX }]),
            Record { kept: 10, broken: 10 }
        );
        assert_eq!(Record::market([]), Record::default());
    }

    #[test]
    fn whoever_was_left_waiting_comes_first_among_equals_and_waiting_never_outweighs_trade() {
        let of = |returned| weight_ppm(800_000, returned);
        assert_eq!([0, 1, 2, 5, 6, u32::MAX].map(of), [800_000, 810_400, 820_800, 852_000, 852_000, 852_000]);
        let most = u128::from(weight_ppm(u32::MAX, 9));
        assert_eq!(most, 1_065_000);
        let whole = u128::from(CERTAIN_PPM);
        assert!(
            2 * most.pow(6) < 3 * whole.pow(6),
            "all six of a ring together: less than half as much again"
        );
    }

    #[test]
    fn rings_that_stand_or_fall_together_are_worth_what_they_are_if_everybody_signs() {
        use crate::{Amount, Asset, AssetKey, Leg, Offer};
        let amount = |units| Amount::new(units).unwrap();
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "1".parse().unwrap() };
        let offer = |key, party, give, want, units, divisible| Offer {
            key: OfferKey(key),
            party: PartyKey([party; 20]),
            give: AssetKey(give),
            give_qty: amount(units),
            want: AssetKey(want),
            want_qty: amount(units),
            divisible,
            min_fill: Amount::ZERO,
            valid_from: 0,
            valid_until: 10,
        };
        // One buyer of all or nothing takes from two sellers, each of whom signs nine times of ten.
        let offers = |divisible| {
            let buyer = offer(1, 1, 1, 2, 200, divisible);
            vec![buyer, offer(2, 2, 2, 1, 100, true), offer(3, 3, 2, 1, 100, true)]
        };
        let ring = |seller| {
            let legs = [1, seller].map(|key| Leg { offer: OfferKey(key), give: amount(100) });
            Ring { legs: legs.to_vec() }
        };
        let rings = [ring(2), ring(3)];
        let worth = |divisible, returned: u32| {
            let book = Book::new(vec![asset(1), asset(2)], offers(divisible)).unwrap();
            let standing = |key: OfferKey| match key.0 {
                1 => Standing { returned, ..Standing::CERTAIN },
                _ => Standing { signs_ppm: 900_000, returned: 0 },
            };
            expected(&book, &rings, standing).floor_to(0).unwrap()
        };
        assert_eq!(worth(true, 0), 360, "each by itself: 0.9 of 200");
        assert_eq!(worth(false, 0), 324, "both or neither: 0.81 of 400");
        assert_eq!(worth(false, 1), 328, "1.3 % more for whom others left waiting");
        // Who signs once for two offers is asked once.
        let mut one_seller = offers(false);
        one_seller[2].party = one_seller[1].party;
        let book = Book::new(vec![asset(1), asset(2)], one_seller).unwrap();
        let standing = |key: OfferKey| match key.0 {
            1 => Standing::CERTAIN,
            _ => Standing { signs_ppm: 900_000, returned: 0 },
        };
        assert_eq!(expected(&book, &rings, standing).floor_to(0), Some(360));
        let unknown = Ring { legs: vec![Leg { offer: OfferKey(9), give: amount(100) }] };
        assert_eq!(expected(&book, &[unknown], standing), UsdValue::ZERO);
    }
}
