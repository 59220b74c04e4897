//! Who calls: a client with a good token, whose organisation may still act as a bank.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};
use vocabulary::Role;

use super::problem::Problem;
use crate::app::Shared;
use crate::clock;
use crate::model::Model;

/// A client that may call. A token alone is not enough: revocation and suspension count at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The client.
    pub client: String,
    /// The account of its organisation, as text.
    pub account: String,
    /// What its token covers.
    scope: String,
}

impl Caller {
    /// Checks that the token covers `scope`.
    ///
    /// # Errors
    /// [`Problem`] when it does not.
    pub fn covers(&self, scope: &str) -> Result<(), Problem> {
        if self.scope.split(' ').any(|covered| covered == scope) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this needs a token with the scope {scope}")))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Caller, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<Shared>().cloned().ok_or_else(Problem::internal)?;
            let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| {
                Problem::unauthorised("send Authorization: Bearer and a token of /oauth/token")
            })?;
            let claims = app.api.tokens.read(token.trim()).ok_or_else(|| {
                Problem::unauthorised("the token is not one of ours, or it is over: get a new one")
            })?;
            app.api.meter.count(&claims.sub, clock::now().0).map_err(Problem::too_many)?;
            let (client, account) = (claims.sub.clone(), claims.account.clone());
            let good = app
                .read(move |connection| {
                    let mut model = Model::new(connection);
                    let known = model.oauth_client(&client)?;
                    let known =
                        known.is_some_and(|known| known.revoked_ms.is_none() && known.account == account);
                    Ok(known && model.party(&account)?.is_some_and(|party| party.acts_as(Role::Bank)))
                })
                .await?;
            if !good {
                return Err(Problem::unauthorised(
                    "the client was revoked, or its organisation is no admitted bank",
                ));
            }
            Ok(Caller { client: claims.sub, account: claims.account, scope: claims.scope })
        })
    }
}
