//! Rings as candidates: which offers, and what each leg gives in USD per unit of the ring's volume.

use crate::scene::Scene;
use std::collections::BTreeSet;

/// A candidate ring: live offers in order, starting with the one that gives the smallest asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    len: u8,
    offers: [u32; 6],
}

impl Candidate {
    pub(crate) fn new(offers: &[u32]) -> Candidate {
        let mut held = [0; 6];
        held[..offers.len()].copy_from_slice(offers);
        Candidate { len: u8::try_from(offers.len()).expect("a ring has at most six legs"), offers: held }
    }

    pub(crate) fn offers(&self) -> &[u32] {
        &self.offers[..usize::from(self.len)]
    }

    /// What its value is multiplied with where rings compete.
    pub(crate) fn weight(&self, scene: &Scene) -> f64 {
        if scene.unweighted { 1.0 } else { self.offers().iter().map(|at| scene.offer(*at).weight).product() }
    }

    /// What each leg gives in USD when the first gives one, with the surplus shared equally.
    pub(crate) fn shares(&self, scene: &Scene) -> ([f64; 6], f64) {
        let legs = self.offers();
        let slack: f64 = -legs.iter().map(|o| scene.offer(*o).log_floor).sum::<f64>() / legs.len() as f64;
        let mut shares = [0.0; 6];
        let mut log = 0.0f64;
        let mut sum = 0.0;
        for (share, &offer) in shares.iter_mut().zip(legs) {
            *share = log.exp();
            sum += *share;
            log += scene.offer(offer).log_floor + slack;
        }
        (shares, sum)
    }
}

/// A growing set of candidates.
#[derive(Default)]
pub(crate) struct Pool {
    pub(crate) rings: Vec<Candidate>,
    known: BTreeSet<Candidate>,
}

impl Pool {
    pub(crate) fn push(&mut self, ring: Candidate) -> bool {
        let new = self.known.insert(ring);
        if new {
            self.rings.push(ring);
        }
        new
    }
}

/// How a search of candidates ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Every ring that the filter lets through was found.
    All,
    /// A limit stopped the search somewhere.
    Some,
}

/// Limits of one search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most rings taken.
    pub(crate) rings: usize,
    /// The most rings taken from one start asset.
    pub(crate) rings_per_start: usize,
    /// The most steps of one start asset.
    pub(crate) steps_per_start: usize,
    /// The most rings that one offer may be in, of this search.
    pub(crate) uses: u32,
}
