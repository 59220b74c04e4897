//! Which offers a batch clears, and which batch is which.

use std::collections::BTreeMap;

use clearing::{AssetKey, Book, OfferKey, PartyKey};
use ledger::{Address, Height, Read, Run, Timestamp};

use crate::config::Config;
use crate::model::{AssetId, BatchId, Commitment, Offer, OfferId, OfferState, Reference};
use crate::table::{CHANGED, COUNTERS, LIVE, OFFERS, Snapshot, counter};
use crate::{lapse, party, price};

/// How often an unchanged book comes up again when no solver submits anything.
const SILENT_WINDOWS: u64 = 3;

/// The batch that closes next after the opening of `height`.
pub(crate) fn next(config: &Config, height: Height) -> BatchId {
    BatchId((height.0 / config.interval).saturating_add(1))
}

/// The batch that an offer posted at `height` joins: the one after next, so that rivals can answer it.
pub(crate) fn joining(config: &Config, height: Height) -> BatchId {
    BatchId(next(config, height).0.saturating_add(1))
}

/// Remembers that `batch` has something new to clear.
pub(crate) fn changed(run: &mut Run<'_>, batch: BatchId) {
    if COUNTERS.get(run.state(), &counter::SILENT_WINDOWS).is_some_and(|windows| windows > 0) {
        COUNTERS.put(run.state_mut(), &counter::SILENT_WINDOWS, &0);
    }
    if CHANGED.get(run.state(), &()).is_none_or(|last| last < batch) {
        CHANGED.put(run.state_mut(), &(), &batch);
    }
}

/// After a window in which no solver submitted anything: the same book comes up again, a few times, in case the
/// solvers were away.
pub(crate) fn unanswered(run: &mut Run<'_>, batch: BatchId) {
    let silent = COUNTERS.get(run.state(), &counter::SILENT_WINDOWS).unwrap_or(0);
    if silent < SILENT_WINDOWS {
        changed(run, BatchId(batch.0.saturating_add(1)));
        COUNTERS.put(run.state_mut(), &counter::SILENT_WINDOWS, &(silent + 1));
    }
}

/// The offers that a batch at `now` clears: live, valid, whole enough, of parties that may trade, over assets
/// with a reference price; with `batch`, those that have joined by then.
pub(crate) fn snapshot(config: &Config, state: &dyn Read, now: Timestamp, batch: Option<BatchId>) -> Frozen {
    let mut prices: BTreeMap<AssetId, Option<(Reference, u8)>> = BTreeMap::new();
    let mut parties: BTreeMap<Address, (bool, bool)> = BTreeMap::new();
    let mut found = Snapshot::default();
    let mut live = Vec::new();
    LIVE.scan(state, &(), |(_, id), _| {
        live.push(id);
        true
    });
    live.sort_unstable();
    for id in live {
        let Some(offer) = OFFERS.get(state, &id) else { continue };
        if batch.is_some_and(|batch| offer.joins > batch) {
            continue;
        }
        let (trades, confined) = *parties.entry(offer.owner).or_insert_with(|| {
            (party::may_trade(state, offer.owner), lapse::confined_until(state, offer.owner, now).is_some())
        });
        let indicative = offer.terms.commitment == Commitment::Indicative;
        if !trades || (indicative && confined) {
            continue;
        }
        let mut priced = |asset| {
            let price = prices.entry(asset).or_insert_with(|| price::reference(config, state, asset, now));
            price.is_some()
        };
        if !(priced(offer.terms.give) && priced(offer.terms.want)) {
            continue;
        }
        let Some(cleared) = for_clearing(id, &offer).filter(|cleared| cleared.is_valid_at(now.seconds()))
        else {
            continue;
        };
        if indicative {
            found.indicative.push(cleared.key);
        } else if !offer.terms.joins_indicative {
            found.apart.push(cleared.key);
        }
        found.offers.push(cleared);
    }
    let mut references = Vec::new();
    for (reference, decimals) in prices.into_values().flatten() {
        let key = AssetKey(reference.asset.0);
        found.assets.push(clearing::Asset { key, decimals, reference: reference.price });
        references.push(reference);
    }
    Frozen { snapshot: found, references }
}

/// A book as it freezes.
#[derive(Default)]
pub(crate) struct Frozen {
    /// What is kept for the window.
    pub(crate) snapshot: Snapshot,
    /// The references of its assets, ascending.
    pub(crate) references: Vec<Reference>,
}

/// An offer as clearing takes it: what is left of it, at its limit. What is wanted for the rest is rounded up, so
/// the limit is never less than what the owner stated. `None` when less is left than the least that is worth
/// while.
pub(crate) fn for_clearing(id: OfferId, offer: &Offer) -> Option<clearing::Offer> {
    let terms = &offer.terms;
    if offer.state != OfferState::Open || offer.remaining.is_zero() || terms.min_fill > offer.remaining {
        return None;
    }
    let want_qty = terms.want_qty.mul_div_ceil(offer.remaining.get(), terms.give_qty.get()).ok()?;
    Some(clearing::Offer {
        key: OfferKey(id.0),
        party: PartyKey(offer.owner.0),
        give: AssetKey(terms.give.0),
        give_qty: offer.remaining,
        want: AssetKey(terms.want.0),
        want_qty,
        divisible: terms.divisible,
        min_fill: terms.min_fill,
        valid_from: 0,
        valid_until: terms.valid_until.seconds(),
    })
}

/// The book of a snapshot.
pub(crate) fn book(assets: Vec<clearing::Asset>, offers: Vec<clearing::Offer>) -> Book {
    Book::new(assets, offers).expect("a snapshot holds checked offers over assets that it has")
}
