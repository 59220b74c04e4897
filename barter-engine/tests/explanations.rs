//! What a ring means to those in it, in exact figures.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::explanation::{Check, ExplainedLeg, explain_answer, explain_ring};
use barter_engine::{Effort, Options, clear};
use clearing::{Answer, Asset, AssetKey, Book, Fault, Leg, Mode, Offer, OfferKey, Prices, Ratio, Ring};
use common::{NOW, amount, asset, offer, rules};
use proptest::prelude::*;

/// Jute of 600 USD a tonne (three decimals), diesel of 800 USD a tonne (none), rice of 500 USD a tonne (none).
fn book() -> Book {
    let assets = vec![Asset { decimals: 3, ..asset(1, "600") }, asset(2, "800"), asset(3, "500")];
    let offers = vec![
        offer(1, 1, 400_000, 2, 290), // 400 t of jute for at least 290 t of diesel
        Offer { valid_until: NOW + 500, ..offer(2, 2, 300, 3, 470) },
        offer(3, 3, 480, 1, 390_000),
    ];
    Book::new(assets, offers).unwrap()
}

fn ring(given: [u128; 3]) -> Ring {
    let legs = (1..).zip(given).map(|(key, give)| Leg { offer: OfferKey(key), give: amount(give) });
    Ring { legs: legs.collect() }
}

#[test]
fn a_ring_of_three_is_explained_to_the_last_digit() {
    let explained =
        explain_ring(&book(), &rules(Mode::Lots), NOW, &Prices::default(), &ring([400_000, 300, 480]))
            .unwrap();
    assert_eq!((explained.value.to_string().as_str(), explained.valid_until), ("720000", NOW + 500));
    assert_eq!(explained.checks, Check::of_a_ring(Mode::Lots));
    let told = |leg: &ExplainedLeg| {
        [
            leg.gives.display(),
            leg.receives.display(),
            leg.rate.display(6),
            leg.limit.display(6),
            leg.reference.display(6),
            leg.over_limit.display_gain(4),
            leg.over_reference.display_gain(4),
        ]
    };
    let told: Vec<_> = explained.legs.iter().map(told).collect();
    assert_eq!(
        told,
        [
            // 300 t of diesel for 400 t of jute: exactly the reference, 10 t more than asked.
            ["400.000", "300", "0.750000", "0.725000", "0.750000", "0.0344", "0.0000"],
            ["300", "480", "1.600000", "1.566666", "1.600000", "0.0212", "0.0000"],
            ["480", "400.000", "0.833333", "0.812500", "0.833333", "0.0256", "0.0000"],
        ]
    );
    let book = book();
    let party = |at: usize| book.offers()[at].party;
    let ways: Vec<_> = explained.legs.iter().map(|leg| (leg.from, leg.to)).collect();
    assert_eq!(ways, [(party(1), party(2)), (party(2), party(0)), (party(0), party(1))]);
}

#[test]
fn a_loss_against_the_reference_is_never_shown_too_small() {
    let ratio = |num: u64, den: u64| Ratio::new(num.try_into().unwrap(), den.try_into().unwrap()).unwrap();
    assert_eq!(ratio(2, 3).display_gain(3), "-0.334");
    assert_eq!(ratio(98, 100).display_gain(4), "-0.0200");
    assert_eq!(ratio(3, 2).display_gain(0), "0");
    assert_eq!(ratio(4, 3).display_gain(3), "0.333");
    assert_eq!(ratio(2, 3).display(0), "0");
    assert!(Ratio::new(1u64.try_into().unwrap(), 0u64.try_into().unwrap()).is_none());
}

#[test]
fn a_ring_that_breaks_a_limit_has_no_explanation() {
    let short = ring([400_000, 289, 480]);
    let faults = explain_ring(&book(), &rules(Mode::Lots), NOW, &Prices::default(), &short).unwrap_err();
    assert_eq!(faults, [Fault::LimitBroken { ring: 0, offer: OfferKey(1) }]);
    let answer = Answer { rings: vec![ring([400_000, 299, 480])], ..Answer::default() };
    let faults = explain_answer(&book(), &rules(Mode::Lots), NOW, &answer).unwrap_err();
    assert_eq!(faults, [Fault::LotSplit { offer: OfferKey(2) }]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever is in a ring does at least as well as he asked and, in ring mode, as the band says; what one gives is what
    /// another receives.
    #[test]
    fn nobody_in_an_answer_does_worse_than_he_asked(
        terms in prop::collection::vec((1u64..5, 1u64..5, 1u128..200, 1u128..200), 2..14),
        mode in prop::sample::select(vec![Mode::Ring, Mode::Uniform, Mode::Lots]),
    ) {
        let assets = (1..5).map(|key| asset(key, "2.5")).collect();
        let offers = (1..).zip(terms).filter(|(_, (give, want, ..))| give != want);
        let offers = offers.map(|(key, (give, want, most, asked))| offer(key, give, most, want, asked)).collect();
        let book = Book::new(assets, offers).unwrap();
        let options = Options { effort: Effort::Quick, ..Options::default() };
        let clearing = clear(&book, &rules(mode), NOW, &options);
        let explained = explain_answer(&book, &rules(mode), NOW, &clearing.answer).unwrap();
        prop_assert_eq!(explained.iter().map(|ring| ring.value).sum::<clearing::UsdValue>(), clearing.report.value);
        let one = Ratio::new(1u64.try_into().unwrap(), 1u64.try_into().unwrap()).unwrap();
        for ring in &explained {
            let count = ring.legs.len();
            for (at, leg) in ring.legs.iter().enumerate() {
                let next = &ring.legs[(at + 1) % count];
                prop_assert_eq!((leg.receives, leg.from, next.to), (next.gives, next.offer.party, leg.offer.party));
                prop_assert!(leg.over_limit >= one && leg.rate >= leg.limit);
                prop_assert_eq!(leg.over_floor.is_some(), mode == Mode::Ring);
                prop_assert!(leg.over_floor.is_none_or(|over| over >= one));
                prop_assert_eq!(leg.over_reference >= one, leg.rate >= leg.reference);
            }
            prop_assert!(ring.legs.iter().all(|leg| AssetKey(0) < leg.gives.asset.key));
        }
    }
}
