//! The offers of one pair of assets as one lane: at one price per asset they differ by nothing but size, party and
//! minimum.

use crate::scene::Scene;
use std::ops::Range;

/// A pair of assets that offers link, and these offers.
pub(super) struct Lane {
    pub(super) give: u32,
    pub(super) want: u32,
    pub(super) offers: Vec<u32>,
}

/// All lanes, by the asset given.
pub(super) struct Lanes {
    pub(super) all: Vec<Lane>,
    /// Where the lanes that give each asset begin, and after the last asset their end.
    first: Vec<usize>,
    /// The most lanes of a ring.
    pub(super) longest: usize,
}

impl Lanes {
    pub(super) fn new(scene: &Scene) -> Lanes {
        let mut order: Vec<(u32, u32, u32)> =
            (0u32..).zip(&scene.offers).map(|(at, offer)| (offer.give, offer.want, at)).collect();
        order.sort_unstable();
        let mut all: Vec<Lane> = Vec::new();
        let mut first = vec![0; scene.unit.len() + 1];
        for chunk in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (give, want, _) = chunk[0];
            first[give as usize + 1] += 1;
            all.push(Lane { give, want, offers: chunk.iter().map(|entry| entry.2).collect() });
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        Lanes { all, first, longest: scene.longest }
    }

    /// How many assets there are.
    pub(super) fn assets(&self) -> usize {
        self.first.len() - 1
    }

    /// The lanes that give an asset.
    pub(super) fn of(&self, asset: u32) -> Range<usize> {
        self.first[asset as usize]..self.first[asset as usize + 1]
    }

    /// What the lane's offers come to.
    pub(super) fn sum(&self, lane: usize, of_offer: &[u64]) -> u64 {
        self.all[lane].offers.iter().map(|at| of_offer[*at as usize]).sum()
    }
}
