//! Keys of a login: the first one makes the account, a one-time code enrols further browsers.

use actix_web::{HttpResponse, web};
use askama::Template;
use identity_chain::Payload;
use ledger::account::account as ledger_account;
use ledger::{Address, KeyPair, PublicKey, Scope, Signature, SubChain, Timestamp};
use serde::Serialize;
use vocabulary::Text;

use crate::accounts::{self, User};
use crate::app::{Posted, Shared};
use crate::clock;
use crate::error::WebError;
use crate::form::{Form, sentence};
use crate::model::Model;
use crate::page::{self, Page};
use crate::portal::entry::see_other;
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Proposal, Wish, local};

/// What goes in front of the bytes by which a browser shows that it holds a key.
const PROOF: &[u8] = b"permuta/1/portal-key";
/// How long a one-time code that is made here stays good.
const CODE_HOURS: u64 = 24;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/keys", web::get().to(keys_page))
        .route("/keys", web::post().to(first_key))
        .route("/keys/propose", web::post().to(propose))
        .route("/keys/remove", web::post().to(remove));
}

/// A key as the page shows it.
struct KeyRow {
    key: String,
    short: String,
    label: String,
    scope: String,
    removable: bool,
}

#[derive(Template)]
#[template(path = "portal/keys.html")]
struct KeysPage {
    page: Page,
    account: Option<String>,
    company: String,
    registered: bool,
    keys: Vec<KeyRow>,
    code_hours: u64,
    code: String,
    next: String,
}

/// The one-time code that the demonstration gives this login, while it is still good.
pub(crate) fn demo_code(app: &Shared, user: &User) -> Option<String> {
    let account = user.address()?;
    let logins = &app.settings.demo.as_ref()?.logins;
    let code = logins.iter().find(|login| login.email == user.email)?.code.as_ref()?;
    let key = KeyPair::from_code(code).public();
    is_code(app, account, key, clock::now()).then(|| code.clone())
}

async fn keys_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<std::collections::BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?.clone();
    let account = user.address();
    let id = user.id;
    let (labels, on_chain) = app
        .read(move |connection| {
            let labels = accounts::key_labels(connection, id)?;
            let keys = match account {
                Some(account) => Model::new(connection).keys_of(&account.to_string())?,
                None => Vec::new(),
            };
            Ok((labels, keys))
        })
        .await?;
    let label = |key: &str| labels.iter().find(|(known, _)| known == key).map(|(_, label)| label.clone());
    let full = on_chain.iter().filter(|key| key.scope == "full").count();
    let mut keys: Vec<KeyRow> = on_chain
        .iter()
        .map(|key| KeyRow {
            short: show::short(&key.key),
            label: label(&key.key).unwrap_or_else(|| match key.until_ms {
                Some(_) => "One-time code".to_owned(),
                None => "A key without a name here".to_owned(),
            }),
            scope: match key.until_ms {
                None => "signs everything".to_owned(),
                Some(until) => format!("enrols one browser until {}", show::date_time(until)),
            },
            removable: key.scope != "full" || full > 1,
            key: key.key.clone(),
        })
        .collect();
    if keys.is_empty() {
        keys = labels
            .iter()
            .map(|(key, label)| KeyRow {
                key: key.clone(),
                short: show::short(key),
                label: label.clone(),
                scope: "waits for your registration".to_owned(),
                removable: false,
            })
            .collect();
    }
    let mut page = visitor.page("Keys");
    if account.is_some() && on_chain.is_empty() {
        page = page.notice("Your key is made. Next, register your company with it.");
    }
    page::html(&KeysPage {
        page,
        account: account.map(|account| account.to_string()),
        company: user.company.clone(),
        registered: !on_chain.is_empty(),
        keys,
        code_hours: CODE_HOURS,
        code: demo_code(&app, &user).unwrap_or_default(),
        next: local(query.get("next").map_or("/keys", String::as_str)).to_owned(),
    })
}

/// What a script is told.
#[derive(Serialize)]
struct Fault {
    reason: String,
}

fn fault(reason: impl Into<String>) -> HttpResponse {
    HttpResponse::UnprocessableEntity().json(Fault { reason: sentence(&reason.into()) })
}

#[derive(Serialize)]
struct Account {
    account: String,
}

/// The name that somebody gives a key.
fn label(form: &Form) -> String {
    form.value("label")
        .parse::<Text<40>>()
        .map_or_else(|_| "A key without a name".to_owned(), |label| label.to_string())
}

/// What the holder of a key signs to bind a login to it: a tag of 32 bytes and the token of the page's forms.
#[must_use]
pub fn proof_bytes(csrf: &str) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    bytes[..PROOF.len()].copy_from_slice(PROOF);
    bytes.extend_from_slice(csrf.as_bytes());
    bytes
}

/// Binds the login to the account of its first key, once its browser has shown that it holds the key.
async fn first_key(visitor: Visitor, app: Shared, Posted(form): Posted) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?;
    // A script asks for JSON; a form without one is led on, or told what is wrong on a page.
    let plain = form.ticked("plain");
    let wrong = |field: &str, reason: &str| match plain {
        true => Err(WebError::bad(field, reason)),
        false => Ok(fault(reason)),
    };
    if user.address().is_some() {
        return wrong("key", "this login has an account already: enrol this browser with a one-time code");
    }
    let Ok(key) = form.value("public_key").parse::<PublicKey>() else {
        return wrong("public key", "a key has 64 hexadecimal digits: load the page again");
    };
    let Ok(proof) = form.value("proof").parse::<Signature>() else {
        return wrong("proof", "a proof has 128 hexadecimal digits: load the page again");
    };
    if key.verify(&proof_bytes(&visitor.csrf), &proof).is_err() {
        return wrong("proof", "the proof is not that of the key and this page: load the page again");
    }
    let (id, name) = (user.id, label(&form));
    app.read(move |connection| Ok(accounts::set_key(connection, id, key, &name)?)).await?;
    if plain {
        return Ok(see_other("/register"));
    }
    Ok(HttpResponse::Ok().json(Account { account: key.address().to_string() }))
}

/// What a script needs to sign: the text that it shows, and the bytes that must cover it.
#[derive(Serialize)]
struct Prepared {
    chain: &'static str,
    terms: String,
    signing_bytes: String,
}

async fn propose(visitor: Visitor, app: Shared, Posted(form): Posted) -> Result<HttpResponse, WebError> {
    let account = visitor.address()?;
    let (Ok(key), Ok(signer)) =
        (form.value("key").parse::<PublicKey>(), form.value("signer").parse::<PublicKey>())
    else {
        return Ok(fault("a key has 64 hexadecimal digits"));
    };
    let payload = match form.value("kind") {
        "invite" => Payload::InviteKey { code: key, until: clock::now().plus_ms(CODE_HOURS * 3_600_000) },
        "enrol" => {
            if !is_code(&app, account, signer, clock::now()) {
                return Ok(fault(
                    "this code is not known for your account, was used already, or has run out: ask for a new one",
                ));
            }
            let (user, name) = (visitor.user()?.id, label(&form));
            app.read(move |connection| Ok(accounts::note_key(connection, user, key, &name)?)).await?;
            Payload::EnrolKey { key }
        }
        _ => return Ok(fault("expected invite or enrol")),
    };
    match Proposal::new(&app, SubChain::Identity, account, signer, ledger::hash::encode(&payload)) {
        Ok(proposal) => Ok(HttpResponse::Ok().json(Prepared {
            chain: SubChain::Identity.name(),
            signing_bytes: hex::encode(proposal.body.signing_bytes()),
            terms: proposal.terms,
        })),
        Err(refusal) => Ok(fault(refusal.reason)),
    }
}

fn is_code(app: &Shared, account: Address, key: PublicKey, now: Timestamp) -> bool {
    let known = app.chains.identity.view(|state| ledger_account(state, account));
    matches!(known.scope(account, key, now), Some(Scope::EnrolOnce { .. }))
}

async fn remove(visitor: Visitor, app: Shared, Posted(form): Posted) -> Result<HttpResponse, WebError> {
    let Ok(key) = form.value("key").parse::<PublicKey>() else { return Ok(see_other("/keys")) };
    let wish = Wish {
        chain: SubChain::Identity,
        payload: &Payload::RemoveKey { key },
        headline: "You take a key from your account".to_owned(),
        next: "/keys".to_owned(),
    };
    signing::ask(&app, &visitor, wish).await
}
