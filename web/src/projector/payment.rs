//! What payment-chain events write.

use diesel::prelude::*;
use ledger::{Address, Hash};
use payment_chain::Event;
use payment_chain::event::Dissolution;
use payment_chain::model::{
    Asset, Commitment, Contract, ContractId, Offer, OfferId, OfferState, Quotation, Request, RequestId,
    RequestKind, Ring,
};

use super::Scribe;
use crate::model::PaddedAmount;
use crate::model::column::{count, integer};
use crate::model::contract::{Contract as ContractRow, ContractLeg, ContractSigner};
use crate::model::market::{
    Asset as AssetRow, Balance as BalanceRow, LatestPrice, Quote, Request as RequestRow, Transfer,
};
use crate::model::offer::{Batch, DroppedRing, Fine, Offer as OfferRow, Submission};
use crate::model::schema::{
    assets, batches, contract_legs, contract_signers, contracts, dropped_rings, fines, latest_prices, offers,
    prices, requests, settlement_grants, settlement_legs, settlements, submissions, sureties, transfers,
};
use crate::model::settlement::{Settlement, SettlementGrant, SettlementLeg};
use crate::model::validator::Surety as SuretyRow;

pub(super) fn write(scribe: &mut Scribe<'_, '_>, event: Event) -> QueryResult<()> {
    match event {
        Event::AssetDefined { id, asset } => asset_defined(scribe, integer(id.0), &asset),
        Event::BalanceChanged { party, asset, balance } => {
            let row = BalanceRow {
                party: party.to_string(),
                asset: integer(asset.0),
                available: balance.available.into(),
                locked: balance.locked.into(),
            };
            scribe.balances.insert((row.party.clone(), row.asset), row);
            Ok(())
        }
        Event::SupplyChanged { asset, supply } => {
            diesel::update(assets::table.filter(assets::id.eq(integer(asset.0))))
                .set(assets::supply.eq(PaddedAmount::from(supply)))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::Transferred { from, to, asset, amount } => {
            let row = Transfer {
                seq: scribe.seq(),
                height: scribe.height,
                from_party: from.to_string(),
                to_party: to.to_string(),
                asset: integer(asset.0),
                amount: amount.into(),
                time_ms: scribe.time_ms,
            };
            diesel::insert_into(transfers::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::Requested { id, request } => requested(scribe, id, &request),
        Event::RequestAnswered { id, granted, reason } => {
            diesel::update(requests::table.filter(requests::id.eq(integer(id.0))))
                .set((
                    requests::state.eq(if granted { "granted" } else { "refused" }),
                    requests::reason.eq(reason.map(|reason| reason.as_str().to_owned())),
                    requests::answered_ms.eq(scribe.time_ms),
                ))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::PricePublished { feed, asset, quotation } => {
            price_published(scribe, feed, integer(asset.0), &quotation)
        }
        Event::OfferStated { id, offer } => offer_stated(scribe, id, &offer),
        Event::OfferMoved { id, remaining, in_contracts, state } => {
            diesel::update(offers::table.filter(offers::id.eq(integer(id.0))))
                .set((
                    offers::remaining.eq(PaddedAmount::from(remaining)),
                    offers::in_contracts.eq(PaddedAmount::from(in_contracts)),
                    offers::state.eq(offer_state(state)),
                    offers::changed_ms.eq(scribe.time_ms),
                ))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::CancelAsked { id, ends } => diesel::update(offers::table.filter(offers::id.eq(integer(id.0))))
            .set(offers::cancel_height.eq(integer(ends.0)))
            .execute(scribe.connection())
            .map(drop),
        Event::BatchClosed { batch, offers, window_ends } => {
            let row = Batch {
                id: integer(batch.0),
                closed_height: scribe.height,
                closed_ms: scribe.time_ms,
                offers: integer(offers),
                window_ends: integer(window_ends.0),
                state: "frozen".to_owned(),
                solver: None,
                value_micro_usd: None,
                bound_micro_usd: None,
                rings: None,
                cleared_height: None,
                cleared_ms: None,
                certificate: None,
            };
            diesel::insert_into(batches::table).values(&row).execute(scribe.connection()).map(drop)
        }
        // Rings carry their values; the references behind them stay on the chain.
        Event::ReferencesFixed { .. } => Ok(()),
        Event::ClearingSubmitted { batch, solver, declared_micro_usd, rings } => {
            let row = Submission {
                seq: scribe.seq(),
                batch: integer(batch.0),
                solver: solver.to_string(),
                declared_micro_usd: declared_micro_usd.into(),
                rings: integer(rings),
                time_ms: scribe.time_ms,
                expected_micro_usd: None,
            };
            diesel::insert_into(submissions::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::ClearingRanked { batch, solver, expected_micro_usd } => {
            let handed_in = submissions::table
                .filter(submissions::batch.eq(integer(batch.0)))
                .filter(submissions::solver.eq(solver.to_string()));
            diesel::update(handed_in)
                .set(submissions::expected_micro_usd.eq(PaddedAmount::from(expected_micro_usd)))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::SolverFined { batch, solver, fine, fault } => {
            let row = Fine {
                seq: scribe.seq(),
                height: scribe.height,
                batch: integer(batch.0),
                solver: solver.to_string(),
                fine: fine.into(),
                fault,
                time_ms: scribe.time_ms,
            };
            diesel::insert_into(fines::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::BatchCleared { batch, solver, value_micro_usd, bound_micro_usd, rings } => {
            diesel::update(batches::table.filter(batches::id.eq(integer(batch.0))))
                .set((
                    batches::state.eq("cleared"),
                    batches::solver.eq(solver.map(|solver| solver.to_string())),
                    batches::value_micro_usd.eq(PaddedAmount::from(value_micro_usd)),
                    batches::bound_micro_usd.eq(PaddedAmount::from(bound_micro_usd)),
                    batches::rings.eq(integer(rings)),
                    batches::cleared_height.eq(scribe.height),
                    batches::cleared_ms.eq(scribe.time_ms),
                ))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::BatchCertified { batch, certificate, .. } => {
            diesel::update(batches::table.filter(batches::id.eq(integer(batch.0))))
                .set(batches::certificate.eq(certificate.to_string()))
                .execute(scribe.connection())
                .map(drop)
        }
        Event::ContractMade { id, contract } => contract_made(scribe, id, &contract),
        Event::ContractSigned { id, by } => answered(scribe, id, by, "signed"),
        Event::ContractDissolved { id, why } => contract_dissolved(scribe, id, why),
        Event::RingSettled { id, batch, contract, ring, at } => {
            ring_settled(scribe, id, integer(batch.0), contract, &ring, integer(at.0))
        }
        Event::SettlementShared { settlement, by, with, until } => {
            let row = SettlementGrant {
                settlement: settlement.to_string(),
                by_party: by.to_string(),
                with_party: with.to_string(),
                until_ms: integer(until.0),
                granted_ms: scribe.time_ms,
            };
            diesel::delete(
                settlement_grants::table
                    .filter(settlement_grants::settlement.eq(&row.settlement))
                    .filter(settlement_grants::by_party.eq(&row.by_party))
                    .filter(settlement_grants::with_party.eq(&row.with_party)),
            )
            .execute(scribe.connection())?;
            diesel::insert_into(settlement_grants::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::SuretyChanged { validator, organisation, surety } => {
            let row = SuretyRow {
                validator: validator.to_string(),
                organisation: organisation.to_string(),
                amount: surety.amount.into(),
                free_from_ms: surety.free_from.map(|from| integer(from.0)),
            };
            let same =
                sureties::validator.eq(&row.validator).and(sureties::organisation.eq(&row.organisation));
            diesel::delete(sureties::table.filter(same)).execute(scribe.connection())?;
            if surety.amount.is_zero() {
                return Ok(());
            }
            diesel::insert_into(sureties::table).values(&row).execute(scribe.connection()).map(drop)
        }
        // The balances and the bond, which come beside it, say what was taken.
        Event::ValidatorFined { .. } => Ok(()),
        Event::RingDropped { batch, ring, party } => {
            let row = DroppedRing {
                seq: scribe.seq(),
                height: scribe.height,
                batch: integer(batch.0),
                party: party.to_string(),
                legs: count(ring.legs.len()),
                value_micro_usd: value(&ring).into(),
                time_ms: scribe.time_ms,
            };
            diesel::insert_into(dropped_rings::table).values(&row).execute(scribe.connection()).map(drop)
        }
    }
}

/// What all legs of a ring are worth together; each leg was rounded down.
fn value(ring: &Ring) -> u128 {
    ring.legs.iter().fold(0u128, |sum, leg| sum.saturating_add(leg.value_micro_usd))
}

fn offer_state(state: OfferState) -> &'static str {
    match state {
        OfferState::Open => "open",
        OfferState::Filled => "filled",
        OfferState::Cancelled => "cancelled",
        OfferState::Expired => "expired",
    }
}

fn asset_defined(scribe: &mut Scribe<'_, '_>, id: i64, asset: &Asset) -> QueryResult<()> {
    let row = AssetRow {
        id,
        name: asset.name.to_string(),
        hs: asset.hs.map(|hs| hs.to_string()),
        unit: asset.unit.to_string(),
        decimals: i64::from(asset.decimals),
        issuer: asset.issuer.to_string(),
        product: asset.product.to_string(),
        supply: asset.supply.into(),
        defined_ms: scribe.time_ms,
    };
    diesel::insert_into(assets::table).values(&row).execute(scribe.connection()).map(drop)
}

fn requested(scribe: &mut Scribe<'_, '_>, id: RequestId, request: &Request) -> QueryResult<()> {
    let (kind, product, document) = match &request.kind {
        RequestKind::Issue { product, document } => ("issue", Some(*product), Some(*document)),
        RequestKind::Redeem => ("redeem", None, None),
    };
    let named = |hash: Option<Hash>| hash.filter(|hash| *hash != Hash::ZERO).map(|hash| hash.to_string());
    let row = RequestRow {
        id: integer(id.0),
        owner: request.owner.to_string(),
        asset: integer(request.asset.0),
        amount: request.amount.into(),
        kind: kind.to_owned(),
        product: named(product),
        document: named(document),
        state: "waiting".to_owned(),
        reason: None,
        asked_ms: scribe.time_ms,
        answered_ms: None,
    };
    diesel::insert_into(requests::table).values(&row).execute(scribe.connection()).map(drop)
}

fn price_published(
    scribe: &mut Scribe<'_, '_>,
    feed: Address,
    asset: i64,
    quotation: &Quotation,
) -> QueryResult<()> {
    let row = Quote {
        seq: scribe.seq(),
        height: scribe.height,
        feed: feed.to_string(),
        asset,
        price: quotation.price.to_string(),
        as_of_ms: integer(quotation.as_of.0),
        source: quotation.source.to_string(),
        published_ms: scribe.time_ms,
    };
    diesel::insert_into(prices::table).values(&row).execute(scribe.connection())?;
    let latest = LatestPrice {
        asset,
        feed: row.feed,
        price: row.price,
        as_of_ms: row.as_of_ms,
        source: row.source,
        published_ms: row.published_ms,
    };
    diesel::delete(
        latest_prices::table.filter(latest_prices::asset.eq(asset).and(latest_prices::feed.eq(&latest.feed))),
    )
    .execute(scribe.connection())?;
    diesel::insert_into(latest_prices::table).values(&latest).execute(scribe.connection()).map(drop)
}

fn offer_stated(scribe: &mut Scribe<'_, '_>, id: OfferId, offer: &Offer) -> QueryResult<()> {
    let terms = &offer.terms;
    let row = OfferRow {
        id: integer(id.0),
        owner: offer.owner.to_string(),
        give: integer(terms.give.0),
        give_qty: terms.give_qty.into(),
        want: integer(terms.want.0),
        want_qty: terms.want_qty.into(),
        divisible: i64::from(terms.divisible),
        min_fill: terms.min_fill.into(),
        commitment: match terms.commitment {
            Commitment::Binding => "binding",
            Commitment::Indicative => "indicative",
        }
        .to_owned(),
        joins_indicative: i64::from(terms.joins_indicative),
        valid_until_ms: integer(terms.valid_until.0),
        incoterm: terms.incoterm.to_string(),
        place: terms.place.to_string(),
        remaining: offer.remaining.into(),
        in_contracts: offer.in_contracts.into(),
        state: offer_state(offer.state).to_owned(),
        joins: integer(offer.joins.0),
        cancel_height: None,
        posted_ms: integer(offer.posted_at.0),
        changed_ms: scribe.time_ms,
    };
    diesel::delete(offers::table.filter(offers::id.eq(row.id))).execute(scribe.connection())?;
    diesel::insert_into(offers::table).values(&row).execute(scribe.connection()).map(drop)
}

fn contract_made(scribe: &mut Scribe<'_, '_>, id: ContractId, contract: &Contract) -> QueryResult<()> {
    let id = integer(id.0);
    let row = ContractRow {
        id,
        batch: integer(contract.batch.0),
        rings: count(contract.rings.len()),
        value_micro_usd: contract.rings.iter().map(value).fold(0, u128::saturating_add).into(),
        deadline_height: integer(contract.deadline.0),
        state: "waiting".to_owned(),
        why: None,
        made_ms: integer(contract.made_at.0),
        made_height: scribe.height,
        ended_ms: None,
    };
    diesel::insert_into(contracts::table).values(&row).execute(scribe.connection())?;
    for (number, ring) in contract.rings.iter().enumerate() {
        for (position, (leg, to)) in ring.deliveries().enumerate() {
            let row = ContractLeg {
                contract: id,
                ring: count(number),
                position: count(position),
                offer: integer(leg.offer.0),
                party: leg.party.to_string(),
                to_party: to.to_string(),
                asset: integer(leg.asset.0),
                quantity: leg.quantity.into(),
                value_micro_usd: leg.value_micro_usd.into(),
            };
            diesel::insert_into(contract_legs::table).values(&row).execute(scribe.connection())?;
        }
    }
    for signer in &contract.signers {
        let signed = contract.signed.contains(signer);
        let row = ContractSigner {
            contract: id,
            party: signer.to_string(),
            answer: if signed { "signed" } else { "waiting" }.to_owned(),
            answered_ms: signed.then_some(scribe.time_ms),
        };
        diesel::insert_into(contract_signers::table).values(&row).execute(scribe.connection())?;
    }
    Ok(())
}

fn answered(scribe: &mut Scribe<'_, '_>, contract: ContractId, by: Address, answer: &str) -> QueryResult<()> {
    diesel::update(
        contract_signers::table
            .filter(contract_signers::contract.eq(integer(contract.0)))
            .filter(contract_signers::party.eq(by.to_string())),
    )
    .set((contract_signers::answer.eq(answer), contract_signers::answered_ms.eq(scribe.time_ms)))
    .execute(scribe.connection())
    .map(drop)
}

fn contract_dissolved(scribe: &mut Scribe<'_, '_>, id: ContractId, why: Dissolution) -> QueryResult<()> {
    let (word, parties) = match why {
        Dissolution::Declined { by } => {
            answered(scribe, id, by, "declined")?;
            ("declined", vec![by])
        }
        Dissolution::Lapsed { unsigned } => {
            for party in &unsigned {
                answered(scribe, id, *party, "lapsed")?;
            }
            ("lapsed", unsigned)
        }
        Dissolution::Suspended { party } => ("suspended", vec![party]),
    };
    let why = parties.iter().fold(word.to_owned(), |text, party| format!("{text} {party}"));
    diesel::update(contracts::table.filter(contracts::id.eq(integer(id.0))))
        .set((
            contracts::state.eq("dissolved"),
            contracts::why.eq(why),
            contracts::ended_ms.eq(scribe.time_ms),
        ))
        .execute(scribe.connection())
        .map(drop)
}

fn ring_settled(
    scribe: &mut Scribe<'_, '_>,
    id: Hash,
    batch: i64,
    contract: Option<ContractId>,
    ring: &Ring,
    at_ms: i64,
) -> QueryResult<()> {
    let contract = contract.map(|contract| integer(contract.0));
    let row = Settlement {
        id: id.to_string(),
        seq: scribe.seq(),
        height: scribe.height,
        receipt_index: scribe.receipt_index,
        batch,
        contract,
        legs: count(ring.legs.len()),
        value_micro_usd: value(ring).into(),
        grade: scribe.grade,
        at_ms,
    };
    diesel::insert_into(settlements::table).values(&row).execute(scribe.connection())?;
    for (position, (leg, to)) in ring.deliveries().enumerate() {
        let leg = SettlementLeg {
            settlement: row.id.clone(),
            position: count(position),
            seq: row.seq,
            offer: integer(leg.offer.0),
            party: leg.party.to_string(),
            to_party: to.to_string(),
            asset: integer(leg.asset.0),
            quantity: leg.quantity.into(),
            value_micro_usd: leg.value_micro_usd.into(),
        };
        diesel::insert_into(settlement_legs::table).values(&leg).execute(scribe.connection())?;
    }
    if let Some(contract) = contract {
        diesel::update(contracts::table.filter(contracts::id.eq(contract)))
            .set((contracts::state.eq("executed"), contracts::ended_ms.eq(scribe.time_ms)))
            .execute(scribe.connection())?;
    }
    Ok(())
}
