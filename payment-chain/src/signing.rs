//! How parties keep their word, who was left waiting by others, and how that lets offers of a batch stand.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::OfferKey;
use clearing::signing::{CERTAIN_PPM, Record, Standing};
use ledger::{Address, Read, Run, Timestamp};

use crate::contract::worth;
use crate::lapse::LAPSE_DAYS;
use crate::model::{BatchId, Contract, Offer, OfferId, OfferState, Ring};
use crate::table::{OFFERS, RETURNED, Snapshot, WORDS};

/// So many words of a party are remembered, one for each batch.
pub const WORDS_REMEMBERED: usize = 20;
/// A word about legs worth less than this many millionths of a US dollar says nothing.
pub const LEAST_WORD_MICRO_USD: u128 = 1_000_000_000;
/// Rings that take less than this part of what an offer gives neither keep it waiting nor serve it.
const MATERIAL_PART: u128 = 10;

/// What a party did when contracts of a batch waited for it: kept its word in all, or broke it in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Word {
    pub(crate) batch: BatchId,
    pub(crate) at: Timestamp,
    pub(crate) kept: bool,
}

/// Notes that a party signed a contract that waited for it, or declined it or let it lapse. However many contracts a solver
/// made of a batch for it, they are one word.
pub(crate) fn word(run: &mut Run<'_>, party: Address, contract: &Contract, kept: bool) {
    if worth(contract, party) < LEAST_WORD_MICRO_USD {
        return;
    }
    let mut words = WORDS.get(run.state(), &party).unwrap_or_default();
    let at = run.time();
    match words.iter_mut().find(|word| word.batch == contract.batch) {
        Some(word) => (word.at, word.kept) = (at, word.kept && kept),
        None => words.push(Word { batch: contract.batch, at, kept }),
    }
    if words.len() > WORDS_REMEMBERED {
        words.remove(0);
    }
    WORDS.put(run.state_mut(), &party, &words);
}

/// How a party kept its word lately.
pub(crate) fn record(state: &dyn Read, party: Address, now: Timestamp) -> Record {
    let words = WORDS.get(state, &party).unwrap_or_default();
    let counts = |word: &Word| now < word.at.plus_ms(LAPSE_DAYS * Timestamp::DAY_MS);
    words.into_iter().filter(counts).fold(Record::default(), |record, word| {
        record.and(Record { kept: u64::from(word.kept), broken: u64::from(!word.kept) })
    })
}

/// Notes which offers came back from rings that dissolved together, through no fault of their owners.
pub(crate) fn left_waiting(run: &mut Run<'_>, rings: &[Ring], fault: &[Address]) {
    for (id, offer) in material(run.state(), rings) {
        if offer.state == OfferState::Open && !fault.contains(&offer.owner) {
            let times = RETURNED.get(run.state(), &id).unwrap_or(0).saturating_add(1);
            RETURNED.put(run.state_mut(), &id, &times);
        }
    }
}

/// Notes which offers rings serve that settle together.
pub(crate) fn served(run: &mut Run<'_>, rings: &[Ring]) {
    material(run.state(), rings).into_iter().for_each(|(id, _)| forget(run, id));
}

/// An offer is another one now, or none any more: how it waited counts no more.
pub(crate) fn forget(run: &mut Run<'_>, id: OfferId) {
    if RETURNED.has(run.state(), &id) {
        RETURNED.remove(run.state_mut(), &id);
    }
}

/// The offers of which rings take a part to speak of, all together.
fn material(state: &dyn Read, rings: &[Ring]) -> Vec<(OfferId, Offer)> {
    let mut given: BTreeMap<OfferId, u128> = BTreeMap::new();
    for leg in rings.iter().flat_map(|ring| &ring.legs) {
        let sum = given.entry(leg.offer).or_default();
        *sum = sum.saturating_add(leg.quantity.get());
    }
    let offer = |(id, quantity): (OfferId, u128)| {
        let offer = OFFERS.get(state, &id)?;
        (quantity.saturating_mul(MATERIAL_PART) >= offer.terms.give_qty.get()).then_some((id, offer))
    };
    given.into_iter().filter_map(offer).collect()
}

/// How the offers of a book stand, in its order: how likely the owner is to sign, certain for a binding one, and how often
/// others left it waiting. What the market does is taken from the owners of the book's indicative offers.
pub(crate) fn standings(state: &dyn Read, snapshot: &Snapshot, now: Timestamp) -> Vec<Standing> {
    let signed_first: BTreeSet<OfferKey> = snapshot.indicative.iter().copied().collect();
    let mut records: BTreeMap<Address, Record> = BTreeMap::new();
    for offer in snapshot.offers.iter().filter(|offer| signed_first.contains(&offer.key)) {
        let owner = Address(offer.party.0);
        records.entry(owner).or_insert_with(|| record(state, owner, now));
    }
    let market = Record::market(records.values().copied());
    let standing = |offer: &clearing::Offer| Standing {
        signs_ppm: match signed_first.contains(&offer.key) {
            true => records[&Address(offer.party.0)].signs_ppm(market),
            false => CERTAIN_PPM,
        },
        returned: RETURNED.get(state, &OfferId(offer.key.0)).unwrap_or(0),
    };
    snapshot.offers.iter().map(standing).collect()
}
