//! Typed reads of this chain's state, for solvers, for pages that need the very latest, and for audits.

use std::collections::{BTreeMap, BTreeSet};

use clearing::signing::{Record, Standing};
use clearing::{Amount, Book, OfferKey, Price, Rules};
use ledger::{Address, Hash, Height, PublicKey, Read, Timestamp};

use crate::config::Config;
use crate::model::{
    Asset, AssetId, Balance, BatchId, Contract, ContractId, Offer, OfferId, Party, Quotation, Reference,
    Request, RequestId, Settlement, Surety, Window,
};
use crate::table::{
    ASSETS, BALANCES, BONDS, CERTIFICATES, CONFIG, CONTRACTS, CONTRACTS_OF, LIVE, OFFERS, PARTIES, PRICES,
    REQUESTS, RETURNED, RUN_BY, SETTLEMENTS, SHARES, SNAPSHOT, SURETIES, Snapshot, WINDOW,
};
use crate::{book, price, signing};

pub use crate::audit::{Audit, ConservationFault, audit};

/// The genesis's rules, without the parties and endowments that it began with; `None` before the genesis.
#[must_use]
pub fn config(state: &dyn Read) -> Option<Config> {
    CONFIG.get(state, &())
}

/// What the identity chain said of an organisation; `None` until its word has arrived.
#[must_use]
pub fn party(state: &dyn Read, account: Address) -> Option<Party> {
    PARTIES.get(state, &account)
}

/// An asset.
#[must_use]
pub fn asset(state: &dyn Read, id: AssetId) -> Option<Asset> {
    ASSETS.get(state, &id)
}

/// All assets, by number.
#[must_use]
pub fn assets(state: &dyn Read) -> Vec<(AssetId, Asset)> {
    ASSETS.all(state)
}

/// What an account holds of an asset.
#[must_use]
pub fn balance(state: &dyn Read, account: Address, asset: AssetId) -> Balance {
    BALANCES.get(state, &(account, asset)).unwrap_or_default()
}

/// All that an account holds, by asset.
#[must_use]
pub fn balances(state: &dyn Read, account: Address) -> Vec<(AssetId, Balance)> {
    BALANCES.under(state, &account).into_iter().map(|((_, asset), balance)| (asset, balance)).collect()
}

/// A request that waits for a gateway.
#[must_use]
pub fn request(state: &dyn Read, id: RequestId) -> Option<Request> {
    REQUESTS.get(state, &id)
}

/// All requests that wait for a gateway, by number.
#[must_use]
pub fn requests(state: &dyn Read) -> Vec<(RequestId, Request)> {
    REQUESTS.all(state)
}

/// What each feed said last about an asset.
#[must_use]
pub fn quotations(state: &dyn Read, asset: AssetId) -> Vec<(Address, Quotation)> {
    PRICES.under(state, &asset).into_iter().map(|((_, feed), quotation)| (feed, quotation)).collect()
}

/// The reference of an asset at `now`: the median of the young quotations of feeds that are independent of its
/// issuer; `None` when there is none, and then the asset is not cleared.
#[must_use]
pub fn reference(state: &dyn Read, asset: AssetId, now: Timestamp) -> Option<Reference> {
    let config = config(state)?;
    price::reference(&config, state, asset, now).map(|(reference, _)| reference)
}

/// The price of [`reference`].
#[must_use]
pub fn reference_price(state: &dyn Read, asset: AssetId, now: Timestamp) -> Option<Price> {
    reference(state, asset, now).map(|reference| reference.price)
}

/// An offer, live or not.
#[must_use]
pub fn offer(state: &dyn Read, id: OfferId) -> Option<Offer> {
    OFFERS.get(state, &id)
}

/// The live offers of an account, by number.
#[must_use]
pub fn live_offers(state: &dyn Read, account: Address) -> Vec<(OfferId, Offer)> {
    let live = LIVE.under(state, &account);
    live.into_iter().filter_map(|((_, id), _)| Some((id, OFFERS.get(state, &id)?))).collect()
}

/// A contract, waiting or not.
#[must_use]
pub fn contract(state: &dyn Read, id: ContractId) -> Option<Contract> {
    CONTRACTS.get(state, &id)
}

/// How often an offer came back from contracts through no fault of its owner since it last settled.
#[must_use]
pub fn returned(state: &dyn Read, offer: OfferId) -> u32 {
    RETURNED.get(state, &offer).unwrap_or(0)
}

/// How a party kept its word where contracts waited for its signature, in the last ninety days: the last twenty batches.
#[must_use]
pub fn words(state: &dyn Read, party: Address, now: Timestamp) -> Record {
    signing::record(state, party, now)
}

/// The contracts that wait and that an account is a party of, by number.
#[must_use]
pub fn waiting_contracts(state: &dyn Read, account: Address) -> Vec<(ContractId, Contract)> {
    let waiting = CONTRACTS_OF.under(state, &account);
    waiting.into_iter().filter_map(|((_, id), ())| Some((id, CONTRACTS.get(state, &id)?))).collect()
}

/// What a solver has set aside.
#[must_use]
pub fn bond(state: &dyn Read, solver: Address) -> Amount {
    BONDS.get(state, &solver).unwrap_or_default()
}

/// What an organisation has set aside for a validator.
#[must_use]
pub fn surety(state: &dyn Read, validator: PublicKey, organisation: Address) -> Surety {
    SURETIES.get(state, &(validator, organisation)).unwrap_or_default()
}

/// All that is set aside for validators, in ascending order of their keys.
#[must_use]
pub fn sureties(state: &dyn Read) -> Vec<((PublicKey, Address), Surety)> {
    SURETIES.all(state)
}

/// Who runs each validator that decides, by the identity chain's last word.
#[must_use]
pub fn validators(state: &dyn Read) -> Vec<(PublicKey, Address)> {
    RUN_BY.all(state)
}

/// A settlement's parties.
#[must_use]
pub fn settlement(state: &dyn Read, id: Hash) -> Option<Settlement> {
    SETTLEMENTS.get(state, &id)
}

/// Who lets `reader` see a settlement at `now`.
#[must_use]
pub fn shared_by(state: &dyn Read, settlement: Hash, reader: Address, now: Timestamp) -> Vec<Address> {
    let shares = SHARES.under(state, &settlement).into_iter();
    shares.filter(|((_, _, with), until)| *with == reader && now < *until).map(|((_, by, _), _)| by).collect()
}

/// The window, while the book is frozen.
#[must_use]
pub fn window(state: &dyn Read) -> Option<Window> {
    WINDOW.get(state, &())
}

/// The batch that an offer posted at `height` joins: the one after next.
#[must_use]
pub fn joining_batch(state: &dyn Read, height: Height) -> Option<BatchId> {
    config(state).map(|config| book::joining(&config, height))
}

/// The live book at `now` as far as it can be cleared: offers that are valid, whose owners may trade, over assets
/// that have a reference price. It includes offers that join a later batch.
#[must_use]
pub fn book(state: &dyn Read, now: Timestamp) -> Book {
    let frozen = config(state).map(|config| book::snapshot(&config, state, now, None)).unwrap_or_default();
    book::book(frozen.snapshot.assets, frozen.snapshot.offers)
}

/// The live book as offers meet in it. A binding offer whose owner wants nothing to do with those who sign first never
/// shares a group of rings with them, so whoever looks for partners looks into one of two books.
#[derive(Clone, Debug)]
pub struct Sides {
    /// For offers that are signed first, and binding ones that join them: all but the binding ones apart.
    pub joining: Book,
    /// For binding offers apart: binding ones only.
    pub binding: Book,
}

/// [`book()`], seen from both sides.
#[must_use]
pub fn sides(state: &dyn Read, now: Timestamp) -> Sides {
    let frozen = config(state).map(|config| book::snapshot(&config, state, now, None)).unwrap_or_default();
    let Snapshot { assets, offers, indicative, apart, .. } = frozen.snapshot;
    let without = |left_out: &[OfferKey]| {
        let left_out: BTreeSet<OfferKey> = left_out.iter().copied().collect();
        let offers = offers.iter().filter(|offer| !left_out.contains(&offer.key)).copied().collect();
        book::book(assets.clone(), offers)
    };
    Sides { joining: without(&apart), binding: without(&indicative) }
}

/// The batch that waits for clearings, as every submission is judged by.
#[must_use]
pub fn open_batch(state: &dyn Read) -> Option<OpenBatch> {
    let window = window(state)?;
    let Snapshot { assets, offers, indicative, apart, standings } = SNAPSHOT.get(state, &())?;
    Some(OpenBatch {
        batch: window.batch,
        ends: window.ends,
        closed_at: window.closed_at,
        now: window.closed_at.seconds(),
        rules: config(state)?.rules(),
        standings,
        book: book::book(assets, offers),
        indicative: indicative.into_iter().collect(),
        apart: apart.into_iter().collect(),
    })
}

/// The name of the certificate with which a batch was cleared; `None` where it was not, or without one.
#[must_use]
pub fn certificate(state: &dyn Read, batch: BatchId) -> Option<Hash> {
    CERTIFICATES.get(state, &batch)
}

/// A frozen book with the rules of its clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Which batch.
    pub batch: BatchId,
    /// Submissions are taken before this height.
    pub ends: Height,
    /// When it closed.
    pub closed_at: Timestamp,
    /// The same in epoch seconds, as [`clearing::check`] asks for.
    pub now: u64,
    /// The rules.
    pub rules: Rules,
    /// The book. Its keys are this chain's numbers and addresses.
    pub book: Book,
    /// Offers whose owners sign first.
    pub indicative: BTreeSet<OfferKey>,
    /// Binding offers that may not stand in a ring, or in a group of rings, that has an indicative one.
    pub apart: BTreeSet<OfferKey>,
    /// What speaks for each offer where rings or clearings compete, in the order of the book.
    pub standings: Vec<Standing>,
}

/// The decimals and reference prices of a book by asset, as pages want them.
#[must_use]
pub fn references(book: &Book) -> BTreeMap<AssetId, (u8, Price)> {
    book.assets().iter().map(|asset| (AssetId(asset.key.0), (asset.decimals, asset.reference))).collect()
}
