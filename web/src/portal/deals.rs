//! Deals: what needs the reader's signature, and the ring page on which somebody decides to trade.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, web};
use askama::Template;
use clearing::Amount;
use ledger::{Ledger, SubChain};
use payment_chain::Payload;
use payment_chain::model::ContractId;

use crate::app::{App, Posted, Shared};
use crate::error::WebError;
use crate::language::Lang;
use crate::model::Model;
use crate::model::contract::{Contract, ContractLeg, ContractSigner};
use crate::model::offer::Offer;
use crate::model::party::Party;
use crate::model::settlement::SettlementLeg;
use crate::page::{self, Page};
use crate::portal::explained::{Explained, Facts, OwnLimit};
use crate::portal::stock::{Goods, amount};
use crate::ring::{Corner, Mark, Middle, RingPicture};
use crate::session::Visitor;
use crate::show;
use crate::signing::{self, Wish};
use crate::sure::{Release, confidence, release};

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/deals", web::get().to(deals_page))
        .route("/deals/{id:\\d{1,18}}", web::get().to(deal_page))
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

/// What somebody gives and gets in a contract, summed over its rings.
pub(crate) struct Side {
    pub(crate) gives: Vec<(i64, Amount, u128)>,
    pub(crate) gets: Vec<(i64, Amount, u128)>,
}

/// One leg of a ring, wherever it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) offer: i64,
    pub(crate) party: String,
    pub(crate) to: String,
    pub(crate) asset: i64,
    pub(crate) quantity: Amount,
    pub(crate) value: u128,
}

impl From<&ContractLeg> for Leg {
    fn from(leg: &ContractLeg) -> Leg {
        Leg {
            offer: leg.offer,
            party: leg.party.clone(),
            to: leg.to_party.clone(),
            asset: leg.asset,
            quantity: amount(&leg.quantity),
            value: leg.value_micro_usd.get(),
        }
    }
}

impl From<&SettlementLeg> for Leg {
    fn from(leg: &SettlementLeg) -> Leg {
        Leg {
            offer: leg.offer,
            party: leg.party.clone(),
            to: leg.to_party.clone(),
            asset: leg.asset,
            quantity: amount(&leg.quantity),
            value: leg.value_micro_usd.get(),
        }
    }
}

/// The sum of what `party` gives and gets in `legs`, by asset.
pub(crate) fn side(legs: &[Leg], party: &str) -> Side {
    let mut gives: BTreeMap<i64, (Amount, u128)> = BTreeMap::new();
    let mut gets = gives.clone();
    for leg in legs {
        for (is_his, sums) in [(leg.party == party, &mut gives), (leg.to == party, &mut gets)] {
            if is_his {
                let sum = sums.entry(leg.asset).or_default();
                sum.0 = sum.0.checked_add(leg.quantity).unwrap_or(Amount::MAX);
                sum.1 = sum.1.saturating_add(leg.value);
            }
        }
    }
    let list = |sums: BTreeMap<i64, (Amount, u128)>| {
        sums.into_iter().map(|(asset, (quantity, value))| (asset, quantity, value)).collect()
    };
    Side { gives: list(gives), gets: list(gets) }
}

/// What a ring is worth once round: what one party gives in it, which is what it gets but for the ring's gain. The
/// sum over all legs would say how much is carried about, and grow with the number of companies.
pub(crate) fn once_round(mine: &Side) -> u128 {
    mine.gives.iter().fold(0, |sum, (_, _, value)| sum.saturating_add(*value))
}

/// `412 t jute yarn and 3 t tea`.
pub(crate) fn said(goods: &Goods, sums: &[(i64, Amount, u128)]) -> String {
    let parts: Vec<String> = sums
        .iter()
        .map(|(asset, quantity, _)| format!("{} {}", goods.brief(*asset, *quantity), goods.name(*asset)))
        .collect();
    parts.join(" and ")
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

/// A name that fits into the picture.
fn fitting(name: &str) -> String {
    if name.chars().count() <= 20 {
        return name.to_owned();
    }
    let mut cut: String = name.chars().take(19).collect();
    cut.truncate(cut.trim_end().len());
    cut + "…"
}

/// What the giver of the leg at `at` gets in the same ring: the leg after it.
pub(crate) fn received(ring: &[Leg], at: usize) -> Option<&Leg> {
    let next = ring.get(at + 1).or_else(|| ring.first())?;
    Some(next).filter(|next| next.to == ring[at].party)
}

/// Draws one ring of a contract or of a settlement.
pub(crate) fn picture(
    goods: &Goods,
    legs: &[Leg],
    own: &str,
    lang: Lang,
    parties: &BTreeMap<String, Party>,
    mark: impl Fn(&str) -> Mark,
) -> RingPicture {
    let name = |address: &str| {
        if address == own {
            return lang.say("You").to_owned();
        }
        parties.get(address).map_or_else(|| show::short(address), |party| fitting(&party.name))
    };
    let corners = legs
        .iter()
        .enumerate()
        .map(|(at, leg)| Corner {
            country: parties.get(&leg.party).map_or_else(|| "··".to_owned(), |party| party.country.clone()),
            name: name(&leg.party),
            you: leg.party == own,
            mark: mark(&leg.party),
            goods: capital(&goods.name(leg.asset)),
            quantity: goods.brief(leg.asset, leg.quantity),
            exact: goods.exact(leg.asset, leg.quantity),
            value: show::usd_brief(leg.value),
            to: name(&leg.to),
            rate: received(legs, at)
                .and_then(|got| goods.rate_in_full(leg.asset, leg.quantity, got.asset, got.quantity))
                .unwrap_or_default(),
        })
        .collect::<Vec<_>>();
    // A leg gives to the party before it, so the picture goes through the legs backwards: each to its receiver.
    let corners = corners.into_iter().rev().collect();
    let middle = Middle {
        total: show::usd_brief(once_round(&side(legs, own))),
        legs: lang.fill("once round · {} legs · {}", &[&legs.len().to_string(), lang.say("all or none")]),
    };
    RingPicture::new(corners, middle, lang)
}

/// The first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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

async fn deal_page(visitor: Visitor, app: Shared, path: web::Path<i64>) -> Result<HttpResponse, WebError> {
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
    let companies = self::parties(&legs);
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
