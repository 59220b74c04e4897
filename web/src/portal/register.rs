//! Registration of the company on the identity chain, and what stands there about it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use identity_chain::Payload;
use identity_chain::payload::Registration;
use ledger::{Address, SubChain};
use vocabulary::{Role, Roles, Standing};

use crate::app::{Posted, Shared};
use crate::clock;
use crate::error::WebError;
use crate::form::{Form, sentence};
use crate::model::Model;
use crate::model::party::{CreditEntry, Party};
use crate::page::{self, Page};
use crate::places::{country_code, place_code};
use crate::portal::entry::see_other;
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/register", web::get().to(register_page))
        .route("/register", web::post().to(register))
        .route("/account", web::get().to(account_page))
        .route("/account/share", web::post().to(share_credit));
}

#[derive(Template)]
#[template(path = "portal/register.html")]
struct RegisterPage {
    page: Page,
    form: Form,
}

async fn register_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?.clone();
    let Some(address) = user.address() else { return Ok(see_other("/keys")) };
    let party = app.read(move |connection| Ok(Model::new(connection).party(&address.to_string())?)).await?;
    if party.is_some_and(|party| party.standing() != Standing::Refused) {
        return Ok(see_other("/account"));
    }
    let mut form = Form::default();
    form.set("company", user.company);
    form.set("registration_number", user.registration_number);
    form.set("country", user.country);
    form.set("place", user.place);
    form.set("lei", user.lei.unwrap_or_default());
    page::html(&RegisterPage { page: visitor.page("Register the company"), form })
}

/// Reads a registration form.
pub(crate) fn read_registration(form: &mut Form, roles: Roles) -> Option<Registration> {
    form.spell("country", country_code);
    form.spell("place", place_code);
    form.set("lei", form.value("lei").replace(' ', "").to_ascii_uppercase());
    let name = form.required("company");
    let registration_number = form.required("registration_number");
    let country = form.required("country");
    let place = form.optional("place");
    let lei = form.optional("lei");
    if form.has_errors() {
        return None;
    }
    Some(Registration {
        name: name?,
        registration_number: registration_number?,
        country: country?,
        place,
        lei,
        roles,
    })
}

/// Puts a chain's refusal beside the form field that it is about.
pub(crate) fn blame(form: &mut Form, refusal: &ledger::Refusal, fields: &[(&str, &str)]) {
    let field = fields.iter().find(|(chain, _)| *chain == refusal.field).map_or("form", |(_, field)| *field);
    form.refuse(field, sentence(&refusal.reason));
}

async fn register(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    let roles = crate::accounts::roles_of(visitor.user()?.roles);
    if let Some(registration) = read_registration(&mut form, roles) {
        let wish = Wish {
            chain: SubChain::Identity,
            payload: &Payload::Register(registration),
            headline: "You register your company".to_owned(),
            next: "/".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => blame(
                &mut form,
                &refusal,
                &[
                    ("name", "company"),
                    ("registration_number", "registration_number"),
                    ("country", "country"),
                    ("place", "place"),
                    ("lei", "lei"),
                ],
            ),
            other => return other,
        }
    }
    page::html_with(
        StatusCode::UNPROCESSABLE_ENTITY,
        &RegisterPage { page: visitor.page("Register the company"), form },
    )
}

struct CreditRow {
    when: String,
    what: &'static str,
    good: bool,
    value: String,
    about: String,
}

struct GrantRow {
    name: String,
    address: String,
    until: String,
}

#[derive(Template)]
#[template(path = "portal/account.html")]
struct AccountPage {
    page: Page,
    form: Form,
    company: String,
    email: String,
    address: String,
    party: Option<Party>,
    standing: &'static str,
    roles: String,
    settled_value: String,
    credit: Vec<CreditRow>,
    grants: Vec<GrantRow>,
    banks: Vec<(String, String)>,
}

fn credit_row(entry: &CreditEntry) -> CreditRow {
    let (what, good) = match entry.conduct.as_str() {
        "settled" => ("settled its leg", true),
        "lapsed" => ("let the time to sign pass", false),
        "declined" => ("declined a ring", false),
        _ => ("declared a false value", false),
    };
    CreditRow {
        when: show::date(entry.at_ms),
        what,
        good,
        value: show::usd(entry.value_micro_usd.get()),
        about: show::short(&entry.about),
    }
}

async fn render_account(visitor: &Visitor, app: &Shared, form: Form) -> Result<AccountPage, WebError> {
    let user = visitor.user()?.clone();
    let address = user.address().map(|address| address.to_string()).unwrap_or_default();
    let own = address.clone();
    let (party, credit, grants, banks, names) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let party = model.party(&own)?;
            let credit = model.credit_entries(&own, None, 20)?.rows;
            let grants = model.credit_grants_by(&own)?;
            let banks = bank_names(&mut model)?;
            let names = model.names_of(&grants.iter().map(|g| g.with_party.clone()).collect::<Vec<_>>())?;
            Ok((party, credit, grants, banks, names))
        })
        .await?;
    let now = crate::accounts::millis();
    Ok(AccountPage {
        page: visitor.page("Account"),
        form,
        company: user.company,
        email: user.email,
        address,
        standing: party.as_ref().map_or("not registered yet", |party| party.standing().name()),
        roles: party.as_ref().map_or(String::new(), |party| party.roles.replace(' ', ", ")),
        settled_value: show::usd(party.as_ref().map_or(0, |party| party.settled_micro_usd.get())),
        party,
        credit: credit.iter().map(credit_row).collect(),
        grants: grants
            .iter()
            .filter(|grant| grant.until_ms > now)
            .map(|grant| GrantRow {
                name: names.get(&grant.with_party).cloned().unwrap_or_default(),
                address: grant.with_party.clone(),
                until: show::date(grant.until_ms),
            })
            .collect(),
        banks,
    })
}

/// Addresses and names of all admitted banks.
pub(crate) fn bank_names(model: &mut Model<'_>) -> Result<Vec<(String, String)>, WebError> {
    let admitted = model.parties_standing(Standing::Admitted)?;
    Ok(admitted
        .into_iter()
        .filter(|party| party.has_role(Role::Bank))
        .map(|party| (party.address, party.name))
        .collect())
}

async fn account_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    page::html(&render_account(&visitor, &app, Form::default()).await?)
}

/// Reads with whom something is shared and until when; the button `withdraw` means: no longer.
pub(crate) fn read_share(form: &mut Form) -> Option<(Address, ledger::Timestamp)> {
    let with = form.required::<Address>("with");
    if form.ticked("withdraw") {
        return with.map(|with| (with, ledger::Timestamp(0)));
    }
    let until = show::end_of_day(form.value("until"));
    match until {
        None => form.refuse("until", "Choose a date."),
        Some(until) if until <= clock::now().0 => {
            form.refuse("until", "This day has passed: choose a later one.")
        }
        Some(_) => {}
    }
    if form.has_errors() {
        return None;
    }
    Some((with?, ledger::Timestamp(until?)))
}

async fn share_credit(
    visitor: Visitor,
    app: Shared,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    if let Some((with, until)) = read_share(&mut form) {
        let withdraw = until.0 == 0;
        let wish = Wish {
            chain: SubChain::Identity,
            payload: &Payload::ShareCredit { with, until },
            headline: if withdraw {
                "You stop sharing your credit record".to_owned()
            } else {
                "You share your credit record".to_owned()
            },
            next: "/account".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => {
                blame(&mut form, &refusal, &[("with", "with"), ("until", "until")]);
            }
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &render_account(&visitor, &app, form).await?)
}
