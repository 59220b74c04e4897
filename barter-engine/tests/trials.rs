//! What an offer would do at once, and what would help it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Market, MarketError, Options, Reason, clear};
use clearing::{Answer, AssetKey, Book, Mode, Offer, OfferKey, Rules};
use common::{NOW, amount, asset, at_least, offer, rules, whole};
use proptest::prelude::*;

const JUTE: u64 = 1;
const DIESEL: u64 = 2;
const RICE: u64 = 3;

/// Limits alone count: the band is as wide as can be.
fn bare() -> Rules {
    Rules { band: "1".parse().unwrap(), ..Rules::default() }
}

fn book(offers: Vec<Offer>) -> Book {
    Book::new((1..=8).map(|key| asset(key, "1")).collect(), offers).unwrap()
}

#[test]
fn an_offer_that_closes_a_ring_hears_so_at_once_and_what_it_would_get() {
    let market = Market::new(
        &book(vec![offer(1, RICE, 1_000, DIESEL, 990), offer(2, JUTE, 500, RICE, 495)]),
        &Rules::default(),
        NOW,
    );
    let trial = market.try_offer(&offer(3, DIESEL, 900, JUTE, 900)).unwrap();
    assert_eq!((trial.rings.len(), trial.near), (1, None));
    assert!(trial.receives > trial.gives, "the surplus is shared: {} for {}", trial.receives, trial.gives);
    assert_eq!(trial.receives, amount(500), "as much as there is");
}

#[test]
fn an_offer_that_asks_too_much_hears_how_much() {
    let market =
        Market::new(&book(vec![offer(1, JUTE, 1_000_000, DIESEL, 1_000_000)]), &Rules::default(), NOW);
    let near = market.try_offer(&offer(2, DIESEL, 100_000, JUTE, 101_300)).unwrap().near.unwrap();
    assert_eq!((near.ppm, near.want_qty), (13_000, amount(100_000)));
    let lonely = market.try_offer(&offer(2, RICE, 100, JUTE, 100)).unwrap();
    assert_eq!((lonely.rings.len(), lonely.near), (0, None));
}

#[test]
fn all_or_none_hears_whether_the_nearest_chain_takes_it_all() {
    let market = Market::new(&book(vec![offer(1, JUTE, 500, DIESEL, 500)]), &Rules::default(), NOW);
    let near = |offer: &Offer| {
        let near = market.try_offer(offer).unwrap().near.unwrap();
        (near.ppm, near.enough, near.path.send)
    };
    assert_eq!(near(&whole(offer(2, DIESEL, 900, JUTE, 900))), (0, false, amount(500)));
    assert_eq!(near(&whole(offer(2, DIESEL, 900, JUTE, 909))), (10_000, false, amount(500)));
    assert_eq!(near(&at_least(400, offer(2, DIESEL, 900, JUTE, 909))), (10_000, true, amount(500)));
    assert_eq!(near(&at_least(510, offer(2, DIESEL, 900, JUTE, 909))), (10_000, false, amount(500)));
    // A chain whose last asset is coarse takes as much as gives a whole unit of it, and that is all there is to say.
    let coarse = Market::new(&book(vec![offer(1, JUTE, 500, DIESEL, 1_500_000)]), &bare(), NOW);
    let near = coarse.try_offer(&whole(offer(2, DIESEL, 1_000_000, JUTE, 340))).unwrap().near.unwrap();
    assert_eq!((near.enough, near.path.send), (true, amount(999_000)));
}

#[test]
fn an_offer_that_the_market_would_refuse_is_not_tried() {
    let market = Market::new(&book(vec![offer(1, JUTE, 100, DIESEL, 100)]), &Rules::default(), NOW);
    let both = Offer { party: offer(1, 1, 1, 2, 1).party, ..offer(2, DIESEL, 5, RICE, 5) };
    assert_eq!(market.try_offer(&both), Err(MarketError::Crossing(OfferKey(2))));
    assert!(matches!(market.try_offer(&offer(2, 99, 1, JUTE, 1)), Err(MarketError::Book(_))));
}

#[test]
fn who_wants_rice_hears_what_to_give_for_it() {
    let offers = vec![
        offer(1, RICE, 1_000, JUTE, 1_000),
        offer(2, RICE, 1_000, DIESEL, 985),
        offer(3, RICE, 10, 4, 9),
        offer(4, JUTE, 1_000, 5, 1_000),
    ];
    let market = Market::new(&book(offers), &Rules::default(), NOW);
    let list = market.suggest(AssetKey(RICE), amount(800), None, 3);
    let given: Vec<(u64, u128)> = list.iter().map(|s| (s.path.assets[0].0, s.path.receive.get())).collect();
    // Diesel brings most per dollar, jute directly before wheat through jute; good number four brings ten units only.
    assert_eq!(given, [(DIESEL, 800), (JUTE, 800), (5, 800)]);
    assert!(list[0].rate_ppm > 1_014_000 && list[1].rate_ppm == 1_000_000);
}

#[test]
fn an_unfilled_offer_hears_what_it_could_bear_and_who_is_missing() {
    let offers = vec![offer(1, JUTE, 1_000_000, DIESEL, 1_000_000), offer(2, DIESEL, 100_000, JUTE, 101_300)];
    let cleared = clear(&book(offers), &rules(Mode::Ring), NOW, &Options::default());
    let dear = cleared.unfilled.iter().find(|unfilled| unfilled.offer == OfferKey(2)).unwrap();
    assert!(matches!(dear.reason, Reason::LimitTooFar { ppm } if (12_999..=13_001).contains(&ppm)));
    assert_eq!(dear.bearable, Some(amount(99_999)));
    let missing = dear.nearest;
    assert_eq!((missing.give, missing.give_qty), (AssetKey(JUTE), amount(101_300)));
    assert_eq!((missing.want, missing.want_qty), (AssetKey(DIESEL), amount(100_000)));
}

#[test]
fn whoever_could_join_a_generous_chain_is_nearer_than_a_direct_partner() {
    // Jute for rice at 2 % under the reference: who gives diesel for that rice could ask more than for jute.
    let offers = vec![offer(1, JUTE, 1_000, DIESEL, 1_000), offer(2, RICE, 5_000, JUTE, 4_500)];
    let cleared = clear(&book(offers), &rules(Mode::Ring), NOW, &Options::default());
    let lonely = cleared.unfilled.iter().find(|unfilled| unfilled.offer == OfferKey(1)).unwrap();
    assert_eq!(lonely.reason, Reason::NoCounterOffer);
    assert_eq!((lonely.nearest.give, lonely.nearest.want), (AssetKey(DIESEL), AssetKey(RICE)));
    assert_eq!((lonely.nearest.give_qty, lonely.nearest.want_qty), (amount(1_000), amount(1_020)));
}

/// The least product of floors of a chain from what `new` gives to what it wants, with its own; by trying every chain.
fn best_product(book: &Book, new: &Offer) -> f64 {
    fn go(book: &Book, new: &Offer, at: AssetKey, seen: &mut Vec<AssetKey>, product: f64, best: &mut f64) {
        if at == new.want {
            *best = best.min(product);
            return;
        }
        for next in book.offers().iter().filter(|next| next.want == at) {
            if seen.len() < 6 && !seen.contains(&next.give) {
                seen.push(next.give);
                go(book, new, next.give, seen, product * floor(next), best);
                seen.pop();
            }
        }
    }
    fn floor(offer: &Offer) -> f64 {
        let (wants, gives) = (offer.want_qty.get(), offer.give_qty.get());
        (f64::from(u32::try_from(wants).unwrap()) / f64::from(u32::try_from(gives).unwrap())).max(0.98)
    }
    let mut best = f64::INFINITY;
    go(book, new, new.give, &mut vec![new.give], floor(new), &mut best);
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_trial_closes_a_ring_where_there_is_one_and_it_settles(
        offers in prop::collection::vec((0..6u64, 1..6u64, 900_000..1_060_000u128, 0..6u8), 1..20),
        limit in 900_000..1_100_000u128,
    ) {
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, wants, lump))| {
                let offer = offer(key, give + 1, 1_000_000, (give + step) % 6 + 1, wants);
                match lump { 0 => whole(offer), 1 => at_least(300_000, offer), _ => offer }
            })
            .collect();
        let new = offer(100, JUTE, 1_000_000, DIESEL, limit);
        let plain = offers.iter().all(|offer| offer.least_fill().is_zero());
        let market = Market::new(&book(offers.clone()), &Rules::default(), NOW);
        let trial = market.try_offer(&new).unwrap();
        let product = best_product(&book(offers.clone()), &new);
        if product < 0.999 && plain {
            prop_assert!(!trial.rings.is_empty(), "a ring of product {product} is there");
        }
        if product > 1.0 + 1e-6 {
            prop_assert!(trial.rings.is_empty());
            prop_assert!(!plain || trial.near.is_some() == product.is_finite());
        }
        let mut with: Vec<Offer> = offers;
        with.push(new);
        let answer = Answer { rings: trial.rings.clone(), ..Answer::default() };
        let report = clearing::check(&book(with), &Rules::default(), NOW, &answer).unwrap();
        prop_assert_eq!(report.value, trial.value);
        prop_assert_eq!(report.given.get(&new.key).copied().unwrap_or_default(), trial.gives);
        prop_assert!(trial.receives.get() * 1_000_000 >= trial.gives.get() * limit);
    }
}
