//! Proven upper bounds on what any answer can be worth.

use crate::flow::SAFETY;
use crate::pool::Candidate;
use crate::scene::Scene;
use clearing::{Mode, UsdValue};
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use ruint::aliases::U256;

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

/// The duals of the any-rates programme, see [`crate::flow`], in parts of [`clearing::DUAL_WHOLE`].
pub(crate) fn any_rates(scene: &Scene, book: &clearing::Book, rounds: usize) -> Vec<u64> {
    let found = crate::flow::any_rates(scene, &asked(scene, book), &scene.caps(), rounds);
    let whole = crate::scene::float(u128::from(clearing::DUAL_WHOLE));
    let dual = |price: &f64| {
        u64::try_from(crate::exact::whole((price * whole).round())).unwrap_or(clearing::MAX_DUAL)
    };
    found.prices.iter().map(|price| dual(price).min(clearing::MAX_DUAL)).collect()
}

/// The bound from every ring: offers' prices `y` such that no ring, however it shares its surplus, earns more than
/// its offers' prices; then `sum of cap * y` is an upper bound. `rings` must hold every ring that can be.
pub(crate) fn every_ring(scene: &Scene, book: &clearing::Book, rings: &[Candidate]) -> Option<f64> {
    let floors = asked(scene, book);
    // A ring's legs obey next >= floor * this. The extreme ways to do so leave all surplus to one leg.
    let mut rays: Vec<Vec<(usize, f64)>> = Vec::with_capacity(rings.len() * 6);
    let open = |ring: &&Candidate| ring.offers().iter().all(|at| scene.open[*at as usize]);
    for ring in rings.iter().filter(open) {
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
