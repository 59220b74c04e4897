//! Why an offer gives nothing, and what would help it.

use crate::fill::Fill;
use crate::scene::Scene;
use clearing::{AssetKey, Book, Mode, OfferKey};
use rayon::prelude::*;

/// Why a valid offer gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody gives what it wants, nobody wants what it gives, or no chain of offers joins the two.
    NoCounterOffer,
    /// Offers would close a ring, but their floors exceed what the ring brings by so many parts per million.
    LimitTooFar {
        /// How much too dear the best ring is.
        ppm: u64,
    },
    /// Every ring that it could be in needs an offer that others have used up.
    OutOfCompetition,
    /// A ring exists, but it needs one asset more than the rules allow.
    SeventhAsset,
    /// Rings exist over offers that are not used up, but they do not meet somebody's minimum or whole lot.
    MinimumNotReached,
}

impl Reason {
    /// The reason's name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::NoCounterOffer => "no counter-offer",
            Reason::LimitTooFar { .. } => "limit too far",
            Reason::OutOfCompetition => "out of competition",
            Reason::SeventhAsset => "would need a seventh asset",
            Reason::MinimumNotReached => "minimum not reached",
        }
    }
}

/// An offer that gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfilled {
    /// The offer.
    pub offer: OfferKey,
    /// Why.
    pub reason: Reason,
    /// The nearest thing that would complete a ring: an offer giving the first for the second, at a rate that the
    /// rest of the ring can bear.
    pub nearest: (AssetKey, AssetKey),
}

/// The least sum of log-floors, per number of legs, of a walk from each asset to one asset.
struct Reach {
    /// Over all valid offers, in at most the allowed legs less one.
    valid: Vec<f64>,
    /// The same in one leg more.
    longer: Vec<f64>,
    /// Over offers that are not used up.
    left: Vec<f64>,
}

/// A pair of assets with its best log-floors.
struct Pair {
    give: usize,
    want: usize,
    valid: f64,
    left: f64,
}

/// Finds a reason for each valid offer that gives nothing.
pub(crate) fn unfilled(book: &Book, scene: &Scene, fill: &Fill<'_>, now: u64) -> Vec<Unfilled> {
    let place = |key| book.asset_index(key).expect("a book holds the assets of its offers");
    let mut live = vec![None; book.offers().len()];
    for (at, offer) in (0u32..).zip(&scene.offers) {
        live[offer.index] = Some(at);
    }
    let log_floor = |index: usize| {
        let offer = &book.offers()[index];
        let limit = scene.unit[place(offer.want)] * crate::scene::float(offer.want_qty.get())
            / (scene.unit[place(offer.give)] * crate::scene::float(offer.give_qty.get()));
        match scene.mode {
            Mode::Ring => limit.max(scene.kept).max(1e-300).ln(),
            // Live or not is all that counts: an offer that is not live asks too much by itself.
            Mode::Uniform => limit.max(1.0).ln(),
            Mode::Lots => 0.0,
        }
    };
    let mut pairs: std::collections::BTreeMap<(usize, usize), (f64, f64)> = std::collections::BTreeMap::new();
    let mut open: Vec<(usize, usize)> = Vec::new(); // offers that give nothing, by the asset they give
    for (index, offer) in book.offers().iter().enumerate().filter(|(_, offer)| offer.is_valid_at(now)) {
        let log = log_floor(index);
        let pair =
            pairs.entry((place(offer.give), place(offer.want))).or_insert((f64::INFINITY, f64::INFINITY));
        pair.0 = pair.0.min(log);
        if live[index].is_some_and(|at| fill.room(at) > 0) {
            pair.1 = pair.1.min(log);
        }
        if live[index].is_none_or(|at| fill.given(at) == 0) {
            open.push((place(offer.give), index));
        }
    }
    let pairs: Vec<Pair> =
        pairs.into_iter().map(|((give, want), (valid, left))| Pair { give, want, valid, left }).collect();
    open.sort_unstable();
    let groups: Vec<&[(usize, usize)]> = open.chunk_by(|a, b| a.0 == b.0).collect();
    let mut unfilled: Vec<Unfilled> = groups
        .par_iter()
        .flat_map_iter(|group| {
            let reach = reach(scene, &pairs, group[0].0);
            group
                .iter()
                .map(|&(_, index)| {
                    let offer = &book.offers()[index];
                    let want = place(offer.want);
                    let own = log_floor(index);
                    let reason = if reach.longer[want].is_infinite() {
                        Reason::NoCounterOffer
                    } else if reach.valid[want].is_infinite() {
                        Reason::SeventhAsset
                    } else if own + reach.valid[want] > crate::scene::TINY {
                        Reason::LimitTooFar { ppm: ppm(own + reach.valid[want]) }
                    } else if own + reach.left[want] > crate::scene::TINY {
                        Reason::OutOfCompetition
                    } else {
                        Reason::MinimumNotReached
                    };
                    Unfilled { offer: offer.key, reason, nearest: (offer.want, offer.give) }
                })
                .collect::<Vec<_>>()
        })
        .collect();
    unfilled.sort_by_key(|unfilled| unfilled.offer);
    unfilled
}

fn reach(scene: &Scene, pairs: &[Pair], home: usize) -> Reach {
    let assets = scene.unit.len();
    let mut valid = vec![f64::INFINITY; assets];
    let mut left = vec![f64::INFINITY; assets];
    valid[home] = 0.0;
    left[home] = 0.0;
    let step = |before: &[f64], floor: &dyn Fn(&Pair) -> f64| {
        let mut after = before.to_vec();
        for pair in pairs {
            if before[pair.want].is_finite() && pair.give != home {
                after[pair.give] = after[pair.give].min(before[pair.want] + floor(pair));
            }
        }
        after
    };
    for _ in 1..scene.longest {
        valid = step(&valid, &|pair| pair.valid);
        left = step(&left, &|pair| pair.left);
    }
    let longer = step(&valid, &|pair| pair.valid);
    Reach { valid, longer, left }
}

/// How far above one the exponential of `log` is, in parts per million.
fn ppm(log: f64) -> u64 {
    u64::try_from(crate::exact::whole(log.exp_m1().min(1e9) * 1e6)).unwrap_or(u64::MAX)
}
