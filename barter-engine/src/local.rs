//! Repairs and improves a fill in whole units: the rings around an offer under its minimum are taken back, a small programme with
//! decisions finds the best in their place, and what comes of that in whole units stays if the offer is at its minimum
//! or at nothing and nobody else falls short. With any offer as the seed, what is worth more stays.
//!
//! Neighbourhoods that share no offer are solved side by side; what is drawn, solved and kept depends on the book
//! alone, not on threads.

use crate::branch::{Budget, Choice, Choices, decide};
use crate::fill::{Fill, Placed};
use crate::pool::Candidate;
use crate::programme::Programme;
use crate::scene::{Scene, float};
use crate::volumes::{Column, Dice, ceiling, margin};
use clearing::Mode;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The size of a neighbourhood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// About so many placed rings are set free.
    pub(crate) drop: usize,
    /// So many other rings at most could take their place.
    pub(crate) others: usize,
    /// So many of these per offer.
    pub(crate) each: usize,
    /// So many programmes.
    pub(crate) nodes: usize,
}

/// Neighbourhoods drawn before they are solved side by side.
const BATCH: usize = 16;

/// A share of its largest volume below which a ring is dust.
const DUST: f64 = 1e-5;

/// A neighbourhood.
struct Hood {
    /// The offer that must come to its minimum or to nothing; `None` if more value is looked for.
    seed: Option<u32>,
    nodes: usize,
    /// The rings set free.
    ids: Vec<usize>,
    /// What can be in their place, they themselves among it.
    columns: Vec<Column>,
    /// Whose rings these are, ascending.
    offers: Vec<u32>,
}

/// A fill that is being repaired.
pub(crate) struct Local<'a> {
    scene: &'a Scene,
    pub(crate) fill: Fill<'a>,
    columns: Vec<Column>,
    /// The columns of each offer, the most promising first.
    of_offer: Vec<Vec<u32>>,
    /// Marks of what the neighbourhood being drawn holds.
    now: u32,
    column_marks: Vec<u32>,
    offer_marks: Vec<u32>,
    dice: Dice,
    /// Simplex iterations spent.
    pub(crate) pivots: u64,
}

impl<'a> Local<'a> {
    /// Looks at `fill` with `rings` to choose from; `prices` say what a USD of each offer is worth.
    pub(crate) fn new(fill: Fill<'a>, scene: &'a Scene, rings: &[Candidate], prices: &[f64]) -> Local<'a> {
        let columns: Vec<Column> = rings.iter().map(|ring| Column::new(scene, ring)).collect();
        let mut of_offer = vec![Vec::new(); scene.offers.len()];
        for (at, column) in (0u32..).zip(&columns) {
            column.legs().for_each(|(offer, _)| of_offer[offer].push(at));
        }
        let earns = |column: &Column| {
            let cost: f64 = column.legs().map(|(at, share)| share * prices[at]).sum();
            (column.value - cost) / column.value
        };
        let earns: Vec<f64> = columns.iter().map(earns).collect();
        for own in &mut of_offer {
            own.sort_by(|a, b| earns[*b as usize].total_cmp(&earns[*a as usize]).then(a.cmp(b)));
        }
        Local {
            scene,
            fill,
            now: 0,
            column_marks: vec![0; columns.len()],
            offer_marks: vec![0; scene.offers.len()],
            columns,
            of_offer,
            dice: Dice(1),
            pivots: 0,
        }
    }

    fn is_short(&self, offer: u32) -> bool {
        (1..self.scene.offer(offer).least_qty).contains(&self.fill.given(offer))
    }

    /// Tries to bring every offer that gives something to its minimum or to nothing, in neighbourhoods of growing
    /// reach.
    pub(crate) fn repair(&mut self, reaches: &[Reach], stop: &dyn Fn() -> bool) {
        let mut short = self.fill.short();
        // The largest first: what is small then finds room.
        short.sort_by(|a, b| {
            let least = |at: &u32| self.scene.offer(*at).least;
            least(b).total_cmp(&least(a)).then(a.cmp(b))
        });
        let mut queue: VecDeque<(u32, usize)> = short.into_iter().map(|at| (at, 0)).collect();
        while !queue.is_empty() && !stop() {
            let mut hoods: Vec<(Hood, usize)> = Vec::new();
            let mut taken: BTreeSet<u32> = BTreeSet::new();
            let mut later: Vec<(u32, usize)> = Vec::new();
            while hoods.len() < BATCH
                && later.len() < BATCH
                && let Some((seed, tries)) = queue.pop_front()
            {
                if !self.is_short(seed) {
                    continue;
                }
                let Some(reach) = reaches.get(tries) else { continue };
                let hood = self.around(seed, true, reach);
                if hood.offers.iter().any(|at| taken.contains(at)) {
                    later.push((seed, tries));
                    continue;
                }
                taken.extend(hood.offers.iter().copied());
                hoods.push((hood, tries));
            }
            later.into_iter().rev().for_each(|job| queue.push_front(job));
            let found = self.solve(hoods.iter().map(|(hood, _)| hood).collect());
            for ((hood, tries), levels) in hoods.into_iter().zip(found) {
                let Some(seed) = hood.seed else { continue };
                if !levels.is_some_and(|levels| self.commit(&hood, &levels)) {
                    queue.push_back((seed, tries + 1));
                }
            }
        }
    }

    /// Looks for more value around `seeds`. Returns how many neighbourhoods were improved.
    pub(crate) fn improve(&mut self, seeds: &[u32], reach: &Reach, stop: &dyn Fn() -> bool) -> usize {
        let mut queue: VecDeque<u32> = seeds.iter().copied().collect();
        let mut improved = 0;
        while !queue.is_empty() && !stop() {
            let mut hoods: Vec<Hood> = Vec::new();
            let mut taken: BTreeSet<u32> = BTreeSet::new();
            let mut later: Vec<u32> = Vec::new();
            while hoods.len() < BATCH
                && later.len() < BATCH
                && let Some(seed) = queue.pop_front()
            {
                let hood = self.around(seed, false, reach);
                if hood.offers.iter().any(|at| taken.contains(at)) {
                    later.push(seed);
                } else if !hood.columns.is_empty() {
                    taken.extend(hood.offers.iter().copied());
                    hoods.push(hood);
                }
            }
            later.into_iter().rev().for_each(|seed| queue.push_front(seed));
            let found = self.solve(hoods.iter().collect());
            for (hood, levels) in hoods.iter().zip(found) {
                improved += usize::from(levels.is_some_and(|levels| self.commit(hood, &levels)));
            }
        }
        improved
    }

    /// Offers by what they have left, USD, the most first: seeds to improve around.
    pub(crate) fn seeds(&self, most: usize) -> Vec<u32> {
        let left = |at: u32| {
            let offer = self.scene.offer(at);
            float(self.fill.room(at)) * self.scene.unit[offer.give as usize]
        };
        let mut seeds: Vec<(f64, u32)> = (0u32..)
            .zip(&self.of_offer)
            .filter(|(_, columns)| !columns.is_empty())
            .map(|(at, _)| (left(at), at))
            .collect();
        seeds.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        seeds.into_iter().take(most).map(|(_, at)| at).collect()
    }

    fn solve(&mut self, hoods: Vec<&Hood>) -> Vec<Option<Vec<f64>>> {
        let this = &*self;
        let found: Vec<(Option<Vec<f64>>, u64)> = hoods
            .par_iter()
            .map_init(Programme::default, |programme, hood| {
                let before = programme.pivots;
                let levels = this.attempt(programme, hood);
                (levels, programme.pivots - before)
            })
            .collect();
        self.pivots += found.iter().map(|(_, pivots)| pivots + 1).sum::<u64>();
        found.into_iter().map(|(levels, _)| levels).collect()
    }

    /// Draws the rings around `seed`, which `repairs` if it is under its minimum: some that are placed, and others that could take their place.
    fn around(&mut self, seed: u32, repairs: bool, reach: &Reach) -> Hood {
        self.now += 1;
        let now = self.now;
        let mut ids: Vec<usize> = Vec::new();
        let mut rest: Vec<u32> = Vec::new();
        let mut queue = vec![seed];
        self.offer_marks[seed as usize] = now;
        let mut freed: BTreeMap<u32, u128> = BTreeMap::new();
        let mut head = 0;
        while head < queue.len() && ids.len() < reach.drop && rest.len() < 4 * reach.others {
            let offer = queue[head];
            head += 1;
            let mut own: Vec<usize> = self.fill.ids_of(offer).to_vec();
            own.sort_unstable();
            self.dice.shuffle(&mut own);
            for id in own {
                if ids.contains(&id) || (ids.len() >= reach.drop && offer != seed) {
                    continue;
                }
                let Some(placed) = self.fill.placed(id) else { continue };
                ids.push(id);
                for (next, gives) in placed.ring.offers().iter().zip(placed.gives) {
                    *freed.entry(*next).or_insert(0) += gives;
                    if std::mem::replace(&mut self.offer_marks[*next as usize], now) != now {
                        queue.push(*next);
                    }
                }
            }
            let each = if offer == seed { reach.each.saturating_mul(4) } else { reach.each };
            let mut taken = 0;
            for &at in &self.of_offer[offer as usize] {
                if taken == each {
                    break;
                }
                if self.column_marks[at as usize] == now {
                    continue;
                }
                self.column_marks[at as usize] = now;
                taken += 1;
                rest.push(at);
                for (next, _) in self.columns[at as usize].legs() {
                    if std::mem::replace(&mut self.offer_marks[next], now) != now {
                        queue.push(u32::try_from(next).expect("a book has fewer than 2^32 offers"));
                    }
                }
            }
        }
        let mut rings: BTreeSet<Candidate> =
            ids.iter().filter_map(|id| self.fill.placed(*id)).map(|placed| placed.ring).collect();
        let fits = |column: &Column| {
            column.ring.offers().iter().all(|at| {
                let room = self.fill.room(*at) + freed.get(at).unwrap_or(&0);
                room > 0 && room >= self.scene.offer(*at).give_qty / 1_000_000
            })
        };
        let others = rest.iter().map(|at| &self.columns[*at as usize]).filter(|column| fits(column));
        rings.extend(others.map(|column| column.ring).take(reach.others));
        let columns: Vec<Column> = rings.iter().map(|ring| Column::new(self.scene, ring)).collect();
        let mut offers: Vec<u32> = rings.iter().flat_map(|ring| ring.offers().iter().copied()).collect();
        offers.sort_unstable();
        offers.dedup();
        Hood { seed: repairs.then_some(seed), nodes: reach.nodes, ids, columns, offers }
    }

    /// Finds the best levels of a neighbourhood's columns, as shares of their largest volumes.
    fn attempt(&self, programme: &mut Programme, hood: &Hood) -> Option<Vec<f64>> {
        let scene = self.scene;
        let lots = scene.mode == Mode::Lots;
        let row = |offer: u32| hood.offers.binary_search(&offer).map_or(0, |row| row);
        // What each offer gives to the rings set free, whole units, and could give at most to all columns.
        let mut moving = vec![0u128; hood.offers.len()];
        let mut reach = vec![0.0f64; hood.offers.len()];
        let mut before = 0.0;
        for placed in hood.ids.iter().filter_map(|id| self.fill.placed(*id)) {
            before += worth(scene, placed);
            for (at, gives) in placed.ring.offers().iter().zip(placed.gives) {
                moving[row(*at)] += gives;
            }
        }
        let mut scale = 0.0f64;
        for column in &hood.columns {
            scale = scale.max(column.value * column.most);
            for (offer, share) in column.ring.offers().iter().zip(column.shares) {
                reach[row(*offer)] += share * column.most;
            }
        }
        if scale <= 0.0 {
            return None;
        }
        let unit: Vec<f64> =
            reach.iter().zip(&hood.offers).map(|(reach, at)| reach.min(scene.offer(*at).cap)).collect();
        programme.reset();
        for column in &hood.columns {
            let entries = column.ring.offers().iter().zip(column.shares).map(|(offer, share)| {
                let row = row(*offer);
                (u32::try_from(row).expect("rows are few"), share * column.most / unit[row])
            });
            programme.column(
                column.value * column.most / scale,
                if lots { 1.0 } else { f64::INFINITY },
                entries,
            );
        }
        let mut choices = Choices { rows: Vec::new(), whole: lots };
        let mut bounds: Vec<(f64, f64)> = Vec::with_capacity(hood.offers.len());
        for ((at, offer), (moving, unit)) in (0u32..).zip(&hood.offers).zip(moving.iter().zip(&unit)) {
            let live = scene.offer(*offer);
            let price = scene.unit[live.give as usize];
            let fixed = self.fill.given(*offer) - moving;
            let taken = float(fixed) * price;
            let moves = float(*moving) * price;
            let room = (ceiling(scene, live) - taken).max(moves) / unit;
            if lots || live.least_qty <= fixed {
                bounds.push((f64::NEG_INFINITY, room));
                continue;
            }
            let holds = self.fill.given(*offer) >= live.least_qty;
            let lacks = margin(scene, live) - taken;
            let lacks = if holds { lacks.min(moves) } else { lacks } / unit;
            if fixed == 0 {
                choices.rows.push(Choice { row: at, least: lacks, weight: *unit });
                bounds.push((f64::NEG_INFINITY, room));
            } else if holds || Some(*offer) == hood.seed {
                bounds.push((lacks, room.max(lacks)));
            } else {
                // Short already: waits for its own turn.
                bounds.push((f64::NEG_INFINITY, room));
            }
        }
        programme.begin(bounds.into_iter());
        let beat = if hood.seed.is_some() { f64::NEG_INFINITY } else { before * (1.0 + 1e-7) / scale };
        decide(programme, &choices, beat, Budget { nodes: hood.nodes, work: u64::MAX, cuts: 0 }).levels
    }

    /// Puts levels into whole units. Keeps them if they repair the seed and break nothing.
    fn commit(&mut self, hood: &Hood, levels: &[f64]) -> bool {
        let scene = self.scene;
        let waits: Vec<bool> = hood.offers.iter().map(|at| self.is_short(*at)).collect();
        self.fill.attempt();
        let mut before = 0.0;
        for id in &hood.ids {
            if let Some(placed) = self.fill.take_back(*id) {
                before += worth(scene, &placed);
            }
        }
        let first = self.fill.ids();
        let wanted: Vec<(Candidate, f64)> = hood
            .columns
            .iter()
            .zip(levels)
            .filter(|(_, level)| **level > DUST)
            .map(|(column, level)| (column.ring, column.most * level))
            .collect();
        self.fill.place_all(wanted);
        for at in &hood.offers {
            if self.is_short(*at) {
                self.fill.enlarge(*at);
            }
        }
        for id in first..self.fill.ids() {
            if scene.mode == Mode::Ring {
                self.fill.grow_one(id);
            }
        }
        let kept = hood
            .offers
            .iter()
            .zip(waits)
            .all(|(at, waits)| (waits && Some(*at) != hood.seed) || !self.is_short(*at));
        let placed = (first..self.fill.ids()).filter_map(|id| self.fill.placed(id));
        let after: f64 = placed.map(|placed| worth(scene, placed)).sum();
        let kept = kept && (hood.seed.is_some() || after > before * (1.0 + 1e-9));
        if kept {
            self.fill.keep();
        } else {
            self.fill.undo();
        }
        kept
    }
}

/// What a placed ring is worth, USD.
fn worth(scene: &Scene, placed: &Placed) -> f64 {
    let legs = placed.ring.offers().iter().zip(placed.gives);
    legs.map(|(at, gives)| float(gives) * scene.unit[scene.offer(*at).give as usize]).sum()
}
