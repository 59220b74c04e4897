//! A ring explained to one of its parties: who gives what to whom, at which rate, how that stands against reference value and
//! against the reader's own limit, and what the chain proved of it. What others asked for at least is not
//! shown here; the files of a batch have every offer, for those who were let into the market.

use std::collections::BTreeMap;

use askama::Template;

use crate::language::Lang;
use crate::model::offer::{Batch, Offer};
use crate::model::party::Party;
use crate::portal::legs::{Leg, received};
use crate::portal::stock::{Goods, amount};
use crate::show;

/// What the reader's own offer asked for what it gives in a leg, and how much better it fares.
pub(crate) struct OwnLimit {
    /// `116.600 t · 0.283 t per t`.
    pub(crate) limit: String,
    /// `+1.4 %`, or that it is the limit.
    pub(crate) better: String,
    /// Whether it is better than the limit.
    pub(crate) good: bool,
}

impl OwnLimit {
    /// Of a leg that gives under `offer` and receives `got`. `None` where the offer was amended after its batch: it then
    /// says no longer what it said.
    pub(crate) fn new(
        goods: &Goods,
        offer: &Offer,
        batch: i64,
        leg: &Leg,
        got: &Leg,
        lang: Lang,
    ) -> Option<OwnLimit> {
        if offer.joins > batch {
            return None;
        }
        // The least that the offer asks for what is given here, rounded up: never less than its limit.
        let (give, want) = (amount(&offer.give_qty), amount(&offer.want_qty));
        let least = leg.quantity.mul_div_ceil(want.get(), give.get()).ok()?;
        let limit = goods.exact(offer.want, least);
        let better = show::percent_more(got.quantity.get(), least.get());
        let good = better != "+0.0\u{a0}%";
        Some(OwnLimit {
            limit: match (goods.rate(offer.give, give, offer.want, want), goods.asset(offer.give)) {
                (Some(rate), Some(given)) => format!("{limit} · {rate} per {}", given.symbol()),
                _ => limit,
            },
            better: if good { better } else { lang.say("at your limit").to_owned() },
            good,
        })
    }
}

/// One leg: what a company does in the ring.
struct Row {
    who: String,
    you: bool,
    gives: String,
    to: String,
    gets: String,
    rate: String,
    reference: String,
    against: String,
    own: Option<OwnLimit>,
}

/// A ring explained, as a part of a page.
#[derive(Template)]
#[template(path = "explained.html")]
pub(crate) struct Explained {
    lang: Lang,
    rows: Vec<Row>,
    shipments: String,
    checks: Vec<(&'static str, String)>,
}

/// What an explanation is made of.
pub(crate) struct Facts<'a> {
    pub(crate) goods: &'a Goods,
    /// The reader's account, and what it is called.
    pub(crate) own: &'a str,
    pub(crate) lang: Lang,
    pub(crate) parties: &'a BTreeMap<String, Party>,
    /// The reader's own offers.
    pub(crate) offers: &'a BTreeMap<i64, Offer>,
    pub(crate) batch: Option<&'a Batch>,
    /// The fairness band in parts per million.
    pub(crate) band_ppm: u32,
    /// Until when signatures count, where they still do.
    pub(crate) deadline: Option<String>,
}

impl Explained {
    /// Explains a ring, the reader's own leg first.
    pub(crate) fn new(facts: &Facts<'_>, ring: &[Leg]) -> Explained {
        let Facts { goods, own, lang, parties, offers, batch, .. } = facts;
        let name = |address: &str| {
            if address == *own {
                return lang.say("You").to_owned();
            }
            parties.get(address).map_or_else(|| show::short(address), |party| party.name.clone())
        };
        let number = batch.map_or(0, |batch| batch.id);
        let mut rows: Vec<Row> = ring
            .iter()
            .enumerate()
            .filter_map(|(at, leg)| {
                let got = received(ring, at)?;
                let of =
                    |leg: &Leg| format!("{} {}", goods.exact(leg.asset, leg.quantity), goods.name(leg.asset));
                // What the same value buys at the references of the batch, by which the chain counted both.
                let even = got.quantity.mul_div_floor(leg.value, got.value).ok();
                let rate = |quantity| goods.rate(leg.asset, leg.quantity, got.asset, quantity);
                Some(Row {
                    who: name(&leg.party),
                    you: leg.party == *own,
                    gives: of(leg),
                    to: name(&leg.to),
                    gets: of(got),
                    rate: rate(got.quantity).unwrap_or_default(),
                    reference: even.and_then(rate).unwrap_or_default(),
                    against: show::percent_more(got.value, leg.value),
                    own: offers
                        .get(&leg.offer)
                        .and_then(|offer| OwnLimit::new(goods, offer, number, leg, got, *lang)),
                })
            })
            .collect();
        let mine = rows.iter().position(|row| row.you).unwrap_or(0);
        rows.rotate_left(mine);
        let rates = "Rates are what a unit given brings. Each of the {} legs is one shipment.";
        let shipments = lang.fill(rates, &[&lang.word(rows.len())]);
        Explained { lang: *lang, shipments, rows, checks: checks(facts) }
    }

    fn t<'a>(&self, english: &'a str) -> &'a str {
        self.lang.say(english)
    }
}

/// What the chain proved of a ring before it took it, in the order in which it does.
fn checks(facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let lang = facts.lang;
    let say = |english: &str| lang.say(english).to_owned();
    let mut checks = vec![
        ("Quantities", say("each gets exactly what the next one gives; nothing is left over")),
        ("Limits", say("nobody gets less than the offer asks, in whole numbers")),
        (
            "Fairness",
            lang.fill(
                "nobody more than {} under reference value; the gain is shared equally",
                &[&band(facts.band_ppm)],
            ),
        ),
    ];
    if let Some(batch) = facts.batch {
        let frozen = show::date_time(batch.closed_ms);
        checks.push(("Offers", lang.fill("all valid when the book froze, {}", &[&frozen])));
    }
    if let Some(cleared) = facts.batch.and_then(|batch| batch.cleared_ms) {
        let taken = show::date_time(cleared);
        checks.push(("Standing", lang.fill("no company suspended when the ring was taken, {}", &[&taken])));
    }
    checks.push((
        "Sanctions",
        say("no list is kept on the chain: whoever lets companies in and suspends them answers for that"),
    ));
    if let Some(deadline) = &facts.deadline {
        checks.push(("Deadline", deadline.clone()));
    }
    checks
}

/// A band in percent, exactly, with one digit at least: `2.0 %`, `2.05 %`.
fn band(ppm: u32) -> String {
    let digits = format!("{:04}", ppm % 10_000);
    let digits = digits.trim_end_matches('0');
    format!("{}.{}\u{a0}%", ppm / 10_000, if digits.is_empty() { "0" } else { digits })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_band_is_told_exactly() {
        for (ppm, told) in [(20_000, "2.0"), (20_500, "2.05"), (123, "0.0123"), (1_000_000, "100.0")] {
            assert_eq!(super::band(ppm), format!("{told}\u{a0}%"));
        }
    }
}
