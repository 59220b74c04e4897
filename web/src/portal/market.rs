//! The market: what is on offer, what is wanted, at which reference price.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::Amount;
use vocabulary::Standing;

use crate::app::Shared;
use crate::error::WebError;
use crate::model::Model;
use crate::model::offer::Offer;
use crate::page::{self, Page};
use crate::portal::stock::{Choice, Goods, amount};
use crate::session::Visitor;
use crate::show;

/// The most offers of one asset that are listed on either side.
const LISTED: i64 = 100;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/market", web::get().to(market_page));
}

/// A kind of goods with what the book holds of it.
struct GoodsRow {
    choice: Choice,
    given: usize,
    given_value: String,
    wanted: usize,
    price: String,
}

/// An open offer.
struct OfferRow {
    give: String,
    want: String,
    value: String,
    limit: String,
    who: String,
    mine: bool,
    kind: &'static str,
    until: String,
    place: String,
}

#[derive(Template)]
#[template(path = "portal/market.html")]
struct MarketPage {
    page: Page,
    sought: String,
    chosen: Option<Choice>,
    goods: Vec<GoodsRow>,
    giving: Vec<OfferRow>,
    wanting: Vec<OfferRow>,
    offers: usize,
    kinds: usize,
}

/// What is wanted for the rest of an offer, by its limit, rounded up.
pub(crate) fn wanted_for(offer: &Offer, given: Amount) -> Amount {
    given.mul_div_ceil(amount(&offer.want_qty).get(), amount(&offer.give_qty).get()).unwrap_or(Amount::MAX)
}

/// An offer as a row; `names` are those of its owners, as far as the reader may know them.
fn offer_row(goods: &Goods, offer: &Offer, own: &str, names: &BTreeMap<String, String>) -> OfferRow {
    let remaining = amount(&offer.remaining);
    let want = wanted_for(offer, remaining);
    let (gives, wants) = (goods.worth(offer.give, remaining), goods.worth(offer.want, want));
    OfferRow {
        give: format!("{} {}", goods.brief(offer.give, remaining), goods.name(offer.give)),
        want: format!("{} {}", goods.brief(offer.want, want), goods.name(offer.want)),
        value: gives.map_or_else(String::new, show::usd_brief),
        limit: match (gives, wants) {
            (Some(gives), Some(wants)) if gives > 0 => show::percent_more(wants, gives),
            _ => String::new(),
        },
        who: if offer.owner == own {
            "You".to_owned()
        } else {
            names.get(&offer.owner).cloned().unwrap_or_else(|| "A company".to_owned())
        },
        mine: offer.owner == own,
        kind: if offer.commitment == "binding" { "binding" } else { "to be signed" },
        until: show::date(offer.valid_until_ms),
        place: format!("{} {}", offer.incoterm, offer.place),
    }
}

async fn market_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
    visitor.user()?;
    let own = visitor.user()?.address().map(|address| address.to_string()).unwrap_or_default();
    let sought: String = query.get("q").map_or("", |q| q.trim()).chars().take(60).collect();
    let chosen: Option<i64> = query.get("goods").and_then(|id| id.parse().ok());
    // Whoever makes a login may look at the book; who stands behind an offer is for those who were let in.
    let admitted = visitor.party.as_ref().is_some_and(|party| party.standing == Standing::Admitted);
    let page = visitor.page("Market");
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let open = model.open_book(20_000)?;
            let mut book: BTreeMap<i64, (usize, u128, usize)> = BTreeMap::new();
            for (give, want, remaining) in &open {
                let given = book.entry(*give).or_default();
                given.0 += 1;
                given.1 = given.1.saturating_add(goods.worth(*give, amount(remaining)).unwrap_or(0));
                book.entry(*want).or_default().2 += 1;
            }
            let rows: Vec<GoodsRow> = goods
                .traded()
                .into_iter()
                .map(|asset| {
                    let (given, value, wanted) = book.get(&asset.id).copied().unwrap_or_default();
                    GoodsRow {
                        choice: Choice::new(&goods, asset, String::new()),
                        given,
                        given_value: if given > 0 { show::usd_brief(value) } else { "–".to_owned() },
                        wanted,
                        price: goods.price(asset.id).map_or_else(
                            || "no price".to_owned(),
                            |price| {
                                format!(
                                    "$\u{a0}{}\u{a0}/\u{a0}{}",
                                    show::grouped(&price.to_string()),
                                    asset.symbol()
                                )
                            },
                        ),
                    }
                })
                .filter(|row| sought.is_empty() || row.choice.fits(&sought))
                .collect();
            let (mut giving, mut wanting) = (Vec::new(), Vec::new());
            let mut chosen_asset = None;
            if let Some(asset) = chosen.and_then(|id| goods.asset(id)) {
                chosen_asset = Some(Choice::new(&goods, asset, String::new()));
                let gives = model.open_offers(Some(asset.id), None, LISTED)?;
                let wants = model.open_offers(None, Some(asset.id), LISTED)?;
                let owners: Vec<String> =
                    gives.iter().chain(&wants).map(|offer| offer.owner.clone()).collect();
                let names = if admitted { model.names_of(&owners)? } else { BTreeMap::new() };
                let rows = |offers: &[Offer]| {
                    offers.iter().map(|offer| offer_row(&goods, offer, &own, &names)).collect()
                };
                (giving, wanting) = (rows(&gives), rows(&wants));
            }
            Ok(MarketPage {
                page,
                sought,
                chosen: chosen_asset,
                kinds: rows.iter().filter(|row| row.given + row.wanted > 0).count(),
                goods: rows,
                giving,
                wanting,
                offers: open.len(),
            })
        })
        .await?;
    page::html(&view)
}
