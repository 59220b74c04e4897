//! `/healthz`: whether the node answers, how high its chains are and how sure, how many rings have settled.

use std::sync::atomic::Ordering;

use actix_web::dev::Server;
use actix_web::{HttpResponse, HttpServer, web};
use ledger::{Ledger, SubChain};
use serde::Serialize;

use crate::app::Shared;
use crate::chains::Chains;
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

impl Heights {
    fn of(chains: &Chains) -> Heights {
        let of = |chain| Chain::of(chains.get(chain));
        Heights { identity: of(SubChain::Identity), data: of(SubChain::Data), payment: of(SubChain::Payment) }
    }
}

/// How far a chain is, and how sure its last record.
#[derive(Debug, Serialize)]
struct Chain {
    height: u64,
    /// More than this weight would have to cheat, provably, to undo the last record.
    grade: u64,
    /// The weight of all validators.
    weight: u64,
    validators: usize,
    era: u64,
    /// 0 where one validator needs no rounds.
    round_ms: u64,
    /// Whether this node takes part: it is a validator of the running era and knows what it said before in it.
    takes_part: bool,
    /// The weight that provably cheated in this era.
    faulty: u64,
    /// Whether people have to decide before anything leaves the chain.
    halted: bool,
}

impl Chain {
    fn of(ledger: &Ledger) -> Chain {
        let (height, standing) = (ledger.height(), ledger.standing());
        let sure = ledger.confidence(height);
        Chain {
            height: height.0,
            grade: sure.map_or(0, |sure| sure.weight),
            weight: sure.map_or(0, |sure| sure.total),
            validators: standing.validators,
            era: standing.era,
            round_ms: standing.round_ms,
            takes_part: standing.decides && !standing.listening,
            faulty: standing.faulty,
            halted: standing.halted,
        }
    }
}

/// The routes of this module.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/healthz", web::get().to(health));
}

/// Serves `/healthz` of a node on the running system: its chains, and what `more` adds; and takes what was signed.
///
/// # Errors
/// When the address cannot be had.
pub fn serve(
    bind: &str,
    chains: Chains,
    more: impl Fn() -> serde_json::Value + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        let (chains, more) = (chains.clone(), more.clone());
        let door = web::Data::new(chains.clone());
        let answer = move || {
            let mut health = more();
            health["chains"] = serde_json::json!(Heights::of(&chains));
            async move { HttpResponse::Ok().json(health) }
        };
        actix_web::App::new()
            .app_data(door)
            .configure(crate::door::routes)
            .route("/healthz", web::get().to(answer))
    });
    Ok(server.workers(1).shutdown_timeout(1).disable_signals().bind(bind)?.run())
}

/// 200 once the node is ready, 503 before; the same body both times.
async fn health(app: Shared) -> Result<HttpResponse, WebError> {
    let chains = Heights::of(&app.chains);
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
