//! A bank's pages: what parties shared with it, and the clients by which its programs read the API.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use ledger::SubChain;
use vocabulary::{Role, Text};

use crate::accounts::millis;
use crate::api::token::{self, LIFETIME_S, SCOPES};
use crate::app::{Posted, Shared};
use crate::error::WebError;
use crate::form::Form;
use crate::language::Lang;
use crate::model::Model;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;
use crate::supervisor::{number, query};
use crate::sure::release;

#[cfg(test)]
mod tests;

/// Settlements on a page.
const PER_PAGE: i64 = 50;
/// The most clients of one organisation that are not revoked.
const MAX_CLIENTS: usize = 10;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/bank", web::get().to(shared))
        .route("/bank/clients", web::get().to(clients))
        .route("/bank/clients", web::post().to(add))
        .route("/bank/clients/{id}/revoke", web::post().to(revoke));
}

struct SettlementRow {
    id: String,
    when: String,
    state: String,
    settled: bool,
    party: String,
    gave: String,
    got: String,
    until: String,
}

struct CreditRow {
    party: String,
    address: String,
    settled: i64,
    value: String,
    broken: i64,
    until: String,
}

#[derive(Template)]
#[template(path = "bank/shared.html")]
struct SharedPage {
    page: Page,
    headline: String,
    settlements: Vec<SettlementRow>,
    next: Option<i64>,
    records: Vec<CreditRow>,
}

async fn shared(request: HttpRequest, visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let bank = visitor.require(Role::Bank)?.to_string();
    let form = query(request.query_string(), &["before"])?;
    let before = number(&form, "before", i64::MAX)?;
    let now = millis();
    let chains = app.clone();
    let (settlements, next, records) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let (assets, names) = (model.assets()?, model.party_names()?);
            let name = |address: &str| names.get(address).cloned().unwrap_or_else(|| show::short(address));
            let page = model.settlements_shared_with(&bank, now, before, PER_PAGE)?;
            let mut rows = Vec::new();
            for settlement in &page.rows {
                let legs = model.settlement_legs(&settlement.id)?;
                let wish = model.wish(&bank, &settlement.id)?;
                let value = settlement.value_micro_usd.get();
                let release = release(&chains, SubChain::Payment, settlement.height, value, wish);
                let goods = |leg: &crate::model::settlement::SettlementLeg| match assets.get(&leg.asset) {
                    Some(asset) => format!(
                        "{}\u{a0}{} {}",
                        show::brief(leg.quantity.amount(), asset.places()),
                        asset.symbol(),
                        asset.name
                    ),
                    None => String::new(),
                };
                for grant in model.grants_on(&settlement.id, &bank, now)? {
                    let gave: Vec<String> =
                        legs.iter().filter(|leg| leg.party == grant.by_party).map(goods).collect();
                    let got: Vec<String> =
                        legs.iter().filter(|leg| leg.to_party == grant.by_party).map(goods).collect();
                    rows.push(SettlementRow {
                        id: settlement.id.clone(),
                        when: show::date_time(settlement.at_ms),
                        state: release.words(Lang::English),
                        settled: release.may_leave(),
                        party: name(&grant.by_party),
                        gave: gave.join(", "),
                        got: got.join(", "),
                        until: show::date(grant.until_ms),
                    });
                }
            }
            let mut records = Vec::new();
            for grant in model.credit_grants_to(&bank, now)? {
                let Some(party) = model.party(&grant.party)? else { continue };
                records.push(CreditRow {
                    settled: party.settled,
                    value: show::usd(party.settled_micro_usd.get()),
                    broken: party.lapsed + party.declined,
                    until: show::date(grant.until_ms),
                    party: party.name,
                    address: party.address,
                });
            }
            Ok((rows, page.next, records))
        })
        .await?;
    let headline = match (settlements.len(), records.len()) {
        (0, 0) => "Nothing is shared with you yet".to_owned(),
        (deals, credits) => format!(
            "{} and {} are open to you",
            show::counted(deals, "settlement", "settlements"),
            show::counted(credits, "credit record", "credit records")
        ),
    };
    page::html(&SharedPage { page: visitor.page("Shared with you"), headline, settlements, next, records })
}

struct ClientRow {
    id: String,
    name: String,
    created: String,
    revoked: Option<String>,
}

#[derive(Template)]
#[template(path = "bank/clients.html")]
struct ClientsPage {
    page: Page,
    form: Form,
    clients: Vec<ClientRow>,
    fresh: Option<(String, String)>,
    minutes: u64,
    scopes: Vec<(&'static str, &'static str)>,
    origin: String,
    genesis: String,
}

async fn clients_page(
    request: &HttpRequest,
    visitor: &Visitor,
    app: &Shared,
    form: Form,
    fresh: Option<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let bank = visitor.require(Role::Bank)?.to_string();
    let found = app.read(move |connection| Ok(Model::new(connection).oauth_clients_of(&bank)?)).await?;
    let clients = found
        .into_iter()
        .map(|client| ClientRow {
            id: client.id,
            name: client.name,
            created: show::date_time(client.created_ms),
            revoked: client.revoked_ms.map(show::date_time),
        })
        .collect();
    page::html(&ClientsPage {
        page: visitor.page("Programs of your bank"),
        form,
        clients,
        fresh,
        minutes: LIFETIME_S / 60,
        scopes: SCOPES.to_vec(),
        origin: format!(
            "{}://{}",
            if app.settings.secure_cookies { "https" } else { "http" },
            request.connection_info().host()
        ),
        genesis: app.chains.payment.genesis().hash().to_string(),
    })
}

async fn clients(request: HttpRequest, visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    query(request.query_string(), &[])?;
    clients_page(&request, &visitor, &app, Form::default(), None).await
}

async fn add(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    let bank = visitor.require(Role::Bank)?.to_string();
    let Some(name) = form.required::<Text<60>>("name") else {
        return clients_page(&request, &visitor, &app, form, None).await;
    };
    let turn = app.turn().await?;
    let made = app
        .read(move |connection| {
            let _turn = turn;
            let mut model = Model::new(connection);
            let known = model.oauth_clients_of(&bank)?;
            if known.iter().filter(|client| client.revoked_ms.is_none()).count() >= MAX_CLIENTS {
                return Ok(None);
            }
            let (client, secret) = token::new_client(&bank, name.as_str(), millis())?;
            model.put_oauth_client(&client)?;
            Ok(Some((client.id, secret)))
        })
        .await?;
    if made.is_none() {
        form.refuse("name", format!("At most {MAX_CLIENTS} clients at once: revoke one first."));
        return clients_page(&request, &visitor, &app, form, None).await;
    }
    clients_page(&request, &visitor, &app, Form::default(), made).await
}

async fn revoke(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    _posted: Posted,
) -> Result<HttpResponse, WebError> {
    let bank = visitor.require(Role::Bank)?.to_string();
    let id = path.into_inner();
    let revoked = app
        .read(move |connection| Ok(Model::new(connection).revoke_oauth_client(&id, &bank, millis())?))
        .await?;
    if !revoked {
        return Err(WebError::NotFound);
    }
    Ok(HttpResponse::SeeOther().insert_header(("Location", "/bank/clients")).finish())
}
