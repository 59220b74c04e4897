//! Exchanges among pairs: cycles of limited length in a graph of who can give to whom, each pair in one cycle at most.
//!
//! This is the mode of whole lots where an offer accepts several things: the pairs of a kidney exchange, where an arc says
//! that the donor of one pair suits the patient of another. Arcs have weights; the sum of those used is maximised.
//!
//! A price per pair is found such that no short cycle earns more than its pairs cost; cycles that do are found by a walk
//! programme over at most `longest` arcs, which is exact because a closed walk that earns something contains a simple cycle
//! that does. The sum of the prices bounds every answer, and [`check`] proves it again in integers. Cycles are then chosen
//! by branch and bound, among those whose prices leave room for anything better than the best so far.

use crate::branch::{Budget, Choices, decide};
use crate::programme::Programme;
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Weights and prices are counted in so many parts of one.
pub const WHOLE: u64 = 1_000_000_000;

/// The largest weight of an arc: a million.
pub const MAX_WEIGHT: u64 = 1_000_000 * WHOLE;

/// The longest cycle that may be asked for.
pub const MAX_LONGEST: usize = 6;

/// One pair can give to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arc {
    /// The pair that gives.
    pub from: u32,
    /// The pair that receives.
    pub to: u32,
    /// What that is worth, in parts of [`WHOLE`], at most [`MAX_WEIGHT`].
    pub weight: u64,
}

/// Who can give to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pairs: u32,
    arcs: Vec<Arc>,
}

/// Why arcs are no instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// An arc of a pair that there is not.
    #[error("pair {0} is not among the pairs")]
    UnknownPair(u32),
    /// A pair that gives to itself.
    #[error("pair {0} gives to itself")]
    Loop(u32),
    /// Two arcs from one pair to another.
    #[error("two arcs lead from pair {from} to pair {to}")]
    Twice {
        /// Who gives.
        from: u32,
        /// Who receives.
        to: u32,
    },
    /// A weight above [`MAX_WEIGHT`].
    #[error("the arc from pair {from} to pair {to} weighs more than a million")]
    TooHeavy {
        /// Who gives.
        from: u32,
        /// Who receives.
        to: u32,
    },
}

impl Instance {
    /// Takes arcs among the pairs 0 to `pairs` - 1.
    ///
    /// # Errors
    /// The first [`InstanceError`] in the order of the arcs, for each arc in the order of its variants.
    pub fn new(pairs: u32, mut arcs: Vec<Arc>) -> Result<Instance, InstanceError> {
        arcs.sort_unstable();
        for (at, &Arc { from, to, weight }) in arcs.iter().enumerate() {
            if let Some(pair) = [from, to].into_iter().find(|pair| *pair >= pairs) {
                return Err(InstanceError::UnknownPair(pair));
            }
            if from == to {
                return Err(InstanceError::Loop(from));
            }
            if at > 0 && (arcs[at - 1].from, arcs[at - 1].to) == (from, to) {
                return Err(InstanceError::Twice { from, to });
            }
            if weight > MAX_WEIGHT {
                return Err(InstanceError::TooHeavy { from, to });
            }
        }
        Ok(Instance { pairs, arcs })
    }

    /// The number of pairs.
    #[must_use]
    pub const fn pairs(&self) -> u32 {
        self.pairs
    }

    /// The arcs, by giver and receiver.
    #[must_use]
    pub fn arcs(&self) -> &[Arc] {
        &self.arcs
    }

    fn weight(&self, from: u32, to: u32) -> Option<u64> {
        let at = self.arcs.binary_search_by_key(&(from, to), |arc| (arc.from, arc.to)).ok()?;
        Some(self.arcs[at].weight)
    }

    /// What a cycle is worth; each of its pairs gives to the next, the last to the first. `None` if it is no cycle.
    fn worth(&self, cycle: &[u32]) -> Option<u64> {
        let nexts = cycle.iter().cycle().skip(1);
        cycle.iter().zip(nexts).map(|(from, to)| self.weight(*from, *to)).sum()
    }

    /// Arcs that walks from a pair over those that are not smaller pass over.
    fn work_from(&self, start: u32, longest: usize) -> u64 {
        let arcs = self.arcs.len() - self.arcs.partition_point(|arc| arc.from < start);
        (longest * arcs) as u64
    }

    /// The largest number that divides all weights.
    fn grain(&self) -> u64 {
        fn common(a: u64, b: u64) -> u64 {
            if b == 0 { a } else { common(b, a % b) }
        }
        self.arcs.iter().map(|arc| arc.weight).fold(0, common).max(1)
    }
}

/// Cycles with a proof of how good they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The cycles, each from its smallest pair on: every pair gives to the next, the last to the first.
    pub cycles: Vec<Vec<u32>>,
    /// What they are worth, in parts of [`WHOLE`].
    pub value: u64,
    /// A price per pair, in parts of [`WHOLE`]: no cycle earns more than its pairs cost.
    pub prices: Vec<u64>,
    /// No cycles are worth more: the sum of the prices, down to a multiple of what divides all weights.
    pub bound: u64,
    /// Whether nothing is worth more, even where the bound is higher: the search was exhausted, and what all is worth is
    /// not so many grains that a float could mistake one.
    pub exhausted: bool,
}

/// Why a matching is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Fewer than two pairs, or more than allowed.
    #[error("cycle {cycle} has {pairs} pairs")]
    Length {
        /// The cycle's place.
        cycle: usize,
        /// Its pairs.
        pairs: usize,
    },
    /// A pair twice.
    #[error("pair {pair} is in two places")]
    Twice {
        /// The pair.
        pair: u32,
    },
    /// A pair that cannot give to the next.
    #[error("somebody in cycle {cycle} cannot give to the next one")]
    NoArc {
        /// The cycle's place.
        cycle: usize,
    },
    /// The cycles are worth something else.
    #[error("the cycles are worth another sum")]
    Value,
    /// Not a price per pair.
    #[error("the proof has not one price per pair")]
    Prices,
    /// A cycle that earns more than its pairs cost.
    #[error("a cycle earns more than its pairs cost, so the prices prove nothing")]
    NotCovered,
    /// Another bound than the prices prove.
    #[error("the prices prove another bound")]
    Bound,
}

/// Proves a matching and its bound in integers, without trusting whoever found it.
///
/// # Errors
/// The first [`Fault`] in the order of the variants.
pub fn check(instance: &Instance, longest: usize, matching: &Matching) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut value = 0u64;
    for (at, cycle) in matching.cycles.iter().enumerate() {
        if !(2..=longest.min(MAX_LONGEST)).contains(&cycle.len()) {
            return Err(Fault::Length { cycle: at, pairs: cycle.len() });
        }
        if let Some(&pair) = cycle.iter().find(|pair| !seen.insert(**pair)) {
            return Err(Fault::Twice { pair });
        }
        value += instance.worth(cycle).ok_or(Fault::NoArc { cycle: at })?;
    }
    if value != matching.value {
        return Err(Fault::Value);
    }
    if matching.prices.len() != instance.pairs as usize {
        return Err(Fault::Prices);
    }
    let mut walks = Walks::new(instance, longest);
    if (0..instance.pairs).any(|start| walks.from(start, &matching.prices) > 0) {
        return Err(Fault::NotCovered);
    }
    if bound(instance, &matching.prices) == matching.bound { Ok(()) } else { Err(Fault::Bound) }
}

fn bound(instance: &Instance, prices: &[u64]) -> u64 {
    let sum = total(prices);
    sum - sum % instance.grain()
}

/// All prices together, at most 2^64 - 1, which is more than any cycles are worth.
fn total(prices: &[u64]) -> u64 {
    prices.iter().fold(0, |sum: u64, price| sum.saturating_add(*price))
}

/// How much work a search may do. Work is counted, never timed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rounds of prices.
    pub rounds: usize,
    /// Cycles decided on at once.
    pub cycles: usize,
    /// Steps of the enumeration of cycles.
    pub steps: u64,
    /// Arcs that walks pass over, in all rounds together.
    pub walked: u64,
    /// Programmes solved by branch and bound.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { rounds: 400, cycles: 4_000, steps: 50_000_000, walked: 100_000_000_000, nodes: 1_000 }
    }
}

/// Finds cycles of at most `longest` (2 to [`MAX_LONGEST`]) pairs. The same input gives the same answer.
#[must_use]
pub fn find(instance: &Instance, longest: usize, limits: &Limits) -> Matching {
    let longest = longest.clamp(2, MAX_LONGEST);
    let mut cycles: BTreeSet<Vec<u32>> = BTreeSet::new();
    let mut walked = limits.walked;
    let prices = prices(instance, longest, limits, &mut walked, &mut cycles);
    let bound = bound(instance, &prices);
    let grain = instance.grain();
    let mut best = Best::default();
    best.choose(instance, &cycles, limits);
    // Only cycles whose prices leave room for more can be in anything better. What they earn less than they cost shrinks
    // what all prices come to.
    let mut exhausted = best.value == bound;
    let told_apart = u128::from(bound) * PER_GAIN < u128::from(grain) * TELLS;
    let sum = total(&prices);
    for share in [8, 2, 1] {
        if exhausted {
            break;
        }
        let slack = (sum - (best.value + grain)) / share;
        let mut enumeration = Enumeration::new(instance, longest, &prices, slack, limits);
        let all = enumeration.run(&mut walked);
        let proven = best.choose(instance, &enumeration.cycles, limits);
        // What is better by now leaves even less room, so nothing was overlooked.
        exhausted = best.value == bound || (share == 1 && all && proven && told_apart);
    }
    Matching { cycles: best.cycles, value: best.value, prices, bound, exhausted }
}

/// Branch and bound passes over what is better by less than a ten-millionth and half a grain, in floats. So it tells answers
/// apart that differ by a grain where all are worth less than `TELLS / PER_GAIN` grains, a ten-millionth of which is a
/// quarter of a grain.
const TELLS: u128 = 10_000_000;
const PER_GAIN: u128 = 4;

/// The best cycles so far.
#[derive(Default)]
struct Best {
    cycles: Vec<Vec<u32>>,
    value: u64,
}

impl Best {
    /// Chooses among `cycles`; says whether no choice among them is worth more.
    fn choose(&mut self, instance: &Instance, cycles: &BTreeSet<Vec<u32>>, limits: &Limits) -> bool {
        // Only pairs that are met get rows: the inverse is as large as their square.
        let mut rows: BTreeMap<u32, u32> = BTreeMap::new();
        let few = |cycle: &&Vec<u32>| {
            rows.extend(cycle.iter().map(|pair| (*pair, 0)));
            rows.len() <= MAX_ROWS
        };
        let every = cycles.len();
        let cycles: Vec<&Vec<u32>> = cycles.iter().take(limits.cycles).take_while(few).collect();
        let every = cycles.len() == every;
        rows.values_mut().zip(0..).for_each(|(row, at)| *row = at);
        let worth = |cycle: &Vec<u32>| instance.worth(cycle).expect("cycles are made of arcs");
        let heaviest = cycles.iter().map(|cycle| worth(cycle)).max().unwrap_or(0);
        if heaviest == 0 {
            return every;
        }
        let mut programme = Programme::default();
        for cycle in &cycles {
            let entries = cycle.iter().map(|pair| (rows[pair], 1.0));
            programme.column(float(worth(cycle)) / float(heaviest), 1.0, entries);
        }
        programme.begin(rows.values().map(|_| (f64::NEG_INFINITY, 1.0)));
        let choices = Choices { rows: Vec::new(), whole: true };
        let budget = Budget { nodes: limits.nodes, work: WORK, cuts: 0 };
        let beat = (float(self.value) + 0.5 * float(instance.grain())) / float(heaviest);
        let decided = decide(&mut programme, &choices, beat, budget);
        let Some(levels) = decided.levels else { return every && decided.proven };
        let mut taken = vec![false; instance.pairs as usize];
        let mut chosen: Vec<Vec<u32>> = Vec::new();
        for (cycle, level) in cycles.iter().zip(levels) {
            if level > 0.5 && cycle.iter().all(|pair| !taken[*pair as usize]) {
                cycle.iter().for_each(|pair| taken[*pair as usize] = true);
                chosen.push((*cycle).clone());
            }
        }
        let value = chosen.iter().map(worth).sum();
        if value > self.value {
            (self.cycles, self.value) = (chosen, value);
        }
        every && decided.proven
    }
}

/// The most rows of a programme over cycles: its inverse then takes 128 MiB.
const MAX_ROWS: usize = 4_096;

/// Entries of the inverse that branch and bound passes over.
const WORK: u64 = 20_000_000_000;

fn float(number: u64) -> f64 {
    number as f64
}

/// Prices at which no cycle earns more than its pairs cost, and as good as the programme over cycles found them; the cycles
/// found on the way.
fn prices(
    instance: &Instance,
    longest: usize,
    limits: &Limits,
    walked: &mut u64,
    cycles: &mut BTreeSet<Vec<u32>>,
) -> Vec<u64> {
    let pairs = instance.pairs as usize;
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let variables: Vec<_> = (0..pairs).map(|_| problem.add_var(1.0, (0.0, f64::INFINITY))).collect();
    let mut prices = vec![0u64; pairs];
    let mut walks = Walks::new(instance, longest);
    'rounds: for _ in 0..limits.rounds {
        let mut most = 0;
        let mut news = 0;
        for start in 0..instance.pairs {
            let Some(left) = walked.checked_sub(instance.work_from(start, longest)) else { break 'rounds };
            *walked = left;
            let gain = walks.from(start, &prices);
            most = most.max(gain);
            if gain > NEARLY {
                for cycle in walks.earning(start, &prices) {
                    if !cycles.contains(&cycle) {
                        let row: Vec<_> = cycle.iter().map(|pair| (variables[*pair as usize], 1.0)).collect();
                        let worth = instance.worth(&cycle).expect("a walk is made of arcs");
                        problem.add_constraint(row, ComparisonOp::Ge, float(worth) / float(WHOLE));
                        cycles.insert(cycle);
                        news += 1;
                    }
                }
            }
        }
        if news == 0 {
            return covered(instance, &mut walks, prices, most);
        }
        let outcome = problem.solve().ok();
        let Some(solution) = outcome.as_ref().and_then(|outcome| outcome.solution()) else { break };
        for (price, variable) in prices.iter_mut().zip(&variables) {
            *price = parts(solution.var_value(*variable));
        }
    }
    let most = (0..instance.pairs).map(|start| walks.from(start, &prices)).max().unwrap_or(0);
    covered(instance, &mut walks, prices, most)
}

/// A gain that is left to the last repair, in parts of [`WHOLE`].
const NEARLY: i64 = 1_000;

/// Raises prices until no cycle earns more than it costs: `most` is the most that one does, and every cycle has two pairs or
/// more. Pairs in no cycle cost nothing.
fn covered(instance: &Instance, walks: &mut Walks<'_>, mut prices: Vec<u64>, most: i64) -> Vec<u64> {
    let rise = u64::try_from(most.max(0)).unwrap_or(0).div_ceil(2);
    prices.iter_mut().for_each(|price| *price += rise);
    debug_assert!((0..instance.pairs).all(|start| walks.from(start, &prices) <= 0));
    prices
}

/// A price in parts of [`WHOLE`], rounded to the nearest.
fn parts(price: f64) -> u64 {
    let parts = crate::exact::whole((price.max(0.0) * float(WHOLE)).round());
    u64::try_from(parts).unwrap_or(u64::MAX).min(MAX_WEIGHT * 6)
}

/// The best walks of at most so many arcs from a pair back to it, over pairs that are not smaller.
struct Walks<'a> {
    instance: &'a Instance,
    longest: usize,
    /// Per number of arcs and pair: what the best walk there gains, and the pair before.
    best: Vec<Vec<(i64, u32)>>,
}

/// Gains nothing that counts: no walk leads here.
const NOWHERE: i64 = i64::MIN;

impl<'a> Walks<'a> {
    fn new(instance: &'a Instance, longest: usize) -> Walks<'a> {
        let longest = longest.clamp(2, MAX_LONGEST);
        let best = vec![vec![(NOWHERE, 0); instance.pairs as usize]; longest + 1];
        Walks { instance, longest, best }
    }

    /// The most that a closed walk through `start` over pairs that are not smaller earns above their prices; at least 0 if
    /// there is none.
    fn from(&mut self, start: u32, prices: &[u64]) -> i64 {
        let home = start as usize;
        self.best.iter_mut().for_each(|layer| layer.fill((NOWHERE, 0)));
        self.best[0][home].0 = 0;
        let first = self.instance.arcs.partition_point(|arc| arc.from < start);
        let mut most = 0;
        for arcs in 0..self.longest {
            let (before, after) = self.best.split_at_mut(arcs + 1);
            for arc in &self.instance.arcs[first..] {
                let here = before[arcs][arc.from as usize].0;
                // A walk ends at home.
                if here == NOWHERE || arc.to < start || (arcs > 0 && arc.from == start) {
                    continue;
                }
                let gain = here + signed(arc.weight) - signed(prices[arc.to as usize]);
                let there = &mut after[0][arc.to as usize];
                if gain > there.0 {
                    *there = (gain, arc.from);
                }
            }
            if arcs > 0 {
                most = most.max(after[0][home].0);
            }
        }
        most
    }

    /// The simple cycles that earn something in the best closed walks from `start`, after [`Walks::from`].
    fn earning(&self, start: u32, prices: &[u64]) -> Vec<Vec<u32>> {
        let mut found = Vec::new();
        for arcs in 2..=self.longest {
            if self.best[arcs][start as usize].0 <= NEARLY {
                continue;
            }
            let mut walk = Vec::with_capacity(arcs);
            let mut pair = start;
            for layer in (1..=arcs).rev() {
                pair = self.best[layer][pair as usize].1;
                walk.push(pair);
            }
            walk.reverse(); // from the start to the last pair before it is home again
            // Simple cycles are cut out of the walk as soon as a pair comes back.
            let mut path: Vec<u32> = Vec::with_capacity(arcs);
            for pair in walk.into_iter().chain([start]) {
                if let Some(at) = path.iter().position(|seen| *seen == pair) {
                    let cycle: Vec<u32> = path.drain(at..).collect();
                    let cost: i64 = cycle.iter().map(|pair| signed(prices[*pair as usize])).sum();
                    let worth = self.instance.worth(&cycle).map_or(0, signed);
                    if worth > cost {
                        found.push(from_smallest(cycle));
                    }
                }
                path.push(pair);
            }
        }
        found
    }
}

/// A weight or a price; six of them stay below 2^63, and a price that is cut here still outweighs any weights.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX).min(i64::MAX / 16)
}

fn from_smallest(mut cycle: Vec<u32>) -> Vec<u32> {
    let least = cycle.iter().enumerate().min_by_key(|(_, pair)| **pair).map_or(0, |(at, _)| at);
    cycle.rotate_left(least);
    cycle
}

/// All simple cycles that cost at most `slack` more than they earn.
struct Enumeration<'a> {
    instance: &'a Instance,
    longest: usize,
    prices: &'a [u64],
    slack: i64,
    /// The arcs of each pair.
    of: Vec<std::ops::Range<usize>>,
    /// Per number of arcs and pair: the most that a walk of at most so many from there gains on the way home.
    home: Vec<Vec<i64>>,
    path: Vec<u32>,
    cycles: BTreeSet<Vec<u32>>,
    most: usize,
    steps: u64,
}

impl<'a> Enumeration<'a> {
    fn new(
        instance: &'a Instance,
        longest: usize,
        prices: &'a [u64],
        slack: u64,
        limits: &Limits,
    ) -> Enumeration<'a> {
        let place = |pair: u32| instance.arcs.partition_point(|arc| arc.from < pair);
        Enumeration {
            instance,
            longest,
            prices,
            slack: signed(slack),
            of: (0..instance.pairs).map(|pair| place(pair)..place(pair + 1)).collect(),
            home: vec![vec![NOWHERE; instance.pairs as usize]; longest + 1],
            path: Vec::new(),
            cycles: BTreeSet::new(),
            most: limits.cycles,
            steps: limits.steps,
        }
    }

    /// Whether all were found within the limits.
    fn run(&mut self, walked: &mut u64) -> bool {
        for start in 0..self.instance.pairs {
            let left = walked.checked_sub(self.instance.work_from(start, self.longest));
            let Some(left) = left.filter(|_| self.steps > 0 && self.cycles.len() < self.most) else {
                return false;
            };
            *walked = left;
            self.homeward(start);
            self.path = vec![start];
            self.extend(0);
        }
        self.steps > 0 && self.cycles.len() < self.most
    }

    fn homeward(&mut self, start: u32) {
        self.home.iter_mut().for_each(|layer| layer.fill(NOWHERE));
        self.home[0][start as usize] = 0;
        let first = self.instance.arcs.partition_point(|arc| arc.from < start);
        for arcs in 1..=self.longest {
            let (before, after) = self.home.split_at_mut(arcs);
            after[0].copy_from_slice(&before[arcs - 1]);
            for arc in &self.instance.arcs[first..] {
                let there = before[arcs - 1][arc.to as usize];
                if there != NOWHERE && arc.to >= start {
                    let gain = there + signed(arc.weight) - signed(self.prices[arc.to as usize]);
                    let here = &mut after[0][arc.from as usize];
                    *here = (*here).max(gain);
                }
            }
        }
    }

    fn extend(&mut self, gain: i64) {
        let (start, last) = (self.path[0], self.path[self.path.len() - 1]);
        let left = self.longest - self.path.len();
        for at in self.of[last as usize].clone() {
            let arc = self.instance.arcs[at];
            if self.steps == 0 || self.cycles.len() == self.most {
                return;
            }
            self.steps -= 1;
            let gain = gain + signed(arc.weight) - signed(self.prices[arc.to as usize]);
            if arc.to == start {
                if self.path.len() > 1 && gain >= -self.slack {
                    self.cycles.insert(self.path.clone());
                }
                continue;
            }
            let rest = if arc.to > start { self.home[left][arc.to as usize] } else { NOWHERE };
            if rest != NOWHERE && gain + rest >= -self.slack && !self.path.contains(&arc.to) {
                self.path.push(arc.to);
                self.extend(gain);
                self.path.pop();
            }
        }
    }
}
