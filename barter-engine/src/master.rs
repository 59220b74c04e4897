//! The linear programme over a pool of rings: how much of each, and what an offer's USD is worth.
//!
//! Augmented Lagrangian with coordinate ascent: an offer's price rises with what is asked of it beyond what it gives;
//! one ring after the other moves to where its legs' prices eat up what it earns; now and then the prices are set to
//! what they have become. Sparse, warm-started, and as exact as it has time for.

use crate::volumes::Column;

/// The state of the programme.
#[derive(Clone)]
pub(crate) struct Master {
    /// USD given by the first leg, per column.
    pub(crate) levels: Vec<f64>,
    /// Price per USD given, per offer: above 0 where it is full, below 0 where it must be filled.
    pub(crate) prices: Vec<f64>,
    /// USD given, per offer.
    pub(crate) given: Vec<f64>,
    /// The most that is paid per USD for an offer that must be filled.
    pub(crate) most_paid: f64,
    /// Columns that lose more than this per USD rest until prices are set again.
    pub(crate) rests: f64,
}

impl Default for Master {
    fn default() -> Master {
        Master {
            levels: Vec::new(),
            prices: Vec::new(),
            given: Vec::new(),
            most_paid: MOST_PAID,
            rests: RESTS,
        }
    }
}

/// What the offers allow.
pub(crate) struct Bounds {
    /// The most that each gives, USD; 0 closes it.
    pub(crate) most: Vec<f64>,
    /// The least that each must give, USD; 0 if it need not.
    pub(crate) least: Vec<f64>,
}

/// How much the price of an offer rises when twice is asked of it what it has.
const RISE: f64 = 0.5;

/// The most that is paid per USD for an offer that must be filled, if nothing else is said.
const MOST_PAID: f64 = 4.0;

/// Columns that lose more than this per USD rest until prices are set again, if nothing else is said.
const RESTS: f64 = 0.05;

/// An offer while prices are searched, side by side in memory: every leg of every pass asks for all of it.
#[derive(Clone, Copy)]
struct Held {
    price: f64,
    given: f64,
    most: f64,
    least: f64,
    /// What the price rises by per USD.
    rise: f64,
    /// The most that is paid per USD for what must be filled.
    paid: f64,
}

impl Held {
    /// The price at what is given.
    fn now(&self) -> f64 {
        let over = self.price + self.rise * (self.given - self.most);
        if over > 0.0 || self.least <= 0.0 {
            return over.max(0.0);
        }
        (self.price + self.rise * (self.given - self.least)).clamp(-self.paid, 0.0)
    }
}

impl Master {
    /// Runs `rounds` settings of prices with `passes` over the columns each.
    /// The levels of columns that are `fixed` stay.
    pub(crate) fn solve(
        &mut self,
        columns: &[Column],
        fixed: &[bool],
        bounds: &Bounds,
        rounds: usize,
        passes: usize,
    ) {
        self.levels.resize(columns.len(), 0.0);
        self.prices.resize(bounds.most.len(), 0.0);
        let mut held: Vec<Held> = self
            .prices
            .iter()
            .zip(bounds.most.iter().zip(&bounds.least))
            .map(|(&price, (&most, &least))| Held {
                price,
                given: 0.0,
                most,
                least,
                rise: RISE / most,
                paid: self.most_paid,
            })
            .collect();
        for (column, level) in columns.iter().zip(&mut self.levels) {
            if column.legs().any(|(at, _)| bounds.most[at] <= 0.0) {
                *level = 0.0;
            }
            column.legs().for_each(|(at, share)| held[at].given += share * *level);
        }
        let steps: Vec<f64> = columns
            .iter()
            .zip(fixed)
            .map(|(column, fixed)| {
                if *fixed || column.legs().any(|(at, _)| bounds.most[at] <= 0.0) {
                    return 0.0;
                }
                1.0 / column.legs().map(|(at, share)| share * share * held[at].rise).sum::<f64>()
            })
            .collect();
        let mut keen: Vec<u32> = Vec::with_capacity(columns.len());
        for _ in 0..rounds {
            keen.clear();
            for at in (0u32..).zip(&steps).filter(|(_, step)| **step > 0.0).map(|(at, _)| at) {
                let (column, level) = (&columns[at as usize], &mut self.levels[at as usize]);
                let slope = slope(column, &held);
                if *level > 0.0 || slope > -self.rests * column.value {
                    keen.push(at);
                    shift(column, level, slope * steps[at as usize], &mut held);
                }
            }
            for _ in 1..passes {
                for &at in &keen {
                    let (column, level) = (&columns[at as usize], &mut self.levels[at as usize]);
                    let slope = slope(column, &held);
                    shift(column, level, slope * steps[at as usize], &mut held);
                }
            }
            for offer in held.iter_mut().filter(|offer| offer.most > 0.0) {
                offer.price = offer.now();
            }
        }
        self.given.clear();
        self.given.extend(held.iter().map(|offer| offer.given));
        self.prices.iter_mut().zip(&held).for_each(|(price, offer)| *price = offer.price);
    }
}

/// Moves a column's level, down to nothing at most.
fn shift(column: &Column, level: &mut f64, by: f64, held: &mut [Held]) {
    let new = (*level + by).max(0.0);
    if new != *level {
        let moved = new - std::mem::replace(level, new);
        column.legs().for_each(|(at, share)| held[at].given += share * moved);
    }
}

/// What a column earns per unit of volume.
fn slope(column: &Column, held: &[Held]) -> f64 {
    column.value - column.legs().map(|(at, share)| share * held[at].now()).sum::<f64>()
}
