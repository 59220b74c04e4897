//! On which side of an asset a party stands, and when.

use clearing::{AssetKey, Offer};
use std::collections::BTreeMap;

/// What a party gives and wants, as spans of seconds. Spans that touch are one, so that a question takes logarithmic time
/// however many offers there are.
#[derive(Default)]
pub(super) struct Sides {
    gives: BTreeMap<AssetKey, Spans>,
    wants: BTreeMap<AssetKey, Spans>,
}

impl Sides {
    /// The column in which `offer` sets its party against itself: it gives what the party wants at the same time, or wants
    /// what the party gives.
    pub(super) fn crossed_by(&self, offer: &Offer) -> Option<&'static str> {
        let span = (offer.valid_from, offer.valid_until);
        let meets = |side: &BTreeMap<AssetKey, Spans>, asset| {
            side.get(&asset).is_some_and(|spans: &Spans| spans.meets(span))
        };
        if meets(&self.wants, offer.give) {
            Some("give_asset")
        } else if meets(&self.gives, offer.want) {
            Some("want_asset")
        } else {
            None
        }
    }

    pub(super) fn add(&mut self, offer: &Offer) {
        let span = (offer.valid_from, offer.valid_until);
        self.gives.entry(offer.give).or_default().add(span);
        self.wants.entry(offer.want).or_default().add(span);
    }
}

/// Half-open spans that do not touch, the end by the beginning.
#[derive(Default)]
struct Spans(BTreeMap<u64, u64>);

impl Spans {
    fn meets(&self, (from, until): (u64, u64)) -> bool {
        self.0.range(..until).next_back().is_some_and(|(_, end)| *end > from)
    }

    fn add(&mut self, (mut from, mut until): (u64, u64)) {
        while let Some((&start, &end)) = self.0.range(..=until).next_back() {
            if end < from {
                break;
            }
            (from, until) = (from.min(start), until.max(end));
            self.0.remove(&start);
        }
        self.0.insert(from, until);
    }
}

#[cfg(test)]
mod tests {
    use super::Spans;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spans_know_every_second_that_they_were_told(
            told in prop::collection::vec((0u64..40, 1u64..10), 0..12),
            asked in (0u64..45, 1u64..10),
        ) {
            let mut spans = Spans::default();
            let span = |(from, long): (u64, u64)| (from, from + long);
            told.iter().for_each(|&one| spans.add(span(one)));
            let (from, until) = span(asked);
            let meets = told.iter().any(|&one| span(one).0 < until && from < span(one).1);
            prop_assert_eq!(spans.meets((from, until)), meets);
        }
    }
}
