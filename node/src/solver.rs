//! The demo's solver: answers each batch that closes with rings that people can take in.
//!
//! What is worth most on paper splits an offer over dozens of rings, each with its shipments and signatures. This
//! solver gives an offer one ring a batch, of some size; what is left of it comes again with the next batch.

use std::collections::BTreeSet;

use barter_engine::{Algorithm, Effort, Options, Unfilled};
use clearing::signing::weighed;
use clearing::{
    Answer, Book, Certificate, Duals, OfferKey, Prices, Proof, Ring, UsdValue, check, ring_value,
};
use payment_chain::payload::{MAX_RINGS, Payload, SubmittedRing};
use payment_chain::view::OpenBatch;
use payment_chain::{certificate, certificate_hash};

/// A ring worth less than this many US dollars is not worth its shipments.
const WORTH_WHILE_USD: u128 = 1_000;
/// How often the engine looks again at what the rings chosen so far leave.
const ROUNDS: usize = 3;

/// A clearing with what the solver says of it.
pub(crate) struct Proposal {
    /// The rings.
    pub(crate) answer: Answer,
    /// Their exact value.
    pub(crate) value: UsdValue,
    /// The same with what proves that no clearing of this book is worth more than so much.
    pub(crate) certificate: Certificate,
}

/// Chooses rings of which no two share an offer, and none has both an offer that waits for signatures and one that
/// stays apart from such. Where they compete, the ring that counts more by the batch's weights wins. `find` gives the rings of a book,
/// and `proof` is asked for at the end. `None` when there is no ring.
///
/// A clearing that does not hold by the exact check is never proposed.
pub(crate) fn propose(
    batch: &OpenBatch,
    proof: impl FnOnce() -> Proof,
    find: impl Fn(&Book) -> Vec<Ring>,
) -> Option<Proposal> {
    let mut rings: Vec<Ring> = Vec::new();
    let mut used: BTreeSet<OfferKey> = BTreeSet::new();
    for round in 0..2 * ROUNDS {
        let before = rings.len();
        let book = part(&batch.book, |key| {
            let fits =
                if round % 2 == 0 { !batch.apart.contains(&key) } else { !batch.indicative.contains(&key) };
            fits && !used.contains(&key)
        });
        let mut found = find(&book);
        found.sort_by_cached_key(|ring| {
            std::cmp::Reverse(weighed(&book, ring, |offer| batch.standing(offer).weight_ppm()))
        });
        for ring in found {
            let free = ring.legs.iter().all(|leg| !used.contains(&leg.offer));
            if free && rings.len() < MAX_RINGS && stands_alone(&book, &ring) {
                used.extend(ring.legs.iter().map(|leg| leg.offer));
                rings.push(ring);
            }
        }
        if round % 2 == 1 && rings.len() == before {
            break;
        }
    }
    let answer = Answer { rings, ..Answer::default() };
    if answer.rings.is_empty() {
        return None;
    }
    let report = check(&batch.book, &batch.rules, batch.now, &answer)
        .inspect_err(
            |faults| tracing::error!(batch = %batch.batch, "the rings found do not hold: {faults:?}"),
        )
        .ok()?;
    let certificate = certificate(batch, &answer.rings, &proof());
    Some(Proposal { answer, value: report.value, certificate })
}

impl Proposal {
    /// The request that hands it in: its value rounded down, as the chain asks. The certificate is named only where its files
    /// are kept, since nobody could prove it otherwise.
    pub(crate) fn payload(&self, batch: &OpenBatch, kept: bool) -> Payload {
        let rings = self.answer.rings.iter().map(SubmittedRing::from).collect();
        let declared_micro_usd = self.value.floor_to(6).unwrap_or(u128::MAX);
        let (batch, bound_micro_usd) = (batch.batch, self.certificate.bound_micro_usd());
        if kept {
            let certificate = certificate_hash(&self.certificate);
            Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings }
        } else {
            Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings }
        }
    }

    /// Why each offer that is in no ring is in none. Those that are signed first and binding ones apart do not meet, so
    /// each side is asked about its own book.
    pub(crate) fn unfilled(&self, batch: &OpenBatch) -> Vec<Unfilled> {
        let beside =
            |book: &Book| barter_engine::unfilled_beside(book, &batch.rules, batch.now, &self.answer.rings);
        let mut unfilled = beside(&part(&batch.book, |key| !batch.apart.contains(&key)));
        let apart = beside(&part(&batch.book, |key| !batch.indicative.contains(&key)));
        unfilled.extend(apart.into_iter().filter(|one| batch.apart.contains(&one.offer)));
        unfilled.sort_unstable_by_key(|one| one.offer);
        unfilled
    }
}

/// The engine at work on a part of a batch, until `stop` says so.
pub(crate) fn find(book: &Book, batch: &OpenBatch, stop: &(dyn Fn() -> bool + Sync)) -> Vec<Ring> {
    let weights_ppm: Vec<u32> =
        book.offers().iter().map(|offer| batch.standing(offer.key).weight_ppm()).collect();
    let options = Options {
        algorithm: Algorithm::Greedy,
        effort: Effort::Quick,
        stop: Some(stop),
        rings_only: true,
        weights_ppm: &weights_ppm,
        ..Options::default()
    };
    barter_engine::clear(book, &batch.rules, batch.now, &options).answer.rings
}

/// The engine's duals for the batch. They need no rings, so none are looked for.
pub(crate) fn duals(batch: &OpenBatch) -> Duals {
    let options = Options {
        algorithm: Algorithm::Greedy,
        effort: Effort::Quick,
        stop: Some(&|| true),
        ..Options::default()
    };
    barter_engine::clear(&batch.book, &batch.rules, batch.now, &options).duals
}

/// The proof of what no clearing of the batch can pass. It rests on the duals alone, so that whoever has them need not
/// believe anything else; without any the bound is what all offers are worth, which holds as well.
pub(crate) fn proof(batch: &OpenBatch, duals: Duals) -> Proof {
    let OpenBatch { book, rules, now, .. } = batch;
    let bound = clearing::bound(book, rules, *now, &Prices::default(), &duals);
    let bound_micro_usd = bound.floor_to(6).map_or(u128::MAX, |floor| floor.saturating_add(1));
    Proof { bound_micro_usd, duals }
}

fn part(book: &Book, takes: impl Fn(OfferKey) -> bool) -> Book {
    let offers = book.offers().iter().filter(|offer| takes(offer.key)).copied().collect();
    Book::new(book.assets().to_vec(), offers).expect("a part of a book is a book")
}

/// Whether a ring is worth its shipments and fills each of its offers as far as that asks, without another ring.
fn stands_alone(book: &Book, ring: &Ring) -> bool {
    let enough = ring_value(book, ring).floor_to(0).is_none_or(|usd| usd >= WORTH_WHILE_USD);
    enough
        && ring
            .legs
            .iter()
            .all(|leg| book.offer(leg.offer).is_some_and(|offer| leg.give >= offer.least_fill()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearing::signing::Standing;
    use clearing::{Amount, Asset, AssetKey, Leg, Offer, PartyKey, Rules};
    use ledger::{Height, Timestamp};
    use payment_chain::model::BatchId;

    fn amount(quantity: u128) -> Amount {
        Amount::new(quantity).unwrap()
    }

    /// Party `key` gives up to `quantity` of one asset for as much of another.
    fn offer(key: u64, give: u64, want: u64, quantity: u128) -> Offer {
        Offer {
            key: OfferKey(key),
            party: PartyKey([u8::try_from(key).unwrap(); 20]),
            give: AssetKey(give),
            give_qty: amount(quantity),
            want: AssetKey(want),
            want_qty: amount(quantity),
            divisible: true,
            min_fill: Amount::ZERO,
            valid_from: 0,
            valid_until: 1_000,
        }
    }

    fn batch(offers: Vec<Offer>, indicative: &[u64], apart: &[u64]) -> OpenBatch {
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "10".parse().unwrap() };
        let keys = |keys: &[u64]| keys.iter().copied().map(OfferKey).collect();
        OpenBatch {
            batch: BatchId(1),
            ends: Height(30),
            closed_at: Timestamp(5_000),
            now: 5,
            rules: Rules::default(),
            book: Book::new((1..=3).map(asset).collect(), offers).unwrap(),
            indicative: keys(indicative),
            apart: keys(apart),
            standings: Vec::new(),
        }
    }

    fn solve(batch: &OpenBatch) -> Vec<Vec<u64>> {
        let find = |book: &Book| find(book, batch, &|| false);
        let proposal = propose(batch, || proof(batch, duals(batch)), find);
        let rings = proposal.map(|proposal| {
            assert!(proposal.value.floor_to(6).unwrap() <= proposal.certificate.bound_micro_usd());
            proposal.answer.rings
        });
        let mut keys: Vec<Vec<u64>> = rings.unwrap_or_default().iter().map(offers_of).collect();
        keys.sort();
        keys
    }

    fn offers_of(ring: &Ring) -> Vec<u64> {
        let mut keys: Vec<u64> = ring.legs.iter().map(|leg: &Leg| leg.offer.0).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn jute_for_diesel_for_wheat_closes_one_ring() {
        let offers = vec![offer(1, 1, 2, 500), offer(2, 2, 3, 400), offer(3, 3, 1, 600)];
        assert_eq!(solve(&batch(offers, &[], &[])), [[1, 2, 3]]);
    }

    #[test]
    fn a_proof_that_was_cut_short_still_bounds_the_clearing() {
        // A fourth offer that nobody can serve is worth something only where no duals say otherwise.
        let offers =
            vec![offer(1, 1, 2, 500), offer(2, 2, 3, 400), offer(3, 3, 1, 600), offer(4, 1, 2, 9_000)];
        let batch = batch(offers, &[], &[]);
        let find = |book: &Book| find(book, &batch, &|| false);
        let bounds = [duals(&batch), Duals::default()].map(|duals| {
            let proposal = propose(&batch, || proof(&batch, duals), find).unwrap();
            let bound = proposal.certificate.bound_micro_usd();
            assert!(proposal.value.floor_to(6).unwrap() <= bound);
            bound
        });
        assert!(bounds[0] < bounds[1], "{bounds:?}");
    }

    #[test]
    fn a_certificate_is_named_only_where_its_files_are_kept() {
        let offers = vec![offer(1, 1, 2, 500), offer(2, 2, 3, 400), offer(3, 3, 1, 600)];
        let batch = batch(offers, &[], &[]);
        let find = |book: &Book| find(book, &batch, &|| false);
        let proposal = propose(&batch, || proof(&batch, Duals::default()), find).unwrap();
        let Payload::SubmitCertified { certificate, rings, declared_micro_usd, bound_micro_usd, .. } =
            proposal.payload(&batch, true)
        else {
            panic!("the files are kept")
        };
        assert_eq!(certificate, certificate_hash(&proposal.certificate));
        let plain =
            Payload::SubmitClearing { batch: batch.batch, declared_micro_usd, bound_micro_usd, rings };
        assert_eq!(proposal.payload(&batch, false), plain);
    }

    #[test]
    fn an_offer_is_in_one_ring_and_the_larger_one_wins() {
        let offers = vec![offer(1, 1, 2, 900), offer(2, 2, 1, 300), offer(3, 2, 1, 500)];
        assert_eq!(solve(&batch(offers, &[], &[])), [[1, 3]]);
    }

    #[test]
    fn who_settles_at_once_never_waits_for_who_signs_first() {
        let offers = || vec![offer(1, 1, 2, 900), offer(2, 2, 1, 500), offer(3, 2, 1, 300)];
        // Offer 2 waits for signatures and offer 1 does not want to wait, so 1 meets 3, which is smaller.
        assert_eq!(solve(&batch(offers(), &[2], &[1])), [[1, 3]]);
        assert_eq!(solve(&batch(offers(), &[2, 3], &[1])), [[0; 0]; 0]);
        assert_eq!(solve(&batch(offers(), &[2], &[])), [[1, 2]]);
    }

    #[test]
    fn of_two_partners_the_one_who_is_likely_to_sign_wins() {
        let offers = vec![offer(1, 1, 2, 500), offer(2, 2, 1, 500), offer(3, 2, 1, 490)];
        let mut batch = batch(offers, &[1, 2, 3], &[]);
        assert_eq!(solve(&batch), [[1, 2]], "the larger");
        let of = |signs_ppm, returned| Standing { signs_ppm, returned };
        for (standings, rings) in [
            ([of(970_000, 0), of(420_000, 0), of(900_000, 0)], [[1, 3]]),
            ([of(900_000, 0), of(900_000, 0), of(900_000, 0)], [[1, 2]]),
            ([of(900_000, 0), of(900_000, 0), of(900_000, 2)], [[1, 3]]),
        ] {
            batch.standings = standings.to_vec();
            assert_eq!(solve(&batch), rings, "{standings:?}");
        }
    }

    #[test]
    fn a_ring_not_worth_its_shipments_is_left() {
        assert_eq!(solve(&batch(vec![offer(1, 1, 2, 40), offer(2, 2, 1, 40)], &[], &[])), [[0; 0]; 0]);
        assert_eq!(solve(&batch(vec![offer(1, 1, 2, 60), offer(2, 2, 1, 60)], &[], &[])), [[1, 2]]);
    }

    #[test]
    fn a_minimum_that_two_rings_would_meet_together_is_not_met() {
        let picky = Offer { min_fill: amount(700), ..offer(1, 1, 2, 900) };
        let offers = vec![picky, offer(2, 2, 1, 500), offer(3, 2, 1, 300)];
        assert_eq!(solve(&batch(offers, &[], &[])), [[0; 0]; 0]);
    }
}
