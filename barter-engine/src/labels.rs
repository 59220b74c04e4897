//! Finds rings that earn most at given weights, one or a few through every offer: from each asset backwards, labels of
//! the best ways home over at most five more offers (label setting), closed by each offer that gives the asset.
//!
//! A search that only takes the very best rings takes many that share the same few offers; a programme over them moves
//! little volume. Asking for a ring through each offer keeps the candidates diverse.

use crate::pool::Candidate;
use crate::scene::{Scene, TINY};
use rayon::prelude::*;

/// Limits of one search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breadth {
    /// Labels kept per asset and number of offers.
    pub(crate) labels: usize,
    /// Rings taken per closing offer.
    pub(crate) rings: usize,
    /// Rings must weigh more than this, per leg.
    pub(crate) least: f64,
}

const NONE: u32 = u32::MAX;

/// One way home.
#[derive(Clone, Copy)]
struct Label {
    weight: f64,
    log: f64,
    /// The first offer of the way.
    offer: u32,
    /// The label of the rest of the way.
    rest: u32,
}

/// The offers worth looking at in one direction: of two that want the same and give the same, one that asks no more and
/// weighs no less rules out the other.
struct Lanes {
    /// Per asset wanted, a range of `lanes`.
    starts: Vec<usize>,
    lanes: Vec<Lane>,
}

#[derive(Clone, Copy)]
struct Lane {
    give: u32,
    offer: u32,
    party: u32,
    weight: f64,
    log: f64,
}

/// The most offers of one pair of assets that a search looks at.
const LANES_PER_PAIR: usize = 4;

impl Lanes {
    fn new(scene: &Scene, weights: &[f64]) -> Lanes {
        let mut order: Vec<u32> =
            (0u32..).zip(weights).filter(|(_, weight)| weight.is_finite()).map(|(at, _)| at).collect();
        order.sort_by(|a, b| {
            let (x, y) = (scene.offer(*a), scene.offer(*b));
            (x.want, x.give)
                .cmp(&(y.want, y.give))
                .then(weights[*b as usize].total_cmp(&weights[*a as usize]))
                .then(x.floor.total_cmp(&y.floor))
                .then(a.cmp(b))
        });
        let mut starts = vec![0; scene.unit.len() + 1];
        let mut lanes = Vec::with_capacity(order.len());
        let pair = |at: &u32| (scene.offer(*at).want, scene.offer(*at).give);
        for group in order.chunk_by(|a, b| pair(a) == pair(b)) {
            let mut log = f64::INFINITY;
            let mut taken = 0;
            for &at in group {
                let offer = scene.offer(at);
                // A second one of another party helps where the first would meet itself.
                if offer.log_floor < log && taken < LANES_PER_PAIR {
                    log = offer.log_floor;
                    taken += 1;
                    lanes.push(Lane {
                        give: offer.give,
                        offer: at,
                        party: offer.party,
                        weight: weights[at as usize],
                        log,
                    });
                }
            }
            starts[group.first().map_or(0, |at| scene.offer(*at).want as usize) + 1] = lanes.len();
        }
        for want in 1..starts.len() {
            starts[want] = starts[want].max(starts[want - 1]);
        }
        Lanes { starts, lanes }
    }

    fn wanting(&self, asset: u32) -> &[Lane] {
        &self.lanes[self.starts[asset as usize]..self.starts[asset as usize + 1]]
    }

    /// Fills `ahead`: per number of legs and asset, the most that a walk of 1 to so many legs from `home` to the asset
    /// weighs, and the least that it asks.
    fn look_ahead(&self, home: u32, ahead: &mut [Vec<(f64, f64)>]) {
        const FAR: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
        ahead[0].fill(FAR);
        ahead[0][home as usize] = (0.0, 0.0);
        for leg in 1..ahead.len() {
            let (before, now) = ahead.split_at_mut(leg);
            let (before, now) = (&before[leg - 1], &mut now[0]);
            for (want, ends) in self.starts.windows(2).enumerate() {
                let mut best = if leg == 1 { FAR } else { before[want] };
                for lane in &self.lanes[ends[0]..ends[1]] {
                    let (weight, log) = before[lane.give as usize];
                    best = (best.0.max(weight + lane.weight), best.1.min(log + lane.log));
                }
                now[want] = best;
            }
            now[home as usize] = FAR;
        }
    }
}

/// Searches rings that weigh more than nothing; weights are per USD given, and an offer whose weight is not finite
/// takes no part. Rings come in the order of their closing offers, each once.
pub(crate) fn search(scene: &Scene, weights: &[f64], breadth: &Breadth) -> Vec<Candidate> {
    let starts: Vec<u32> =
        (0u32..).zip(&scene.givers).filter(|(_, g)| !g.is_empty()).map(|(a, _)| a).collect();
    search_from(scene, weights, breadth, &starts)
}

/// The same, closed by offers that give one of the assets `starts`.
pub(crate) fn search_from(
    scene: &Scene,
    weights: &[f64],
    breadth: &Breadth,
    starts: &[u32],
) -> Vec<Candidate> {
    let lanes = Lanes::new(scene, weights);
    let found: Vec<Vec<Candidate>> = starts
        .par_iter()
        .map_init(|| Walk::new(scene, weights, breadth, &lanes), |walk, &home| walk.from(home))
        .collect();
    let mut rings: Vec<Candidate> = found.into_iter().flatten().collect();
    rings.sort_unstable();
    rings.dedup();
    rings
}

struct Walk<'a> {
    scene: &'a Scene,
    weights: &'a [f64],
    breadth: &'a Breadth,
    lanes: &'a Lanes,
    /// What can still be in front of a way, see [`Lanes::look_ahead`].
    ahead: Vec<Vec<(f64, f64)>>,
    labels: Vec<Label>,
    /// Per number of legs and asset, labels by descending weight.
    at: Vec<Vec<Vec<u32>>>,
    touched: Vec<Vec<u32>>,
}

impl<'a> Walk<'a> {
    fn new(scene: &'a Scene, weights: &'a [f64], breadth: &'a Breadth, lanes: &'a Lanes) -> Walk<'a> {
        Walk {
            scene,
            weights,
            breadth,
            lanes,
            ahead: vec![vec![(0.0, 0.0); scene.unit.len()]; scene.longest],
            labels: Vec::new(),
            at: vec![vec![Vec::new(); scene.unit.len()]; scene.longest],
            touched: vec![Vec::new(); scene.longest],
        }
    }

    fn from(&mut self, home: u32) -> Vec<Candidate> {
        self.lanes.look_ahead(home, &mut self.ahead);
        self.labels.clear();
        for (at, touched) in self.at.iter_mut().zip(&mut self.touched) {
            touched.drain(..).for_each(|asset| at[asset as usize].clear());
        }
        for legs in 1..self.scene.longest {
            if legs == 1 {
                self.extend(home, NONE, legs, home);
                continue;
            }
            for place in 0..self.touched[legs - 1].len() {
                let asset = self.touched[legs - 1][place];
                for which in 0..self.at[legs - 1][asset as usize].len() {
                    let rest = self.at[legs - 1][asset as usize][which];
                    self.extend(asset, rest, legs, home);
                }
            }
        }
        self.close(home)
    }

    /// Puts every offer that wants `asset` in front of the way `rest`.
    fn extend(&mut self, asset: u32, rest: u32, legs: usize, home: u32) {
        let lanes = self.lanes;
        let (weight, log, party) = match self.labels.get(rest as usize) {
            Some(label) => (label.weight, label.log, self.scene.offer(label.offer).party),
            None => (0.0, 0.0, NONE),
        };
        let left = self.scene.longest - legs;
        for lane in lanes.wanting(asset) {
            if lane.give == home || lane.party == party {
                continue;
            }
            let (weight, log) = (weight + lane.weight, log + lane.log);
            let (most, least) = self.ahead[left][lane.give as usize];
            if weight + most <= self.breadth.least || log + least > TINY || self.passes(rest, lane.give) {
                continue;
            }
            self.offer(Label { weight, log, offer: lane.offer, rest }, legs, lane.give);
        }
    }

    /// Whether the way passes an asset.
    fn passes(&self, mut rest: u32, asset: u32) -> bool {
        while let Some(label) = self.labels.get(rest as usize) {
            if self.scene.offer(label.offer).give == asset {
                return true;
            }
            rest = label.rest;
        }
        false
    }

    /// Keeps a label if it is among the best of its place: heaviest first, and the one that asks least.
    fn offer(&mut self, label: Label, legs: usize, asset: u32) {
        let labels = &self.labels;
        let held = &mut self.at[legs][asset as usize];
        let known = |at: &u32| labels[*at as usize];
        if held.iter().map(known).any(|other| other.weight >= label.weight && other.log <= label.log) {
            return;
        }
        let place = held.iter().map(known).take_while(|other| other.weight >= label.weight).count();
        if held.is_empty() {
            self.touched[legs].push(asset);
        }
        if place >= self.breadth.labels {
            // The last place is for whoever asks least.
            if let Some(last) = held.last_mut()
                && labels[*last as usize].log > label.log
            {
                *last = u32::try_from(self.labels.len()).expect("labels are few");
                self.labels.push(label);
            }
            return;
        }
        let id = u32::try_from(self.labels.len()).expect("labels are few");
        held.insert(place, id);
        self.labels.push(label);
        let labels = &self.labels;
        let mut at = place + 1;
        while at < held.len() {
            if labels[held[at] as usize].log >= label.log {
                held.remove(at);
            } else {
                at += 1;
            }
        }
        if held.len() > self.breadth.labels {
            // Not the last one: it asks least.
            held.remove(held.len() - 2);
        }
    }

    /// Closes the ways by each offer that gives `home`.
    fn close(&self, home: u32) -> Vec<Candidate> {
        let scene = self.scene;
        let mut rings = Vec::new();
        let mut best: Vec<(f64, u32)> = Vec::new();
        for &first in &scene.givers[home as usize] {
            let own = self.weights[first as usize];
            if !own.is_finite() {
                continue;
            }
            let offer = scene.offer(first);
            best.clear();
            for legs in 1..scene.longest {
                for &at in &self.at[legs][offer.want as usize] {
                    let label = self.labels[at as usize];
                    let score =
                        (label.weight + own) / f64::from(u8::try_from(legs + 1).expect("at most six"));
                    if score > self.breadth.least && label.log + offer.log_floor <= TINY {
                        best.push((score, at));
                    }
                }
            }
            best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let closed = best.iter().filter_map(|(_, at)| self.ring(first, *at));
            rings.extend(closed.take(self.breadth.rings));
        }
        rings
    }

    /// The ring of an offer and a way home, beginning with the smallest asset given.
    fn ring(&self, first: u32, way: u32) -> Option<Candidate> {
        let mut legs = [first; 6];
        let mut len = 1;
        let mut at = way;
        while let Some(label) = self.labels.get(at as usize) {
            legs[len] = label.offer;
            len += 1;
            at = label.rest;
        }
        let legs = &mut legs[..len];
        let party = |at: u32| self.scene.offer(at).party;
        if party(legs[0]) == party(legs[len - 1]) || party(legs[0]) == party(legs[1]) {
            return None;
        }
        let smallest = (0..len).min_by_key(|leg| self.scene.offer(legs[*leg]).give)?;
        legs.rotate_left(smallest);
        Some(Candidate::new(legs))
    }
}
