//! Settlements that were shared, the claims that follow from them, and their proofs.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::{Fact, Hash, SubChain};
use payment_chain::SETTLEMENTS;

use super::caller::Caller;
use super::organisation::private;
use super::problem::Problem;
use super::query::{self, List as Listing, Query};
use super::wire::{
    Goods, List, Named, ProofBundle, Receivable, Settlement, Side, Stage, quantity, rfc3339, usd,
};
use crate::accounts::millis;
use crate::app::{App, Shared};
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::language::Lang;
use crate::model::market::Asset;
use crate::model::settlement::{Settlement as Row, SettlementLeg};
use crate::model::{Model, Page};
use crate::sure::{Stand, confidence, release};

/// What a claim does not say.
const CAVEAT: &str = "whether the creditor still holds the asset or has had the goods handed out is not part of \
    what it shared; ask it to show its balance";

/// What is needed to name things.
struct Names {
    parties: BTreeMap<String, String>,
    assets: BTreeMap<i64, Asset>,
}

impl Names {
    fn party(&self, id: &str) -> Named {
        Named { id: id.to_owned(), name: self.parties.get(id).cloned().unwrap_or_default() }
    }

    fn goods(&self, leg: &SettlementLeg, counterparty: &str) -> Option<Goods> {
        let asset = self.assets.get(&leg.asset)?;
        Some(Goods {
            asset: asset.id,
            name: asset.name.clone(),
            hs: asset.hs.clone(),
            quantity: quantity(&leg.quantity, asset),
            unit: asset.unit.clone(),
            value_usd: usd(leg.value_micro_usd.get()),
            counterparty: self.party(counterparty),
        })
    }
}

/// A settlement as far as `reader` may see it at `now_ms`: the sides that were shared, and no others.
fn seen(
    app: &App,
    model: &mut Model<'_>,
    row: &Row,
    reader: &str,
    now_ms: i64,
) -> Result<Settlement, WebError> {
    let grants = model.grants_on(&row.id, reader, now_ms)?;
    let legs = model.settlement_legs(&row.id)?;
    let involved: Vec<String> = legs.iter().map(|leg| leg.party.clone()).collect();
    let names = Names { parties: model.names_of(&involved)?, assets: model.assets()? };
    let wish = model.wish(reader, &row.id)?;
    let release = release(app, SubChain::Payment, row.height, row.value_micro_usd.get(), wish);
    let sides = grants
        .into_iter()
        .map(|grant| {
            let party = grant.by_party;
            let own = |leg: &&SettlementLeg| leg.party == party;
            let to = |leg: &&SettlementLeg| leg.to_party == party;
            Side {
                shared_until: rfc3339(grant.until_ms),
                gave: legs.iter().filter(own).filter_map(|leg| names.goods(leg, &leg.to_party)).collect(),
                received: legs.iter().filter(to).filter_map(|leg| names.goods(leg, &leg.party)).collect(),
                party: names.party(&party),
            }
        })
        .collect();
    Ok(Settlement {
        id: row.id.clone(),
        settled_at: rfc3339(row.at_ms),
        height: row.height,
        batch: row.batch,
        contract: row.contract,
        parties: row.legs,
        grade: row.grade,
        confidence: confidence(app, SubChain::Payment, row.height),
        stand: release.stand(),
        wanted: release.wanted(),
        says: release.words(Lang::English),
        sides,
    })
}

fn shared(
    app: &App,
    connection: &mut AnyConnection,
    reader: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Page<Settlement>, WebError> {
    let now = millis();
    let mut model = Model::new(connection);
    let page = model.settlements_shared_with(reader, now, before, limit)?;
    let rows = page
        .rows
        .iter()
        .map(|row| seen(app, &mut model, row, reader, now))
        .collect::<Result<Vec<_>, WebError>>()?;
    Ok(Page { rows, next: page.next })
}

fn settlement_id(text: &str) -> Result<Hash, Problem> {
    text.parse().map_err(|_| Problem::field("id", "a settlement is named by 64 hexadecimal digits"))
}

/// Lists the settlements that were shared with you, newest first
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/settlements",
    operation_id = "list_settlements",
    tag = "settlements",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 200, 50 if left out"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = List<Settlement>),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["settlements"]))
)]
pub async fn list(request: HttpRequest, caller: Caller, app: Shared) -> Result<HttpResponse, Problem> {
    caller.covers("settlements")?;
    let query = Query::read(request.query_string(), &["limit", "cursor"])?;
    let (limit, before) = (query.limit()?, query.cursor(Listing::Settlements)?);
    let chains = app.clone();
    let page =
        app.read(move |connection| shared(&chains, connection, &caller.account, before, limit)).await?;
    let next = page.next.map(|at| query::cursor(Listing::Settlements, at));
    Ok(private(List { items: page.rows, next }))
}

/// Shows a settlement that was shared with you
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/settlements/{id}",
    operation_id = "settlement",
    tag = "settlements",
    params(("id" = String, Path, description = "Its number")),
    responses(
        (status = 200, description = "The settlement", body = Settlement),
        (status = 400, description = "The number is none", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none, or it is not shared with you now", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["settlements"]))
)]
pub async fn one(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.covers("settlements")?;
    Query::read(request.query_string(), &[])?;
    let id = settlement_id(&path)?.to_string();
    let chains = app.clone();
    let found = app.read(move |connection| find(&chains, connection, &id, &caller.account)).await?;
    Ok(private(found.ok_or_else(Problem::not_found)?))
}

fn find(
    app: &App,
    connection: &mut AnyConnection,
    id: &str,
    reader: &str,
) -> Result<Option<Settlement>, WebError> {
    let mut model = Model::new(connection);
    let Some(row) = model.settlement(id)? else { return Ok(None) };
    let settlement = seen(app, &mut model, &row, reader, millis())?;
    Ok(Some(settlement).filter(|settlement| !settlement.sides.is_empty()))
}

/// Proves that a settlement stands in the payment chain's state
///
/// What it proves is the settlement's entry: its batch, its time and the accounts of all its parties in ring order,
/// also of those that shared nothing. What moved is no part of it. It is given out once the settlement is as sure as was
/// asked for. With `?format=file` the proof file itself, for
/// `permuta verify-proof` and the page `/verify`.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/settlements/{id}/proof",
    tag = "settlements",
    params(
        ("id" = String, Path, description = "Its number"),
        ("format" = Option<String>, Query, description = "`json` (if left out) or `file`"),
    ),
    responses(
        (status = 200, description = "The proof", body = ProofBundle),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none, or it is not shared with you now", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is final, and not yet as sure as was asked for", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["settlements"]))
)]
pub async fn proof(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.covers("settlements")?;
    let query = Query::read(request.query_string(), &["format"])?;
    let as_file = match query.get("format") {
        None | Some("json") => false,
        Some("file") => true,
        Some(_) => return Err(Problem::field("format", "json or file")),
    };
    let id = settlement_id(&path)?;
    let text = id.to_string();
    let chains = app.clone();
    let found = app.read(move |connection| find(&chains, connection, &text, &caller.account)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    if found.stand != Stand::Settled {
        return Err(Problem::conflict("confidence", found.says));
    }
    let ledger = app.chains.payment.clone();
    let proof = web::block(move || ledger.prove_state(&SETTLEMENTS.key(&id))).await?;
    let proof = proof.map_err(|_| Problem::unavailable("this node cannot read its records"))?;
    if !matches!(proof.fact, Fact::Value { .. }) {
        return Err(Problem::unavailable("this node does not hold the settlement yet"));
    }
    let bytes = proof.encode();
    if as_file {
        let name = format!("attachment; filename=\"settlement-{}.pmtp\"", &id.to_string()[..16]);
        return Ok(HttpResponse::Ok()
            .insert_header(("Cache-Control", "private, no-store"))
            .insert_header(("Content-Disposition", name))
            .content_type("application/octet-stream")
            .body(bytes));
    }
    Ok(private(ProofBundle {
        settlement: id.to_string(),
        genesis: proof.genesis.hash().to_string(),
        height: proof.seal.claim.height.0,
        proof: STANDARD.encode(bytes),
        how: "decode `proof` into a file and run: permuta verify-proof FILE --genesis HASH, with the HASH that you trust",
    }))
}

/// Lists claims like receivables that follow from settlements shared with you, newest first
///
/// A settlement moves the asset to its receiver at once; what remains owed are the goods themselves, by the gateway
/// that issued the asset, to whoever holds it.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/receivables",
    tag = "settlements",
    params(
        ("limit" = Option<i64>, Query, description = "Settlements to look through: 1 to 200, 50 if left out"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = List<Receivable>),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["settlements"]))
)]
pub async fn receivables(request: HttpRequest, caller: Caller, app: Shared) -> Result<HttpResponse, Problem> {
    caller.covers("settlements")?;
    let query = Query::read(request.query_string(), &["limit", "cursor"])?;
    let (limit, before) = (query.limit()?, query.cursor(Listing::Receivables)?);
    let chains = app.clone();
    let (page, assets, issuers) = app
        .read(move |connection| {
            let page = shared(&chains, connection, &caller.account, before, limit)?;
            let mut model = Model::new(connection);
            let assets = model.assets()?;
            let issuers: Vec<String> = assets.values().map(|asset| asset.issuer.clone()).collect();
            let issuers = model.names_of(&issuers)?;
            Ok((page, assets, issuers))
        })
        .await?;
    let mut items = Vec::new();
    for settlement in page.rows {
        for side in settlement.sides {
            for goods in side.received {
                let Some(asset) = assets.get(&goods.asset) else { continue };
                items.push(Receivable {
                    settlement: settlement.id.clone(),
                    creditor: side.party.clone(),
                    debtor: Named {
                        id: asset.issuer.clone(),
                        name: issuers.get(&asset.issuer).cloned().unwrap_or_default(),
                    },
                    goods,
                    stage: match settlement.stand {
                        Stand::Settled => Stage::TitleMoved,
                        Stand::Final | Stand::Halted => Stage::Awaiting,
                    },
                    confidence: settlement.confidence,
                    says: settlement.says.clone(),
                    since: settlement.settled_at.clone(),
                    caveat: CAVEAT,
                });
            }
        }
    }
    let next = page.next.map(|at| query::cursor(Listing::Receivables, at));
    Ok(private(List { items, next }))
}
