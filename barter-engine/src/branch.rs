//! Yes-or-no decisions on a small programme, by branch and bound: rows that come to nothing or to at least so much, or
//! columns that are all or nothing.
//!
//! Each decision is followed up before anything is computed: a row that its columns cannot fill any more is closed, and
//! one that an open row cannot do without is opened. At the root, cuts say that whatever goes through a closed row is
//! nothing; columns that the best answer so far proves useless go.

use crate::programme::Programme;

/// A decision that a row comes either to nothing or to at least so much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) row: u32,
    pub(crate) least: f64,
    /// How much hangs on it, against other choices.
    pub(crate) weight: f64,
}

/// The decisions of a programme.
#[derive(Clone, Default)]
pub(crate) struct Choices {
    pub(crate) rows: Vec<Choice>,
    /// Whether each column comes to 0 or 1, and nothing between; then there are no decisions on rows.
    pub(crate) whole: bool,
}

/// How much work a search may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Programmes solved.
    pub(crate) nodes: usize,
    /// Entries of the inverse that the pivots of all of them pass over, about: rows squared per pivot.
    pub(crate) work: u64,
    /// Rounds of cuts at the root.
    pub(crate) cuts: usize,
}

/// A decision that is missed by no more is met. Rows and columns are scaled to 1.
const NEAR: f64 = 1e-6;

/// A cut is worth its row from this breach on, as a share of the minimum it is about.
const BREACH: f64 = 0.01;

/// Cuts of one round, at most.
const CUTS: usize = 60;

/// What must be gained for an answer to count as better, as a share.
const GAIN: f64 = 1e-7;

/// What a search found.
pub(crate) struct Decided {
    /// The levels of the best answer that is worth more than what was to beat, if there is one.
    pub(crate) levels: Option<Vec<f64>>,
    /// Whether the search was exhausted: no answer is worth more (but for rounding).
    pub(crate) proven: bool,
}

/// Maximises with decisions, from a programme that [`Programme::begin`] left at its start.
pub(crate) fn decide(programme: &mut Programme, choices: &Choices, beat: f64, budget: Budget) -> Decided {
    let mut search = Search::new(programme, choices, beat, budget);
    let rows = search.rows.len();
    (0..rows).for_each(|row| search.look(row));
    search.node(0);
    Decided { proven: !search.cut_short, levels: search.levels }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Comes to whatever its bounds allow.
    Free,
    Undecided,
    Open,
    Closed,
}

#[derive(Clone, Copy)]
struct Row {
    state: State,
    least: f64,
    weight: f64,
}

/// How a step is undone.
enum Undo {
    Column { column: u32, most: f64, bounds: (f64, f64) },
    Row { row: u32, state: State, bounds: (f64, f64) },
}

struct Search<'a> {
    programme: &'a mut Programme,
    whole: bool,
    rows: Vec<Row>,
    /// Per row, its columns with their factors.
    columns: Vec<Vec<(u32, f64)>>,
    /// What each column can come to.
    most: Vec<f64>,
    trail: Vec<Undo>,
    /// Rows to be looked at.
    queue: Vec<u32>,
    queued: Vec<bool>,
    /// What of an open row goes through each other row, while it is looked at.
    through: Vec<f64>,
    worth: f64,
    levels: Option<Vec<f64>>,
    budget: Budget,
    cut_short: bool,
}

/// What is to be decided next: the nearer way first.
enum Next {
    Row { row: usize, open_first: bool },
    Column { column: usize },
}

impl<'a> Search<'a> {
    fn new(programme: &'a mut Programme, choices: &Choices, beat: f64, budget: Budget) -> Search<'a> {
        let (rows, columns) = (programme.rows(), programme.columns());
        let mut states: Vec<Row> = (0..rows)
            .map(|row| {
                let least = programme.row(row).0;
                let state = if least > 0.0 { State::Open } else { State::Free };
                Row { state, least, weight: 0.0 }
            })
            .collect();
        for choice in &choices.rows {
            states[choice.row as usize] =
                Row { state: State::Undecided, least: choice.least, weight: choice.weight };
        }
        let mut of_row = vec![Vec::new(); rows];
        let mut most = vec![0.0; columns];
        for (at, most) in (0u32..).zip(&mut most) {
            *most = programme.bounds(at as usize).1;
            for &(row, factor) in programme.entries(at as usize) {
                of_row[row as usize].push((at, factor));
                *most = most.min(programme.row(row as usize).1 / factor);
            }
        }
        Search {
            whole: choices.whole,
            rows: states,
            columns: of_row,
            most,
            trail: Vec::new(),
            queue: Vec::new(),
            queued: vec![false; rows],
            through: vec![0.0; rows],
            worth: beat,
            levels: None,
            budget,
            cut_short: false,
            programme,
        }
    }

    fn look(&mut self, row: usize) {
        let state = self.rows[row].state;
        if (state == State::Undecided || state == State::Open) && !self.queued[row] {
            self.queued[row] = true;
            self.queue.push(u32::try_from(row).expect("small programmes have few rows"));
        }
    }

    /// Lowers what a column can come to.
    fn lower(&mut self, column: usize, most: f64) {
        let bounds = self.programme.bounds(column);
        self.trail.push(Undo::Column { column: id(column), most: self.most[column], bounds });
        self.most[column] = most;
        self.programme.bound(column, (bounds.0, most));
        for at in 0..self.programme.entries(column).len() {
            self.look(self.programme.entries(column)[at].0 as usize);
        }
    }

    fn set(&mut self, row: usize, state: State) {
        let bounds = self.programme.row(row);
        self.trail.push(Undo::Row { row: id(row), state: self.rows[row].state, bounds });
        self.rows[row].state = state;
        if state == State::Open {
            self.programme.bound_row(row, (self.rows[row].least, bounds.1));
            self.look(row);
            return;
        }
        for at in 0..self.columns[row].len() {
            let column = self.columns[row][at].0 as usize;
            if self.most[column] > 0.0 {
                self.lower(column, 0.0);
            }
        }
    }

    /// Takes a column whole, and so none of those that it excludes.
    fn take(&mut self, column: usize) {
        let bounds = self.programme.bounds(column);
        self.trail.push(Undo::Column { column: id(column), most: self.most[column], bounds });
        self.programme.bound(column, (1.0, 1.0));
        for at in 0..self.programme.entries(column).len() {
            let (row, factor) = self.programme.entries(column)[at];
            let left = self.programme.row(row as usize).1 - factor;
            for other in 0..self.columns[row as usize].len() {
                let (other, factor) = self.columns[row as usize][other];
                if other as usize != column && factor > left + NEAR && self.most[other as usize] > 0.0 {
                    self.lower(other as usize, 0.0);
                }
            }
        }
    }

    fn undo(&mut self, to: usize) {
        for step in self.trail.drain(to..).rev() {
            match step {
                Undo::Column { column, most, bounds } => {
                    self.most[column as usize] = most;
                    self.programme.bound(column as usize, bounds);
                }
                Undo::Row { row, state, bounds } => {
                    self.rows[row as usize].state = state;
                    self.programme.bound_row(row as usize, bounds);
                }
            }
        }
    }

    /// Follows up what was decided. Returns whether an answer may still exist.
    fn propagate(&mut self) -> bool {
        let mut holds = true;
        while let Some(row) = self.queue.pop() {
            let row = row as usize;
            self.queued[row] = false;
            let Row { state, least, .. } = self.rows[row];
            if !holds || state == State::Closed {
                continue;
            }
            let reach: f64 =
                self.columns[row].iter().map(|(column, factor)| factor * self.most[*column as usize]).sum();
            if reach < least - NEAR * least.abs() {
                if state == State::Open {
                    holds = false;
                } else {
                    self.set(row, State::Closed);
                }
            } else if state == State::Open && !self.whole {
                self.open_needed(row, reach - least + NEAR * least.abs());
            }
        }
        holds
    }

    /// Opens the rows that an open row can only do without by less than it has to `spare`.
    fn open_needed(&mut self, row: usize, spare: f64) {
        let mut met: Vec<u32> = Vec::new();
        for &(column, factor) in &self.columns[row] {
            let gives = factor * self.most[column as usize];
            if gives <= 0.0 {
                continue;
            }
            for &(other, _) in self.programme.entries(column as usize) {
                if self.rows[other as usize].state == State::Undecided {
                    if self.through[other as usize] == 0.0 {
                        met.push(other);
                    }
                    self.through[other as usize] += gives;
                }
            }
        }
        for other in met {
            if std::mem::take(&mut self.through[other as usize]) > spare {
                self.set(other as usize, State::Open);
            }
        }
    }

    fn solve(&mut self) -> bool {
        let rows = self.programme.rows();
        let each = (rows as u64).pow(2).max(1);
        let affordable = usize::try_from(self.budget.work / each).unwrap_or(usize::MAX);
        let before = self.programme.pivots;
        let holds = self.programme.solve(affordable.min(20 * (rows + 50)));
        // Finding that there is nothing to do is some work, too.
        let spent = (self.programme.pivots - before + 2) * each;
        self.budget.work = self.budget.work.saturating_sub(spent);
        self.cut_short |= self.budget.work == 0;
        holds
    }

    fn node(&mut self, depth: usize) {
        if self.budget.nodes == 0 || self.cut_short {
            self.cut_short = true;
            self.propagate(); // empties the queue
            return;
        }
        self.budget.nodes -= 1;
        if !self.propagate() || !self.solve() {
            return;
        }
        if depth == 0 && !self.strengthen() {
            return;
        }
        let mut worth = self.programme.worth();
        if worth <= self.worth + GAIN * worth.abs() {
            return;
        }
        if self.drop_useless(worth) {
            if !self.propagate() || !self.solve() {
                return;
            }
            worth = self.programme.worth();
            if worth <= self.worth + GAIN * worth.abs() {
                return;
            }
        }
        let Some(next) = self.undecided() else {
            self.worth = worth;
            self.levels = Some(self.taken());
            return;
        };
        let mark = self.trail.len();
        for way in [true, false] {
            match next {
                Next::Row { row, open_first } => {
                    self.set(row, if way == open_first { State::Open } else { State::Closed });
                }
                Next::Column { column } if way => self.take(column),
                Next::Column { column } => self.lower(column, 0.0),
            }
            self.node(depth + 1);
            self.undo(mark);
            if worth <= self.worth + GAIN * worth.abs() {
                return;
            }
        }
    }

    /// The levels of an answer, without what rounding leaves in rows that come to nothing.
    fn taken(&self) -> Vec<f64> {
        let mut levels: Vec<f64> = (0..self.programme.columns()).map(|at| self.programme.level(at)).collect();
        for (row, held) in self.rows.iter().enumerate() {
            if held.state == State::Undecided && self.programme.sum(row) <= 2.0 * NEAR {
                self.columns[row].iter().for_each(|(column, _)| levels[*column as usize] = 0.0);
            }
        }
        levels
    }

    /// Adds cuts at the root as long as they help. Returns whether an answer may still exist.
    fn strengthen(&mut self) -> bool {
        for _ in 0..self.budget.cuts {
            let cuts = self.breached();
            if cuts.is_empty() {
                break;
            }
            self.programme.cut(&cuts);
            if !self.solve() {
                return false;
            }
            let worth = self.programme.worth();
            if worth <= self.worth + GAIN * worth.abs() || self.cut_short {
                break;
            }
            if self.drop_useless(worth) && (!self.propagate() || !self.solve()) {
                return false;
            }
        }
        true
    }

    /// Cuts that the levels break: if a row is closed, nothing goes through it by any one other row, or any one column;
    /// if it is open, it has its minimum.
    fn breached(&mut self) -> Vec<Vec<(u32, f64)>> {
        let mut found: Vec<(f64, usize, Option<u32>, u32)> = Vec::new();
        for (row, held) in self.rows.iter().enumerate() {
            if held.state != State::Undecided {
                continue;
            }
            let sum = self.programme.sum(row);
            if sum <= NEAR {
                continue;
            }
            let mut best: Option<(f64, Option<u32>, u32)> = None;
            let mut met: Vec<u32> = Vec::new();
            let mut keep = |share: f64, other: Option<u32>, column: u32| {
                let breach = share - sum / held.least;
                if breach > BREACH && best.is_none_or(|(most, ..)| breach > most) {
                    best = Some((breach, other, column));
                }
            };
            for &(column, _) in &self.columns[row] {
                let level = self.programme.level(column as usize);
                if level <= NEAR * NEAR || self.most[column as usize] <= 0.0 {
                    continue;
                }
                keep(level / self.most[column as usize], None, column);
                for &(other, factor) in self.programme.entries(column as usize) {
                    if other as usize != row {
                        if self.through[other as usize] == 0.0 {
                            met.push(other);
                        }
                        self.through[other as usize] += factor * level;
                    }
                }
            }
            for other in met {
                let share =
                    std::mem::take(&mut self.through[other as usize]) / self.programme.row(other as usize).1;
                keep(share, Some(other), 0);
            }
            if let Some((breach, other, column)) = best {
                found.push((breach * held.weight, row, other, column));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(CUTS);
        found
            .into_iter()
            .map(|(_, row, other, only)| {
                let least = self.rows[row].least;
                let mut cut = self.columns[row].clone();
                for (column, factor) in &mut cut {
                    match other {
                        None if *column == only => *factor -= least / self.most[only as usize],
                        None => {}
                        Some(other) => {
                            let room = self.programme.row(other as usize).1;
                            let entries = self.programme.entries(*column as usize).iter();
                            let through: f64 = entries.filter(|e| e.0 == other).map(|e| e.1).sum();
                            *factor -= least * through / room;
                        }
                    }
                }
                cut
            })
            .collect()
    }

    /// Lowers the columns that an answer worth more than the best one cannot use, or not so much of. Returns whether
    /// there are any.
    fn drop_useless(&mut self, worth: f64) -> bool {
        if self.worth == f64::NEG_INFINITY {
            return false;
        }
        let spare = worth - self.worth;
        let mut any = false;
        for column in 0..self.programme.columns() {
            let (least, _) = self.programme.bounds(column);
            let most = self.most[column];
            if most <= 0.0 || least > 0.0 || self.programme.level(column) > NEAR {
                continue;
            }
            if let Some(earns) = self.programme.reduced(column).filter(|earns| *earns < 0.0) {
                let may = spare / -earns;
                let may = if self.whole && may < 1.0 - NEAR { 0.0 } else { may };
                if may < 0.5 * most {
                    self.lower(column, if may < NEAR { 0.0 } else { may });
                    any = true;
                }
            }
        }
        any
    }

    /// What is farthest from a decision, by what hangs on it.
    fn undecided(&self) -> Option<Next> {
        let mut open: Option<(f64, Next)> = None;
        for (row, held) in self.rows.iter().enumerate() {
            if held.state != State::Undecided {
                continue;
            }
            let sum = self.programme.sum(row);
            if sum > 2.0 * NEAR && sum < held.least - NEAR {
                let off = sum.min(held.least - sum) * held.weight;
                if open.as_ref().is_none_or(|(most, _)| off > *most) {
                    open = Some((off, Next::Row { row, open_first: sum > 0.5 * held.least }));
                }
            }
        }
        if open.is_none() && self.whole {
            for column in 0..self.programme.columns() {
                let level = self.programme.level(column);
                let off = level.min(1.0 - level);
                if off > NEAR && open.as_ref().is_none_or(|(most, _)| off > *most) {
                    open = Some((off, Next::Column { column }));
                }
            }
        }
        open.map(|(_, next)| next)
    }
}

fn id(number: usize) -> u32 {
    u32::try_from(number).expect("small programmes have few rows and columns")
}

#[cfg(test)]
mod tests {
    use super::{Budget, Choice, Choices, Programme, decide};
    use microlp::{ComparisonOp, OptimizationDirection, Problem};
    use proptest::prelude::*;

    /// A programme: earnings and entries per column, the bounds and the choice of each row.
    type Case = (Vec<(f64, Vec<(u32, f64)>)>, Vec<(f64, Option<f64>, bool)>, bool);

    fn cases() -> impl Strategy<Value = Case> {
        (2..8u32)
            .prop_flat_map(|rows| {
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
            .prop_map(|(columns, mut rows, whole)| {
                // Either rows are decided on or columns, never both.
                rows.iter_mut().for_each(|row| row.2 &= !whole);
                (columns, rows, whole)
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
                    choices.rows.push(Choice { row, least: *least, weight: 1.0 });
                    (f64::NEG_INFINITY, *most)
                }
                Some(least) => (*least, *most),
                None => (f64::NEG_INFINITY, *most),
            }));
            let budget = Budget { nodes: 100_000, work: u64::MAX, cuts: 3 };
            let found = decide(&mut programme, &choices, f64::NEG_INFINITY, budget);
            prop_assert!(found.proven);
            let worth = found.levels.map(|levels| -> f64 { levels.iter().zip(columns).map(|(l, (earns, _))| l * earns).sum() });
            match (worth, by_microlp(&case)) {
                (Some(ours), Some(theirs)) => prop_assert!((ours - theirs).abs() < 1e-5, "{} {}", ours, theirs),
                (ours, theirs) => prop_assert_eq!(ours.is_some(), theirs.is_some()),
            }
        }
    }
}
