//! Finds candidate rings: from each start asset, over assets not before it, by depth-first search that two exact
//! layered programmes prune: the least sum of log-floors, and the greatest sum of weights, on any walk back.

use crate::pool::{Candidate, Found, Limits};
use crate::scene::{Scene, TINY};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// All live offers of one pair of assets, as the programmes see them.
struct Pair {
    give: u32,
    log_floor: f64,
    weight: f64,
}

/// A ring found, with its weight per USD of mean leg.
#[derive(Clone, Copy, Debug)]
struct Scored {
    score: f64,
    ring: Candidate,
}

impl PartialEq for Scored {
    fn eq(&self, other: &Scored) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Scored) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Scored) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.ring.cmp(&self.ring))
    }
}

/// Every ring there is, best first, unless a limit is met: then nothing.
pub(crate) fn every(scene: &Scene, limits: &Limits) -> Option<Vec<Candidate>> {
    let weights = vec![1.0; scene.offers.len()];
    let pairs = pairs(scene, &weights);
    // Once a start meets its limit, or all together do, the others need not begin: whatever they find would be thrown
    // away.
    let (met, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let starts: Vec<u32> =
        (0u32..).zip(&scene.givers).filter(|(_, g)| !g.is_empty()).map(|(a, _)| a).collect();
    let found: Vec<Vec<Scored>> = starts
        .par_iter()
        .map_init(
            || Walk::new(scene, &weights, limits),
            |walk, &start| {
                if met.load(Ordering::Relaxed) {
                    return Vec::new();
                }
                let (rings, found) = walk.from(&pairs, start);
                let sofar = count.fetch_add(rings.len(), Ordering::Relaxed) + rings.len();
                if found == Found::Some || sofar > limits.rings {
                    met.store(true, Ordering::Relaxed);
                }
                rings
            },
        )
        .collect();
    let mut all: Vec<Scored> = found.into_iter().flatten().collect();
    if met.into_inner() {
        return None;
    }
    all.sort_by(|a, b| b.cmp(a));
    Some(all.into_iter().map(|scored| scored.ring).collect())
}

/// Searches rings whose weight, the sum of `weights` over USD given, is positive; best first.
pub(crate) fn search(scene: &Scene, weights: &[f64], limits: &Limits) -> (Vec<Candidate>, Found) {
    let pairs = pairs(scene, weights);
    let starts: Vec<u32> =
        (0u32..).zip(&scene.givers).filter(|(_, g)| !g.is_empty()).map(|(a, _)| a).collect();
    let found: Vec<(Vec<Scored>, Found)> = starts
        .par_iter()
        .map_init(|| Walk::new(scene, weights, limits), |walk, &start| walk.from(&pairs, start))
        .collect();
    let mut end = Found::All;
    let mut all = Vec::new();
    for (rings, found) in found {
        all.extend(rings);
        if found == Found::Some {
            end = Found::Some;
        }
    }
    all.sort_by(|a, b| b.cmp(a));
    let mut uses = vec![0u32; scene.offers.len()];
    let mut kept = Vec::new();
    for Scored { ring, .. } in all {
        if kept.len() == limits.rings || ring.offers().iter().any(|o| uses[*o as usize] >= limits.uses) {
            end = Found::Some;
            continue;
        }
        ring.offers().iter().for_each(|o| uses[*o as usize] += 1);
        kept.push(ring);
    }
    (kept, end)
}

/// Per asset wanted, the pairs that want it.
fn pairs(scene: &Scene, weights: &[f64]) -> Vec<Vec<Pair>> {
    let mut pairs: Vec<Vec<Pair>> = scene.unit.iter().map(|_| Vec::new()).collect();
    for (give, givers) in (0u32..).zip(&scene.givers) {
        let mut by_want: Vec<u32> = givers.clone();
        by_want.sort_by_key(|o| scene.offer(*o).want);
        for group in by_want.chunk_by(|a, b| scene.offer(*a).want == scene.offer(*b).want) {
            let want = scene.offer(group[0]).want as usize;
            let log_floor = group.iter().map(|o| scene.offer(*o).log_floor).fold(f64::INFINITY, f64::min);
            let weight = group.iter().map(|o| weights[*o as usize]).fold(f64::NEG_INFINITY, f64::max);
            pairs[want].push(Pair { give, log_floor, weight });
        }
    }
    pairs
}

/// The state of one search, reused from start to start.
struct Walk<'a> {
    scene: &'a Scene,
    weights: &'a [f64],
    limits: &'a Limits,
    /// Per number of legs left and asset: the least log-floor and the greatest weight of a walk to the start.
    back: Vec<Vec<(f64, f64)>>,
    touched: Vec<Vec<u32>>,
    on_path: Vec<bool>,
    path: Vec<u32>,
    best: BinaryHeap<Reverse<Scored>>,
    steps: usize,
    found: Found,
}

/// What a ring must weigh to count as earning anything.
const EARNS: f64 = 1e-9;

const FAR: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl<'a> Walk<'a> {
    fn new(scene: &'a Scene, weights: &'a [f64], limits: &'a Limits) -> Walk<'a> {
        Walk {
            scene,
            weights,
            limits,
            back: vec![vec![FAR; scene.unit.len()]; scene.longest],
            touched: vec![Vec::new(); scene.longest],
            on_path: vec![false; scene.unit.len()],
            path: Vec::new(),
            best: BinaryHeap::new(),
            steps: 0,
            found: Found::All,
        }
    }

    fn from(&mut self, pairs: &[Vec<Pair>], start: u32) -> (Vec<Scored>, Found) {
        self.programme(pairs, start);
        self.steps = 0;
        self.found = Found::All;
        self.extend(start, start, 0.0, 0.0);
        let mut rings: Vec<Scored> = self.best.drain().map(|Reverse(ring)| ring).collect();
        rings.sort_by(|a, b| b.cmp(a));
        (rings, self.found)
    }

    /// back[h][a]: the best of walks of 1 to h legs from a to the start, over assets not before the start.
    fn programme(&mut self, pairs: &[Vec<Pair>], start: u32) {
        for (row, touched) in self.back.iter_mut().zip(&mut self.touched) {
            touched.drain(..).for_each(|a| row[a as usize] = FAR);
        }
        for legs in 1..self.scene.longest {
            let mut row = std::mem::take(&mut self.back[legs]);
            let mut touched = std::mem::take(&mut self.touched[legs]);
            let mut reach = |pair: &Pair, (log, weight): (f64, f64)| {
                let cell = &mut row[pair.give as usize];
                if *cell == FAR {
                    touched.push(pair.give);
                }
                *cell = (cell.0.min(pair.log_floor + log), cell.1.max(pair.weight + weight));
            };
            for pair in pairs[start as usize].iter().filter(|pair| pair.give > start) {
                reach(pair, (0.0, 0.0));
            }
            for &asset in &self.touched[legs - 1] {
                let so_far = self.back[legs - 1][asset as usize];
                for pair in pairs[asset as usize].iter().filter(|pair| pair.give > start) {
                    reach(pair, so_far);
                }
            }
            self.back[legs] = row;
            self.touched[legs] = touched;
        }
    }

    /// Extends the path, which ends wanting `asset`, by every offer that can still come home with a positive weight.
    fn extend(&mut self, start: u32, asset: u32, log: f64, weight: f64) {
        let left = self.scene.longest - self.path.len() - 1;
        let scene = self.scene;
        let mut next: Vec<(f64, u32)> = Vec::new();
        for &at in &scene.givers[asset as usize] {
            if self.steps >= self.limits.steps_per_start {
                self.found = Found::Some;
                break;
            }
            self.steps += 1;
            let offer = scene.offer(at);
            if self.path.last().is_some_and(|last| scene.offer(*last).party == offer.party) {
                continue;
            }
            let (log, weight) = (log + offer.log_floor, weight + self.weights[at as usize]);
            if offer.want == start && !self.path.is_empty() {
                if log <= TINY {
                    self.close(at);
                }
            } else if offer.want > start && left > 0 && !self.on_path[offer.want as usize] {
                let (least, most) = self.back[left][offer.want as usize];
                if log + least <= TINY && weight + most > self.threshold() {
                    next.push((weight + most, at));
                }
            }
        }
        next.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (most, at) in next {
            if most <= self.threshold() {
                self.found = Found::Some;
                break;
            }
            let offer = scene.offer(at);
            self.path.push(at);
            self.on_path[offer.want as usize] = true;
            self.extend(start, offer.want, log + offer.log_floor, weight + self.weights[at as usize]);
            self.on_path[offer.want as usize] = false;
            self.path.pop();
        }
    }

    /// What a ring must weigh to be of interest.
    fn threshold(&self) -> f64 {
        if self.best.len() < self.limits.rings_per_start {
            return EARNS;
        }
        self.best.peek().map_or(EARNS, |Reverse(worst)| worst.score)
    }

    fn close(&mut self, last: u32) {
        let scene = self.scene;
        let first = self.path[0];
        if scene.offer(first).party == scene.offer(last).party {
            return;
        }
        let mut legs = [0u32; 6];
        let len = self.path.len() + 1;
        legs[..len - 1].copy_from_slice(&self.path);
        legs[len - 1] = last;
        let ring = Candidate::new(&legs[..len]);
        let (shares, sum) = ring.shares(scene);
        let weight: f64 =
            ring.offers().iter().zip(shares).map(|(o, share)| share * self.weights[*o as usize]).sum();
        // Weights are per USD given; a ring of mean leg one makes rings of one length comparable with the programmes.
        let score = weight * len as f64 / sum;
        if score <= self.threshold() {
            if score > EARNS {
                self.found = Found::Some;
            }
            return;
        }
        if self.best.len() == self.limits.rings_per_start {
            self.best.pop();
            self.found = Found::Some;
        }
        self.best.push(Reverse(Scored { score, ring }));
    }
}
