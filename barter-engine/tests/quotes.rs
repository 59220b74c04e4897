//! What goods would fetch, against trying every chain of offers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Ask, Market, Quote, QuoteError, Strict};
use clearing::{AssetKey, Book, Offer};
use common::{NOW, amount, asset, at_least, offer, whole};
use proptest::prelude::*;

const JUTE: u64 = 1;
const DIESEL: u64 = 2;
const RICE: u64 = 3;

fn book(offers: Vec<Offer>) -> Book {
    Book::new((1..=8).map(|key| asset(key, "1")).collect(), offers).unwrap()
}

fn ask(units: u128, strict: Strict, paths: usize) -> Ask {
    Ask { send: AssetKey(JUTE), receive: AssetKey(DIESEL), amount: amount(units), strict, paths, now: NOW }
}

fn quote(offers: Vec<Offer>, ask: &Ask) -> Quote {
    let book = book(offers);
    let quote = Market::new(&book, NOW).quote(ask).unwrap();
    holds(&book, ask, &quote);
    quote
}

/// Every path is a chain of live offers whose limits hold at the amounts it says, and the sums are right.
fn holds(book: &Book, ask: &Ask, quote: &Quote) {
    let mut used = std::collections::BTreeSet::new();
    for path in &quote.paths {
        assert_eq!(path.assets.len(), path.offers.len() + 1);
        assert!(path.assets.len() <= 6);
        assert_eq!((path.assets[0], path.assets[path.offers.len()]), (ask.send, ask.receive));
        let mut paid = path.send.get();
        for (key, pair) in path.offers.iter().zip(path.assets.windows(2)) {
            let offer = book.offer(*key).unwrap();
            assert!(used.insert(*key) && offer.is_valid_at(ask.now));
            assert_eq!((offer.want, offer.give), (pair[0], pair[1]));
            paid = (paid * offer.give_qty.get() / offer.want_qty.get()).min(offer.give_qty.get());
        }
        assert!(paid >= path.receive.get(), "the chain pays {paid} for {path:?}");
    }
    let sum = |of: &dyn Fn(&barter_engine::Path) -> u128| quote.paths.iter().map(of).sum::<u128>();
    assert_eq!(quote.send.get(), sum(&|path| path.send.get()));
    assert_eq!(quote.receive.get(), sum(&|path| path.receive.get()));
    match ask.strict {
        Strict::Send => assert!(quote.send <= ask.amount),
        Strict::Receive => assert!(quote.receive <= ask.amount),
    }
}

#[test]
fn the_cheapest_way_leads_through_a_third_good() {
    // Diesel directly costs two jute; through rice one.
    let offers = || {
        vec![offer(1, DIESEL, 100, JUTE, 200), offer(2, RICE, 100, JUTE, 50), offer(3, DIESEL, 50, RICE, 100)]
    };
    let sent = quote(offers(), &ask(50, Strict::Send, 1));
    assert_eq!((sent.send, sent.receive), (amount(50), amount(50)));
    assert_eq!(sent.paths[0].assets, [AssetKey(JUTE), AssetKey(RICE), AssetKey(DIESEL)]);
    // Beyond fifty the direct way takes over.
    let split = quote(offers(), &ask(80, Strict::Receive, 2));
    assert_eq!((split.send, split.receive), (amount(50 + 60), amount(80)));
    assert_eq!(split.paths.len(), 2);
}

#[test]
fn rounding_favours_whoever_stands_in_the_book() {
    let offers = || vec![offer(1, DIESEL, 10, JUTE, 3)];
    assert_eq!(quote(offers(), &ask(1, Strict::Send, 1)).receive, amount(3));
    assert_eq!(quote(offers(), &ask(4, Strict::Receive, 1)).send, amount(2));
}

#[test]
fn all_or_none_and_minimums_are_respected() {
    assert_eq!(quote(vec![whole(offer(1, DIESEL, 100, JUTE, 100))], &ask(99, Strict::Send, 1)).paths, []);
    assert_eq!(
        quote(vec![whole(offer(1, DIESEL, 100, JUTE, 100))], &ask(100, Strict::Send, 1)).receive,
        amount(100)
    );
    let minimum = || vec![at_least(50, offer(1, DIESEL, 100, JUTE, 90)), offer(2, DIESEL, 100, JUTE, 100)];
    let small = quote(minimum(), &ask(20, Strict::Send, 1));
    assert_eq!((small.receive, small.paths.len()), (amount(20), 1));
}

#[test]
fn nothing_on_offer_is_an_empty_quote_and_nonsense_is_refused() {
    let empty = quote(vec![offer(1, RICE, 1, JUTE, 1)], &ask(5, Strict::Send, 3));
    assert_eq!((empty.send.get(), empty.receive.get(), empty.expires), (0, 0, NOW));
    let book = book(vec![]);
    let market = Market::new(&book, NOW);
    let asked = ask(5, Strict::Send, 3);
    let refused = [
        (Ask { send: AssetKey(99), ..asked }, QuoteError::UnknownAsset(AssetKey(99))),
        (Ask { receive: AssetKey(JUTE), ..asked }, QuoteError::SameAsset),
        (Ask { amount: amount(0), ..asked }, QuoteError::ZeroAmount),
        (Ask { paths: 0, ..asked }, QuoteError::Paths),
        (Ask { paths: 17, ..asked }, QuoteError::Paths),
    ];
    for (ask, error) in refused {
        assert_eq!(market.quote(&ask), Err(error));
    }
}

#[test]
fn a_quote_names_its_book_and_its_end() {
    let mut short = offer(1, DIESEL, 100, JUTE, 100);
    short.valid_until = NOW + 7;
    let one = quote(vec![short, offer(2, RICE, 1, JUTE, 1)], &ask(5, Strict::Send, 1));
    assert_eq!(one.expires, NOW + 7);
    assert_eq!(
        one.snapshot,
        quote(vec![offer(2, RICE, 1, JUTE, 1), short], &ask(9, Strict::Send, 1)).snapshot
    );
    assert_ne!(one.snapshot, quote(vec![short], &ask(5, Strict::Send, 1)).snapshot);
}

/// The most received for `units` on one chain of divisible offers, by trying every chain.
fn best_by_brute_force(book: &Book, units: u128) -> u128 {
    fn go(book: &Book, at: AssetKey, units: u128, seen: &mut Vec<AssetKey>) -> u128 {
        if at == AssetKey(DIESEL) {
            return units;
        }
        if seen.len() == 6 {
            return 0;
        }
        let mut best = 0;
        for offer in book.offers().iter().filter(|offer| offer.want == at) {
            if !seen.contains(&offer.give) {
                let given = (units * offer.give_qty.get() / offer.want_qty.get()).min(offer.give_qty.get());
                seen.push(offer.give);
                best = best.max(go(book, offer.give, given, seen));
                seen.pop();
            }
        }
        best
    }
    go(book, AssetKey(JUTE), units, &mut vec![AssetKey(JUTE)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Small amounts over deep offers: only rates matter. The search keeps one chain per asset and length, so it may
    /// miss the best one; what it finds is never more than there is.
    #[test]
    fn no_quote_promises_more_than_the_best_chain_gives(offers in prop::collection::vec((0..5u64, 1..5u64, 90_000..110_000u128), 1..14)) {
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, want))| offer(key, give + 1, 100_000_000, (give + step) % 5 + 1, want * 1_000))
            .collect();
        let book = book(offers.clone());
        let quote = quote(offers, &ask(1_000_000, Strict::Send, 1));
        let best = best_by_brute_force(&book, 1_000_000);
        prop_assert!(quote.receive.get() <= best, "{} of {best}", quote.receive);
    }

    #[test]
    fn whatever_the_offers_a_quote_holds(
        offers in prop::collection::vec((0..4u64, 1..4u64, 1..50u128, 1..50u128, 0..3u8), 1..20),
        units in 1..80u128,
        receive in any::<bool>(),
        paths in 1..5usize,
    ) {
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, give_qty, want_qty, lump))| {
                let offer = offer(key, give + 1, give_qty, (give + step) % 4 + 1, want_qty);
                if lump == 0 { whole(offer) } else { offer }
            })
            .collect();
        let strict = if receive { Strict::Receive } else { Strict::Send };
        quote(offers, &ask(units, strict, paths));
    }
}
