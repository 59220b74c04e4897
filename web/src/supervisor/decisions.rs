//! The audit trail: every decision of operators and supervisors about who may trade.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use vocabulary::Role;

use super::csv::Csv;
use super::parties::who;
use super::{number, query};
use crate::api::wire::rfc3339;
use crate::app::Shared;
use crate::error::WebError;
use crate::model::Model;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;

/// Decisions on a page, and in a file.
const PER_PAGE: i64 = 100;
const PER_FILE: i64 = 100_000;

#[derive(Template)]
#[template(path = "supervisor/decisions.html")]
struct DecisionsPage {
    page: Page,
    rows: Vec<Row>,
    next: Option<i64>,
}

struct Row {
    when: String,
    party: String,
    name: String,
    standing: String,
    roles: String,
    by: String,
    reason: String,
    height: i64,
}

pub(super) async fn list(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    let form = query(request.query_string(), &["before", "format"])?;
    let before = number(&form, "before", i64::MAX)?;
    let as_file = match form.value("format") {
        "" => false,
        "csv" => true,
        _ => return Err(WebError::bad("format", "csv, or nothing")),
    };
    let limit = if as_file { PER_FILE } else { PER_PAGE };
    let (found, names) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            Ok((model.standing_changes(None, before, limit)?, model.party_names()?))
        })
        .await?;
    if as_file {
        let mut csv =
            Csv::new(&["height", "at", "party", "name", "standing", "roles", "by", "by_name", "reason"]);
        for change in found.rows {
            let name = names.get(&change.party).cloned().unwrap_or_default();
            let by_name = who(&names, &change.by_party);
            csv.line(&[
                change.height.to_string(),
                rfc3339(change.time_ms),
                change.party,
                name,
                change.standing,
                change.roles,
                change.by_party,
                by_name,
                change.reason.unwrap_or_default(),
            ]);
        }
        return Ok(csv.answer("decisions.csv"));
    }
    let rows = found
        .rows
        .into_iter()
        .map(|change| Row {
            when: show::date_time(change.time_ms),
            name: who(&names, &change.party),
            standing: change.standing,
            roles: change.roles,
            by: who(&names, &change.by_party),
            reason: change.reason.unwrap_or_default(),
            height: change.height,
            party: change.party,
        })
        .collect();
    page::html(&DecisionsPage { page: visitor.page("Decisions"), rows, next: found.next })
}
