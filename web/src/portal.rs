//! The pages of traders, of the operator and of gateways. Each answers one question, in its headline.

use actix_web::web;
use vocabulary::{Role, Standing};

use crate::accounts::{User, roles_of};
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::model::Model;
use crate::session::{self, PartyFacts};

mod deals;
mod desk;
mod documents;
mod entry;
mod explained;
mod goods;
mod history;
mod home;
mod keys;
mod legs;
mod market;
mod offers;
mod register;
mod stock;

/// The login behind a session cookie, and what the chains say of its company.
pub(crate) fn facts(
    connection: &mut AnyConnection,
    token: &str,
) -> Result<(Option<User>, Option<PartyFacts>), WebError> {
    let Some(user) = session::find(connection, token)? else { return Ok((None, None)) };
    let Some(address) = user.address() else { return Ok((Some(user), None)) };
    let address = address.to_string();
    let mut model = Model::new(connection);
    let Some(party) = model.party(&address)? else { return Ok((Some(user), None)) };
    let to_sign = model.contracts_to_sign(&address)?.len();
    let to_answer = if party.acts_as(Role::Operator) {
        model.parties_standing(Standing::Pending)?.len()
    } else if party.acts_as(Role::Gateway) {
        model.requests_for(&address)?.len()
    } else {
        0
    };
    let roles = role_set(&party.roles).unwrap_or_else(|| roles_of(user.roles));
    let facts = PartyFacts { standing: party.standing(), roles, to_sign, to_answer };
    Ok((Some(user), Some(facts)))
}

fn role_set(names: &str) -> Option<vocabulary::Roles> {
    let roles: Vec<Role> =
        Role::ALL.into_iter().filter(|role| names.split(' ').any(|name| name == role.name())).collect();
    (!roles.is_empty()).then(|| vocabulary::Roles::of(&roles))
}

pub(crate) use documents::routes as documents;
pub(crate) use offers::{LiveBook, Reasons};

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(entry::routes)
        .configure(keys::routes)
        .configure(register::routes)
        .configure(home::routes)
        .configure(market::routes)
        .configure(goods::routes)
        .configure(offers::routes)
        .configure(deals::routes)
        .configure(history::routes)
        .configure(desk::routes);
}

#[cfg(test)]
mod tests;

pub use keys::proof_bytes;

#[doc(hidden)]
pub use fuzz::{fuzz_offer_form, fuzz_registration_form};

mod fuzz {
    use super::{desk, goods, offers, register};
    use crate::form::Form;

    /// Reads arbitrary bytes as a registration and as what follows from one.
    pub fn fuzz_registration_form(bytes: &[u8]) {
        if let Ok(mut form) = Form::parse(bytes) {
            let _ = super::entry::read_sign_up(&mut form.clone());
            let _ = register::read_share(&mut form.clone());
            let _ = desk::read_decision(&mut form.clone());
            let _ = register::read_registration(&mut form, vocabulary::Roles::default());
        }
    }

    /// Reads arbitrary bytes as goods and as an offer.
    pub fn fuzz_offer_form(bytes: &[u8]) {
        if let Ok(mut form) = Form::parse(bytes) {
            let _ = goods::read_product(&mut form.clone());
            let _ = offers::read_terms(&mut form, 3, 3);
        }
    }
}
