//! From what a form asks for to a signed transaction: terms, bytes to sign, submission, and the wait for the receipt.
//!
//! The server never holds a key. It renders what the chain says the request means, the browser (or the wallet)
//! compares the hash of that text with the one inside the bytes, and signs.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use askama::Template;
use borsh::BorshSerialize;
use ledger::account::account as ledger_account;
use ledger::transaction::{VERSION, terms_hash};
use ledger::{
    Address, Body, Hash, Ledger, PublicKey, Refusal, Scope, Signature, SubChain, SubmitError, Transaction,
};
use serde::Serialize;

use crate::accounts;
use crate::app::{App, Posted, Shared};
use crate::clock;
use crate::error::{WebError, encode_query};
use crate::model::Model;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;

/// How often, and in which steps, a submission looks whether the read model has come as far as the chain.
const PATIENCE: usize = 100;
const STEP: Duration = Duration::from_millis(50);

/// For how many blocks what was signed stays good.
const GOOD_FOR_BLOCKS: u64 = 2_000;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/sign", web::post().to(submit))
        .route("/sign/with", web::post().to(with_key))
        .route("/tx/{chain}/{id}.json", web::get().to(progress))
        .route("/tx/{chain}/{id}", web::get().to(wait));
}

/// A request that only lacks a signature.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The chain that it is for.
    pub chain: SubChain,
    /// What the chain says that it means.
    pub terms: String,
    /// What is to be signed, with `body.key`.
    pub body: Body,
}

impl Proposal {
    /// Asks `chain` what `payload` means for `account` and makes it ready for the signature of `key`.
    ///
    /// # Errors
    /// The chain's [`Refusal`], when it would surely not do it.
    pub fn new(
        app: &App,
        chain: SubChain,
        account: Address,
        key: PublicKey,
        payload: Vec<u8>,
    ) -> Result<Proposal, Refusal> {
        Proposal::on(app.chains.get(chain), account, key, payload)
    }

    /// The same on a chain alone.
    ///
    /// # Errors
    /// The chain's [`Refusal`], when it would surely not do it.
    pub(crate) fn on(
        ledger: &Ledger,
        account: Address,
        key: PublicKey,
        payload: Vec<u8>,
    ) -> Result<Proposal, Refusal> {
        let sequence = ledger.next_sequence(account);
        ledger.view_head(|state, head| {
            let terms = ledger.application().terms(state, account, &payload)?;
            let body = Body {
                version: VERSION,
                chain: ledger.chain_id(),
                account,
                key,
                sequence,
                expires: head.height().plus(GOOD_FOR_BLOCKS),
                fee: 0,
                terms: terms_hash(&terms),
                payload,
            };
            ledger.application().check(state, &body)?;
            Ok(Proposal { chain: ledger.chain(), terms, body })
        })
    }
}

/// The keys that may sign for `account` on `chain`; before that chain has heard of it, those that its login made.
fn full_keys(app: &App, chain: SubChain, account: Address, made: &[(String, String)]) -> Vec<PublicKey> {
    let known = app.chains.get(chain).view(|state| ledger_account(state, account)).keys;
    match known {
        Some(keys) => keys.iter().filter(|key| key.scope == Scope::Full).map(|key| key.key).collect(),
        None => made
            .iter()
            .filter_map(|(key, _)| key.parse::<PublicKey>().ok())
            .filter(|key| key.address() == account)
            .collect(),
    }
}

/// What a handler wants signed.
pub(crate) struct Wish<'a, P> {
    /// By which chain it is done.
    pub(crate) chain: SubChain,
    /// What is asked.
    pub(crate) payload: &'a P,
    /// What the page says, for instance `You cancel your offer 7`.
    pub(crate) headline: String,
    /// Where to go once it is done.
    pub(crate) next: String,
}

/// Shows the terms and asks for the signature.
///
/// # Errors
/// [`WebError::Refused`] when the chain would not do it; handlers with a form put that beside the field.
pub(crate) async fn ask<P: BorshSerialize>(
    app: &App,
    visitor: &Visitor,
    wish: Wish<'_, P>,
) -> Result<HttpResponse, WebError> {
    let payload = ledger::hash::encode(wish.payload);
    show_terms(app, visitor, wish.chain, payload, None, wish.headline, wish.next, None).await
}

#[derive(Template)]
#[template(path = "sign.html")]
struct SignPage {
    page: Page,
    headline: String,
    terms: String,
    terms_file: String,
    names: Vec<(String, String)>,
    chain: &'static str,
    account: String,
    key: String,
    sequence: u64,
    expires: u64,
    terms_hash: String,
    payload: String,
    signing_bytes: String,
    next: String,
    keys: Vec<String>,
    fault: String,
}

#[expect(clippy::too_many_arguments, reason = "one private step behind three entrances")]
async fn show_terms(
    app: &App,
    visitor: &Visitor,
    chain: SubChain,
    payload: Vec<u8>,
    key: Option<PublicKey>,
    headline: String,
    next: String,
    fault: Option<String>,
) -> Result<HttpResponse, WebError> {
    let account = visitor.address()?;
    let user = visitor.user()?.id;
    let made = app.read(move |connection| Ok(accounts::key_labels(connection, user)?)).await?;
    let keys = full_keys(app, chain, account, &made);
    let chosen = key
        .filter(|key| keys.contains(key))
        .or_else(|| visitor.browser_keys.iter().copied().find(|key| keys.contains(key)))
        .or_else(|| keys.first().copied())
        .ok_or(WebError::Forbidden { needs: "an account with a signing key" })?;
    let proposal = Proposal::new(app, chain, account, chosen, payload)?;
    let bytes = proposal.body.signing_bytes();
    let named = accounts_in(&proposal.terms);
    let names = app.read(move |connection| Ok(Model::new(connection).names_of(&named)?)).await?;
    page::html(&SignPage {
        page: visitor.page("Read the terms and sign"),
        headline,
        chain: chain.name(),
        account: account.to_string(),
        key: chosen.to_string(),
        sequence: proposal.body.sequence,
        expires: proposal.body.expires.0,
        terms_hash: proposal.body.terms.to_string(),
        payload: hex::encode(&proposal.body.payload),
        signing_bytes: hex::encode(bytes),
        names: names.into_iter().collect(),
        terms_file: encode_query(&proposal.terms),
        terms: proposal.terms,
        next,
        keys: keys.iter().map(ToString::to_string).filter(|key| *key != chosen.to_string()).collect(),
        fault: fault.unwrap_or_default(),
    })
}

/// The accounts that a text names, each once.
fn accounts_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let accounts = words.filter(|word| word.starts_with("0x") && word.parse::<Address>().is_ok());
    accounts.map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().take(64).collect()
}

/// A path of this site; anything else leads home.
pub(crate) fn local(next: &str) -> &str {
    // Browsers drop tabs and line ends from an address, so a path that holds one may not be the path that it seems.
    let odd = |c: char| c == '\\' || c.is_ascii_control() || c.is_whitespace();
    let inside = next.starts_with('/') && !next.starts_with("//") && !next.contains(odd);
    if inside { next } else { "/" }
}

/// The same request, for another key of the account.
async fn with_key(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    let chain = form.required::<SubChain>("chain");
    let key = form.required::<PublicKey>("key");
    let payload =
        hex::decode(form.value("payload")).map_err(|_| WebError::bad("payload", "not hexadecimal"))?;
    let (Some(chain), Some(key)) = (chain, key) else {
        return Err(WebError::bad("key", "expected a chain and 64 hexadecimal digits of a public key"));
    };
    let (headline, next) = (form.value("headline").to_owned(), local(form.value("next")).to_owned());
    show_terms(&app, &visitor, chain, payload, Some(key), headline, next, None).await
}

async fn submit(visitor: Visitor, app: Shared, Posted(form): Posted) -> Result<HttpResponse, WebError> {
    let account = visitor.address()?;
    let chain: SubChain = form
        .value("chain")
        .parse()
        .map_err(|error: ledger::moment::UnknownChain| WebError::bad("chain", error.to_string()))?;
    let bytes = hex::decode(form.value("signing_bytes"))
        .map_err(|_| WebError::bad("signing_bytes", "not hexadecimal"))?;
    let body = Body::from_signing_bytes(&bytes)
        .map_err(|error| WebError::bad("signing_bytes", error.to_string()))?;
    if body.account != account {
        return Err(WebError::Forbidden { needs: "the account that the transaction names" });
    }
    let next = local(form.value("next")).to_owned();
    let headline = form.value("headline").to_owned();
    let (payload, key) = (body.payload.clone(), body.key);
    let again = |fault: String| {
        show_terms(&app, &visitor, chain, payload, Some(key), headline, next.clone(), Some(fault))
    };
    let Ok(signature) = form.value("signature").parse::<Signature>() else {
        return again("A signature has 128 hexadecimal digits.".to_owned()).await;
    };
    let ledger = match chain {
        SubChain::Identity => &app.chains.identity,
        SubChain::Data => &app.chains.data,
        SubChain::Payment => &app.chains.payment,
    }
    .clone();
    let transaction = Transaction { body, signature };
    let id = transaction.id();
    let submitted = web::block(move || ledger.submit(transaction)).await?;
    let fault = match submitted {
        Ok(_) | Err(SubmitError::Duplicate) => None,
        // It may be this very request that used the number: a browser that lost our answer sends it once more.
        Err(SubmitError::Used { .. }) if was_executed(&app, chain, id).await? => None,
        Err(fault) => Some(fault),
    };
    match fault {
        None => Ok(HttpResponse::SeeOther()
            .insert_header(("Location", format!("/tx/{chain}/{id}?next={}", encode_query(&next))))
            .finish()),
        Some(fault) => again(crate::form::sentence(&fault.to_string())).await,
    }
}

/// Whether a block that the chain has made by now holds this transaction. Waits until the read model has come as far.
///
/// # Errors
/// [`WebError::Unavailable`] when it does not come that far soon: the answer would be a guess.
async fn was_executed(app: &App, chain: SubChain, id: Hash) -> Result<bool, WebError> {
    let made = app.chains.get(chain).head().height();
    for _ in 0..PATIENCE {
        let (written, found) = app
            .read(move |connection| {
                let mut model = Model::new(connection);
                Ok((model.height(chain)?, model.transaction(chain, id)?.is_some()))
            })
            .await?;
        if found || written.is_some_and(|written| written >= i64::try_from(made.0).unwrap_or(i64::MAX)) {
            return Ok(found);
        }
        tokio::time::sleep(STEP).await;
    }
    Err(WebError::Unavailable("The record of what was signed"))
}

/// How a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Progress {
    /// Waits for a block, or its block is being written to the read model.
    Waiting,
    /// Done.
    Done {
        /// The block that did it.
        height: i64,
    },
    /// Refused; nothing changed.
    Refused {
        /// The block that refused it.
        height: i64,
        /// Which field was at fault.
        field: String,
        /// Why, and what to do.
        reason: String,
    },
}

async fn stand(app: &App, visitor: &Visitor, chain: SubChain, id: Hash) -> Result<Progress, WebError> {
    let account = visitor.address()?.to_string();
    let found = app.read(move |connection| Ok(Model::new(connection).transaction(chain, id)?)).await?;
    match found {
        None => Ok(Progress::Waiting),
        Some(found) if found.account != account => Err(WebError::NotFound),
        Some(found) if found.outcome == "done" => Ok(Progress::Done { height: found.height }),
        Some(found) => Ok(Progress::Refused {
            height: found.height,
            field: found.field.unwrap_or_default(),
            reason: found.reason.unwrap_or_default(),
        }),
    }
}

fn place(path: &(String, String)) -> Result<(SubChain, Hash), WebError> {
    let chain = path.0.parse().map_err(|_| WebError::NotFound)?;
    let id = path.1.parse().map_err(|_| WebError::NotFound)?;
    Ok((chain, id))
}

async fn progress(
    visitor: Visitor,
    app: Shared,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let (chain, id) = place(&path)?;
    let progress = stand(&app, &visitor, chain, id).await?;
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(progress))
}

#[derive(Template)]
#[template(path = "wait.html")]
struct WaitPage {
    page: Page,
    chain: &'static str,
    id: String,
    next: String,
    progress: Progress,
    now: String,
}

async fn wait(
    visitor: Visitor,
    app: Shared,
    path: web::Path<(String, String)>,
    query: web::Query<std::collections::BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    let (chain, id) = place(&path)?;
    let next = local(query.get("next").map_or("/", String::as_str)).to_owned();
    let progress = stand(&app, &visitor, chain, id).await?;
    if matches!(progress, Progress::Done { .. }) {
        return Ok(HttpResponse::SeeOther().insert_header(("Location", next)).finish());
    }
    page::html(&WaitPage {
        page: visitor.page(match progress {
            Progress::Refused { .. } => "Refused",
            Progress::Waiting | Progress::Done { .. } => "Waiting for the receipt",
        }),
        chain: chain.name(),
        id: id.to_string(),
        next,
        progress,
        now: show::date_time(i64::try_from(clock::now().0).unwrap_or(i64::MAX)),
    })
}
