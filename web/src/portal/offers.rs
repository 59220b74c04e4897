//! Offers: what the reader gives for what, and how much of it was filled. [`book`] is what an offer meets, [`reason`] why the
//! last batch left it out, [`entry`] the form that makes and changes one, [`value`] what it comes to while one types,
//! [`suggest`] what could be given instead.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::{Amount, AssetKey, OfferKey, PartyKey};
use ledger::SubChain;
use payment_chain::Payload;
use payment_chain::model::OfferId;

use crate::app::{Posted, Shared};
use crate::error::WebError;
use crate::model::Model;
use crate::model::offer::Offer;
use crate::page::{self, Page};
use crate::portal::market::wanted_for;
use crate::portal::stock::{Goods, amount};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

mod book;
mod entry;
mod reason;
mod suggest;
mod value;

pub(crate) use book::{LiveBook, live_book};
pub(crate) use entry::read_terms;
pub(crate) use reason::Reasons;

use book::ring_now;
use entry::{amend_form, form_view};
use reason::{LeftOut, left_out};

type Query = web::Query<BTreeMap<String, String>>;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/offers", web::get().to(offers_page))
        .route("/offers/new", web::get().to(entry::new_page))
        .route("/offers/new", web::post().to(entry::post))
        .route("/offers/value.json", web::post().to(entry::value))
        .route("/offers/{id:\\d{1,18}}", web::get().to(offer_page))
        .route("/offers/{id:\\d{1,18}}", web::post().to(entry::amend))
        .route("/offers/{id:\\d{1,18}}/cancel", web::post().to(cancel));
}

struct Row {
    id: i64,
    give: String,
    want: String,
    filled: String,
    share: u128,
    tied: String,
    state: String,
    badge: &'static str,
    kind: &'static str,
    until: String,
}

fn row(goods: &Goods, offer: &Offer) -> Row {
    let total = amount(&offer.give_qty);
    let left = amount(&offer.remaining).checked_add(amount(&offer.in_contracts)).unwrap_or(total);
    let filled = total.checked_sub(left).unwrap_or(Amount::ZERO);
    let tied = amount(&offer.in_contracts);
    Row {
        id: offer.id,
        give: format!("{} {}", goods.brief(offer.give, total), goods.name(offer.give)),
        want: format!("{} {}", goods.brief(offer.want, amount(&offer.want_qty)), goods.name(offer.want)),
        filled: goods.brief(offer.give, filled),
        share: filled.get().saturating_mul(100).checked_div(total.get()).unwrap_or(0),
        tied: if tied.is_zero() { String::new() } else { goods.brief(offer.give, tied) },
        badge: match offer.state.as_str() {
            "open" | "filled" => "good",
            _ => "",
        },
        state: offer.state.clone(),
        kind: if offer.commitment == "binding" { "binding" } else { "you sign each ring" },
        until: show::date(offer.valid_until_ms - 1),
    }
}

#[derive(Template)]
#[template(path = "portal/offers.html")]
struct OffersPage {
    page: Page,
    open: Vec<Row>,
    past: Vec<Row>,
}

async fn offers_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let page = visitor.page("My offers");
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let offers = model.offers_of(&own, false, None, 200)?.rows;
            let (open, past): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| offer.is_open());
            let rows = |offers: Vec<&Offer>| offers.into_iter().map(|offer| row(&goods, offer)).collect();
            Ok(OffersPage { page, open: rows(open), past: rows(past) })
        })
        .await?;
    page::html(&view)
}

struct Fill {
    gave: String,
    value: String,
    href: String,
    settlement: String,
}

#[derive(Template)]
#[template(path = "portal/offer.html")]
struct OfferPage {
    page: Page,
    id: i64,
    row: Row,
    open: bool,
    remaining: String,
    still_wants: String,
    delivery: String,
    smallest: String,
    posted: String,
    joins: i64,
    fills: Vec<Fill>,
    amendable: String,
    /// Whether it would close a ring now, or what would help it.
    ring: String,
    /// Who would complete one directly.
    missing: String,
    /// Why the last batch left it out.
    left_out: Option<LeftOut>,
}

async fn offer_page(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
    query: Query,
) -> Result<HttpResponse, WebError> {
    let party = PartyKey(visitor.address()?.0);
    let own = visitor.address()?.to_string();
    let id = path.into_inner();
    if query.get("amend").is_some() {
        let mut form = amend_form(&app, &own, id).await?;
        if let Some(asked) = query.get("want_qty") {
            form.set("want_qty", asked.chars().take(60).collect::<String>());
        }
        return page::html(&form_view(&visitor, &app, form, Some(id)).await?);
    }
    let page = visitor.page("Offer");
    let shared = app.clone();
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let offer = model.offer(id)?.filter(|offer| offer.owner == own).ok_or(WebError::NotFound)?;
            let goods = Goods::load(&mut model)?;
            let fills = model
                .fills(id)?
                .iter()
                .map(|leg| Fill {
                    gave: goods.exact(leg.asset, amount(&leg.quantity)),
                    value: show::usd(leg.value_micro_usd.get()),
                    href: format!("/history/{}", leg.settlement),
                    settlement: show::short(&leg.settlement),
                })
                .collect();
            let remaining = amount(&offer.remaining);
            let wanted = wanted_for(&offer, remaining);
            let waits = offer.is_open() && !remaining.is_zero() && !wanted.is_zero();
            let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
            let ring = if waits {
                let min_fill = amount(&offer.min_fill).min(remaining);
                let as_it_is = clearing::Offer {
                    key: OfferKey(u64::try_from(id).unwrap_or(0)),
                    party,
                    give: key(offer.give),
                    give_qty: remaining,
                    want: key(offer.want),
                    want_qty: wanted,
                    divisible: offer.divisible != 0,
                    min_fill,
                    valid_from: 0,
                    valid_until: u64::MAX,
                };
                let apart = offer.commitment == "binding" && offer.joins_indicative == 0;
                ring_now(live_book(&shared)?.meets(apart), &goods, &as_it_is)
            } else {
                String::new()
            };
            let missing = if waits {
                format!(
                    "Somebody who gives {} {} for {} {} would complete one directly.",
                    goods.brief(offer.want, wanted),
                    goods.name(offer.want),
                    goods.brief(offer.give, remaining),
                    goods.name(offer.give),
                )
            } else {
                String::new()
            };
            let left_out = if waits { left_out(&shared, &mut model, &goods, &offer)? } else { None };
            Ok(OfferPage {
                ring,
                missing,
                left_out,
                page,
                id,
                row: row(&goods, &offer),
                open: offer.is_open(),
                remaining: goods.exact(offer.give, remaining),
                still_wants: goods.exact(offer.want, wanted_for(&offer, remaining)),
                delivery: format!("{} {}", offer.incoterm, offer.place),
                smallest: if offer.divisible == 0 {
                    "all or nothing".to_owned()
                } else if amount(&offer.min_fill).is_zero() {
                    "any part".to_owned()
                } else {
                    format!("at least {}", goods.exact(offer.give, amount(&offer.min_fill)))
                },
                posted: show::date_time(offer.posted_ms),
                joins: offer.joins,
                fills,
                amendable: format!("/offers/{id}?amend=yes"),
            })
        })
        .await?;
    page::html(&view)
}

async fn cancel(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
    Posted(_): Posted,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let id = path.into_inner();
    amend_form(&app, &own, id).await?;
    let offer = OfferId(u64::try_from(id).map_err(|_| WebError::NotFound)?);
    let wish = Wish {
        chain: SubChain::Payment,
        payload: &Payload::CancelOffer { offer },
        headline: format!("You take back offer {id}"),
        next: "/offers".to_owned(),
    };
    signing::ask(&app, &visitor, wish).await
}
