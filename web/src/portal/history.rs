//! What settled: the ring as it moved, its proof, and who may see it.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use askama::Template;
use ledger::{Fact, Hash, SubChain};
use payment_chain::{Payload, SETTLEMENTS};

use crate::app::{Posted, Shared};
use crate::error::WebError;
use crate::form::Form;
use crate::language::Lang;
use crate::model::Model;
use crate::model::settlement::Settlement;
use crate::page::{self, Page};
use crate::portal::deals::{band_ppm, sureness};
use crate::portal::explained::{Explained, Facts};
use crate::portal::legs::{Leg, once_round, picture, said, side};
use crate::portal::register::{bank_names, blame, read_share};
use crate::portal::stock::Goods;
use crate::ring::Mark;
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};
use crate::sure::{Release, SHARES, confidence, release};

/// How many settlements a page lists.
const PAGE: i64 = 30;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/history", web::get().to(history_page))
        .route("/history/{id:[0-9a-f]{64}}", web::get().to(settlement_page))
        .route("/history/{id:[0-9a-f]{64}}/proof", web::get().to(proof))
        .route("/history/{id:[0-9a-f]{64}}/share", web::post().to(share))
        .route("/history/{id:[0-9a-f]{64}}/confidence", web::post().to(wish));
}

struct Row {
    id: String,
    gave: String,
    got: String,
    value: String,
    when: String,
    legs: i64,
    state: String,
    settled: bool,
}

#[derive(Template)]
#[template(path = "portal/history.html")]
struct HistoryPage {
    page: Page,
    settled: i64,
    value: String,
    rows: Vec<Row>,
    next: Option<i64>,
}

async fn history_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let before = query.get("before").and_then(|before| before.parse().ok());
    let page = visitor.page("History");
    let shared = app.clone();
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let party = model.party(&own)?;
            let settlements = model.settlements_of(&own, before, PAGE)?;
            let mut rows = Vec::new();
            for settlement in settlements.rows {
                let legs: Vec<Leg> = model.settlement_legs(&settlement.id)?.iter().map(Leg::from).collect();
                let mine = side(&legs, &own);
                let wish = model.wish(&own, &settlement.id)?;
                let value = settlement.value_micro_usd.get();
                let release = release(&shared, SubChain::Payment, settlement.height, value, wish);
                rows.push(Row {
                    state: release.words(Lang::English),
                    settled: release.may_leave(),
                    gave: said(&goods, &mine.gives),
                    got: said(&goods, &mine.gets),
                    value: show::usd_brief(once_round(&mine)),
                    when: show::date_time(settlement.at_ms),
                    legs: settlement.legs,
                    id: settlement.id,
                });
            }
            Ok(HistoryPage {
                page,
                settled: party.as_ref().map_or(0, |party| party.settled),
                value: show::usd(party.as_ref().map_or(0, |party| party.settled_micro_usd.get())),
                rows,
                next: settlements.next,
            })
        })
        .await?;
    page::html(&view)
}

struct Grant {
    name: String,
    address: String,
    until: String,
}

#[derive(Template)]
#[template(path = "portal/settlement.html")]
struct SettlementPage {
    page: Page,
    form: Form,
    id: String,
    headline: String,
    picture: String,
    explained: String,
    gave: Vec<(String, String)>,
    got: Vec<(String, String)>,
    values: String,
    settlement: Settlement,
    sure: Vec<(&'static str, String)>,
    grows: bool,
    /// When it settled, and what keeps it from counting outside, in words.
    lead: String,
    waits: bool,
    /// What the reader asks for: percent, words, whether it is that.
    wishes: Vec<(u8, &'static str, bool)>,
    /// What is wished for all settlements through the API, in words.
    for_all: Option<String>,
    grants: Vec<Grant>,
    banks: Vec<(String, String)>,
    on_data_chain: Option<String>,
    /// Where it stands on the payment chain.
    record: String,
}

/// What stands first: when it settled, and how far it counts.
fn lead(page: &Page, release: &Release, when: &str) -> String {
    let words = release.words(page.lang);
    if !release.may_leave() {
        return page.fill(
            "Every leg moved in one step on {}. It is {}. Nothing on the ledger will undo it; hand out goods and pay only once \
             it is settled.",
            &[when, &words],
        );
    }
    let mut lead = page.fill("Settled on {}. Every leg moved in one step.", &[when]);
    if release.is_capped() {
        lead.push(' ');
        lead += &page.fill("It is {}.", &[&words]);
    }
    lead
}

async fn view(visitor: &Visitor, app: &Shared, id: String, form: Form) -> Result<SettlementPage, WebError> {
    let own = visitor.address()?.to_string();
    let page = visitor.page("Settlement");
    let shared = app.clone();
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let settlement = model.settlement(&id)?.ok_or(WebError::NotFound)?;
        let legs: Vec<Leg> = model.settlement_legs(&id)?.iter().map(Leg::from).collect();
        if !legs.iter().any(|leg| leg.party == own) {
            return Err(WebError::NotFound);
        }
        let goods = Goods::load(&mut model)?;
        let mut parties = BTreeMap::new();
        for leg in &legs {
            if let Some(party) = model.party(&leg.party)? {
                parties.insert(leg.party.clone(), party);
            }
        }
        let mine = side(&legs, &own);
        let drawn = picture(&goods, &legs, &own, page.lang, &parties, |_| Mark::Signed)
            .render()
            .map_err(WebError::internal)?;
        let batch = model.batch(settlement.batch)?;
        let mut offers = BTreeMap::new();
        for leg in legs.iter().filter(|leg| leg.party == own) {
            offers.extend(model.offer(leg.offer)?.map(|offer| (leg.offer, offer)));
        }
        let facts = Facts {
            goods: &goods,
            own: &own,
            lang: page.lang,
            parties: &parties,
            offers: &offers,
            batch: batch.as_ref(),
            band_ppm: band_ppm(&shared),
            deadline: None,
        };
        let explained = Explained::new(&facts, &legs).render().map_err(WebError::internal)?;
        let now = crate::accounts::millis();
        let grants: Vec<_> =
            model.grants_by(&id, &own)?.into_iter().filter(|grant| grant.until_ms > now).collect();
        let names =
            model.names_of(&grants.iter().map(|grant| grant.with_party.clone()).collect::<Vec<_>>())?;
        let trade = model.trade(&id)?;
        let wish = model.wish(&own, &id)?;
        let for_all = model.wish_for_all(&own)?;
        let wished = SHARES.into_iter().find(|share| wish <= u64::from(*share) * 10);
        let value = settlement.value_micro_usd.get();
        let release = release(&shared, SubChain::Payment, settlement.height, value, wish);
        let list = |sums: &[(i64, clearing::Amount, u128)]| {
            sums.iter()
                .map(|(asset, quantity, value)| {
                    (format!("{} {}", goods.exact(*asset, *quantity), goods.name(*asset)), show::usd(*value))
                })
                .collect::<Vec<_>>()
        };
        let worth =
            |sums: &[(i64, clearing::Amount, u128)]| sums.iter().map(|(_, _, value)| value).sum::<u128>();
        Ok(SettlementPage {
            headline: page
                .fill("You gave {} and got {}", &[&said(&goods, &mine.gives), &said(&goods, &mine.gets)]),
            picture: drawn,
            explained,
            gave: list(&mine.gives),
            got: list(&mine.gets),
            values: format!("{} → {}", show::usd(worth(&mine.gives)), show::usd(worth(&mine.gets))),
            sure: sureness(&shared, batch.as_ref(), false, Some(settlement.height), page.lang),
            grows: confidence(&shared, ledger::SubChain::Payment, settlement.height)
                .is_some_and(|sure| sure.grows()),
            lead: lead(&page, &release, &show::date_time(settlement.at_ms)),
            waits: !release.may_leave(),
            // The stricter of the wishes for this settlement and, through the API, for all.
            wishes: WISHES.map(|(percent, words)| (percent, words, Some(percent) == wished)).to_vec(),
            for_all: (for_all > 0).then(|| {
                let percent = (for_all / 10).to_string();
                page.fill("Your programs asked for {} % of all settlements.", &[&percent])
            }),
            grants: grants
                .into_iter()
                .map(|grant| Grant {
                    name: names.get(&grant.with_party).cloned().unwrap_or_default(),
                    until: page.fill("until {}", &[&show::date(grant.until_ms)]),
                    address: grant.with_party,
                })
                .collect(),
            banks: bank_names(&mut model)?,
            on_data_chain: trade.map(|trade| page.fill("since {}", &[&show::date_time(trade.recorded_ms)])),
            record: page.fill(
                "{}, receipt {}",
                &[&settlement.height.to_string(), &settlement.receipt_index.to_string()],
            ),
            settlement,
            id,
            page,
            form,
        })
    })
    .await
}

async fn settlement_page(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    page::html(&view(&visitor, &app, path.into_inner(), Form::default()).await?)
}

/// The proof that the settlement stands in the payment chain's state, as a file for `permuta verify-proof`. It names
/// the parties of this ring and nobody else; the receipt would tell of every ring that settled in the same step.
async fn proof(visitor: Visitor, app: Shared, path: web::Path<String>) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let id = path.into_inner();
    let settlement: Hash = id.parse().map_err(|_| WebError::NotFound)?;
    let wanted = id.clone();
    let shared = app.clone();
    let release = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            if !model.settlement_legs(&wanted)?.iter().any(|leg| leg.party == own) {
                return Err(WebError::NotFound);
            }
            let row = model.settlement(&wanted)?.ok_or(WebError::NotFound)?;
            let (wish, value) = (model.wish(&own, &wanted)?, row.value_micro_usd.get());
            Ok(release(&shared, SubChain::Payment, row.height, value, wish))
        })
        .await?;
    if !release.may_leave() {
        return Err(WebError::Unavailable("The proof"));
    }
    let ledger = app.chains.payment.clone();
    let proof = web::block(move || ledger.prove_state(&SETTLEMENTS.key(&settlement))).await?;
    let proof = proof.map_err(|_| WebError::Unavailable("The proof"))?;
    if !matches!(proof.fact, Fact::Value { .. }) {
        return Err(WebError::Unavailable("The settlement"));
    }
    let name = format!("attachment; filename=\"permuta-settlement-{}.proof\"", &id[..12]);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .insert_header((CONTENT_DISPOSITION, name))
        .body(proof.encode()))
}

/// What a party can ask for, in percent of the weight.
const WISHES: [(u8, &str); SHARES.len()] = [
    (0, "What its value asks for"),
    (50, "50 % of the weight"),
    (67, "67 % of the weight"),
    (80, "80 % of the weight"),
    (100, "As much as can be had"),
];

/// A party says how sure a settlement has to be before it does anything outside.
async fn wish(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    Posted(form): Posted,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?;
    let id = path.into_inner();
    let percent = WISHES.iter().map(|(percent, _)| *percent);
    let percent = percent.into_iter().find(|percent| percent.to_string() == form.value("share"));
    let percent = percent.ok_or_else(|| WebError::bad("share", "choose one of the list"))?;
    let next = format!("/history/{id}");
    app.read(move |connection| {
        let mut model = Model::new(connection);
        if !model.settlement_legs(&id)?.iter().any(|leg| leg.party == own.to_string()) {
            return Err(WebError::NotFound);
        }
        Ok(model.set_wish(&own, Some(&id), u64::from(percent) * 10, crate::accounts::millis())?)
    })
    .await?;
    Ok(HttpResponse::SeeOther().insert_header(("Location", next)).finish())
}

async fn share(
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    let id = path.into_inner();
    let settlement: Hash = id.parse().map_err(|_| WebError::NotFound)?;
    let shown = view(&visitor, &app, id.clone(), Form::default()).await?;
    if let Some((with, until)) = read_share(&mut form) {
        let headline =
            if until.0 == 0 { "You stop sharing a settlement" } else { "You share a settlement" }.to_owned();
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &Payload::ShareSettlement { settlement, with, until },
            headline,
            next: format!("/history/{id}"),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => {
                blame(&mut form, &refusal, &[("with", "with"), ("until", "until")]);
            }
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &SettlementPage { form, ..shown })
}
