//! Conservation: what accounts hold is what was issued, and every lock has a reason.

use std::collections::BTreeMap;

use clearing::Amount;
use ledger::{Address, Read};

use crate::model::{AssetId, Balance, Commitment, ContractState, OfferId, OfferState, RequestKind};
use crate::table::{ASSETS, BALANCES, BONDS, CONTRACTS, OFFERS, REQUESTS, SURETIES};

/// What an audit went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Assets whose supply is accounted for.
    pub assets: usize,
    /// Balances that add up to it.
    pub balances: usize,
    /// Offers whose quantities add up.
    pub offers: usize,
}

/// Value that came from nowhere, went nowhere, or is locked for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConservationFault {
    /// Balances of an asset that nobody defined.
    #[error("{account} holds {asset}, which is no asset")]
    NoSuchAsset {
        /// Who holds it.
        account: Address,
        /// Its number.
        asset: AssetId,
    },
    /// Balances and supply differ.
    #[error("of asset {asset} accounts hold {held}, and {supply} was issued")]
    Supply {
        /// Which asset.
        asset: AssetId,
        /// The sum of all balances.
        held: u128,
        /// What was issued and not redeemed.
        supply: Amount,
    },
    /// More or less is locked than offers, contracts, requests and bonds ask for.
    #[error("{account} has {locked} of asset {asset} locked, and {explained} has a reason")]
    Locked {
        /// Whose.
        account: Address,
        /// Of which asset.
        asset: AssetId,
        /// What is locked.
        locked: u128,
        /// What is locked for something.
        explained: u128,
    },
    /// An offer's rest and what is tied up exceed what it offered, or differ from what contracts tie up.
    #[error("offer {offer}: its quantities do not add up")]
    Offer {
        /// Which.
        offer: OfferId,
    },
}

/// Adds up everything: per asset, the balances against the supply; per account and asset, what is locked against
/// the reasons for it; per offer, its quantities against the contracts that tie it up. Reads the whole state.
///
/// # Errors
/// The first [`ConservationFault`] in key order: supplies, then offers, then locks.
pub fn audit(state: &dyn Read) -> Result<Audit, ConservationFault> {
    let mut held: BTreeMap<AssetId, u128> = BTreeMap::new();
    let mut locked: BTreeMap<(Address, AssetId), u128> = BTreeMap::new();
    let mut balances = 0;
    BALANCES.scan(state, &(), |(account, asset), Balance { available, locked: tied }| {
        balances += 1;
        let sum = held.entry(asset).or_default();
        *sum = sum.saturating_add(available.get()).saturating_add(tied.get());
        if !tied.is_zero() {
            locked.insert((account, asset), tied.get());
        }
        true
    });
    let assets = ASSETS.all(state);
    for (asset, stated) in &assets {
        let held = held.remove(asset).unwrap_or(0);
        if held != stated.supply.get() {
            return Err(ConservationFault::Supply { asset: *asset, held, supply: stated.supply });
        }
    }
    if let Some(asset) = held.into_keys().next() {
        let holder = BALANCES.all(state).into_iter().find(|((_, held), _)| *held == asset);
        let account = holder.map(|((account, _), _)| account).unwrap_or_default();
        return Err(ConservationFault::NoSuchAsset { account, asset });
    }
    let mut reasons: BTreeMap<(Address, AssetId), u128> = BTreeMap::new();
    let offers = offers(state, &mut reasons)?;
    for (account, bond) in BONDS.all(state) {
        add(&mut reasons, account, AssetId::DEPOSIT, bond);
    }
    for ((_, organisation), surety) in SURETIES.all(state) {
        add(&mut reasons, organisation, AssetId::DEPOSIT, surety.amount);
    }
    for (_, request) in REQUESTS.all(state) {
        match request.kind {
            RequestKind::Issue { .. } => {}
            RequestKind::Redeem => add(&mut reasons, request.owner, request.asset, request.amount),
        }
    }
    reasons.retain(|_, sum| *sum > 0);
    if locked != reasons {
        let keys = locked.keys().chain(reasons.keys());
        let differs = |key: &&(Address, AssetId)| locked.get(*key) != reasons.get(*key);
        let &(account, asset) = keys.clone().find(differs).expect("two maps that differ do so at a key");
        let at = |map: &BTreeMap<_, u128>| map.get(&(account, asset)).copied().unwrap_or(0);
        return Err(ConservationFault::Locked {
            account,
            asset,
            locked: at(&locked),
            explained: at(&reasons),
        });
    }
    Ok(Audit { assets: assets.len(), balances, offers })
}

fn add(sums: &mut BTreeMap<(Address, AssetId), u128>, account: Address, asset: AssetId, amount: Amount) {
    let sum = sums.entry((account, asset)).or_default();
    *sum = sum.saturating_add(amount.get());
}

/// Adds up offers and what they lock; returns how many there are.
fn offers(
    state: &dyn Read,
    reasons: &mut BTreeMap<(Address, AssetId), u128>,
) -> Result<usize, ConservationFault> {
    let mut tied: BTreeMap<OfferId, u128> = BTreeMap::new();
    let mut signed: Vec<(OfferId, Address, AssetId, Amount)> = Vec::new();
    CONTRACTS.scan(state, &(), |_, contract| {
        if contract.state == ContractState::Waiting {
            for leg in contract.rings.iter().flat_map(|ring| &ring.legs) {
                *tied.entry(leg.offer).or_default() += leg.quantity.get();
                if contract.signed.contains(&leg.party) {
                    signed.push((leg.offer, leg.party, leg.asset, leg.quantity));
                }
            }
        }
        true
    });
    let offers = OFFERS.all(state);
    let mut indicative = std::collections::BTreeSet::new();
    for (id, offer) in &offers {
        let sum = offer.remaining.checked_add(offer.in_contracts);
        let fits = sum.is_ok_and(|sum| sum <= offer.terms.give_qty);
        if !fits || tied.get(id).copied().unwrap_or(0) != offer.in_contracts.get() {
            return Err(ConservationFault::Offer { offer: *id });
        }
        match offer.terms.commitment {
            Commitment::Indicative => {
                indicative.insert(*id);
            }
            Commitment::Binding => {
                add(reasons, offer.owner, offer.terms.give, offer.in_contracts);
                if offer.state == OfferState::Open {
                    add(reasons, offer.owner, offer.terms.give, offer.remaining);
                }
            }
        }
    }
    for (offer, party, asset, quantity) in signed {
        if indicative.contains(&offer) {
            add(reasons, party, asset, quantity);
        }
    }
    Ok(offers.len())
}
