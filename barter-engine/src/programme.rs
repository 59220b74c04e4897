//! Small linear programmes with bounds on columns and rows, by the bounded primal simplex method, and the few yes-or-no
//! decisions that sit on their rows, by branch and bound.
//!
//! Made for neighbourhoods: some hundred columns of at most six entries. The inverse of the basis is kept whole, by
//! column, and updated only where the pivot row has entries. What breaks a bound costs a penalty; the ratio test
//! walks over the points where that penalty ends, so a programme goes on from whatever basis it had when bounds
//! change, without a phase of its own.

/// Most entries of a column.
const ENTRIES: usize = 6;

/// What one unit of a broken bound costs, against the largest earning of a column, which is scaled to 1.
const PENALTY: f64 = 64.0;

/// Breaches up to this are none. Rows and columns are scaled to 1.
const FEASIBLE: f64 = 1e-9;

/// What a column must earn per unit to enter.
const EARNS: f64 = 1e-9;

/// Pivots smaller than this are avoided.
const PIVOT: f64 = 1e-8;

/// Pivots between two computations from scratch.
const REFRESH: usize = 120;

/// A place that is none.
const NOWHERE: u32 = u32::MAX;

/// A linear programme: maximise what columns earn.
#[derive(Clone, Default)]
pub(crate) struct Programme {
    rows: usize,
    entries: Vec<[(u32, f64); ENTRIES]>,
    lens: Vec<u8>,
    earns: Vec<f64>,
    /// Bounds of columns, then of the slack of each row: minus what the row comes to.
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Per column and slack: its place in the basis, or nowhere.
    place: Vec<u32>,
    at_upper: Vec<bool>,
    basis: Vec<u32>,
    level: Vec<f64>,
    /// What a basic variable earns, less penalties.
    cost: Vec<f64>,
    /// The inverse of the basis, column by column.
    inverse: Vec<f64>,
    /// Prices of the rows.
    prices: Vec<f64>,
    work: Vec<f64>,
    breaks: Vec<(f64, f64, u32)>,
    /// Pivots so far.
    pub(crate) pivots: u64,
}

/// A decision that a row comes either to nothing or to at least so much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) row: u32,
    pub(crate) least: f64,
}

/// The decisions of a programme.
#[derive(Clone, Default)]
pub(crate) struct Choices {
    pub(crate) rows: Vec<Choice>,
    /// Whether each column comes to 0 or 1, and nothing between.
    pub(crate) whole: bool,
}

impl Programme {
    /// Empties the programme; keeps its memory.
    pub(crate) fn reset(&mut self) {
        self.rows = 0;
        self.entries.clear();
        self.lens.clear();
        self.earns.clear();
        self.lower.clear();
        self.upper.clear();
    }

    /// Adds a column that may come to 0 to `most`. All columns come before [`Programme::begin`].
    pub(crate) fn column(&mut self, earns: f64, most: f64, entries: impl Iterator<Item = (u32, f64)>) {
        let mut held = [(0, 0.0); ENTRIES];
        let mut len = 0;
        for entry in entries {
            held[len] = entry;
            len += 1;
        }
        self.entries.push(held);
        self.lens.push(u8::try_from(len).expect("at most six"));
        self.earns.push(earns);
        self.lower.push(0.0);
        self.upper.push(most);
    }

    /// Sets the rows, each with the least and most that it may come to, and starts from nothing.
    pub(crate) fn begin(&mut self, rows: impl Iterator<Item = (f64, f64)>) {
        let columns = self.entries.len();
        self.lower.truncate(columns);
        self.upper.truncate(columns);
        for (least, most) in rows {
            self.lower.push(-most);
            self.upper.push(-least);
        }
        self.rows = self.lower.len() - columns;
        let rows = self.rows;
        self.place.clear();
        self.place.resize(columns, NOWHERE);
        self.place.extend(0..id(rows));
        self.at_upper.clear();
        self.at_upper.resize(columns + rows, false);
        self.basis.clear();
        self.basis.extend(id(columns)..id(columns + rows));
        self.inverse.clear();
        self.inverse.resize(rows * rows, 0.0);
        (0..rows).for_each(|row| self.inverse[row * rows + row] = 1.0);
        self.level.clear();
        self.level.resize(rows, 0.0);
        self.cost.clear();
        self.cost.resize(rows, 0.0);
        self.prices.clear();
        self.prices.resize(rows, 0.0);
    }

    /// What a variable comes to.
    fn value(&self, at: usize) -> f64 {
        match self.place[at] {
            NOWHERE => {
                let end = if self.at_upper[at] { self.upper[at] } else { self.lower[at] };
                if end.is_finite() { end } else { 0.0 }
            }
            place => self.level[place as usize],
        }
    }

    /// What a column comes to.
    pub(crate) fn level(&self, column: usize) -> f64 {
        self.value(column).max(0.0)
    }

    /// What all columns earn.
    pub(crate) fn worth(&self) -> f64 {
        (0..self.entries.len()).map(|at| self.earns[at] * self.level(at)).sum()
    }

    fn entries(&self, column: usize) -> &[(u32, f64)] {
        &self.entries[column][..usize::from(self.lens[column])]
    }

    /// Computes levels, costs and prices from the inverse.
    fn refresh(&mut self) {
        let (rows, columns) = (self.rows, self.entries.len());
        let mut sums = vec![0.0; rows];
        for at in 0..columns + rows {
            if self.place[at] != NOWHERE {
                continue;
            }
            if self.lower[at] == f64::NEG_INFINITY {
                self.at_upper[at] = true;
            } else if self.upper[at] == f64::INFINITY {
                self.at_upper[at] = false;
            }
            let value = self.value(at);
            if value == 0.0 {
                continue;
            }
            if at < columns {
                for &(row, factor) in self.entries(at) {
                    sums[row as usize] -= factor * value;
                }
            } else {
                sums[at - columns] -= value;
            }
        }
        self.level.fill(0.0);
        for (column, sum) in sums.iter().enumerate() {
            if *sum != 0.0 {
                let inverse = &self.inverse[column * rows..(column + 1) * rows];
                self.level.iter_mut().zip(inverse).for_each(|(level, entry)| *level += entry * sum);
            }
        }
        for place in 0..rows {
            self.cost[place] = self.cost_at(place);
        }
        for row in 0..rows {
            let inverse = &self.inverse[row * rows..(row + 1) * rows];
            self.prices[row] = inverse.iter().zip(&self.cost).map(|(entry, cost)| entry * cost).sum();
        }
    }

    /// What the variable at a place of the basis earns, less the penalty for where it is.
    fn cost_at(&self, place: usize) -> f64 {
        let at = self.basis[place] as usize;
        let earns = if at < self.entries.len() { self.earns[at] } else { 0.0 };
        let level = self.level[place];
        if level < self.lower[at] - FEASIBLE {
            earns + PENALTY
        } else if level > self.upper[at] + FEASIBLE {
            earns - PENALTY
        } else {
            earns
        }
    }

    /// The variable to enter, what it earns per unit, and whether it rises.
    fn entering(&self) -> Option<(usize, f64)> {
        let columns = self.entries.len();
        let mut best: Option<(usize, f64)> = None;
        let mut look = |at: usize, earns: f64| {
            let rises = if self.at_upper[at] { earns < -EARNS } else { earns > EARNS };
            if rises
                && self.upper[at] > self.lower[at]
                && best.is_none_or(|(_, most)| earns.abs() > most.abs())
            {
                best = Some((at, earns));
            }
        };
        for at in 0..columns {
            if self.place[at] == NOWHERE {
                let mut earns = self.earns[at];
                for &(row, factor) in self.entries(at) {
                    earns -= factor * self.prices[row as usize];
                }
                look(at, earns);
            }
        }
        for row in 0..self.rows {
            if self.place[columns + row] == NOWHERE {
                look(columns + row, -self.prices[row]);
            }
        }
        best
    }

    /// Maximises, within so many pivots. Returns whether every bound holds.
    pub(crate) fn solve(&mut self, most_pivots: usize) -> bool {
        self.refresh();
        for pivot in 0..most_pivots {
            if pivot % REFRESH == REFRESH - 1 {
                self.refresh();
            }
            let Some((entering, earns)) = self.entering() else { break };
            self.pivots += 1;
            if !self.step(entering, earns) {
                break;
            }
        }
        self.refresh();
        (0..self.rows).all(|place| {
            let at = self.basis[place] as usize;
            let level = self.level[place];
            level >= self.lower[at] - 1e-7 && level <= self.upper[at] + 1e-7
        })
    }

    /// Moves `entering`, and pivots unless it only goes to its other bound. Returns whether it could.
    fn step(&mut self, entering: usize, earns: f64) -> bool {
        let (rows, columns) = (self.rows, self.entries.len());
        let mut work = std::mem::take(&mut self.work);
        work.clear();
        work.resize(rows, 0.0);
        if entering < columns {
            for &(row, factor) in self.entries(entering) {
                let inverse = &self.inverse[row as usize * rows..(row as usize + 1) * rows];
                work.iter_mut().zip(inverse).for_each(|(w, entry)| *w += entry * factor);
            }
        } else {
            let row = entering - columns;
            work.copy_from_slice(&self.inverse[row * rows..(row + 1) * rows]);
        }
        let sign = if earns > 0.0 { 1.0 } else { -1.0 };
        let mut breaks = std::mem::take(&mut self.breaks);
        breaks.clear();
        const HARD: f64 = f64::INFINITY;
        for (place, entry) in work.iter().enumerate() {
            let rate = -sign * entry;
            if rate.abs() < PIVOT {
                continue;
            }
            let at = self.basis[place] as usize;
            let (level, lower, upper) = (self.level[place], self.lower[at], self.upper[at]);
            // In the direction of travel: the bound behind, then the bound ahead.
            let (behind, ahead) =
                if rate > 0.0 { (lower - level, upper - level) } else { (level - upper, level - lower) };
            let rate = rate.abs();
            if ahead < -FEASIBLE {
                continue; // moves away from a bound it broke; the penalty is in the price
            }
            if behind > FEASIBLE {
                breaks.push((behind / rate, PENALTY * rate, id(place)));
            }
            if ahead.is_finite() {
                breaks.push((ahead.max(0.0) / rate, HARD, id(place)));
            }
        }
        let span = self.upper[entering] - self.lower[entering];
        let chosen = choose(&mut breaks, earns.abs(), span, &work);
        self.breaks = breaks;
        let length = match chosen {
            Some((length, _)) => length,
            None if span.is_finite() => span,
            None => {
                self.work = work;
                return false;
            }
        };
        for (level, w) in self.level.iter_mut().zip(&work) {
            *level -= sign * length * w;
        }
        let from = if self.at_upper[entering] { self.upper[entering] } else { self.lower[entering] };
        let from = if from.is_finite() { from } else { 0.0 };
        if let Some((_, place)) = chosen {
            self.pivot(entering, place as usize, earns, &work, from + sign * length);
        } else {
            self.at_upper[entering] = !self.at_upper[entering];
        }
        for place in 0..rows {
            let cost = self.cost_at(place);
            if cost != self.cost[place] {
                let more = cost - self.cost[place];
                self.cost[place] = cost;
                for row in 0..rows {
                    self.prices[row] += more * self.inverse[row * rows + place];
                }
            }
        }
        self.work = work;
        true
    }

    /// Exchanges the variable at `place` of the basis for `entering`, which comes to `level`.
    fn pivot(&mut self, entering: usize, place: usize, earns: f64, work: &[f64], level: f64) {
        let rows = self.rows;
        let leaving = self.basis[place] as usize;
        let (lower, upper) = (self.lower[leaving], self.upper[leaving]);
        let to_upper = (self.level[place] - upper).abs() < (self.level[place] - lower).abs();
        self.at_upper[leaving] = to_upper;
        self.place[leaving] = NOWHERE;
        self.place[entering] = id(place);
        self.basis[place] = id(entering);
        // The entering variable's cost is what it earns; prices follow the reduced cost.
        let earned = if entering < self.entries.len() { self.earns[entering] } else { 0.0 };
        let inverted = 1.0 / work[place];
        for row in 0..rows {
            let column = &mut self.inverse[row * rows..(row + 1) * rows];
            let head = column[place];
            if head == 0.0 {
                continue;
            }
            let head = head * inverted;
            column.iter_mut().zip(work).for_each(|(entry, w)| *entry -= head * w);
            column[place] = head;
            self.prices[row] += earns * head;
        }
        self.level[place] = level;
        self.cost[place] = earned;
    }

    /// Maximises with decisions, by branch and bound within so many programmes. Returns the levels of the best found
    /// that is worth more than `beat`, if any.
    pub(crate) fn decide(&mut self, choices: &Choices, beat: f64, nodes: usize) -> Option<Vec<f64>> {
        let mut best = Best { worth: beat, levels: None, nodes };
        self.branch(choices, &mut best);
        best.levels
    }

    fn branch(&mut self, choices: &Choices, best: &mut Best) {
        if best.nodes == 0 {
            return;
        }
        best.nodes -= 1;
        if !self.solve(3 * (self.rows + 20)) {
            return;
        }
        let worth = self.worth();
        if worth <= best.worth + 1e-7 * worth.abs() {
            return;
        }
        let Some(Open { at, ways, .. }) = self.undecided(choices) else {
            best.worth = worth;
            best.levels = Some((0..self.entries.len()).map(|at| self.level(at)).collect());
            return;
        };
        let (lower, upper) = (self.lower[at], self.upper[at]);
        for (lower, upper) in ways {
            if lower <= upper {
                (self.lower[at], self.upper[at]) = (lower, upper);
                self.branch(choices, best);
            }
        }
        (self.lower[at], self.upper[at]) = (lower, upper);
    }

    /// The variable that is farthest from a decision.
    fn undecided(&self, choices: &Choices) -> Option<Open> {
        let mut open: Option<Open> = None;
        for choice in &choices.rows {
            let at = self.entries.len() + choice.row as usize;
            let sum = -self.value(at);
            if sum > NEAR && sum < choice.least - NEAR {
                let off = sum.min(choice.least - sum);
                if open.as_ref().is_none_or(|open| off > open.off) {
                    let (up, down) = ((self.lower[at], -choice.least), (0.0, self.upper[at]));
                    let ways = if sum > 0.5 * choice.least { [up, down] } else { [down, up] };
                    open = Some(Open { off, at, ways });
                }
            }
        }
        if open.is_none() && choices.whole {
            for at in 0..self.entries.len() {
                let level = self.level(at);
                let off = level.min(1.0 - level);
                if off > NEAR && open.as_ref().is_none_or(|open| off > open.off) {
                    open = Some(Open { off, at, ways: [(1.0, 1.0), (0.0, 0.0)] });
                }
            }
        }
        open
    }
}

/// A variable that waits for a decision.
struct Open {
    /// How far it is from one.
    off: f64,
    at: usize,
    /// The bounds it gets by deciding, the nearer way first.
    ways: [(f64, f64); 2],
}

/// A decision that is missed by no more is met.
const NEAR: f64 = 1e-6;

struct Best {
    worth: f64,
    levels: Option<Vec<f64>>,
    nodes: usize,
}

/// The break at which a step ends: where the penalties that fall away have used up what it earns, or a bound that
/// holds would break. `None` if the variable reaches its own other bound before.
fn choose(breaks: &mut [(f64, f64, u32)], earns: f64, span: f64, work: &[f64]) -> Option<(f64, u32)> {
    let mut slope = earns;
    let mut from = 0;
    // Few breaks are passed: look for the next one instead of sorting all.
    loop {
        let mut next: Option<usize> = None;
        for at in from..breaks.len() {
            let better = next.is_none_or(|next| {
                let (a, b) = (breaks[at], breaks[next]);
                let near = 1e-11;
                a.0 < b.0 - near || (a.0 < b.0 + near && work[a.2 as usize].abs() > work[b.2 as usize].abs())
            });
            if better {
                next = Some(at);
            }
        }
        let next = next?;
        let (length, falls, place) = breaks[next];
        if length >= span {
            return None;
        }
        slope -= falls;
        if slope <= 0.0 {
            return Some((length, place));
        }
        breaks.swap(from, next);
        from += 1;
    }
}

fn id(number: usize) -> u32 {
    u32::try_from(number).expect("small programmes have few rows and columns")
}

#[cfg(test)]
mod tests {
    use super::{Choice, Choices, Programme};
    use microlp::{ComparisonOp, OptimizationDirection, Problem};
    use proptest::prelude::*;

    /// A programme: earnings and entries per column, the bounds and the choice of each row.
    type Case = (Vec<(f64, Vec<(u32, f64)>)>, Vec<(f64, Option<f64>, bool)>, bool);

    fn cases() -> impl Strategy<Value = Case> {
        (2..8u32).prop_flat_map(|rows| {
            let share = (1..20u32).prop_map(|share| f64::from(share) / 10.0);
            let entries = prop::collection::btree_map(0..rows, share, 1..=rows.min(6) as usize)
                .prop_map(|entries| entries.into_iter().collect());
            let column = ((1..100u32).prop_map(|earns| f64::from(earns) / 100.0), entries);
            let least = prop::option::of((1..100u32).prop_map(|least| f64::from(least) / 100.0));
            let most = (20..150u32).prop_map(|most| f64::from(most) / 100.0);
            let row = (most, least, any::<bool>())
                .prop_map(|(most, least, free)| (f64::max(most, least.unwrap_or(0.0)), least, free));
            let rows = usize::try_from(rows).unwrap_or(0);
            (prop::collection::vec(column, 1..14), prop::collection::vec(row, rows), any::<bool>())
        })
    }

    /// What another solver makes of it.
    fn by_microlp((columns, rows, whole): &Case) -> Option<f64> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let variables: Vec<_> = columns
            .iter()
            .map(|(earns, _)| {
                if *whole {
                    problem.add_binary_var(*earns)
                } else {
                    problem.add_var(*earns, (0.0, f64::INFINITY))
                }
            })
            .collect();
        for (at, (most, least, free)) in (0u32..).zip(rows) {
            let row: Vec<_> = columns
                .iter()
                .zip(&variables)
                .flat_map(|((_, entries), v)| entries.iter().filter(|e| e.0 == at).map(|e| (*v, e.1)))
                .collect();
            problem.add_constraint(row.clone(), ComparisonOp::Le, *most);
            match least {
                Some(least) if *free => {
                    let open = problem.add_binary_var(0.0);
                    let lower = row.iter().copied().chain([(open, -least)]);
                    problem.add_constraint(lower.collect::<Vec<_>>(), ComparisonOp::Ge, 0.0);
                    let upper = row.into_iter().chain([(open, -10.0)]);
                    problem.add_constraint(upper.collect::<Vec<_>>(), ComparisonOp::Le, 0.0);
                }
                Some(least) => {
                    problem.add_constraint(row, ComparisonOp::Ge, *least);
                }
                None => {}
            }
        }
        Some(problem.solve().ok()?.solution()?.objective())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_best_is_what_another_solver_finds(case in cases()) {
            let (columns, rows, whole) = &case;
            let mut programme = Programme::default();
            for (earns, entries) in columns {
                let most = if *whole { 1.0 } else { f64::INFINITY };
                programme.column(*earns, most, entries.iter().copied());
            }
            let mut choices = Choices { rows: Vec::new(), whole: *whole };
            programme.begin((0u32..).zip(rows).map(|(row, (most, least, free))| match least {
                Some(least) if *free => {
                    choices.rows.push(Choice { row, least: *least });
                    (f64::NEG_INFINITY, *most)
                }
                Some(least) => (*least, *most),
                None => (f64::NEG_INFINITY, *most),
            }));
            let found = programme.decide(&choices, f64::NEG_INFINITY, 100_000);
            let worth = found.map(|levels| -> f64 { levels.iter().zip(columns).map(|(l, (earns, _))| l * earns).sum() });
            match (worth, by_microlp(&case)) {
                (Some(ours), Some(theirs)) => prop_assert!((ours - theirs).abs() < 1e-5, "{} {}", ours, theirs),
                (ours, theirs) => prop_assert_eq!(ours.is_some(), theirs.is_some()),
            }
        }
    }
}
