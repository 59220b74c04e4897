//! The register of organisations, and credit records that were shared.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Address;

use super::caller::Caller;
use super::problem::Problem;
use super::query::{self, List as Listing, Query};
use super::wire::{Conduct, CreditReport, List, Named, Organisation, rfc3339, usd};
use crate::accounts::millis;
use crate::app::Shared;
use crate::model::Model;

pub(crate) fn private<T: serde::Serialize>(body: T) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "private, no-store")).json(body)
}

pub(crate) fn address(field: &str, text: &str) -> Result<String, Problem> {
    let parsed: Result<Address, _> = text.parse();
    parsed
        .map(|address| address.to_string())
        .map_err(|_| Problem::field(field, "an account is 0x and 40 hexadecimal digits"))
}

/// Lists the organisations of the register, by name
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/organisations",
    operation_id = "list_organisations",
    tag = "organisations",
    params(
        ("q" = Option<String>, Query, description = "Part of a name, register number, LEI or account; 1 to 80 characters"),
        ("limit" = Option<i64>, Query, description = "1 to 200, 50 if left out"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = List<Organisation>),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The token does not cover this", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["organisations"]))
)]
pub async fn list(request: HttpRequest, caller: Caller, app: Shared) -> Result<HttpResponse, Problem> {
    caller.covers("organisations")?;
    let query = Query::read(request.query_string(), &["q", "limit", "cursor"])?;
    let (limit, after) = (query.limit()?, query.organisation()?);
    let text = query.get("q").unwrap_or_default().to_owned();
    if text.chars().count() > 80 {
        return Err(Problem::field("q", "at most 80 characters"));
    }
    let rows = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let Some(after) = after else { return Ok(Some(model.search_parties(&text, 0, limit + 1)?)) };
            let Some(after) = model.party(&after.to_string())? else { return Ok(None) };
            Ok(Some(model.parties_after(&text, &after, limit + 1)?))
        })
        .await?;
    let mut rows = rows.ok_or_else(query::foreign_cursor)?;
    let wanted = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let last = rows.last().filter(|_| more).and_then(|party| party.address.parse().ok());
    let next = last.map(|last| query::organisation_cursor(&last));
    Ok(private(List { items: rows.into_iter().map(Organisation::from).collect(), next }))
}

/// Shows an organisation of the register
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/organisations/{id}",
    operation_id = "organisation",
    tag = "organisations",
    params(("id" = String, Path, description = "Its account")),
    responses(
        (status = 200, description = "The organisation", body = Organisation),
        (status = 400, description = "The account is none", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such organisation", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["organisations"]))
)]
pub async fn one(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.covers("organisations")?;
    Query::read(request.query_string(), &[])?;
    let id = address("id", &path)?;
    let party = app.read(move |connection| Ok(Model::new(connection).party(&id)?)).await?;
    Ok(private(Organisation::from(party.ok_or_else(Problem::not_found)?)))
}

/// Shows the credit record of a party that shared it
///
/// Readable only while a grant that the party signed lasts.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/credit-reports/{party}",
    tag = "credit",
    params(
        ("party" = String, Path, description = "Its account"),
        ("limit" = Option<i64>, Query, description = "Entries: 1 to 200, 50 if left out"),
        ("cursor" = Option<String>, Query, description = "`entries.next` of the page before"),
    ),
    responses(
        (status = 200, description = "The record", body = CreditReport),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such party, or it shares nothing with you now", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["credit"]))
)]
pub async fn credit_report(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.covers("credit")?;
    let query = Query::read(request.query_string(), &["limit", "cursor"])?;
    let (limit, before) = (query.limit()?, query.cursor(Listing::Credit)?);
    let id = address("party", &path)?;
    let now = millis();
    let found = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            if !model.may_read_credit(&id, &caller.account, now)? {
                return Ok(None);
            }
            let Some(party) = model.party(&id)? else { return Ok(None) };
            let grants = model.credit_grants_to(&caller.account, now)?;
            let until = grants.into_iter().find(|grant| grant.party == id).map(|grant| grant.until_ms);
            Ok(Some((party, until, model.credit_entries(&id, before, limit)?)))
        })
        .await?;
    let (party, until, entries) = found.ok_or_else(Problem::not_found)?;
    Ok(private(CreditReport {
        party: Named { id: party.address, name: party.name },
        standing: party.standing,
        shared_until: until.map(rfc3339),
        settled: party.settled,
        settled_usd: usd(party.settled_micro_usd.get()),
        lapsed: party.lapsed,
        declined: party.declined,
        false_declarations: party.false_declarations,
        entries: List {
            items: entries.rows.into_iter().map(Conduct::from).collect(),
            next: entries.next.map(|at| query::cursor(Listing::Credit, at)),
        },
    }))
}
