//! How parties keep their word, who was left waiting by others, and how much that lets an offer of a batch count.

use std::collections::{BTreeMap, BTreeSet};

use clearing::OfferKey;
use clearing::signing::{CERTAIN_PPM, Record, weight_ppm};
use ledger::{Address, Read, Run};

use crate::model::{Contract, OfferId};
use crate::table::{RETURNED, Snapshot, WORDS};

/// Notes that a party signed a contract that waited for it.
pub(crate) fn kept(run: &mut Run<'_>, party: Address) {
    note(run, party, Record { kept: 1, broken: 0 });
}

/// Notes that a party declined a contract, or let it lapse.
pub(crate) fn broken(run: &mut Run<'_>, party: Address) {
    note(run, party, Record { kept: 0, broken: 1 });
}

fn note(run: &mut Run<'_>, party: Address, word: Record) {
    let record = WORDS.get(run.state(), &party).unwrap_or_default().and(word);
    WORDS.put(run.state_mut(), &party, &record);
}

/// Notes of a dissolved contract which offers came back through no fault of their owners, who had signed, or were bound
/// without. An offer that stands in several of its rings came back once.
pub(crate) fn left_waiting(run: &mut Run<'_>, contract: &Contract) {
    let stood_by = |party: &Address| !contract.signers.contains(party) || contract.signed.contains(party);
    let legs = contract.rings.iter().flat_map(|ring| &ring.legs);
    let offers: BTreeSet<OfferId> = legs.filter(|leg| stood_by(&leg.party)).map(|leg| leg.offer).collect();
    for offer in offers {
        let times = RETURNED.get(run.state(), &offer).unwrap_or(0).saturating_add(1);
        RETURNED.put(run.state_mut(), &offer, &times);
    }
}

/// An offer settled, or is closed: nobody keeps it waiting any more.
pub(crate) fn served(run: &mut Run<'_>, offer: OfferId) {
    if RETURNED.has(run.state(), &offer) {
        RETURNED.remove(run.state_mut(), &offer);
    }
}

/// How much each offer of a book counts, in parts per million, in the book's order: the likelihood that its owner signs,
/// certain for a binding one, more for one that others left waiting. What the market does is taken from the owners of the
/// book's indicative offers.
pub(crate) fn weights(state: &dyn Read, snapshot: &Snapshot) -> Vec<u32> {
    let signed_first: BTreeSet<OfferKey> = snapshot.indicative.iter().copied().collect();
    let mut records: BTreeMap<Address, Record> = BTreeMap::new();
    for offer in snapshot.offers.iter().filter(|offer| signed_first.contains(&offer.key)) {
        let owner = Address(offer.party.0);
        records.entry(owner).or_insert_with(|| WORDS.get(state, &owner).unwrap_or_default());
    }
    let market = Record::market(records.values().copied());
    let weight = |offer: &clearing::Offer| {
        let signs = match signed_first.contains(&offer.key) {
            true => records[&Address(offer.party.0)].signs_ppm(market),
            false => CERTAIN_PPM,
        };
        weight_ppm(signs, RETURNED.get(state, &OfferId(offer.key.0)).unwrap_or(0))
    };
    snapshot.offers.iter().map(weight).collect()
}
