//! Deals: what needs the reader's signature, how soon, and the answer.

mod ring;

pub(crate) use ring::{band_ppm, sureness};

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use ledger::{Ledger, SubChain};
use payment_chain::Payload;
use payment_chain::model::ContractId;

use crate::app::{App, Posted, Shared};
use crate::error::WebError;
use crate::language::Lang;
use crate::model::Model;
use crate::model::contract::{Contract, ContractSigner};
use crate::page::{self, Page};
use crate::portal::legs::{Leg, once_round, said, side};
use crate::portal::stock::Goods;
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};
use crate::sure::{Release, release};

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/deals", web::get().to(deals_page))
        .route("/deals/{id:\\d{1,18}}", web::get().to(ring::deal_page))
        .route("/deals/{id:\\d{1,18}}/sign", web::post().to(sign))
        .route("/deals/{id:\\d{1,18}}/decline", web::post().to(decline));
}

/// How many of the last blocks the pace is taken from: no more than a ledger keeps in memory.
const PACED_BY: u64 = 16;

/// How fast a chain goes: what a page needs to say how long a deadline is away. Taken once for a page.
pub(crate) struct Pace {
    height: u64,
    block_ms: u64,
}

impl Pace {
    /// Of this chain now: the median of the times that its last blocks took.
    pub(crate) fn of(ledger: &Ledger) -> Pace {
        let height = ledger.height().0;
        let times: Vec<u64> = (height.saturating_sub(PACED_BY - 1)..=height)
            .filter_map(|height| ledger.committed(ledger::Height(height)).ok().flatten())
            .map(|committed| committed.block.header.time.0)
            .collect();
        let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        gaps.sort_unstable();
        let block_ms = gaps.get(gaps.len() / 2).copied().unwrap_or(1_000).clamp(50, 3_600_000);
        Pace { height, block_ms }
    }

    /// About how many milliseconds are left until `deadline`, a height; `None` once it has passed.
    pub(crate) fn left_ms(&self, deadline: i64) -> Option<u64> {
        let left = u64::try_from(deadline).ok()?.checked_sub(self.height).filter(|left| *left > 0)?;
        Some(left.saturating_mul(self.block_ms))
    }
}

/// A deal in a list.
pub(crate) struct DealRow {
    pub(crate) href: String,
    pub(crate) gives: String,
    pub(crate) gets: String,
    pub(crate) value: String,
    pub(crate) parties: String,
    pub(crate) state: String,
    pub(crate) badge: &'static str,
    pub(crate) to_sign: bool,
    pub(crate) left: String,
    pub(crate) when: String,
}

/// The companies of some legs, each once.
fn parties(legs: &[Leg]) -> BTreeSet<&str> {
    legs.iter().map(|leg| leg.party.as_str()).collect()
}

/// How many of `parties` need no further signature: those that signed, and those whose binding offers are as good as
/// a signature.
fn agreed(parties: &BTreeSet<&str>, signers: &[ContractSigner]) -> usize {
    let open = signers.iter().filter(|signer| signer.answer != "signed");
    parties.len().saturating_sub(open.count())
}

/// Of the settlements of an executed contract, the one that waits longest, as `own` wishes; `None` before there are any.
fn slowest(app: &App, model: &mut Model<'_>, contract: i64, own: &str) -> Result<Option<Release>, WebError> {
    let mut slowest = None;
    for settled in model.settlements_of_contract(contract)? {
        let wish = model.wish(own, &settled.id)?;
        let value = settled.value_micro_usd.get();
        let release = release(app, SubChain::Payment, settled.height, value, wish);
        if slowest.is_none_or(|slowest: Release| slowest.may_leave()) {
            slowest = Some(release);
        }
    }
    Ok(slowest)
}

/// Rows of contracts as their party `own` sees them.
pub(crate) fn deal_rows(
    app: &App,
    pace: &Pace,
    model: &mut Model<'_>,
    goods: &Goods,
    own: &str,
    contracts: &[Contract],
) -> Result<Vec<DealRow>, WebError> {
    contracts
        .iter()
        .map(|contract| {
            let legs: Vec<Leg> = model.contract_legs(contract.id)?.iter().map(Leg::from).collect();
            let signers = model.contract_signers(contract.id)?;
            let mine = side(&legs, own);
            let to_sign = contract.state == "waiting"
                && signers.iter().any(|signer| signer.party == own && signer.answer == "waiting");
            let parties = parties(&legs);
            let agreed = agreed(&parties, &signers);
            let (state, badge) = match contract.state.as_str() {
                "waiting" => (format!("signed by {agreed} of {}", parties.len()), ""),
                "executed" => match slowest(app, model, contract.id, own)? {
                    Some(waits) if !waits.may_leave() => (waits.words(Lang::English), "wait"),
                    _ => ("settled".to_owned(), "good"),
                },
                _ => ("dissolved, nothing moved".to_owned(), "bad"),
            };
            Ok(DealRow {
                href: format!("/deals/{}", contract.id),
                gives: said(goods, &mine.gives),
                gets: said(goods, &mine.gets),
                value: format!("{} once round", show::usd_brief(once_round(&mine))),
                parties: show::counted(parties.len(), "company", "companies"),
                state,
                badge,
                to_sign,
                left: pace.left_ms(contract.deadline_height).map(show::duration).unwrap_or_default(),
                when: show::date_time(contract.made_ms),
            })
        })
        .collect()
}

/// How many deals that need a signature are listed at once.
const SHOWN: usize = 30;

/// The deals with the nearest deadlines and, among those with the same, the largest.
pub(crate) fn most_urgent(mut contracts: Vec<Contract>, count: usize) -> Vec<Contract> {
    contracts.sort_by(|a, b| {
        let time = a.deadline_height.cmp(&b.deadline_height);
        time.then_with(|| b.value_micro_usd.cmp(&a.value_micro_usd)).then(a.id.cmp(&b.id))
    });
    contracts.truncate(count);
    contracts
}

#[derive(Template)]
#[template(path = "portal/deals.html")]
struct DealsPage {
    page: Page,
    count: usize,
    to_sign: Vec<DealRow>,
    waiting: Vec<DealRow>,
    past: Vec<DealRow>,
}

async fn deals_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let shared = app.clone();
    let rows = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let urgent = most_urgent(model.contracts_to_sign(&own)?, SHOWN);
            let others: Vec<Contract> = model.contracts_of(&own, 100)?;
            let pace = Pace::of(&shared.chains.payment);
            let mut rows = deal_rows(&shared, &pace, &mut model, &goods, &own, &urgent)?;
            let rest = deal_rows(&shared, &pace, &mut model, &goods, &own, &others)?;
            rows.extend(rest.into_iter().filter(|row| !row.to_sign));
            Ok(rows.into_iter().take(SHOWN + 60).collect::<Vec<_>>())
        })
        .await?;
    let (mut to_sign, mut waiting, mut past) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row.badge {
            "" if row.to_sign => to_sign.push(row),
            "" => waiting.push(row),
            _ => past.push(row),
        }
    }
    let count = visitor.party.as_ref().map_or(to_sign.len(), |party| party.to_sign.max(to_sign.len()));
    page::html(&DealsPage { page: visitor.page("Deals"), count, to_sign, waiting, past })
}

async fn sign(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
    Posted(_): Posted,
) -> Result<HttpResponse, WebError> {
    answer(&visitor, &app, path.into_inner(), true).await
}

async fn decline(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
    Posted(_): Posted,
) -> Result<HttpResponse, WebError> {
    answer(&visitor, &app, path.into_inner(), false).await
}

async fn answer(visitor: &Visitor, app: &Shared, id: i64, yes: bool) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let sides = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            if !model.is_signer(id, &own)? {
                return Err(WebError::NotFound);
            }
            let legs: Vec<Leg> = model.contract_legs(id)?.iter().map(Leg::from).collect();
            let (mine, goods) = (side(&legs, &own), Goods::load(&mut model)?);
            Ok((said(&goods, &mine.gives), said(&goods, &mine.gets)))
        })
        .await?;
    let contract = ContractId(u64::try_from(id).map_err(|_| WebError::NotFound)?);
    let (payload, headline) = if yes {
        (Payload::SignContract { contract }, format!("You give {} and get {}", sides.0, sides.1))
    } else {
        (Payload::DeclineContract { contract }, format!("You decline to give {} for {}", sides.0, sides.1))
    };
    let wish = Wish { chain: SubChain::Payment, payload: &payload, headline, next: format!("/deals/{id}") };
    signing::ask(app, visitor, wish).await
}
