//! The market is tuned so that swaps between two rarely match and rings of three to six do.

use std::collections::{BTreeMap, BTreeSet};

use market::{
    CompanyId, Decision, Enquiry, GOODS, Incoterm, Kind, Market, Offer, PPM, Trader, closes, commodity,
    floor_ppm, lei_is_valid, suggestions,
};

const SEEDS: [u64; 4] = [1, 7, 42, 2_026];

fn market(seed: u64) -> Market {
    Market::generate(seed, 90, 480)
}

/// Rings of offers, by their goods: for every directed pair the softest floor. Each ring of goods is found
/// once, from its smallest good on. Returns how many there are of each length.
fn rings_by_length(offers: &[Offer]) -> [usize; 7] {
    // An offer that gives X and wants Y passes on from Y's giver to X's taker: want -> give.
    let mut softest: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for offer in offers {
        let floor = softest.entry(offer.want).or_default().entry(offer.give).or_insert(u64::MAX);
        *floor = (*floor).min(floor_ppm(offer.limit_ppm()));
    }
    let mut counts = [0; 7];
    for &start in softest.keys() {
        let mut stack = vec![(vec![start], vec![])];
        while let Some((goods, floors)) = stack.pop() {
            for (&next, &floor) in softest.get(goods[goods.len() - 1]).into_iter().flatten() {
                let mut floors: Vec<u64> = floors.clone();
                floors.push(floor);
                if next == start {
                    if closes(&floors) {
                        counts[floors.len()] += 1;
                    }
                } else if next > start && !goods.contains(&next) && goods.len() < 6 {
                    let mut goods = goods.clone();
                    goods.push(next);
                    stack.push((goods, floors));
                }
            }
        }
    }
    counts
}

#[test]
fn two_companies_rarely_want_just_what_the_other_has() {
    for seed in SEEDS {
        let counts = rings_by_length(&market(seed).offers);
        let longer: usize = counts[3..].iter().sum();
        assert!(counts[2] <= 8, "seed {seed}: {counts:?}");
        assert!(longer >= 100 && longer >= 40 * counts[2], "seed {seed}: {counts:?}");
        assert!(counts[3] >= 20 && counts[4] >= 20, "seed {seed}: {counts:?}");
    }
}

/// Fills rings one after the other, each at its floors, as far as its smallest offer goes. Not what an engine
/// would do; enough to show that a sizeable part of the book can be filled.
fn greedily_filled(offers: &[Offer]) -> (usize, u128) {
    let mut left: Vec<u128> = offers.iter().map(Offer::value_cents).collect();
    let mut takers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, offer) in offers.iter().enumerate() {
        takers.entry(offer.want).or_default().push(at);
    }
    let mut volume = 0;
    for start in 0..offers.len() {
        let mut stack = vec![vec![start]];
        let mut steps = 0;
        while let Some(path) = stack.pop() {
            steps += 1;
            if steps > 20_000 || left[start] == 0 {
                break;
            }
            for &next in takers.get(offers[path[path.len() - 1]].give).into_iter().flatten() {
                let mut path = path.clone();
                if next == start && path.len() > 1 {
                    let floors: Vec<_> = path.iter().map(|&at| floor_ppm(offers[at].limit_ppm())).collect();
                    let value = path.iter().map(|&at| left[at]).min().unwrap_or(0);
                    let whole = |&at: &usize| offers[at].divisible || value == offers[at].value_cents();
                    if value > 0 && closes(&floors) && path.iter().all(whole) {
                        path.iter().for_each(|&at| left[at] -= value);
                        volume += value * path.len() as u128;
                    }
                } else if left[next] > 0
                    && path.len() < 6
                    && path.iter().all(|&at| offers[at].give != offers[next].give)
                {
                    path.push(next);
                    stack.push(path);
                }
            }
        }
    }
    let filled = offers.iter().zip(&left).filter(|(offer, left)| **left < offer.value_cents()).count();
    (filled, volume)
}

#[test]
fn a_sizeable_part_of_the_book_can_be_filled() {
    for seed in SEEDS {
        let offers = market(seed).offers;
        let (filled, volume) = greedily_filled(&offers);
        let total: u128 = offers.iter().map(Offer::value_cents).sum();
        assert!(filled * 2 >= offers.len(), "seed {seed}: {filled}");
        assert!(volume * 4 >= total, "seed {seed}: {volume} of {total}");
    }
}

fn check_offer(market: &Market, offer: &Offer) {
    let company = market.company(offer.company);
    assert!(company.gives.contains(&offer.give) && company.wants.contains(&offer.want), "{offer:?}");
    assert!((5_000_000..=200_000_000).contains(&offer.value_cents()), "{offer:?}");
    assert!((950_000..=1_060_000).contains(&offer.limit_ppm()), "{offer:?}: {}", offer.limit_ppm());
    assert!(offer.min_fill <= offer.give_qty && offer.want_qty > 0, "{offer:?}");
    assert_eq!(offer.min_fill == offer.give_qty, !offer.divisible, "{offer:?}");
    assert!(offer.kind == Kind::Binding || offer.joins_indicative, "{offer:?}");
    assert_eq!(offer.place, company.place.locode);
    assert_eq!(offer.incoterm == Incoterm::Fob, company.place.sea, "{offer:?}");
    assert!((1..=60).contains(&offer.lifetime_days));
}

#[test]
fn companies_are_told_apart_and_never_trade_a_good_for_itself() {
    for seed in SEEDS {
        let market = market(seed);
        let names: BTreeSet<_> = market.companies.iter().map(|company| &company.name).collect();
        let numbers: BTreeSet<_> =
            market.companies.iter().map(|company| &company.registration_number).collect();
        assert_eq!((names.len(), numbers.len(), market.companies.len()), (90, 90, 90));
        let with_lei = market.companies.iter().filter_map(|company| company.lei.as_deref());
        assert!(with_lei.clone().all(lei_is_valid));
        assert!((40..80).contains(&with_lei.count()));
        for company in &market.companies {
            assert!(company.country.places.contains(company.place));
            assert!(company.gives.iter().all(|hs4| company.country.exports.contains(hs4)));
            assert!(company.wants.iter().all(|hs4| company.country.imports.contains(hs4)));
            assert!(company.gives.len() >= 2 && company.wants.len() >= 3);
        }
    }
}

#[test]
fn every_offer_is_what_its_company_trades_and_its_stock_covers_it() {
    for seed in SEEDS {
        let market = market(seed);
        assert_eq!(market.offers.len(), 480);
        let mut offered: BTreeMap<_, u64> = BTreeMap::new();
        for offer in &market.offers {
            check_offer(&market, offer);
            *offered.entry((offer.company, offer.give)).or_default() += offer.give_qty;
        }
        for lot in &market.stock {
            let company = market.company(lot.company);
            assert_eq!((lot.origin, lot.locode), (company.country.alpha2, company.place.locode));
            let offered = offered.remove(&(lot.company, lot.hs4)).unwrap_or(0);
            assert!(lot.quantity > offered, "{lot:?} covers {offered}");
        }
        assert!(offered.is_empty(), "offers without stock: {offered:?}");
    }
}

#[test]
fn a_market_is_the_same_for_the_same_seed_only() {
    let one = market(7);
    assert_eq!(one.offers, market(7).offers);
    assert_eq!(one.companies, market(7).companies);
    assert_ne!(one.offers, market(8).offers);
}

#[test]
fn a_market_that_is_asked_for_too_thin_is_raised() {
    let market = Market::generate(3, 1, 1);
    assert_eq!((market.companies.len(), market.offers.len()), (60, 400));
}

#[test]
fn traders_go_on_posting_offers_that_close_rings() {
    for seed in SEEDS {
        let trader = Trader::new(market(seed));
        let offers: Vec<_> = (0..240).map(|step| trader.posting(step)).collect();
        offers.iter().for_each(|offer| check_offer(trader.market(), offer));
        let counts = rings_by_length(&offers);
        assert!(counts[3..].iter().sum::<usize>() >= 40 && counts[2] <= 5, "seed {seed}: {counts:?}");
        // Each story of eight holds a ring of its own.
        for story in offers.chunks(8) {
            let counts = rings_by_length(story);
            assert!(counts[3..].iter().sum::<usize>() >= 1, "seed {seed}: {story:?}");
        }
        assert_eq!(trader.posting(17), offers[17], "a restart goes on where it stopped");
        let lot = trader.market().lot_for(&offers[0]);
        assert_eq!(
            (lot.company, lot.hs4, lot.quantity),
            (offers[0].company, offers[0].give, offers[0].give_qty)
        );
    }
}

#[test]
fn four_in_a_hundred_signatures_are_declined() {
    let trader = Trader::new(market(7));
    let declined =
        (0..10_000).filter(|&contract| trader.decision(contract, CompanyId(3)) == Decision::Decline).count();
    assert!((300..500).contains(&declined), "{declined}");
    assert_eq!(trader.decision(5, CompanyId(1)), trader.decision(5, CompanyId(1)));
}

#[test]
fn nearly_whatever_a_newcomer_brings_somebody_answers() {
    let trader = Trader::new(market(7));
    let (mut asked, mut answered) = (0, 0);
    for give in GOODS {
        for want in GOODS.iter().filter(|want| want.hs4 != give.hs4) {
            // Goods worth 100,000 USD for goods worth 2 % more.
            let enquiry = Enquiry {
                give: give.hs4,
                give_qty: give.quantity_for(10_000_000),
                want: want.hs4,
                want_qty: want.quantity_for(10_200_000),
                kind: Kind::Binding,
            };
            asked += 1;
            let answers = trader.answer_to(&enquiry, asked);
            if answers.is_empty() {
                continue;
            }
            answered += 1;
            let mut ring = vec![floor_ppm(1_020_000)];
            let mut companies = BTreeSet::new();
            let mut brought = give.hs4;
            for answer in &answers {
                assert_eq!(answer.want, brought, "each wants what the one before gives");
                brought = answer.give;
                assert!(companies.insert(answer.company), "every company answers once");
                assert!(answer.value_cents() > 10_300_000, "large enough to fill the newcomer whole");
                assert!(answer.divisible && answer.joins_indicative && answer.kind == Kind::Binding);
                let company = trader.market().company(answer.company);
                assert!(company.gives.contains(&answer.give) && company.wants.contains(&answer.want));
                ring.push(floor_ppm(answer.limit_ppm()));
            }
            assert_eq!(brought, want.hs4, "the last one gives what the newcomer wants");
            assert!(closes(&ring), "{ring:?}");
        }
    }
    assert!(answered * 100 >= asked * 99, "{answered} of {asked}");
}

#[test]
fn nobody_answers_an_enquiry_that_is_not_sensible() {
    let trader = Trader::new(market(7));
    let yarn = commodity("5205").expect("cotton yarn is in the table");
    let fair =
        Enquiry { give: "5205", give_qty: 50_000, want: "2710", want_qty: 225_400, kind: Kind::Indicative };
    assert!(trader.answer_to(&fair, 0).iter().all(|answer| answer.kind == Kind::Indicative));
    assert!(!trader.answer_to(&fair, 0).is_empty());
    for (why, enquiry) in [
        ("20 % over the reference rate", Enquiry { want_qty: 270_500, ..fair }),
        ("an unknown good", Enquiry { want: "9999", ..fair }),
        ("a good for itself", Enquiry { want: "5205", ..fair }),
        ("nothing given", Enquiry { give_qty: 0, ..fair }),
        ("too small to be exact", Enquiry { give_qty: 1, want_qty: 1, ..fair }),
        ("too large to be believed", Enquiry { give_qty: u64::MAX, ..fair }),
    ] {
        assert_eq!(trader.answer_to(&enquiry, 0), [], "{why}");
    }
    assert_eq!(yarn.value_cents(50_000), 13_100_000);
    assert_eq!(
        market::limit_ppm("5205", 50_000, "2710", 225_400).map(|ppm| ppm / 1_000),
        Some(PPM / 1_000 - 1)
    );
}

#[test]
fn a_newcomer_is_told_what_to_ask_for() {
    let market = market(7);
    let open: Vec<_> =
        market.offers.iter().map(|offer| (offer.give, offer.want, offer.limit_ppm())).collect();
    for good in GOODS {
        let found = suggestions(&market, &open, good.hs4, 5);
        assert!(!found.is_empty(), "nothing to ask for {}", good.name);
        assert!(found.is_sorted_by(|a, b| a.routes >= b.routes));
        for suggestion in &found {
            assert_ne!(suggestion.want, good.hs4);
            assert!((2..=6).contains(&suggestion.parties));
        }
        // Without any open offer it still hears what the companies usually sell.
        let quiet = suggestions(&market, &[], good.hs4, 5);
        assert!(!quiet.is_empty() && quiet.iter().all(|suggestion| suggestion.routes == 0));
    }
    assert_eq!(suggestions(&market, &open, "9999", 5), []);
}
