//! The pages of traders, of the operator and of gateways.

use actix_web::web;

use crate::accounts::User;
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::session::{self, PartyFacts};

mod entry;

/// The login behind a session cookie, and what the chains say of its company.
pub(crate) fn facts(
    connection: &mut AnyConnection,
    token: &str,
) -> Result<(Option<User>, Option<PartyFacts>), WebError> {
    let user = session::find(connection, token)?;
    Ok((user, None))
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.configure(entry::routes);
}
