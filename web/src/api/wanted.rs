//! How sure an organisation wants settlements to be before it does anything on the strength of them.

use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::Caller;
use super::organisation::private;
use super::problem::Problem;
use super::query::Query;
use super::wire::WantedConfidence;
use crate::accounts::millis;
use crate::app::Shared;
use crate::model::Model;
use crate::sure::{SHARES, per_mille};

/// Says how sure your organisation wants settlements to be
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/confidence",
    operation_id = "wanted_confidence",
    tag = "settlements",
    responses(
        (status = 200, description = "What it wants", body = WantedConfidence),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["settlements"]))
)]
pub async fn wanted(request: HttpRequest, caller: Caller, app: Shared) -> Result<HttpResponse, Problem> {
    caller.covers("settlements")?;
    Query::read(request.query_string(), &[])?;
    let wish = app.read(move |connection| Ok(Model::new(connection).wish_for_all(&caller.account)?)).await?;
    // What was wished before the shares were few counts as the next one.
    let share_percent = SHARES.into_iter().find(|share| wish <= u64::from(*share) * 10).unwrap_or(100);
    Ok(private(WantedConfidence { share_percent }))
}

/// Asks for settlements to be so sure before you do anything on the strength of them
///
/// It counts for all settlements and receivables that you see, at once, and changes nothing for others: until a settlement
/// is so sure, it is `final` and not `settled`, and its proof is not given out. A rule of the node may ask for more. A
/// settlement becomes surer only while the validators of its era, or of the next, still speak; afterwards what its record
/// proves is enough, and `says` tells how much that is.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    put,
    path = "/api/v1/confidence",
    operation_id = "want_confidence",
    tag = "settlements",
    request_body = WantedConfidence,
    responses(
        (status = 200, description = "What you want from now on", body = WantedConfidence),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The token does not cover this", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["confidence"]))
)]
pub async fn want(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    caller.covers("confidence")?;
    Query::read(request.query_string(), &[])?;
    let wanted: WantedConfidence =
        serde_json::from_slice(&body).map_err(|error| Problem::field("body", error))?;
    let per_mille =
        per_mille(wanted.share_percent).map_err(|error| Problem::field("share_percent", error))?;
    let account = caller.account.parse().map_err(|_| Problem::internal())?;
    app.read(move |connection| Ok(Model::new(connection).set_wish(&account, None, per_mille, millis())?))
        .await?;
    Ok(private(wanted))
}
