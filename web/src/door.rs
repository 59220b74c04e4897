//! Where programs hand in what was signed at a node without a portal, and learn how far an account is. A transaction
//! proves itself, so nobody signs in.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use ledger::{Address, SubChain, SubmitError, Transaction, account};
use serde::Serialize;

use crate::chains::Chains;

/// The most bytes of a transaction.
const MAX_BYTES: usize = 1 << 20;

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
        .route("/accounts/{chain}/{address}", web::get().to(stand));
}

/// 202 when it waits for a block now, or did already; 422 when the chain would refuse it; 503 when there is no room.
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
