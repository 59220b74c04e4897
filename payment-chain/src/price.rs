//! Reference prices: what named feeds say, and the median that a batch is cleared at.

use clearing::Price;
use ledger::{Address, Read, Run, Timestamp};
use vocabulary::Text;

use crate::config::Config;
use crate::event::Event;
use crate::model::{AssetId, Quotation, Reference};
use crate::refused::Refused;
use crate::table::{ASSETS, PARTIES, PRICES};
use crate::{asset, book, party};

/// Takes a feed's word on a price.
pub(crate) fn publish(
    config: &Config,
    run: &mut Run<'_>,
    feed: Address,
    asset: AssetId,
    quotation: Quotation,
) -> Result<(), Refused> {
    party::admitted(run.state(), feed)?;
    if !config.feeds.iter().any(|(_, named)| *named == feed) {
        return Err(Refused::NotAFeed);
    }
    let issuer = asset::require(run.state(), asset, "asset")?.issuer;
    if asset == AssetId::DEPOSIT {
        return Err(Refused::DepositPriced);
    }
    if issuer == feed {
        return Err(Refused::FeedIsIssuer);
    }
    if quotation.as_of > run.time() {
        return Err(Refused::FromTheFuture { as_of: quotation.as_of, now: run.time() });
    }
    if let Some(last) = PRICES.get(run.state(), &(asset, feed))
        && quotation.as_of < last.as_of
    {
        return Err(Refused::OlderQuotation { last: last.as_of });
    }
    PRICES.put(run.state_mut(), &(asset, feed), &quotation);
    book::changed(run, book::next(config, run.height()));
    run.emit(&Event::PricePublished { feed, asset, quotation });
    Ok(())
}

/// The reference price of an asset at `now` with the asset's decimals: the median over the named feeds that may
/// act, are not the asset's issuer, and whose last quotation is younger than the limit. Of an even number the
/// lower of the two in the middle, so that every reference is a price that somebody stated; of equal prices that
/// of the smaller address.
pub(crate) fn reference(
    config: &Config,
    state: &dyn Read,
    asset: AssetId,
    now: Timestamp,
) -> Option<(Reference, u8)> {
    let stated = ASSETS.get(state, &asset)?;
    let mut young: Vec<Reference> = config
        .feeds
        .iter()
        .filter(|(_, feed)| *feed != stated.issuer)
        .filter(|(_, feed)| PARTIES.get(state, feed).is_some_and(|party| party.may_trade()))
        .filter_map(|(_, feed)| Some((*feed, PRICES.get(state, &(asset, *feed))?)))
        .filter(|(_, Quotation { as_of, .. })| *as_of <= now && now.0 - as_of.0 < config.price_max_age_ms)
        .map(|(feed, Quotation { price, as_of, .. })| Reference { asset, price, feed, as_of })
        .collect();
    young.sort_by_key(|reference| (reference.price.per_smallest_unit(0), reference.feed));
    let middle = young.len().checked_sub(1)? / 2;
    Some((young[middle], stated.decimals))
}

/// A quotation from its parts.
pub(crate) fn quotation(price: Price, as_of: Timestamp, source: Text<120>) -> Quotation {
    Quotation { price, as_of, source }
}
