//! Which rings execute or drop together.

use crate::{Book, OfferKey, Ring};
use std::collections::BTreeMap;

/// Sorts rings into groups that execute or drop together: rings that share an all-or-none offer, and rings that
/// share an offer which one of them alone would leave under its minimum fill.
///
/// Each group lists positions in `rings`, ascending; groups come in the order of their first ring. Offers that the
/// book does not hold bind nothing.
#[must_use]
pub fn groups(book: &Book, rings: &[Ring]) -> Vec<Vec<usize>> {
    let mut parts: BTreeMap<OfferKey, Vec<(usize, bool)>> = BTreeMap::new();
    for (at, ring) in rings.iter().enumerate() {
        for leg in &ring.legs {
            if let Some(offer) = book.offer(leg.offer) {
                parts.entry(leg.offer).or_default().push((at, leg.give < offer.least_fill()));
            }
        }
    }
    let mut leader: Vec<usize> = (0..rings.len()).collect();
    for parts in parts.values().filter(|parts| parts.iter().any(|(_, too_little)| *too_little)) {
        for pair in parts.windows(2) {
            let (a, b) = (find(&mut leader, pair[0].0), find(&mut leader, pair[1].0));
            leader[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..rings.len() {
        let first = find(&mut leader, at);
        groups.entry(first).or_default().push(at);
    }
    groups.into_values().collect()
}

fn find(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}
