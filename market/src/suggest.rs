//! What a company that is new to the market could ask for.

use std::collections::BTreeMap;

use crate::generate::Market;
use crate::offer::{PPM, closes, floor_ppm};

/// One open offer, as far as rings go: what is given, what is wanted and the limit in parts per million of
/// the reference rate ([`crate::limit_ppm`]).
pub type OpenOffer<'a> = (&'a str, &'a str, u64);

/// A good that a newcomer may well get for what he gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// HS-4 heading to ask for.
    pub want: String,
    /// Companies in the smallest ring, the newcomer included: 2 to 6.
    pub parties: usize,
    /// How many different ways through the goods close a ring at the reference rate. 0 if no open offers do
    /// and the suggestion rests on what companies usually buy and sell.
    pub routes: usize,
}

/// The `count` goods that somebody who gives `give` will most likely get: those that most rings of open
/// offers lead to, then those that companies of the market usually sell to whoever brings `give`.
#[must_use]
pub fn suggestions(market: &Market, open: &[OpenOffer<'_>], give: &str, count: usize) -> Vec<Suggestion> {
    // Offers of one pair are interchangeable here: the softest limit decides.
    let mut floors: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for &(gives, wants, limit) in open {
        let floor = floors.entry(wants).or_default().entry(gives).or_insert(u64::MAX);
        *floor = (*floor).min(floor_ppm(limit));
    }
    let mut found: BTreeMap<&str, Suggestion> = BTreeMap::new();
    let mut steps = WALK_STEPS;
    walk(&floors, &mut vec![give], &mut vec![PPM], &mut found, &mut steps);

    for &company in market.interests.wanters(give) {
        for &want in &market.company(company).gives {
            let suggestion = || Suggestion { want: want.to_owned(), parties: 3, routes: 0 };
            found.entry(want).or_insert_with(suggestion);
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|suggestion| (std::cmp::Reverse(suggestion.routes), suggestion.parties));
    found.truncate(count);
    found
}

/// A dense book has more walks than a page needs; the count of routes stops here.
const WALK_STEPS: u32 = 50_000;

/// Follows the goods that open offers lead to, at most six in a ring and none twice.
fn walk<'a>(
    floors: &BTreeMap<&'a str, BTreeMap<&'a str, u64>>,
    goods: &mut Vec<&'a str>,
    path: &mut Vec<u64>,
    found: &mut BTreeMap<&'a str, Suggestion>,
    steps: &mut u32,
) {
    let Some(next) = goods.last().and_then(|last| floors.get(last)) else { return };
    for (&good, &floor) in next {
        if goods.contains(&good) {
            continue;
        }
        let Some(left) = steps.checked_sub(1) else { return };
        *steps = left;
        path.push(floor);
        if closes(path) {
            let entry =
                found.entry(good).or_insert(Suggestion { want: good.to_owned(), parties: 6, routes: 0 });
            entry.routes += 1;
            entry.parties = entry.parties.min(path.len());
        }
        if path.len() < 6 {
            goods.push(good);
            walk(floors, goods, path, found, steps);
            goods.pop();
        }
        path.pop();
    }
}
