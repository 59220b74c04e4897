//! The same request sent twice is done once: the answer to an `Idempotency-Key` is kept for a day, unless it was only
//! about the moment, like that of a node whose pool is full.

use actix_web::HttpRequest;
use ledger::{Hasher, Tag};

use super::problem::Problem;
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::model::Model;
use crate::model::client::KeptAnswer;

/// For how long answers are kept.
pub const KEPT_MS: i64 = 86_400_000;
/// After how long a request that got no answer may be tried again.
const STALE_MS: i64 = 60_000;
/// The status that stands for "no answer yet".
const PENDING: i64 = 0;
/// The most characters of a key.
const MAX_KEY: usize = 128;

/// The request's idempotency key.
///
/// # Errors
/// [`Problem`] when there is none or it is not 1 to 128 visible ASCII characters.
pub fn key(request: &HttpRequest) -> Result<String, Problem> {
    let header = request.headers().get("Idempotency-Key");
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = format!("1 to {MAX_KEY} visible ASCII characters, new for each new request");
        return Err(Problem::field("Idempotency-Key", reason));
    }
    Ok(text.to_owned())
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Do it, then [`keep`] the answer or [`release`] the key.
    First,
    /// It was answered already, so.
    Again(KeptAnswer),
    /// It is being done right now.
    Running,
    /// The key was used for another request.
    Other,
}

/// What a request is known by: its path and its body.
#[must_use]
pub fn fingerprint(path: &str, body: &[u8]) -> String {
    let length = (path.len() as u64).to_le_bytes();
    Hasher::new(Tag::Content).chain(&length).chain(path.as_bytes()).chain(body).finish().to_string()
}

/// Takes a key for a request of a client at `now_ms`.
///
/// # Errors
/// [`WebError`] when the database fails.
pub fn begin(
    connection: &mut AnyConnection,
    client: &str,
    key: &str,
    fingerprint: &str,
    now_ms: i64,
) -> Result<Turn, WebError> {
    let mut model = Model::new(connection);
    model.sweep_answers(now_ms - KEPT_MS)?;
    model.drop_pending(client, key, PENDING, now_ms - STALE_MS)?;
    let row = KeptAnswer {
        client: client.to_owned(),
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
        status: PENDING,
        body: String::new(),
        created_ms: now_ms,
    };
    use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
    match model.keep_answer(&row) {
        Ok(()) => return Ok(Turn::First),
        Err(DatabaseError(UniqueViolation, _)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(match model.kept_answer(client, key)? {
        Some(kept) if kept.fingerprint != fingerprint => Turn::Other,
        Some(kept) if kept.status != PENDING => Turn::Again(kept),
        _ => Turn::Running,
    })
}

/// Gives back a key whose request came to nothing that lasts: it may be tried again at once.
///
/// # Errors
/// [`WebError`] when the database fails.
pub fn release(connection: &mut AnyConnection, client: &str, key: &str) -> Result<(), WebError> {
    Ok(Model::new(connection).drop_pending(client, key, PENDING, i64::MAX)?)
}

/// Keeps the answer to a request that [`begin`] let through.
///
/// # Errors
/// [`WebError`] when the database fails.
pub fn keep(
    connection: &mut AnyConnection,
    client: &str,
    key: &str,
    status: u16,
    body: &str,
) -> Result<(), WebError> {
    Ok(Model::new(connection).set_answer(client, key, i64::from(status), body)?)
}
