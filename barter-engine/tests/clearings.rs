//! Small books whose best answer is known, and random ones against trying everything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Algorithm, Effort, Options, Reason, clear};
use clearing::{Asset, AssetKey, Book, DUAL_WHOLE, Duals, Mode, Offer, Prices, Rules, check};
use common::{NOW, asset, at_least, best_by_brute_force, offer, rules, whole};
use proptest::prelude::*;

const A: u64 = 1;
const B: u64 = 2;
const C: u64 = 3;
const D: u64 = 4;
const E: u64 = 5;
const F: u64 = 6;
const G: u64 = 7;

fn dollars(keys: std::ops::RangeInclusive<u64>) -> Vec<Asset> {
    keys.map(|key| asset(key, "1")).collect()
}

/// The value cleared, in whole dollars; the answer must hold and its bound must cover it.
fn value(assets: Vec<Asset>, offers: Vec<Offer>, mode: Mode) -> u128 {
    let book = Book::new(assets, offers).unwrap();
    let clearing = clear(&book, &rules(mode), NOW, &Options::default());
    let report = check(&book, &rules(mode), NOW, &clearing.answer).unwrap();
    assert_eq!(report, clearing.report);
    assert!(clearing.bound >= report.value, "{} above its bound {}", report.value, clearing.bound);
    report.value.floor_to(0).unwrap()
}

#[test]
fn two_traders_swap_as_far_as_the_smaller_goes() {
    let offers = || vec![offer(1, A, 100, B, 100), offer(2, B, 60, A, 60)];
    assert_eq!(value(dollars(A..=B), offers(), Mode::Ring), 120);
    assert_eq!(value(dollars(A..=B), offers(), Mode::Uniform), 120);
    assert_eq!(value(dollars(A..=B), offers(), Mode::Lots), 0);
}

#[test]
fn a_pair_and_a_triangle_share_what_both_need() {
    let offers = || {
        vec![offer(1, A, 70, B, 70), offer(2, B, 30, A, 30), offer(3, B, 50, C, 50), offer(4, C, 50, A, 50)]
    };
    assert_eq!(value(dollars(A..=C), offers(), Mode::Ring), 190);
    assert_eq!(value(dollars(A..=C), offers(), Mode::Uniform), 190);
}

#[test]
fn a_ring_of_seven_is_one_too_many() {
    let offers: Vec<Offer> = (A..=G).map(|give| offer(give, give, 100, give % 7 + 1, 100)).collect();
    assert_eq!(value(dollars(A..=G), offers.clone(), Mode::Ring), 0);
    let book = Book::new(dollars(A..=G), offers).unwrap();
    let clearing = clear(&book, &rules(Mode::Ring), NOW, &Options::default());
    assert!(
        clearing.unfilled.iter().all(|offer| offer.reason == Reason::SeventhAsset),
        "{:?}",
        clearing.unfilled
    );
}

#[test]
fn a_ring_of_six_closes_and_an_expired_offer_adds_nothing() {
    let mut offers: Vec<Offer> = (A..=F).map(|give| offer(give, give, 100, give % 6 + 1, 100)).collect();
    offers[3] = offer(4, D, 10, E, 10);
    let mut late = offer(9, B, 500, A, 500);
    late.valid_until = NOW - 1;
    offers.push(late);
    assert_eq!(value(dollars(A..=F), offers, Mode::Ring), 60);
}

#[test]
fn a_greedy_limit_is_met_by_a_generous_one_within_the_band() {
    let offers = || vec![offer(1, A, 100, B, 101), offer(2, B, 101, A, 90)];
    assert_eq!(value(dollars(A..=B), offers(), Mode::Ring), 201);
    assert_eq!(value(dollars(A..=B), offers(), Mode::Uniform), 0);
}

/// Uniform mode with a search of the band for prices: the value in whole dollars. The answer must hold, be covered by its
/// bound, and be worth at least what clears at the references.
fn value_at_searched_prices(assets: Vec<Asset>, offers: Vec<Offer>) -> u128 {
    let book = Book::new(assets, offers).unwrap();
    let rules = rules(Mode::Uniform);
    let search = Options { search_prices: true, ..Options::default() };
    let clearing = clear(&book, &rules, NOW, &search);
    let report = check(&book, &rules, NOW, &clearing.answer).unwrap();
    assert_eq!(report, clearing.report);
    assert!(clearing.bound >= report.value, "{} above its bound {}", report.value, clearing.bound);
    let proven = clearing::bound(&book, &rules, NOW, &clearing.answer.prices, &clearing.duals);
    assert!(proven >= report.value, "{} above what the duals prove, {proven}", report.value);
    let plain = clear(&book, &rules, NOW, &Options::default());
    assert!(report.value >= plain.report.value, "{} under {}", report.value, plain.report.value);
    let again = clear(&book, &rules, NOW, &search);
    assert_eq!(again.answer, clearing.answer);
    report.value.floor_to(0).unwrap()
}

#[test]
fn a_price_within_the_band_brings_together_who_the_reference_keeps_apart() {
    // B must be worth at most 100/101 of A to the first, and at least 98/101 of A to the second.
    let swap = |wanted| vec![offer(1, A, 10_000, B, wanted), offer(2, B, 10_100, A, 9_800)];
    assert_eq!(value(dollars(A..=B), swap(10_100), Mode::Uniform), 0);
    assert!(value_at_searched_prices(dollars(A..=B), swap(10_100)) > 19_800);
    // Beyond what a band of 2 % on either side can bring together.
    assert_eq!(value_at_searched_prices(dollars(A..=B), swap(10_500)), 0);
}

#[test]
fn a_price_that_the_references_settle_stays() {
    let book = Book::new(dollars(A..=B), vec![offer(1, A, 100, B, 100), offer(2, B, 100, A, 100)]).unwrap();
    let search = Options { search_prices: true, ..Options::default() };
    let clearing = clear(&book, &rules(Mode::Uniform), NOW, &search);
    assert_eq!(clearing.answer.prices.as_slice(), []);
    assert_eq!(clearing.report.value.floor_to(0), Some(200));
}

#[test]
fn all_or_none_is_all_or_none() {
    let blocked = vec![whole(offer(1, A, 100, B, 100)), offer(2, B, 60, A, 60), offer(3, B, 30, A, 30)];
    assert_eq!(value(dollars(A..=B), blocked, Mode::Ring), 0);
    let knapsack = || {
        vec![
            whole(offer(1, A, 60, B, 60)),
            whole(offer(2, A, 50, B, 50)),
            whole(offer(3, A, 45, B, 45)),
            offer(4, B, 100, A, 100),
        ]
    };
    assert_eq!(value(dollars(A..=B), knapsack(), Mode::Ring), 190);
    assert_eq!(value(dollars(A..=B), knapsack(), Mode::Uniform), 190);
}

#[test]
fn a_minimum_is_met_or_nothing_is_given() {
    let short = vec![at_least(70, offer(1, A, 100, B, 100)), offer(2, B, 60, A, 60)];
    assert_eq!(value(dollars(A..=B), short, Mode::Ring), 0);
    let joined = vec![at_least(70, offer(1, A, 100, B, 100)), offer(2, B, 60, A, 60), offer(3, B, 30, A, 30)];
    assert_eq!(value(dollars(A..=B), joined, Mode::Ring), 180);
}

#[test]
fn whole_lots_swap_with_generous_limits() {
    let assets = vec![asset(A, "50"), asset(B, "1")];
    let offers = vec![whole(offer(1, A, 10, B, 450)), whole(offer(2, B, 500, A, 9))];
    assert_eq!(value(assets, offers, Mode::Lots), 1000);
}

#[test]
fn a_loose_limit_is_no_licence_to_rob() {
    let offers = vec![offer(1, A, 1000, B, 1), offer(2, B, 1, A, 1)];
    assert_eq!(value(dollars(A..=B), offers, Mode::Ring), 2);
}

#[test]
fn who_has_nothing_left_is_not_asked_for_one_unit_more() {
    let offers = vec![whole(offer(1, A, 7, B, 1)), whole(offer(2, B, 7, A, 1)), offer(3, B, 4, A, 1)];
    assert_eq!(value(dollars(A..=B), offers, Mode::Ring), 14);
}

#[test]
fn who_is_left_out_hears_why() {
    let offers = vec![
        whole(offer(1, A, 100, B, 100)),
        offer(2, B, 100, A, 100),
        offer(3, A, 100, B, 105),
        offer(4, C, 100, D, 100),
        whole(offer(5, A, 100, B, 101)),
        at_least(50, offer(6, E, 100, F, 100)),
        offer(7, F, 40, E, 40),
    ];
    let mut generous = offer(8, B, 5, A, 4);
    generous.min_fill = common::amount(5);
    let offers = [offers, vec![generous]].concat();
    let book = Book::new(dollars(A..=F), offers).unwrap();
    let clearing = clear(&book, &rules(Mode::Ring), NOW, &Options::default());
    let told: Vec<(u64, Reason)> = clearing.unfilled.iter().map(|u| (u.offer.0, u.reason)).collect();
    let too_far = |told: &(u64, Reason)| matches!(told, (3, Reason::LimitTooFar { ppm: 28_000..=30_000 }));
    assert!(told.iter().any(too_far), "{told:?}");
    assert!(told.contains(&(4, Reason::NoCounterOffer)), "{told:?}");
    assert!(told.contains(&(6, Reason::MinimumNotReached)), "{told:?}");
    assert!(told.contains(&(7, Reason::MinimumNotReached)), "{told:?}");
}

#[test]
fn amounts_beyond_the_reach_of_floats_clear_exactly() {
    // Eighteen decimals: 1.5 million and 1.47 million whole units, limits that leave a little to share.
    let fine = |key, usd: &str| Asset { decimals: 18, ..asset(key, usd) };
    let unit = 10u128.pow(18);
    let offers = vec![
        offer(1, A, 1_500_000 * unit + 7, B, 1_470_000 * unit + 1),
        offer(2, B, 1_490_000 * unit + 3, C, 2_950_000 * unit),
        offer(3, C, 3_100_000 * unit + 9, A, 1_540_000 * unit),
    ];
    let book = Book::new(vec![fine(A, "1"), fine(B, "1"), fine(C, "0.5")], offers).unwrap();
    let clearing = clear(&book, &rules(Mode::Ring), NOW, &Options::default());
    assert!(clearing.report.value.floor_to(0).unwrap() > 4_400_000, "{}", clearing.report.value);
}

/// Some offers over a few assets, small enough to try everything.
fn small_books() -> impl Strategy<Value = (Vec<Asset>, Vec<Offer>)> {
    let prices = prop::collection::vec(prop::sample::select(vec!["1", "2", "3"]), 3);
    let offers =
        prop::collection::vec((0..3u64, 1..3u64, 1..8u128, 1..12u128, 0..4u8, 0..8u128, 0..4u8), 1..6);
    (prices, offers).prop_map(|(prices, offers)| {
        let assets = (1..).zip(prices).map(|(key, usd)| asset(key, usd)).collect();
        let offers = (1..)
            .zip(offers)
            .map(|(key, (give, step, give_qty, want_qty, lump, least, party))| {
                let mut offer = offer(key, give + 1, give_qty, (give + step) % 3 + 1, want_qty);
                offer.divisible = lump != 0;
                if lump == 1 {
                    offer.min_fill = common::amount(least.min(give_qty));
                }
                offer.party.0[19] = party;
                offer
            })
            .collect();
        (assets, offers)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_beats_trying_everything_and_none_breaks_a_rule((assets, offers) in small_books()) {
        let book = Book::new(assets, offers).unwrap();
        for mode in [Mode::Ring, Mode::Uniform, Mode::Lots] {
            let clearing = clear(&book, &rules(mode), NOW, &Options::default());
            let report = check(&book, &rules(mode), NOW, &clearing.answer).unwrap();
            let best = best_by_brute_force(&book, &rules(mode));
            prop_assert!(report.value <= best, "{mode}: {} beats {best}", report.value);
            prop_assert!(best <= clearing.bound, "{mode}: the bound {} is under {best}", clearing.bound);
            if mode == Mode::Lots {
                prop_assert_eq!(report.value, best);
            }
        }
    }

    #[test]
    fn whatever_numbers_are_published_no_answer_passes_what_they_prove(
        (assets, offers) in small_books(),
        of_assets in prop::collection::vec(0..3 * DUAL_WHOLE, 0..4),
        of_lanes in prop::collection::btree_map((1..4u64, 1..4u64), 0..2 * DUAL_WHOLE, 0..7),
        max_assets in 2..4u8,
    ) {
        let book = Book::new(assets, offers).unwrap();
        let lanes = of_lanes.into_iter().map(|((give, want), dual)| ((AssetKey(give), AssetKey(want)), dual));
        let duals = Duals { assets: of_assets, lanes: lanes.collect() };
        for mode in [Mode::Ring, Mode::Uniform, Mode::Lots] {
            let rules = Rules { max_assets, ..rules(mode) };
            let best = best_by_brute_force(&book, &rules);
            let bound = clearing::bound(&book, &rules, NOW, &Prices::default(), &duals);
            prop_assert!(best <= bound, "{mode}: the bound {bound} is under {best}");
        }
    }

    #[test]
    fn searched_prices_hold_the_rules_and_never_clear_less((assets, offers) in small_books()) {
        value_at_searched_prices(assets, offers);
    }

    #[test]
    fn the_same_book_gives_the_same_answer_in_whatever_order_it_comes((assets, offers) in small_books(), turn in 0..5usize) {
        let book = Book::new(assets.clone(), offers.clone()).unwrap();
        let (mut assets, mut offers) = (assets, offers);
        assets.reverse();
        let turn = turn % offers.len();
        offers.rotate_left(turn);
        let turned = Book::new(assets, offers).unwrap();
        for effort in [Effort::Quick, Effort::Thorough] {
            for algorithm in [Algorithm::Columns, Algorithm::Greedy] {
                let options = Options { effort, algorithm, ..Options::default() };
                let (one, two) = (clear(&book, &rules(Mode::Ring), NOW, &options), clear(&turned, &rules(Mode::Ring), NOW, &options));
                prop_assert_eq!(&one.answer, &two.answer);
                prop_assert_eq!(one.bound, two.bound);
                prop_assert_eq!(one.unfilled, two.unfilled);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_asks_less_or_comes_on_top_takes_nothing_from_whole_lots(
        (assets, offers) in small_books(), which in 0..5usize, extra in (0..3u64, 1..3u64, 1..8u128, 1..12u128),
    ) {
        let best = |offers: Vec<Offer>| {
            let book = Book::new(assets.clone(), offers).unwrap();
            clear(&book, &rules(Mode::Lots), NOW, &Options::default()).report.value
        };
        let before = best(offers.clone());
        let mut modest = offers.clone();
        let which = which % modest.len();
        modest[which].want_qty = common::amount(1);
        prop_assert!(best(modest) >= before);
        let (give, step, give_qty, want_qty) = extra;
        let mut more = offers.clone();
        more.push(offer(99, give + 1, give_qty, (give + step) % 3 + 1, want_qty));
        prop_assert!(best(more) >= before);
    }

    #[test]
    fn a_dollar_of_another_size_changes_no_ring((assets, offers) in small_books()) {
        let book = Book::new(assets.clone(), offers.clone()).unwrap();
        let doubled = |usd: &Asset| Asset {
            reference: clearing::Price::new(usd.reference.mantissa() * 2, usd.reference.scale()).unwrap(),
            ..*usd
        };
        let dear = Book::new(assets.iter().map(doubled).collect(), offers).unwrap();
        for mode in [Mode::Ring, Mode::Lots] {
            let one = clear(&book, &rules(mode), NOW, &Options::default());
            let two = clear(&dear, &rules(mode), NOW, &Options::default());
            prop_assert_eq!(&one.answer, &two.answer);
        }
    }
}

/// A book of seven assets and ninety offers that holds far more rings than are ever counted.
fn dense_book(seed: u64, turn: usize) -> Book {
    let mut state = seed;
    let mut below = |many: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % many
    };
    let prices = ["1", "2.5", "13", "0.04", "700", "31", "8"];
    let usd = [100u128, 250, 1_300, 4, 70_000, 3_100, 800];
    let assets: Vec<Asset> = (1..).zip(prices).map(|(key, price)| asset(key, price)).collect();
    let mut offers: Vec<Offer> = (1..=90)
        .map(|key| {
            let give = below(7);
            let want = (give + 1 + below(6)) % 7;
            let worth = u128::from(100_000 + below(9_900_000));
            let place = |at: u64| usize::try_from(at).unwrap();
            let asked = worth * u128::from(950 + below(70)) / 1_000;
            let (gives, wants) = (worth / usd[place(give)], (asked / usd[place(want)]).max(1));
            let mut offer = offer(key, give + 1, gives, want + 1, wants);
            match below(4) {
                0 => offer.min_fill = common::amount(gives / 3),
                1 if below(3) == 0 => offer.divisible = false,
                _ => {}
            }
            offer
        })
        .collect();
    let many = offers.len();
    offers.rotate_left(turn % many);
    Book::new(assets, offers).unwrap()
}

#[test]
fn books_of_countless_rings_clear_by_the_rules_alike_in_any_order_and_on_any_number_of_threads() {
    let quick = (0..8).map(|seed| (seed, Effort::Quick));
    for (seed, effort) in quick.chain([(8, Effort::Thorough), (9, Effort::Thorough)]) {
        for mode in [Mode::Ring, Mode::Uniform] {
            let run = |turn: usize, threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let options = Options { effort, ..Options::default() };
                pool.install(|| clear(&dense_book(seed, turn), &rules(mode), NOW, &options))
            };
            let (one, two) = (run(0, 1), run(37, 2));
            let report = check(&dense_book(seed, 0), &rules(mode), NOW, &one.answer).unwrap();
            assert_eq!(one.answer, two.answer, "seed {seed}, {mode}");
            assert_eq!(one.bound, two.bound, "seed {seed}, {mode}");
            assert!(one.bound >= report.value, "seed {seed}, {mode}");
            let (value, bound) = (report.value.floor_to(0).unwrap(), one.bound.floor_to(0).unwrap());
            assert!(value * 2 > bound, "seed {seed}, {mode}: {value} of {bound} USD");
        }
    }
}

#[test]
fn a_clearing_whose_stage_a_time_limit_cut_short_says_so() {
    let cleared = |share: f64| {
        let spent = || share;
        let options = Options { effort: Effort::Quick, spent: Some(&spent), ..Options::default() };
        clear(&dense_book(0, 0), &rules(Mode::Ring), NOW, &options).stats.stopped
    };
    assert!(!cleared(0.0), "nothing was cut short");
    assert!(cleared(0.4), "the search for rings ended early, all after it in time");
}
