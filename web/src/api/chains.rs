//! Where the chains stand: what anyone may know.

use actix_web::{HttpRequest, HttpResponse};
use ledger::SubChain;

use super::problem::Problem;
use super::query::Query;
use super::wire::{ChainHead, Chains, rfc3339};
use crate::app::Shared;
use crate::model::Model;
use crate::sure::confidence;

/// Where each chain stands
///
/// # Errors
/// [`Problem`].
#[utoipa::path(
    get,
    path = "/api/v1/chains",
    tag = "chains",
    responses((status = 200, description = "Heights, hashes and grades", body = Chains)),
    security(())
)]
pub async fn heights(request: HttpRequest, app: Shared) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let heads = app
        .read(|connection| {
            let mut model = Model::new(connection);
            let mut heads = Vec::new();
            for chain in SubChain::ALL {
                heads.push((chain, model.head(chain)?));
            }
            Ok(heads)
        })
        .await?;
    let chains = heads
        .into_iter()
        .filter_map(|(chain, head)| {
            let head = head?;
            Some(ChainHead {
                chain: head.chain,
                id: app.chains.get(chain).chain_id().to_string(),
                height: head.height,
                hash: head.hash,
                time: rfc3339(head.time_ms),
                state_root: head.state_root,
                grade: head.grade,
                confidence: confidence(&app, chain, head.height),
            })
        })
        .collect();
    let genesis = app.chains.payment.genesis().hash().to_string();
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(Chains { genesis, chains }))
}
