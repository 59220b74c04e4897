//! The supervisor's pages: what was cleared, by whom and in what, what looks risky, who may trade, and who decided.
//!
//! Figures are sums over the read model, made in 128-bit integers ([`figures`]); charts are SVG from the server
//! ([`chart`], [`map`]), each with a table and a CSV file of the same numbers as of any height ([`csv`]).

use actix_web::web;

mod alerts;
pub mod chart;
pub mod csv;
mod dashboard;
mod decisions;
pub mod figures;
pub mod map;
mod parties;
#[cfg(test)]
mod tests;

use crate::error::WebError;
use crate::form::Form;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/supervisor", web::get().to(dashboard::show))
        .route("/supervisor/figures/{name}.csv", web::get().to(dashboard::file))
        .route("/supervisor/parties", web::get().to(parties::list))
        .route("/supervisor/parties/{address}", web::get().to(parties::show))
        .route("/supervisor/parties/{address}/suspend", web::post().to(parties::suspend))
        .route("/supervisor/parties/{address}/reinstate", web::post().to(parties::reinstate))
        .route("/supervisor/decisions", web::get().to(decisions::list));
}

/// Reads a query that may have these fields, and the language.
pub(crate) fn query(text: &str, allowed: &[&str]) -> Result<Form, WebError> {
    if text.len() > 2048 {
        return Err(WebError::bad("query", "at most 2048 bytes"));
    }
    let form = Form::parse(text.as_bytes()).map_err(|error| WebError::bad("query", error.to_string()))?;
    if let Some(unknown) = form.names().find(|name| *name != "lang" && !allowed.contains(name)) {
        return Err(WebError::bad(unknown, format!("unknown field; known here: {}", allowed.join(", "))));
    }
    Ok(form)
}

/// A whole number from 0 to `most` in a query; `None` when it is left out.
pub(crate) fn number(form: &Form, name: &str, most: i64) -> Result<Option<i64>, WebError> {
    match form.value(name) {
        "" => Ok(None),
        text => match text.parse() {
            Ok(number) if (0..=most).contains(&number) => Ok(Some(number)),
            _ => Err(WebError::bad(name, format!("a whole number from 0 to {most}"))),
        },
    }
}
