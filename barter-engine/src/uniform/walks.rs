//! The closed walks over lanes that earn most: layered search, exact for walks of at most as many lanes as a ring has
//! legs.
//!
//! A closed walk falls apart into rings over different assets, and one of them earns no less per lane than the walk
//! does; so the search need not keep walks simple.

use super::lanes::Lanes;
use crate::pool::Candidate;
use rayon::prelude::*;

/// The best walks between one asset and every other.
#[derive(Default)]
pub(super) struct Layers {
    /// What the best walk of exactly so many lanes earns, from one lane on, by the asset at its open end.
    best: Vec<Vec<f64>>,
    /// Its lane at that end.
    by: Vec<Vec<u32>>,
}

/// Looks for the best closed walk through every lane, where a lane earns `earns` per unit that passes. Of those that
/// earn more than `least` per lane, the rings are returned, each once.
pub(super) fn search(lanes: &Lanes, earns: &[f64], least: f64) -> Vec<Candidate> {
    let found: Vec<Vec<Candidate>> = (0..id(lanes.assets()))
        .into_par_iter()
        .map_init(|| Layers::new(lanes), |layers, home| layers.through(lanes, home, earns, least))
        .collect();
    let mut rings: Vec<Candidate> = found.into_iter().flatten().collect();
    rings.sort_unstable();
    rings.dedup();
    rings
}

impl Layers {
    pub(super) fn new(lanes: &Lanes) -> Layers {
        let layers = lanes.longest - 1;
        let assets = lanes.assets();
        Layers { best: vec![vec![f64::NEG_INFINITY; assets]; layers], by: vec![vec![0; assets]; layers] }
    }

    /// The best closed walks through the lanes that give `home`.
    fn through(&mut self, lanes: &Lanes, home: u32, earns: &[f64], least: f64) -> Vec<Candidate> {
        let range = lanes.of(home);
        let mut rings = Vec::new();
        if range.is_empty() {
            return rings;
        }
        self.lead_to(lanes, home, earns);
        let mut walk = Vec::with_capacity(lanes.longest);
        for lane in range {
            let next = lanes.all[lane].want as usize;
            let (mut best, mut layers) = (f64::NEG_INFINITY, 0);
            let mut count = 1.0;
            for (layer, from) in self.best.iter().enumerate() {
                count += 1.0;
                let mean = (earns[lane] + from[next]) / count;
                if mean > best {
                    (best, layers) = (mean, layer + 1);
                }
            }
            if best > least {
                walk.clear();
                walk.push(lane);
                let mut node = next;
                for layer in (0..layers).rev() {
                    let by = self.by[layer][node] as usize;
                    walk.push(by);
                    node = lanes.all[by].want as usize;
                }
                take_apart(lanes, &walk, earns, least, &mut rings);
            }
        }
        rings
    }

    /// A way over `open` lanes back from what `lane` wants to what it gives, and what it earns: the best of those that are the
    /// best walk of their length and pass no asset twice.
    pub(super) fn way(
        &mut self,
        lanes: &Lanes,
        lane: usize,
        earns: &[f64],
        open: impl Fn(usize) -> bool,
    ) -> Option<(f64, Vec<usize>)> {
        self.best_way(lanes, lane, |_, _, _| true, |at| open(at).then(|| earns[at]))
    }

    /// The same over lanes that earn what `earns` says, if anything, and at most one minus their price; only if the way
    /// earns at least `least`.
    pub(super) fn good_way(
        &mut self,
        lanes: &Lanes,
        lane: usize,
        prices: &[f64],
        reach: &Reach,
        least: f64,
        earns: impl FnMut(usize) -> Option<f64>,
    ) -> Option<Vec<usize>> {
        let home = lanes.all[lane].give;
        let hopeful = |so_far: f64, at: usize, further: usize| {
            so_far + 1.0 - prices[at] + reach.best(home, lanes.all[at].want, further) >= least
        };
        let (worth, way) = self.best_way(lanes, lane, hopeful, earns)?;
        (worth >= least).then_some(way)
    }

    /// The best way, where a lane is looked at if it is `hopeful` after what was earned so far, with so many lanes to
    /// follow at most.
    fn best_way(
        &mut self,
        lanes: &Lanes,
        lane: usize,
        hopeful: impl Fn(f64, usize, usize) -> bool,
        mut earns: impl FnMut(usize) -> Option<f64>,
    ) -> Option<(f64, Vec<usize>)> {
        let (from, home) = (lanes.all[lane].want, lanes.all[lane].give);
        let layers = self.best.len();
        for layer in &mut self.best {
            layer.fill(f64::NEG_INFINITY);
        }
        // Forwards from what is wanted, so that only assets in reach are looked at.
        let mut reached = vec![from];
        for layer in 0..layers {
            let mut next = Vec::new();
            for asset in reached {
                let so_far = if layer == 0 { 0.0 } else { self.best[layer - 1][asset as usize] };
                for at in lanes.of(asset) {
                    let want = lanes.all[at].want;
                    if want == from || !hopeful(so_far, at, layers - 1 - layer) {
                        continue;
                    }
                    let Some(earns) = earns(at) else { continue };
                    let worth = so_far + earns;
                    let best = &mut self.best[layer][want as usize];
                    if worth > *best {
                        if *best == f64::NEG_INFINITY && want != home {
                            next.push(want);
                        }
                        *best = worth;
                        self.by[layer][want as usize] = id(at);
                    }
                }
            }
            reached = next;
        }
        let mut ends: Vec<usize> =
            (0..layers).filter(|layer| self.best[*layer][home as usize] > f64::NEG_INFINITY).collect();
        ends.sort_by(|a, b| self.best[*b][home as usize].total_cmp(&self.best[*a][home as usize]));
        for end in ends {
            let mut way = Vec::with_capacity(end + 1);
            let mut node = home;
            for layer in (0..=end).rev() {
                let by = self.by[layer][node as usize] as usize;
                way.push(by);
                node = lanes.all[by].give;
            }
            way.reverse();
            let simple = (1..way.len()).all(|at| {
                let give = lanes.all[way[at]].give;
                way[..at].iter().all(|before| lanes.all[*before].give != give)
            });
            if simple {
                return Some((self.best[end][home as usize], way));
            }
        }
        None
    }

    /// Finds the best walks from every asset to `home` that do not pass it.
    fn lead_to(&mut self, lanes: &Lanes, home: u32, earns: &[f64]) {
        for layer in 0..self.best.len() {
            let (before, now) = self.best.split_at_mut(layer);
            let (before, now, by) = (before.last(), &mut now[0], &mut self.by[layer]);
            for asset in 0..id(lanes.assets()) {
                let mut best = (f64::NEG_INFINITY, 0);
                for at in lanes.of(asset) {
                    let want = lanes.all[at].want;
                    let onwards = match before {
                        Some(before) => before[want as usize],
                        None if want == home => 0.0,
                        None => continue,
                    };
                    let worth = earns[at] + onwards;
                    if worth > best.0 {
                        best = (worth, id(at));
                    }
                }
                (now[asset as usize], by[asset as usize]) = best;
            }
            now[home as usize] = f64::NEG_INFINITY;
        }
    }
}

/// What walks between any two assets earn at most.
pub(super) struct Reach {
    /// By the asset where they end: by the most lanes that they have, from one on, and the asset where they begin.
    best: Vec<Vec<f32>>,
    assets: usize,
}

impl Reach {
    /// Walks of which each lane `earns` so much.
    pub(super) fn new(lanes: &Lanes, earns: &[f64]) -> Reach {
        let of_home = |layers: &mut Layers, home| {
            layers.lead_to(lanes, home, earns);
            let mut most = vec![f32::NEG_INFINITY; lanes.assets()];
            most[home as usize] = 0.0;
            let mut all = Vec::with_capacity((layers.best.len() + 1) * most.len());
            all.extend(&most);
            for layer in &layers.best {
                most.iter_mut().zip(layer).for_each(|(most, best)| *most = most.max(roughly(*best)));
                all.extend(&most);
            }
            all
        };
        let best = (0..id(lanes.assets())).into_par_iter().map_init(|| Layers::new(lanes), of_home).collect();
        Reach { best, assets: lanes.assets() }
    }

    /// The most that a walk of up to so many lanes earns.
    fn best(&self, home: u32, from: u32, lanes: usize) -> f64 {
        f64::from(self.best[home as usize][lanes * self.assets + from as usize])
    }
}

/// Half the memory, and no less than `number` but for what rounding takes.
#[expect(clippy::cast_possible_truncation, reason = "for guessing only")]
fn roughly(number: f64) -> f32 {
    number as f32 + 1e-5
}

/// Takes a closed walk apart into rings over different assets; keeps those that earn more than `least` per lane.
fn take_apart(lanes: &Lanes, walk: &[usize], earns: &[f64], least: f64, rings: &mut Vec<Candidate>) {
    let mut open: Vec<usize> = Vec::with_capacity(walk.len());
    for &lane in walk {
        open.push(lane);
        let end = lanes.all[lane].want;
        if let Some(start) = open.iter().position(|lane| lanes.all[*lane].give == end) {
            let mut ring = open.split_off(start);
            if ring.iter().map(|lane| earns[*lane] - least).sum::<f64>() > 0.0 {
                // Lanes are numbered by the asset given, so a ring begins with its smallest asset.
                let smallest = (0..ring.len()).min_by_key(|leg| ring[*leg]).unwrap_or(0);
                ring.rotate_left(smallest);
                rings.push(Candidate::new(&ring.into_iter().map(id).collect::<Vec<u32>>()));
            }
        }
    }
}

fn id(at: usize) -> u32 {
    u32::try_from(at).expect("assets and lanes are numbered in 32 bits")
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Lanes;
    use super::search;
    use crate::scene::Scene;
    use clearing::{Amount, Asset, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Rules};
    use proptest::prelude::*;

    /// One offer for each pair of assets, all worth the same.
    fn lanes(assets: u64, pairs: &[(u64, u64)], max_assets: u8) -> Lanes {
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "1".parse().unwrap() };
        let amount = |units| Amount::new(units).unwrap();
        let offers = (0u64..).zip(pairs).map(|(key, (give, want))| Offer {
            key: OfferKey(key),
            party: PartyKey([u8::try_from(key).unwrap(); 20]),
            give: AssetKey(*give),
            give_qty: amount(100),
            want: AssetKey(*want),
            want_qty: amount(100),
            divisible: true,
            min_fill: amount(0),
            valid_from: 0,
            valid_until: 9,
        });
        let book = Book::new((0..assets).map(asset).collect(), offers.collect()).unwrap();
        let rules = Rules { mode: Mode::Uniform, max_assets, ..Rules::default() };
        Lanes::new(&Scene::new(&book, &rules, 1, &Prices::default()))
    }

    /// Every ring over different assets, by trying all ways; each from its smallest lane on.
    fn every(lanes: &Lanes, way: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
        let start = lanes.all[way[0]].give;
        let end = lanes.all[way[way.len() - 1]].want;
        if end == start {
            found.push(way.clone());
            return;
        }
        if way.len() == lanes.longest || way.iter().any(|lane| lanes.all[*lane].give == end) {
            return;
        }
        for next in lanes.of(end) {
            if next > way[0] {
                way.push(next);
                every(lanes, way, found);
                way.pop();
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_ring_earns_anything_the_search_finds_one(
            pairs in prop::collection::btree_set((0u64..6, 0u64..6), 1..20),
            max_assets in 2u8..=6,
            earns in prop::collection::vec(-3i32..=1, 36),
        ) {
            let pairs: Vec<(u64, u64)> = pairs.into_iter().filter(|(give, want)| give != want).collect();
            let lanes = lanes(6, &pairs, max_assets);
            let earns: Vec<f64> = earns.into_iter().take(lanes.all.len()).map(f64::from).collect();
            let mut all = Vec::new();
            (0..lanes.all.len()).for_each(|lane| every(&lanes, &mut vec![lane], &mut all));
            let worth = |ring: &[usize]| ring.iter().map(|lane| earns[*lane]).sum::<f64>();
            let found = search(&lanes, &earns, 0.0);
            for ring in &found {
                let ring: Vec<usize> = ring.offers().iter().map(|lane| *lane as usize).collect();
                prop_assert!(worth(&ring) > 0.0 && all.contains(&ring), "{ring:?} of {all:?}");
            }
            prop_assert_eq!(found.is_empty(), all.iter().all(|ring| worth(ring) <= 0.0));
        }
    }
}
