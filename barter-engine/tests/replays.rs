//! A dated book, day by day.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::replay::{DAY, Day, MAX_DAYS, Replay, ReplayError, offered};
use barter_engine::{Effort, Options};
use clearing::{Book, Mode, Offer, Rules};
use common::{amount, asset, at_least, offer, rules, whole};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An offer that is there from one day until another.
fn dated(from: u64, until: u64, offer: Offer) -> Offer {
    Offer { valid_from: from * DAY, valid_until: until * DAY, ..offer }
}

fn book(offers: Vec<Offer>) -> Book {
    Book::new((1..5).map(|key| asset(key, "1")).collect(), offers).unwrap()
}

fn replayed<'a>(book: &'a Book) -> (Vec<Day>, Replay<'a>) {
    let mut replay = Replay::new(book, rules(Mode::Ring)).unwrap();
    let options = Options { effort: Effort::Quick, ..Options::default() };
    let days = std::iter::from_fn(|| replay.next_day(&options)).collect();
    (days, replay)
}

#[test]
fn what_is_left_of_an_offer_waits_for_the_next_counterpart() {
    // The mill is there from the first day, its counterparts come on the third and the fifth.
    let book = book(vec![
        dated(10, 20, offer(1, 1, 100, 2, 100)),
        dated(12, 13, offer(2, 2, 60, 1, 60)),
        dated(14, 30, offer(3, 2, 90, 1, 90)),
    ]);
    let (days, replay) = replayed(&book);
    assert_eq!((days.len(), days[0].now), (20, 10 * DAY));
    let told: Vec<(usize, usize, String)> =
        days[..6].iter().map(|day| (day.live, day.new, day.value.to_string())).collect();
    let expected = [(1, 1, "0"), (1, 0, "0"), (2, 1, "120"), (1, 0, "0"), (2, 1, "80"), (1, 0, "0")];
    assert_eq!(told, expected.map(|(live, new, value)| (live, new, value.to_owned())));
    assert_eq!(replay.given(), [100, 60, 40]);
    let waits = replay.waits();
    let by_value: Vec<(u64, String)> = waits.by_value.iter().map(|(d, v)| (*d, v.to_string())).collect();
    assert_eq!(by_value, [(0, "100".to_owned()), (2, "60".to_owned()), (4, "40".to_owned())]);
    assert_eq!(waits.first_fills, BTreeMap::from([(0, 2), (2, 1)]));
    // (60 * 2 + 40 * 4) / 200
    let figures = (waits.mean_hundredths(), waits.median_by_value(), waits.median_by_offer());
    assert_eq!(figures, (140, 0, 0));
}

#[test]
fn a_rest_under_its_minimum_leaves_the_book_and_all_or_none_leaves_none() {
    let book = book(vec![
        dated(0, 9, at_least(50, offer(1, 1, 100, 2, 100))),
        dated(1, 2, offer(2, 2, 60, 1, 60)),
        dated(3, 9, offer(3, 2, 60, 1, 60)),
        dated(4, 9, whole(offer(4, 1, 40, 2, 40))),
    ]);
    let (days, replay) = replayed(&book);
    // Forty are left of the first offer, less than its fifty; then the fourth comes, and is gone at once.
    let live: Vec<usize> = days.iter().map(|day| day.live).collect();
    assert_eq!(live, [1, 2, 0, 1, 2, 1, 1, 1, 1]);
    assert_eq!(replay.given(), [60, 60, 40, 40]);
}

#[test]
fn a_day_begins_with_what_is_valid_at_its_first_second() {
    let offers = vec![
        Offer { valid_from: DAY + 1, valid_until: 2 * DAY, ..offer(1, 1, 5, 2, 5) }, // never at a beginning
        Offer { valid_from: 1, valid_until: DAY + 1, ..offer(2, 2, 5, 1, 5) },
    ];
    let book = book(offers);
    let (days, _) = replayed(&book);
    assert_eq!(days.iter().map(|day| (day.now, day.live)).collect::<Vec<_>>(), [(DAY, 1)]);
}

#[test]
fn an_offer_without_an_end_prolongs_nothing() {
    let endless = Offer { valid_until: u64::MAX, ..dated(1, 2, offer(1, 1, 9, 2, 9)) };
    let last = |offers| {
        let book = book(offers);
        let (days, replay) = replayed(&book);
        (days.len(), replay.outlasting())
    };
    assert_eq!(last(vec![endless]), (1, 1));
    assert_eq!(last(vec![endless, dated(3, 4, offer(2, 2, 5, 1, 5))]), (3, 1));
    assert_eq!(last(vec![endless, dated(3, 9, offer(2, 2, 5, 1, 5))]), (8, 1));
    assert_eq!(last(vec![dated(3, 9, offer(2, 2, 5, 1, 5))]), (6, 0));
}

#[test]
fn only_what_is_in_the_book_of_a_day_counts_as_offered() {
    let never = Offer { valid_from: DAY + 1, valid_until: 2 * DAY, ..offer(1, 1, 5, 2, 5) };
    let (count, value) = offered(&book(vec![never, dated(3, 4, offer(2, 2, 7, 1, 7))]));
    assert_eq!((count, value.to_string()), (1, "7".to_owned()));
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let refused = |offers, rules| Replay::new(&book(offers), rules).err();
    assert_eq!(refused(vec![], Rules::default()), Some(ReplayError::NoDays));
    let endless = Offer { valid_until: u64::MAX, ..dated(1, 2, offer(1, 1, 5, 2, 5)) };
    assert_eq!(refused(vec![endless], Rules::default()), None);
    let late = dated(1 + MAX_DAYS, 2 + MAX_DAYS, offer(7, 2, 5, 1, 5));
    let too_long = ReplayError::TooLong { offer: late.key, days: MAX_DAYS };
    assert_eq!(refused(vec![late, endless], Rules::default()), Some(too_long));
    let ten_years = dated(0, MAX_DAYS, offer(1, 1, 5, 2, 5));
    assert_eq!(refused(vec![ten_years], Rules::default()), None);
    let lots = Rules { mode: Mode::Lots, ..Rules::default() };
    assert_eq!(refused(vec![ten_years], lots), Some(ReplayError::RingModeOnly));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and goes, every ring holds the limits that were stated, nobody gives more than he has, and the days add
    /// up to what waited.
    #[test]
    fn over_all_days_nobody_gives_more_than_he_has_or_for_less_than_he_asked(
        terms in prop::collection::vec((1u64..5, 1u64..5, 1u128..90, 1u128..90, 0u64..6, 1u64..6), 2..12),
    ) {
        let offers = (1..).zip(terms).filter(|(_, (give, want, ..))| give != want);
        let offers = offers.map(|(key, (give, want, most, asked, from, long))| {
            let offer = offer(key, give, most, want, asked);
            dated(from, from + long, Offer { min_fill: amount(most / 3), ..offer })
        });
        let book = book(offers.collect());
        prop_assume!(!book.offers().is_empty());
        let (days, replay) = replayed(&book);
        for (offer, given) in book.offers().iter().zip(replay.given()) {
            prop_assert!(*given <= offer.give_qty.get());
            prop_assert!(*given == 0 || *given >= offer.min_fill.get());
        }
        let rules = rules(Mode::Ring);
        for day in &days {
            prop_assert!(day.bound >= day.value);
            for ring in &day.rings {
                let prices = clearing::Prices::default();
                let checked = clearing::check_ring(&book, &rules, day.now, ring, &prices);
                // A limit that is rounded up moves floors by less than a unit, and shares with it.
                let faults = checked.err().unwrap_or_default();
                let unequal = |fault: &clearing::Fault| matches!(fault, clearing::Fault::UnequalShares { .. });
                prop_assert!(faults.iter().all(unequal), "{:?}", faults);
            }
        }
        let sum: clearing::UsdValue = days.iter().map(|day| day.value).sum();
        prop_assert_eq!(sum, replay.waits().value());
    }
}
