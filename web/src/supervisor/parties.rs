//! Looking parties up, and suspending or reinstating them with a reason.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use identity_chain::Payload;
use ledger::{Address, SubChain};
use vocabulary::{Role, Standing, Text};

use super::{number, query};
use crate::app::{Posted, Shared};
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::model::party::Party;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

/// Parties on a page.
const PER_PAGE: i64 = 50;
/// Rows of each table on a party's page.
const ROWS: i64 = 20;

#[derive(Template)]
#[template(path = "supervisor/parties.html")]
struct PartiesPage {
    page: Page,
    q: String,
    rows: Vec<PartyRow>,
    earlier: Option<i64>,
    later: Option<i64>,
}

struct PartyRow {
    address: String,
    name: String,
    country: String,
    number: String,
    roles: String,
    standing: String,
    good: bool,
    bad: bool,
    settled: i64,
    broken: i64,
}

impl From<Party> for PartyRow {
    fn from(party: Party) -> PartyRow {
        PartyRow {
            good: party.standing() == Standing::Admitted,
            bad: matches!(party.standing(), Standing::Suspended | Standing::Refused),
            address: party.address,
            name: party.name,
            country: party.country,
            number: party.registration_number,
            roles: party.roles,
            standing: party.standing,
            settled: party.settled,
            broken: party.lapsed + party.declined,
        }
    }
}

pub(super) async fn list(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    let form = query(request.query_string(), &["q", "from"])?;
    let q = form.value("q").to_owned();
    if q.chars().count() > 80 {
        return Err(WebError::bad("q", "at most 80 characters"));
    }
    let from = number(&form, "from", 1_000_000)?.unwrap_or(0);
    let text = q.clone();
    let mut found = app
        .read(move |connection| Ok(Model::new(connection).search_parties(&text, from, PER_PAGE + 1)?))
        .await?;
    let wanted = usize::try_from(PER_PAGE).unwrap_or(0);
    let later = (found.len() > wanted).then_some(from + PER_PAGE);
    found.truncate(wanted);
    page::html(&PartiesPage {
        page: visitor.page("Look up a party"),
        q,
        rows: found.into_iter().map(PartyRow::from).collect(),
        earlier: (from > 0).then_some((from - PER_PAGE).max(0)),
        later,
    })
}

#[derive(Template)]
#[template(path = "supervisor/party.html")]
struct PartyPage {
    page: Page,
    form: Form,
    party: PartyRow,
    full: Party,
    registered: String,
    settled_value: String,
    decided: Option<String>,
    can_suspend: bool,
    can_reinstate: bool,
    decisions: Vec<[String; 4]>,
    entries: Vec<[String; 4]>,
    offers: Vec<[String; 6]>,
    settlements: Vec<[String; 4]>,
    balances: Vec<[String; 3]>,
}

fn address_in(path: &str) -> Result<Address, WebError> {
    path.parse().map_err(|_| WebError::bad("address", "an account is 0x and 40 hexadecimal digits"))
}

async fn party_page(
    visitor: &Visitor,
    app: &Shared,
    address: Address,
    form: Form,
) -> Result<HttpResponse, WebError> {
    let id = address.to_string();
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let Some(party) = model.party(&id)? else { return Err(WebError::NotFound) };
            let assets = model.assets()?;
            let decisions = model.standing_changes(Some(&id), None, ROWS)?.rows;
            let deciders: Vec<String> = decisions.iter().map(|change| change.by_party.clone()).collect();
            let names = model.names_of(&deciders)?;
            let amount = |asset: i64, amount: &crate::model::PaddedAmount| match assets.get(&asset) {
                Some(asset) => {
                    format!("{}\u{a0}{}", show::brief(amount.amount(), asset.places()), asset.symbol())
                }
                None => amount.to_string(),
            };
            let asset_name =
                |asset: i64| assets.get(&asset).map_or("?", |asset| asset.name.as_str()).to_owned();
            let decisions = decisions
                .into_iter()
                .map(|change| {
                    [
                        show::date_time(change.time_ms),
                        change.standing,
                        who(&names, &change.by_party),
                        change.reason.unwrap_or_default(),
                    ]
                })
                .collect();
            let entries = model
                .credit_entries(&id, None, ROWS)?
                .rows
                .into_iter()
                .map(|entry| {
                    [
                        show::date_time(entry.at_ms),
                        entry.conduct.replace('-', " "),
                        show::usd(entry.value_micro_usd.get()),
                        show::short(&entry.about),
                    ]
                })
                .collect();
            let offers = model
                .offers_of(&id, false, None, ROWS)?
                .rows
                .into_iter()
                .map(|offer| {
                    [
                        offer.id.to_string(),
                        format!("{} {}", amount(offer.give, &offer.give_qty), asset_name(offer.give)),
                        format!("{} {}", amount(offer.want, &offer.want_qty), asset_name(offer.want)),
                        amount(offer.give, &offer.remaining),
                        offer.commitment,
                        offer.state,
                    ]
                })
                .collect();
            let mut settlements = Vec::new();
            for row in model.settlements_of(&id, None, ROWS)?.rows {
                let legs = model.settlement_legs(&row.id)?;
                let goods = |from: bool| {
                    legs.iter()
                        .filter(|leg| if from { leg.party == id } else { leg.to_party == id })
                        .map(|leg| format!("{} {}", amount(leg.asset, &leg.quantity), asset_name(leg.asset)))
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let gave = legs
                    .iter()
                    .filter(|leg| leg.party == id)
                    .fold(0u128, |sum, leg| sum.saturating_add(leg.value_micro_usd.get()));
                settlements.push([show::date_time(row.at_ms), goods(true), goods(false), show::usd(gave)]);
            }
            let balances = model
                .balances_of(&id)?
                .into_iter()
                .map(|held| {
                    [
                        asset_name(held.asset),
                        amount(held.asset, &held.available),
                        amount(held.asset, &held.locked),
                    ]
                })
                .collect();
            let own_name = party.decided_by.as_deref().map(|by| who(&names, by));
            Ok((party, own_name, decisions, entries, offers, settlements, balances))
        })
        .await?;
    let (full, decided_by, decisions, entries, offers, settlements, balances) = view;
    let decided =
        full.decided_ms.map(|at| format!("{}, by {}", show::date_time(at), decided_by.unwrap_or_default()));
    page::html(&PartyPage {
        page: visitor.page(full.name.clone()),
        form,
        registered: show::date_time(full.registered_ms),
        settled_value: show::usd(full.settled_micro_usd.get()),
        decided,
        can_suspend: full.standing() == Standing::Admitted,
        can_reinstate: full.standing() == Standing::Suspended,
        party: PartyRow::from(full.clone()),
        full,
        decisions,
        entries,
        offers,
        settlements,
        balances,
    })
}

/// A party by name; the genesis decides as an account of zeroes.
pub(super) fn who(names: &std::collections::BTreeMap<String, String>, address: &str) -> String {
    if address.trim_start_matches("0x").bytes().all(|digit| digit == b'0') {
        return "the genesis".to_owned();
    }
    names.get(address).cloned().unwrap_or_else(|| show::short(address))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    query(request.query_string(), &[])?;
    party_page(&visitor, &app, address_in(&path)?, Form::default()).await
}

pub(super) async fn suspend(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, WebError> {
    decide(visitor, app, &path, posted, true).await
}

pub(super) async fn reinstate(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, WebError> {
    decide(visitor, app, &path, posted, false).await
}

async fn decide(
    visitor: Visitor,
    app: Shared,
    path: &str,
    Posted(mut form): Posted,
    suspends: bool,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    let party = address_in(path)?;
    let id = party.to_string();
    let known = app.read(move |connection| Ok(Model::new(connection).party(&id)?)).await?;
    let name = known.ok_or(WebError::NotFound)?.name;
    let Some(reason) = form.required::<Text<200>>("reason") else {
        return party_page(&visitor, &app, party, form).await;
    };
    let (payload, headline) = if suspends {
        (Payload::Suspend { party, reason }, format!("You suspend {name}"))
    } else {
        (Payload::Reinstate { party, reason }, format!("You reinstate {name}"))
    };
    let next = format!("/supervisor/parties/{party}");
    let wish = Wish { chain: SubChain::Identity, payload: &payload, headline, next };
    match signing::ask(&app, &visitor, wish).await {
        Err(WebError::Refused(refusal)) => {
            form.refuse("reason", crate::form::sentence(&refusal.reason));
            party_page(&visitor, &app, party, form).await
        }
        other => other,
    }
}
