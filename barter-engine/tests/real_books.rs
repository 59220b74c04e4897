//! Real books, where they are at hand: `PERMUTA_DATA` names a directory that holds `books` and `netting`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::files::{
    Malformed, NamedBook, Source, import_cow, read_book, read_instance, read_obligations,
};
use barter_engine::matching::{self, Limits, WHOLE};
use barter_engine::{Effort, Options, clear, netting};
use clearing::{Mode, Rules, check};
use common::{NOW, stray, usd};
use std::path::{Path, PathBuf};

/// The data directory, or word on standard error that the test has nothing to look at.
fn data(test: &str) -> Option<PathBuf> {
    let data = std::env::var_os("PERMUTA_DATA").map(PathBuf::from).filter(|data| data.join("books").is_dir());
    if data.is_none() {
        eprintln!("{test} is skipped: PERMUTA_DATA names no directory that holds books");
    }
    data
}

fn book(dir: &Path) -> NamedBook {
    let open = |name: &str| {
        let plain = dir.join(name);
        Source::open(&if plain.exists() { plain } else { dir.join(format!("{name}.zst")) }).unwrap()
    };
    read_book(open("assets.csv"), open("offers.csv")).unwrap()
}

/// Clears a book and proves the answer; returns its value in whole USD.
fn cleared(data: &Path, name: &str, mode: Mode, effort: Effort) -> u128 {
    let book = book(&data.join("books").join(name));
    let rules = Rules { mode, ..Rules::default() };
    let clearing = clear(&book.book, &rules, NOW, &Options { effort, ..Options::default() });
    let report = check(&book.book, &rules, NOW, &clearing.answer).unwrap();
    assert_eq!(report.value, clearing.report.value);
    assert!(clearing.bound >= report.value);
    report.value.floor_to(0).unwrap()
}

#[test]
fn two_thousand_real_offers_clear_to_99_percent_of_the_best_in_reals() {
    let Some(data) = data("two_thousand_real_offers_clear_to_99_percent_of_the_best_in_reals") else {
        return;
    };
    let value = cleared(&data, "real-2k", Mode::Ring, Effort::Thorough);
    assert!(value > 178_613_271, "{value} USD");
}

#[test]
fn whole_lots_clear_to_the_best_there_is() {
    let Some(data) = data("whole_lots_clear_to_the_best_there_is") else { return };
    for (name, best) in [("l60_lots", 170_904), ("l300_sparse", 474_981), ("l1k_sparse", 1_244_295)] {
        assert_eq!(
            cleared(&data, &format!("synthetic/{name}"), Mode::Lots, Effort::Thorough),
            best,
            "{name}"
        );
    }
}

#[test]
fn a_dense_book_of_more_rings_than_can_be_counted_clears_to_nine_tenths_of_what_all_is_bound_by() {
    let Some(data) = data("a_dense_book_of_more_rings_than_can_be_counted") else { return };
    let value = cleared(&data, "synthetic/s1k_dense", Mode::Ring, Effort::Thorough);
    assert!(value > 8_220_942, "{value} USD"); // the any-rates bound is 9,134,380
}

#[test]
fn synthetic_books_clear_in_every_mode() {
    let Some(data) = data("synthetic_books_clear_in_every_mode") else { return };
    for mode in [Mode::Ring, Mode::Uniform, Mode::Lots] {
        for name in
            ["synthetic/s100_sparse", "synthetic/s100_aon", "synthetic/l300_sparse", "synthetic/s1k_sparse"]
        {
            let value = cleared(&data, name, mode, Effort::Quick);
            eprintln!("{name} {mode}: {value} USD");
        }
    }
}

#[test]
fn tiny_books_clear_to_the_best_there_is_in_whole_units() {
    let Some(data) = data("tiny_books_clear_to_the_best_there_is_in_whole_units") else { return };
    let best = [
        ("t1_two_ring", 120, 120),
        ("t2_shared_edge", 190, 190),
        ("t3_seven_cycle", 0, 0),
        ("t4_six_cycle_expired", 60, 60),
        ("t5_greedy_limit", 0, 201),
        ("t6_aon_blocked", 0, 0),
        ("t7_aon_knapsack", 190, 190),
        ("t8_packing", 60, 60),
        ("t10_overpay_trap", 2, 2),
    ];
    for (name, uniform, ring) in best {
        for (mode, best) in [(Mode::Uniform, uniform), (Mode::Ring, ring)] {
            let value = cleared(&data, &format!("tiny/{name}"), mode, Effort::Thorough);
            assert_eq!(value, best, "{name} {mode}");
        }
    }
    assert_eq!(cleared(&data, "tiny/t9_lots", Mode::Lots, Effort::Thorough), 1000);
}

#[test]
fn synthetic_books_clear_to_a_stated_share_of_their_optimum_in_reals_and_never_above() {
    let Some(data) = data("synthetic_books_clear_to_a_stated_share_of_their_optimum_in_reals") else {
        return;
    };
    // Minimums and all or none are honoured where the book has any; `s1k_sparse` has coarse units, of up to 203 USD.
    let optima = [
        ("s100_sparse", Mode::Ring, 147_610.58, 0.9995),
        ("s100_aon", Mode::Ring, 555_819.84, 0.983),
        ("s1k_sparse", Mode::Ring, 1_931_580.26, 0.993),
        ("s100_sparse", Mode::Uniform, 92_825.258_9, 0.9995),
        ("s100_aon", Mode::Uniform, 315_289.801_8, 0.87),
        ("s1k_sparse", Mode::Uniform, 1_118_179.055_7, 0.84),
        ("s1k_dense", Mode::Uniform, 6_365_312.044_6, 0.93),
        ("s1k_aon", Mode::Uniform, 6_286_884.663_8, 0.89),
    ];
    for (name, mode, optimum, least) in optima {
        let book = book(&data.join("books/synthetic").join(name));
        let rules = Rules { mode, ..Rules::default() };
        let clearing = clear(&book.book, &rules, NOW, &Options::default());
        let value = usd(check(&book.book, &rules, NOW, &clearing.answer).unwrap().value);
        eprintln!("{name} {mode}: {value:.2} of {optimum:.2} USD, {:.5}", value / optimum);
        assert!(value >= least * optimum, "{name} {mode}: {value} of {optimum} USD");
        assert!(
            value <= optimum + stray(&book.book, &clearing.answer),
            "{name} {mode}: {value} of {optimum} USD"
        );
        assert!(usd(clearing.bound) >= optimum - 1.0, "{name} {mode}: the bound is under {optimum} USD");
    }
}

#[test]
fn real_debts_net_to_the_largest_circulation() {
    let Some(data) = data("real_debts_net_to_the_largest_circulation") else { return };
    let source = Source::open(&data.join("netting/sarafu_debt.csv.gz")).unwrap();
    let netting = netting::net(&read_obligations(source, Malformed::Refused).unwrap().0);
    assert_eq!(netting.total, 72_671_889_614);
}

#[test]
fn published_kidney_exchanges_are_matched_as_well_as_can_be() {
    let Some(data) = data("published_kidney_exchanges_are_matched_as_well_as_can_be") else { return };
    let found = |number: &str, longest: usize| {
        let path = data.join("matching/kidney_preflib").join(format!("{number}.txt"));
        let instance = read_instance(Source::open(&path).unwrap()).unwrap();
        let found = matching::find(&instance, longest, &Limits::default());
        assert_eq!(matching::check(&instance, longest, &found), Ok(()));
        found
    };
    // What a mixed-integer programme over every cycle of three finds.
    for (number, best) in [("001", 4), ("035", 21), ("045", 19), ("075", 33), ("085", 39), ("100", 46)] {
        let found = found(number, 3);
        assert_eq!((found.value, found.exhausted), (best * WHOLE, true), "{number}");
    }
    // With six nothing is left open in any of them.
    for number in 0..=100 {
        let found = found(&format!("{number:03}"), 6);
        assert_eq!((found.value, found.exhausted), (found.bound, true), "{number}");
    }
}

#[test]
fn an_auction_of_limit_orders_is_a_book() {
    let Some(data) = data("an_auction_of_limit_orders_is_a_book") else { return };
    let out = tempfile::tempdir().unwrap();
    let source = Source::open(&data.join("orderbooks/cow_auctions_57.csv.zst")).unwrap();
    let imported = import_cow(source, Some(9_142_103), out.path()).unwrap();
    assert_eq!(imported.len(), 1);
    let book = book(&out.path().join("9142103"));
    assert_eq!(
        (book.book.assets().len(), book.book.offers().len()),
        (imported[0].assets, imported[0].offers)
    );
    for mode in [Mode::Ring, Mode::Uniform] {
        let rules = Rules { mode, ..Rules::default() };
        let clearing = clear(&book.book, &rules, 0, &Options { effort: Effort::Quick, ..Options::default() });
        let report = check(&book.book, &rules, 0, &clearing.answer).unwrap();
        assert!(clearing.bound >= report.value);
        eprintln!("{mode}: {} rings, {} USD", clearing.answer.rings.len(), report.value.display(2));
    }
}
