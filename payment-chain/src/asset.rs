//! Assets: defined and issued by gateways, moved and redeemed by whoever holds them.

use clearing::Amount;
use ledger::{Address, Hash, Read, Run};
use vocabulary::{Role, Text};

use crate::config::Config;
use crate::event::Event;
use crate::model::{Asset, AssetId, Request, RequestId, RequestKind};
use crate::refused::Refused;
use crate::table::{ASSETS, COUNTERS, REQUESTS, REQUESTS_OPEN, VOUCHED, counter};
use crate::{money, party};

/// How many of an account's requests may wait at once.
pub const MAX_REQUESTS: u32 = 100;

/// The asset of this number, which somebody named in `field`.
pub(crate) fn require(state: &dyn Read, asset: AssetId, field: &'static str) -> Result<Asset, Refused> {
    ASSETS.get(state, &asset).ok_or(Refused::UnknownAsset { asset, field })
}

/// The number after the last one given.
pub(crate) fn next_number(run: &mut Run<'_>, row: u8) -> u64 {
    let number = COUNTERS.get(run.state(), &row).unwrap_or(0) + 1;
    COUNTERS.put(run.state_mut(), &row, &number);
    number
}

pub(crate) fn transfer(
    run: &mut Run<'_>,
    from: Address,
    to: Address,
    asset: AssetId,
    amount: Amount,
) -> Result<(), Refused> {
    party::admitted(run.state(), from)?;
    if to == from {
        return Err(Refused::ToSelf { field: "to" });
    }
    party::other(run.state(), to, "to")?;
    if amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    money::debit(run, from, asset, amount, "amount")?;
    money::credit(run, to, asset, amount);
    run.emit(&Event::Transferred { from, to, asset, amount });
    Ok(())
}

pub(crate) fn define(run: &mut Run<'_>, asset: Asset) -> Result<(), Refused> {
    party::in_role(run.state(), asset.issuer, Role::Gateway)?;
    if asset.decimals > Config::MAX_DECIMALS {
        return Err(Refused::Decimals { decimals: asset.decimals });
    }
    if asset.product == Hash::ZERO {
        return Err(Refused::NoProduct { field: "product" });
    }
    let id = AssetId(next_number(run, counter::ASSET));
    ASSETS.put(run.state_mut(), &id, &asset);
    run.emit(&Event::AssetDefined { id, asset });
    Ok(())
}

pub(crate) fn ask(run: &mut Run<'_>, request: Request) -> Result<(), Refused> {
    let owner = request.owner;
    party::admitted(run.state(), owner)?;
    require(run.state(), request.asset, "asset")?;
    if request.amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    match request.kind {
        RequestKind::Issue { product, .. } if product == Hash::ZERO && request.asset != AssetId::DEPOSIT => {
            return Err(Refused::NoProduct { field: "product" });
        }
        RequestKind::Issue { document, .. } => not_vouched(run.state(), document, "document")?,
        RequestKind::Redeem => money::lock(run, owner, request.asset, request.amount, "amount")?,
    }
    let open = REQUESTS_OPEN.get(run.state(), &owner).unwrap_or(0);
    if open >= MAX_REQUESTS {
        return Err(Refused::TooManyRequests { most: MAX_REQUESTS });
    }
    REQUESTS_OPEN.put(run.state_mut(), &owner, &(open + 1));
    let id = RequestId(next_number(run, counter::REQUEST));
    REQUESTS.put(run.state_mut(), &id, &request);
    run.emit(&Event::Requested { id, request });
    Ok(())
}

/// Checks that no gateway has vouched on this document before, whoever asked and for whatever asset.
fn not_vouched(state: &dyn Read, document: Hash, field: &'static str) -> Result<(), Refused> {
    match VOUCHED.get(state, &document) {
        Some(request) => Err(Refused::VouchedAlready { request, field }),
        None => Ok(()),
    }
}

/// The request, which `issuer` may answer, taken off the list.
fn answer(run: &mut Run<'_>, issuer: Address, id: RequestId) -> Result<(Request, Asset), Refused> {
    let request = REQUESTS.get(run.state(), &id).ok_or(Refused::UnknownRequest { request: id })?;
    let asset = require(run.state(), request.asset, "request")?;
    if asset.issuer != issuer {
        return Err(Refused::NotTheIssuer { issuer: asset.issuer });
    }
    // The operator issues the deposit asset, gateways all others.
    let role = if request.asset == AssetId::DEPOSIT { Role::Operator } else { Role::Gateway };
    party::in_role(run.state(), issuer, role)?;
    REQUESTS.remove(run.state_mut(), &id);
    let open = REQUESTS_OPEN.get(run.state(), &request.owner).unwrap_or(0);
    REQUESTS_OPEN.put(run.state_mut(), &request.owner, &open.saturating_sub(1));
    Ok((request, asset))
}

pub(crate) fn grant(run: &mut Run<'_>, issuer: Address, id: RequestId) -> Result<(), Refused> {
    let (request, mut asset) = answer(run, issuer, id)?;
    party::other(run.state(), request.owner, "request")?;
    match request.kind {
        RequestKind::Issue { document, .. } => {
            not_vouched(run.state(), document, "request")?;
            if document != Hash::ZERO {
                VOUCHED.put(run.state_mut(), &document, &id);
            }
            asset.supply = asset
                .supply
                .checked_add(request.amount)
                .map_err(|_| Refused::SupplyTooLarge { asset: request.asset })?;
            money::credit(run, request.owner, request.asset, request.amount);
        }
        RequestKind::Redeem => {
            asset.supply = asset.supply.checked_sub(request.amount).expect("what is locked is in the supply");
            money::burn_locked(run, request.owner, request.asset, request.amount);
        }
    }
    ASSETS.put(run.state_mut(), &request.asset, &asset);
    run.emit(&Event::SupplyChanged { asset: request.asset, supply: asset.supply });
    run.emit(&Event::RequestAnswered { id, granted: true, reason: None });
    Ok(())
}

pub(crate) fn refuse(
    run: &mut Run<'_>,
    issuer: Address,
    id: RequestId,
    reason: Text<200>,
) -> Result<(), Refused> {
    let (request, _) = answer(run, issuer, id)?;
    match request.kind {
        RequestKind::Issue { .. } => {}
        RequestKind::Redeem => money::unlock(run, request.owner, request.asset, request.amount),
    }
    run.emit(&Event::RequestAnswered { id, granted: false, reason: Some(reason) });
    Ok(())
}
