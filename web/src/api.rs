//! The API for banks: what parties shared with them by a signed grant, with proofs, over HTTPS and JSON.
//!
//! A client gets a token at `/oauth/token` ([`token`]), for the organisation that it belongs to. Everything else is
//! under `/api/v1`: each request is counted ([`meter`]), authorised ([`caller`]), read strictly ([`query`]), and
//! answered with the types of [`wire`] or with a [`problem`]. The document at `/api/v1/openapi.json` is generated from
//! this code ([`openapi`]).

use actix_web::web;

pub mod caller;
pub mod chains;
pub mod idempotency;
pub mod meter;
pub mod openapi;
pub mod organisation;
pub mod problem;
pub mod query;
pub mod settlement;
#[cfg(test)]
mod tests;
pub mod token;
pub mod transaction;
pub mod wanted;
pub mod wire;

use crate::api::meter::Meter;
use crate::api::problem::Problem;
use crate::api::token::Tokens;
use crate::app::Settings;
use crate::limit::Door;

/// The most bytes of a request's body: a transaction of 1 MiB in hexadecimal, and a little.
pub const MAX_BODY_BYTES: usize = (2 << 20) + 1024;

/// What the API keeps in memory.
pub struct State {
    pub(crate) tokens: Tokens,
    /// Where clients get them.
    pub(crate) door: Door,
    pub(crate) meter: Meter,
}

impl State {
    /// Nothing counted yet; tokens are signed with the node's key.
    #[must_use]
    pub fn new(settings: &Settings) -> State {
        State {
            tokens: Tokens::new(settings.token_seed),
            door: Door::new(token::FAILURES_PER_ORIGIN),
            meter: Meter::default(),
        }
    }
}

/// A resource with the one method that it has; any other is answered 405, naming it.
macro_rules! resource {
    ($config:ident, $path:literal, $method:ident $allow:literal => $handler:path) => {
        $config.service(
            web::resource($path)
                .route(web::$method().to($handler))
                .default_service(web::to(|| async { Err::<String, _>(Problem::method($allow)) })),
        );
    };
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    resource!(config, "/oauth/token", post "POST" => token::issue);
    config.service(
        web::scope("/api/v1")
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .configure(|config| {
                resource!(config, "/openapi.json", get "GET" => openapi::document);
                resource!(config, "/chains", get "GET" => chains::heights);
                resource!(config, "/organisations", get "GET" => organisation::list);
                resource!(config, "/organisations/{id}", get "GET" => organisation::one);
                resource!(config, "/settlements", get "GET" => settlement::list);
                resource!(config, "/settlements/{id}", get "GET" => settlement::one);
                resource!(config, "/settlements/{id}/proof", get "GET" => settlement::proof);
                config.service(
                    web::resource("/confidence")
                        .route(web::get().to(wanted::wanted))
                        .route(web::put().to(wanted::want))
                        .default_service(web::to(|| async { Err::<String, _>(Problem::method("GET, PUT")) })),
                );
                resource!(config, "/receivables", get "GET" => settlement::receivables);
                resource!(config, "/credit-reports/{party}", get "GET" => organisation::credit_report);
                resource!(config, "/transactions", post "POST" => transaction::submit);
                resource!(config, "/transactions/{chain}/{id}", get "GET" => transaction::stand);
            })
            .default_service(web::to(|| async { Err::<String, _>(Problem::not_found()) })),
    );
    config.service(
        web::scope("/api").default_service(web::to(|| async { Err::<String, _>(Problem::not_found()) })),
    );
}
