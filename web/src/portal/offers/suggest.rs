//! What somebody could give to get what he wants: offers that would close a ring on the book as it is.

use barter_engine::Market as Quotes;
use clearing::{Amount, AssetKey, Offer, OfferKey, PartyKey};
use serde::Serialize;

use crate::portal::stock::Goods;
use crate::show;

/// How many suggestions are made, and how many are looked at for them.
const SHOWN: usize = 6;
const LOOKED_AT: usize = 18;
/// What is looked for unless a quantity is said, in US dollars.
const USUAL_USD: u128 = 10_000;

/// An offer that would close a ring now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Suggested {
    /// What would be given and got.
    pub(super) what: String,
    /// At which share of reference value, and over which goods.
    pub(super) how: String,
    /// The form with it filled in, or the way to have goods vouched for.
    pub(super) href: String,
    /// What that is.
    pub(super) action: &'static str,
}

/// The offers that would bring `wanted` of an asset now, or an amount that is usual: those over goods that the reader has
/// (`held`) first, then by what they bring.
pub(super) fn suggestions(
    live: &Quotes,
    goods: &Goods,
    held: &[i64],
    own: PartyKey,
    want: i64,
    wanted: Option<Amount>,
) -> Vec<Suggested> {
    let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
    let id = |key: AssetKey| i64::try_from(key.0).unwrap_or(0);
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_zero()).or_else(|| usual(goods, want)) else {
        return Vec::new();
    };
    let mut found = live.suggest(key(want), wanted, Some(own), LOOKED_AT);
    found.sort_by_key(|one| !held.contains(&path_ends(one, id).0));
    let closes = |one: &barter_engine::Suggestion| {
        let (give, want) = path_ends(one, id);
        let offer = Offer {
            key: OfferKey(u64::MAX),
            party: own,
            give: key(give),
            give_qty: one.path.send,
            want: key(want),
            want_qty: one.path.receive,
            divisible: true,
            min_fill: Amount::ZERO,
            valid_from: 0,
            valid_until: u64::MAX,
        };
        live.try_offer(&offer).is_ok_and(|trial| !trial.rings.is_empty())
    };
    found
        .iter()
        .filter(|one| closes(one))
        .take(SHOWN)
        .filter_map(|one| {
            let (give, want) = path_ends(one, id);
            let (given, got) = (goods.asset(give)?, goods.asset(want)?);
            let has = held.contains(&give);
            let through: Vec<String> = one.path.assets.iter().map(|asset| goods.name(id(*asset))).collect();
            let tenths = one.rate_ppm / 1_000;
            Some(Suggested {
                what: format!(
                    "{} of {} for {}",
                    goods.brief(give, one.path.send),
                    given.name,
                    goods.brief(want, one.path.receive)
                ),
                how: format!(
                    "{}.{}\u{a0}% of reference value, {}, by {}",
                    tenths / 10,
                    tenths % 10,
                    show::counted(one.path.offers.len(), "other offer", "other offers"),
                    through.join(" → ")
                ),
                href: if has {
                    format!(
                        "/offers/new?give={give}&want={want}&give_qty={}&want_qty={}",
                        one.path.send.display(given.places()),
                        one.path.receive.display(got.places())
                    )
                } else {
                    "/goods/vouch".to_owned()
                },
                action: if has { "Offer this" } else { "Have it vouched for" },
            })
        })
        .collect()
}

/// What a suggestion gives, and what it gets.
fn path_ends(one: &barter_engine::Suggestion, id: impl Fn(AssetKey) -> i64) -> (i64, i64) {
    let end = |asset: Option<&AssetKey>| asset.copied().map_or(0, &id);
    (end(one.path.assets.first()), end(one.path.assets.last()))
}

/// Whole units for about as many dollars as are usual, at the reference price.
fn usual(goods: &Goods, asset: i64) -> Option<Amount> {
    let one = Amount::new(10u128.checked_pow(u32::from(goods.asset(asset)?.places()))?).ok()?;
    let worth = goods.worth(asset, one)?.max(1);
    Amount::new(one.get().checked_mul((USUAL_USD * 1_000_000).div_ceil(worth))?).ok()
}
