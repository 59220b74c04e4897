//! Proven upper bounds on what any answer can be worth.

use crate::pool::Candidate;
use crate::scene::Scene;
use clearing::{Mode, UsdValue};
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use ruint::aliases::U256;

/// Covers the rounding of float sums over at most some millions of terms.
const SAFETY: f64 = 1.0 + 1e-9;

/// The least that a leg must receive per USD given, valid for every answer of the mode.
fn asked(scene: &Scene, book: &clearing::Book) -> Vec<f64> {
    scene
        .offers
        .iter()
        .map(|live| match scene.mode {
            Mode::Ring => live.floor,
            // In uniform mode and for lots only the limit is exact.
            Mode::Uniform | Mode::Lots => {
                let offer = &book.offers()[live.index];
                scene.unit[live.want as usize] * crate::scene::float(offer.want_qty.get()) / live.cap
            }
        })
        .map(|floor| floor * (1.0 - 1e-12))
        .collect()
}

/// The any-rates bound: per asset, what is given covers at least the floors of those who want it. For whatever
/// asset prices `y` the sum over offers of `cap * max(0, 1 + y[give] - floor * y[want])` is an upper bound (weak
/// duality), so the prices may be searched with floats and the bound is still proven.
pub(crate) fn any_rates(scene: &Scene, book: &clearing::Book, rounds: usize) -> f64 {
    let floors = asked(scene, book);
    let assets = scene.unit.len();
    let total: f64 = scene.offers.iter().map(|offer| offer.cap).sum();
    let mut prices = vec![0.0f64; assets];
    let mut best = total;
    // Subgradient steps with momentum, scaled per asset by the volume that passes it.
    let mut volume = vec![1e-9f64; assets];
    for offer in &scene.offers {
        volume[offer.give as usize] += offer.cap;
        volume[offer.want as usize] += offer.cap;
    }
    let mut direction = vec![0.0f64; assets];
    for round in 0..rounds {
        let mut slope = vec![0.0f64; assets];
        let mut value = 0.0;
        for (offer, floor) in scene.offers.iter().zip(&floors) {
            let margin = 1.0 + prices[offer.give as usize] - floor * prices[offer.want as usize];
            if margin > 0.0 {
                value += offer.cap * margin;
                slope[offer.give as usize] += offer.cap;
                slope[offer.want as usize] -= floor * offer.cap;
            }
        }
        best = best.min(value);
        let step = 2.0 / (1.0 + 0.15 * round as f64);
        for asset in 0..assets {
            direction[asset] = 0.7 * direction[asset] + 0.3 * slope[asset] / volume[asset];
            prices[asset] = (prices[asset] - step * direction[asset]).max(0.0);
        }
    }
    (best * SAFETY).min(total * SAFETY)
}

/// The bound from every ring: offers' prices `y` such that no ring, however it shares its surplus, earns more than
/// its offers' prices; then `sum of cap * y` is an upper bound. `rings` must hold every ring that can be.
pub(crate) fn every_ring(scene: &Scene, book: &clearing::Book, rings: &[Candidate]) -> Option<f64> {
    let floors = asked(scene, book);
    // A ring's legs obey next >= floor * this. The extreme ways to do so leave all surplus to one leg.
    let mut rays: Vec<Vec<(usize, f64)>> = Vec::with_capacity(rings.len() * 6);
    for ring in rings {
        let legs = ring.offers();
        for first in 0..legs.len() {
            let mut gives = 1.0;
            let mut ray = Vec::with_capacity(legs.len());
            for step in 0..legs.len() {
                let at = legs[(first + step) % legs.len()];
                ray.push((at as usize, gives));
                gives *= floors[at as usize];
            }
            rays.push(ray);
        }
    }
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let scale = scene.offers.iter().map(|offer| offer.cap).fold(1.0, f64::max);
    let mut variables = vec![None; scene.offers.len()];
    for ray in &rays {
        for &(at, _) in ray {
            variables[at]
                .get_or_insert_with(|| problem.add_var(scene.offers[at].cap / scale, (0.0, f64::INFINITY)));
        }
    }
    for ray in &rays {
        let row: Vec<_> = ray
            .iter()
            .map(|&(at, gives)| (variables[at].expect("every offer of a ray has one"), gives))
            .collect();
        let worth: f64 = ray.iter().map(|(_, gives)| gives).sum();
        problem.add_constraint(row, ComparisonOp::Ge, worth);
    }
    let outcome = problem.solve().ok()?;
    let solution = outcome.solution()?;
    let mut prices: Vec<f64> =
        variables.iter().map(|v| v.map_or(0.0, |v| solution.var_value(v).max(0.0))).collect();
    // Raise prices until every ray is covered; the solver leaves at most tiny gaps.
    for ray in &rays {
        let short: f64 = ray.iter().map(|&(at, gives)| gives * (1.0 - prices[at])).sum();
        if short > -1e-12 {
            let all: f64 = ray.iter().map(|(_, gives)| gives).sum();
            ray.iter().for_each(|&(at, _)| prices[at] += (short + 1e-12) / all);
        }
    }
    Some(scene.offers.iter().zip(prices).map(|(offer, price)| offer.cap * price).sum::<f64>() * SAFETY)
}

/// A float number of USD as a value, rounded up.
pub(crate) fn usd(value: f64) -> UsdValue {
    let micro = U256::from(crate::exact::whole((value * 1e6).ceil()));
    UsdValue::from_raw(micro.saturating_mul(U256::from(10u128.pow(24))))
}

/// What all live offers are worth: the bound that costs nothing.
pub(crate) fn everything(scene: &Scene) -> UsdValue {
    usd(scene.offers.iter().map(|offer| offer.cap).sum::<f64>() * SAFETY)
}
