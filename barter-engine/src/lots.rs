//! Candidate rings of whole lots: offers, not assets, are what a ring visits once.

use crate::pool::{Candidate, Found, Limits};
use crate::scene::Scene;
use rayon::prelude::*;

/// Searches rings of whole lots.
pub(crate) fn search(scene: &Scene, limits: &Limits) -> (Vec<Candidate>, Found) {
    search_free(scene, limits, &|_| true)
}

/// Searches rings of whole lots among the offers that are `free`.
pub(crate) fn search_free(
    scene: &Scene,
    limits: &Limits,
    free: &(dyn Fn(u32) -> bool + Sync),
) -> (Vec<Candidate>, Found) {
    let starts: Vec<u32> = (0u32..).zip(&scene.offers).map(|(at, _)| at).filter(|at| free(*at)).collect();
    // Hops from each asset back to an asset, over pairs that offers make.
    let takers = takers(scene, free);
    let found: Vec<(Vec<Candidate>, bool)> = starts
        .par_iter()
        .map_init(
            || Walk {
                scene,
                limits,
                free,
                hops: vec![u8::MAX; scene.unit.len()],
                path: Vec::new(),
                found: Vec::new(),
                steps: 0,
                cut: false,
            },
            |walk, &start| walk.from(start, &takers),
        )
        .collect();
    let cut = found.iter().any(|(_, cut)| *cut);
    let mut rings: Vec<(f64, Candidate)> = found
        .into_iter()
        .flat_map(|(rings, _)| rings)
        .map(|ring| (ring.offers().iter().map(|at| scene.offer(*at).cap).sum(), ring))
        .collect();
    rings.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut uses = vec![0u32; scene.offers.len()];
    let mut end = if cut { Found::Some } else { Found::All };
    let mut kept = Vec::new();
    for (_, ring) in rings {
        if kept.len() == limits.rings || ring.offers().iter().any(|at| uses[*at as usize] >= limits.uses) {
            end = Found::Some;
            continue;
        }
        ring.offers().iter().for_each(|at| uses[*at as usize] += 1);
        kept.push(ring);
    }
    (kept, end)
}

/// Per asset, the assets that somebody gives to get it.
fn takers(scene: &Scene, free: &(dyn Fn(u32) -> bool + Sync)) -> Vec<Vec<u32>> {
    let mut takers: Vec<Vec<u32>> = scene.unit.iter().map(|_| Vec::new()).collect();
    for (at, offer) in (0u32..).zip(&scene.offers) {
        if free(at) {
            takers[offer.want as usize].push(offer.give);
        }
    }
    for givers in &mut takers {
        givers.sort_unstable();
        givers.dedup();
    }
    takers
}

struct Walk<'a> {
    scene: &'a Scene,
    limits: &'a Limits,
    free: &'a (dyn Fn(u32) -> bool + Sync),
    hops: Vec<u8>,
    path: Vec<u32>,
    found: Vec<Candidate>,
    steps: usize,
    cut: bool,
}

impl Walk<'_> {
    fn from(&mut self, start: u32, takers: &[Vec<u32>]) -> (Vec<Candidate>, bool) {
        let home = self.scene.offer(start).give;
        self.hops.fill(u8::MAX);
        self.hops[home as usize] = 0;
        let mut edge = vec![home];
        for hop in 1..self.scene.longest {
            let mut next = Vec::new();
            for asset in edge {
                for &from in &takers[asset as usize] {
                    if self.hops[from as usize] == u8::MAX {
                        self.hops[from as usize] = u8::try_from(hop).expect("at most six");
                        next.push(from);
                    }
                }
            }
            edge = next;
        }
        self.steps = 0;
        self.cut = false;
        self.path.clear();
        self.path.push(start);
        self.extend();
        (std::mem::take(&mut self.found), self.cut)
    }

    fn extend(&mut self) {
        let scene = self.scene;
        let (start, last) = (self.path[0], self.path[self.path.len() - 1]);
        let wants = scene.offer(last);
        let home = scene.offer(start);
        if self.path.len() >= 2
            && wants.want == home.give
            && home.give_qty >= wants.want_qty
            && home.party != wants.party
        {
            if self.found.len() == self.limits.rings_per_start {
                self.cut = true;
                return;
            }
            self.found.push(Candidate::new(&self.path));
        }
        let left = scene.longest - self.path.len();
        if left == 0 {
            return;
        }
        for &at in &scene.givers[wants.want as usize] {
            if self.steps >= self.limits.steps_per_start {
                self.cut = true;
                return;
            }
            self.steps += 1;
            let offer = scene.offer(at);
            let fits = at > start
                && offer.give_qty >= wants.want_qty
                && offer.party != wants.party
                && usize::from(self.hops[offer.want as usize]) < left
                && !self.path.contains(&at)
                && (self.free)(at);
            if fits {
                self.path.push(at);
                self.extend();
                self.path.pop();
            }
        }
    }
}
