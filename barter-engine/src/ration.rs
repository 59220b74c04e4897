//! Rations what offers give among rings: the programme over a growing pool, with its decisions so far about minimums,
//! large units and rings that no whole units fit.

use crate::dive::realisable;
use crate::master::{Bounds, Master};
use crate::pool::Candidate;
use crate::scene::Scene;
use crate::volumes::Column;
use std::collections::BTreeSet;

/// Passes over the columns between two settings of prices.
const PASSES: usize = 6;

/// Up to so many smallest units a leg is coarse: its ring moves in steps.
const COARSE: f64 = 60.0;

/// An offer short of its minimum at this share or less gives up, towards the end of deciding.
const HOPELESS: f64 = 0.5;

/// An offer that was promised its minimum and stays below this share of it for [`PATIENCE`] steps gives up.
const PROMISED: f64 = 0.98;
const PATIENCE: u32 = 4;

/// A promised minimum counts as met from this share on; the rest is within what offers keep spare.
const MET: f64 = 0.997;

/// An offer that whole units leave short more often, or by more than this share of its minimum, gives up.
const STRIKES: u32 = 2;
const FAR: f64 = 0.1;

/// Settings of prices for a plan that learns.
const SETTINGS: usize = 24;

/// A share of its largest volume below which a ring is dust.
const DUST: f64 = 1e-4;

/// The programme and its decisions.
pub(crate) struct Ration<'a> {
    scene: &'a Scene,
    known: BTreeSet<Candidate>,
    /// Rings that no whole units fit.
    forbidden: BTreeSet<Candidate>,
    columns: Vec<Column>,
    /// Whether the volume of a column is decided.
    fixed: Vec<bool>,
    master: Master,
    bounds: Bounds,
    /// What each offer needs if it gives anything, USD.
    needs: Vec<f64>,
    /// For how many steps an offer has been promised its minimum.
    promised: Vec<u32>,
    /// How often whole units left an offer short of its minimum.
    strikes: Vec<u32>,
}

impl<'a> Ration<'a> {
    pub(crate) fn new(scene: &'a Scene, prices: Vec<f64>, rests: f64) -> Ration<'a> {
        let offers = scene.offers.len();
        Ration {
            scene,
            known: BTreeSet::new(),
            forbidden: BTreeSet::new(),
            columns: Vec::new(),
            fixed: Vec::new(),
            master: Master { prices, given: vec![0.0; offers], rests, ..Master::default() },
            bounds: Bounds { most: vec![0.0; offers], least: vec![0.0; offers] },
            needs: vec![0.0; offers],
            promised: vec![0; offers],
            strikes: vec![0; offers],
        }
    }

    /// Starts anew with other bounds and needs, no decisions, and the rings known.
    pub(crate) fn bounds(&mut self, bounds: Bounds, needs: Vec<f64>) {
        self.bounds = bounds;
        self.needs = needs;
        self.promised.fill(0);
        self.strikes.fill(0);
        self.fixed.fill(false);
        self.master.levels.fill(0.0);
        self.master.given.fill(0.0);
        self.master.prices.iter_mut().for_each(|price| *price = price.max(0.0));
        let most = std::mem::take(&mut self.bounds.most);
        self.retain(|column, _| column.legs().all(|(at, _)| most[at] > 0.0));
        self.bounds.most = most;
    }

    /// What a USD of each offer is worth to a new ring; offers that are closed weigh less than anything.
    pub(crate) fn weights(&self) -> Vec<f64> {
        let weight = |(price, most): (&f64, &f64)| if *most > 0.0 { 1.0 - price } else { f64::NEG_INFINITY };
        self.master.prices.iter().zip(&self.bounds.most).map(weight).collect()
    }

    /// Adds rings; returns how many are new.
    pub(crate) fn add(&mut self, rings: &[Candidate]) -> usize {
        let before = self.columns.len();
        for ring in rings {
            if !self.forbidden.contains(ring) && self.known.insert(*ring) {
                self.columns.push(Column::new(self.scene, ring));
                self.fixed.push(false);
                self.master.levels.push(0.0);
            }
        }
        self.columns.len() - before
    }

    /// Runs the programme.
    pub(crate) fn solve(&mut self, settings: usize) {
        self.master.solve(&self.columns, &self.fixed, &self.bounds, settings, PASSES);
    }

    /// The value planned, USD.
    pub(crate) fn value(&self) -> f64 {
        self.columns.iter().zip(&self.master.levels).map(|(column, level)| column.value * level).sum()
    }

    /// What a USD of each offer is worth.
    pub(crate) fn prices(&self) -> &[f64] {
        &self.master.prices
    }

    /// All rings known.
    pub(crate) fn rings(&self) -> Vec<Candidate> {
        self.columns.iter().map(|column| column.ring).collect()
    }

    /// Columns in use with their volumes; those decided on in steps also with the leg and the step.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = (&Column, f64, Option<(usize, f64)>)> + '_ {
        self.columns.iter().zip(&self.master.levels).zip(&self.fixed).filter_map(
            |((column, level), fixed)| {
                let steps = if *fixed { self.coarse(column) } else { None };
                (*level > column.most * DUST).then_some((column, *level, steps))
            },
        )
    }

    /// Forgets columns without volume that lose more than `loses` per USD.
    pub(crate) fn forget(&mut self, loses: f64) {
        let prices = std::mem::take(&mut self.master.prices);
        self.retain(|column, level| {
            let cost: f64 = column.legs().map(|(at, share)| share * prices[at]).sum();
            level > 0.0 || column.value - cost > -loses * column.value
        });
        self.master.prices = prices;
    }

    fn retain(&mut self, keep: impl Fn(&Column, f64) -> bool) {
        let mut to = 0;
        for at in 0..self.columns.len() {
            if keep(&self.columns[at], self.master.levels[at]) {
                self.columns[to] = self.columns[at];
                self.master.levels[to] = self.master.levels[at];
                self.fixed[to] = self.fixed[at];
                to += 1;
            } else {
                self.known.remove(&self.columns[at].ring);
            }
        }
        self.columns.truncate(to);
        self.master.levels.truncate(to);
        self.fixed.truncate(to);
    }

    fn close(&mut self, at: usize) {
        self.bounds.most[at] = 0.0;
        self.bounds.least[at] = 0.0;
    }

    /// Decides on offers under their minimum: those far from it give up, those near to it are promised it; more of
    /// both with each of `steps`. From the middle on, rings of large units are rounded too.
    pub(crate) fn decide(&mut self, step: usize, steps: usize) {
        let part = (2.0 * float(step + 1) / float(steps)).min(1.0);
        let last = step + 3 >= steps;
        for at in 0..self.needs.len() {
            if self.needs[at] <= 0.0 || self.bounds.most[at] <= 0.0 {
                continue;
            }
            let ratio = self.master.given[at] / self.needs[at];
            if self.bounds.least[at] > 0.0 {
                self.promised[at] += 1;
                if ratio < PROMISED && self.promised[at] > PATIENCE {
                    self.close(at);
                }
            } else if ratio >= 1.0 {
                if part >= 1.0 {
                    self.bounds.least[at] = self.needs[at];
                }
            } else if ratio > 1e-6 {
                if ratio < HOPELESS * part || (last && ratio < 0.9) {
                    self.close(at);
                } else if last || ratio > 1.0 - HOPELESS * part {
                    self.bounds.least[at] = self.needs[at];
                }
            }
        }
        if part >= 1.0 {
            self.round(if last { 0.5 } else { 0.25 });
        }
    }

    /// Learns from whole units: offers that came short of their minimum by a share of it are asked for more, or, if
    /// they have been for some time, give up. Then plans anew.
    pub(crate) fn learn(&mut self, short: &[(u32, f64)]) {
        for &(at, lack) in short {
            let at = at as usize;
            if self.needs[at] <= 0.0 || self.bounds.most[at] <= 0.0 {
                continue;
            }
            self.strikes[at] += 1;
            if self.strikes[at] > STRIKES || lack > FAR {
                self.close(at);
            } else {
                let more = 1.0 + 1.5 * lack;
                self.needs[at] *= more;
                self.bounds.least[at] = self.needs[at];
                self.bounds.most[at] = self.bounds.most[at].max(self.needs[at] * 1.002);
            }
        }
        self.solve(SETTINGS);
        self.round(0.5);
        self.sift();
    }

    /// A quarter of the offers that miss their minimum gives up, the worst first; the others are promised it.
    pub(crate) fn give_in(&mut self) {
        let mut short: Vec<(f64, usize)> = (0..self.needs.len())
            .filter(|at| {
                let given = self.master.given[*at];
                given > 1e-9 * self.bounds.most[*at] && given < self.needs[*at]
            })
            .map(|at| (self.master.given[at] / self.needs[at], at))
            .collect();
        short.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let missing = short.iter().filter(|(ratio, _)| *ratio < MET).count();
        for (rank, (_, at)) in short.into_iter().enumerate() {
            if rank < missing.div_ceil(4) {
                self.close(at);
            } else {
                self.bounds.least[at] = self.needs[at];
            }
        }
    }

    /// The leg whose smallest unit is largest against the ring, and what that unit is of the ring's volume, if the
    /// leg is coarse.
    fn coarse(&self, column: &Column) -> Option<(usize, f64)> {
        let step = |(at, share): (usize, f64)| self.scene.unit[self.scene.offers[at].give as usize] / share;
        let (leg, step) = column.legs().map(step).enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (step * COARSE > column.most).then_some((leg, step))
    }

    /// Decides the volumes of rings with a coarse leg, where they are `within` a share of a whole unit; nearest first.
    pub(crate) fn round(&mut self, within: f64) {
        let mut given = vec![0.0f64; self.needs.len()];
        let mut order: Vec<(f64, usize, f64)> = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let level = self.master.levels[at];
            if self.fixed[at] {
                column.legs().for_each(|(leg, share)| given[leg] += share * level);
            } else if level > 0.0
                && let Some((_, step)) = self.coarse(column)
            {
                let off = (level / step - (level / step).round()).abs();
                if off <= within {
                    order.push((off, at, step));
                }
            }
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut nothing = BTreeSet::new();
        for (_, at, step) in order {
            let column = self.columns[at];
            let room = column
                .legs()
                .map(|(leg, share)| (self.bounds.most[leg] - given[leg]) / share)
                .fold(f64::INFINITY, f64::min);
            let units = (self.master.levels[at] / step).round().min((room / step * (1.0 + 1e-9)).floor());
            if units < 1.0 {
                nothing.insert(column.ring);
                continue;
            }
            self.master.levels[at] = units * step;
            self.fixed[at] = true;
            column.legs().for_each(|(leg, share)| given[leg] += share * units * step);
        }
        self.forbid(nothing);
    }

    /// Leaves out rings that no whole units fit at their volume, and dust.
    pub(crate) fn sift(&mut self) {
        let unfit = |((column, level), fixed): ((&Column, &f64), &bool)| {
            let fits = *fixed
                || *level <= 0.0
                || (*level > column.most * DUST && realisable(self.scene, &column.ring, *level));
            (!fits).then_some(column.ring)
        };
        let failed =
            self.columns.iter().zip(&self.master.levels).zip(&self.fixed).filter_map(unfit).collect();
        self.forbid(failed);
    }

    fn forbid(&mut self, rings: BTreeSet<Candidate>) {
        self.retain(|column, _| !rings.contains(&column.ring));
        self.forbidden.extend(rings);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some dozens")]
fn float(count: usize) -> f64 {
    count as f64
}
