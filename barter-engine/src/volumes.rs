//! Chooses the volumes of candidate rings, in reals, honouring what each offer gives at most and, if anything, at
//! least.
//!
//! The volumes start from greedy insertion and improve by large neighbourhoods: the rings around one offer are set
//! free, all others stay, and a small mixed-integer programme finds the best for them. Work is counted in programmes
//! and nodes, so the same input gives the same volumes everywhere.

use crate::pool::Candidate;
use crate::scene::{Live, Scene, float};
use clearing::Mode;
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions, Variable};

/// An offer, its share of each free ring, and what it gives to the rings that stay, in USD.
type Row = (usize, Vec<(Variable, f64)>, f64);

/// Relative slack that is no breach in reals; the exact step removes it.
const EPSILON: f64 = 1e-9;

/// A candidate with its shares and limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) ring: Candidate,
    /// USD given by each leg per unit of volume.
    pub(crate) shares: [f64; 6],
    /// USD given by all legs per unit of volume.
    pub(crate) value: f64,
    /// The most volume that its offers allow.
    pub(crate) most: f64,
}

impl Column {
    pub(crate) fn new(scene: &Scene, ring: &Candidate) -> Column {
        if scene.mode == Mode::Lots {
            let mut shares = [0.0; 6];
            for (share, at) in shares.iter_mut().zip(ring.offers()) {
                *share = scene.offer(*at).cap;
            }
            return Column { ring: *ring, shares, value: shares.iter().sum(), most: 1.0 };
        }
        let (shares, value) = ring.shares(scene);
        let caps = ring.offers().iter().zip(shares).map(|(o, share)| scene.offer(*o).cap / share);
        Column { ring: *ring, shares, value, most: caps.fold(f64::INFINITY, f64::min) }
    }

    fn legs(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.ring.offers().iter().map(|o| *o as usize).zip(self.shares)
    }
}

/// The choice of volumes.
pub(crate) struct Volumes<'a> {
    scene: &'a Scene,
    pub(crate) columns: Vec<Column>,
    /// The columns of each offer.
    of_offer: Vec<Vec<u32>>,
    /// The volume of each column.
    pub(crate) volume: Vec<f64>,
    /// USD given by each offer.
    given: Vec<f64>,
    /// The least that each offer gives if anything, USD, with a margin for whole units.
    least: Vec<f64>,
}

impl<'a> Volumes<'a> {
    /// Starts at nothing. Candidates that can never meet a minimum are left out.
    pub(crate) fn new(scene: &'a Scene, rings: &[Candidate]) -> Volumes<'a> {
        let mut columns: Vec<Column> = rings.iter().map(|ring| Column::new(scene, ring)).collect();
        loop {
            let mut reach = vec![0.0; scene.offers.len()];
            for column in &columns {
                column.legs().for_each(|(offer, share)| reach[offer] += share * column.most);
            }
            let before = columns.len();
            columns.retain(|column| {
                column.legs().all(|(offer, _)| reach[offer] >= scene.offers[offer].least * (1.0 - EPSILON))
            });
            if columns.len() == before {
                break;
            }
        }
        let mut of_offer = vec![Vec::new(); scene.offers.len()];
        for (at, column) in (0u32..).zip(&columns) {
            column.legs().for_each(|(offer, _)| of_offer[offer].push(at));
        }
        Volumes {
            scene,
            volume: vec![0.0; columns.len()],
            given: vec![0.0; scene.offers.len()],
            columns,
            of_offer,
            least: scene.offers.iter().map(|offer| margin(scene, offer)).collect(),
        }
    }

    /// Starts from rings and their volumes; those that are no columns here are left out.
    pub(crate) fn start_from(&mut self, rings: &[(Candidate, f64)]) {
        let place: std::collections::BTreeMap<Candidate, usize> =
            self.columns.iter().enumerate().map(|(at, column)| (column.ring, at)).collect();
        for (ring, volume) in rings {
            if let Some(&at) = place.get(ring) {
                self.add(at, *volume);
            }
        }
        // Rings left out may leave others under a minimum.
        let mut short: Vec<usize> = (0..self.given.len()).collect();
        while let Some(offer) = short.pop() {
            let given = self.given[offer];
            if given > 0.0 && given < self.scene.offers[offer].least * (1.0 - EPSILON) {
                for at in self.of_offer[offer].clone() {
                    let at = at as usize;
                    if self.volume[at] > 0.0 {
                        self.add(at, -self.volume[at]);
                        short.extend(self.columns[at].legs().map(|(other, _)| other));
                    }
                }
                self.given[offer] = 0.0;
            }
        }
    }

    /// The rings with a volume.
    pub(crate) fn chosen(&self) -> Vec<(Candidate, f64)> {
        let active = self.columns.iter().zip(&self.volume).filter(|(_, volume)| **volume > 0.0);
        active.map(|(column, volume)| (column.ring, *volume)).collect()
    }

    /// The value of the volumes chosen, in USD.
    pub(crate) fn value(&self) -> f64 {
        self.columns.iter().zip(&self.volume).map(|(column, volume)| column.value * volume).sum()
    }

    fn add(&mut self, column: usize, volume: f64) {
        self.volume[column] += volume;
        let Column { ring, shares, .. } = self.columns[column];
        for (offer, share) in ring.offers().iter().zip(shares) {
            self.given[*offer as usize] += share * volume;
        }
    }

    /// Sets the rings in `free` to their best while all others stay. Returns whether the value rose.
    fn improve(&mut self, free: &[u32], nodes: u64) -> bool {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let scale = free
            .iter()
            .map(|c| self.columns[*c as usize].value * self.columns[*c as usize].most)
            .fold(0.0, f64::max);
        let mut rows: Vec<Row> = Vec::new();
        let mut row_of = std::collections::BTreeMap::new();
        let mut hint = Vec::new();
        let mut before = 0.0;
        let mut variables = Vec::with_capacity(free.len());
        for &at in free {
            let column = &self.columns[at as usize];
            let volume = self.volume[at as usize];
            before += column.value * volume;
            let earns = column.value * column.most / scale;
            let variable = if self.scene.mode == Mode::Lots {
                problem.add_binary_var(earns)
            } else {
                problem.add_var(earns, (0.0, 1.0))
            };
            variables.push(variable);
            hint.push((variable, volume / column.most));
            for (offer, share) in column.legs() {
                let row = *row_of.entry(offer).or_insert_with(|| {
                    rows.push((offer, Vec::new(), self.given[offer]));
                    rows.len() - 1
                });
                let cap = self.scene.offers[offer].cap;
                rows[row].1.push((variable, share * column.most / cap));
                rows[row].2 -= share * volume;
            }
        }
        let now: Vec<(Variable, f64)> = hint.clone();
        for (at, row, fixed) in rows {
            let offer = &self.scene.offers[at];
            // What the fixed rings give, cleaned of what adding and subtracting floats leaves behind.
            let fixed = if fixed < offer.cap * EPSILON { 0.0 } else { fixed / offer.cap };
            let least = self.least[at] / offer.cap;
            if self.scene.mode == Mode::Lots || least <= fixed * (1.0 + EPSILON) {
                problem.add_constraint(row, ComparisonOp::Le, (1.0 - fixed).max(0.0));
            } else if fixed > 0.0 {
                problem.add_constraint(
                    row.clone(),
                    ComparisonOp::Ge,
                    (least - fixed).min(1.0 - fixed).max(0.0),
                );
                problem.add_constraint(row, ComparisonOp::Le, (1.0 - fixed).max(0.0));
            } else {
                let filled = problem.add_binary_var(0.0);
                let level = |variable: &Variable| {
                    now.iter().find(|(v, _)| v == variable).map_or(0.0, |(_, level)| *level)
                };
                let given: f64 = row.iter().map(|(variable, share)| level(variable) * share).sum();
                hint.push((filled, f64::from(u8::from(given > EPSILON))));
                for &(variable, _) in &row {
                    problem.add_constraint([(variable, 1.0), (filled, -1.0)], ComparisonOp::Le, 0.0);
                }
                let mut lower = row.clone();
                lower.push((filled, -least));
                problem.add_constraint(lower, ComparisonOp::Ge, 0.0);
                let mut upper = row;
                upper.push((filled, -1.0));
                problem.add_constraint(upper, ComparisonOp::Le, 0.0);
            }
        }
        let mut options = SolveOptions::default();
        options.node_limit = Some(nodes);
        options.mip_gap = 1e-5;
        options.warm_start = Some(hint);
        let Ok(outcome) = problem.solve_with(options) else { return false };
        let Some(solution) = outcome.solution() else { return false };
        let after: f64 = solution.objective() * scale;
        if after <= before * (1.0 + 1e-7) + 1e-6 {
            return false;
        }
        for (&at, variable) in free.iter().zip(variables) {
            let to = (solution.var_value(variable).clamp(0.0, 1.0) * self.columns[at as usize].most).max(0.0);
            let to = if to < self.columns[at as usize].most * 1e-7 { 0.0 } else { to };
            let from = self.volume[at as usize];
            self.add(at as usize, to - from);
            self.volume[at as usize] = to;
        }
        true
    }

    /// About `drop` active rings around `seed`, and at most `many` others that could take their place.
    fn around(&self, seed: usize, drop: usize, many: usize, dice: &mut Dice) -> Vec<u32> {
        let mut dropped = vec![false; self.columns.len()];
        let mut touched = vec![false; self.columns.len()];
        let mut near = Vec::new();
        let mut queue = vec![seed];
        let mut seen = vec![false; self.given.len()];
        seen[seed] = true;
        let mut head = 0;
        let mut count = 0;
        while head < queue.len() && (count < drop) {
            let offer = queue[head];
            head += 1;
            let mut own = self.of_offer[offer].clone();
            dice.shuffle(&mut own);
            own.sort_by_key(|c| self.volume[*c as usize] == 0.0);
            for at in own {
                if std::mem::replace(&mut touched[at as usize], true) {
                    continue;
                }
                if self.volume[at as usize] > 0.0 {
                    if count == drop {
                        continue;
                    }
                    dropped[at as usize] = true;
                    count += 1;
                }
                near.push(at);
                for (next, _) in self.columns[at as usize].legs() {
                    if !std::mem::replace(&mut seen[next], true) {
                        queue.push(next);
                    }
                }
            }
        }
        let mut given = self.given.clone();
        for (at, _) in dropped.iter().enumerate().filter(|(_, d)| **d) {
            for (offer, share) in self.columns[at].legs() {
                given[offer] -= share * self.volume[at];
            }
        }
        let mut free: Vec<u32> = Vec::new();
        let mut rest: Vec<u32> = Vec::new();
        near.extend((0u32..).zip(&touched).filter(|(_, touched)| !**touched).map(|(c, _)| c));
        for at in near {
            let column = &self.columns[at as usize];
            if dropped[at as usize] {
                free.push(at);
            } else if self.volume[at as usize] == 0.0
                && column.legs().all(|(offer, share)| {
                    let o = &self.scene.offers[offer];
                    o.cap - given[offer] > share * column.most * 1e-6
                })
            {
                rest.push(at);
            }
        }
        rest.truncate(many);
        free.extend(rest);
        free.sort_unstable();
        free
    }

    /// Improves by `rounds` neighbourhoods of about `many` rings.
    pub(crate) fn search(
        &mut self,
        rounds: usize,
        drop: usize,
        many: usize,
        nodes: u64,
        dice: &mut Dice,
    ) -> usize {
        let seeds: Vec<usize> = (0..self.of_offer.len()).filter(|o| !self.of_offer[*o].is_empty()).collect();
        if seeds.is_empty() {
            return 0;
        }
        let mut better = 0;
        for _ in 0..rounds {
            let seed = seeds[dice.below(seeds.len())];
            let free = self.around(seed, drop, many, dice);
            better += usize::from(self.improve(&free, nodes));
        }
        better
    }
}

/// The least fill in USD, a little more where whole units may take some away.
fn margin(scene: &Scene, offer: &Live) -> f64 {
    if offer.least_qty == 0 || offer.least_qty == offer.give_qty {
        return offer.least;
    }
    let unit = scene.unit[offer.give as usize];
    (offer.least * (1.0 + 1e-6) + 4.0 * unit).min(float(offer.give_qty) * unit)
}

/// A small generator of seeded dice (splitmix64), for searching only.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `many`, which must not be 0.
    pub(crate) fn below(&mut self, many: usize) -> usize {
        usize::try_from(self.next() % many as u64).expect("below a usize")
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
