//! The legs of a ring, wherever it comes from: what each party gives and gets, in words and as a picture.

use std::collections::BTreeMap;

use clearing::Amount;

use crate::language::Lang;
use crate::model::contract::ContractLeg;
use crate::model::party::Party;
use crate::model::settlement::SettlementLeg;
use crate::portal::stock::{Goods, amount};
use crate::ring::{Corner, Mark, Middle, RingPicture};
use crate::show;

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

/// What somebody gives and gets in a contract, summed over its rings.
pub(crate) struct Side {
    pub(crate) gives: Vec<(i64, Amount, u128)>,
    pub(crate) gets: Vec<(i64, Amount, u128)>,
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

/// What the giver of the leg at `at` gets in the same ring: the leg after it.
pub(crate) fn received(ring: &[Leg], at: usize) -> Option<&Leg> {
    let next = ring.get(at + 1).or_else(|| ring.first())?;
    Some(next).filter(|next| next.to == ring[at].party)
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
