//! What goods would fetch, against trying every chain of offers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Ask, Market, MarketError, Quote, QuoteError, Strict};
use clearing::{Answer, AssetKey, Band, Book, Leg, Offer, OfferKey, PartyKey, Ring, Rules};
use common::{NOW, amount, asset, at_least, offer, whole};
use proptest::prelude::*;

const JUTE: u64 = 1;
const DIESEL: u64 = 2;
const RICE: u64 = 3;

fn book(offers: Vec<Offer>) -> Book {
    Book::new((1..=8).map(|key| asset(key, "1")).collect(), offers).unwrap()
}

/// Limits alone count: the band is as wide as can be.
fn bare() -> Rules {
    Rules { band: Band::from_ppm(Band::WHOLE_PPM).unwrap(), ..Rules::default() }
}

fn ask(units: u128, strict: Strict, paths: usize) -> Ask {
    Ask { send: AssetKey(JUTE), receive: AssetKey(DIESEL), amount: amount(units), strict, paths, party: None }
}

fn quote(offers: Vec<Offer>, ask: &Ask) -> Quote {
    let book = book(offers);
    let quote = Market::new(&book, &bare(), NOW).quote(ask).unwrap();
    holds(&book, &bare(), ask, &quote);
    quote
}

/// Every path settles as it is: with an offer of exactly its amounts it is a ring that the exact check passes, and all
/// rings together take of nobody more than he has.
fn holds(book: &Book, rules: &Rules, ask: &Ask, quote: &Quote) {
    let mut offers = book.offers().to_vec();
    let mut rings = Vec::new();
    for (key, path) in (1_000..).zip(&quote.paths) {
        assert_eq!((path.assets.len(), path.amounts.len()), (path.offers.len() + 1, path.offers.len() + 1));
        assert!(path.assets.len() <= usize::from(rules.max_assets));
        assert_eq!((path.assets[0], path.assets[path.offers.len()]), (ask.send, ask.receive));
        let mut asker = whole(offer(key, ask.send.0, path.send.get(), ask.receive.0, path.receive.get()));
        asker.party = ask.party.unwrap_or(asker.party);
        offers.push(asker);
        let makers = path.offers.iter().zip(&path.amounts[1..]).rev();
        let mut legs = vec![Leg { offer: asker.key, give: path.send }];
        legs.extend(makers.map(|(offer, give)| Leg { offer: *offer, give: *give }));
        rings.push(Ring { legs });
    }
    let with_asker = Book::new(book.assets().to_vec(), offers).unwrap();
    let checked = clearing::check(&with_asker, rules, NOW, &Answer { rings, ..Answer::default() });
    assert!(checked.is_ok(), "{:?} for {quote:?}", checked.err());
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
    let market = Market::new(&book, &bare(), NOW);
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
    // The same offers at other references, or under another band, are asked at other rates.
    let named = |usd: &str, rules: &Rules| {
        let assets = vec![asset(JUTE, usd), asset(RICE, "1")];
        Market::new(&Book::new(assets, vec![offer(2, RICE, 1, JUTE, 1)]).unwrap(), rules, NOW).snapshot()
    };
    let wide = Rules { band: "0.05".parse().unwrap(), ..Rules::default() };
    assert_eq!(named("1", &Rules::default()), named("1.0", &Rules::default()));
    assert_ne!(named("1", &Rules::default()), named("1.1", &Rules::default()));
    assert_ne!(named("1", &Rules::default()), named("1", &wide));
}

#[test]
fn nobody_is_quoted_more_than_the_band_under_the_reference() {
    // The maker would give two for one, but no ring settles so: he keeps 98 % of the reference.
    let book = book(vec![offer(1, DIESEL, 10_000, JUTE, 5_000)]);
    let ask = ask(980, Strict::Send, 1);
    let quote = Market::new(&book, &Rules::default(), NOW).quote(&ask).unwrap();
    holds(&book, &Rules::default(), &ask, &quote);
    assert_eq!((quote.send, quote.receive), (amount(980), amount(1_000)));
    // Nor does the asker get less than that.
    let dear = self::book(vec![offer(1, DIESEL, 10_000, JUTE, 10_300)]);
    assert_eq!(Market::new(&dear, &Rules::default(), NOW).quote(&ask).unwrap().paths, []);
}

#[test]
fn what_an_offer_has_left_serves_the_next_path() {
    // Rice is cheap but scarce on the way; the same diesel then serves those who send jute for wheat.
    let offers = vec![
        offer(1, DIESEL, 100, RICE, 100),
        offer(2, RICE, 40, JUTE, 40),
        offer(3, 4, 60, JUTE, 60),
        offer(4, RICE, 60, 4, 60),
    ];
    let split = quote(offers, &ask(100, Strict::Send, 2));
    assert_eq!((split.send, split.receive, split.paths.len()), (amount(100), amount(100), 2));
}

#[test]
fn nobody_is_quoted_his_own_offer() {
    let own = offer(1, DIESEL, 100, JUTE, 100);
    let asked = Ask { party: Some(own.party), ..ask(50, Strict::Send, 1) };
    assert_eq!(quote(vec![own], &asked).paths, []);
    assert_eq!(quote(vec![own, offer(2, DIESEL, 100, JUTE, 110)], &asked).receive, amount(45));
}

#[test]
fn a_market_refuses_what_no_book_would_hold_and_who_stands_on_both_sides() {
    let mut market = Market::new(&book(vec![offer(1, DIESEL, 100, JUTE, 100)]), &bare(), NOW);
    let twice = offer(1, RICE, 1, JUTE, 1);
    let both = Offer { party: offer(1, 1, 1, 2, 1).party, ..offer(2, RICE, 5, DIESEL, 5) };
    assert!(matches!(market.insert(&twice), Err(MarketError::Book(_))));
    assert!(matches!(market.insert(&offer(3, 99, 1, JUTE, 1)), Err(MarketError::Book(_))));
    assert_eq!(market.insert(&both), Err(MarketError::Crossing(OfferKey(2))));
    assert!(market.remove(OfferKey(1)) && !market.remove(OfferKey(1)));
    assert_eq!(market.insert(&both), Ok(()));
    assert_eq!(market.len(), 1);
}

/// What every chain of divisible offers does for `ask`: sent and received.
fn every_chain(book: &Book, ask: &Ask) -> Vec<(u128, u128)> {
    fn go(book: &Book, ask: &Ask, chain: &mut Vec<Offer>, found: &mut Vec<(u128, u128)>) {
        let at = chain.last().map_or(ask.send, |offer| offer.give);
        if at == ask.receive {
            let mut most = if ask.strict == Strict::Send { ask.amount.get() } else { u128::MAX >> 40 };
            for offer in &*chain {
                most = (most * offer.give_qty.get() / offer.want_qty.get()).min(offer.give_qty.get());
            }
            let receive = if ask.strict == Strict::Receive { most.min(ask.amount.get()) } else { most };
            let send = chain.iter().rev().fold(receive, |needed, offer| {
                (needed * offer.want_qty.get()).div_ceil(offer.give_qty.get())
            });
            found.push((send, receive));
            return;
        }
        for offer in book.offers().iter().filter(|offer| offer.want == at) {
            let seen = offer.give == ask.send || chain.iter().any(|before| before.give == offer.give);
            if !seen && chain.len() < 5 {
                chain.push(*offer);
                go(book, ask, chain, found);
                chain.pop();
            }
        }
    }
    let mut found = vec![(0, 0)];
    go(book, ask, &mut Vec::new(), &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_path_does_as_much_as_the_best_of_all_chains(
        offers in prop::collection::vec((0..6u64, 1..6u64, 1..60u128, 1..60u128), 1..16),
        units in 1..80u128,
        receive in any::<bool>(),
    ) {
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, has, wants))| offer(key, give + 1, has, (give + step) % 6 + 1, wants))
            .collect();
        let book = book(offers.clone());
        let strict = if receive { Strict::Receive } else { Strict::Send };
        let ask = ask(units, strict, 1);
        let chains = every_chain(&book, &ask);
        let most = chains.iter().map(|(_, receive)| *receive).max().unwrap();
        let quote = quote(offers.clone(), &ask);
        prop_assert_eq!(quote.receive.get(), most);
        if receive && most == units {
            let least = chains.iter().filter(|(_, receive)| *receive == most).map(|(send, _)| *send).min();
            prop_assert_eq!(Some(quote.send.get()), least);
        }
        let split = self::quote(offers, &Ask { paths: 4, ..ask });
        prop_assert!(split.receive >= quote.receive, "splitting may only help");
    }

    #[test]
    fn whatever_the_offers_a_quote_settles(
        offers in prop::collection::vec((0..5u64, 1..5u64, 1..900u128, 1..900u128, 0..4u8), 1..24),
        units in 1..2_000u128,
        receive in any::<bool>(),
        paths in 1..6usize,
        band in 0..400_000u32,
    ) {
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, give_qty, want_qty, lump))| {
                let offer = offer(key, give + 1, give_qty, (give + step) % 5 + 1, want_qty);
                match lump {
                    0 => whole(offer),
                    1 => at_least(give_qty.div_ceil(3), offer),
                    _ => offer,
                }
            })
            .collect();
        let strict = if receive { Strict::Receive } else { Strict::Send };
        quote(offers.clone(), &ask(units, strict, paths));
        let rules = Rules { band: Band::from_ppm(band).unwrap(), ..Rules::default() };
        let (book, ask) = (book(offers), ask(units, strict, paths));
        holds(&book, &rules, &ask, &Market::new(&book, &rules, NOW).quote(&ask).unwrap());
    }

    /// Offers come, go, begin and end in any order: the market answers as if it had been made of what is live.
    #[test]
    fn a_market_kept_up_to_date_answers_as_a_new_one(
        offers in prop::collection::vec((0..5u64, 1..5u64, 1..60u128, 1..60u128, 0..4u64, 4..9u64, 0..9u8), 1..30),
        gone in prop::collection::vec(0..30u64, 0..20),
        later in 0..8u64,
        units in 1..80u128,
    ) {
        let party = |number: u8| PartyKey([number; 20]);
        let offers: Vec<Offer> = (1..)
            .zip(offers)
            .map(|(key, (give, step, has, wants, from, until, by))| Offer {
                valid_from: NOW + from,
                valid_until: NOW + until,
                party: party(by),
                ..offer(key, give + 1, has, (give + step) % 5 + 1, wants)
            })
            .collect();
        let (first, rest) = offers.split_at(offers.len() / 2);
        let mut market = Market::new(&book(first.to_vec()), &bare(), NOW);
        for (at, offer) in rest.iter().enumerate() {
            let _ = market.insert(offer);
            if let Some(key) = gone.get(at) {
                market.remove(OfferKey(*key));
            }
        }
        market.advance(NOW + later);
        let live: Vec<Offer> = offers.iter().filter_map(|offer| market.offer(offer.key).copied()).collect();
        prop_assert_eq!(live.len(), market.len());
        prop_assert!(live.iter().all(|offer| offer.is_valid_at(NOW + later)));
        let fresh = Market::new(&book(live), &bare(), NOW + later);
        prop_assert_eq!(fresh.len(), market.len());
        for paths in [1, 3] {
            let ask = ask(units, Strict::Send, paths);
            prop_assert_eq!(fresh.quote(&ask).unwrap(), market.quote(&ask).unwrap());
        }
    }
}
