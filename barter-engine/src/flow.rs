//! The any-rates programme: what could be cleared if only each asset had to balance, whatever the rates and however
//! long the rings. Its prices prove a bound; they also say where the search of rings should look first.

use crate::scene::Scene;

/// The prices of the assets and what they prove.
pub(crate) struct AnyRates {
    /// What each asset is short of, in USD per USD, at least 0.
    pub(crate) prices: Vec<f64>,
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

/// Maximises what is given subject to, per asset, what is given covering `floors` times what its takers give.
///
/// For whatever prices, the sum over offers of `cap * max(0, margin)` is an upper bound (weak duality), so they may
/// be searched with floats and the bound is still proven. The search is the primal-dual hybrid gradient method with
/// diagonal steps, going on from its averages; `rounds` are iterations.
pub(crate) fn any_rates(scene: &Scene, floors: &[f64], rounds: usize) -> AnyRates {
    let assets = scene.unit.len();
    let total: f64 = scene.offers.iter().map(|offer| offer.cap).sum();
    let mut best = AnyRates { prices: vec![0.0; assets], bound: total };
    let mut volume = vec![1e-9f64; assets];
    for (offer, floor) in scene.offers.iter().zip(floors) {
        volume[offer.give as usize] += offer.cap;
        volume[offer.want as usize] += offer.cap * floor;
    }
    let mut filled = vec![0.0f64; floors.len()];
    let mut prices = vec![0.0f64; assets];
    let mut filled_sum = vec![0.0f64; floors.len()];
    let mut price_sum = vec![0.0f64; assets];
    let mut short = vec![0.0f64; assets];
    let (mut since, mut span) = (0usize, 60usize);
    for round in 1..=rounds {
        short.iter_mut().for_each(|short| *short = 0.0);
        for (at, offer) in scene.offers.iter().enumerate() {
            let old = filled[at];
            let step = margin(scene, at, floors[at], &prices) / (1.0 + floors[at]);
            let new = (old + step).clamp(0.0, 1.0);
            filled[at] = new;
            filled_sum[at] += new;
            let ahead = (2.0 * new - old) * offer.cap;
            short[offer.give as usize] -= ahead;
            short[offer.want as usize] += floors[at] * ahead;
        }
        for asset in 0..assets {
            prices[asset] = (prices[asset] + short[asset] / volume[asset]).max(0.0);
            price_sum[asset] += prices[asset];
        }
        since += 1;
        if since == span || round == rounds {
            let part = 1.0 / float(since);
            filled.iter_mut().zip(&mut filled_sum).for_each(|(f, sum)| *f = std::mem::take(sum) * part);
            prices.iter_mut().zip(&mut price_sum).for_each(|(p, sum)| *p = std::mem::take(sum) * part);
            let bound = worth(scene, floors, &prices);
            if bound < best.bound {
                best = AnyRates { prices: prices.clone(), bound };
            }
            since = 0;
            span += span / 4;
        }
    }
    best.bound *= SAFETY;
    best
}

/// What `prices` prove.
fn worth(scene: &Scene, floors: &[f64], prices: &[f64]) -> f64 {
    let gain = |(at, offer): (usize, &crate::scene::Live)| {
        offer.cap * margin(scene, at, floors[at], prices).max(0.0)
    };
    scene.offers.iter().enumerate().map(gain).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn float(count: usize) -> f64 {
    count as f64
}
