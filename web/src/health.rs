//! `/healthz`: whether the node answers, how high its chains are, how many rings have settled.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use ledger::SubChain;
use serde::Serialize;

use crate::app::Shared;
use crate::error::WebError;
use crate::model::Model;

#[derive(Serialize)]
struct Health {
    chains: Heights,
    rings_settled: i64,
}

#[derive(Serialize)]
struct Heights {
    identity: Chain,
    data: Chain,
    payment: Chain,
}

#[derive(Serialize)]
struct Chain {
    height: u64,
}

/// The routes of this module.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/healthz", web::get().to(health));
}

/// 200 once the node is ready, 503 before; the same body both times.
async fn health(app: Shared) -> Result<HttpResponse, WebError> {
    let height = |chain| Chain { height: app.chains.get(chain).height().0 };
    let chains = Heights {
        identity: height(SubChain::Identity),
        data: height(SubChain::Data),
        payment: height(SubChain::Payment),
    };
    let rings_settled = app.read(|connection| {
        Ok(Model::new(connection).settlement_count().map_err(crate::db::DatabaseError::from)?)
    });
    let health = Health { chains, rings_settled: rings_settled.await? };
    let mut answer = if app.ready.load(Ordering::Acquire) {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    Ok(answer.json(health))
}
