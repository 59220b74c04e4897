//! Value packed into rings: who leads, which way, and how much.
//!
//! One offer after the other leads rings through it, over shortest ways of offers that can spare enough. What is packed is
//! counted in value units; nothing is rounded here, but offers that move in large units are in one ring or in large ones,
//! as the rules ask.

use super::{Values, whole};
use crate::pool::Candidate;
use crate::scene::Scene;

/// Smallest units of a piece of an offer that is in several rings: a hundred, and some for rounding.
const PIECE: f64 = 102.0;

/// A lead is content with this part of what it wants in one ring, at least.
const SMALLEST_SHARE: u64 = 64;

/// The offers of a pair of assets.
struct Pair {
    want: u32,
    offers: Vec<u32>,
}

pub(super) struct Packing<'a> {
    scene: &'a Scene,
    pairs: Vec<Pair>,
    /// The pairs that give each asset, as a range of `pairs`.
    first: Vec<usize>,
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
    rings: Vec<Option<(Candidate, u64)>>,
    /// The rings of each offer.
    of: Vec<Vec<u32>>,
    ways: Ways,
    /// By pair, no offer has more left than this.
    most: Vec<u64>,
    /// How many offers may still be looked at; nobody leads when there are none.
    looks: u64,
}

/// At most so many offers are looked at in each stage of a packing, so that books of any size come to an end.
const LOOKS: u64 = 400_000_000;

/// Which offers may serve a ring that another leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serve {
    /// All that have enough left.
    Anybody,
    /// Those who then have their minimum, or are lacking it already.
    Openly,
    /// Those who then have their minimum.
    Firmly,
}

impl<'a> Packing<'a> {
    /// A packing on top of what each offer gives already.
    pub(super) fn new(scene: &'a Scene, values: &Values, given: Vec<u64>) -> Packing<'a> {
        let offers = scene.offers.len();
        let mut order: Vec<(u32, u32, u32)> =
            (0u32..).zip(&scene.offers).map(|(at, offer)| (offer.give, offer.want, at)).collect();
        order.sort_unstable();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut first = vec![0; scene.unit.len() + 1];
        for chunk in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            first[chunk[0].0 as usize + 1] += 1;
            pairs.push(Pair { want: chunk[0].1, offers: chunk.iter().map(|entry| entry.2).collect() });
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        let least = (0..offers).map(|at| values.least(scene, at)).collect();
        let closed = vec![false; offers];
        Packing {
            scene,
            most: vec![u64::MAX; pairs.len()],
            looks: LOOKS,
            pairs,
            first,
            piece: scene.unit.iter().map(|unit| whole(PIECE * unit / values.unit)).collect(),
            one: scene.unit.iter().map(|unit| whole(1.001 * unit / values.unit)).collect(),
            left: vec![0; offers],
            given,
            least,
            closed,
            rings: Vec::new(),
            of: vec![Vec::new(); offers],
            ways: Ways::new(scene.unit.len()),
        }
    }

    /// The rings.
    pub(super) fn rings(self) -> Vec<(Candidate, u64)> {
        self.rings.into_iter().flatten().collect()
    }

    /// Takes a circulation apart; what only longer rings hold is left. Offers in large units or all or none lead first,
    /// since they cannot be split; then those whose shortest ring is long, since they have the least choice.
    pub(super) fn take_apart(&mut self, flow: &[u64]) {
        self.left.copy_from_slice(flow);
        let mut leads: Vec<(u8, usize, u64, u32)> = Vec::new();
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
            leads.push((ease, self.scene.longest - hops.min(self.scene.longest), u64::MAX - given, at));
        }
        leads.sort_unstable();
        for (_, _, _, at) in leads {
            self.lead(at, self.left[at as usize], Serve::Anybody);
        }
    }

    /// Lets the offers give up to `room` more than they gave before this packing.
    pub(super) fn open(&mut self, room: &[u64]) {
        let mut packed = vec![0; room.len()];
        for (ring, volume) in self.rings.iter().flatten() {
            ring.offers().iter().for_each(|at| packed[*at as usize] += volume);
        }
        for ((left, room), packed) in self.left.iter_mut().zip(room).zip(packed) {
            *left = room - packed;
        }
        self.most.fill(u64::MAX);
        self.looks = LOOKS;
    }

    fn is_short(&self, at: u32) -> bool {
        (1..self.least[at as usize]).contains(&self.given[at as usize])
    }

    fn lacks(&self, at: u32) -> u64 {
        self.least[at as usize].saturating_sub(self.given[at as usize])
    }

    fn short(&self) -> Vec<u32> {
        let mut short: Vec<u32> = (0u32..).take(self.left.len()).filter(|at| self.is_short(*at)).collect();
        short.sort_by_key(|at| (self.lacks(*at), *at));
        short
    }

    /// Brings offers to their minimum where what others have left allows it.
    pub(super) fn top_up(&mut self) {
        for serve in [Serve::Firmly, Serve::Openly] {
            for at in self.short() {
                self.lead(at, self.lacks(at), serve);
            }
        }
    }

    /// Takes back the rings of some offers that do not have their minimum: those that lack most. Returns how many
    /// offers did not have it.
    pub(super) fn withdraw(&mut self) -> usize {
        let short = self.short();
        for at in short[short.len() / 2..].iter().rev() {
            if !self.is_short(*at) {
                continue;
            }
            for id in std::mem::take(&mut self.of[*at as usize]) {
                let Some((ring, volume)) = self.rings[id as usize].take() else { continue };
                for other in ring.offers() {
                    let other = *other as usize;
                    self.given[other] -= volume;
                    self.left[other] += volume;
                    self.closed[other] = false;
                    self.of[other].retain(|held| *held != id);
                }
            }
        }
        self.most.fill(u64::MAX);
        short.len()
    }

    /// Packs what is left, largest offers first, without leaving anybody under a minimum.
    pub(super) fn greedy(&mut self) {
        self.looks = LOOKS;
        let mut leads: Vec<(u64, u32)> = (0u32..)
            .zip(&self.left)
            .filter(|(_, left)| **left > 0)
            .map(|(at, left)| (u64::MAX - left, at))
            .collect();
        leads.sort_unstable();
        for (_, at) in leads {
            let least = self.lacks(at);
            if least == 0 || self.left[at as usize] >= least {
                self.lead(at, self.left[at as usize], Serve::Firmly);
            }
        }
    }

    /// Rings through `at` that together give up to `wanted` of it.
    fn lead(&mut self, at: u32, mut wanted: u64, serve: Serve) {
        let piece = self.piece[self.scene.offer(at).give as usize];
        let mut share = 1;
        while wanted > 0 && share <= SMALLEST_SHARE && !self.closed[at as usize] && self.looks > 0 {
            let least = (wanted / share).max(1);
            let in_others = !self.of[at as usize].is_empty() || self.given[at as usize] > 0;
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
            Serve::Openly => self.given[place] > 0 || volume >= self.least[place],
            Serve::Firmly => self.given[place] + volume >= self.least[place],
        }
    }

    /// The pairs of a shortest way back from what `at` wants to what it gives, over offers that serve `least`.
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
            let offers = &self.pairs[pair].offers;
            looks += offers.len() as u64;
            let serves =
                |at: &u32| self.left[*at as usize] >= least && (any || self.serves(*at, least, serve));
            let found = offers.iter().any(serves);
            if !found {
                most[pair] = offers.iter().map(|at| self.left[*at as usize]).max().unwrap_or(0);
            }
            found
        };
        let found = ways.find(&self.pairs, &self.first, (from, to), self.scene.longest - 1, open);
        self.looks = self.looks.saturating_sub(looks);
        self.most = most;
        self.ways = ways;
        found
    }

    /// Draws a ring over the pairs of `way`. Each uses the offer that fits most closely and is not of a neighbour's
    /// party. Returns the volume, at least `least` and at most `wanted`.
    fn draw(&mut self, lead: u32, way: &[usize], wanted: u64, least: u64, serve: Serve) -> Option<u64> {
        let lead_party = self.scene.offer(lead).party;
        let mut offers = vec![lead];
        let mut volume = wanted.min(self.left[lead as usize]);
        let mut before = lead_party;
        for (leg, pair) in way.iter().enumerate() {
            let last = leg + 1 == way.len();
            // An offer that can be split, if there is one; the smallest that is large enough, or else the largest.
            let order = |at: &u32| {
                let (offer, left) = (self.scene.offer(*at), self.left[*at as usize]);
                let is_whole = offer.least_qty == offer.give_qty && left != volume;
                let small = left < volume;
                (is_whole, small, if small { u64::MAX - left } else { left }, *at)
            };
            let fits = |at: &&u32| {
                let party = self.scene.offer(**at).party;
                party != before && !(last && party == lead_party) && self.serves(**at, least, serve)
            };
            let at = *self.pairs[*pair].offers.iter().filter(fits).min_by_key(|at| order(at))?;
            volume = volume.min(self.left[at as usize]);
            before = self.scene.offer(at).party;
            offers.push(at);
        }
        let id = u32::try_from(self.rings.len()).expect("fewer rings than 2^32");
        for at in &offers {
            let place = *at as usize;
            self.left[place] -= volume;
            self.closed[place] = volume < self.piece[self.scene.offer(*at).give as usize];
            self.given[place] += volume;
            self.of[place].push(id);
        }
        let smallest = (0..offers.len()).min_by_key(|leg| self.scene.offer(offers[*leg]).give)?;
        offers.rotate_left(smallest);
        self.rings.push(Some((Candidate::new(&offers), volume)));
        Some(volume)
    }
}

/// Finds shortest ways over pairs of assets.
#[derive(Default)]
struct Ways {
    /// Which asset was reached from where, by which pair, in which search.
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
        pairs: &[Pair],
        first: &[usize],
        (from, to): (u32, u32),
        hops: usize,
        mut open: impl FnMut(usize) -> bool,
    ) -> Option<Vec<usize>> {
        self.search += 1;
        self.queue.clear();
        self.queue.push(from);
        self.seen[from as usize] = self.search;
        let (mut next, mut level_end, mut hop) = (0, 1, 0);
        while next < self.queue.len() && hop < hops {
            let node = self.queue[next];
            let range = first[node as usize]..first[node as usize + 1];
            for (pair, want) in range.clone().zip(pairs[range].iter().map(|pair| pair.want)) {
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
