//! Why an offer gives nothing, and what would help it.

use crate::scene::Scene;
use clearing::{Amount, AssetKey, Book, Mode, Offer, OfferKey, Prices, Ring, Rules};
use rayon::prelude::*;
use std::collections::BTreeSet;

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
    /// The nearest thing that would complete a ring.
    pub nearest: Missing,
    /// Where the limit is too far: the most that it could want for all that it gives and be in a ring. None where the
    /// band forbids to go so low.
    pub bearable: Option<Amount>,
}

/// An offer that nobody has made and that would complete a ring: of all that join a chain of offers to what is wanted, the
/// one whose maker could ask the most. Quantities fill the unfilled offer; with a chain in between they are about right,
/// and the offers of the chain may hold less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it would give.
    pub give: AssetKey,
    /// How much of it.
    pub give_qty: Amount,
    /// What it could want for that.
    pub want: AssetKey,
    /// The most that it could want.
    pub want_qty: Amount,
}

/// The least sum of log-floors, per number of legs, of a walk from each asset to one asset.
struct Reach {
    /// Over all valid offers, in at most the allowed legs less one.
    valid: Vec<f64>,
    /// The same in one leg more.
    longer: Vec<f64>,
    /// Over offers that are not used up.
    left: Vec<f64>,
    /// The two assets that the best chains over what is left lead to in two legs less than allowed, best first: there an
    /// offer that nobody has made could go on.
    ends: Vec<(usize, f64)>,
}

/// A pair of assets with its best log-floors.
struct Pair {
    give: usize,
    want: usize,
    valid: f64,
    left: f64,
}

/// What a clearing does with an offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Whether it gives something.
    pub(crate) gives: bool,
    /// Whether it could give more.
    pub(crate) has_room: bool,
}

/// Why each valid offer of `book` that is in none of `rings` gives nothing, at the references and at `now` (epoch
/// seconds), by offer. For clearings that give an offer one ring: one that is in a ring counts as used up, whatever is
/// left of it.
#[must_use]
pub fn unfilled_beside(book: &Book, rules: &Rules, now: u64, rings: &[Ring]) -> Vec<Unfilled> {
    let taken: BTreeSet<OfferKey> = rings.iter().flat_map(|ring| &ring.legs).map(|leg| leg.offer).collect();
    let scene = Scene::new(book, rules, now, &Prices::default());
    let use_of = |at: u32| {
        let gives = taken.contains(&book.offers()[scene.offer(at).index].key);
        Use { gives, has_room: !gives }
    };
    unfilled(book, &scene, use_of, now)
}

/// Finds a reason for each valid offer that gives nothing; `use_of` is asked for live offers, by their place in the scene.
pub(crate) fn unfilled(book: &Book, scene: &Scene, use_of: impl Fn(u32) -> Use, now: u64) -> Vec<Unfilled> {
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
        if live[index].is_some_and(|at| use_of(at).has_room) {
            pair.1 = pair.1.min(log);
        }
        if live[index].is_none_or(|at| !use_of(at).gives) {
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
                    let bearable = match reason {
                        Reason::LimitTooFar { .. } => bearable(scene, offer, own, reach.valid[want]),
                        _ => None,
                    };
                    let asked = at_floor(scene, offer, (place(offer.give), want), own);
                    let nearest = missing(book, scene, offer, asked, &reach);
                    Unfilled { offer: offer.key, reason, nearest, bearable }
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
    let mut ends: Vec<(usize, f64)> = Vec::new();
    for legs in 1..scene.longest {
        valid = step(&valid, &|pair| pair.valid);
        left = step(&left, &|pair| pair.left);
        if legs + 2 == scene.longest {
            ends =
                left.iter().copied().enumerate().filter(|(at, log)| *at != home && *log < -WORTH).collect();
            ends.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            ends.truncate(2); // one of them may be what is wanted
        }
    }
    let longer = step(&valid, &|pair| pair.valid);
    Reach { valid, longer, left, ends }
}

/// A longer ring is worth its shipments from a tenth of a percent.
const WORTH: f64 = 1e-3;

/// What `offer` asks at least for all that it gives: its limit, or what the band asks where that is more.
fn at_floor(scene: &Scene, offer: &Offer, (give, want): (usize, usize), log_floor: f64) -> Amount {
    let all = crate::scene::float(offer.give_qty.get()) * scene.unit[give] * log_floor.exp();
    let units = crate::exact::whole((all / scene.unit[want]).ceil());
    Amount::new(units).unwrap_or(Amount::MAX).max(offer.want_qty)
}

/// The most that `offer` could want for all that it gives, if the rest of its best ring asks `rest`.
fn bearable(scene: &Scene, offer: &Offer, own: f64, rest: f64) -> Option<Amount> {
    // Its floor would have to be this; ring mode lets nobody go under the band.
    let floor = -rest;
    if scene.mode == Mode::Ring && floor < scene.kept.max(1e-300).ln() {
        return None;
    }
    let units = crate::scene::float(offer.want_qty.get()) * (floor - own).min(0.0).exp() * (1.0 - 1e-9);
    Amount::new(crate::exact::whole(units)).ok().filter(|units| !units.is_zero())
}

/// Gives what `offer` wants, `asked` of it; for what it gives, or for what a chain of others makes of that where this
/// leaves the maker more.
fn missing(book: &Book, scene: &Scene, offer: &Offer, asked: Amount, reach: &Reach) -> Missing {
    let direct = Missing { give: offer.want, give_qty: asked, want: offer.give, want_qty: offer.give_qty };
    let place = |key| book.asset_index(key).expect("a book holds the assets of its offers");
    let Some(&(end, log)) = reach.ends.iter().find(|(end, _)| *end != place(offer.want)) else {
        return direct;
    };
    let value = crate::scene::float(offer.give_qty.get()) * scene.unit[place(offer.give)];
    let units = crate::exact::whole(value * (-log).exp() / scene.unit[end]);
    match Amount::new(units) {
        Ok(want_qty) if units > 0 => Missing { want: book.assets()[end].key, want_qty, ..direct },
        _ => direct,
    }
}

/// How far above one the exponential of `log` is, in parts per million.
fn ppm(log: f64) -> u64 {
    u64::try_from(crate::exact::whole(log.exp_m1().min(1e9) * 1e6)).unwrap_or(u64::MAX)
}
