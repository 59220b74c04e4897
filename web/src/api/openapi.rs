//! The description of the API for programs, generated from the code.

use actix_web::HttpResponse;
use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::problem::Problem;
use super::token::SCOPES;

/// The API's description (OpenAPI 3.1).
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Permuta bank API",
        version = "1",
        description = "What parties shared with a bank by a signed grant: settlements, claims, credit records and \
                       their proofs. Amounts are exact decimal texts. Errors are problem details (RFC 9457). Each \
                       client may send 600 requests a minute."
    ),
    paths(
        super::token::issue,
        super::chains::heights,
        super::organisation::list,
        super::organisation::one,
        super::organisation::credit_report,
        super::settlement::list,
        super::settlement::one,
        super::settlement::proof,
        super::settlement::receivables,
        super::wanted::wanted,
        super::wanted::want,
        super::transaction::submit,
        super::transaction::stand,
    ),
    modifiers(&Security),
    tags(
        (name = "tokens", description = "Access tokens"),
        (name = "organisations", description = "The register"),
        (name = "settlements", description = "What was shared"),
        (name = "credit", description = "Credit records that were shared"),
        (name = "transactions", description = "Handing in what your organisation signed"),
        (name = "chains", description = "Heights and hashes"),
    )
)]
pub struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let flow = ClientCredentials::new("/oauth/token", Scopes::from_iter(SCOPES));
        let scheme = SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]));
        description.components.get_or_insert_default().add_security_scheme("oauth", scheme);
    }
}

pub(crate) async fn document() -> Result<HttpResponse, Problem> {
    let text = Description::openapi().to_json().map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "public, max-age=300"))
        .content_type("application/json")
        .body(text))
}
