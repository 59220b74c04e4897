//! The plan: how much passes over which rings of lanes, and what each offer gives for it.
//!
//! A linear programme over rings of lanes, with the columns found by [`walks`]; it starts from the prices of the largest
//! [circulation](crate::circulation), which knows no limit on the length of rings. What a lane's offers cannot come to because
//! of their minimums is decided step by step: the lane stays below, or it is promised what it lacks.

use super::lanes::{Lane, Lanes};
use super::levels::{Levels, Range};
use super::{LaneDuals, Values, to_float, walks, whole};
use crate::circulation::{self, Arc};
use crate::clear::{Stage, Watch};
use crate::master::{Bounds, Master};
use crate::pool::Candidate;
use crate::volumes::Column;
use clearing::DUAL_WHOLE;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What is to pass.
pub(super) struct Plan {
    /// What each offer gives, value units.
    pub(super) given: Vec<u64>,
    /// Rings of lanes and what passes over them, value units.
    pub(super) rings: Vec<(Candidate, u64)>,
}

/// Searches for rings.
const ROUNDS: usize = 14;

/// The share of the user's time limit, if there is one, by which rings are found.
const LEARNED: f64 = 0.25;

/// The share of the user's time limit by which minimums are decided.
const DECIDED: f64 = 0.5;

/// Passes over the columns between two settings of prices.
const PASSES: usize = 6;

/// Settings of prices after a search.
const SETTINGS: usize = 4;

/// Settings of prices between two decisions.
const DECIDES: usize = 3;

/// Settings of prices before a plan is read.
const SETTLES: usize = 16;

/// Rings that lose up to this per lane are taken in the first round, and less from round to round.
const LOSES: f64 = 0.01;

/// Steps in which it is decided what gives nothing or its minimum.
const STEPS: usize = 160;

/// Each step decides on one in so many of the lanes in question, those that are nearest to one side.
const PART: usize = 25;

/// So many last steps decide on all.
const LAST: usize = 3;

/// A lane less than this share of the way between two sums stays at the lower one: who gets to a minimum takes from
/// others, who may then miss theirs.
const STAYS: f64 = 0.8;

/// A lane that stays below this share of what it is promised gives it up.
const KEPT: f64 = 0.98;

/// It does so after so many steps.
const PATIENCE: u8 = 4;

/// The most that is paid per USD for a lane to have what it is promised.
const PAID: f64 = 0.1;

/// Steps in which rings that carry too little are left out.
const SIFTS: usize = 6;

pub(super) struct Planner<'a> {
    lanes: &'a Lanes,
    values: &'a Values,
    /// What the offers of each lane can come to.
    levels: Vec<Levels>,
    /// What they come to at most, value units.
    caps: Vec<u64>,
    columns: Vec<Column>,
    known: BTreeSet<Candidate>,
    master: Master,
    bounds: Bounds,
    /// What each lane is promised, and may not pass, counted from the beginning; value units.
    promised: Vec<u64>,
    ceiling: Vec<u64>,
    /// What each lane carries for good, value units.
    packed: Vec<u64>,
    /// For how many steps a lane has been promised something.
    waits: Vec<u8>,
    /// Whether this is the first plan, whose progress is told.
    tells: bool,
}

impl<'a> Planner<'a> {
    /// A plan for offers that can give these ranges.
    pub(super) fn new(lanes: &'a Lanes, values: &'a Values, ranges: &[Range], tells: bool) -> Planner<'a> {
        let count = lanes.all.len();
        let mut planner = Planner {
            lanes,
            values,
            levels: Vec::new(),
            columns: Vec::new(),
            known: BTreeSet::new(),
            master: Master { most_paid: PAID, ..Master::default() },
            bounds: Bounds { least: vec![0.0; count], most: vec![0.0; count] },
            promised: vec![0; count],
            ceiling: vec![u64::MAX; count],
            packed: vec![0; count],
            waits: vec![0; count],
            caps: Vec::new(),
            tells,
        };
        planner.allow(ranges);
        planner.master.prices = first_prices(lanes, &planner.caps);
        planner
    }

    /// What the offers can still give.
    fn allow(&mut self, ranges: &[Range]) {
        let of_lane = |lane: &Lane| Levels::new(lane.offers.iter().map(|at| ranges[*at as usize]).collect());
        self.levels = self.lanes.all.iter().map(of_lane).collect();
        let most: Vec<u64> = ranges.iter().map(|range| range.most).collect();
        self.caps = (0..self.lanes.all.len()).map(|lane| self.lanes.sum(lane, &most)).collect();
        for lane in 0..self.caps.len() {
            self.bind(lane);
        }
    }

    /// Sets the bounds of a lane.
    fn bind(&mut self, lane: usize) {
        let packed = self.packed[lane];
        let most = self.caps[lane].min(self.ceiling[lane].saturating_sub(packed));
        let least = self.promised[lane].saturating_sub(packed).min(most);
        self.bounds.most[lane] = to_float(most) * self.values.unit;
        self.bounds.least[lane] = to_float(least) * self.values.unit;
    }

    /// Goes on when `packed` passes over the lanes for good and the offers can give `ranges` beyond that.
    pub(super) fn go_on(&mut self, packed: Vec<u64>, ranges: &[Range]) {
        self.packed = packed;
        self.allow(ranges);
        self.solve(DECIDES);
        self.decide_once(true);
        self.solve(DECIDES);
    }

    /// Finds rings that earn, and prices at which none does.
    pub(super) fn learn(&mut self, options: &Watch<'_>) {
        for round in 1..=ROUNDS {
            let earns: Vec<f64> = (self.master.prices.iter().zip(&self.bounds.most))
                .map(|(price, most)| if *most > 0.0 { 1.0 - price } else { f64::NEG_INFINITY })
                .collect();
            let found = walks::search(self.lanes, &earns, -LOSES / count(round));
            for ring in found {
                if self.known.insert(ring) {
                    self.columns.push(self.column(ring));
                }
            }
            self.solve(SETTINGS);
            self.tell(options, round);
            if round < ROUNDS && options.late(LEARNED) {
                break;
            }
        }
    }

    /// The prices as they stand, as a certificate's duals.
    pub(super) fn duals(&self) -> LaneDuals {
        let dual = |price: f64| whole((price * to_float(DUAL_WHOLE)).round());
        let lanes = self.lanes.all.iter().zip(&self.master.prices);
        let duals = lanes.map(|(lane, price)| ((lane.give, lane.want), dual(*price)));
        duals.filter(|(_, dual)| *dual > 0).collect()
    }

    fn column(&self, ring: Candidate) -> Column {
        let legs = ring.offers();
        let mut shares = [0.0; 6];
        shares[..legs.len()].fill(1.0);
        let most = legs.iter().map(|lane| self.bounds.most[*lane as usize]).fold(f64::INFINITY, f64::min);
        Column { ring, shares, value: count(legs.len()), most }
    }

    fn solve(&mut self, settings: usize) {
        let fixed = vec![false; self.columns.len()];
        self.master.solve(&self.columns, &fixed, &self.bounds, settings, PASSES);
    }

    /// Decides where a lane's offers cannot come to what the programme asks of them.
    pub(super) fn decide(&mut self, options: &Watch<'_>) {
        let mut hurry = false;
        for step in 1..=STEPS {
            let last = step + LAST > STEPS || hurry;
            if self.decide_once(last) == 0 {
                break;
            }
            self.solve(DECIDES);
            self.tell(options, ROUNDS + step);
            if hurry {
                break;
            }
            hurry = step < STEPS && options.late(DECIDED);
        }
    }

    /// Tells how far the first plan is; later ones are parts of what is told of volumes.
    fn tell(&self, options: &Watch<'_>, done: usize) {
        if self.tells {
            options.tell(Stage::Rings, done, ROUNDS + STEPS, self.value());
        }
    }

    /// The value planned, USD.
    fn value(&self) -> f64 {
        self.columns.iter().zip(&self.master.levels).map(|(column, level)| column.value * level).sum()
    }

    /// Decides on a part of the lanes that are between two sums; returns how many there were.
    fn decide_once(&mut self, last: bool) -> usize {
        let mut open: Vec<(f64, usize, u64)> = Vec::new();
        let mut broken = 0;
        for lane in 0..self.caps.len() {
            let given = self.master.given[lane];
            if self.bounds.least[lane] > 0.0 {
                self.waits[lane] += 1;
                if given < self.bounds.least[lane] * KEPT && self.waits[lane] > PATIENCE {
                    // It gives up what it was promised, and stays below.
                    let least = self.promised[lane].saturating_sub(self.packed[lane]);
                    let below = self.levels[lane].around(least.saturating_sub(1)).0;
                    self.ceiling[lane] = self.packed[lane] + below;
                    self.promised[lane] = 0;
                    self.bind(lane);
                    broken += 1;
                }
                continue;
            }
            let units = self.units(lane);
            let (below, Some(above)) = self.levels[lane].around(units) else { continue };
            if below == above {
                continue;
            }
            let share = to_float(units - below) / to_float(above - below);
            if share < 1e-6 {
                continue;
            }
            if share < STAYS {
                open.push((share / STAYS, lane, below));
            } else {
                open.push(((1.0 - share) / (1.0 - STAYS), lane, above));
            }
        }
        open.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let all = open.len() + broken;
        if !last {
            open.truncate(open.len().div_ceil(PART));
        }
        for (_, lane, to) in open {
            if to <= self.units(lane) {
                self.ceiling[lane] = self.packed[lane] + to;
            } else {
                self.promised[lane] = self.packed[lane] + to;
                self.waits[lane] = 0;
            }
            self.bind(lane);
        }
        all
    }

    /// What the programme asks of a lane, value units. It may ask for a little more than the lane may carry.
    fn units(&self, lane: usize) -> u64 {
        let most = self.caps[lane].min(self.ceiling[lane].saturating_sub(self.packed[lane]));
        whole(self.master.given[lane] / self.values.unit).min(most)
    }

    /// Leaves out rings that carry less than their lanes' offers can be split into: of each lane a piece, `pieces` by asset,
    /// or half of its largest offer. What they carried goes over others.
    pub(super) fn sift(&mut self, pieces: &[u64], options: &Watch<'_>) {
        let needs: Vec<f64> = (0..self.caps.len())
            .map(|lane| {
                let piece = pieces[self.lanes.all[lane].give as usize];
                to_float(piece.min(self.levels[lane].largest() / 2)) * self.values.unit
            })
            .collect();
        for step in 1..=SIFTS {
            let part = count(step) / count(SIFTS);
            let columns = std::mem::take(&mut self.columns);
            let levels = std::mem::take(&mut self.master.levels);
            let need = |column: &Column| {
                column.ring.offers().iter().map(|lane| needs[*lane as usize]).fold(0.0, f64::max)
            };
            (self.columns, self.master.levels) = (columns.into_iter().zip(levels))
                .filter(|(column, level)| *level <= 0.0 || *level >= need(column) * part)
                .unzip();
            self.solve(SETTINGS);
            self.decide_once(true);
            if step < SIFTS && options.stopped() {
                break;
            }
        }
    }

    /// The plan as it stands.
    pub(super) fn settle(&mut self) -> Plan {
        self.solve(SETTLES);
        // No lane carries more than it has.
        let over: Vec<f64> = (self.master.given.iter().zip(&self.bounds.most))
            .map(|(given, most)| if given > most { most / given } else { 1.0 })
            .collect();
        let mut sums = vec![0u64; self.caps.len()];
        let mut rings = Vec::new();
        for (column, level) in self.columns.iter().zip(&self.master.levels) {
            let legs = column.ring.offers();
            let share = legs.iter().map(|lane| over[*lane as usize]).fold(1.0, f64::min);
            let volume = whole(level * share / self.values.unit);
            if volume > 0 {
                legs.iter().for_each(|lane| sums[*lane as usize] += volume);
                rings.push((column.ring, volume));
            }
        }
        rings.sort_by_key(|(ring, volume)| (Reverse(*volume), *ring));
        let mut given = vec![0; self.values.caps.len()];
        for (lane, (levels, sum)) in self.lanes.all.iter().zip(self.levels.iter().zip(&sums)) {
            // The programme ends a little off what it was to reach: up to two per cent of that are made up.
            let (below, above) = levels.around(*sum);
            let near = above.filter(|above| above - sum < sum - below && (above - sum) * 50 < *above);
            for (at, gives) in lane.offers.iter().zip(levels.split(near.unwrap_or(below))) {
                given[*at as usize] = gives;
            }
        }
        Plan { given, rings }
    }

    /// What a USD that passes over each lane is worth.
    pub(super) fn prices(&mut self) -> &[f64] {
        self.solve(SETTLES);
        &self.master.prices
    }

    /// The same as far as it is known, at least 0.
    pub(super) fn first_prices(&self) -> Vec<f64> {
        self.master.prices.iter().map(|price| price.max(0.0)).collect()
    }
}

/// Prices of lanes from the largest circulation.
fn first_prices(lanes: &Lanes, caps: &[u64]) -> Vec<f64> {
    let potentials = potentials(lanes, caps);
    let price =
        |lane: &Lane| (potentials[lane.give as usize] + 1).saturating_sub(potentials[lane.want as usize]);
    lanes.all.iter().map(|lane| to_float(price(lane))).collect()
}

/// The potentials of the largest circulation under what the lanes carry at most, in value units.
pub(super) fn potentials(lanes: &Lanes, caps: &[u64]) -> Vec<u64> {
    let narrow = |cap: u64| i64::try_from(cap).expect("all offers come to less than 2^63 value units");
    let arcs: Vec<Arc<i64>> = (lanes.all.iter().zip(caps))
        .map(|(lane, cap)| Arc { from: lane.give, to: lane.want, cap: narrow(*cap) })
        .collect();
    circulation::largest(lanes.assets(), &arcs).potentials
}

#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn count(number: usize) -> f64 {
    number as f64
}
