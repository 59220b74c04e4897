//! Why an offer was left out of the last batch, by the word of the solver whose clearing was taken, and what would help it.

use std::collections::BTreeMap;

use barter_engine::{Reason, Unfilled};
use clearing::{AssetKey, OfferKey};
use payment_chain::model::BatchId;

use super::book::percent;
use crate::app::App;
use crate::batches::certificate;
use crate::clearings::Clearings;
use crate::error::WebError;
use crate::model::Model;
use crate::model::offer::Offer;
use crate::portal::stock::{Goods, amount};

/// What kept an offer out of a batch.
pub(super) struct LeftOut {
    pub(super) batch: i64,
    /// What stood in the way.
    pub(super) why: String,
    /// Who would complete a ring.
    pub(super) nearest: String,
    /// A limit that would have done: where that is filled in, and what it says.
    pub(super) amend: Option<(String, String)>,
}

/// The reasons of a batch, by offer.
pub(crate) type Reasons = BTreeMap<OfferKey, Unfilled>;

/// Why `offer` was left out of the last batch that was cleared; `None` where it was not, where it did not take part as it
/// stands now, or where this node does not know.
pub(super) fn left_out(
    app: &App,
    model: &mut Model<'_>,
    goods: &Goods,
    offer: &Offer,
) -> Result<Option<LeftOut>, WebError> {
    let Some(batch) = model.last_certified()?.filter(|batch| offer.is_open() && offer.joins <= batch.id)
    else {
        return Ok(None);
    };
    let Some(hash) = certificate(&batch) else { return Ok(None) };
    let number = |id: i64| u64::try_from(id).unwrap_or(0);
    let reasons = app.reasons.at(batch.id, || {
        let kept = Clearings::beside(&app.settings.files_dir);
        kept.reasons(BatchId(number(batch.id)), hash).map_err(WebError::internal)
    })?;
    Ok(reasons.get(&OfferKey(number(offer.id))).map(|reason| told(goods, offer, batch.id, reason)))
}

fn told(goods: &Goods, offer: &Offer, batch: i64, unfilled: &Unfilled) -> LeftOut {
    let id = |key: AssetKey| i64::try_from(key.0).unwrap_or(0);
    let of = |key: AssetKey, units| format!("{} of {}", goods.brief(id(key), units), goods.name(id(key)));
    let (give, want) = (goods.name(offer.give), goods.name(offer.want));
    let why = match unfilled.reason {
        Reason::NoCounterOffer => format!("No chain of offers led from your {give} to {want}."),
        Reason::LimitTooFar { ppm } if unfilled.bearable.is_some() => format!(
            "Rings were there, but you asked {} more than the best of them could bring.",
            percent(ppm)
        ),
        Reason::LimitTooFar { ppm } => format!(
            "The best ring would have brought {} less than the market's band around reference value lets anybody take.",
            percent(ppm)
        ),
        Reason::OutOfCompetition => {
            "Every ring that it fits into needed an offer that went to others.".to_owned()
        }
        Reason::SeventhAsset => "A ring was there, but over more goods than a ring may have.".to_owned(),
        Reason::MinimumNotReached => {
            "A ring was there, but it would have left somebody under the smallest part \
                                      worth while, or was not worth its shipments."
                .to_owned()
        }
    };
    let nearest = unfilled.nearest;
    let amend = match unfilled.reason {
        Reason::LimitTooFar { ppm } if unfilled.bearable.is_some() => lower(goods, offer, ppm),
        _ => None,
    };
    LeftOut {
        batch,
        why,
        nearest: format!(
            "Somebody who gives {} for {} would have completed a ring.",
            of(nearest.give, nearest.give_qty),
            of(nearest.want, nearest.want_qty)
        ),
        amend,
    }
}

/// The amendment to a limit that is so many parts per million lower: its form, and what it asks.
fn lower(goods: &Goods, offer: &Offer, ppm: u64) -> Option<(String, String)> {
    const WHOLE: u128 = 1_000_000;
    // The share was rounded down.
    let less = u128::from(ppm).saturating_add(1 + WHOLE);
    let want = amount(&offer.want_qty).mul_div_floor(WHOLE, less).ok().filter(|want| !want.is_zero())?;
    let places = goods.asset(offer.want)?.places();
    let form = format!("/offers/{}?amend=yes&want_qty={}", offer.id, want.display(places));
    Some((form, format!("Ask for {} instead", goods.brief(offer.want, want))))
}
