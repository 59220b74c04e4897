//! The largest circulation: every arc carries at most its cap, every node passes on what it gets, and the sum over
//! all arcs is the most that can be. Exact in integers, with node potentials that prove it.
//!
//! A unit that crosses an arc earns one, so this is a circulation of least cost, found by cost scaling: costs are counted
//! in one more part than there are nodes, and a circulation whose residual arcs cost at least -epsilon is mended into one
//! for a smaller epsilon until that is one part, when no circle of residual arcs can be worth anything. Excess is pushed
//! along short paths (partial augment-relabel; Goldberg, <https://doi.org/10.1006/jagm.1995.1805>), and now and then
//! potentials are set by a search back from all deficits, without which excess would wander.

use std::collections::VecDeque;
use std::ops::{AddAssign, Neg, SubAssign};

/// An arc and the most that it carries, at least 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc<T> {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) cap: T,
}

/// A largest circulation and its proof.
pub(crate) struct Circulation<T> {
    /// What each arc carries.
    pub(crate) flow: Vec<T>,
    /// A number per node, from 0, such that the sum of `cap * max(0, 1 + potential[from] - potential[to])` over the arcs
    /// is what the arcs carry. For whatever numbers that sum is an upper bound.
    pub(crate) potentials: Vec<u64>,
    /// How often potentials were moved.
    pub(crate) relabels: u64,
}

/// An amount that may be negative.
pub(crate) trait Signed: Copy + Ord + Default + AddAssign + SubAssign + Neg<Output = Self> {}

impl Signed for i64 {}
impl Signed for i128 {}

/// One direction of an arc in the residual network.
#[derive(Clone, Copy)]
struct Half<T> {
    to: u32,
    /// The other direction.
    twin: u32,
    room: T,
    /// What the arc carries at most: the room of both directions together.
    cap: T,
}

/// Each phase divides epsilon by this.
const SHRINK: i64 = 6;

/// Deficits are searched for again after one relabelling for so many nodes.
const NODES_PER_RELABEL: u64 = 2;

/// Excess is pushed along paths of at most so many arcs.
const PATH: usize = 4;

/// The residual network. A node's halves lie together: first those along its arcs, which earn, then those against the
/// arcs that end in it, which give that back.
struct Residual<T> {
    halves: Vec<Half<T>>,
    /// Where the halves of each node begin, and after the last node their end.
    first: Vec<u32>,
    /// Where the halves against arcs begin.
    against: Vec<u32>,
    /// Potentials in parts of an arc's cost.
    potentials: Vec<i64>,
    /// So many parts are an arc's cost: one more than there are nodes.
    parts: i64,
    epsilon: i64,
    /// What each node gets beyond what it passes on.
    excess: Vec<T>,
    /// The half that is looked at next, per node.
    at: Vec<u32>,
    /// Nodes with excess; some had it once.
    active: VecDeque<u32>,
    relabels: u64,
    /// How far a deficit is, in epsilons; and the nodes by that.
    distance: Vec<u32>,
    buckets: Vec<Vec<u32>>,
}

/// Finds the largest circulation. Nodes are `0..nodes`, arcs fewer than 2^31; all caps together must fit `T`.
pub(crate) fn largest<T: Signed>(nodes: usize, arcs: &[Arc<T>]) -> Circulation<T> {
    let (mut residual, place) = Residual::new(nodes, arcs);
    let potentials = loop {
        residual.epsilon = (residual.epsilon / SHRINK).max(1);
        residual.refine();
        if let Some(potentials) = residual.prove() {
            break potentials;
        }
    };
    let most = potentials.iter().copied().max().unwrap_or(0);
    Circulation {
        flow: place
            .iter()
            .map(|half| residual.halves[residual.halves[*half as usize].twin as usize].room)
            .collect(),
        potentials: potentials.into_iter().map(|potential| potential.abs_diff(most)).collect(),
        relabels: residual.relabels,
    }
}

impl<T: Signed> Residual<T> {
    /// The network with nothing in it, and where each arc's half is.
    fn new(nodes: usize, arcs: &[Arc<T>]) -> (Residual<T>, Vec<u32>) {
        let zero = T::default();
        let mut out = vec![0u32; nodes];
        let mut into = vec![0u32; nodes];
        for arc in arcs {
            out[arc.from as usize] += 1;
            into[arc.to as usize] += 1;
        }
        let mut first = Vec::with_capacity(nodes + 1);
        let mut against = Vec::with_capacity(nodes);
        let mut next = 0;
        for (out, into) in out.iter().zip(&into) {
            first.push(next);
            against.push(next + out);
            next += out + into;
        }
        first.push(next);
        let mut halves = vec![Half { to: 0, twin: 0, room: zero, cap: zero }; next as usize];
        let (mut along, mut back) = (first.clone(), against.clone());
        let mut place = Vec::with_capacity(arcs.len());
        for arc in arcs {
            let (a, b) = (along[arc.from as usize], back[arc.to as usize]);
            along[arc.from as usize] += 1;
            back[arc.to as usize] += 1;
            halves[a as usize] = Half { to: arc.to, twin: b, room: arc.cap, cap: arc.cap };
            halves[b as usize] = Half { to: arc.from, twin: a, room: zero, cap: arc.cap };
            place.push(a);
        }
        let parts = i64::try_from(nodes).expect("nodes are numbered in 32 bits") + 1;
        let residual = Residual {
            halves,
            at: first.clone(),
            first,
            against,
            potentials: vec![0; nodes],
            parts,
            epsilon: parts,
            excess: vec![zero; nodes],
            active: VecDeque::new(),
            relabels: 0,
            distance: vec![0; nodes],
            buckets: vec![Vec::new()],
        };
        (residual, place)
    }

    /// What a half costs beyond the potentials.
    fn reduced(&self, from: usize, half: u32, to: u32) -> i64 {
        let cost = if half < self.against[from] { -self.parts } else { self.parts };
        cost + self.potentials[from] - self.potentials[to as usize]
    }

    /// Makes a circulation whose residual arcs cost at least minus epsilon.
    fn refine(&mut self) {
        let zero = T::default();
        for node in 0..self.excess.len() {
            for half in self.first[node]..self.first[node + 1] {
                let Half { to, room, .. } = self.halves[half as usize];
                if room > zero && self.reduced(node, half, to) < 0 {
                    self.push(node, half, to as usize, room);
                }
            }
        }
        self.active
            .extend((0u32..).zip(&self.excess).filter(|(_, excess)| **excess > zero).map(|(node, _)| node));
        self.approach();
        let nodes = u64::try_from(self.excess.len()).expect("nodes are numbered in 32 bits");
        let patience = nodes.div_ceil(NODES_PER_RELABEL);
        let mut next_approach = self.relabels + patience;
        while let Some(node) = self.active.pop_front() {
            while self.excess[node as usize] > zero {
                self.discharge(node as usize);
                if self.relabels >= next_approach {
                    self.approach();
                    next_approach = self.relabels + patience;
                }
            }
        }
    }

    fn push(&mut self, from: usize, half: u32, to: usize, amount: T) {
        let Half { twin, .. } = self.halves[half as usize];
        self.halves[half as usize].room -= amount;
        self.halves[twin as usize].room += amount;
        self.excess[from] -= amount;
        self.excess[to] += amount;
    }

    /// Pushes excess of `start` along one path.
    fn discharge(&mut self, start: usize) {
        let zero = T::default();
        let mut path: [(u32, u32); PATH] = [(0, 0); PATH];
        let mut len = 0;
        let mut tip = start;
        while len < PATH && self.excess[tip] >= zero {
            if let Some((half, to)) = self.admissible(tip) {
                path[len] = (id(tip), half);
                len += 1;
                tip = to;
            } else {
                // The way back is open once something has come this way.
                let back = len.checked_sub(1).map(|last| path[last]);
                let most = back.map_or(i64::MAX, |(from, half)| -self.reduced(from as usize, half, id(tip)));
                self.relabel(tip, most);
                if let Some((from, _)) = back {
                    len -= 1;
                    tip = from as usize;
                }
            }
        }
        for &(from, half) in &path[..len] {
            let from = from as usize;
            let Half { to, room, .. } = self.halves[half as usize];
            let amount = room.min(self.excess[from]);
            let had = self.excess[to as usize] > zero;
            self.push(from, half, to as usize, amount);
            if !had && self.excess[to as usize] > zero && to as usize != start {
                self.active.push_back(to);
            }
        }
    }

    /// The next half out of `node` that has room and costs less than nothing.
    fn admissible(&mut self, node: usize) -> Option<(u32, usize)> {
        let zero = T::default();
        for half in self.at[node]..self.first[node + 1] {
            let Half { to, room, .. } = self.halves[half as usize];
            if room > zero && self.reduced(node, half, to) < 0 {
                self.at[node] = half;
                return Some((half, to as usize));
            }
        }
        None
    }

    /// Lowers the potential of a node that no half leads out of, until one does, or one that costs `most`.
    fn relabel(&mut self, node: usize, most: i64) {
        let zero = T::default();
        let mut least = most;
        for half in self.first[node]..self.first[node + 1] {
            let Half { to, room, .. } = self.halves[half as usize];
            if room > zero {
                least = least.min(self.reduced(node, half, to));
            }
        }
        self.potentials[node] -= least + self.epsilon;
        self.at[node] = self.first[node];
        self.relabels += 1;
    }

    /// Searches back from all deficits until every excess is reached, and lowers potentials so that what is reached has
    /// a way there.
    fn approach(&mut self) {
        let zero = T::default();
        let mut waiting = 0usize;
        self.distance.fill(u32::MAX);
        for (node, excess) in (0u32..).zip(&self.excess) {
            if *excess < zero {
                self.distance[node as usize] = 0;
                self.buckets[0].push(node);
            } else if *excess > zero {
                waiting += 1;
            }
        }
        let mut length = 0;
        while waiting > 0 && length < self.buckets.len() {
            while let Some(node) = self.buckets[length].pop() {
                let node = node as usize;
                if self.distance[node] as usize != length {
                    continue;
                }
                if self.excess[node] > zero {
                    waiting -= 1;
                }
                for half in self.first[node]..self.first[node + 1] {
                    let Half { to, room, cap, .. } = self.halves[half as usize];
                    // Nothing comes this way when the other direction has no room.
                    if self.distance[to as usize] as usize <= length || room == cap {
                        continue;
                    }
                    let steps = (-self.reduced(node, half, to)).div_euclid(self.epsilon) + 1;
                    let through = length + usize::try_from(steps).expect("a cost of at least minus epsilon");
                    let far = u32::try_from(through).unwrap_or(u32::MAX);
                    if far < self.distance[to as usize] && through < LONGEST {
                        self.distance[to as usize] = far;
                        if self.buckets.len() <= through {
                            self.buckets.resize_with(through + 1, Vec::new);
                        }
                        self.buckets[through].push(to);
                    }
                }
            }
            length += 1;
        }
        self.buckets.iter_mut().for_each(Vec::clear);
        for (node, far) in self.distance.iter().enumerate() {
            let steps = (*far as usize).min(length);
            if steps > 0 {
                self.potentials[node] -= self.epsilon * i64::try_from(steps).expect("a length below 2^32");
                self.at[node] = self.first[node];
            }
        }
    }

    /// Potentials in whole costs by which no residual arc costs less than nothing: the proof that nothing more
    /// circulates. Looked for with bounded work while epsilon is more than one part, and found when it is one.
    ///
    /// Where there is room, `p[to] <= p[from] + cost + epsilon` in parts. Counted in whole costs from a part that no
    /// node's potential ends on, and there is one, as there are more parts than nodes, the epsilon of one part changes
    /// nothing. A larger one leaves arcs to mend.
    fn prove(&self) -> Option<Vec<i64>> {
        let zero = T::default();
        let parts = usize::try_from(self.parts).expect("at least one");
        let mut ends = vec![false; parts];
        let part = |potential: i64| usize::try_from(potential.rem_euclid(self.parts)).expect("at least 0");
        self.potentials.iter().for_each(|potential| ends[part(*potential)] = true);
        let free = ends.iter().position(|ends| !ends).expect("fewer nodes than parts");
        let shift = self.parts - 1 - i64::try_from(free).expect("nodes are numbered in 32 bits");
        let mut whole: Vec<i64> =
            self.potentials.iter().map(|potential| (potential + shift).div_euclid(self.parts)).collect();
        let mut queue: VecDeque<u32> = (0..id(whole.len())).collect();
        let mut waits = vec![true; whole.len()];
        let mut looks = PROOF_LOOKS * self.halves.len();
        while let Some(node) = queue.pop_front() {
            let node = node as usize;
            waits[node] = false;
            looks = looks.checked_sub((self.first[node + 1] - self.first[node]) as usize)?;
            for half in self.first[node]..self.first[node + 1] {
                let Half { to, room, .. } = self.halves[half as usize];
                let cost = if half < self.against[node] { -1 } else { 1 };
                if room > zero && whole[to as usize] > whole[node] + cost {
                    whole[to as usize] = whole[node] + cost;
                    if !std::mem::replace(&mut waits[to as usize], true) {
                        queue.push_back(to);
                    }
                }
            }
        }
        Some(whole)
    }
}

/// A proof may look at every half so many times.
const PROOF_LOOKS: usize = 6;

fn id(node: usize) -> u32 {
    u32::try_from(node).expect("nodes are numbered in 32 bits")
}

/// Searches look no farther than so many epsilons.
const LONGEST: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::{Arc, largest};
    use proptest::prelude::*;

    fn worth(arcs: &[Arc<i64>], potentials: &[u64]) -> i64 {
        let most = |arc: &Arc<i64>| {
            let up = (potentials[arc.from as usize] + 1).saturating_sub(potentials[arc.to as usize]);
            arc.cap * i64::try_from(up).expect("small")
        };
        arcs.iter().map(most).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_circulation_is_balanced_and_proves_that_it_is_the_largest(
            arcs in prop::collection::vec((0..30u32, 0..30u32, 0..1_000i64), 0..200)
        ) {
            let arcs: Vec<Arc<i64>> = arcs
                .into_iter()
                .filter(|(from, to, _)| from != to)
                .map(|(from, to, cap)| Arc { from, to, cap })
                .collect();
            let found = largest(30, &arcs);
            let mut balance = [0i64; 30];
            for (arc, flow) in arcs.iter().zip(&found.flow) {
                prop_assert!(*flow <= arc.cap);
                balance[arc.from as usize] -= *flow;
                balance[arc.to as usize] += *flow;
            }
            prop_assert_eq!(balance, [0; 30]);
            prop_assert_eq!(found.flow.iter().sum::<i64>(), worth(&arcs, &found.potentials));
        }
    }
}
