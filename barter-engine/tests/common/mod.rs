//! Books told in a few words, and the best answer by trying everything.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and fails by panicking")]

use clearing::{
    Amount, Asset, AssetKey, Book, Leg, Mode, Offer, OfferKey, PartyKey, Prices, Ring, Rules, UsdValue,
};
use std::collections::BTreeSet;

pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

pub(crate) fn asset(key: u64, usd: &str) -> Asset {
    Asset { key: AssetKey(key), decimals: 0, reference: usd.parse().unwrap() }
}

/// A divisible offer of one party of its own.
pub(crate) fn offer(key: u64, give: u64, give_qty: u128, want: u64, want_qty: u128) -> Offer {
    let mut party = [0; 20];
    party[..8].copy_from_slice(&key.to_be_bytes());
    Offer {
        key: OfferKey(key),
        party: PartyKey(party),
        give: AssetKey(give),
        give_qty: amount(give_qty),
        want: AssetKey(want),
        want_qty: amount(want_qty),
        divisible: true,
        min_fill: Amount::ZERO,
        valid_from: NOW - 86_400,
        valid_until: NOW + 86_400,
    }
}

pub(crate) fn whole(offer: Offer) -> Offer {
    Offer { divisible: false, ..offer }
}

pub(crate) fn at_least(min_fill: u128, offer: Offer) -> Offer {
    Offer { min_fill: amount(min_fill), ..offer }
}

pub(crate) fn rules(mode: Mode) -> Rules {
    Rules { mode, ..Rules::default() }
}

/// The value of the best answer, by trying every set of rings in whole units. For tiny quantities only.
pub(crate) fn best_by_brute_force(book: &Book, rules: &Rules) -> UsdValue {
    let items = every_ring(book, rules);
    let offers = book.offers();
    // What each offer gives, and which offers may be in no other ring.
    let mut reached: BTreeSet<(Vec<u128>, u64)> = BTreeSet::new();
    let mut open = vec![(vec![0u128; offers.len()], 0u64)];
    reached.insert(open[0].clone());
    let mut best = UsdValue::ZERO;
    while let Some((given, closed)) = open.pop() {
        let lumps_met = offers.iter().zip(&given).all(|(offer, given)| {
            let least = if rules.mode == Mode::Lots { offer.give_qty } else { offer.least_fill() };
            *given == 0 || *given >= least.get()
        });
        if lumps_met {
            let value = offers.iter().zip(&given).map(|(offer, given)| {
                let asset = book.asset(offer.give).unwrap();
                asset.reference.value_of(amount(*given), asset.decimals)
            });
            best = best.max(value.sum());
        }
        for (ring, alone) in &items {
            let mut next = given.clone();
            let mut shut = closed;
            let fits = ring.iter().all(|&(at, give)| {
                let free = closed & (1 << at) == 0 && (!*alone || given[at] == 0);
                next[at] += give;
                shut |= if *alone { 1 << at } else { 0 };
                free && next[at] <= offers[at].give_qty.get()
            });
            if fits && reached.insert((next.clone(), shut)) {
                open.push((next, shut));
            }
        }
    }
    best
}

type Item = (Vec<(usize, u128)>, bool);

/// Every ring in whole units that holds by itself, and whether its offers may be in no other.
fn every_ring(book: &Book, rules: &Rules) -> Vec<Item> {
    let mut items = Vec::new();
    let mut path = Vec::new();
    for start in 0..book.offers().len() {
        path.push(start);
        chains(book, rules, &mut path, &mut items);
        path.pop();
    }
    items
}

fn chains(book: &Book, rules: &Rules, path: &mut Vec<usize>, items: &mut Vec<Item>) {
    let offers = book.offers();
    let last = &offers[path[path.len() - 1]];
    if path.len() >= 2 && last.want == offers[path[0]].give {
        quantities(book, rules, path, &mut Vec::new(), items);
    }
    if path.len() == usize::from(rules.max_assets) {
        return;
    }
    for next in path[0] + 1..offers.len() {
        let twice = rules.mode != Mode::Lots && path.iter().any(|at| offers[*at].give == offers[next].give);
        if offers[next].give == last.want && !path.contains(&next) && !twice {
            path.push(next);
            chains(book, rules, path, items);
            path.pop();
        }
    }
}

fn quantities(book: &Book, rules: &Rules, path: &[usize], given: &mut Vec<u128>, items: &mut Vec<Item>) {
    if given.len() < path.len() {
        let most = book.offers()[path[given.len()]].give_qty.get();
        let least = if rules.mode == Mode::Lots { most } else { 1 };
        for give in least..=most {
            given.push(give);
            quantities(book, rules, path, given, items);
            given.pop();
        }
        return;
    }
    let legs = path.iter().zip(&*given);
    let ring = Ring {
        legs: legs.map(|(at, give)| Leg { offer: book.offers()[*at].key, give: amount(*give) }).collect(),
    };
    if clearing::check_ring(book, rules, NOW, &ring, &Prices::default()).is_ok() {
        let worth: BTreeSet<UsdValue> = path
            .iter()
            .zip(&*given)
            .map(|(at, give)| {
                let asset = book.asset(book.offers()[*at].give).unwrap();
                asset.reference.value_of(amount(*give), asset.decimals)
            })
            .collect();
        let alone = rules.mode == Mode::Lots || (rules.mode == Mode::Uniform && worth.len() > 1);
        items.push((path.iter().copied().zip(given.iter().copied()).collect(), alone));
    }
}

/// A random book of four to seven assets, whose units are worth from a millionth of a dollar to a dollar, and of up to
/// thirty offers, of which some have minimums and some are all or none.
pub(crate) fn random_book(seed: u64) -> Book {
    let mut state = seed;
    let mut below = |many: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % many
    };
    // Prices in thousandths of a dollar per unit of so many decimals.
    let kinds = [("1", 2), ("0.04", 0), ("1.35", 6), ("31.5", 3), ("0.9", 0), ("710", 4), ("0.002", 0)];
    let assets = 4 + below(4);
    let pick = below(7);
    let assets: Vec<Asset> = (1..=assets)
        .map(|key| {
            let (usd, decimals) = kinds[usize::try_from((pick + key) % 7).unwrap()];
            Asset { decimals, ..asset(key, usd) }
        })
        .collect();
    // What so many millionths of a dollar buy of an asset.
    let units = |key: u64, micros: u128| {
        let asset = &assets[usize::try_from(key - 1).unwrap()];
        let (price, scale) = (asset.reference.mantissa(), u32::from(asset.reference.scale()));
        (micros * 10u128.pow(scale + u32::from(asset.decimals)) / (price * 1_000_000)).max(1)
    };
    let many = assets.len() as u64;
    let offers = (1..=10 + below(21)).map(|key| {
        let give = 1 + below(many);
        let want = 1 + (give + below(many - 1)) % many;
        let size = [1_000, 1_000, 2_000, 5_000][usize::try_from(below(4)).unwrap()];
        let worth = size * u128::from(980_000 + below(40_000));
        let asked = worth * u128::from(940 + below(85)) / 1_000;
        let offer = offer(key, give, units(give, worth), want, units(want, asked));
        match below(6) {
            0 => whole(offer),
            1 => at_least(offer.give_qty.get() * u128::from(20 + below(50)) / 100, offer),
            _ => offer,
        }
    });
    let offers = offers.collect();
    Book::new(assets.clone(), offers).unwrap()
}

/// A number that tells one book from another.
pub(crate) fn fingerprint(book: &Book) -> u64 {
    let of_assets = book
        .assets()
        .iter()
        .flat_map(|asset| [u128::from(asset.key.0), asset.reference.mantissa(), u128::from(asset.decimals)]);
    let of_offers = book.offers().iter().flat_map(|offer| {
        let Offer { give, give_qty, want, want_qty, divisible, min_fill, .. } = offer;
        let least = if *divisible { min_fill.get() } else { give_qty.get() };
        [u128::from(give.0), give_qty.get(), u128::from(want.0), want_qty.get(), least]
    });
    let bytes = of_assets.chain(of_offers).flat_map(u128::to_be_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// A value in USD, for comparing.
pub(crate) fn usd(value: UsdValue) -> f64 {
    value.display(6).parse().unwrap()
}

/// By how much an answer in whole units may pass the best in reals, USD: each leg strays from its exact share of its
/// ring by about a unit, and whoever receives it by as much again.
pub(crate) fn stray(book: &Book, answer: &clearing::Answer) -> f64 {
    let rings = answer.rings.iter().map(|ring| {
        let share: f64 = ring.legs.iter().map(|leg| 2.0 / leg.give.to_string().parse::<f64>().unwrap()).sum();
        usd(clearing::ring_value(book, ring)) * share.min(1.0)
    });
    rings.sum()
}
