//! What a company has: goods that it described, receipts that warehouses issued for them, and requests under way.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::Amount;
use data_chain::Product;
use ledger::{Hash, SubChain};
use payment_chain::model::AssetId;
use vocabulary::{HsCode, UnitCode};

use crate::app::{Posted, Shared};
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::page::{self, Page};
use crate::places::{country_code, place_code};
use crate::portal::documents::{self, Nameable};
use crate::portal::register::blame;
use crate::portal::stock::{Choice, Goods, amount};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};

type Query = web::Query<std::collections::BTreeMap<String, String>>;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/goods", web::get().to(goods_page))
        .route("/goods/describe", web::get().to(describe_page))
        .route("/goods/describe", web::post().to(describe))
        .route("/goods/vouch", web::get().to(vouch_page))
        .route("/goods/vouch", web::post().to(vouch))
        .route("/goods/redeem", web::get().to(redeem_page))
        .route("/goods/redeem", web::post().to(redeem));
}

/// Reads an amount of whole units, with or without commas between thousands.
pub(crate) fn read_amount(form: &mut Form, name: &str, decimals: u8) -> Option<Amount> {
    let text = form.value(name).replace([',', ' ', '\u{a0}'], "");
    if text.is_empty() {
        form.refuse(name, "Please fill this in.");
        return None;
    }
    match Amount::parse_decimal(&text, decimals) {
        Ok(amount) if amount.is_zero() => {
            form.refuse(name, "More than nothing.");
            None
        }
        Ok(amount) => Some(amount),
        Err(error) => {
            form.refuse(name, format!("“{text}” is not a quantity here: {error}."));
            None
        }
    }
}

struct BalanceRow {
    asset: i64,
    name: String,
    hs: String,
    available: String,
    locked: String,
    value: String,
    free: bool,
}

struct ProductRow {
    id: String,
    name: String,
    detail: String,
    place: String,
    when: String,
    documents: Vec<(String, String)>,
}

struct RequestRow {
    what: String,
    state: String,
    badge: &'static str,
    when: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "portal/goods.html")]
struct GoodsPage {
    page: Page,
    total: String,
    balances: Vec<BalanceRow>,
    products: Vec<ProductRow>,
    requests: Vec<RequestRow>,
    waits: bool,
}

async fn goods_page(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let own = visitor.trader()?.to_string();
    let page = visitor.page("My goods");
    let view = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            let mut total = 0u128;
            let mut balances = Vec::new();
            for balance in model.balances_of(&own)? {
                let (available, locked) = (amount(&balance.available), amount(&balance.locked));
                let all = available.checked_add(locked).unwrap_or(Amount::MAX);
                total = total.saturating_add(goods.worth(balance.asset, all).unwrap_or(0));
                balances.push(BalanceRow {
                    asset: balance.asset,
                    name: goods.name(balance.asset),
                    hs: goods.asset(balance.asset).and_then(|asset| asset.hs.clone()).unwrap_or_default(),
                    available: goods.exact(balance.asset, available),
                    locked: if locked.is_zero() {
                        "–".to_owned()
                    } else {
                        goods.exact(balance.asset, locked)
                    },
                    value: goods.worth(balance.asset, all).map_or_else(|| "–".to_owned(), show::usd),
                    free: !available.is_zero() && balance.asset != 1,
                });
            }
            let mut products = Vec::new();
            for product in model.products_of(&own)? {
                products.push(ProductRow {
                    detail: format!("HS {} · {} · from {}", product.hs, product.grade, product.origin),
                    when: show::date(product.described_ms),
                    documents: model.documents_behind(&product.id)?,
                    id: product.id,
                    name: product.name,
                    place: product.place,
                });
            }
            let requests: Vec<RequestRow> = model
                .requests_of(&own, 30)?
                .into_iter()
                .map(|request| {
                    let verb = if request.kind == "issue" { "Vouch for" } else { "Hand out" };
                    let goods_named = goods.name(request.asset);
                    RequestRow {
                        what: format!(
                            "{verb} {} {goods_named}",
                            goods.exact(request.asset, amount(&request.amount))
                        ),
                        badge: match request.state.as_str() {
                            "granted" => "good",
                            "refused" => "bad",
                            _ => "",
                        },
                        state: request.state,
                        when: show::date_time(request.asked_ms),
                        reason: request.reason.unwrap_or_default(),
                    }
                })
                .collect();
            let waits = requests.iter().any(|request| request.state == "waiting");
            Ok(GoodsPage { page, total: show::usd(total), balances, products, requests, waits })
        })
        .await?;
    page::html(&view)
}

#[derive(Template)]
#[template(path = "portal/describe.html")]
struct DescribePage {
    page: Page,
    form: Form,
    known: Vec<Choice>,
    units: Vec<(String, String)>,
    documents: Vec<Nameable>,
}

async fn describe_view(visitor: &Visitor, app: &Shared, form: Form) -> Result<DescribePage, WebError> {
    let own = visitor.trader()?.to_string();
    let page = visitor.page("Describe goods");
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let goods = Goods::load(&mut model)?;
        let known = goods.traded().into_iter().map(|asset| Choice::new(&goods, asset, String::new()));
        let known: Vec<Choice> = known.collect();
        let documents = documents::nameable(&mut model, &own, &form)?;
        let units = UnitCode::all()
            .map(|unit| (unit.to_string(), format!("{} ({})", unit.name(), unit.symbol())))
            .collect();
        Ok(DescribePage { page, form, known, units, documents })
    })
    .await
}

async fn describe_page(visitor: Visitor, app: Shared, query: Query) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?;
    let mut form = Form::default();
    form.set("origin", user.country.clone());
    form.set("place", user.place.clone());
    form.set("unit", "TNE");
    for name in ["name", "hs", "unit"] {
        if let Some(value) = query.get(name) {
            form.set(name, value.chars().take(120).collect::<String>());
        }
    }
    page::html(&describe_view(&visitor, &app, form).await?)
}

pub(super) fn read_product(form: &mut Form) -> Option<Product> {
    form.spell("origin", country_code);
    form.spell("place", place_code);
    form.set("hs", form.value("hs").replace(['.', ' '], ""));
    let name = form.required("name");
    let hs = form.required("hs");
    let grade = form.required("grade");
    let origin = form.required("origin");
    let unit = form.required("unit");
    let place = form.required("place");
    if form.has_errors() {
        return None;
    }
    Some(Product {
        name: name?,
        hs: hs?,
        grade: grade?,
        origin: origin?,
        unit: unit?,
        place: place?,
        documents: documents::ticked(form),
    })
}

async fn describe(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    if let Some(product) = read_product(&mut form) {
        let headline = format!("You describe {}", product.name);
        let wish = Wish {
            chain: SubChain::Data,
            payload: &data_chain::Payload::DescribeProduct(product),
            headline,
            next: "/goods/vouch".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => {
                let same =
                    ["name", "hs", "grade", "origin", "unit", "place", "documents"].map(|name| (name, name));
                blame(&mut form, &refusal, &same);
            }
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &describe_view(&visitor, &app, form).await?)
}

#[derive(Template)]
#[template(path = "portal/vouch.html")]
struct VouchPage {
    page: Page,
    form: Form,
    products: Vec<(String, String)>,
    assets: Vec<Choice>,
}

async fn vouch_view(visitor: &Visitor, app: &Shared, mut form: Form) -> Result<VouchPage, WebError> {
    let own = visitor.trader()?.to_string();
    let page = visitor.page("Ask a warehouse");
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let goods = Goods::load(&mut model)?;
        let products = model.products_of(&own)?;
        if form.value("product").is_empty()
            && let Some(product) = products.first()
        {
            form.set("product", product.id.clone());
        }
        let chosen = products.iter().find(|product| product.id == form.value("product"));
        let heading = |hs: &str| hs.parse::<HsCode>().map(HsCode::heading).ok();
        let wanted = chosen.and_then(|product| heading(&product.hs));
        let mut assets = Vec::new();
        for asset in goods.traded() {
            let fits = wanted.is_some() && asset.hs.as_deref().and_then(heading) == wanted;
            let issuer = model.party(&asset.issuer)?.map_or_else(String::new, |party| party.name);
            let note = format!("issued by {issuer}");
            assets.push((fits, Choice::new(&goods, asset, note)));
        }
        // Receipts for the same heading of the Harmonized System come first.
        assets.sort_by_key(|(fits, _)| !fits);
        if form.value("asset").is_empty()
            && let Some((true, choice)) = assets.first()
        {
            form.set("asset", choice.id.to_string());
        }
        let products = products
            .into_iter()
            .map(|product| (product.id, format!("{} (HS {}, {})", product.name, product.hs, product.place)))
            .collect();
        Ok(VouchPage { page, form, products, assets: assets.into_iter().map(|(_, choice)| choice).collect() })
    })
    .await
}

async fn vouch_page(visitor: Visitor, app: Shared, query: Query) -> Result<HttpResponse, WebError> {
    let mut form = Form::default();
    form.set("product", query.get("product").cloned().unwrap_or_default());
    page::html(&vouch_view(&visitor, &app, form).await?)
}

/// Refuses `field` when `quantity` is more than the reader has free of an asset.
pub(crate) async fn within_free(
    visitor: &Visitor,
    app: &Shared,
    form: &mut Form,
    asset: i64,
    quantity: Amount,
    field: &str,
) -> Result<(), WebError> {
    let own = visitor.trader()?.to_string();
    let (free, said) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let free = model.balance(&own, asset)?.map_or(Amount::ZERO, |balance| amount(&balance.available));
            Ok((free, Goods::load(&mut model)?.exact(asset, free)))
        })
        .await?;
    if quantity > free {
        form.refuse(field, format!("You have {said} free."));
    }
    Ok(())
}

async fn decimals_of(app: &Shared, asset: i64) -> Result<Option<u8>, WebError> {
    let found = app.read(move |connection| Ok(Model::new(connection).asset(asset)?)).await?;
    Ok(found.map(|asset| asset.places()))
}

async fn vouch(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    let product = form.required::<Hash>("product");
    let asset = form.required::<u32>("asset");
    let decimals = match asset {
        Some(asset) => decimals_of(&app, i64::from(asset)).await?,
        None => None,
    };
    if asset.is_some() && decimals.is_none() {
        form.refuse("asset", "There is no such kind of goods: choose one of the list.");
    }
    let quantity = decimals.and_then(|decimals| read_amount(&mut form, "amount", decimals));
    if let (Some(product), Some(asset), Some(quantity)) = (product, asset, quantity) {
        let payload = payment_chain::Payload::RequestIssue {
            asset: AssetId(u64::from(asset)),
            amount: quantity,
            product,
            document: Hash::ZERO,
        };
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &payload,
            headline: "You ask a warehouse to vouch for your goods".to_owned(),
            next: "/goods".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => {
                blame(&mut form, &refusal, &["asset", "amount", "product"].map(|name| (name, name)));
            }
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &vouch_view(&visitor, &app, form).await?)
}

#[derive(Template)]
#[template(path = "portal/redeem.html")]
struct RedeemPage {
    page: Page,
    form: Form,
    held: Vec<Choice>,
}

async fn redeem_view(visitor: &Visitor, app: &Shared, form: Form) -> Result<RedeemPage, WebError> {
    let own = visitor.trader()?.to_string();
    let held = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let goods = Goods::load(&mut model)?;
            held(&goods, &mut model, &own)
        })
        .await?;
    Ok(RedeemPage { page: visitor.page("Have goods handed out"), form, held })
}

/// What somebody has free to use, as choices.
pub(crate) fn held(goods: &Goods, model: &mut Model<'_>, own: &str) -> Result<Vec<Choice>, WebError> {
    let balances = model.balances_of(own)?;
    Ok(balances
        .iter()
        .filter(|balance| balance.asset != 1 && !amount(&balance.available).is_zero())
        .filter_map(|balance| {
            let asset = goods.asset(balance.asset)?;
            let note = format!("{} free", goods.exact(asset.id, amount(&balance.available)));
            Some(Choice::new(goods, asset, note))
        })
        .collect())
}

async fn redeem_page(visitor: Visitor, app: Shared, query: Query) -> Result<HttpResponse, WebError> {
    let mut form = Form::default();
    form.set("asset", query.get("asset").cloned().unwrap_or_default());
    page::html(&redeem_view(&visitor, &app, form).await?)
}

async fn redeem(visitor: Visitor, app: Shared, Posted(mut form): Posted) -> Result<HttpResponse, WebError> {
    let asset = form.required::<u32>("asset");
    let decimals = match asset {
        Some(asset) => decimals_of(&app, i64::from(asset)).await?,
        None => None,
    };
    if asset.is_some() && decimals.is_none() {
        form.refuse("asset", "There is no such kind of goods: choose one of the list.");
    }
    let quantity = decimals.and_then(|decimals| read_amount(&mut form, "amount", decimals));
    if let (Some(asset), Some(quantity)) = (asset, quantity) {
        within_free(&visitor, &app, &mut form, i64::from(asset), quantity, "amount").await?;
    }
    if let (Some(asset), Some(quantity), false) = (asset, quantity, form.has_errors()) {
        let payload =
            payment_chain::Payload::RequestRedeem { asset: AssetId(u64::from(asset)), amount: quantity };
        let wish = Wish {
            chain: SubChain::Payment,
            payload: &payload,
            headline: "You ask the warehouse to hand out goods".to_owned(),
            next: "/goods".to_owned(),
        };
        match signing::ask(&app, &visitor, wish).await {
            Err(WebError::Refused(refusal)) => {
                blame(&mut form, &refusal, &["asset", "amount"].map(|name| (name, name)));
            }
            other => return other,
        }
    }
    page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &redeem_view(&visitor, &app, form).await?)
}
