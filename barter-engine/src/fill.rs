//! The book as it fills: rings placed in whole smallest units, every minimum met in the end.

mod squeeze;

use crate::exact::{FEW, Quantities, realise, shares_hold, values_hold};
use crate::pool::Candidate;
use crate::scene::{Scene, float};
use clearing::{Amount, Book, Leg, Mode, ROUGH_LEG, Ring};
use ruint::aliases::U256;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Rings tried to bring an offer to its minimum where the book has more than [`MANY`] offers, those with most room first:
/// what has hardly any left costs most to find out.
const TRIED: usize = 64;
const MANY: usize = 40_000;

/// A ring in whole units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) ring: Candidate,
    pub(crate) gives: Quantities,
}

/// What is filled so far.
#[derive(Clone)]
pub(crate) struct Fill<'a> {
    scene: &'a Scene,
    /// What each live offer gives.
    given: Vec<u128>,
    /// The rings of each live offer.
    rings_of: Vec<Vec<usize>>,
    /// Whether the offer has a small leg of unequal value, and so may be in no other ring.
    rough: Vec<bool>,
    /// The rings; `None` where one was taken back.
    placed: Vec<Option<Placed>>,
    /// What was done since [`Fill::attempt`], the last at the end.
    journal: Option<Vec<Undo>>,
}

/// How a step is undone.
#[derive(Clone, Copy)]
enum Undo {
    /// A ring was placed.
    Put(usize),
    /// A ring was taken back.
    Took(usize, Placed),
    /// A ring came to other quantities.
    Changed(usize, Quantities),
}

impl<'a> Fill<'a> {
    pub(crate) fn new(scene: &'a Scene) -> Fill<'a> {
        let offers = scene.offers.len();
        Fill {
            scene,
            given: vec![0; offers],
            rings_of: vec![Vec::new(); offers],
            rough: vec![false; offers],
            placed: Vec::new(),
            journal: None,
        }
    }

    /// What the offer can still give.
    pub(crate) fn room(&self, offer: u32) -> u128 {
        self.scene.offer(offer).give_qty - self.given[offer as usize]
    }

    /// What the offer gives.
    pub(crate) fn given(&self, offer: u32) -> u128 {
        self.given[offer as usize]
    }

    /// The value in USD, for comparing: weighed.
    pub(crate) fn value(&self) -> f64 {
        if !self.scene.unweighted {
            return (0..self.placed.len()).map(|id| self.worth_of(id)).sum();
        }
        let worth = |(offer, given): (&crate::scene::Live, &u128)| {
            self.scene.unit[offer.give as usize] * float(*given)
        };
        self.scene.offers.iter().zip(&self.given).map(worth).sum()
    }

    /// What a ring placed is worth in USD, for comparing: weighed.
    pub(crate) fn worth_of(&self, id: usize) -> f64 {
        let Some(placed) = &self.placed[id] else { return 0.0 };
        let legs = placed.ring.offers().iter().zip(placed.gives);
        let unit = |at: u32| self.scene.unit[self.scene.offer(at).give as usize];
        legs.map(|(at, gives)| unit(*at) * float(gives)).sum::<f64>() * placed.ring.weight(self.scene)
    }

    fn rooms(&self, ring: &Candidate) -> Quantities {
        let mut rooms = [0; 6];
        for (room, offer) in rooms.iter_mut().zip(ring.offers()) {
            *room = self.room(*offer);
        }
        rooms
    }

    /// The most volume that is left for a ring, in USD per share.
    pub(crate) fn most(&self, ring: &Candidate) -> f64 {
        let (shares, _) = ring.shares(self.scene);
        ring.offers()
            .iter()
            .zip(shares)
            .map(|(at, share)| {
                float(self.room(*at)) * self.scene.unit[self.scene.offer(*at).give as usize] / share
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// What a ring is worth at the most volume that is left for it, in USD.
    fn worth(&self, ring: &Candidate) -> f64 {
        if self.scene.mode == Mode::Lots {
            let free = ring.offers().iter().all(|at| self.given[*at as usize] == 0);
            let usd: f64 = ring.offers().iter().map(|at| self.scene.offer(*at).cap).sum();
            return if free { usd * ring.weight(self.scene) } else { 0.0 };
        }
        ring.shares(self.scene).1 * self.most(ring) * ring.weight(self.scene)
    }

    /// Places a ring of about `volume`; minimums are looked at later.
    pub(crate) fn place(
        &mut self,
        ring: &Candidate,
        volume: f64,
        exactly: Option<(usize, u128)>,
        leader: Option<usize>,
    ) -> Option<usize> {
        if self.scene.mode == Mode::Lots {
            return self.insert(ring);
        }
        let rooms = self.rooms(ring);
        let gives = realise(self.scene, ring, volume.min(self.most(ring)), &rooms, exactly, leader)?;
        self.put(Placed { ring: *ring, gives })
    }

    /// Places a ring as large as it goes if that meets the minimum of each of its offers.
    pub(crate) fn insert(&mut self, ring: &Candidate) -> Option<usize> {
        let rooms = self.rooms(ring);
        if rooms.iter().take(ring.offers().len()).any(|room| *room == 0) {
            return None;
        }
        let gives = if self.scene.mode == Mode::Lots {
            rooms
        } else {
            realise(self.scene, ring, self.most(ring), &rooms, None, None)?
        };
        let enough = ring
            .offers()
            .iter()
            .zip(gives)
            .all(|(at, gives)| self.given[*at as usize] + gives >= self.scene.offer(*at).least_qty);
        if !enough {
            return None;
        }
        self.put(Placed { ring: *ring, gives })
    }

    fn put(&mut self, placed: Placed) -> Option<usize> {
        let id = self.placed.len();
        if self.scene.mode == Mode::Uniform {
            for (at, is_rough) in self.rough_legs(&placed) {
                if self.rough[at] || (is_rough && !self.rings_of[at].is_empty()) {
                    return None;
                }
            }
        }
        self.placed.push(None);
        self.hold(id, placed);
        if let Some(journal) = &mut self.journal {
            journal.push(Undo::Put(id));
        }
        Some(id)
    }

    fn hold(&mut self, id: usize, placed: Placed) {
        if self.scene.mode == Mode::Uniform {
            for (at, is_rough) in self.rough_legs(&placed) {
                self.rough[at] = is_rough;
            }
        }
        for (at, gives) in placed.ring.offers().iter().zip(placed.gives) {
            self.given[*at as usize] += gives;
            self.rings_of[*at as usize].push(id);
        }
        self.placed[id] = Some(placed);
    }

    /// The offers of a ring in uniform mode, and whether each is rough in it.
    fn rough_legs(&self, placed: &Placed) -> Vec<(usize, bool)> {
        let offers = placed.ring.offers();
        let worth = |leg: usize| {
            self.scene.exact_unit[self.scene.offer(offers[leg]).give as usize] * U256::from(placed.gives[leg])
        };
        let unequal = (1..offers.len()).any(|leg| worth(leg) != worth(0));
        offers
            .iter()
            .enumerate()
            .map(|(leg, at)| (*at as usize, unequal && placed.gives[leg] < ROUGH_LEG))
            .collect()
    }

    /// From here on steps are noted, until they are kept or undone.
    pub(crate) fn attempt(&mut self) {
        self.journal = Some(Vec::new());
    }

    /// Keeps what was done since [`Fill::attempt`].
    pub(crate) fn keep(&mut self) {
        self.journal = None;
    }

    /// Undoes what was done since [`Fill::attempt`].
    pub(crate) fn undo(&mut self) {
        for step in self.journal.take().unwrap_or_default().into_iter().rev() {
            match step {
                Undo::Put(id) => {
                    self.release(id);
                    // The last one placed is the last one there is.
                    self.placed.truncate(id);
                }
                Undo::Took(id, placed) => self.hold(id, placed),
                Undo::Changed(id, gives) => {
                    if let Some(placed) = self.release(id) {
                        self.hold(id, Placed { gives, ..placed });
                    }
                }
            }
        }
    }

    /// The rings placed that an offer is in, by their numbers.
    pub(crate) fn ids_of(&self, at: u32) -> &[usize] {
        &self.rings_of[at as usize]
    }

    /// Whether an offer has a small leg of unequal value, and so may be in no other ring.
    pub(crate) fn is_rough(&self, at: u32) -> bool {
        self.rough[at as usize]
    }

    /// A ring placed.
    pub(crate) fn placed(&self, id: usize) -> Option<&Placed> {
        self.placed[id].as_ref()
    }

    /// How many numbers of rings there are.
    pub(crate) fn ids(&self) -> usize {
        self.placed.len()
    }

    /// The rings of an offer, and what each is worth to it.
    pub(crate) fn rings_of(&self, at: u32) -> impl Iterator<Item = Candidate> + '_ {
        self.rings_of[at as usize].iter().filter_map(|id| self.placed[*id]).map(|placed| placed.ring)
    }

    /// Takes a ring back.
    pub(crate) fn take_back(&mut self, id: usize) -> Option<Placed> {
        let placed = self.release(id)?;
        if let Some(journal) = &mut self.journal {
            journal.push(Undo::Took(id, placed));
        }
        Some(placed)
    }

    fn release(&mut self, id: usize) -> Option<Placed> {
        let placed = self.placed[id].take()?;
        for (at, gives) in placed.ring.offers().iter().zip(placed.gives) {
            let at = *at as usize;
            self.given[at] -= gives;
            self.rings_of[at].retain(|ring| *ring != id);
            self.rough[at] = false; // a rough offer is in one ring only
        }
        Some(placed)
    }

    /// Places many rings of given volumes, largest value first; an all-or-none offer's last ring brings exactly the
    /// rest. In ring mode of a book of few offers those of the coarsest units come first: the finer ones then make up
    /// for what rounding took. Returns the rings that no whole units fit; minimums are looked at later.
    pub(crate) fn place_all(&mut self, mut wanted: Vec<(Candidate, f64)>) -> Vec<Candidate> {
        let mut failed = Vec::new();
        let worth =
            |(ring, volume): &(Candidate, f64)| ring.shares(self.scene).1 * volume * ring.weight(self.scene);
        wanted.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.0.cmp(&b.0)));
        if self.scene.mode == Mode::Ring && self.scene.offers.len() <= FEW {
            // What a step of the ring's coarsest leg is worth.
            let step = |(ring, _): &(Candidate, f64)| {
                let (shares, value) = ring.shares(self.scene);
                let unit = |at: u32| self.scene.unit[self.scene.offer(at).give as usize];
                let legs = ring.offers().iter().zip(shares);
                value * legs.map(|(at, share)| unit(*at) / share).fold(0.0, f64::max)
            };
            wanted.sort_by_cached_key(|wanted| Reverse(step(wanted).to_bits()));
        }
        // Per offer, how many rings are still to come and what all of them are to give.
        let mut coming: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
        for (ring, volume) in &wanted {
            let (shares, _) = ring.shares(self.scene);
            for (at, share) in ring.offers().iter().zip(shares) {
                let (rings, planned) = coming.entry(*at).or_default();
                *rings += 1;
                *planned += share * volume;
            }
        }
        // Offers that barely reach their minimum cannot spare what rounding takes.
        let critical = |at: u32, planned: f64, given: u128| {
            let offer = self.scene.offer(at);
            let given = float(given) * self.scene.unit[offer.give as usize];
            offer.least_qty > 0 && given + planned < offer.least * 1.002
        };
        let critical: BTreeSet<u32> = coming
            .iter()
            .filter(|(at, (_, planned))| critical(**at, *planned, self.given(**at)))
            .map(|(at, _)| *at)
            .collect();
        for (ring, volume) in &wanted {
            let (shares, _) = ring.shares(self.scene);
            let mut exactly = None;
            let mut leader: Option<(f64, usize)> = None;
            for (leg, at) in ring.offers().iter().enumerate() {
                let offer = self.scene.offer(*at);
                let to_come = coming.get_mut(at).map_or(0, |(rings, _)| {
                    *rings -= 1;
                    *rings
                });
                if critical.contains(at) {
                    let coarse = self.scene.unit[offer.give as usize] / shares[leg];
                    if leader.is_none_or(|(most, _)| coarse > most) {
                        leader = Some((coarse, leg));
                    }
                    if offer.least_qty == offer.give_qty && to_come == 0 {
                        exactly = Some((leg, self.room(*at)));
                    }
                }
            }
            let leader = leader.map(|(_, leg)| leg);
            let placed = exactly
                .is_some_and(|exactly| self.place(ring, *volume, Some(exactly), None).is_some())
                || self.place(ring, *volume, None, leader).is_some();
            if !placed {
                failed.push(*ring);
            }
        }
        failed
    }

    /// Whether the offer gives something, but less than its minimum.
    pub(crate) fn is_short(&self, offer: u32) -> bool {
        (1..self.scene.offer(offer).least_qty).contains(&self.given[offer as usize])
    }

    /// The offers that give something, but less than their minimum.
    pub(crate) fn short(&self) -> Vec<u32> {
        (0u32..).take(self.given.len()).filter(|at| self.is_short(*at)).collect()
    }

    /// Enlarges the rings of offers under their minimum where that is enough.
    pub(crate) fn mend(&mut self) {
        for at in self.short() {
            self.enlarge(at);
        }
    }

    /// Offers under their minimum: enlarges one of their rings if that is enough, else takes their rings back.
    pub(crate) fn meet_minimums(&mut self) {
        let mut short = self.short();
        while let Some(at) = short.pop() {
            if !self.is_short(at) || self.enlarge(at) {
                continue;
            }
            for id in self.rings_of[at as usize].clone() {
                let Some(placed) = self.take_back(id) else { continue };
                short.extend(placed.ring.offers().iter().filter(|other| **other != at));
            }
        }
    }

    /// Brings an offer to its minimum: first by what the slack of one unit allows within its rings, then by
    /// enlarging one of them by the rest.
    pub(crate) fn enlarge(&mut self, at: u32) -> bool {
        let offer = self.scene.offer(at);
        let price = self.scene.unit[offer.give as usize];
        for id in self.rings_of[at as usize].clone() {
            self.nudge(at, id);
        }
        if self.given[at as usize] >= offer.least_qty {
            return true;
        }
        for id in self.rings_of[at as usize].clone() {
            let Some(old) = self.take_back(id) else { continue };
            let leg = old.ring.offers().iter().position(|o| *o == at).unwrap_or(0);
            let needed = offer.least_qty - self.given[at as usize];
            let (shares, _) = old.ring.shares(self.scene);
            for extra in [0u128, 1, 2] {
                let quantity = needed + extra;
                if quantity > self.room(at) {
                    break;
                }
                let volume = float(quantity) * price / shares[leg];
                if self.place(&old.ring, volume * (1.0 + 1e-9), Some((leg, quantity)), None).is_some() {
                    return true;
                }
            }
            self.put(old);
        }
        false
    }

    /// Offers under their minimum: brings them to it over whatever of `rings` (places per offer in `pool`) have room
    /// among offers that are open, else takes their rings back and looks after whom that leaves short.
    pub(crate) fn save_minimums(&mut self, pool: &[Candidate], of_offer: &[Vec<u32>]) {
        let lacks = |fill: &Fill<'_>, at: u32| {
            let offer = fill.scene.offer(at);
            float(offer.least_qty - fill.given(at)) * fill.scene.unit[offer.give as usize]
        };
        let mut short: Vec<(f64, u32)> = self.short().into_iter().map(|at| (lacks(self, at), at)).collect();
        short.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut queue: std::collections::VecDeque<u32> = short.into_iter().map(|(_, at)| at).collect();
        while let Some(at) = queue.pop_front() {
            if !self.is_short(at)
                || self.top_up(at, pool, &of_offer[at as usize])
                || self.enlarge(at)
                || (self.scene.mode == Mode::Uniform && self.squeeze(at))
            {
                continue;
            }
            for id in self.rings_of[at as usize].clone() {
                if self.scene.mode == Mode::Uniform && self.stand_in(at, id) {
                    continue;
                }
                let Some(placed) = self.take_back(id) else { continue };
                for other in placed.ring.offers() {
                    if *other != at && self.is_short(*other) {
                        queue.push_back(*other);
                    }
                }
            }
        }
    }

    /// Brings an offer to its minimum over several rings. Returns whether it got there; what was added stays.
    pub(crate) fn top_up(&mut self, at: u32, pool: &[Candidate], rings: &[u32]) -> bool {
        let scene = self.scene;
        let offer = scene.offer(at);
        let price = scene.unit[offer.give as usize];
        let mut order: Vec<(f64, &Candidate)> = rings
            .iter()
            .map(|ring| &pool[*ring as usize])
            .filter(|ring| {
                ring.offers().iter().all(|leg| self.given(*leg) > 0 || scene.offer(*leg).least_qty == 0)
            })
            .map(|ring| (self.most(ring), ring))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        if scene.offers.len() > MANY {
            order.truncate(TRIED);
        }
        for (_, ring) in order {
            let given = self.given(at);
            if given >= offer.least_qty {
                break;
            }
            let Some(leg) = ring.offers().iter().position(|o| *o == at) else { continue };
            let share = ring.shares(scene).0[leg];
            let needed = float(offer.least_qty - given) * price / share * (1.0 + 1e-6);
            let held = self.rings_of[at as usize].iter().copied();
            let held: Option<usize> =
                held.into_iter().find(|id| self.placed[*id].is_some_and(|placed| placed.ring == *ring));
            let old = held.and_then(|id| self.take_back(id));
            let before = old.map_or(0, |old| old.gives[leg]);
            let has = float(before) * price / share;
            let needed = has + needed;
            let added = self.place(ring, needed, None, Some(leg));
            let more = added.and_then(|id| self.placed[id]).is_some_and(|placed| {
                let rises = |(new, old): (&u128, u128)| *new >= old;
                placed.gives[leg] > before
                    && old.is_none_or(|old| placed.gives.iter().zip(old.gives).all(rises))
            });
            if !more {
                if let Some(id) = added {
                    self.take_back(id);
                }
                if let Some(old) = old {
                    self.put(old);
                }
            }
        }
        self.given(at) >= offer.least_qty
    }

    /// Lets the offer give as much more in one ring, all other legs unchanged, as the rules allow and it lacks.
    fn nudge(&mut self, at: u32, id: usize) {
        let hold = match self.scene.mode {
            Mode::Ring => shares_hold,
            Mode::Uniform => values_hold,
            Mode::Lots => return,
        };
        let Some(placed) = self.placed[id] else { return };
        // Small legs stand beside other rings only where values are equal, and they might not be so any more.
        if self.scene.mode == Mode::Uniform
            && placed.gives[..placed.ring.offers().len()].iter().any(|gives| *gives < ROUGH_LEG)
        {
            return;
        }
        let lacks = self.scene.offer(at).least_qty.saturating_sub(self.given[at as usize]);
        let Some(leg) = placed.ring.offers().iter().position(|o| *o == at) else { return };
        let holds = |more: u128| {
            let mut gives = placed.gives;
            gives[leg] += more;
            hold(self.scene, &placed.ring, &gives)
        };
        let (mut low, mut high) = (0, lacks);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if holds(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        if low == 0 {
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.push(Undo::Changed(id, placed.gives));
        }
        if let Some(placed) = self.placed[id].as_mut() {
            placed.gives[leg] += low;
            self.given[at as usize] += low;
        }
    }

    /// Enlarges rings into what room rounding left, most valuable first.
    pub(crate) fn grow(&mut self) {
        let mut order: Vec<(f64, usize)> = (0..self.placed.len())
            .filter_map(|id| self.placed[id].map(|placed| (self.worth(&placed.ring), id)))
            .filter(|(worth, _)| *worth > 0.0)
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.into_iter().for_each(|(_, id)| self.grow_one(id));
    }

    /// Enlarges a ring as far as its offers have room.
    pub(crate) fn grow_one(&mut self, id: usize) {
        let Some(old) = self.take_back(id) else { return };
        let rooms = self.rooms(&old.ring);
        let larger = realise(self.scene, &old.ring, self.most(&old.ring), &rooms, None, None)
            .filter(|new| new.iter().zip(old.gives).all(|(new, old)| *new >= old));
        let gives = larger.unwrap_or(old.gives);
        if self.put(Placed { gives, ..old }).is_none() {
            self.put(old);
        }
    }

    /// Inserts rings from `pool` while they fit, most valuable first.
    pub(crate) fn insert_all(&mut self, pool: &[Candidate]) -> usize {
        let mut order: Vec<(f64, Candidate)> =
            pool.iter().map(|ring| (self.worth(ring), *ring)).filter(|(worth, _)| *worth > 0.0).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.iter().filter(|(_, ring)| self.insert(ring).is_some()).count()
    }

    /// The rings and their volumes, in USD per share.
    pub(crate) fn volumes(&self) -> Vec<(Candidate, f64)> {
        self.placed
            .iter()
            .flatten()
            .map(|placed| {
                let first = self.scene.offer(placed.ring.offers()[0]);
                let volume = match self.scene.mode {
                    Mode::Lots => 1.0,
                    Mode::Ring | Mode::Uniform => {
                        float(placed.gives[0]) * self.scene.unit[first.give as usize]
                    }
                };
                (placed.ring, volume)
            })
            .collect()
    }

    /// The rings in the book's terms: each starts with its oldest offer; most valuable rings first, then by offers.
    pub(crate) fn rings(&self, book: &Book) -> Vec<Ring> {
        let mut rings: Vec<(clearing::UsdValue, Ring)> = self
            .placed
            .iter()
            .flatten()
            .map(|placed| {
                let mut legs: Vec<Leg> = placed
                    .ring
                    .offers()
                    .iter()
                    .zip(placed.gives)
                    .map(|(at, gives)| Leg {
                        offer: book.offers()[self.scene.offer(*at).index].key,
                        give: Amount::new(gives).expect("no offer gives more than an amount"),
                    })
                    .collect();
                let oldest = (0..legs.len()).min_by_key(|leg| legs[*leg].offer).unwrap_or(0);
                legs.rotate_left(oldest);
                let ring = Ring { legs };
                (clearing::ring_value(book, &ring), ring)
            })
            .collect();
        rings.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        rings.into_iter().map(|(_, ring)| ring).collect()
    }
}
