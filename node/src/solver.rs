//! The demo's solver: answers each batch that closes with the best clearing that it finds in time.

use std::collections::BTreeSet;

use barter_engine::{Effort, Options};
use clearing::{Amount, Answer, Book, OfferKey, UsdValue, check, groups};
use payment_chain::model::OfferId;
use payment_chain::payload::{MAX_RINGS, Payload, SubmittedRing};
use payment_chain::view::OpenBatch;

/// A clearing with what the solver says of it.
pub(crate) struct Proposal {
    /// The rings.
    pub(crate) answer: Answer,
    /// Their exact value.
    pub(crate) value: UsdValue,
    /// No clearing of this book is worth more.
    pub(crate) bound: UsdValue,
}

/// The best of three clearings of a batch: of the whole book, where no offer that stays apart meets one that waits
/// for signatures; of the binding offers first and what they leave second; and the other way round. `clear` finds
/// rings in a book and, when asked to, bounds what any could be worth. `None` when there are no rings.
///
/// A clearing that does not hold by the exact check is never proposed.
pub(crate) fn propose(
    batch: &OpenBatch,
    clear: impl Fn(&Book, bool) -> (Answer, UsdValue),
) -> Option<Proposal> {
    let (whole, bound) = clear(&batch.book, true);
    let binding = |key: OfferKey| !batch.indicative.contains(&key);
    let joining = |key: OfferKey| !batch.apart.contains(&key);
    let mut answers = vec![whole];
    if !batch.apart.is_empty() && !batch.indicative.is_empty() {
        answers.push(in_two(&batch.book, binding, joining, &clear));
        answers.push(in_two(&batch.book, joining, binding, &clear));
    }
    answers
        .into_iter()
        .filter(|answer| (1..=MAX_RINGS).contains(&answer.rings.len()) && keeps_apart(batch, answer))
        .filter_map(|answer| {
            let report = check(&batch.book, &batch.rules, batch.now, &answer)
                .inspect_err(|faults| tracing::error!(batch = %batch.batch, "the engine's rings do not hold: {faults:?}"))
                .ok()?;
            // Of equal values the one with fewer legs is the better.
            Some((report.value, std::cmp::Reverse(report.legs), answer))
        })
        .max_by_key(|(value, legs, _)| (*value, *legs))
        .map(|(value, _, answer)| Proposal { answer, value, bound: bound.max(value) })
}

impl Proposal {
    /// The request that hands it in: its value rounded down, its bound rounded up, as the chain asks.
    pub(crate) fn payload(&self, batch: &OpenBatch) -> Payload {
        let rings = self.answer.rings.iter();
        let legs = |ring: &clearing::Ring| -> Vec<(OfferId, Amount)> {
            ring.legs.iter().map(|leg| (OfferId(leg.offer.0), leg.give)).collect()
        };
        Payload::SubmitClearing {
            batch: batch.batch,
            declared_micro_usd: self.value.floor_to(6).unwrap_or(u128::MAX),
            bound_micro_usd: self.bound.floor_to(6).map_or(u128::MAX, |floor| floor.saturating_add(1)),
            rings: rings.map(|ring| SubmittedRing { legs: legs(ring) }).collect(),
        }
    }
}

/// Clears the offers that `first` takes, then those of the others that `second` takes.
fn in_two(
    book: &Book,
    first: impl Fn(OfferKey) -> bool,
    second: impl Fn(OfferKey) -> bool,
    clear: impl Fn(&Book, bool) -> (Answer, UsdValue),
) -> Answer {
    let mut answer = clear(&part(book, first), false).0;
    let used: BTreeSet<OfferKey> =
        answer.rings.iter().flat_map(|ring| ring.legs.iter().map(|leg| leg.offer)).collect();
    answer.rings.extend(clear(&part(book, |key| second(key) && !used.contains(&key)), false).0.rings);
    answer
}

fn part(book: &Book, takes: impl Fn(OfferKey) -> bool) -> Book {
    let offers = book.offers().iter().filter(|offer| takes(offer.key)).copied().collect();
    Book::new(book.assets().to_vec(), offers).expect("a part of a book is a book")
}

/// Whether no group of rings that waits for signatures has an offer that does not.
fn keeps_apart(batch: &OpenBatch, answer: &Answer) -> bool {
    groups(&batch.book, &answer.rings).into_iter().all(|group| {
        let legs = || group.iter().flat_map(|at| &answer.rings[*at].legs);
        !legs().any(|leg| batch.indicative.contains(&leg.offer))
            || !legs().any(|leg| batch.apart.contains(&leg.offer))
    })
}

/// The engine at work on a part of a batch, within the time that a window leaves. Without `bounded` the bound is only
/// what all offers are worth.
pub(crate) fn clear(book: &Book, batch: &OpenBatch, bounded: bool) -> (Answer, UsdValue) {
    let options = Options { effort: Effort::Quick, rings_only: !bounded, ..Options::default() };
    let clearing = barter_engine::clear(book, &batch.rules, batch.now, &options);
    (clearing.answer, clearing.bound)
}
