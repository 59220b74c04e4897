//! Handing in what an organisation signed: the API holds no keys and signs nothing.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use ledger::{Hash, SubChain, SubmitError, Transaction};

use super::caller::Caller;
use super::idempotency::{self, Turn};
use super::organisation::private;
use super::problem::{self, Problem};
use super::query::Query;
use super::token::bounded;
use super::wire::{NewTransaction, TransactionStatus};
use crate::accounts::millis;
use crate::app::{App, Shared};
use crate::model::Model;
use crate::model::chain::Transaction as Row;
use crate::sure::confidence;

/// Reads the body field by field, so that a fault has a name.
fn read(body: &[u8]) -> Result<(SubChain, Transaction), Problem> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| Problem::field("body", format!("no JSON: {error}")))?;
    let serde_json::Value::Object(fields) = value else {
        return Err(Problem::field("body", "expected an object with chain and transaction"));
    };
    if let Some(unknown) = fields.keys().find(|name| !["chain", "transaction"].contains(&name.as_str())) {
        return Err(Problem::field(unknown, "unknown field; known here: chain, transaction"));
    }
    let text = |name: &str| match fields.get(name) {
        Some(serde_json::Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(Problem::field(name, "expected a string")),
        None => Err(Problem::field(name, "missing")),
    };
    let chain = text("chain")?.parse().map_err(|error| Problem::field("chain", error))?;
    let bytes = hex::decode(text("transaction")?)
        .map_err(|_| Problem::field("transaction", "expected hexadecimal digits, two for each byte"))?;
    let transaction = Transaction::decode(&bytes).map_err(|error| Problem::field("transaction", error))?;
    Ok((chain, transaction))
}

/// Reads arbitrary bytes as a transaction to hand in.
pub fn fuzz_new_transaction(bytes: &[u8]) {
    let _ = read(bytes);
}

/// Hands in a signed transaction of your organisation
///
/// Send an `Idempotency-Key`: the same key with the same body is done once and answered alike for a day. Answers that
/// ask for another try, because the node or your organisation has too much waiting, are not kept. A transaction that
/// waits or was executed already is answered with how it stands, under whichever key it comes.
///
/// 202 says that the transaction was accepted for a block, not that it is on record or will outlast a crash of this node:
/// what waits is kept in memory. Ask how it stands, and hand in the same bytes again when nobody knows of it any more.
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    post,
    path = "/api/v1/transactions",
    tag = "transactions",
    params(("Idempotency-Key" = String, Header, description = "1 to 128 visible ASCII characters, new for each new request")),
    request_body = NewTransaction,
    responses(
        (status = 202, description = "Accepted for a block, not yet on record: ask how it stands, and hand it in again if it is lost", body = TransactionStatus),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The transaction is of another account", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The same request is being done right now, or another transaction of this account has the sequence number", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The chain would refuse it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node has no room for it: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["transactions"]))
)]
pub async fn submit(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    caller.covers("transactions")?;
    Query::read(request.query_string(), &[])?;
    if request.content_type() != "application/json" {
        return Err(Problem::media_type("application/json"));
    }
    let key = idempotency::key(&request)?;
    let body = bounded(&request, payload, super::MAX_BODY_BYTES).await?;
    let (chain, transaction) = read(&body)?;
    if transaction.body.account.to_string() != caller.account {
        return Err(Problem::forbidden("a client hands in transactions of its own organisation only"));
    }
    let fingerprint = idempotency::fingerprint(request.path(), &body);
    let (client, taken) = (caller.client.clone(), key.clone());
    let turn = app
        .read(move |connection| idempotency::begin(connection, &client, &taken, &fingerprint, millis()))
        .await?;
    match turn {
        Turn::First => {}
        Turn::Again(kept) => {
            let status = u16::try_from(kept.status).unwrap_or(500);
            // What was taken may be gone: a pool does not outlive its node.
            if status != StatusCode::ACCEPTED || is_known(&app, chain, transaction.id()).await? {
                return Ok(again(&kept.body, status));
            }
        }
        Turn::Running => {
            return Err(Problem::conflict("Idempotency-Key", "this request is being done right now"));
        }
        Turn::Other => {
            return Err(Problem::refused("key-reused", "Idempotency-Key", "it was used for another request"));
        }
    }
    let (outcome, lasts) = match hand_in(&app, chain, transaction).await {
        Ok(status) => (Ok(status), true),
        Err(NotTaken { problem, lasts }) => (Err(problem), lasts),
    };
    let (status, body) = match &outcome {
        Ok(status) => (StatusCode::ACCEPTED, serde_json::to_string(status)),
        Err(problem) => (problem.status_code(), serde_json::to_string(problem)),
    };
    let body = body.map_err(|_| Problem::internal())?;
    let kept = body.clone();
    app.read(move |connection| {
        if lasts {
            idempotency::keep(connection, &caller.client, &key, status.as_u16(), &kept)
        } else {
            idempotency::release(connection, &caller.client, &key)
        }
    })
    .await?;
    outcome.map(|_| answer(&body, status))
}

/// Why a transaction was not taken, and whether the same request would be told so again.
struct NotTaken {
    problem: Problem,
    lasts: bool,
}

impl From<Problem> for NotTaken {
    fn from(problem: Problem) -> NotTaken {
        NotTaken { problem, lasts: false }
    }
}

/// Hands it in and says how it stands. One that waits or was executed already is as good as taken: whoever sends it
/// again may have lost our answer.
async fn hand_in(
    app: &Shared,
    chain: SubChain,
    transaction: Transaction,
) -> Result<TransactionStatus, NotTaken> {
    let id = transaction.id();
    let shared = app.clone();
    let submitted = web::block(move || shared.chains.get(chain).submit(transaction)).await;
    let refusal = match submitted.map_err(Problem::from)? {
        Ok(_) | Err(SubmitError::Duplicate) => return Ok(waiting(chain, id)),
        Err(refusal) => refusal,
    };
    if matches!(refusal, SubmitError::Used { .. })
        && let Some(found) = executed(app, chain, id).await?
    {
        return Ok(found);
    }
    Err(NotTaken { lasts: lasts(&refusal), problem: refusal.into() })
}

/// Whether a refusal is about the request itself, and not about what waits at the moment.
fn lasts(refusal: &SubmitError) -> bool {
    match refusal {
        SubmitError::Form(_)
        | SubmitError::WrongChain { .. }
        | SubmitError::Fee { .. }
        | SubmitError::Expired { .. }
        | SubmitError::Used { .. }
        | SubmitError::Key(_)
        | SubmitError::Signature
        | SubmitError::Refused(_) => true,
        SubmitError::Duplicate
        | SubmitError::Ahead { .. }
        | SubmitError::Taken(_)
        | SubmitError::AccountFull { .. }
        | SubmitError::Full { .. } => false,
    }
}

/// Whether the node knows of a transaction: it waits, or a block has it.
async fn is_known(app: &App, chain: SubChain, id: Hash) -> Result<bool, Problem> {
    if app.chains.get(chain).is_waiting(&id) {
        return Ok(true);
    }
    Ok(app.read(move |connection| Ok(Model::new(connection).transaction(chain, id)?.is_some())).await?)
}

/// What an executed transaction came to; `None` when no block has it.
async fn executed(app: &App, chain: SubChain, id: Hash) -> Result<Option<TransactionStatus>, Problem> {
    let made = i64::try_from(app.chains.get(chain).height().0).unwrap_or(i64::MAX);
    let (written, found) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            Ok((model.height(chain)?, model.transaction(chain, id)?))
        })
        .await?;
    match found {
        Some(found) => Ok(Some(came_to(app, chain, id, found))),
        None if written.is_some_and(|written| written >= made) => Ok(None),
        None => Err(Problem::unavailable("the last blocks are still being written")),
    }
}

fn waiting(chain: SubChain, id: Hash) -> TransactionStatus {
    TransactionStatus {
        chain: chain.name().to_owned(),
        id: id.to_string(),
        state: "waiting".to_owned(),
        height: None,
        confidence: None,
        field: None,
        reason: None,
    }
}

fn came_to(app: &App, chain: SubChain, id: Hash, found: Row) -> TransactionStatus {
    TransactionStatus {
        state: found.outcome,
        height: Some(found.height),
        confidence: confidence(app, chain, found.height),
        field: found.field,
        reason: found.reason,
        ..waiting(chain, id)
    }
}

fn answer(body: &str, status: StatusCode) -> HttpResponse {
    let media_type = if status.is_success() { "application/json" } else { problem::MEDIA_TYPE };
    HttpResponse::build(status)
        .insert_header(("Cache-Control", "no-store"))
        .content_type(media_type)
        .body(body.to_owned())
}

fn again(body: &str, status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(body, status);
    response.headers_mut().insert(
        actix_web::http::header::HeaderName::from_static("idempotency-replayed"),
        actix_web::http::header::HeaderValue::from_static("true"),
    );
    response
}

/// Says how a transaction of your organisation stands
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/transactions/{chain}/{id}",
    tag = "transactions",
    params(
        ("chain" = String, Path, description = "identity, data or payment"),
        ("id" = String, Path, description = "Its identifier"),
    ),
    responses(
        (status = 200, description = "How it stands", body = TransactionStatus),
        (status = 400, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No good token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none of your organisation", body = Problem, content_type = "application/problem+json"),
    ),
    security(("oauth" = ["transactions"]))
)]
pub async fn stand(
    request: HttpRequest,
    caller: Caller,
    app: Shared,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    caller.covers("transactions")?;
    Query::read(request.query_string(), &[])?;
    let chain: SubChain = path.0.parse().map_err(|error| Problem::field("chain", error))?;
    let id: Hash =
        path.1.parse().map_err(|_| Problem::field("id", "an identifier has 64 hexadecimal digits"))?;
    let found = app.read(move |connection| Ok(Model::new(connection).transaction(chain, id)?)).await?;
    match found {
        Some(found) if found.account == caller.account => Ok(private(came_to(&app, chain, id, found))),
        // Whose a waiting transaction is, the pool does not say; only its identifier's owner knows it.
        None if app.chains.get(chain).is_waiting(&id) => Ok(private(waiting(chain, id))),
        _ => Err(Problem::not_found()),
    }
}
