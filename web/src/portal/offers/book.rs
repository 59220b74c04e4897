//! The live book, as an offer meets it: what it would fetch, and whether it would close a ring now.

use std::sync::Arc;

use barter_engine::{Ask, Market as Quotes, MarketError, Near, Strict};
use clearing::{Amount, AssetKey, PartyKey};

use crate::app::App;
use crate::error::WebError;
use crate::portal::stock::Goods;
use crate::show;

/// The open offers at one height, ready for quotes, as those see them who sign first and as binding offers apart do.
pub(crate) struct LiveBook {
    joining: Quotes,
    binding: Quotes,
}

impl LiveBook {
    /// The offers that one of this kind can share a ring with.
    pub(super) fn meets(&self, apart: bool) -> &Quotes {
        if apart { &self.binding } else { &self.joining }
    }
}

/// The live book. No block is committed while the state is read, so no more than reading happens there, and that once for
/// each height, however many look at their offers.
pub(crate) fn live_book(app: &App) -> Result<Arc<LiveBook>, WebError> {
    let ledger = &app.chains.payment;
    app.book.at(ledger.height(), || {
        let (sides, rules, now) = ledger.view_head(|state, head| {
            let time = head.block.header.time;
            let rules = payment_chain::view::config(state).map(|config| config.rules()).unwrap_or_default();
            (payment_chain::view::sides(state, time), rules, time.seconds())
        });
        Ok(LiveBook {
            joining: Quotes::new(&sides.joining, &rules, now),
            binding: Quotes::new(&sides.binding, &rules, now),
        })
    })
}

/// What `given` of one asset would fetch of another, passed on along open offers: a look at the book, no promise.
pub(super) fn quote(
    live: &Quotes,
    goods: &Goods,
    own: PartyKey,
    (give, want): (i64, i64),
    given: Amount,
) -> String {
    let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
    let ask = Ask {
        send: key(give),
        receive: key(want),
        amount: given,
        strict: Strict::Send,
        paths: 3,
        party: Some(own),
    };
    // An asset that no live offer names is not in the book at all.
    let quote = live.quote(&ask).ok().filter(|quote| !quote.receive.is_zero());
    let Some(quote) = quote else {
        return "No chain of open offers leads from one to the other at the moment; yours may be the missing link."
            .to_owned();
    };
    let names = |path: &barter_engine::Path| {
        let names: Vec<String> =
            path.assets.iter().map(|asset| goods.name(i64::try_from(asset.0).unwrap_or(0))).collect();
        names.join(" → ")
    };
    format!(
        "On the book as it is, passed on from offer to offer, you would get about {} of {} for {} of your {}, by {}.",
        goods.brief(want, quote.receive),
        goods.name(want),
        goods.brief(give, quote.send),
        goods.name(give),
        quote.paths.first().map(names).unwrap_or_default(),
    )
}

/// Whether `offer` would close a ring on the book as it is; otherwise what comes nearest.
pub(super) fn ring_now(live: &Quotes, goods: &Goods, offer: &clearing::Offer) -> String {
    let id = |key: AssetKey| i64::try_from(key.0).unwrap_or(0);
    let of = |key: AssetKey, units| format!("{} of {}", goods.brief(id(key), units), goods.name(id(key)));
    let too_little = |near: &Near| {
        let least = of(offer.give, offer.least_fill());
        format!(
            "it takes {} at most, and you give at least {least} or nothing",
            of(offer.give, near.path.send)
        )
    };
    match live.try_offer(offer) {
        Err(MarketError::Crossing(_)) => {
            "You have an open offer on the other side of one of these goods, so the market would refuse this one."
                .to_owned()
        }
        // Goods that no live offer names.
        Err(MarketError::Book(_)) => String::new(),
        Ok(trial) if !trial.rings.is_empty() => {
            let others: std::collections::BTreeSet<_> =
                trial.rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.offer).collect();
            format!(
                "This would close {} now, with {}: you would give {} and receive {}. Others may come first.",
                show::counted(trial.rings.len(), "ring", "rings"),
                show::counted(others.len().saturating_sub(1), "offer", "offers"),
                of(offer.give, trial.gives),
                of(offer.want, trial.receives),
            )
        }
        Ok(trial) => match trial.near {
            None => String::new(),
            Some(near) if near.ppm == 0 && !near.enough => {
                format!("The rates of others would do, but {}.", too_little(&near))
            }
            Some(near) if near.ppm == 0 => {
                "The rates of others would do, but somebody's smallest part is more than there is.".to_owned()
            }
            Some(near) if near.want_qty.is_zero() => format!(
                "The nearest ring brings {} less than you may be given: it would be too far under reference value.",
                percent(near.ppm)
            ),
            Some(near) if !near.enough => format!(
                "No ring closes at this limit. The nearest, over {}, would if you wanted at most {}, which is {} less; but {}.",
                show::counted(near.path.offers.len(), "offer", "offers"),
                of(offer.want, near.want_qty),
                percent(near.ppm),
                too_little(&near),
            ),
            Some(near) => format!(
                "No ring closes at this limit. One would if you wanted at most {}, which is {} less, over {}.",
                of(offer.want, near.want_qty),
                percent(near.ppm),
                show::counted(near.path.offers.len(), "offer", "offers"),
            ),
        },
    }
}

/// Parts per million in percent, rounded up to a tenth.
pub(super) fn percent(ppm: u64) -> String {
    let tenths = ppm.div_ceil(1_000);
    format!("{}.{}\u{a0}%", show::grouped(&(tenths / 10).to_string()), tenths % 10)
}
