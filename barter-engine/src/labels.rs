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
    /// Labels kept per asset and number of offers, at most [`MOST_LABELS`].
    pub(crate) labels: usize,
    /// Rings taken per closing offer.
    pub(crate) rings: usize,
    /// Rings must weigh more than this, per leg.
    pub(crate) least: f64,
}

/// The most labels kept per asset and number of offers.
const MOST_LABELS: usize = 8;

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
    /// What the first offer gives, and whose it is: looked at far more often than all else of the offer.
    give: u32,
    party: u32,
}

/// A label that is among the best of its place, and what it is compared by.
#[derive(Clone, Copy, Default)]
struct Kept {
    weight: f64,
    log: f64,
    label: u32,
}

/// Labels by number of legs and asset, those of one place side by side, by descending weight.
struct Places {
    assets: usize,
    most: usize,
    kept: Vec<Kept>,
    lens: Vec<u32>,
}

impl Places {
    fn new(legs: usize, assets: usize, most: usize) -> Places {
        Places {
            assets,
            most,
            kept: vec![Kept::default(); legs * assets * most],
            lens: vec![0; legs * assets],
        }
    }

    fn place(&self, legs: usize, asset: u32) -> usize {
        legs * self.assets + asset as usize
    }

    fn at(&self, legs: usize, asset: u32) -> &[Kept] {
        let place = self.place(legs, asset);
        &self.kept[place * self.most..place * self.most + self.lens[place] as usize]
    }

    /// Whether a label of its place weighs no less and asks no more.
    fn rules_out(&self, legs: usize, asset: u32, weight: f64, log: f64) -> bool {
        self.at(legs, asset).iter().any(|other| other.weight >= weight && other.log <= log)
    }

    /// Keeps a label that no other rules out if it is among the best: heaviest first, and the one that asks least.
    fn keep(&mut self, legs: usize, asset: u32, new: Kept) -> bool {
        let place = self.place(legs, asset);
        let len = self.lens[place] as usize;
        let all = &mut self.kept[place * self.most..(place + 1) * self.most];
        let at = all[..len].iter().take_while(|other| other.weight >= new.weight).count();
        if at == self.most {
            // The last place is for whoever asks least.
            let last = &mut all[at - 1];
            let less = last.log > new.log;
            if less {
                *last = new;
            }
            return less;
        }
        // Those behind that ask no less go; of too many the last but one, for the last asks least.
        let mut behind = [Kept::default(); MOST_LABELS];
        let mut count = 0;
        for other in all[at..len].iter().filter(|other| other.log < new.log) {
            behind[count] = *other;
            count += 1;
        }
        all[at] = new;
        if at + 1 + count <= self.most {
            all[at + 1..=at + count].copy_from_slice(&behind[..count]);
        } else if count == 1 {
            all[at] = behind[0];
        } else {
            all[at + 1..at + count - 1].copy_from_slice(&behind[..count - 2]);
            all[at + count - 1] = behind[count - 1];
        }
        self.lens[place] = u32::try_from((at + 1 + count).min(self.most)).expect("labels are few");
        true
    }
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
    want: u32,
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
        let want = |at: &u32| scene.offer(*at).want;
        let wanting: Vec<&[u32]> = scene.by_pair.chunk_by(|a, b| want(a) == want(b)).collect();
        let found: Vec<Vec<Lane>> =
            wanting.par_iter().map(|offers| Lanes::among(scene, weights, offers)).collect();
        let mut starts = vec![0; scene.unit.len() + 1];
        let mut lanes = Vec::with_capacity(found.iter().map(Vec::len).sum());
        for (offers, found) in wanting.iter().zip(found) {
            lanes.extend(found);
            starts[offers.first().map_or(0, |at| want(at) as usize) + 1] = lanes.len();
        }
        for want in 1..starts.len() {
            starts[want] = starts[want].max(starts[want - 1]);
        }
        Lanes { starts, lanes }
    }

    /// Those worth looking at among `offers`, which want the same and are in the order of what they give.
    fn among(scene: &Scene, weights: &[f64], offers: &[u32]) -> Vec<Lane> {
        let mut lanes = Vec::new();
        let mut group: Vec<u32> = Vec::new();
        for alike in offers.chunk_by(|a, b| scene.offer(*a).give == scene.offer(*b).give) {
            group.clear();
            group.extend(alike.iter().filter(|at| weights[**at as usize].is_finite()));
            // Those that ask least come first; of equal weights they stay so.
            group.sort_by(|a, b| weights[*b as usize].total_cmp(&weights[*a as usize]));
            let mut log = f64::INFINITY;
            let mut taken = 0;
            for &at in &group {
                let offer = scene.offer(at);
                // A second one of another party helps where the first would meet itself.
                if offer.log_floor < log && taken < LANES_PER_PAIR {
                    log = offer.log_floor;
                    taken += 1;
                    lanes.push(Lane {
                        want: offer.want,
                        give: offer.give,
                        offer: at,
                        party: offer.party,
                        weight: weights[at as usize],
                        log,
                    });
                }
            }
        }
        lanes
    }

    fn wanting(&self, asset: u32) -> &[Lane] {
        &self.lanes[self.starts[asset as usize]..self.starts[asset as usize + 1]]
    }

    /// Fills `ahead`: per number of legs and asset, the most that a walk of 1 to so many legs from `home` to the asset
    /// weighs, and the least that it asks. Where only a few `closers` close a ring, its first leg is one of them.
    fn look_ahead(&self, home: u32, closers: Option<&[Lane]>, ahead: &mut [Vec<(f64, f64)>]) {
        const FAR: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
        ahead[0].fill(FAR);
        ahead[0][home as usize] = (0.0, 0.0);
        if let Some(closers) = closers {
            ahead[1].fill(FAR);
            for lane in closers {
                let (weight, log) = &mut ahead[1][lane.want as usize];
                (*weight, *log) = (weight.max(lane.weight), log.min(lane.log));
            }
        }
        for leg in 1 + usize::from(closers.is_some())..ahead.len() {
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

/// Searches rings closed by offers that give one of the assets `starts`. Weights are per USD given, and an offer whose weight is
/// not finite takes no part. Each ring comes once.
pub(crate) fn search_from(
    scene: &Scene,
    weights: &[f64],
    breadth: &Breadth,
    starts: &[u32],
) -> Vec<Candidate> {
    closed(scene, (weights, None), breadth, starts)
}

/// The same, closed by those offers alone whose weights in `own` are finite; these count where an offer closes a ring.
pub(crate) fn search_closed_by(
    scene: &Scene,
    weights: &[f64],
    own: &[f64],
    breadth: &Breadth,
    starts: &[u32],
) -> Vec<Candidate> {
    closed(scene, (weights, Some(own)), breadth, starts)
}

fn closed(
    scene: &Scene,
    (weights, own): (&[f64], Option<&[f64]>),
    breadth: &Breadth,
    starts: &[u32],
) -> Vec<Candidate> {
    let lanes = Lanes::new(scene, weights);
    let found: Vec<Vec<Candidate>> = starts
        .par_iter()
        .map_init(|| Walk::new(scene, (weights, own), breadth, &lanes), |walk, &home| walk.from(home))
        .collect();
    let mut rings: Vec<Candidate> = found.into_iter().flatten().collect();
    rings.sort_unstable();
    rings.dedup();
    rings
}

struct Walk<'a> {
    scene: &'a Scene,
    /// What an offer weighs that closes a ring.
    own: &'a [f64],
    /// Whether only some close rings.
    few: bool,
    breadth: &'a Breadth,
    lanes: &'a Lanes,
    /// What can still be in front of a way, see [`Lanes::look_ahead`].
    ahead: Vec<Vec<(f64, f64)>>,
    labels: Vec<Label>,
    places: Places,
    touched: Vec<Vec<u32>>,
}

impl<'a> Walk<'a> {
    fn new(
        scene: &'a Scene,
        (weights, own): (&'a [f64], Option<&'a [f64]>),
        breadth: &'a Breadth,
        lanes: &'a Lanes,
    ) -> Walk<'a> {
        Walk {
            scene,
            own: own.unwrap_or(weights),
            few: own.is_some(),
            breadth,
            lanes,
            ahead: vec![vec![(0.0, 0.0); scene.unit.len()]; scene.longest],
            labels: Vec::new(),
            places: Places::new(scene.longest, scene.unit.len(), breadth.labels.clamp(1, MOST_LABELS)),
            touched: vec![Vec::new(); scene.longest],
        }
    }

    fn from(&mut self, home: u32) -> Vec<Candidate> {
        let closers = self.few.then(|| self.closers(home));
        self.lanes.look_ahead(home, closers.as_deref(), &mut self.ahead);
        self.labels.clear();
        self.places.lens.fill(0);
        self.touched.iter_mut().for_each(Vec::clear);
        for legs in 1..self.scene.longest {
            if legs == 1 {
                self.extend(home, NONE, legs, home);
                continue;
            }
            for place in 0..self.touched[legs - 1].len() {
                let asset = self.touched[legs - 1][place];
                for which in 0..self.places.at(legs - 1, asset).len() {
                    let rest = self.places.at(legs - 1, asset)[which].label;
                    self.extend(asset, rest, legs, home);
                }
            }
        }
        self.close(home)
    }

    /// The offers that may close a ring at `home`.
    fn closers(&self, home: u32) -> Vec<Lane> {
        let lane = |at: &u32| {
            let (weight, offer) = (self.own[*at as usize], self.scene.offer(*at));
            let lane = Lane {
                want: offer.want,
                give: home,
                offer: *at,
                party: offer.party,
                weight,
                log: offer.log_floor,
            };
            weight.is_finite().then_some(lane)
        };
        self.scene.givers[home as usize].iter().filter_map(lane).collect()
    }

    /// Puts every offer that wants `asset` in front of the way `rest`.
    fn extend(&mut self, asset: u32, rest: u32, legs: usize, home: u32) {
        let lanes = self.lanes;
        let (weight, log, party) = match self.labels.get(rest as usize) {
            Some(label) => (label.weight, label.log, label.party),
            None => (0.0, 0.0, NONE),
        };
        let left = self.scene.longest - legs;
        for lane in lanes.wanting(asset) {
            let (weight, log) = (weight + lane.weight, log + lane.log);
            let (most, least) = self.ahead[left][lane.give as usize];
            if weight + most <= self.breadth.least
                || log + least > TINY
                || lane.give == home
                || lane.party == party
                || self.places.rules_out(legs, lane.give, weight, log)
                || self.passes(rest, lane.give)
            {
                continue;
            }
            let new = Kept { weight, log, label: u32::try_from(self.labels.len()).expect("labels are few") };
            if self.places.at(legs, lane.give).is_empty() {
                self.touched[legs].push(lane.give);
            }
            if self.places.keep(legs, lane.give, new) {
                let (offer, give, party) = (lane.offer, lane.give, lane.party);
                self.labels.push(Label { weight, log, offer, rest, give, party });
            }
        }
    }

    /// Whether the way passes an asset.
    fn passes(&self, mut rest: u32, asset: u32) -> bool {
        while let Some(label) = self.labels.get(rest as usize) {
            if label.give == asset {
                return true;
            }
            rest = label.rest;
        }
        false
    }

    /// Closes the ways by each offer that gives `home`.
    fn close(&self, home: u32) -> Vec<Candidate> {
        let scene = self.scene;
        let mut rings = Vec::new();
        let mut best: Vec<(f64, u32)> = Vec::new();
        for &first in &scene.givers[home as usize] {
            let own = self.own[first as usize];
            if !own.is_finite() {
                continue;
            }
            let offer = scene.offer(first);
            best.clear();
            for legs in 1..scene.longest {
                for kept in self.places.at(legs, offer.want) {
                    let score = (kept.weight + own) / f64::from(u8::try_from(legs + 1).expect("at most six"));
                    if score > self.breadth.least && kept.log + offer.log_floor <= TINY {
                        best.push((score, kept.label));
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
