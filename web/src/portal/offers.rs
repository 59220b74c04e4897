//! Offers: what the reader gives for what, how much of it was filled, and the form that says so.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use barter_engine::{Ask, Market as Quotes, MarketError, Near, Strict};
use clearing::{Amount, AssetKey, OfferKey, PartyKey};
use ledger::{SubChain, Timestamp};
use payment_chain::Payload;
use payment_chain::model::{AssetId, Commitment, OfferId, OfferTerms};
use serde::Serialize;

use crate::app::{App, Posted, Shared};
use crate::clock;
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::model::offer::Offer;
use crate::page::{self, Page};
use crate::places::place_code;
use crate::portal::goods::{held, read_amount, within_free};
use crate::portal::market::wanted_for;
use crate::portal::register::blame;
use crate::portal::stock::{Choice, Goods, amount};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

type Query = web::Query<std::collections::BTreeMap<String, String>>;

/// For how many days an offer stands unless its owner says otherwise.
const USUAL_DAYS: u64 = 30;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/offers", web::get().to(offers_page))
        .route("/offers/new", web::get().to(new_page))
        .route("/offers/new", web::post().to(post))
        .route("/offers/value.json", web::post().to(value))
        .route("/offers/{id:\\d{1,18}}", web::get().to(offer_page))
        .route("/offers/{id:\\d{1,18}}", web::post().to(amend))
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

/// What an offer comes to at reference prices, and what the book has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Value {
    /// What is given is worth, as text.
    give: String,
    /// What is wanted is worth, as text.
    want: String,
    /// What is wanted against what is given, in percent with sign.
    limit: String,
    /// How that is shown: `bad` where the offer would take less than what it gives is worth.
    tone: &'static str,
    /// What that means for finding a ring.
    hint: String,
    /// What the quantity given would fetch on the book as it is.
    quote: String,
    /// Whether a ring would close at once, or what keeps it from closing.
    ring: String,
    /// What the open offers hold of it.
    book: String,
}

/// The open offers at one height, ready for quotes, as those see them who sign first and as binding offers apart do.
pub(crate) struct LiveBook {
    joining: Quotes,
    binding: Quotes,
}

impl LiveBook {
    /// The offers that one of this kind can share a ring with.
    fn meets(&self, apart: bool) -> &Quotes {
        if apart { &self.binding } else { &self.joining }
    }
}

/// The live book. No block is committed while the state is read, so no more than reading happens there, and that once for
/// each height, however many look at their offers.
pub(crate) fn live_book(app: &App) -> Result<Arc<LiveBook>, WebError> {
    let ledger = &app.chains.payment;
    app.book.at(ledger.height(), || {
        let (sides, rules, now) = ledger.view_head(|state, head| {
            let time = head.block.header.time;
            let rules = payment_chain::view::config(state).map(|config| config.rules()).unwrap_or_default();
            (payment_chain::view::sides(state, time), rules, time.seconds())
        });
        Ok(LiveBook {
            joining: Quotes::new(&sides.joining, &rules, now),
            binding: Quotes::new(&sides.binding, &rules, now),
        })
    })
}

/// What `given` of one asset would fetch of another, passed on along open offers: a look at the book, no promise.
fn quote(live: &Quotes, goods: &Goods, own: PartyKey, (give, want): (i64, i64), given: Amount) -> String {
    let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
    let ask = Ask {
        send: key(give),
        receive: key(want),
        amount: given,
        strict: Strict::Send,
        paths: 3,
        party: Some(own),
    };
    // An asset that no live offer names is not in the book at all.
    let quote = live.quote(&ask).ok().filter(|quote| !quote.receive.is_zero());
    let Some(quote) = quote else {
        return "No chain of open offers leads from one to the other at the moment; yours may be the missing link."
            .to_owned();
    };
    let names = |path: &barter_engine::Path| {
        let names: Vec<String> =
            path.assets.iter().map(|asset| goods.name(i64::try_from(asset.0).unwrap_or(0))).collect();
        names.join(" → ")
    };
    format!(
        "On the book as it is, passed on from offer to offer, you would get about {} of {} for {} of your {}, by {}.",
        goods.brief(want, quote.receive),
        goods.name(want),
        goods.brief(give, quote.send),
        goods.name(give),
        quote.paths.first().map(names).unwrap_or_default(),
    )
}

/// Whether `offer` would close a ring on the book as it is; otherwise what comes nearest.
fn ring_now(live: &Quotes, goods: &Goods, offer: &clearing::Offer) -> String {
    let id = |key: AssetKey| i64::try_from(key.0).unwrap_or(0);
    let of = |key: AssetKey, units| format!("{} of {}", goods.brief(id(key), units), goods.name(id(key)));
    let too_little = |near: &Near| {
        let least = of(offer.give, offer.least_fill());
        format!(
            "it takes {} at most, and you give at least {least} or nothing",
            of(offer.give, near.path.send)
        )
    };
    match live.try_offer(offer) {
        Err(MarketError::Crossing(_)) => {
            "You have an open offer on the other side of one of these goods, so the market would refuse this one."
                .to_owned()
        }
        // Goods that no live offer names.
        Err(MarketError::Book(_)) => String::new(),
        Ok(trial) if !trial.rings.is_empty() => {
            let others: std::collections::BTreeSet<_> =
                trial.rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.offer).collect();
            format!(
                "This would close {} now, with {}: you would give {} and receive {}. Others may come first.",
                show::counted(trial.rings.len(), "ring", "rings"),
                show::counted(others.len().saturating_sub(1), "offer", "offers"),
                of(offer.give, trial.gives),
                of(offer.want, trial.receives),
            )
        }
        Ok(trial) => match trial.near {
            None => String::new(),
            Some(near) if near.ppm == 0 && !near.enough => {
                format!("The rates of others would do, but {}.", too_little(&near))
            }
            Some(near) if near.ppm == 0 => {
                "The rates of others would do, but somebody's smallest part is more than there is.".to_owned()
            }
            Some(near) if near.want_qty.is_zero() => format!(
                "The nearest ring brings {} less than you may be given: it would be too far under reference value.",
                percent(near.ppm)
            ),
            Some(near) if !near.enough => format!(
                "No ring closes at this limit. The nearest, over {}, would if you wanted at most {}, which is {} less; but {}.",
                show::counted(near.path.offers.len(), "offer", "offers"),
                of(offer.want, near.want_qty),
                percent(near.ppm),
                too_little(&near),
            ),
            Some(near) => format!(
                "No ring closes at this limit. One would if you wanted at most {}, which is {} less, over {}.",
                of(offer.want, near.want_qty),
                percent(near.ppm),
                show::counted(near.path.offers.len(), "offer", "offers"),
            ),
        },
    }
}

/// Parts per million in percent, rounded up to a tenth.
fn percent(ppm: u64) -> String {
    let tenths = ppm.div_ceil(1_000);
    format!("{}.{}\u{a0}%", show::grouped(&(tenths / 10).to_string()), tenths % 10)
}

/// Values the quantities of a form, as far as they are there.
fn evaluate(app: &App, model: &mut Model<'_>, form: &Form, own: PartyKey) -> Result<Option<Value>, WebError> {
    let goods = Goods::load(model)?;
    let number = |name: &str| form.value(name).parse::<i64>().ok();
    let (Some(give), Some(want)) = (number("give"), number("want")) else { return Ok(None) };
    let (Some(give_asset), Some(want_asset)) = (goods.asset(give), goods.asset(want)) else {
        return Ok(None);
    };
    let mut scratch = form.clone();
    let given = read_amount(&mut scratch, "give_qty", give_asset.places());
    let wanted = read_amount(&mut scratch, "want_qty", want_asset.places());
    let mut value = Value::default();
    let gives = given.and_then(|given| goods.worth(give, given));
    let wants = wanted.and_then(|wanted| goods.worth(want, wanted));
    value.give = gives.map(show::usd).unwrap_or_default();
    value.want = wants.map(show::usd).unwrap_or_default();
    if let (Some(gives), Some(wants)) = (gives, wants) {
        value.limit = show::percent_more(wants, gives);
        value.tone = if asked(gives, wants) < CLOSE { "bad" } else { "" };
        value.hint = hint(gives, wants);
    } else if let (Some(gives), Some(price)) = (gives, goods.price(want)) {
        // What the same value buys at reference prices.
        let unit = show::value(price, Amount::new(1).unwrap_or_default(), 0);
        if let Some(units) = gives.checked_div(unit.max(1)) {
            value.hint = format!(
                "At reference prices it is worth about {}\u{a0}{} of {}.",
                show::grouped(&units.to_string()),
                want_asset.symbol(),
                want_asset.name
            );
        }
    }
    let live = live_book(app)?;
    let live = live.meets(form.value("commitment") == "binding" && !form.ticked("joins_indicative"));
    if let Some(given) = given {
        value.quote = quote(live, &goods, own, (give, want), given);
    }
    if let (Some(give_qty), Some(want_qty)) = (given, wanted)
        && !give_qty.is_zero()
        && !want_qty.is_zero()
    {
        let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
        let divisible = form.ticked("divisible");
        let min_fill = read_amount(&mut scratch, "min_fill", give_asset.places()).filter(|_| divisible);
        let offer = clearing::Offer {
            key: OfferKey(u64::MAX),
            party: own,
            give: key(give),
            give_qty,
            want: key(want),
            want_qty,
            divisible,
            min_fill: min_fill.unwrap_or_default().min(give_qty),
            valid_from: 0,
            valid_until: u64::MAX,
        };
        value.ring = ring_now(live, &goods, &offer);
    }
    let givers = model.open_offers(Some(want), None, 2_000)?;
    let takers = model.open_offers(None, Some(give), 2_000)?;
    let on_offer = givers
        .iter()
        .fold(Amount::ZERO, |sum, offer| sum.checked_add(amount(&offer.remaining)).unwrap_or(Amount::MAX));
    let direct = givers.iter().filter(|offer| offer.want == give).count();
    value.book = format!(
        "The book has {} giving {} ({}) and {} wanting {}; {} directly against yours. Others may close a ring over up to six goods.",
        show::counted(givers.len(), "offer", "offers"),
        want_asset.name,
        goods.brief(want, on_offer),
        show::counted(takers.len(), "offer", "offers"),
        give_asset.name,
        match direct {
            0 => "none stands".to_owned(),
            1 => "one stands".to_owned(),
            some => format!("{some} stand"),
        },
    );
    Ok(Some(value))
}

/// From here up to reference value, an offer is close to it, in tenths of a percent.
const CLOSE: u128 = 980;

/// What is wanted, in tenths of a percent of what is given.
fn asked(gives: u128, wants: u128) -> u128 {
    wants.saturating_mul(1_000).checked_div(gives).unwrap_or(0)
}

fn hint(gives: u128, wants: u128) -> String {
    match asked(gives, wants) {
        1_021.. => "You ask for more than reference value plus the market's band: a ring is unlikely.",
        1_001..=1_020 => "You ask for a little more than reference value: a ring is possible, but rare.",
        CLOSE..=1_000 => "Close to reference value: rings of this kind do close.",
        900..=979 => {
            "You leave room: rings close easily, and you get more than your limit where the ring allows it."
        }
        _ => "You ask for much less than reference value. Check the quantities.",
    }
    .to_owned()
}

/// The offer form with what it needs to be drawn.
#[derive(Template)]
#[template(path = "portal/offer_form.html")]
struct FormPage {
    page: Page,
    form: Form,
    amends: Option<i64>,
    held: Vec<Choice>,
    goods: Vec<Choice>,
    sought: String,
    terms: Vec<&'static str>,
    value: Option<Value>,
    latest: String,
    give_unit: String,
    want_unit: String,
    give_name: String,
    want_name: String,
}

async fn form_view(
    visitor: &Visitor,
    app: &Shared,
    mut form: Form,
    amends: Option<i64>,
) -> Result<FormPage, WebError> {
    let own = visitor.trader()?;
    let (party, own) = (PartyKey(own.0), own.to_string());
    let days = app
        .chains
        .payment
        .view(payment_chain::view::config)
        .map_or(USUAL_DAYS, |config| u64::from(config.max_offer_days));
    let latest = show::iso_date(ms(clock::now().plus_ms(days.saturating_sub(1) * Timestamp::DAY_MS)));
    let shared = app.clone();
    let page = visitor.page(if amends.is_some() { "Amend an offer" } else { "Make an offer" });
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let goods = Goods::load(&mut model)?;
        let held = held(&goods, &mut model, &own)?;
        if let ([only], true) = (&held[..], form.value("give").is_empty()) {
            form.set("give", only.id.to_string());
        }
        let value = evaluate(&shared, &mut model, &form, party)?;
        let sought = form.value("q").to_owned();
        let want: Option<i64> = form.value("want").parse().ok();
        let give: Option<i64> = form.value("give").parse().ok();
        let all: Vec<Choice> =
            goods.traded().into_iter().map(|asset| Choice::new(&goods, asset, String::new())).collect();
        let unit = |id: Option<i64>| {
            id.and_then(|id| goods.asset(id)).map(|asset| asset.symbol().to_owned()).unwrap_or_default()
        };
        let name = |id: Option<i64>| id.map(|id| goods.name(id)).unwrap_or_default();
        Ok(FormPage {
            held,
            goods: all.into_iter().filter(|choice| Some(choice.id) == want || choice.fits(&sought)).collect(),
            give_unit: unit(give),
            want_unit: unit(want),
            give_name: name(give),
            want_name: name(want),
            terms: vocabulary::Incoterm::ALL.map(vocabulary::Incoterm::code).to_vec(),
            page,
            form,
            amends,
            sought,
            value,
            latest,
        })
    })
    .await
}

fn ms(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

async fn new_page(visitor: Visitor, app: Shared, query: Query) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?;
    let mut form = Form::default();
    form.set("divisible", "yes");
    form.set("commitment", "indicative");
    form.set("incoterm", "FCA");
    form.set("place", user.place.clone());
    form.set("valid_until", show::iso_date(ms(clock::now().plus_ms(USUAL_DAYS * Timestamp::DAY_MS))));
    for name in ["give", "want", "give_qty", "want_qty", "q"] {
        if let Some(value) = query.get(name) {
            form.set(name, value.chars().take(60).collect::<String>());
        }
    }
    page::html(&form_view(&visitor, &app, form, None).await?)
}

/// Reads the terms of an offer whose assets have these decimals.
pub(crate) fn read_terms(form: &mut Form, give_decimals: u8, want_decimals: u8) -> Option<OfferTerms> {
    form.spell("place", place_code);
    let give = form.required::<u64>("give");
    let want = form.required::<u64>("want");
    if give.is_some() && give == want {
        form.refuse("want", "Choose other goods than those you give.");
    }
    let give_qty = read_amount(form, "give_qty", give_decimals);
    let want_qty = read_amount(form, "want_qty", want_decimals);
    let min_fill = if form.value("min_fill").is_empty() || !form.ticked("divisible") {
        Some(Amount::ZERO)
    } else {
        read_amount(form, "min_fill", give_decimals)
    };
    if let (Some(least), Some(most)) = (min_fill, give_qty)
        && least > most
    {
        form.refuse("min_fill", "Not more than the whole quantity.");
    }
    let commitment = match form.value("commitment") {
        "binding" => Some(Commitment::Binding),
        "indicative" => Some(Commitment::Indicative),
        _ => {
            form.refuse("commitment", "Choose one.");
            None
        }
    };
    let valid_until = show::end_of_day(form.value("valid_until"));
    match valid_until {
        None => form.refuse("valid_until", "Choose a date."),
        Some(until) if until <= clock::now().0 => {
            form.refuse("valid_until", "This day has passed: choose a later one.");
        }
        Some(_) => {}
    }
    let incoterm = form.required("incoterm");
    let place = form.required("place");
    if form.has_errors() {
        return None;
    }
    Some(OfferTerms {
        give: AssetId(give?),
        give_qty: give_qty?,
        want: AssetId(want?),
        want_qty: want_qty?,
        divisible: form.ticked("divisible"),
        min_fill: min_fill?,
        commitment: commitment?,
        joins_indicative: form.ticked("joins_indicative"),
        valid_until: Timestamp(valid_until?),
        incoterm: incoterm?,
        place: place?,
    })
}

/// The decimals of what a form gives and wants; refuses goods that are not there.
async fn decimals(app: &Shared, form: &mut Form) -> Result<Option<(u8, u8)>, WebError> {
    let ids = [form.value("give").parse::<i64>().ok(), form.value("want").parse::<i64>().ok()];
    let found = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let mut places = [None, None];
            for (place, id) in places.iter_mut().zip(ids) {
                if let Some(id) = id {
                    *place = model.asset(id)?.filter(|asset| !asset.is_deposit()).map(|asset| asset.places());
                }
            }
            Ok(places)
        })
        .await?;
    for (name, place) in ["give", "want"].into_iter().zip(found) {
        if place.is_none() {
            form.refuse(name, "Choose goods of the list.");
        }
    }
    Ok(found[0].zip(found[1]))
}

/// Where the chain's word on a field stands in the form.
const FIELDS: [(&str, &str); 10] = [
    ("give", "give"),
    ("give_qty", "give_qty"),
    ("want", "want"),
    ("want_qty", "want_qty"),
    ("min_fill", "min_fill"),
    ("valid_until", "valid_until"),
    ("incoterm", "incoterm"),
    ("place", "place"),
    ("commitment", "commitment"),
    ("divisible", "divisible"),
];

async fn post(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    visitor.trader()?;
    if form.value("then") == "look" {
        // The button without a script: only look for goods, or only value what is there.
        return page::html(&form_view(&visitor, &app, form, None).await?);
    }
    let (give, want) = decimals(&app, &mut form).await?.unwrap_or((0, 0));
    let terms = read_terms(&mut form, give, want);
    if let Some(terms) = terms.as_ref().filter(|terms| terms.commitment == Commitment::Binding) {
        let asset = i64::try_from(terms.give.0).unwrap_or(i64::MAX);
        within_free(&visitor, &app, &mut form, asset, terms.give_qty, "give_qty").await?;
    }
    if let Some(terms) = terms.filter(|_| !form.has_errors()) {
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &Payload::PostOffer(terms),
            headline: "You make an offer".to_owned(),
            next: "/offers".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => blame(&mut form, &refusal, &FIELDS),
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &form_view(&visitor, &app, form, None).await?)
}

/// What the quantities of an unfinished form are worth, for the script that shows it while one types.
async fn value(visitor: Visitor, app: Shared, Posted(form): Posted) -> Result<HttpResponse, WebError> {
    let own = PartyKey(visitor.trader()?.0);
    let shared = app.clone();
    let value =
        app.read(move |connection| evaluate(&shared, &mut Model::new(connection), &form, own)).await?;
    Ok(HttpResponse::Ok().json(value.unwrap_or_default()))
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
        let form = amend_form(&app, &own, id).await?;
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
            Ok(OfferPage {
                ring,
                missing,
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

/// The form of an offer as it stands.
async fn amend_form(app: &Shared, own: &str, id: i64) -> Result<Form, WebError> {
    let own = own.to_owned();
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let offer = model
            .offer(id)?
            .filter(|offer| offer.owner == own && offer.is_open())
            .ok_or(WebError::NotFound)?;
        let (give, want) = (
            model.asset(offer.give)?.ok_or(WebError::NotFound)?.places(),
            model.asset(offer.want)?.ok_or(WebError::NotFound)?.places(),
        );
        let mut form = Form::default();
        form.set("give", offer.give.to_string());
        form.set("want", offer.want.to_string());
        form.set("give_qty", amount(&offer.give_qty).display(give));
        form.set("want_qty", amount(&offer.want_qty).display(want));
        if offer.divisible != 0 {
            form.set("divisible", "yes");
        }
        if !amount(&offer.min_fill).is_zero() {
            form.set("min_fill", amount(&offer.min_fill).display(give));
        }
        form.set("commitment", offer.commitment.clone());
        if offer.joins_indicative != 0 {
            form.set("joins_indicative", "yes");
        }
        form.set("valid_until", show::iso_date(offer.valid_until_ms - 1));
        form.set("incoterm", offer.incoterm.clone());
        form.set("place", offer.place.clone());
        Ok(form)
    })
    .await
}

async fn amend(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let id = path.into_inner();
    // Goods and commitment stay as they are, whatever the form says.
    let before = amend_form(&app, &own, id).await?;
    for name in ["give", "want", "commitment"] {
        form.set(name, before.value(name).to_owned());
    }
    if form.value("then") == "look" {
        return page::html(&form_view(&visitor, &app, form, Some(id)).await?);
    }
    let (give, want) = decimals(&app, &mut form).await?.unwrap_or((0, 0));
    if let Some(terms) = read_terms(&mut form, give, want) {
        let offer = OfferId(u64::try_from(id).map_err(|_| WebError::NotFound)?);
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &Payload::AmendOffer { offer, terms },
            headline: format!("You amend offer {id}"),
            next: format!("/offers/{id}"),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => blame(&mut form, &refusal, &FIELDS),
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &form_view(&visitor, &app, form, Some(id)).await?)
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
