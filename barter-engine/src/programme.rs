//! Small linear programmes with bounds on columns and rows, by the bounded primal simplex method.
//!
//! Made for neighbourhoods: some hundred columns of at most six entries, and cuts over them. The inverse of the basis
//! is kept whole, by column, and updated only where the pivot row has entries. What breaks a bound costs a penalty; the ratio test
//! walks over the points where that penalty ends, so a programme goes on from whatever basis it had when bounds
//! change, without a phase of its own.

/// Most entries of a column.
const ENTRIES: usize = 6;

/// What one unit of a broken bound costs, against the largest earning of a column, which is scaled to 1.
const PENALTY: f64 = 512.0;

/// Breaches up to this are none. Rows and columns are scaled to 1.
const FEASIBLE: f64 = 1e-9;

/// How much looser than it says a cut is, at least.
const LOOSE: f64 = 1e-6;

/// What a column must earn per unit to enter.
const EARNS: f64 = 1e-9;

/// Pivots smaller than this are avoided.
const PIVOT: f64 = 1e-8;

/// Pivots between two computations of levels and prices from the inverse, and of the inverse from the columns.
const REFRESH: usize = 120;
const INVERT: usize = 3_000;

/// A place that is none.
const NOWHERE: u32 = u32::MAX;

/// A linear programme: maximise what columns earn.
#[derive(Clone, Default)]
pub(crate) struct Programme {
    rows: usize,
    entries: Vec<[(u32, f64); ENTRIES]>,
    lens: Vec<u8>,
    /// Entries in cuts, per column.
    cuts: Vec<Vec<(u32, f64)>>,
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
    /// Pivots since the inverse was computed from the columns.
    worn: usize,
    /// Pivots so far.
    pub(crate) pivots: u64,
}

impl Programme {
    /// Empties the programme; keeps its memory.
    pub(crate) fn reset(&mut self) {
        self.rows = 0;
        self.entries.clear();
        self.lens.clear();
        self.cuts.clear();
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
        self.cuts.push(Vec::new());
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
        self.worn = 0;
    }

    /// Adds rows of terms that must come to at least nothing, and goes on from the same basis.
    pub(crate) fn cut(&mut self, cuts: &[Vec<(u32, f64)>]) {
        let (columns, old) = (self.entries.len(), self.rows);
        let rows = old + cuts.len();
        let mut inverse = vec![0.0; rows * rows];
        for (new, held) in inverse.chunks_mut(rows).zip(self.inverse.chunks(old.max(1))) {
            new[..old].copy_from_slice(held);
        }
        for (at, cut) in (old..).zip(cuts) {
            for &(column, factor) in cut {
                self.cuts[column as usize].push((id(at), factor));
                if let Some(place) = Some(self.place[column as usize]).filter(|place| *place != NOWHERE) {
                    for (new, held) in inverse.chunks_mut(rows).zip(self.inverse.chunks(old.max(1))) {
                        new[at] -= factor * held[place as usize];
                    }
                }
            }
            inverse[at * rows + at] = 1.0;
            self.lower.push(f64::NEG_INFINITY);
            // Each a little looser than it says, by other amounts: many rows through nothing would make steps of
            // length nothing.
            self.upper.push(LOOSE * (1.0 + f64::from(id(at) * 61 % 97) / 97.0));
            self.place.push(id(at));
            self.at_upper.push(true);
            self.basis.push(id(columns + at));
        }
        self.inverse = inverse;
        self.rows = rows;
        self.level.resize(rows, 0.0);
        self.cost.resize(rows, 0.0);
        self.prices.resize(rows, 0.0);
    }

    /// Computes the inverse from the columns of the basis.
    fn invert(&mut self) {
        let (rows, columns) = (self.rows, self.entries.len());
        let basis = std::mem::replace(&mut self.basis, (id(columns)..id(columns + rows)).collect());
        self.inverse.fill(0.0);
        (0..rows).for_each(|row| self.inverse[row * rows + row] = 1.0);
        // The slacks of the basis keep their rows, structural columns take the others.
        let mut open = vec![true; rows];
        for &at in basis.iter().filter(|at| **at as usize >= columns) {
            open[at as usize - columns] = false;
        }
        let mut work = Vec::new();
        for &at in basis.iter().filter(|at| (**at as usize) < columns) {
            self.ftran(at as usize, &mut work);
            let place = (0..rows)
                .filter(|place| open[*place])
                .max_by(|a, b| work[*a].abs().total_cmp(&work[*b].abs()))
                .expect("a basis has a row for each of its columns");
            open[place] = false;
            self.exchange(place, &work);
            self.basis[place] = at;
        }
        for (place, at) in (0u32..).zip(&self.basis) {
            self.place[*at as usize] = place;
        }
        self.worn = 0;
    }

    /// The column of a variable in terms of the basis.
    fn ftran(&self, at: usize, work: &mut Vec<f64>) {
        let (rows, columns) = (self.rows, self.entries.len());
        work.clear();
        if at >= columns {
            let row = at - columns;
            work.extend_from_slice(&self.inverse[row * rows..(row + 1) * rows]);
            return;
        }
        work.resize(rows, 0.0);
        for &(row, factor) in self.entries(at).iter().chain(&self.cuts[at]) {
            let inverse = &self.inverse[row as usize * rows..(row as usize + 1) * rows];
            work.iter_mut().zip(inverse).for_each(|(w, entry)| *w += entry * factor);
        }
    }

    /// Updates the inverse for a new column, in terms of the basis, at a place.
    fn exchange(&mut self, place: usize, work: &[f64]) {
        let inverted = 1.0 / work[place];
        for column in self.inverse.chunks_mut(self.rows) {
            let head = column[place];
            if head != 0.0 {
                let head = head * inverted;
                column.iter_mut().zip(work).for_each(|(entry, w)| *entry -= head * w);
                column[place] = head;
            }
        }
    }

    /// The number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.entries.len()
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The least and most that a row may come to.
    pub(crate) fn row(&self, row: usize) -> (f64, f64) {
        let at = self.entries.len() + row;
        (-self.upper[at], -self.lower[at])
    }

    /// Sets the least and most that a row may come to.
    pub(crate) fn bound_row(&mut self, row: usize, (least, most): (f64, f64)) {
        let at = self.entries.len() + row;
        (self.lower[at], self.upper[at]) = (-most, -least);
    }

    /// Sets the least and most that a column may come to.
    pub(crate) fn bound(&mut self, column: usize, (least, most): (f64, f64)) {
        (self.lower[column], self.upper[column]) = (least, most);
    }

    /// The bounds of a column.
    pub(crate) fn bounds(&self, column: usize) -> (f64, f64) {
        (self.lower[column], self.upper[column])
    }

    /// What a row comes to.
    pub(crate) fn sum(&self, row: usize) -> f64 {
        -self.value(self.entries.len() + row)
    }

    /// What a unit of a column outside the basis earns at the prices; `None` for one in it.
    pub(crate) fn reduced(&self, column: usize) -> Option<f64> {
        (self.place[column] == NOWHERE).then(|| self.earns_at_prices(column))
    }

    fn earns_at_prices(&self, column: usize) -> f64 {
        let entries = self.entries(column).iter().chain(&self.cuts[column]);
        self.earns[column] - entries.map(|(row, factor)| factor * self.prices[*row as usize]).sum::<f64>()
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

    /// The entries of a column in the rows that it began with.
    pub(crate) fn entries(&self, column: usize) -> &[(u32, f64)] {
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
                for &(row, factor) in self.entries(at).iter().chain(&self.cuts[at]) {
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
                look(at, self.earns_at_prices(at));
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
        if self.worn > INVERT {
            self.invert();
        }
        self.refresh();
        for pivot in 0..most_pivots {
            if pivot % REFRESH == REFRESH - 1 {
                self.refresh();
            }
            let Some((entering, earns)) = self.entering() else { break };
            self.pivots += 1;
            self.worn += 1;
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
        let rows = self.rows;
        let mut work = std::mem::take(&mut self.work);
        self.ftran(entering, &mut work);
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
        self.exchange(place, work);
        for (price, column) in self.prices.iter_mut().zip(self.inverse.chunks(rows)) {
            *price += earns * column[place];
        }
        self.level[place] = level;
        self.cost[place] = earned;
    }
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
