//! Contracts: rings with an indicative offer wait for signatures, then everything moves at once.

use std::collections::{BTreeMap, BTreeSet};

use clearing::Amount;
use ledger::{Address, Hash, Read, Run, Tag};
use vocabulary::messages::Conduct;

use crate::asset::next_number;
use crate::config::Config;
use crate::event::{Dissolution, Event};
use crate::model::{
    AssetId, BatchId, Commitment, Contract, ContractId, ContractState, Leg, OfferState, Ring,
};
use crate::refused::Refused;
use crate::table::{CONTRACTS, CONTRACTS_OF, DEADLINES, OFFERS, counter};
use crate::{book, lapse, money, party, settlement, signing};

/// How many contracts dissolve in one block at most because their window passed; the rest follow in the next.
const DEADLINES_PER_BLOCK: usize = 200;

/// The name of a contract in the credit record.
#[must_use]
pub fn contract_hash(contract: ContractId) -> Hash {
    Hash::of_value(Tag::Content, &("permuta/1/contract", contract))
}

fn is_indicative(state: &dyn Read, leg: &Leg) -> bool {
    OFFERS.get(state, &leg.offer).is_some_and(|offer| offer.terms.commitment == Commitment::Indicative)
}

fn parties(contract: &Contract) -> BTreeSet<Address> {
    contract.rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.party).collect()
}

pub(crate) fn worth(contract: &Contract, party: Address) -> u128 {
    contract.gives(party).map(|leg| leg.value_micro_usd).fold(0, u128::saturating_add)
}

/// Makes a contract of rings that execute together. Owners of indicative offers must sign; what binding ones give
/// is locked already.
pub(crate) fn make(config: &Config, run: &mut Run<'_>, batch: BatchId, rings: Vec<Ring>) {
    let legs: Vec<&Leg> = rings.iter().flat_map(|ring| &ring.legs).collect();
    let signers: BTreeSet<Address> =
        legs.iter().filter(|leg| is_indicative(run.state(), leg)).map(|leg| leg.party).collect();
    for leg in legs {
        settlement::tie_up(run, leg);
    }
    let id = ContractId(next_number(run, counter::CONTRACT));
    let contract = Contract {
        batch,
        rings,
        signers: signers.into_iter().collect(),
        signed: Vec::new(),
        deadline: run.height().plus(config.signing_window),
        state: ContractState::Waiting,
        made_at: run.time(),
    };
    for party in parties(&contract) {
        CONTRACTS_OF.put(run.state_mut(), &(party, id), &());
    }
    DEADLINES.put(run.state_mut(), &(contract.deadline, id), &());
    CONTRACTS.put(run.state_mut(), &id, &contract);
    run.emit(&Event::ContractMade { id, contract });
}

/// The contract, which waits for `by`.
fn waiting_for(run: &Run<'_>, by: Address, id: ContractId) -> Result<Contract, Refused> {
    let contract = CONTRACTS.get(run.state(), &id).ok_or(Refused::UnknownContract { contract: id })?;
    if !contract.signers.contains(&by) {
        return Err(Refused::NotASigner);
    }
    match contract.state {
        ContractState::Waiting => {}
        ContractState::Executed => return Err(Refused::ContractExecuted { contract: id }),
        ContractState::Dissolved => return Err(Refused::ContractDissolved { contract: id }),
    }
    if run.height() >= contract.deadline {
        return Err(Refused::TooLate { deadline: contract.deadline });
    }
    if contract.signed.contains(&by) {
        return Err(Refused::SignedAlready);
    }
    Ok(contract)
}

pub(crate) fn sign(run: &mut Run<'_>, by: Address, id: ContractId) -> Result<(), Refused> {
    party::admitted(run.state(), by)?;
    let mut contract = waiting_for(run, by, id)?;
    let mut needs: BTreeMap<AssetId, Amount> = BTreeMap::new();
    for leg in contract.gives(by).filter(|leg| is_indicative(run.state(), leg)) {
        let sum = needs.entry(leg.asset).or_default();
        *sum = sum.checked_add(leg.quantity).map_err(|_| Refused::SupplyTooLarge { asset: leg.asset })?;
    }
    for (asset, amount) in needs {
        money::lock(run, by, asset, amount, "contract")?;
    }
    contract.signed.push(by);
    signing::word(run, by, &contract, true);
    run.emit(&Event::ContractSigned { id, by });
    if contract.signed.len() == contract.signers.len() {
        execute(run, id, contract);
    } else {
        CONTRACTS.put(run.state_mut(), &id, &contract);
    }
    Ok(())
}

fn execute(run: &mut Run<'_>, id: ContractId, mut contract: Contract) {
    contract.state = ContractState::Executed;
    unlist(run, id, &contract);
    CONTRACTS.put(run.state_mut(), &id, &contract);
    signing::served(run, &contract.rings);
    for ring in contract.rings {
        settlement::settle(run, contract.batch, Some(id), ring);
    }
}

/// Whoever is suspended may still decline.
pub(crate) fn decline(
    config: &Config,
    run: &mut Run<'_>,
    by: Address,
    id: ContractId,
) -> Result<(), Refused> {
    let contract = waiting_for(run, by, id)?;
    let value = worth(&contract, by);
    signing::word(run, by, &contract, false);
    dissolve(config, run, id, contract, Dissolution::Declined { by });
    let at = run.time();
    settlement::record(run, by, Conduct::Declined, contract_hash(id), value, at);
    Ok(())
}

/// Dissolves a waiting contract because a party of it may not trade any more.
pub(crate) fn suspend(config: &Config, run: &mut Run<'_>, id: ContractId, party: Address) {
    let contract = CONTRACTS.get(run.state(), &id).expect("only contracts that exist are listed");
    dissolve(config, run, id, contract, Dissolution::Suspended { party });
}

/// Dissolves contracts whose window has passed.
pub(crate) fn lapse(config: &Config, run: &mut Run<'_>) {
    let height = run.height();
    let mut due = Vec::new();
    DEADLINES.scan(run.state(), &(), |(deadline, id), ()| {
        let is_due = deadline <= height && due.len() < DEADLINES_PER_BLOCK;
        if is_due {
            due.push(id);
        }
        is_due
    });
    for id in due {
        let contract = CONTRACTS.get(run.state(), &id).expect("only contracts that exist are listed");
        let signers = contract.signers.iter().copied();
        let unsigned: Vec<Address> = signers.filter(|signer| !contract.signed.contains(signer)).collect();
        let late: Vec<(Address, u128)> =
            unsigned.iter().map(|signer| (*signer, worth(&contract, *signer))).collect();
        unsigned.iter().for_each(|signer| signing::word(run, *signer, &contract, false));
        dissolve(config, run, id, contract, Dissolution::Lapsed { unsigned });
        let at = run.time();
        for (party, value) in late {
            lapse::note(run, party);
            settlement::record(run, party, Conduct::Lapsed, contract_hash(id), value, at);
        }
    }
}

/// Whether a contract waits, so that heights must pass.
pub(crate) fn any_waits(state: &dyn Read) -> bool {
    let mut any = false;
    DEADLINES.scan(state, &(), |_, ()| {
        any = true;
        false
    });
    any
}

/// Gives everything back: to the offers what was tied up, to the signers what signing locked.
fn dissolve(config: &Config, run: &mut Run<'_>, id: ContractId, mut contract: Contract, why: Dissolution) {
    contract.state = ContractState::Dissolved;
    unlist(run, id, &contract);
    CONTRACTS.put(run.state_mut(), &id, &contract);
    let fault = match &why {
        Dissolution::Declined { by: party } | Dissolution::Suspended { party } => vec![*party],
        Dissolution::Lapsed { unsigned } => unsigned.clone(),
    };
    run.emit(&Event::ContractDissolved { id, why });
    for leg in contract.rings.iter().flat_map(|ring| &ring.legs) {
        let offer = settlement::give_back(run, leg);
        let free = match offer.terms.commitment {
            Commitment::Indicative => contract.signed.contains(&leg.party),
            // In the book again, a binding offer goes on locking what it gives.
            Commitment::Binding => offer.state != OfferState::Open,
        };
        if free {
            money::unlock(run, leg.party, leg.asset, leg.quantity);
        }
    }
    signing::left_waiting(run, &contract.rings, &fault);
    book::changed(run, book::next(config, run.height()));
}

/// Takes a contract off the lists of those that wait.
fn unlist(run: &mut Run<'_>, id: ContractId, contract: &Contract) {
    DEADLINES.remove(run.state_mut(), &(contract.deadline, id));
    for party in parties(contract) {
        CONTRACTS_OF.remove(run.state_mut(), &(party, id));
    }
}
