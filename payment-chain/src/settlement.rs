//! A ring settles: every leg moves, in one step.

use std::collections::BTreeMap;

use clearing::Amount;
use ledger::{Address, Hash, Read, Run, SubChain, Tag, Timestamp};
use vocabulary::messages::{Conduct, TradeLeg};
use vocabulary::{FromPayment, ToData, ToIdentity};

use crate::event::Event;
use crate::model::{
    AssetId, BatchId, Commitment, ContractId, Leg, Offer, OfferId, OfferState, Ring, Settlement,
};
use crate::table::{OFFERS, SETTLEMENTS};
use crate::{money, offer};

/// Why what a batch takes from an offer is there.
const IS_COVERED: &str = "rings that an offer does not cover are dropped before they execute";
/// Why what leaves a contract is there: it is written by these three functions alone, and a contract ends once.
const IS_TIED_UP: &str = "only the contract that tied it up takes or gives it back";

/// The number of a settlement.
#[must_use]
pub fn settlement_hash(batch: BatchId, ring: &Ring) -> Hash {
    Hash::of_value(Tag::Content, &("permuta/1/settlement", batch, ring))
}

/// Moves every leg of a ring. What each offer gives is locked: it comes out of what is left of the offer, or, with
/// `contract`, out of what is tied up there.
pub(crate) fn settle(run: &mut Run<'_>, batch: BatchId, contract: Option<ContractId>, ring: Ring) {
    let id = settlement_hash(batch, &ring);
    let at = run.time();
    let mut legs = Vec::with_capacity(ring.legs.len());
    for (leg, to) in ring.deliveries() {
        let (from, asset, quantity) = (leg.party, leg.asset, leg.quantity);
        money::give_locked(run, from, to, asset, quantity);
        change(run, leg.offer, |offer| match contract {
            Some(_) => offer.in_contracts = less(offer.in_contracts, quantity, IS_TIED_UP),
            None => offer.remaining = less(offer.remaining, quantity, IS_COVERED),
        });
        let value_micro_usd = leg.value_micro_usd;
        legs.push(TradeLeg { from, to, asset: asset.0, quantity: quantity.get(), value_micro_usd });
    }
    let parties = ring.legs.iter().map(|leg| leg.party).collect();
    SETTLEMENTS.put(run.state_mut(), &id, &Settlement { batch, parties, at });
    for leg in &ring.legs {
        record(run, leg.party, Conduct::Settled, id, leg.value_micro_usd, at);
    }
    run.send(SubChain::Data, &ToData { settlement: id, legs, at });
    run.emit(&Event::RingSettled { id, batch, contract, ring, at });
}

/// The first party whose offer is closed, has less left than these rings take from it, or locks less.
///
/// Nothing that anybody may send brings this about: while a book is frozen its offers neither shrink nor close. But
/// the rings were judged by the frozen book and move what the live one has, at a moment when nobody is there to be
/// refused; so it is asked again.
pub(crate) fn uncovered(state: &dyn Read, rings: &[Ring]) -> Option<Address> {
    let mut given: BTreeMap<OfferId, Amount> = BTreeMap::new();
    let mut locked: BTreeMap<(Address, AssetId), Amount> = BTreeMap::new();
    let mut takes = |leg: &Leg| {
        let offer = OFFERS.get(state, &leg.offer).filter(|offer| offer.state == OfferState::Open)?;
        let sum = given.entry(leg.offer).or_default();
        *sum = sum.checked_add(leg.quantity).ok().filter(|sum| *sum <= offer.remaining)?;
        if offer.terms.commitment == Commitment::Binding {
            let sum = locked.entry((leg.party, leg.asset)).or_default();
            let has = money::balance(state, leg.party, leg.asset).locked;
            *sum = sum.checked_add(leg.quantity).ok().filter(|sum| *sum <= has)?;
        }
        Some(())
    };
    rings.iter().flat_map(|ring| &ring.legs).find(|leg| takes(leg).is_none()).map(|leg| leg.party)
}

/// Ties up in a contract what a leg gives.
pub(crate) fn tie_up(run: &mut Run<'_>, leg: &Leg) {
    change(run, leg.offer, |offer| {
        offer.remaining = less(offer.remaining, leg.quantity, IS_COVERED);
        offer.in_contracts = more(offer.in_contracts, leg.quantity);
    });
}

/// Gives back to the offer what a dissolved contract tied up; returns the offer as it is then.
pub(crate) fn give_back(run: &mut Run<'_>, leg: &Leg) -> Offer {
    change(run, leg.offer, |offer| {
        offer.in_contracts = less(offer.in_contracts, leg.quantity, IS_TIED_UP);
        offer.remaining = more(offer.remaining, leg.quantity);
    })
}

/// Adds to a party's credit record.
pub(crate) fn record(
    run: &mut Run<'_>,
    party: Address,
    conduct: Conduct,
    about: Hash,
    value_micro_usd: u128,
    at: Timestamp,
) {
    let entry = ToIdentity { party, conduct, about, value_micro_usd, at };
    run.send(SubChain::Identity, &FromPayment::Conduct(entry));
}

fn change(run: &mut Run<'_>, id: OfferId, by: impl FnOnce(&mut Offer)) -> Offer {
    let mut offer = OFFERS.get(run.state(), &id).expect("a judged ring is over offers that exist");
    by(&mut offer);
    offer::settle_quantities(run, id, offer.clone());
    offer
}

fn less(from: Amount, by: Amount, why: &str) -> Amount {
    from.checked_sub(by).expect(why)
}

fn more(from: Amount, by: Amount) -> Amount {
    from.checked_add(by).expect("what is left and tied up is part of what was offered")
}
