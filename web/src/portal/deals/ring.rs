//! The ring page, on which somebody decides to trade.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::Amount;
use ledger::SubChain;

use super::{Pace, agreed, parties as companies, slowest};
use crate::app::{App, Shared};
use crate::error::WebError;
use crate::language::Lang;
use crate::model::Model;
use crate::model::contract::{Contract, ContractSigner};
use crate::model::offer::Offer;
use crate::model::party::Party;
use crate::page::{self, Page};
use crate::portal::explained::{Explained, Facts, OwnLimit};
use crate::portal::legs::{Leg, Side, picture, received, said, side};
use crate::portal::stock::{Goods, amount};
use crate::ring::Mark;
use crate::session::Visitor;
use crate::show;
use crate::sure::{Release, confidence};

/// What a ring page is made of.
struct Parts {
    contract: Contract,
    rings: Vec<Vec<Leg>>,
    signers: Vec<ContractSigner>,
    offers: BTreeMap<i64, Offer>,
    parties: BTreeMap<String, Party>,
    goods: Goods,
    batch: Option<crate::model::offer::Batch>,
    settled_at: Option<i64>,
    settlements: Vec<String>,
    /// Whether what settled counts outside already.
    release: Option<Release>,
    /// What the reader has free, by asset.
    free: BTreeMap<i64, Amount>,
    /// What the reader's binding offers in this contract have locked already, by asset.
    binding: BTreeMap<i64, Amount>,
}

fn load(app: &App, model: &mut Model<'_>, id: i64, own: &str) -> Result<Parts, WebError> {
    if !model.is_signer(id, own)? && !model.contract_legs(id)?.iter().any(|leg| leg.party == own) {
        return Err(WebError::NotFound);
    }
    let contract = model.contract(id)?.ok_or(WebError::NotFound)?;
    let legs = model.contract_legs(id)?;
    let mut rings: BTreeMap<i64, Vec<Leg>> = BTreeMap::new();
    for leg in &legs {
        rings.entry(leg.ring).or_default().push(Leg::from(leg));
    }
    let mut offers = BTreeMap::new();
    let mut parties = BTreeMap::new();
    for leg in &legs {
        if leg.party == own
            && let Some(offer) = model.offer(leg.offer)?
        {
            offers.insert(leg.offer, offer);
        }
        if !parties.contains_key(&leg.party)
            && let Some(party) = model.party(&leg.party)?
        {
            parties.insert(leg.party.clone(), party);
        }
    }
    let batch = model.batch(contract.batch)?;
    let balances = model.balances_of(own)?;
    let free = balances.iter().map(|balance| (balance.asset, amount(&balance.available))).collect();
    let mut binding: BTreeMap<i64, Amount> = BTreeMap::new();
    for leg in legs.iter().filter(|leg| leg.party == own) {
        if offers.get(&leg.offer).is_some_and(|offer: &Offer| offer.commitment == "binding") {
            let sum = binding.entry(leg.asset).or_default();
            *sum = sum.checked_add(amount(&leg.quantity)).unwrap_or(Amount::MAX);
        }
    }
    let settled = model.settlements_of_contract(id)?;
    let settled_at = settled.iter().map(|settled| settled.height).max();
    let settlements = settled.into_iter().map(|settled| settled.id).collect();
    Ok(Parts {
        signers: model.contract_signers(id)?,
        goods: Goods::load(model)?,
        rings: rings.into_values().collect(),
        contract,
        offers,
        parties,
        batch,
        settled_at,
        settlements,
        release: slowest(app, model, id, own)?,
        free,
        binding,
    })
}

/// A line of "your side of it".
struct Line {
    label: &'static str,
    value: String,
    good: bool,
}

#[derive(Template)]
#[template(path = "portal/deal.html")]
struct DealPage {
    page: Page,
    id: i64,
    headline: String,
    lead: String,
    /// Each ring as a picture, and explained.
    rings: Vec<(String, String)>,
    lines: Vec<Line>,
    signed: usize,
    signers: usize,
    /// How many have signed, as a sentence.
    signed_words: String,
    left: Option<String>,
    state: String,
    can_sign: bool,
    have_signed: bool,
    why: String,
    short: Vec<String>,
    sure: Vec<(&'static str, String)>,
    settlements: Vec<String>,
    /// What keeps an executed deal from counting outside, in words.
    waits: Option<String>,
    grows: bool,
    made: String,
    batch: i64,
    deadline: i64,
}

/// The rows of "your side of it" for an offer of the reader's.
fn own_lines(parts: &Parts, own: &str, lang: Lang) -> Vec<Line> {
    let Parts { goods, rings, offers, .. } = parts;
    let legs: Vec<Leg> = rings.iter().flatten().cloned().collect();
    let mine = side(&legs, own);
    let line = |label, value: String| Line { label, value, good: false };
    let mut lines = Vec::new();
    for (asset, quantity, _) in &mine.gives {
        lines.push(line("You give", format!("{} {}", goods.exact(*asset, *quantity), goods.name(*asset))));
    }
    for (asset, quantity, _) in &mine.gets {
        lines.push(line("You get", format!("{} {}", goods.exact(*asset, *quantity), goods.name(*asset))));
    }
    for ring in rings {
        for (at, leg) in ring.iter().enumerate().filter(|(_, leg)| leg.party == own) {
            let Some(offer) = offers.get(&leg.offer) else { continue };
            let Some(got) = received(ring, at) else { continue };
            if let Some(rate) = goods.rate_in_full(leg.asset, leg.quantity, got.asset, got.quantity) {
                lines.push(line("Your rate", rate));
            }
            if let Some(own) = OwnLimit::new(goods, offer, parts.contract.batch, leg, got, lang) {
                lines.push(line("Your limit", own.limit));
                lines.push(Line { label: "Better than your limit", value: own.better, good: own.good });
            }
        }
    }
    let worth = |sums: &[(i64, Amount, u128)]| sums.iter().map(|(_, _, value)| value).sum::<u128>();
    lines.push(line(
        "Reference value",
        format!("{} → {}", show::usd(worth(&mine.gives)), show::usd(worth(&mine.gets))),
    ));
    if let Some(offer) = offers.values().next() {
        let where_to = format!("{} {}", offer.incoterm, offer.place);
        let may_leave = parts.release.is_none_or(|release| release.may_leave());
        lines.push(line(
            "You deliver",
            if may_leave { where_to } else { lang.fill("{}, not before it counts outside", &[&where_to]) },
        ));
    }
    lines
}

/// What the reader promises in a ring and has not got free, in words.
fn lacking(parts: &Parts, mine: &Side, lang: Lang) -> Vec<String> {
    let Parts { goods, free, binding, .. } = parts;
    let short = |(asset, quantity, _): &(i64, Amount, u128)| {
        // What a binding offer gives is locked already.
        let locked = binding.get(asset).copied().unwrap_or(Amount::ZERO);
        let needed = quantity.checked_sub(locked).unwrap_or(Amount::ZERO);
        let free = free.get(asset).copied().unwrap_or(Amount::ZERO);
        (needed > free).then(|| {
            let (free, needed) = (goods.exact(*asset, free), goods.exact(*asset, needed));
            let values = [free.as_str(), &goods.name(*asset), &needed];
            lang.fill("You have {} {} free, and this ring needs {} of you.", &values)
        })
    };
    mine.gives.iter().filter_map(short).collect()
}

/// The fairness band of the payment chain, in parts per million.
pub(crate) fn band_ppm(app: &App) -> u32 {
    let config = app.chains.payment.view(payment_chain::view::config);
    config.map_or(0, |config| config.rules().band.ppm())
}

/// A gap between what was cleared and what the solver's bound allows is told up to here, in tenths of a percent;
/// beyond, the bound says little about the clearing.
const TELLING_GAP: u128 = 200;

/// How sure a cleared ring is, as far as this node can say it; `open` while signatures are missing, `settled` the height
/// at which it settled.
pub(crate) fn sureness(
    app: &App,
    batch: Option<&crate::model::offer::Batch>,
    open: bool,
    settled: Option<i64>,
    lang: Lang,
) -> Vec<(&'static str, String)> {
    let checks = if open {
        "limits, equal gain, deadlines; stock when you sign"
    } else {
        "limits, equal gain, stock, standing, deadlines"
    };
    let mut sure = vec![("Checks passed", lang.say(checks).to_owned())];
    let gap = batch.and_then(|batch| {
        let (value, bound) = (batch.value_micro_usd.as_ref()?.get(), batch.bound_micro_usd.as_ref()?.get());
        show::tenths_below(value, bound)
    });
    if let Some(gap) = gap.filter(|gap| *gap < TELLING_GAP) {
        let percent = format!("{}.{}", gap / 10, gap % 10);
        let within = lang.fill("{} % of the best possible, by the solver's bound", &[&percent]);
        sure.push(("Cleared within", within));
    }
    let payment = &app.chains.payment;
    let known = settled.and_then(|height| confidence(app, SubChain::Payment, height));
    let validators = payment.standing().validators;
    sure.push((
        "Confirmations",
        match known {
            Some(known) => known.words(lang),
            None if payment.standing().one_owner => lang.say("demonstration: one operator").to_owned(),
            None => lang.fill("{} validators sign every record", &[&validators.to_string()]),
        },
    ));
    sure
}

/// The page of a deal, for one of its parties.
pub(super) async fn deal_page(
    visitor: Visitor,
    app: Shared,
    path: web::Path<i64>,
) -> Result<HttpResponse, WebError> {
    let own = visitor.address()?.to_string();
    let (id, reader) = (path.into_inner(), own.clone());
    let shared = app.clone();
    let parts = app.read(move |connection| load(&shared, &mut Model::new(connection), id, &reader)).await?;
    let Parts { contract, rings, signers, goods, parties, .. } = &parts;
    let legs: Vec<Leg> = rings.iter().flatten().cloned().collect();
    let mine = side(&legs, &own);
    let page = visitor.page("Deal");
    let answers: BTreeMap<&str, &str> =
        signers.iter().map(|signer| (signer.party.as_str(), signer.answer.as_str())).collect();
    let mark = |party: &str| match answers.get(party) {
        Some(&"declined" | &"lapsed") => Mark::Declined,
        Some(&"waiting") => Mark::Unsigned,
        // Whoever is not asked made a binding offer: that is as good as a signature.
        Some(_) | None => Mark::Signed,
    };
    let waiting = contract.state == "waiting";
    let pace = Pace::of(&app.chains.payment);
    let left = pace.left_ms(contract.deadline_height).filter(|_| waiting).map(show::duration);
    let facts = Facts {
        goods,
        own: &own,
        lang: page.lang,
        parties,
        offers: &parts.offers,
        batch: parts.batch.as_ref(),
        band_ppm: band_ppm(&app),
        deadline: left.as_ref().map(|left| {
            let before = contract.deadline_height.to_string();
            page.fill("signatures count before record {}, in about {}", &[&before, left])
        }),
    };
    let drawn = rings
        .iter()
        .map(|ring| {
            let drawn = picture(goods, ring, &own, page.lang, parties, mark);
            Ok((drawn.render()?, Explained::new(&facts, ring).render()?))
        })
        .collect::<Result<Vec<_>, askama::Error>>()
        .map_err(WebError::internal)?;
    let companies = companies(&legs);
    let (give, get) = (said(goods, &mine.gives), said(goods, &mine.gets));
    let (headline, lead) = match contract.state.as_str() {
        "executed" => (
            page.fill("You gave {} and got {}", &[&give, &get]),
            page.t("Everyone signed, and everything moved at once.").to_owned(),
        ),
        "dissolved" => (
            page.fill("Nothing moved: {} stayed yours", &[&give]),
            page.t("The ring dissolved. Your offer is back in the book with all that it had.").to_owned(),
        ),
        _ => (
            page.fill("You give {} and get {}", &[&give, &get]),
            page.fill(
                "A ring of {} companies. Nothing moves unless everyone signs; then everything moves at once.",
                &[&page.lang.word(companies.len())],
            ),
        ),
    };
    let own_answer = answers.get(own.as_str()).copied();
    let signed = agreed(&companies, signers);
    let (so_many, of_all) = (signed.to_string(), companies.len().to_string());
    let signed_words = match contract.state.as_str() {
        "executed" => page.fill("Signed by all {} companies.", &[&of_all]),
        "dissolved" => page.fill("Signed by {} of {}, then dissolved.", &[&so_many, &of_all]),
        _ => page.fill("Signed by {} of {}", &[&so_many, &of_all]),
    };
    page::html(&DealPage {
        id,
        headline,
        lead,
        rings: drawn,
        lines: own_lines(&parts, &own, page.lang),
        signed,
        signers: companies.len(),
        signed_words,
        left: left.map(|left| page.fill("{} left", &[&left])),
        state: contract.state.clone(),
        can_sign: waiting && own_answer == Some("waiting"),
        have_signed: waiting && own_answer == Some("signed"),
        why: why(contract.why.as_deref(), parties, &own, page.lang),
        sure: sureness(&app, parts.batch.as_ref(), waiting, parts.settled_at, page.lang),
        short: if waiting && own_answer == Some("waiting") {
            lacking(&parts, &mine, page.lang)
        } else {
            Vec::new()
        },
        settlements: parts.settlements.clone(),
        waits: parts
            .release
            .filter(|release| !release.may_leave())
            .map(|release| show::sentence(&release.words(page.lang))),
        grows: parts
            .settled_at
            .and_then(|height| confidence(&app, SubChain::Payment, height))
            .is_some_and(|sure| sure.grows()),
        made: show::date_time(contract.made_ms),
        batch: contract.batch,
        deadline: contract.deadline_height,
        page,
    })
}

/// `declined 0x…` as a sentence with names.
fn why(stored: Option<&str>, parties: &BTreeMap<String, Party>, own: &str, lang: Lang) -> String {
    let Some(stored) = stored else { return String::new() };
    let (what, addresses) = stored.split_once(' ').unwrap_or((stored, ""));
    let names: Vec<String> = addresses
        .split([' ', ','])
        .filter(|address| !address.is_empty())
        .map(|address| {
            if address == own {
                return lang.say("you").to_owned();
            }
            parties.get(address).map_or_else(|| show::short(address), |party| party.name.clone())
        })
        .collect();
    let names = names.join(lang.say(" and "));
    match what {
        "declined" => lang.fill("Declined by {}.", &[&names]),
        "lapsed" => lang.fill("The time passed without the signature of {}.", &[&names]),
        "suspended" => lang.fill("{} may not trade any more.", &[&names]),
        _ => stored.to_owned(),
    }
}
