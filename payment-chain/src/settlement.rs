//! A ring settles: every leg moves, in one step.

use clearing::Amount;
use ledger::{Address, Hash, Run, SubChain, Tag, Timestamp};
use vocabulary::messages::{Conduct, TradeLeg};
use vocabulary::{ToData, ToIdentity};

use crate::event::Event;
use crate::model::{BatchId, ContractId, Leg, Offer, OfferId, Ring, Settlement};
use crate::table::{OFFERS, SETTLEMENTS};
use crate::{money, offer};

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
        change(run, leg.offer, |offer| {
            let source = if contract.is_some() { &mut offer.in_contracts } else { &mut offer.remaining };
            *source = less(*source, quantity);
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

/// Ties up in a contract what a leg gives.
pub(crate) fn tie_up(run: &mut Run<'_>, leg: &Leg) {
    change(run, leg.offer, |offer| {
        offer.remaining = less(offer.remaining, leg.quantity);
        offer.in_contracts = more(offer.in_contracts, leg.quantity);
    });
}

/// Gives back to the offer what a dissolved contract tied up; returns the offer as it is then.
pub(crate) fn give_back(run: &mut Run<'_>, leg: &Leg) -> Offer {
    change(run, leg.offer, |offer| {
        offer.in_contracts = less(offer.in_contracts, leg.quantity);
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
    run.send(SubChain::Identity, &ToIdentity { party, conduct, about, value_micro_usd, at });
}

fn change(run: &mut Run<'_>, id: OfferId, by: impl FnOnce(&mut Offer)) -> Offer {
    let mut offer = OFFERS.get(run.state(), &id).expect("a judged ring is over offers that exist");
    by(&mut offer);
    offer::settle_quantities(run, id, offer.clone());
    offer
}

fn less(from: Amount, by: Amount) -> Amount {
    from.checked_sub(by).expect("a frozen book and contracts count on no more than there is")
}

fn more(from: Amount, by: Amount) -> Amount {
    from.checked_add(by).expect("what is left and tied up is part of what was offered")
}
