//! What looks risky, computed from the read model alone: concentration, broken promises, old prices, fines.

use std::collections::BTreeMap;

use super::figures::{Figures, percent};
use crate::model::market::{Asset, LatestPrice};
use crate::model::offer::Fine;
use crate::model::party::Party;
use crate::show;

/// From this share of all value on, in percent, one party is too much of the market.
const PARTY_SHARE: u128 = 20;
/// From this share of all value on, in percent, one commodity is.
const COMMODITY_SHARE: u128 = 40;
/// Shares say nothing about a market of fewer rings.
const LEAST_RINGS: usize = 10;
/// From this many contracts lapsed or declined on, a party's promises are in doubt.
const BROKEN: i64 = 3;
/// Fines are told for so long.
const FINES_MS: i64 = 30 * 86_400_000;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    /// In a few words.
    pub(crate) headline: String,
    /// The numbers behind it.
    pub(crate) detail: String,
    /// Where to look.
    pub(crate) href: String,
}

/// What alerts are computed from.
pub(crate) struct Evidence<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) parties: &'a [Party],
    pub(crate) assets: &'a BTreeMap<i64, Asset>,
    pub(crate) prices: &'a [LatestPrice],
    pub(crate) fines: &'a [Fine],
    /// Prices older than this are too old to clear by.
    pub(crate) price_age_ms: i64,
    /// Chain time.
    pub(crate) now_ms: i64,
    /// When the last checkpoint was made, or the network without one; `None` where none is to be expected.
    pub(crate) checkpoint_ms: Option<i64>,
    /// The longest that one may take.
    pub(crate) checkpoint_every_ms: i64,
}

/// The alerts, the gravest kind first.
pub(crate) fn alerts(evidence: &Evidence<'_>) -> Vec<Alert> {
    let mut alerts: Vec<Alert> =
        unchecked(evidence.checkpoint_ms, evidence.checkpoint_every_ms, evidence.now_ms)
            .into_iter()
            .collect();
    fined(evidence, &mut alerts);
    broken_promises(evidence, &mut alerts);
    concentrated(evidence, &mut alerts);
    stale(evidence, &mut alerts);
    alerts
}

/// How many times as long as it may take a checkpoint is waited for before somebody is told.
const MISSED: i64 = 3;

/// Whether checkpoints stopped coming.
fn unchecked(last_ms: Option<i64>, every_ms: i64, now_ms: i64) -> Option<Alert> {
    let since = last_ms.filter(|last| now_ms.saturating_sub(*last) > every_ms.saturating_mul(MISSED))?;
    Some(Alert {
        headline: "No checkpoint has come for long".to_owned(),
        detail: format!(
            "The last is of {}: two thirds of the validators have not signed together since.",
            show::date_time(since)
        ),
        href: "/explorer".to_owned(),
    })
}

fn look_up(address: &str) -> String {
    format!("/supervisor/parties/{address}")
}

fn fined(evidence: &Evidence<'_>, alerts: &mut Vec<Alert>) {
    let mut by_solver: BTreeMap<&str, (usize, &Fine)> = BTreeMap::new();
    for fine in evidence.fines.iter().filter(|fine| evidence.now_ms - fine.time_ms < FINES_MS) {
        by_solver.entry(&fine.solver).and_modify(|(count, _)| *count += 1).or_insert((1, fine));
    }
    for (solver, (count, last)) in by_solver {
        let name = evidence.parties.iter().find(|party| party.address == solver);
        let name = name.map_or_else(|| show::short(solver), |party| party.name.clone());
        alerts.push(Alert {
            headline: format!("{name} declared a clearing falsely"),
            detail: format!(
                "Fined {}, last for batch {}: {}.",
                show::counted(count, "time", "times"),
                last.batch,
                last.fault
            ),
            href: look_up(solver),
        });
    }
}

fn broken_promises(evidence: &Evidence<'_>, alerts: &mut Vec<Alert>) {
    let mut parties: Vec<&Party> =
        evidence.parties.iter().filter(|party| party.lapsed + party.declined >= BROKEN).collect();
    parties.sort_by_key(|party| (-(party.lapsed + party.declined), &party.address));
    for party in parties {
        alerts.push(Alert {
            headline: format!("{} breaks off often", party.name),
            detail: format!(
                "{} lapsed, {} declined, {} settled.",
                party.lapsed, party.declined, party.settled
            ),
            href: look_up(&party.address),
        });
    }
}

fn concentrated(evidence: &Evidence<'_>, alerts: &mut Vec<Alert>) {
    let figures = evidence.figures;
    if figures.rings < LEAST_RINGS {
        return;
    }
    for row in &figures.by_party {
        let share = percent(row.gave, figures.value);
        if share >= PARTY_SHARE {
            let name = evidence.parties.iter().find(|party| party.address == row.party);
            let name = name.map_or_else(|| show::short(&row.party), |party| party.name.clone());
            alerts.push(Alert {
                headline: format!("{name} carries {share} % of the market"),
                detail: format!(
                    "It gave goods worth {} of {}.",
                    show::usd(row.gave),
                    show::usd(figures.value)
                ),
                href: look_up(&row.party),
            });
        }
    }
    for row in &figures.by_commodity {
        let share = percent(row.value, figures.value);
        if share >= COMMODITY_SHARE {
            alerts.push(Alert {
                headline: format!("{} is {share} % of the market", row.name),
                detail: format!("{} of {} cleared.", show::usd(row.value), show::usd(figures.value)),
                href: "/supervisor#commodities".to_owned(),
            });
        }
    }
}

fn stale(evidence: &Evidence<'_>, alerts: &mut Vec<Alert>) {
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for price in evidence.prices {
        let as_of = newest.entry(price.asset).or_insert(price.as_of_ms);
        *as_of = price.as_of_ms.max(*as_of);
    }
    let mut old = Vec::new();
    for asset in evidence.assets.values().filter(|asset| !asset.is_deposit()) {
        match newest.get(&asset.id) {
            Some(as_of) if evidence.now_ms - as_of <= evidence.price_age_ms => {}
            Some(as_of) => old.push(format!("{} (of {})", asset.name, show::date(*as_of))),
            None => old.push(format!("{} (none yet)", asset.name)),
        }
    }
    if !old.is_empty() {
        let goods = show::counted(old.len(), "kind of goods has", "kinds of goods have");
        alerts.push(Alert {
            headline: format!("{goods} no price young enough to clear by"),
            detail: format!("{}.", old.join(", ")),
            href: "/market".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_hears_of_checkpoints_that_stop_coming_and_of_none_where_none_is_due() {
        assert_eq!(unchecked(None, 10, 1_000), None, "eras never end where one validator decides alone");
        assert_eq!(unchecked(Some(970), 10, 1_000), None);
        let alert = unchecked(Some(969), 10, 1_000).unwrap();
        assert!(alert.detail.contains("1970"), "{}", alert.detail);
    }
}
