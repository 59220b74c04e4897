//! Chooses the volumes of candidate rings, in reals, honouring what each offer gives at most and, if anything, at
//! least.
//!
//! The volumes start from greedy insertion and improve by large neighbourhoods: the rings around one offer are set
//! free, all others stay, and a small mixed-integer programme finds the best for them. Work is counted in programmes
//! and nodes, so the same input gives the same volumes everywhere.

use crate::branch::{Budget, Choice, Choices, Decided, decide};
use crate::pool::Candidate;
use crate::programme::Programme;
use crate::scene::{Live, Scene};
use clearing::Mode;

/// The most legs under a minimum in one small programme.
const MOST_LUMPY_LEGS: usize = 400;

/// How often, in per cent, a search forces a closed offer with a minimum open.
const FORCED_PERCENT: usize = 60;

/// It is the largest of so many picked.
const FORCED_AMONG: usize = 6;

/// So many more active rings are then set free.
const FORCED_DROPS: usize = 6;

/// What misses a minimum by less than this share stands for it.
const NEARLY: f64 = 1e-5;

/// Relative slack that is no breach in reals; the exact step removes it.
const EPSILON: f64 = 1e-9;

/// A candidate with its shares and limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) ring: Candidate,
    /// USD given by each leg per unit of volume.
    pub(crate) shares: [f64; 6],
    /// USD given by all legs per unit of volume, weighed.
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
            let value = shares.iter().sum::<f64>() * ring.weight(scene);
            return Column { ring: *ring, shares, value, most: 1.0 };
        }
        let (shares, value) = ring.shares(scene);
        let caps = ring.offers().iter().zip(shares).map(|(o, share)| scene.offer(*o).cap / share);
        let value = value * ring.weight(scene);
        Column { ring: *ring, shares, value, most: caps.fold(f64::INFINITY, f64::min) }
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.ring.offers().iter().map(|o| *o as usize).zip(self.shares)
    }
}

/// Rows of one programme, at most: its inverse is kept whole, 8 bytes for each pair of rows.
const MOST_ROWS: usize = 2_500;

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
    /// The most that each offer gives, USD, less a margin for whole units.
    cap: Vec<f64>,
    /// Columns that no whole units fit.
    forbidden: Vec<bool>,
    /// Simplex iterations spent; callers may set it back.
    pub(crate) pivots: u64,
    programme: Programme,
}

impl Clone for Volumes<'_> {
    /// The same volumes. The working memory of programmes, which may be large, is each one's own.
    fn clone(&self) -> Self {
        Volumes {
            scene: self.scene,
            columns: self.columns.clone(),
            of_offer: self.of_offer.clone(),
            volume: self.volume.clone(),
            given: self.given.clone(),
            least: self.least.clone(),
            cap: self.cap.clone(),
            forbidden: self.forbidden.clone(),
            pivots: self.pivots,
            programme: Programme::default(),
        }
    }
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
            forbidden: vec![false; columns.len()],
            pivots: 0,
            programme: Programme::default(),
            given: vec![0.0; scene.offers.len()],
            cap: scene.offers.iter().map(|offer| ceiling(scene, offer)).collect(),
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

    /// Learns from whole units: `failed` rings fit none; `short` offers, with what they lack in USD, need more than
    /// their minimum. Sets what is around them anew.
    pub(crate) fn learn(
        &mut self,
        failed: &[Candidate],
        short: &[(u32, f64)],
        budget: Budget,
        dice: &mut Dice,
    ) {
        let mut seeds: Vec<usize> = Vec::new();
        for ring in failed {
            if let Some(at) = self.columns.iter().position(|column| column.ring == *ring) {
                self.add(at, -self.volume[at]);
                self.volume[at] = 0.0;
                self.forbidden[at] = true;
                seeds.extend(ring.offers().iter().map(|offer| *offer as usize));
            }
        }
        for &(offer, lacks) in short {
            let at = offer as usize;
            let more = self.least[at] + 2.0 * lacks;
            if more < self.cap[at] {
                self.least[at] = more;
            }
            seeds.push(at);
        }
        for seed in seeds {
            let dust = self.scene.offers[seed].cap * EPSILON;
            if (dust..self.least[seed]).contains(&self.given[seed]) {
                let mended = [12, 40].into_iter().any(|drop| {
                    let free = self.around(seed, drop, 200, dice);
                    self.improve(&free, Budget { nodes: 4 * budget.nodes, ..budget }, Accept::Any, None, dice)
                        .0
                });
                if !mended {
                    self.empty(seed);
                }
            }
        }
    }

    /// Takes back every ring of an offer, and of the offers that this leaves under their minimum.
    fn empty(&mut self, offer: usize) {
        let mut short = vec![offer];
        while let Some(offer) = short.pop() {
            let given = self.given[offer];
            if given > 0.0 && (short.is_empty() || given < self.scene.offers[offer].least * (1.0 - EPSILON)) {
                for at in self.of_offer[offer].clone() {
                    let at = at as usize;
                    if self.volume[at] > 0.0 {
                        self.add(at, -self.volume[at]);
                        self.volume[at] = 0.0;
                        let others = self.columns[at];
                        short.extend(others.legs().map(|(other, _)| other).filter(|other| {
                            *other != offer
                                && self.given[*other] < self.scene.offers[*other].least * (1.0 - EPSILON)
                        }));
                    }
                }
                self.given[offer] = 0.0;
            }
        }
    }

    /// Sets the rings in `free` to their best while all others stay. Returns whether anything changed, and whether
    /// nothing better is possible.
    fn improve(
        &mut self,
        free: &[u32],
        budget: Budget,
        accept: Accept,
        forced: Option<usize>,
        dice: &mut Dice,
    ) -> (bool, bool) {
        let lots = self.scene.mode == Mode::Lots;
        let mut offers: Vec<u32> =
            free.iter().flat_map(|at| self.columns[*at as usize].ring.offers().iter().copied()).collect();
        offers.sort_unstable();
        offers.dedup();
        if offers.len() > MOST_ROWS {
            return (false, false);
        }
        let row = |offer: usize| {
            offers.binary_search_by_key(&offer, |at| *at as usize).expect("every offer of a column has a row")
        };
        let columns = || free.iter().map(|at| (&self.columns[*at as usize], self.volume[*at as usize]));
        let scale = columns().map(|(column, _)| column.value * column.most).fold(0.0, f64::max);
        // What the free rings give now, and what the others do.
        let mut moves = vec![0.0; offers.len()];
        let (mut before, mut tasted) = (0.0, 0.0);
        let mut programme = std::mem::take(&mut self.programme);
        programme.reset();
        for (column, volume) in columns() {
            let taste =
                if let Accept::Near { noise, .. } = accept { 1.0 + noise * dice.swing() } else { 1.0 };
            before += column.value * volume;
            tasted += column.value * volume * taste;
            column.legs().for_each(|(offer, share)| moves[row(offer)] += share * volume);
            let entries = column.legs().map(|(offer, share)| {
                (u32::try_from(row(offer)).expect("rows are few"), share * column.most / self.cap[offer])
            });
            let most = if lots { 1.0 } else { f64::INFINITY };
            programme.column(column.value * column.most / scale * taste, most, entries);
        }
        let mut choices = Choices { rows: Vec::new(), whole: lots };
        let mut bounds = Vec::with_capacity(offers.len());
        for ((row, offer), moves) in (0u32..).zip(&offers).zip(moves) {
            let at = *offer as usize;
            let (cap, free) = (self.cap[at], f64::NEG_INFINITY);
            // What the fixed rings give, cleaned of what adding and subtracting floats leaves behind.
            let fixed = self.given[at] - moves;
            let fixed = if fixed < cap * EPSILON { 0.0 } else { fixed / cap };
            let (least, given) = (self.least[at] / cap, moves / cap);
            // What stands must stay possible, whatever floats made of it.
            let stands = |wish: f64| if accept == Accept::Any { wish } else { given };
            let room = (1.0 - fixed).max(stands(0.0)).max(0.0);
            if lots || least <= fixed * (1.0 + EPSILON) {
                bounds.push((free, room));
            } else if fixed > 0.0 {
                bounds.push(((least - fixed).min(stands(room)).min(room).max(0.0), room));
            } else if forced == Some(at) {
                bounds.push((least, 1.0));
            } else {
                let least = if given > least * (1.0 - NEARLY) { least.min(stands(least)) } else { least };
                choices.rows.push(Choice { row, least, weight: cap });
                bounds.push((free, room));
            }
        }
        programme.begin(bounds.into_iter());
        let beat = match accept {
            Accept::Any => f64::NEG_INFINITY,
            Accept::Better => (before * (1.0 + 1e-7) + 1e-6) / scale,
            Accept::Near { .. } if forced.is_some() => f64::NEG_INFINITY,
            Accept::Near { .. } => tasted * (1.0 + 1e-7) / scale,
        };
        let pivots = programme.pivots;
        let Decided { levels, proven } = decide(&mut programme, &choices, beat, budget);
        self.pivots += programme.pivots - pivots + 1;
        self.programme = programme;
        let Some(levels) = levels else { return (false, proven) };
        let columns = free.iter().map(|at| &self.columns[*at as usize]);
        let after: f64 = columns.zip(&levels).map(|(column, level)| column.value * column.most * level).sum();
        if matches!(accept, Accept::Near { loss, .. } if after <= before - loss) {
            return (false, proven);
        }
        for (&at, level) in free.iter().zip(levels) {
            let to = if level < 1e-7 { 0.0 } else { level * self.columns[at as usize].most };
            let from = self.volume[at as usize];
            self.add(at as usize, to - from);
            self.volume[at as usize] = to;
        }
        (true, proven)
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
                && !self.forbidden[at as usize]
                && column
                    .legs()
                    .all(|(offer, share)| self.cap[offer] - given[offer] > share * column.most * 1e-6)
            {
                rest.push(at);
            }
        }
        rest.truncate(many);
        // Programmes grow with the legs that hang on a minimum; so many are still quick.
        let mut lumpy = 0;
        for at in rest {
            lumpy += self.columns[at as usize]
                .legs()
                .filter(|(offer, _)| self.least[*offer] > given[*offer].max(0.0))
                .count();
            if lumpy > MOST_LUMPY_LEGS {
                break;
            }
            free.push(at);
        }
        free.sort_unstable();
        free
    }

    /// Sets all rings to their best, as far as the budget goes. Returns whether nothing better is possible.
    pub(crate) fn settle(&mut self, budget: Budget) -> bool {
        let free: Vec<u32> =
            (0u32..).zip(&self.forbidden).filter(|(_, no)| !**no).map(|(at, _)| at).collect();
        self.improve(&free, budget, Accept::Better, None, &mut Dice(0)).1
    }

    /// Joins the rings of several choices and takes the best of them all.
    pub(crate) fn merge(&mut self, others: &[Vec<(Candidate, f64)>], budget: Budget) {
        let place: std::collections::BTreeMap<Candidate, u32> =
            (0u32..).zip(&self.columns).map(|(at, column)| (column.ring, at)).collect();
        let mut free: Vec<u32> =
            others.iter().flatten().filter_map(|(ring, _)| place.get(ring).copied()).collect();
        free.extend((0u32..).zip(&self.volume).filter(|(_, volume)| **volume > 0.0).map(|(at, _)| at));
        free.retain(|at| !self.forbidden[*at as usize]);
        free.sort_unstable();
        free.dedup();
        self.improve(&free, budget, Accept::Better, None, &mut Dice(0));
    }

    /// Improves by `rounds` neighbourhoods of about `drop` rings and `many` candidates. With `heat` above 0 values
    /// are blurred and small losses accepted, so that the search leaves local summits; the best volumes seen are
    /// kept in `summit`.
    pub(crate) fn search(
        &mut self,
        rounds: usize,
        (drop, many): (usize, usize),
        budget: Budget,
        heat: f64,
        summit: &mut Summit,
        dice: &mut Dice,
    ) -> usize {
        let seeds: Vec<usize> = (0..self.of_offer.len()).filter(|o| !self.of_offer[*o].is_empty()).collect();
        if seeds.is_empty() {
            return 0;
        }
        let mut changed = 0;
        let mut value = self.value();
        for _ in 0..rounds {
            let mut seed = seeds[dice.below(seeds.len())];
            let mut forced = None;
            if heat > 0.0 && dice.below(100) < FORCED_PERCENT {
                // A large closed offer: of a few, the largest.
                for _ in 0..FORCED_AMONG {
                    let other = seeds[dice.below(seeds.len())];
                    let closed = self.given[other] <= 0.0 && self.least[other] > 0.0;
                    if closed && forced.is_none_or(|best: usize| self.cap[other] > self.cap[best]) {
                        forced = Some(other);
                    }
                }
                seed = forced.unwrap_or(seed);
            }
            let drop = if forced.is_some() { drop + FORCED_DROPS } else { drop };
            let free = self.around(seed, drop, many, dice);
            let accept = if heat > 0.0 {
                Accept::Near { loss: heat * 0.01 * value, noise: heat }
            } else {
                Accept::Better
            };
            if self.improve(&free, budget, accept, forced, dice).0 {
                changed += 1;
                value = self.value();
                if value > summit.value {
                    *summit = Summit { value, volume: self.volume.clone(), given: self.given.clone() };
                }
            }
        }
        changed
    }

    /// Goes back to the best volumes seen.
    pub(crate) fn climb(&mut self, summit: Summit) {
        if summit.value > self.value() {
            self.volume = summit.volume;
            self.given = summit.given;
        }
    }
}

/// The best volumes that a search has seen.
#[derive(Default)]
pub(crate) struct Summit {
    value: f64,
    volume: Vec<f64>,
    given: Vec<f64>,
}

/// Which outcome of a small programme is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Accept {
    /// Only a better one.
    Better,
    /// One that loses at most `loss` USD, found under values blurred by `noise`.
    Near { loss: f64, noise: f64 },
    /// Any: what stands is broken.
    Any,
}

/// The share of a divisible offer that volumes leave free for rounding; what is not needed is filled in the end.
const SPARE: f64 = 5e-4;

/// The most in USD, a little less where other legs may have to be rounded up; all-or-none offers have no slack.
pub(crate) fn ceiling(scene: &Scene, offer: &Live) -> f64 {
    let spare = match offer.give_qty {
        _ if offer.least_qty == offer.give_qty => return offer.cap,
        0..200 => return offer.cap,
        200..10_000 => 1.0,
        _ => 2.0,
    };
    offer.cap - (spare * scene.unit[offer.give as usize]).max(offer.cap * SPARE)
}

pub(crate) fn margin(scene: &Scene, offer: &Live) -> f64 {
    if offer.least_qty == 0 || offer.least_qty == offer.give_qty {
        return offer.least;
    }
    let unit = scene.unit[offer.give as usize];
    (offer.least * (1.0 + 1e-6) + 4.0 * unit).min(ceiling(scene, offer))
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

    /// A number from -1 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are enough")]
    fn swing(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
