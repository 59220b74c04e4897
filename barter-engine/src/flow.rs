//! The any-rates programme: what could be cleared if only each asset had to balance, whatever the rates and however
//! long the rings. Its prices prove a bound; they also say where the search of rings should look first.

use crate::scene::Scene;

/// The prices of the assets and what they prove.
pub(crate) struct AnyRates {
    /// What each asset is short of, in USD per USD, at least 0.
    pub(crate) prices: Vec<f64>,
    /// Which part of its cap each offer gives, where the search of prices ended; about balanced.
    pub(crate) filled: Vec<f64>,
    /// No answer is worth more, USD, but for the rounding of a float sum.
    pub(crate) bound: f64,
}

/// Covers the rounding of float sums over at most some millions of terms.
pub(crate) const SAFETY: f64 = 1.0 + 1e-9;

/// What a USD of an offer earns beyond itself at `prices`: the asset it gives less the one it takes.
pub(crate) fn margin(scene: &Scene, at: usize, floor: f64, prices: &[f64]) -> f64 {
    let offer = &scene.offers[at];
    1.0 + prices[offer.give as usize] - floor * prices[offer.want as usize]
}

/// An offer while prices are searched, side by side in memory.
struct Arc {
    give: usize,
    want: usize,
    floor: f64,
    cap: f64,
    filled: f64,
    sum: f64,
}

/// Maximises what is given subject to, per asset, what is given covering `floors` times what its takers give; each offer
/// gives at most its part of `caps`, in USD.
///
/// For whatever prices, the sum over offers of `cap * max(0, margin)` is an upper bound (weak duality), so they may
/// be searched with floats and the bound is still proven. The search is the primal-dual hybrid gradient method with
/// diagonal steps, going on from its averages; `rounds` are iterations.
pub(crate) fn any_rates(scene: &Scene, floors: &[f64], caps: &[f64], rounds: usize) -> AnyRates {
    let assets = scene.unit.len();
    let total: f64 = caps.iter().sum();
    let mut best = AnyRates { prices: vec![0.0; assets], filled: vec![0.0; caps.len()], bound: total };
    let mut volume = vec![1e-9f64; assets];
    let offers = scene.offers.iter().zip(floors.iter().zip(caps));
    let mut arcs: Vec<Arc> = offers
        .map(|(offer, (&floor, &cap))| {
            let (give, want) = (offer.give as usize, offer.want as usize);
            Arc { give, want, floor, cap, filled: 0.0, sum: 0.0 }
        })
        .collect();
    for arc in &arcs {
        volume[arc.give] += arc.cap;
        volume[arc.want] += arc.cap * arc.floor;
    }
    let mut prices = vec![0.0f64; assets];
    let mut price_sum = vec![0.0f64; assets];
    let mut short = vec![0.0f64; assets];
    let (mut since, mut span) = (0usize, 60usize);
    for round in 1..=rounds {
        short.iter_mut().for_each(|short| *short = 0.0);
        for arc in &mut arcs {
            let old = arc.filled;
            let margin = 1.0 + prices[arc.give] - arc.floor * prices[arc.want];
            let new = (old + margin / (1.0 + arc.floor)).clamp(0.0, 1.0);
            arc.filled = new;
            arc.sum += new;
            let ahead = (2.0 * new - old) * arc.cap;
            short[arc.give] -= ahead;
            short[arc.want] += arc.floor * ahead;
        }
        for asset in 0..assets {
            prices[asset] = (prices[asset] + short[asset] / volume[asset]).max(0.0);
            price_sum[asset] += prices[asset];
        }
        since += 1;
        if since == span || round == rounds {
            let part = 1.0 / float(since);
            arcs.iter_mut().for_each(|arc| arc.filled = std::mem::take(&mut arc.sum) * part);
            prices.iter_mut().zip(&mut price_sum).for_each(|(p, sum)| *p = std::mem::take(sum) * part);
            let bound = worth(&arcs, &prices);
            if bound < best.bound {
                best.prices.clone_from(&prices);
                best.bound = bound;
            }
            since = 0;
            span += span / 4;
        }
    }
    best.filled = arcs.iter().map(|arc| arc.filled).collect();
    best.bound *= SAFETY;
    best
}

/// What `prices` prove.
fn worth(arcs: &[Arc], prices: &[f64]) -> f64 {
    let gain = |arc: &Arc| arc.cap * (1.0 + prices[arc.give] - arc.floor * prices[arc.want]).max(0.0);
    arcs.iter().map(gain).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn float(count: usize) -> f64 {
    count as f64
}
