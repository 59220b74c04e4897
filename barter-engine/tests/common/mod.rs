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
