//! Offers: posted, amended, cancelled, expired.

use clearing::{Amount, AssetKey, OfferKey, PartyKey};
use ledger::{Address, Read, Run, Timestamp};
use vocabulary::Role;

use crate::asset::next_number;
use crate::config::Config;
use crate::event::Event;
use crate::model::{AssetId, Commitment, Offer, OfferId, OfferState, OfferTerms};
use crate::refused::Refused;
use crate::table::{CANCELLING, COUNTERS, EXPIRIES, LIVE, OFFERS, WINDOW, counter};
use crate::words::Label;
use crate::{asset, book, lapse, money, party, price, signing};

/// How many live offers the book holds at most, so that a batch's snapshot stays within bounds.
pub const MAX_BOOK: u64 = 200_000;
/// How many offers expire in one block at most; the rest follow in the next.
const EXPIRIES_PER_BLOCK: usize = 1_000;

/// The offer of this number, which `owner` may change.
fn owned(state: &dyn Read, owner: Address, id: OfferId) -> Result<Offer, Refused> {
    let offer = OFFERS.get(state, &id).ok_or(Refused::UnknownOffer { offer: id })?;
    if offer.owner != owner {
        return Err(Refused::NotTheOwner { owner: offer.owner });
    }
    if offer.state != OfferState::Open {
        return Err(Refused::OfferClosed { offer: id });
    }
    match WINDOW.get(state, &()) {
        Some(window) if CANCELLING.has(state, &id) => {
            Err(Refused::Cancelling { offer: id, ends: window.ends })
        }
        _ => Ok(offer),
    }
}

/// Checks everything that an owner states, field by field.
fn check_terms(config: &Config, run: &Run<'_>, terms: &OfferTerms) -> Result<(), Refused> {
    for (asset, field) in [(terms.give, "give"), (terms.want, "want")] {
        asset::require(run.state(), asset, field)?;
        if asset == AssetId::DEPOSIT {
            return Err(Refused::DepositTraded { field });
        }
    }
    if terms.give == terms.want {
        return Err(Refused::SameAsset);
    }
    if terms.give_qty.is_zero() {
        return Err(Refused::Zero { field: "give_qty" });
    }
    if terms.want_qty.is_zero() {
        return Err(Refused::Zero { field: "want_qty" });
    }
    if terms.min_fill > terms.give_qty {
        let label = Label::certain(run.state(), terms.give);
        return Err(Refused::MinFillTooLarge { most: terms.give_qty, label });
    }
    let (until, now) = (terms.valid_until, run.time());
    if until <= now {
        return Err(Refused::ValidUntilPast { until, now });
    }
    let days = config.max_offer_days;
    if until > now.plus_ms(u64::from(days) * Timestamp::DAY_MS) {
        return Err(Refused::ValidUntilTooFar { days });
    }
    Ok(())
}

/// Checks what `owner`'s other live offers say against the new or amended one; returns what it is worth in the
/// count of open indicative value.
fn check_beside_others(
    config: &Config,
    run: &Run<'_>,
    owner: Address,
    except: Option<OfferId>,
    terms: &OfferTerms,
) -> Result<u128, Refused> {
    let state = run.state();
    let mut others = Vec::new();
    let mut open = 0u128;
    for ((_, id), worth) in LIVE.under(state, &owner) {
        let Some(offer) = OFFERS.get(state, &id).filter(|_| Some(id) != except) else { continue };
        if worth > 0 {
            // What is given already no longer waits for anybody's signature.
            let given = share_of(worth, offer.given(), offer.terms.give_qty);
            open = open.saturating_add(worth.saturating_sub(given));
        }
        others.push(sides(id, owner, &offer.terms));
    }
    let most = config.offers_per_party;
    if others.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(Refused::TooManyOffers { most });
    }
    let new = sides(OfferId(0), owner, terms);
    if let Some(OfferKey(id)) = clearing::crossing(&others, &new) {
        let other = others.iter().find(|other| other.key.0 == id).expect("it was found among them");
        let (give, want) = (AssetId(other.give.0), AssetId(other.want.0));
        return Err(Refused::Crossing { offer: OfferId(id), give, want });
    }
    match terms.commitment {
        Commitment::Binding => Ok(0),
        Commitment::Indicative => {
            if let Some(until) = lapse::confined_until(state, owner, run.time()) {
                return Err(Refused::Confined { until });
            }
            let asset = terms.give;
            let (reference, decimals) =
                price::reference(config, state, asset, run.time()).ok_or(Refused::NoReference { asset })?;
            // An offer that is worth nothing in millionths still counts for one, to be told from a binding one.
            let worth =
                reference.price.value_of(terms.give_qty, decimals).floor_to(6).unwrap_or(u128::MAX).max(1);
            let (open, cap) = (open.saturating_add(worth), config.open_indicative_cap);
            if open > cap { Err(Refused::OverIndicativeCap { open, cap }) } else { Ok(worth) }
        }
    }
}

/// `worth * part / whole`, rounded down; a part is at most the whole.
fn share_of(worth: u128, part: Amount, whole: Amount) -> u128 {
    match Amount::new(worth) {
        Ok(worth) => worth.mul_div_floor(part.get(), whole.get()).map_or(0, Amount::get),
        Err(_) => 0,
    }
}

/// An offer as far as [`clearing::crossing`] looks at it.
fn sides(id: OfferId, owner: Address, terms: &OfferTerms) -> clearing::Offer {
    clearing::Offer {
        key: OfferKey(id.0),
        party: PartyKey(owner.0),
        give: AssetKey(terms.give.0),
        give_qty: terms.give_qty,
        want: AssetKey(terms.want.0),
        want_qty: terms.want_qty,
        divisible: terms.divisible,
        min_fill: terms.min_fill,
        valid_from: 0,
        valid_until: terms.valid_until.seconds(),
    }
}

pub(crate) fn post(
    config: &Config,
    run: &mut Run<'_>,
    owner: Address,
    terms: OfferTerms,
) -> Result<(), Refused> {
    party::in_role(run.state(), owner, Role::Trader)?;
    check_terms(config, run, &terms)?;
    let worth = check_beside_others(config, run, owner, None, &terms)?;
    let live = live_count(run.state());
    if live >= MAX_BOOK {
        return Err(Refused::BookFull { most: MAX_BOOK });
    }
    if terms.commitment == Commitment::Binding {
        money::lock(run, owner, terms.give, terms.give_qty, "give_qty")?;
    }
    set_live_count(run, live + 1);
    let id = OfferId(next_number(run, counter::OFFER));
    LIVE.put(run.state_mut(), &(owner, id), &worth);
    EXPIRIES.put(run.state_mut(), &(terms.valid_until, id), &());
    let (remaining, joins) = (terms.give_qty, book::joining(config, run.height()));
    let state = OfferState::Open;
    let posted_at = run.time();
    let offer = Offer { owner, terms, remaining, in_contracts: Amount::ZERO, state, joins, posted_at };
    OFFERS.put(run.state_mut(), &id, &offer);
    book::changed(run, joins);
    run.emit(&Event::OfferStated { id, offer });
    Ok(())
}

pub(crate) fn amend(
    config: &Config,
    run: &mut Run<'_>,
    owner: Address,
    id: OfferId,
    terms: OfferTerms,
) -> Result<(), Refused> {
    party::in_role(run.state(), owner, Role::Trader)?;
    let mut offer = owned(run.state(), owner, id)?;
    for (field, stays) in [("give", terms.give == offer.terms.give), ("want", terms.want == offer.terms.want)]
    {
        if !stays {
            return Err(Refused::AssetStays { field });
        }
    }
    if terms.commitment != offer.terms.commitment {
        return Err(Refused::CommitmentStays);
    }
    check_terms(config, run, &terms)?;
    let used = offer.given().checked_add(offer.in_contracts).expect("both are part of what was offered");
    let left = terms.give_qty.checked_sub(used).ok().filter(|left| !left.is_zero());
    let below = |label| Refused::BelowGiven { least: used, label };
    let left = left.ok_or_else(|| below(Label::certain(run.state(), terms.give)))?;
    if terms.min_fill > left {
        let label = Label::certain(run.state(), terms.give);
        return Err(Refused::MinFillTooLarge { most: left, label });
    }
    // Whether the frozen book has this offer is told by no date of it: an amendment puts the date off. So no offer
    // shrinks while a window is open.
    if let Some(window) = WINDOW.get(run.state(), &())
        && left < offer.remaining
    {
        return Err(Refused::FrozenQuantity { ends: window.ends });
    }
    let worth = check_beside_others(config, run, owner, Some(id), &terms)?;
    if terms.commitment == Commitment::Binding {
        match left.checked_sub(offer.remaining) {
            Ok(more) => money::lock(run, owner, terms.give, more, "give_qty")?,
            Err(_) => {
                let less = offer.remaining.checked_sub(left).expect("the other is the smaller");
                money::unlock(run, owner, terms.give, less);
            }
        }
    }
    EXPIRIES.remove(run.state_mut(), &(offer.terms.valid_until, id));
    EXPIRIES.put(run.state_mut(), &(terms.valid_until, id), &());
    LIVE.put(run.state_mut(), &(owner, id), &worth);
    signing::forget(run, id);
    (offer.terms, offer.remaining, offer.joins) = (terms, left, book::joining(config, run.height()));
    OFFERS.put(run.state_mut(), &id, &offer);
    book::changed(run, offer.joins);
    run.emit(&Event::OfferStated { id, offer });
    Ok(())
}

/// Whoever is suspended may still take his offers back.
pub(crate) fn cancel(run: &mut Run<'_>, owner: Address, id: OfferId) -> Result<(), Refused> {
    let offer = owned(run.state(), owner, id)?;
    match WINDOW.get(run.state(), &()) {
        Some(window) => {
            CANCELLING.put(run.state_mut(), &id, &());
            run.emit(&Event::CancelAsked { id, ends: window.ends });
        }
        None => close(run, id, offer, OfferState::Cancelled),
    }
    Ok(())
}

/// At the end of a window: takes back what its owners asked for, if anything is left of it.
pub(crate) fn cancel_asked(run: &mut Run<'_>) {
    for (id, ()) in CANCELLING.all(run.state()) {
        CANCELLING.remove(run.state_mut(), &id);
        if let Some(offer) = OFFERS.get(run.state(), &id).filter(|offer| offer.state == OfferState::Open) {
            close(run, id, offer, OfferState::Cancelled);
        }
    }
}

/// Takes offers out of the book whose date has passed; not while the book is frozen.
pub(crate) fn expire(run: &mut Run<'_>) {
    if WINDOW.has(run.state(), &()) {
        return;
    }
    let mut due = Vec::new();
    let now = run.time();
    EXPIRIES.scan(run.state(), &(), |(until, id), ()| {
        let is_due = until <= now && due.len() < EXPIRIES_PER_BLOCK;
        if is_due {
            due.push(id);
        }
        is_due
    });
    for id in due {
        let offer = OFFERS.get(run.state(), &id).expect("only live offers are listed with a date");
        close(run, id, offer, OfferState::Expired);
    }
}

/// Whether an offer's date has passed at `time`.
pub(crate) fn expiry_due(state: &dyn Read, time: Timestamp) -> bool {
    let mut due = false;
    EXPIRIES.scan(state, &(), |(until, _), ()| {
        due = until <= time;
        false
    });
    due
}

/// Takes an open offer out of the book for good. What a binding one still locks is free again, but for what waits
/// in contracts.
pub(crate) fn close(run: &mut Run<'_>, id: OfferId, mut offer: Offer, state: OfferState) {
    if offer.terms.commitment == Commitment::Binding {
        money::unlock(run, offer.owner, offer.terms.give, offer.remaining);
    }
    offer.state = state;
    LIVE.remove(run.state_mut(), &(offer.owner, id));
    EXPIRIES.remove(run.state_mut(), &(offer.terms.valid_until, id));
    signing::forget(run, id);
    let live = live_count(run.state()).saturating_sub(1);
    set_live_count(run, live);
    save(run, id, &offer);
}

/// Writes what became of an offer's quantities. An open offer of which nothing is left, in the book or in
/// contracts, is filled.
pub(crate) fn settle_quantities(run: &mut Run<'_>, id: OfferId, offer: Offer) {
    if offer.state == OfferState::Open && offer.remaining.is_zero() && offer.in_contracts.is_zero() {
        close(run, id, offer, OfferState::Filled);
    } else {
        save(run, id, &offer);
    }
}

fn save(run: &mut Run<'_>, id: OfferId, offer: &Offer) {
    OFFERS.put(run.state_mut(), &id, offer);
    let Offer { remaining, in_contracts, state, .. } = *offer;
    run.emit(&Event::OfferMoved { id, remaining, in_contracts, state });
}

fn live_count(state: &dyn Read) -> u64 {
    COUNTERS.get(state, &counter::LIVE_OFFERS).unwrap_or(0)
}

fn set_live_count(run: &mut Run<'_>, live: u64) {
    COUNTERS.put(run.state_mut(), &counter::LIVE_OFFERS, &live);
}
