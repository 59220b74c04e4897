//! Where programs have a request made ready for a signature, hand in what was signed at a node without a portal, and learn
//! how far an account is. A transaction proves itself, so nobody signs in, and a wallet checks that the terms are those that
//! its signature covers.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use ledger::{Address, PublicKey, Refusal, SubChain, SubmitError, Transaction, account};
use serde::{Deserialize, Serialize};

use crate::chains::Chains;
use crate::signing::Proposal;

/// The most bytes of a transaction.
const MAX_BYTES: usize = 1 << 20;

/// The most bytes of a request for terms: evidence in hexadecimal, with something around it.
const MAX_REQUEST_BYTES: usize = 256 << 10;

/// What somebody wants to sign.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    account: String,
    key: String,
    /// Canonical bytes of the chain's payload, in hexadecimal.
    payload: String,
}

#[derive(Serialize)]
struct Terms {
    /// What the chain says that it means.
    terms: String,
    /// What is to be signed, in hexadecimal; it covers the terms.
    bytes: String,
}

#[derive(Serialize)]
struct Taken {
    /// Its identifier.
    id: String,
}

#[derive(Serialize)]
struct NotTaken {
    /// Why, in words.
    reason: String,
}

#[derive(Serialize)]
struct Standing {
    /// How high the chain is here.
    height: u64,
    /// The sequence number of the next transaction of the account: all below are on record.
    next_sequence: u64,
}

/// The routes of this module.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(MAX_BYTES))
        .route("/transactions/{chain}", web::post().to(submit))
        .app_data(web::JsonConfig::default().limit(MAX_REQUEST_BYTES))
        .route("/terms/{chain}", web::post().to(terms))
        .route("/accounts/{chain}/{address}", web::get().to(stand));
}

/// 202 when it waits for a block now, or did already; 422 when the chain would refuse it; 503 when there is no room.
///
/// 202 means accepted for a block, not yet on record: what waits is in memory, and a crash of this node forgets it. Whoever
/// handed it in asks for the account's next sequence number, and hands it in again while that has not passed it.
async fn submit(chains: web::Data<Chains>, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let Ok(chain) = path.parse::<SubChain>() else { return HttpResponse::NotFound().finish() };
    let transaction = match Transaction::decode(&body) {
        Ok(transaction) => transaction,
        Err(error) => return HttpResponse::BadRequest().json(NotTaken { reason: error.to_string() }),
    };
    let id = transaction.id().to_string();
    let submitted = web::block(move || chains.get(chain).submit(transaction)).await;
    let reason = |error: &dyn std::fmt::Display| NotTaken { reason: error.to_string() };
    match submitted {
        Ok(Ok(_) | Err(SubmitError::Duplicate)) => HttpResponse::Accepted().json(Taken { id }),
        Ok(Err(error @ (SubmitError::Full { .. } | SubmitError::AccountFull { .. }))) => {
            HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).json(reason(&error))
        }
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().json(reason(&error)),
        Err(error) => HttpResponse::ServiceUnavailable().json(reason(&error)),
    }
}

/// 200 with terms and the bytes to sign; 422 when the chain would refuse the request.
async fn terms(chains: web::Data<Chains>, path: web::Path<String>, asked: web::Json<Asked>) -> HttpResponse {
    let Ok(chain) = path.parse::<SubChain>() else { return HttpResponse::NotFound().finish() };
    match asked
        .read()
        .and_then(|(account, key, payload)| Proposal::on(chains.get(chain), account, key, payload))
    {
        Ok(Proposal { terms, body, .. }) => {
            HttpResponse::Ok().json(Terms { terms, bytes: hex::encode(body.signing_bytes()) })
        }
        Err(refusal) => HttpResponse::UnprocessableEntity().json(NotTaken { reason: refusal.to_string() }),
    }
}

impl Asked {
    fn read(&self) -> Result<(Address, PublicKey, Vec<u8>), Refusal> {
        let malformed =
            |field, expected: &str| Refusal::new("malformed", field, format!("expected {expected}"));
        let account =
            self.account.parse().map_err(|_| malformed("account", "0x and 40 hexadecimal digits"))?;
        let key = self.key.parse().map_err(|_| malformed("key", "64 hexadecimal digits"))?;
        let payload = hex::decode(&self.payload).map_err(|_| malformed("payload", "hexadecimal digits"))?;
        Ok((account, key, payload))
    }
}

/// Reads any bytes as a request for terms; panics only if we have a bug.
#[cfg(test)]
pub(crate) fn fuzz_asked(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Asked>(bytes).map(|asked| asked.read());
}

/// How far an account is.
async fn stand(chains: web::Data<Chains>, path: web::Path<(String, String)>) -> HttpResponse {
    let (Ok(chain), Ok(address)) = (path.0.parse::<SubChain>(), path.1.parse::<Address>()) else {
        return HttpResponse::NotFound().finish();
    };
    let ledger = chains.get(chain);
    let (next_sequence, height) =
        ledger.view_head(|state, head| (account::account(state, address).sequence, head.height().0));
    HttpResponse::Ok().json(Standing { height, next_sequence })
}
