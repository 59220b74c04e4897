//! Value packed into rings of offers: over which lanes, which offers, and how much.
//!
//! Rings come from a plan, or lead through one offer after the other: the way that earns most at the lanes' prices, or a
//! shortest one over offers that can spare enough. What is packed is counted in value units; nothing is rounded here, but
//! offers that move in large units are in one ring or in large ones, as the rules ask.

use super::lanes::{Lane, Lanes};
use super::levels::Range;
use super::plan::Plan;
use super::walks::Layers;
use super::{Values, to_float, whole};
use crate::pool::Candidate;
use crate::scene::Scene;
use std::cmp::Reverse;

/// Smallest units of a piece of an offer that is in several rings: a hundred, and some for rounding.
const PIECE: f64 = 102.0;

/// A lead is content with this part of what it wants in one ring, at least.
const SMALLEST_SHARE: u64 = 64;

#[derive(Clone)]
pub(super) struct Packing<'a> {
    scene: &'a Scene,
    lanes: &'a Lanes,
    /// The least value of a ring of an offer in several rings, by asset given.
    piece: Vec<u64>,
    /// The value of a smallest unit, by asset given, and a little more.
    one: Vec<u64>,
    /// What each offer can give in further rings.
    left: Vec<u64>,
    /// What each gives, in rings of earlier packings too.
    given: Vec<u64>,
    /// The least that it must give if anything.
    least: Vec<u64>,
    /// Offers that are in one small ring, and so in no other.
    closed: Vec<bool>,
    rings: Vec<(Candidate, u64)>,
    /// Whether each offer is in a ring, of this packing or of those before.
    in_rings: Vec<bool>,
    ways: Ways,
    /// By lane, no offer has more left than this.
    most: Vec<u64>,
    /// How many offers may still be looked at; nobody leads when there are none.
    looks: u64,
}

/// The volumes that a leading offer tries, in parts of the first.
const SIZES: [u64; 9] = [16, 13, 10, 8, 6, 4, 3, 2, 1];

/// What a ring must earn per USD of it, so that an offer leads it.
const LITTLE: f64 = 0.01;

/// At most so many offers are looked at in each stage of a packing, so that books of any size come to an end.
const LOOKS: u64 = 400_000_000;

/// Which offers may serve a ring that another leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serve {
    /// All that have enough left.
    Anybody,
    /// Those who then have their minimum.
    Firmly,
}

impl<'a> Packing<'a> {
    /// A packing on top of what each offer gives already.
    pub(super) fn new(scene: &'a Scene, lanes: &'a Lanes, values: &Values, given: Vec<u64>) -> Packing<'a> {
        let offers = scene.offers.len();
        let least = (0..offers).map(|at| values.least(scene, at)).collect();
        let closed = vec![false; offers];
        Packing {
            scene,
            lanes,
            most: vec![u64::MAX; lanes.all.len()],
            looks: LOOKS,
            piece: scene.unit.iter().map(|unit| whole(PIECE * unit / values.unit)).collect(),
            one: scene.unit.iter().map(|unit| whole(1.001 * unit / values.unit)).collect(),
            left: vec![0; offers],
            in_rings: given.iter().map(|given| *given > 0).collect(),
            given,
            least,
            closed,
            rings: Vec::new(),
            ways: Ways::new(scene.unit.len()),
        }
    }

    /// The rings.
    pub(super) fn rings(self) -> Vec<(Candidate, u64)> {
        self.rings
    }

    /// Lets the offers give so much.
    pub(super) fn allow(&mut self, given: &[u64]) {
        self.left.copy_from_slice(given);
    }

    /// Packs the rings of a plan, the largest first. What does not fit is left.
    pub(super) fn follow(&mut self, plan: &Plan) {
        self.allow(&plan.given);
        self.looks = LOOKS;
        let mut volumes: Vec<u64> = plan.rings.iter().map(|(_, volume)| *volume).collect();
        // What moves in large units, and cannot be split, first: each in a ring of its own.
        let mut of_lane: Vec<Vec<u32>> = vec![Vec::new(); self.lanes.all.len()];
        for (at, (ring, _)) in (0u32..).zip(&plan.rings) {
            ring.offers().iter().for_each(|lane| of_lane[*lane as usize].push(at));
        }
        let mut coarse: Vec<(Reverse<u64>, u32, usize)> = Vec::new();
        for (at, lane) in self.lanes.all.iter().enumerate() {
            let piece = self.piece[lane.give as usize].max(1);
            let few =
                lane.offers.iter().filter(|offer| (1..2 * piece).contains(&plan.given[**offer as usize]));
            coarse.extend(few.map(|offer| (Reverse(piece), *offer, at)));
        }
        coarse.sort_unstable();
        for (piece, offer, lane) in coarse {
            for at in &of_lane[lane] {
                let (left, volume) = (self.left[offer as usize], &mut volumes[*at as usize]);
                // Beside other rings it would be too small a piece.
                let splinter = self.in_rings[offer as usize] && left < piece.0;
                if left == 0 || *volume < left || splinter || self.looks == 0 {
                    continue;
                }
                let legs = plan.rings[*at as usize].0.offers();
                let leg = legs.iter().position(|other| *other as usize == lane).unwrap_or(0);
                let way: Vec<usize> =
                    (1..legs.len()).map(|step| legs[(leg + step) % legs.len()] as usize).collect();
                if let Some(drawn) = self.draw(offer, &way, left, left, Serve::Anybody) {
                    *volume -= drawn;
                }
            }
        }
        for ((ring, _), mut volume) in plan.rings.iter().zip(volumes) {
            let legs = ring.offers();
            let way: Vec<usize> = legs[1..].iter().map(|lane| *lane as usize).collect();
            let mut share = 1;
            while volume > 0 && share <= SMALLEST_SHARE && self.looks > 0 {
                let least = (volume / share).max(1);
                let first = self.pick(legs[0] as usize, volume, least, Serve::Anybody, [None, None]);
                match first.and_then(|first| self.draw(first, &way, volume, least, Serve::Anybody)) {
                    Some(drawn) => volume -= drawn,
                    None => share *= 4,
                }
            }
        }
    }

    /// Takes a circulation apart; what only longer rings hold is left. Offers in large units or all or none lead first,
    /// since they cannot be split; then those whose shortest ring is long, since they have the least choice.
    pub(super) fn take_apart(&mut self) {
        self.looks = LOOKS;
        let flow = self.left.clone();
        let mut leads: Vec<(u8, usize, Reverse<u64>, u32)> = Vec::new();
        for at in (0u32..).take(flow.len()).filter(|at| flow[*at as usize] > 0) {
            let hops = self.find(at, 1, Serve::Anybody).map_or(0, |way| way.len());
            let offer = self.scene.offer(at);
            let given = flow[at as usize];
            let pieces = given / self.piece[offer.give as usize].max(1);
            let ease = match pieces {
                0..=1 => 0,
                2..=9 => 1,
                _ if offer.least_qty == offer.give_qty => 1,
                _ => 2,
            };
            leads.push((ease, self.scene.longest - hops.min(self.scene.longest), Reverse(given), at));
        }
        leads.sort_unstable();
        for (_, _, _, at) in leads {
            self.serve(at, self.left[at as usize], Serve::Anybody);
        }
    }

    /// What the offers can give beyond what is packed, of `room` before this packing.
    pub(super) fn ranges(&self, room: &[u64]) -> Vec<Range> {
        let packed = self.packed();
        (0u32..)
            .zip(room)
            .zip(packed)
            .map(|((at, room), packed)| {
                let place = at as usize;
                let most = room - packed;
                let in_rings = self.in_rings[place];
                let splinter = in_rings && most < self.piece[self.scene.offer(at).give as usize];
                let most = if self.closed[place] || splinter { 0 } else { most };
                let least = self.lacks(at).min(most);
                Range { least, most, must: in_rings && least > 0 }
            })
            .collect()
    }

    /// What each offer gives in this packing.
    fn packed(&self) -> Vec<u64> {
        let mut packed = vec![0; self.left.len()];
        for (ring, volume) in &self.rings {
            ring.offers().iter().for_each(|at| packed[*at as usize] += volume);
        }
        packed
    }

    /// What passes over each lane in this packing.
    pub(super) fn over_lanes(&self) -> Vec<u64> {
        let packed = self.packed();
        (0..self.lanes.all.len()).map(|lane| self.lanes.sum(lane, &packed)).collect()
    }

    /// Lets the offers give up to `room` more than they gave before this packing.
    pub(super) fn open(&mut self, room: &[u64]) {
        let packed = self.packed();
        for ((left, room), packed) in self.left.iter_mut().zip(room).zip(packed) {
            *left = room - packed;
        }
        self.most.fill(u64::MAX);
        self.looks = LOOKS;
    }

    /// Lets offers of fewer than `pieces` pieces lead, the largest first: each the ring that earns most at the lanes'
    /// `prices` per USD that passes, and as large as is best. They cannot be split among many rings, so that lanes and
    /// volumes alone do not say what they can be in.
    pub(super) fn lead(&mut self, pieces: u64, prices: &[f64]) {
        let earns: Vec<f64> = prices.iter().map(|price| 1.0 - price.max(0.0)).collect();
        let mut leads: Vec<(Reverse<u64>, u32, usize)> = Vec::new();
        for (lane, Lane { give, offers, .. }) in self.lanes.all.iter().enumerate() {
            let most = self.piece[*give as usize].max(1).saturating_mul(pieces);
            let few = offers.iter().filter(|at| (1..most).contains(&self.left[**at as usize]));
            leads.extend(few.map(|at| (Reverse(self.left[*at as usize]), *at, lane)));
        }
        leads.sort_unstable();
        let mut served: Vec<u64> = (0..self.lanes.all.len()).map(|lane| self.served(lane)).collect();
        let mut layers = Layers::new(self.lanes);
        // Every size may look at every lane in every layer.
        let all = (self.lanes.all.len() * self.lanes.longest * SIZES.len()) as u64;
        for (_, at, lane) in leads {
            while self.looks > 0 {
                self.looks = self.looks.saturating_sub(all);
                let Some((way, volume)) = self.best_way(at, lane, &earns, &served, &mut layers) else {
                    break;
                };
                let drawn = self.draw(at, &way, volume, volume, Serve::Firmly);
                for lane in way.iter().chain([&lane]) {
                    served[*lane] = self.served(*lane);
                }
                if drawn.is_none() {
                    break;
                }
            }
        }
    }

    /// The largest volume that an offer of the lane can serve.
    fn served(&self, lane: usize) -> u64 {
        let can = |at: &&u32| {
            let at = **at as usize;
            let piece = self.piece[self.lanes.all[lane].give as usize];
            !self.closed[at] && (self.left[at] >= piece || !self.in_rings[at])
        };
        self.lanes.all[lane].offers.iter().filter(can).map(|at| self.left[*at as usize]).max().unwrap_or(0)
    }

    /// The way back from what an offer wants to what it gives, and the volume, that earn most.
    fn best_way(
        &self,
        at: u32,
        lane: usize,
        earns: &[f64],
        served: &[u64],
        layers: &mut Layers,
    ) -> Option<(Vec<usize>, u64)> {
        let left = self.left[at as usize];
        if left == 0 || self.closed[at as usize] {
            return None;
        }
        let piece = self.piece[self.lanes.all[lane].give as usize];
        let alone = !self.in_rings[at as usize];
        let mut best: Option<(f64, Vec<usize>, u64)> = None;
        for parts in SIZES {
            let volume = left / SIZES[0] * parts + left % SIZES[0] * parts / SIZES[0];
            let enough = volume >= self.lacks(at) && (volume >= piece || alone) && volume > 0;
            let most = to_float(volume) * to_float(self.lanes.longest as u64);
            if !enough || best.as_ref().is_some_and(|best| best.0 >= most) {
                break;
            }
            if let Some((worth, way)) = layers.way(self.lanes, lane, earns, |other| served[other] >= volume) {
                let worth = (worth + 1.0 - LITTLE) * to_float(volume);
                if worth > best.as_ref().map_or(0.0, |best| best.0) {
                    best = Some((worth, way, volume));
                }
            }
        }
        best.map(|(_, way, volume)| (way, volume))
    }

    /// The least value of a ring of an offer in several rings, by asset given.
    pub(super) fn pieces(&self) -> &[u64] {
        &self.piece
    }

    fn lacks(&self, at: u32) -> u64 {
        self.least[at as usize].saturating_sub(self.given[at as usize])
    }

    /// Packs what is left, largest offers first, without leaving anybody under a minimum.
    pub(super) fn greedy(&mut self) {
        let mut leads: Vec<(Reverse<u64>, u32)> = (0u32..)
            .zip(&self.left)
            .filter(|(_, left)| **left > 0)
            .map(|(at, left)| (Reverse(*left), at))
            .collect();
        leads.sort_unstable();
        for (_, at) in leads {
            let least = self.lacks(at);
            if least == 0 || self.left[at as usize] >= least {
                self.serve(at, self.left[at as usize], Serve::Firmly);
            }
        }
    }

    /// Rings through `at` that together give up to `wanted` of it.
    fn serve(&mut self, at: u32, mut wanted: u64, serve: Serve) {
        let piece = self.piece[self.scene.offer(at).give as usize];
        let mut share = 1;
        while wanted > 0 && share <= SMALLEST_SHARE && !self.closed[at as usize] && self.looks > 0 {
            let least = (wanted / share).max(1);
            let in_others = self.in_rings[at as usize];
            if (least < piece && (in_others || share > 1))
                || (serve == Serve::Firmly && least < self.lacks(at))
            {
                break;
            }
            let drawn = self.find(at, least, serve).and_then(|way| self.draw(at, &way, wanted, least, serve));
            match drawn {
                Some(volume) => wanted -= volume,
                None => share *= 4,
            }
        }
    }

    /// Whether an offer can serve a ring of `volume`.
    fn serves(&self, at: u32, volume: u64, serve: Serve) -> bool {
        let place = at as usize;
        if self.left[place] < volume || self.closed[place] {
            return false;
        }
        // Who moves in large units is in one ring, all of it, or in large ones.
        let small = volume < self.piece[self.scene.offer(at).give as usize];
        let less_than_one = volume < self.one[self.scene.offer(at).give as usize].min(self.left[place]);
        if less_than_one || small && (self.given[place] > 0 || serve == Serve::Anybody) {
            return false;
        }
        match serve {
            Serve::Anybody => true,
            Serve::Firmly => self.given[place] + volume >= self.least[place],
        }
    }

    /// The lanes of a shortest way back from what `at` wants to what it gives, over offers that serve `least`.
    fn find(&mut self, at: u32, least: u64, serve: Serve) -> Option<Vec<usize>> {
        let (from, to) = (self.scene.offer(at).want, self.scene.offer(at).give);
        let (mut ways, mut most) = (std::mem::take(&mut self.ways), std::mem::take(&mut self.most));
        let any = least == 1 && serve == Serve::Anybody;
        let mut looks = 0;
        let open = |pair: usize| {
            looks += 1;
            if most[pair] < least {
                return false;
            }
            let offers = &self.lanes.all[pair].offers;
            looks += offers.len() as u64;
            let serves =
                |at: &u32| self.left[*at as usize] >= least && (any || self.serves(*at, least, serve));
            let found = offers.iter().any(serves);
            if !found {
                most[pair] = offers.iter().map(|at| self.left[*at as usize]).max().unwrap_or(0);
            }
            found
        };
        let found = ways.find(self.lanes, (from, to), open);
        self.looks = self.looks.saturating_sub(looks);
        self.most = most;
        self.ways = ways;
        found
    }

    /// The offer of a lane that fits a ring of `volume`, or of `least`, most closely: one that can be split, if there is
    /// one; the smallest that is large enough, or else the largest. Its party is none of its neighbours'.
    fn pick(
        &mut self,
        lane: usize,
        volume: u64,
        least: u64,
        serve: Serve,
        neighbours: [Option<u32>; 2],
    ) -> Option<u32> {
        self.looks = self.looks.saturating_sub(self.lanes.all[lane].offers.len() as u64);
        let order = |at: &u32| {
            let (offer, left) = (self.scene.offer(*at), self.left[*at as usize]);
            let is_whole = offer.least_qty == offer.give_qty && left != volume;
            let small = left < volume;
            // Where the volume is given, no more is lost than has to be.
            if serve == Serve::Firmly && least == volume {
                return (false, false, self.lost(*at, volume), *at);
            }
            (is_whole, small, if small { u64::MAX - left } else { left }, *at)
        };
        let fits = |at: &&u32| {
            !neighbours.contains(&Some(self.scene.offer(**at).party)) && self.serves(**at, least, serve)
        };
        self.lanes.all[lane].offers.iter().filter(fits).min_by_key(|at| order(at)).copied()
    }

    /// What is too little for a ring once an offer serves `volume`.
    fn lost(&self, at: u32, volume: u64) -> u64 {
        let rest = self.left[at as usize].saturating_sub(volume);
        let piece = self.piece[self.scene.offer(at).give as usize];
        if rest < piece || volume < piece { rest } else { 0 }
    }

    /// Draws a ring over the lanes of `way`. Each uses the offer that fits most closely and is not of a neighbour's
    /// party. Returns the volume, at least `least` and at most `wanted`.
    fn draw(&mut self, lead: u32, way: &[usize], wanted: u64, least: u64, serve: Serve) -> Option<u64> {
        let lead_party = self.scene.offer(lead).party;
        let mut offers = vec![lead];
        let mut volume = wanted.min(self.left[lead as usize]);
        let mut before = lead_party;
        for (leg, pair) in way.iter().enumerate() {
            let last = leg + 1 == way.len();
            let at = self.pick(*pair, volume, least, serve, [Some(before), last.then_some(lead_party)])?;
            volume = volume.min(self.left[at as usize]);
            before = self.scene.offer(at).party;
            offers.push(at);
        }
        for at in &offers {
            let place = *at as usize;
            self.left[place] -= volume;
            self.closed[place] = volume < self.piece[self.scene.offer(*at).give as usize];
            self.given[place] += volume;
            self.in_rings[place] = true;
        }
        let smallest = (0..offers.len()).min_by_key(|leg| self.scene.offer(offers[*leg]).give).unwrap_or(0);
        offers.rotate_left(smallest);
        self.rings.push((Candidate::new(&offers), volume));
        Some(volume)
    }
}

/// Finds shortest ways over lanes.
#[derive(Clone, Default)]
struct Ways {
    /// Which asset was reached from where, by which lane, in which search.
    came: Vec<(u32, u32)>,
    seen: Vec<u32>,
    search: u32,
    queue: Vec<u32>,
}

impl Ways {
    fn new(assets: usize) -> Ways {
        Ways { came: vec![(0, 0); assets], seen: vec![0; assets], ..Ways::default() }
    }

    fn find(
        &mut self,
        lanes: &Lanes,
        (from, to): (u32, u32),
        mut open: impl FnMut(usize) -> bool,
    ) -> Option<Vec<usize>> {
        let hops = lanes.longest - 1;
        self.search += 1;
        self.queue.clear();
        self.queue.push(from);
        self.seen[from as usize] = self.search;
        let (mut next, mut level_end, mut hop) = (0, 1, 0);
        while next < self.queue.len() && hop < hops {
            let node = self.queue[next];
            for pair in lanes.of(node) {
                let want = lanes.all[pair].want;
                // Only the last hop's pairs to `to` matter.
                let wasted = hop + 1 == hops && want != to;
                if wasted || self.seen[want as usize] == self.search || !open(pair) {
                    continue;
                }
                self.seen[want as usize] = self.search;
                self.came[want as usize] = (node, u32::try_from(pair).expect("fewer pairs than 2^32"));
                if want == to {
                    return Some(self.trace(from, to));
                }
                self.queue.push(want);
            }
            next += 1;
            if next == level_end {
                hop += 1;
                level_end = self.queue.len();
            }
        }
        None
    }

    fn trace(&self, from: u32, to: u32) -> Vec<usize> {
        let mut way = Vec::new();
        let mut node = to;
        while node != from {
            let (before, pair) = self.came[node as usize];
            way.push(pair as usize);
            node = before;
        }
        way.reverse();
        way
    }
}
