//! The form that says what somebody gives for what, first or anew.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::{Amount, PartyKey};
use ledger::{SubChain, Timestamp};
use payment_chain::Payload;
use payment_chain::model::{AssetId, Commitment, OfferId, OfferTerms};

use super::value::{Value, evaluate};
use crate::app::{Posted, Shared};
use crate::clock;
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::page::{self, Page};
use crate::places::place_code;
use crate::portal::goods::{held, read_amount, within_free};
use crate::portal::register::blame;
use crate::portal::stock::{Choice, Goods, amount};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

/// For how many days an offer stands unless its owner says otherwise.
const USUAL_DAYS: u64 = 30;

/// The offer form with what it needs to be drawn.
#[derive(Template)]
#[template(path = "portal/offer_form.html")]
pub(super) struct FormPage {
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

pub(super) async fn form_view(
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
    // A day for the rest of the chosen one, and one for a chain that is behind the clock.
    let latest = show::iso_date(ms(clock::now().plus_ms(days.saturating_sub(2) * Timestamp::DAY_MS)));
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

pub(super) async fn new_page(
    visitor: Visitor,
    app: Shared,
    query: web::Query<BTreeMap<String, String>>,
) -> Result<HttpResponse, WebError> {
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

pub(super) async fn post(
    visitor: Visitor,
    app: Shared,
    Posted(mut form): Posted,
) -> Result<HttpResponse, WebError> {
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
pub(super) async fn value(
    visitor: Visitor,
    app: Shared,
    Posted(form): Posted,
) -> Result<HttpResponse, WebError> {
    let own = PartyKey(visitor.trader()?.0);
    let shared = app.clone();
    let value =
        app.read(move |connection| evaluate(&shared, &mut Model::new(connection), &form, own)).await?;
    Ok(HttpResponse::Ok().json(value.unwrap_or_default()))
}

/// The form of an offer as it stands.
pub(super) async fn amend_form(app: &Shared, own: &str, id: i64) -> Result<Form, WebError> {
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

pub(super) async fn amend(
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
