//! The dashboard: how the market does, and what looks risky.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use clearing::Amount;
use ledger::SubChain;
use vocabulary::{Role, Standing};

use super::alerts::{Alert, Evidence, alerts};
use super::chart::{self, Bar};
use super::csv::Csv;
use super::figures::Figures;
use super::{map, number, query};
use crate::api::wire::{rfc3339, usd};
use crate::app::{App, Shared};
use crate::db::AnyConnection;
use crate::error::WebError;
use crate::model::Model;
use crate::model::figures::LegFact;
use crate::model::market::Asset;
use crate::page::{self, Page};
use crate::session::Visitor;
use crate::show;

/// The most bars of a lying chart; the table has all.
const MAX_ROWS: usize = 12;
/// How old a price may be where the chain does not say.
const PRICE_AGE_MS: i64 = 7 * 86_400_000;

#[derive(Template)]
#[template(path = "supervisor/dashboard.html")]
struct Dashboard {
    page: Page,
    headline: String,
    height: i64,
    head: i64,
    as_of: String,
    now: bool,
    tiles: Vec<Tile>,
    alerts: Vec<Alert>,
    by_the: &'static str,
    over_time: String,
    over_time_rows: Vec<[String; 3]>,
    countries: String,
    country_rows: Vec<[String; 3]>,
    commodities: String,
    commodity_rows: Vec<[String; 4]>,
    map: String,
    flow_rows: Vec<[String; 4]>,
}

struct Tile {
    label: &'static str,
    figure: String,
    unit: String,
}

/// Everything that the dashboard is made of.
struct Snapshot {
    height: i64,
    head: i64,
    time_ms: i64,
    figures: Arc<Figures>,
    assets: BTreeMap<i64, Asset>,
    tiles: Vec<Tile>,
    alerts: Vec<Alert>,
}

/// The height to show: the one asked for, or the newest. Later ones are refused.
fn height_of(model: &mut Model<'_>, asked: Option<i64>) -> Result<(i64, i64, i64), WebError> {
    let head = model.height(SubChain::Payment)?.ok_or(WebError::Unavailable("the payment chain"))?;
    let height = asked.unwrap_or(head);
    if height > head {
        return Err(WebError::bad("height", format!("the payment chain stands at {head}")));
    }
    let time = model.block(SubChain::Payment, height)?.map_or(0, |block| block.time_ms);
    Ok((height, head, time))
}

fn snapshot(
    app: &App,
    connection: &mut AnyConnection,
    asked: Option<i64>,
    price_age_ms: i64,
) -> Result<Snapshot, WebError> {
    let mut model = Model::new(connection);
    let (height, head, time_ms) = height_of(&mut model, asked)?;
    let key = model.figures_key(height)?;
    let mut sum_up = || Ok::<_, WebError>(Figures::of(&model.leg_facts(height)?, &model.countries()?));
    // Only the newest sums are asked for again and again.
    let figures = if height == head { app.figures.at(key, sum_up)? } else { Arc::new(sum_up()?) };
    let assets = model.assets()?;
    let mut tiles = vec![
        Tile {
            label: "Cleared",
            figure: show::usd_brief(figures.value),
            unit: "every leg counted".to_owned(),
        },
        Tile {
            label: "Rings settled",
            figure: show::grouped(&figures.rings.to_string()),
            unit: String::new(),
        },
    ];
    let mut found = Vec::new();
    if height == head {
        let parties = model.parties()?;
        let standing =
            |standing: Standing| parties.iter().filter(|party| party.standing == standing.name()).count();
        let (admitted, suspended) = (standing(Standing::Admitted), standing(Standing::Suspended));
        tiles.push(Tile {
            label: "Organisations admitted",
            figure: admitted.to_string(),
            unit: format!("and {suspended} suspended"),
        });
        let open = model.open_offer_count()?;
        tiles.push(Tile {
            label: "Open offers",
            figure: show::grouped(&open.to_string()),
            unit: String::new(),
        });
        let waiting = model.contracts_waiting()?.len();
        tiles.push(Tile {
            label: "Rings that wait for signatures",
            figure: waiting.to_string(),
            unit: String::new(),
        });
        let genesis = app.chains.identity.genesis();
        found = alerts(&Evidence {
            figures: &figures,
            parties: &parties,
            assets: &assets,
            prices: &model.latest_prices(None)?,
            fines: &model.fines(100)?,
            price_age_ms,
            now_ms: time_ms,
            checkpoint_ms: last_checkpoint_ms(app),
            checkpoint_every_ms: wide(genesis.rules.era_end().most_ms),
        });
    }
    Ok(Snapshot { height, head, time_ms, figures, assets, tiles, alerts: found })
}

/// When the last checkpoint was made, or the network while it has none; `None` where none ever comes.
fn last_checkpoint_ms(app: &App) -> Option<i64> {
    let identity = &app.chains.identity;
    if identity.genesis().rules.endless() {
        return None;
    }
    let last = identity.last_checkpoint().ok().flatten();
    Some(wide(last.map_or(identity.genesis().time, |last| last.time).0))
}

fn wide(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn time_label(ms: i64, hourly: bool) -> String {
    let text = show::date_time(ms);
    if hourly {
        // `21 Nov 2026, 08:15 UTC`: the hour is what tells the bars apart.
        return text.split(",\u{a0}").nth(1).unwrap_or_default().trim_end_matches("\u{a0}UTC").to_owned();
    }
    show::date(ms).rsplit_once('\u{a0}').map(|(day, _)| day.to_owned()).unwrap_or_default()
}

/// `Bangladesh (BD)`.
fn named(code: &str) -> String {
    match map::name(code) {
        name if name == code => code.to_owned(),
        name => format!("{name} ({code})"),
    }
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    let form = query(request.query_string(), &["height"])?;
    let asked = number(&form, "height", i64::MAX)?;
    let config = app.chains.payment.view(payment_chain::view::config);
    let price_age =
        config.map_or(PRICE_AGE_MS, |config| i64::try_from(config.price_max_age_ms).unwrap_or(PRICE_AGE_MS));
    let shared = app.clone();
    let Snapshot { height, head, time_ms, figures, assets, tiles, alerts } =
        app.read(move |connection| snapshot(&shared, connection, asked, price_age)).await?;

    let hourly = figures.bucket_ms < 86_400_000;
    let over_time: Vec<Bar> = figures
        .over_time
        .iter()
        .map(|bucket| Bar {
            label: time_label(bucket.start_ms, hourly),
            value: bucket.value,
            detail: format!(
                "{}: {}, {}",
                if hourly { show::date_time(bucket.start_ms) } else { show::date(bucket.start_ms) },
                show::usd(bucket.value),
                show::counted(bucket.rings, "ring", "rings")
            ),
        })
        .collect();
    let countries: Vec<Bar> = figures
        .by_country
        .iter()
        .take(MAX_ROWS)
        .map(|row| Bar {
            label: map::name(&row.country).to_owned(),
            value: row.gave,
            detail: format!(
                "{} gave {} and got {}",
                map::name(&row.country),
                show::usd(row.gave),
                show::usd(row.got)
            ),
        })
        .collect();
    let quantity = |asset: i64, units: u128| {
        let Some(asset) = assets.get(&asset) else { return String::new() };
        let amount = Amount::new(units).unwrap_or(Amount::MAX);
        format!("{}\u{a0}{}", show::brief(amount, asset.places()), asset.symbol())
    };
    let commodities: Vec<Bar> = figures
        .by_commodity
        .iter()
        .take(MAX_ROWS)
        .map(|row| Bar {
            label: row.name.clone(),
            value: row.value,
            detail: format!(
                "{}: {} worth {}",
                row.name,
                quantity(row.asset, row.quantity),
                show::usd(row.value)
            ),
        })
        .collect();
    page::html(&Dashboard {
        page: visitor.page("Supervision"),
        headline: match (figures.rings, alerts.len()) {
            (0, _) => "Nothing has settled yet".to_owned(),
            (_, 0) => "Nothing needs your attention".to_owned(),
            (_, count) => format!(
                "{} {} a look",
                show::counted(count, "thing", "things"),
                if count == 1 { "deserves" } else { "deserve" }
            ),
        },
        height,
        head,
        as_of: show::date_time(time_ms),
        now: height == head,
        tiles,
        alerts,
        by_the: if hourly { "hour" } else { "day" },
        over_time: chart::columns(&over_time, "Value cleared over time, in US dollars"),
        over_time_rows: figures
            .over_time
            .iter()
            .map(|bucket| {
                [show::date_time(bucket.start_ms), bucket.rings.to_string(), show::usd(bucket.value)]
            })
            .collect(),
        countries: chart::rows(&countries, "Value given by country, in US dollars"),
        country_rows: figures
            .by_country
            .iter()
            .map(|row| [named(&row.country), show::usd(row.gave), show::usd(row.got)])
            .collect(),
        commodities: chart::rows(&commodities, "Value by commodity, in US dollars"),
        commodity_rows: figures
            .by_commodity
            .iter()
            .map(|row| {
                [row.name.clone(), row.hs.clone(), quantity(row.asset, row.quantity), show::usd(row.value)]
            })
            .collect(),
        map: map::draw(&figures.flows, "Deliveries between countries, by value"),
        flow_rows: figures
            .flows
            .iter()
            .map(|flow| [named(&flow.from), named(&flow.to), flow.legs.to_string(), show::usd(flow.value)])
            .collect(),
    })
}

/// A CSV file of exact figures as of a height.
pub(super) async fn file(
    request: HttpRequest,
    visitor: Visitor,
    app: Shared,
    path: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    visitor.require(Role::Supervisor)?;
    let form = query(request.query_string(), &["height"])?;
    let asked = number(&form, "height", i64::MAX)?;
    let name = path.into_inner();
    if !["over-time", "countries", "commodities", "flows", "parties", "legs"].contains(&name.as_str()) {
        return Err(WebError::NotFound);
    }
    let (height, facts, countries, names, assets) = app
        .read(move |connection| {
            let mut model = Model::new(connection);
            let (height, ..) = height_of(&mut model, asked)?;
            let facts = model.leg_facts(height)?;
            Ok((height, facts, model.countries()?, model.party_names()?, model.assets()?))
        })
        .await?;
    let csv = match name.as_str() {
        "legs" => legs(&facts, &countries, &names, &assets),
        other => sums(other, &Figures::of(&facts, &countries), &names, &assets),
    };
    Ok(csv.answer(&format!("{name}-{height}.csv")))
}

fn legs(
    facts: &[LegFact],
    countries: &BTreeMap<String, String>,
    names: &BTreeMap<String, String>,
    assets: &BTreeMap<i64, Asset>,
) -> Csv {
    let mut csv = Csv::new(&[
        "height",
        "settled_at",
        "settlement",
        "from",
        "from_name",
        "from_country",
        "to",
        "to_name",
        "to_country",
        "asset",
        "hs",
        "quantity",
        "unit",
        "value_usd",
    ]);
    let of = |map: &BTreeMap<String, String>, party: &str| map.get(party).cloned().unwrap_or_default();
    for fact in facts {
        let asset = assets.get(&fact.asset);
        csv.line(&[
            fact.height.to_string(),
            rfc3339(fact.at_ms),
            fact.settlement.clone(),
            fact.party.clone(),
            of(names, &fact.party),
            of(countries, &fact.party),
            fact.to_party.clone(),
            of(names, &fact.to_party),
            of(countries, &fact.to_party),
            fact.asset_name.clone(),
            fact.hs.clone().unwrap_or_default(),
            asset.map_or_else(String::new, |asset| fact.quantity.amount().display(asset.places())),
            asset.map_or_else(String::new, |asset| asset.unit.clone()),
            usd(fact.value_micro_usd.get()),
        ]);
    }
    csv
}

fn sums(
    name: &str,
    figures: &Figures,
    names: &BTreeMap<String, String>,
    assets: &BTreeMap<i64, Asset>,
) -> Csv {
    match name {
        "countries" => {
            let mut csv = Csv::new(&["country", "gave_usd", "got_usd"]);
            for row in &figures.by_country {
                csv.line(&[row.country.clone(), usd(row.gave), usd(row.got)]);
            }
            csv
        }
        "commodities" => {
            let mut csv = Csv::new(&["asset", "name", "hs", "quantity", "unit", "value_usd"]);
            for row in &figures.by_commodity {
                let asset = assets.get(&row.asset);
                let amount = Amount::new(row.quantity).unwrap_or(Amount::MAX);
                csv.line(&[
                    row.asset.to_string(),
                    row.name.clone(),
                    row.hs.clone(),
                    asset.map_or_else(String::new, |asset| amount.display(asset.places())),
                    asset.map_or_else(String::new, |asset| asset.unit.clone()),
                    usd(row.value),
                ]);
            }
            csv
        }
        "flows" => {
            let mut csv = Csv::new(&["from", "to", "deliveries", "value_usd"]);
            for flow in &figures.flows {
                csv.line(&[flow.from.clone(), flow.to.clone(), flow.legs.to_string(), usd(flow.value)]);
            }
            csv
        }
        "parties" => {
            let mut csv = Csv::new(&["account", "name", "rings", "gave_usd"]);
            for row in &figures.by_party {
                let name = names.get(&row.party).cloned().unwrap_or_default();
                csv.line(&[row.party.clone(), name, row.rings.to_string(), usd(row.gave)]);
            }
            csv
        }
        _ => {
            let mut csv = Csv::new(&["begins_at", "hours", "rings", "value_usd"]);
            let hours = (figures.bucket_ms / 3_600_000).to_string();
            for bucket in &figures.over_time {
                csv.line(&[
                    rfc3339(bucket.start_ms),
                    hours.clone(),
                    bucket.rings.to_string(),
                    usd(bucket.value),
                ]);
            }
            csv
        }
    }
}
