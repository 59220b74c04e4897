//! The start page: for visitors what this is, for newcomers the next step, for everyone else what needs doing today.

use actix_web::{HttpResponse, web};
use askama::Template;
use ledger::Address;
use vocabulary::{Role, Standing};

use crate::app::{App, Shared};
use crate::error::WebError;
use crate::language::Lang;
use crate::model::Model;
use crate::page::{self, Page};
use crate::portal::deals::{DealRow, Pace, deal_rows, most_urgent};
use crate::portal::legs::capital;
use crate::portal::stock::{Goods, amount};
use crate::session::Visitor;
use crate::show;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/", web::get().to(home));
}

/// One step of a newcomer's way.
struct Step {
    state: &'static str,
    title: &'static str,
    text: String,
    href: &'static str,
    action: &'static str,
}

/// Something that needs doing.
struct Task {
    warn: bool,
    title: String,
    text: String,
    href: String,
    action: &'static str,
}

/// A figure.
struct Tile {
    label: &'static str,
    figure: String,
    unit: String,
    href: &'static str,
}

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    page: Page,
    headline: String,
    lead: String,
    steps: Vec<Step>,
    to_sign: Vec<DealRow>,
    tasks: Vec<Task>,
    tiles: Vec<Tile>,
    wanted: Vec<Wanted>,
    refresh: bool,
}

/// What others give much of or look for, as a hint.
struct Wanted {
    name: String,
    href: String,
    note: String,
}

#[derive(Template)]
#[template(path = "portal/welcome.html")]
struct WelcomePage {
    page: Page,
    companies: usize,
    offers: i64,
    settled: i64,
}

async fn home(visitor: Visitor, app: Shared) -> Result<HttpResponse, WebError> {
    let Some(user) = visitor.user.clone() else { return welcome(&visitor, &app).await };
    let Some(address) = user.address() else {
        let steps = steps(&Progress::default(), visitor.demo);
        return page::html(&newcomer(&visitor, &user.company, steps, Vec::new(), false));
    };
    let trader = visitor.party.as_ref().is_none_or(|party| party.roles.has(Role::Trader));
    if !trader {
        return desk(&visitor, &app).await;
    }
    let facts = gather(&visitor, &app, address).await?;
    if facts.progress.offered {
        return page::html(&today(&visitor, facts, enrol(&visitor, &app)));
    }
    let waits = facts.progress.registered && !facts.progress.admitted
        || facts.progress.asked && !facts.progress.vouched;
    let steps = steps(&facts.progress, visitor.demo);
    page::html(&newcomer(&visitor, &user.company, steps, facts.wanted, waits))
}

async fn welcome(visitor: &Visitor, app: &Shared) -> Result<HttpResponse, WebError> {
    let (companies, offers, settled) = app
        .read(|connection| {
            let mut model = Model::new(connection);
            let companies = model.parties_standing(Standing::Admitted)?;
            let traders = companies.iter().filter(|party| party.has_role(Role::Trader)).count();
            Ok((traders, model.open_offer_count()?, model.settlement_count()?))
        })
        .await?;
    page::html(&WelcomePage { page: visitor.page("Barter between companies"), companies, offers, settled })
}

/// How far a newcomer has come.
#[derive(Clone, Debug, Default)]
struct Progress {
    key: bool,
    registered: bool,
    refused: Option<String>,
    suspended: Option<String>,
    admitted: bool,
    described: bool,
    asked: bool,
    vouched: bool,
    offered: bool,
}

struct Facts {
    progress: Progress,
    to_sign: Vec<DealRow>,
    tasks: Vec<Task>,
    tiles: Vec<Tile>,
    wanted: Vec<Wanted>,
}

/// Whether all three chains know the party by now.
fn known_everywhere(app: &App, account: Address) -> bool {
    app.chains.payment.view(|state| payment_chain::view::party(state, account)).is_some()
        && app.chains.data.view(|state| data_chain::view::party(state, account)).is_some()
}

async fn gather(visitor: &Visitor, app: &Shared, address: Address) -> Result<Facts, WebError> {
    let everywhere = known_everywhere(app, address);
    let shared = app.clone();
    let own = address.to_string();
    let party = visitor.party.clone();
    app.read(move |connection| {
        let mut model = Model::new(connection);
        let goods = Goods::load(&mut model)?;
        let record = model.party(&own)?;
        let reason = record.as_ref().and_then(|party| party.reason.clone()).unwrap_or_default();
        let standing = party.as_ref().map(|party| party.standing);
        let products = model.products_of(&own)?;
        let requests = model.requests_of(&own, 50)?;
        let balances = model.balances_of(&own)?;
        let offers = model.offers_of(&own, false, None, 200)?.rows;
        let contracts = most_urgent(model.contracts_to_sign(&own)?, 5);
        let pace = Pace::of(&shared.chains.payment);
        let to_sign = deal_rows(&shared, &pace, &mut model, &goods, &own, &contracts)?;
        let settled = record.as_ref().map_or(0, |party| party.settled);
        let traded: Vec<_> = balances.iter().filter(|balance| balance.asset != 1).collect();
        let asked = requests.iter().any(|request| request.kind == "issue" && request.state != "refused");
        let progress = Progress {
            key: true,
            registered: standing.is_some(),
            refused: (standing == Some(Standing::Refused)).then(|| reason.clone()),
            suspended: (standing == Some(Standing::Suspended)).then_some(reason),
            admitted: standing.is_some_and(|standing| standing != Standing::Pending) && everywhere,
            described: !products.is_empty(),
            asked,
            vouched: !traded.is_empty(),
            offered: !offers.is_empty() || settled > 0,
        };
        let mut tasks = Vec::new();
        for request in requests.iter().filter(|request| request.state == "refused").take(2) {
            tasks.push(Task {
                warn: true,
                title: format!(
                    "The warehouse refused {} of {}",
                    goods.brief(request.asset, amount(&request.amount)),
                    goods.name(request.asset)
                ),
                text: request.reason.clone().unwrap_or_default(),
                href: "/goods".to_owned(),
                action: "Look",
            });
        }
        let idle: Vec<String> = traded
            .iter()
            .filter(|balance| !amount(&balance.available).is_zero())
            .filter(|balance| !offers.iter().any(|offer| offer.is_open() && offer.give == balance.asset))
            .map(|balance| {
                let available = amount(&balance.available);
                format!("{} {}", goods.brief(balance.asset, available), goods.name(balance.asset))
            })
            .collect();
        if !idle.is_empty() {
            tasks.push(Task {
                warn: false,
                title: format!(
                    "Idle in the warehouse: {}",
                    idle.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
                ),
                text: "Offer it for what you need, or have it handed out.".to_owned(),
                href: "/offers/new".to_owned(),
                action: "Make an offer",
            });
        }
        let open: Vec<_> = offers.iter().filter(|offer| offer.is_open()).collect();
        let worth = traded
            .iter()
            .filter_map(|balance| {
                let all = amount(&balance.available).checked_add(amount(&balance.locked)).ok()?;
                goods.worth(balance.asset, all)
            })
            .fold(0u128, u128::saturating_add);
        let tiles = vec![
            Tile {
                label: "Your goods at reference prices",
                figure: show::usd_brief(worth),
                unit: String::new(),
                href: "/goods",
            },
            Tile {
                label: "Open offers",
                figure: open.len().to_string(),
                unit: String::new(),
                href: "/offers",
            },
            Tile {
                label: "Rings settled",
                figure: settled.to_string(),
                unit: record.as_ref().map_or(String::new(), |party| {
                    format!("worth {}", show::usd_brief(party.settled_micro_usd.get()))
                }),
                href: "/history",
            },
        ];
        let wanted = wanted(&mut model, &goods)?;
        Ok(Facts { progress, to_sign, tasks, tiles, wanted })
    })
    .await
}

/// The goods that most open offers look for.
fn wanted(model: &mut Model<'_>, goods: &Goods) -> Result<Vec<Wanted>, WebError> {
    let mut counts = model.wanted_counts()?;
    counts.sort_by_key(|(asset, count)| (std::cmp::Reverse(*count), *asset));
    Ok(counts
        .into_iter()
        .take(6)
        .map(|(asset, count)| Wanted {
            name: goods.name(asset),
            href: format!("/market?goods={asset}"),
            note: show::counted(usize::try_from(count).unwrap_or(0), "offer wants it", "offers want it"),
        })
        .collect())
}

fn steps(progress: &Progress, demo: bool) -> Vec<Step> {
    let done = [
        progress.key && progress.registered,
        progress.admitted,
        progress.described,
        progress.vouched,
        progress.offered,
    ];
    let now = done.iter().position(|done| !done).unwrap_or(done.len());
    let state = |at: usize| {
        if done[at] {
            "done"
        } else if at == now {
            "now"
        } else {
            "later"
        }
    };
    let helper = |text: &str, played: &str| if demo { format!("{text} {played}") } else { text.to_owned() };
    let admission = match (&progress.refused, progress.registered) {
        (Some(reason), _) => {
            format!("The operator turned the registration down: {reason}. Correct it and sign again.")
        }
        (None, true) if now == 1 => helper(
            "The operator compares your registration with the commercial register.",
            "In this demonstration a program plays the operator: it takes a few seconds, and this page follows.",
        ),
        _ => "The operator compares your registration with the commercial register.".to_owned(),
    };
    vec![
        Step {
            state: state(0),
            title: "Make your key and register",
            text: "A key in this browser signs for your company; its first signature is the registration."
                .to_owned(),
            href: if progress.key { "/register" } else { "/keys" },
            action: if progress.key { "Register" } else { "Make the key" },
        },
        Step {
            state: state(1),
            title: "Be admitted",
            text: admission,
            href: if progress.refused.is_some() { "/register" } else { "" },
            action: if progress.refused.is_some() { "Correct the registration" } else { "" },
        },
        Step {
            state: state(2),
            title: "Describe your goods",
            text: "What it is, its grade and origin, and where it lies.".to_owned(),
            href: "/goods/describe",
            action: "Describe goods",
        },
        Step {
            state: state(3),
            title: "Have a warehouse vouch for them",
            text: helper(
                "The warehouse confirms that the goods are there and issues warehouse receipts, unit for unit.",
                "In this demonstration a program plays the warehouse.",
            ),
            href: if progress.asked { "/goods" } else { "/goods/vouch" },
            action: if progress.asked { "See how it stands" } else { "Ask a warehouse" },
        },
        Step {
            state: state(4),
            title: "Offer them for what you need",
            text: "State what you give and the least you want for it. The market looks for a ring."
                .to_owned(),
            href: "/offers/new",
            action: "Make an offer",
        },
    ]
}

fn newcomer(
    visitor: &Visitor,
    company: &str,
    steps: Vec<Step>,
    wanted: Vec<Wanted>,
    refresh: bool,
) -> HomePage {
    let left = steps.iter().filter(|step| step.state != "done").count();
    HomePage {
        page: visitor.page("Home"),
        headline: match left {
            1 => "One step to your first offer".to_owned(),
            left => format!("{} steps to your first offer", capital(&show::word(left))),
        },
        lead: format!("Welcome, {company}. Each step shows what it asks of you before you sign it."),
        steps,
        to_sign: Vec::new(),
        tasks: Vec::new(),
        tiles: Vec::new(),
        wanted,
        refresh,
    }
}

/// Reminds that this browser cannot sign for the account yet.
fn enrol(visitor: &Visitor, app: &Shared) -> Option<Task> {
    let user = visitor.user.as_ref()?;
    let account = user.address()?;
    let now = crate::clock::now();
    let known = app.chains.identity.view(|state| ledger::account::account(state, account));
    let signs = |key: &ledger::PublicKey| known.scope(account, *key, now) == Some(ledger::Scope::Full);
    if visitor.browser_keys.iter().any(signs) {
        return None;
    }
    let code = crate::portal::keys::demo_code(app, user);
    Some(Task {
        warn: false,
        title: format!("Let this browser sign for {}", user.company),
        text: match code {
            Some(_) => "It has no key yet. The demonstration has a one-time code ready for it.".to_owned(),
            None => "It has no key yet. Enter a one-time code, or restore a key from its backup.".to_owned(),
        },
        href: "/keys?next=/".to_owned(),
        action: "Enrol this browser",
    })
}

fn today(visitor: &Visitor, facts: Facts, enrol: Option<Task>) -> HomePage {
    let mut tasks = facts.tasks;
    tasks.splice(0..0, enrol);
    if let Some(reason) = &facts.progress.suspended {
        tasks.insert(
            0,
            Task {
                warn: true,
                title: "Your company is suspended".to_owned(),
                text: format!(
                    "{reason}. What you hold stays yours; you cannot trade until you are reinstated."
                ),
                href: "/account".to_owned(),
                action: "Look",
            },
        );
    }
    let waiting = visitor.party.as_ref().map_or(0, |party| party.to_sign);
    if waiting > facts.to_sign.len() {
        tasks.push(Task {
            warn: false,
            title: show::counted(
                waiting - facts.to_sign.len(),
                "more deal needs your signature",
                "more deals need your signature",
            ),
            text: "The most urgent ones stand above.".to_owned(),
            href: "/deals".to_owned(),
            action: "See all",
        });
    }
    let count = facts.to_sign.len() + tasks.len();
    HomePage {
        page: visitor.page("Home"),
        headline: match count {
            0 => "Nothing needs doing today".to_owned(),
            1 => "One thing needs doing today".to_owned(),
            count => format!("{} things need doing today", capital(&show::word(count))),
        },
        lead: if facts.to_sign.is_empty() {
            "Your offers are in the book. When a ring closes, it appears here for your signature.".to_owned()
        } else {
            "Rings wait for your signature; nothing moves without it.".to_owned()
        },
        steps: Vec::new(),
        to_sign: facts.to_sign,
        tasks,
        tiles: facts.tiles,
        wanted: facts.wanted,
        refresh: false,
    }
}

/// The start page of those who do not trade.
async fn desk(visitor: &Visitor, app: &Shared) -> Result<HttpResponse, WebError> {
    let waiting = visitor.party.as_ref().map_or(0, |party| party.to_answer);
    let mut tasks: Vec<Task> = enrol(visitor, app).into_iter().collect();
    let mut task = |title: String, text: &str, href: &str, action| {
        tasks.push(Task { warn: false, title, text: text.to_owned(), href: href.to_owned(), action });
    };
    if visitor.has(Role::Operator) {
        let title = show::counted(waiting, "company waits for admission", "companies wait for admission");
        task(title, "Compare what they say with the commercial register.", "/admissions", "Open the queue");
    }
    if visitor.has(Role::Gateway) {
        let title = show::counted(waiting, "request waits for your answer", "requests wait for your answer");
        task(title, "Vouch only for what is in your warehouse.", "/requests", "Open the queue");
    }
    if visitor.has(Role::Supervisor) {
        task(
            "The market as a whole".to_owned(),
            "Value cleared, parties, and who settles with whom.",
            "/supervisor",
            "Open the dashboard",
        );
    }
    if visitor.has(Role::Bank) {
        task(
            "What companies shared with you".to_owned(),
            "Settlements, credit records and proofs come through the interface for programs.",
            "/api/v1/openapi.json",
            "See the interface",
        );
    }
    page::html(&HomePage {
        page: visitor.page("Home"),
        headline: "What needs doing today".to_owned(),
        lead: String::new(),
        steps: Vec::new(),
        to_sign: Vec::new(),
        tasks,
        tiles: Vec::new(),
        wanted: Vec::new(),
        refresh: false,
    })
}

/// The picture on the welcome page: a made-up ring.
pub(crate) fn example() -> String {
    use crate::ring::{Corner, Mark, Middle, RingPicture};
    let rows = [
        ("BD", "A mill in Dhaka", "Jute yarn", "412\u{a0}t", "$\u{a0}371k", "A weaver in Karachi"),
        ("PK", "A weaver in Karachi", "Cotton fabric", "74\u{a0}t", "$\u{a0}373k", "A refinery in Baku"),
        ("AZ", "A refinery in Baku", "Diesel", "512\u{a0}t", "$\u{a0}372k", "A farm in Almaty"),
        ("KZ", "A farm in Almaty", "Milling wheat", "1,690\u{a0}t", "$\u{a0}372k", "A roaster in Hanoi"),
        ("VN", "A roaster in Hanoi", "Robusta coffee", "118\u{a0}t", "$\u{a0}371k", "A mill in Dhaka"),
    ];
    let corners = rows
        .iter()
        .map(|(country, name, goods, quantity, value, to)| Corner {
            country: (*country).to_owned(),
            name: (*name).to_owned(),
            you: *country == "BD",
            mark: Mark::Unsigned,
            goods: (*goods).to_owned(),
            quantity: (*quantity).to_owned(),
            exact: (*quantity).to_owned(),
            value: (*value).to_owned(),
            to: (*to).to_owned(),
            rate: String::new(),
        })
        .collect();
    let middle =
        Middle { total: "$\u{a0}371k".to_owned(), legs: "once round · 5 legs · all or none".to_owned() };
    RingPicture::new(corners, middle, Lang::English).render().unwrap_or_default()
}
