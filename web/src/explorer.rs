//! What anybody may see: heights, hashes, roots and grades, and whether something is on record. Contents are for
//! parties and supervisors. Beside it, one page of its own that checks proofs in the visitor's browser.

use std::sync::LazyLock;

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::light::ProvenCheckpoint;
use ledger::{Hash, SubChain};
use sha2::{Digest, Sha256};

use crate::app::{App, Shared};
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::language::Lang;
use crate::model::Model;
use crate::model::chain::Block;
use crate::model::column::integer;
use crate::model::market::Asset;
use crate::model::validator::{Surety, Validator};
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;
use crate::supervisor::{number, query};
use crate::sure::confidence;

#[cfg(test)]
mod tests;

/// The number of the asset in which bonds are paid.
const DEPOSIT: i64 = 1;
/// Blocks on a page.
const PER_PAGE: i64 = 50;

/// The page that checks proofs: whole in itself, so that it can be kept and its hash compared.
pub const VERIFY_PAGE: &str = include_str!("../static/verify.html");

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/explorer", web::get().to(overview))
        .route("/explorer/find", web::get().to(find))
        .route("/explorer/{chain}", web::get().to(chain))
        .route("/explorer/{chain}/{height}", web::get().to(block))
        .route("/verify", web::get().to(verify));
}

struct ChainRow {
    name: &'static str,
    what: &'static str,
    height: i64,
    hash: String,
    when: String,
    grade: String,
}

struct BlockRow {
    height: i64,
    hash: String,
    when: String,
    transactions: i64,
    messages: i64,
    grade: String,
}

impl BlockRow {
    fn new(app: &App, chain: SubChain, block: Block) -> BlockRow {
        BlockRow {
            height: block.height,
            when: show::date_time(block.time_ms),
            transactions: block.transactions,
            messages: block.messages,
            grade: grade(app, chain, block.height, block.signatures),
            hash: block.hash,
        }
    }
}

/// How sure a record is, in words.
fn grade(app: &App, chain: SubChain, height: i64, signatures: i64) -> String {
    let signed = show::counted(usize::try_from(signatures).unwrap_or(0), "validator", "validators");
    let sure = confidence(app, chain, height)
        .map_or_else(String::new, |sure| format!("; {}", sure.words(Lang::English)));
    format!("signed by {signed}{sure}")
}

/// One of those who decide, or did.
struct ValidatorRow {
    key: String,
    organisation: String,
    weight: i64,
    bond: String,
    state: String,
    bad: bool,
}

impl ValidatorRow {
    fn new(
        validator: Validator,
        name: Option<String>,
        sureties: &[Surety],
        deposit: &Asset,
        era: i64,
    ) -> Self {
        let Validator { key, organisation, weight, stand, from_era, banned_chain, banned_era, .. } =
            validator;
        let own = |surety: &&Surety| surety.validator == key && surety.organisation == organisation;
        let surety = sureties.iter().find(own);
        let bond = surety.map_or_else(
            || "none".to_owned(),
            |surety| {
                let amount = show::exact(surety.amount.amount(), deposit.places());
                let held = surety.free_from_ms.map(|from| format!(", held until {}", show::date_time(from)));
                format!("{amount} {}{}", deposit.name, held.unwrap_or_default())
            },
        );
        let bad = banned_chain.is_some();
        let state = match (stand.as_str(), banned_chain.zip(banned_era)) {
            (stand, Some((chain, at))) => {
                let goes = if stand == "decides" { "; decides until somebody else does" } else { "" };
                format!("banned: said two things at once on the {chain} chain in era {at}{goes}")
            }
            ("decides", None) if era < from_era => format!("decides from era {from_era}"),
            ("decides", None) => "decides".to_owned(),
            ("awaits-bond", None) => "admitted, waits for its bond".to_owned(),
            (_, None) if era < from_era => format!("leaves with era {from_era}"),
            (_, None) => "left".to_owned(),
        };
        ValidatorRow { organisation: name.unwrap_or(organisation), key, weight, bond, state, bad }
    }
}

fn what(chain: SubChain) -> &'static str {
    match chain {
        SubChain::Identity => "who trades",
        SubChain::Data => "what is traded",
        SubChain::Payment => "value",
    }
}

/// A checkpoint in words.
fn told(checkpoint: &ProvenCheckpoint) -> String {
    let ProvenCheckpoint { number, time, weight: (signed, total), covers } = checkpoint;
    let covers = covers.iter().map(|closing| format!("{} {}", closing.chain, closing.height));
    format!(
        "Number {number} of {}, signed by weight {signed} of {total}, covers {}.",
        show::date_time(i64::try_from(time.0).unwrap_or(i64::MAX)),
        covers.collect::<Vec<_>>().join(", ")
    )
}

#[derive(Template)]
#[template(path = "explorer/overview.html")]
struct Overview {
    page: Page,
    genesis: String,
    chains: Vec<ChainRow>,
    validators: Vec<ValidatorRow>,
    proposals: usize,
    checkpoint: String,
}

async fn overview(request: HttpRequest, visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    query(request.query_string(), &[])?;
    let (heads, validators, sureties, deposit) = app
        .read(|connection| {
            let mut model = Model::new(connection);
            let mut heads = Vec::new();
            for chain in SubChain::ALL {
                heads.push((chain, model.head(chain)?));
            }
            Ok((heads, model.validators()?, model.sureties()?, model.asset(DEPOSIT)?))
        })
        .await?;
    let era = integer(app.chains.identity.standing().era);
    let validators = deposit.map_or_else(Vec::new, |deposit| {
        let row = |(validator, name)| ValidatorRow::new(validator, name, &sureties, &deposit, era);
        validators.into_iter().map(row).collect()
    });
    let proposals = app.chains.identity.view(|state| identity_chain::view::proposals(state).len());
    let chains = heads
        .into_iter()
        .filter_map(|(chain, head)| {
            let head = head?;
            Some(ChainRow {
                name: chain.name(),
                what: what(chain),
                height: head.height,
                when: show::date_time(head.time_ms),
                grade: grade(&app, chain, head.height, head.signatures),
                hash: head.hash,
            })
        })
        .collect();
    let genesis = app.chains.payment.genesis().hash().to_string();
    let identity = app.chains.identity.clone();
    let checkpoint = web::block(move || identity.last_checkpoint()).await?;
    let checkpoint = checkpoint.ok().flatten().map_or_else(|| "None yet.".to_owned(), |last| told(&last));
    let page = visitor.page("Records");
    page::html(&Overview { page, genesis, chains, validators, proposals, checkpoint })
}

#[derive(Template)]
#[template(path = "explorer/chain.html")]
struct ChainPage {
    page: Page,
    name: &'static str,
    what: &'static str,
    id: String,
    rows: Vec<BlockRow>,
    next: Option<i64>,
}

fn chain_in(text: &str) -> Result<SubChain, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

async fn chain(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let chain = chain_in(&path)?;
    let form = query(request.query_string(), &["before"])?;
    let before = number(&form, "before", i64::MAX)?;
    let page =
        app.read(move |connection| Ok(Model::new(connection).blocks(chain, before, PER_PAGE)?)).await?;
    page::html(&ChainPage {
        page: visitor.page(format!("Records of the {chain} chain")),
        name: chain.name(),
        what: what(chain),
        id: app.chains.get(chain).chain_id().to_string(),
        rows: page.rows.into_iter().map(|block| BlockRow::new(&app, chain, block)).collect(),
        next: page.next,
    })
}

#[derive(Template)]
#[template(path = "explorer/block.html")]
struct BlockPage {
    page: Page,
    name: &'static str,
    block: Block,
    when: String,
    grade: String,
    hashes: [(&'static str, String); 8],
    earlier: Option<i64>,
    later: Option<i64>,
}

/// A hash; that of nothing in words.
fn said(hash: &str) -> String {
    if hash.bytes().all(|digit| digit == b'0') { "none".to_owned() } else { hash.to_owned() }
}

async fn block(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let chain = chain_in(&path.0)?;
    query(request.query_string(), &[])?;
    let height: i64 = path.1.parse().ok().filter(|height| *height >= 0).ok_or(WebError::NotFound)?;
    let (block, head) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let block = model.block(chain, height)?.ok_or(WebError::NotFound)?;
            Ok((block, model.height(chain)?.unwrap_or(0)))
        })
        .await?;
    page::html(&BlockPage {
        page: visitor.page(format!("Record {height} of the {chain} chain")),
        name: chain.name(),
        when: show::date_time(block.time_ms),
        grade: grade(&app, chain, block.height, block.signatures),
        earlier: (height > 0).then(|| height - 1),
        later: (height < head).then_some(height + 1),
        hashes: [
            ("Hash", &block.hash),
            ("Before it", &block.parent),
            ("State after it", &block.state_root),
            ("Receipts", &block.receipts_root),
            ("Messages sent", &block.outbox_root),
            ("Signatures in it", &block.transactions_root),
            ("Messages in it", &block.messages_root),
            ("Proposed by", &block.proposer),
        ]
        .map(|(what, hash)| (what, said(hash))),
        block,
    })
}

#[derive(Template)]
#[template(path = "explorer/find.html")]
struct FindPage {
    page: Page,
    q: String,
    asked: bool,
    fault: String,
    found: Vec<Found>,
}

/// That something is on record, without saying what is in it.
struct Found {
    what: &'static str,
    chain: &'static str,
    height: i64,
    sure: String,
}

async fn find(request: HttpRequest, visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let form = query(request.query_string(), &["q"])?;
    let q = form.value("q").to_owned();
    let hash: Result<Hash, _> = q.trim_start_matches("0x").to_lowercase().parse();
    let (found, fault) = match hash {
        Ok(hash) => {
            let shared = app.clone();
            (app.read(move |connection| on_record(&shared, connection, hash)).await?, String::new())
        }
        Err(_) if q.is_empty() => (Vec::new(), String::new()),
        Err(_) => (Vec::new(), "A hash has 64 hexadecimal digits.".to_owned()),
    };
    page::html(&FindPage { page: visitor.page("Is it on record?"), asked: !q.is_empty(), q, fault, found })
}

fn on_record(app: &App, connection: &mut AnyConnection, hash: Hash) -> Result<Vec<Found>, WebError> {
    let mut model = Model::new(connection);
    let text = hash.to_string();
    let found_at = |what, chain: SubChain, height| Found {
        what,
        chain: chain.name(),
        height,
        sure: confidence(app, chain, height).map_or_else(String::new, |sure| sure.words(Lang::English)),
    };
    let mut found = Vec::new();
    if let Some(block) = model.block_by_hash(hash)? {
        found.extend(block.chain.parse().ok().map(|chain| found_at("A record", chain, block.height)));
    }
    for transaction in model.transactions_named(hash)? {
        let what = if transaction.id == text { "A signature" } else { "A receipt" };
        found.extend(transaction.chain.parse().ok().map(|chain| found_at(what, chain, transaction.height)));
    }
    if let Some(first) = model.documents_named(&text)?.first() {
        found.push(found_at("A document", SubChain::Data, first.height));
    }
    if let Some(product) = model.product(&text)? {
        found.push(found_at("A product", SubChain::Data, product.height));
    }
    if let Some(settlement) = model.settlement(&text)? {
        found.push(found_at("A settlement", SubChain::Payment, settlement.height));
    }
    Ok(found)
}

/// What stands between `open` and `close` in the page.
fn inside(open: &str, close: &str) -> &'static str {
    VERIFY_PAGE
        .split_once(open)
        .and_then(|(_, rest)| rest.split_once(close))
        .map(|(text, _)| text)
        .expect("the page has one style and one script")
}

/// The page allows itself its own script and style, by their hashes, and nothing else: it cannot send anything.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(inside("<script type=\"module\">", "</script>")),
        hash(inside("<style>", "</style>"))
    )
});

async fn verify() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header(("Cache-Control", "public, max-age=300"))
        .body(VERIFY_PAGE)
}
