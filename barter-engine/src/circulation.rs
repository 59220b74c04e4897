//! The largest circulation: every arc carries at most its cap, every node passes on what it gets, and the sum over
//! all arcs is the most that can be. Exact in integers, with node potentials that prove it.
//!
//! Filling every arc and taking back as little as balances the nodes is the same question turned around: units travel
//! from nodes that pass on too much to nodes that get too much, and each arc that they cross costs one. With unit costs
//! shortest ways have few different lengths, so the primal-dual method needs few rounds: a search back from all deficits
//! by reduced cost moves the potentials, and what is now shortest is filled by augmenting paths over labels that are
//! mended as they go stale, not searched anew.

use std::ops::{AddAssign, SubAssign};

/// An arc and the most that it carries.
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
    /// How many searches it took.
    pub(crate) searches: u64,
}

/// One direction of an arc in the residual network.
#[derive(Clone, Copy)]
struct Half<T> {
    to: u32,
    /// The other direction, and in the highest bit whether that has room.
    twin: u32,
    room: T,
}

/// The bit of [`Half::twin`] that says that the twin has room.
const TWIN_ROOM: u32 = 1 << 31;

const NEVER: u32 = u32::MAX;

/// The residual network of what is taken back. A node's halves lie together: first those along its arcs, which cost
/// one, then those against the arcs that end in it, which give one back.
struct Residual<T> {
    halves: Vec<Half<T>>,
    /// Where the halves of each node begin, and after the last node their end.
    first: Vec<u32>,
    /// Where the halves against arcs begin.
    against: Vec<u32>,
    potentials: Vec<i64>,
    /// The nodes that pass on too much, or get too much, and by how much.
    excess: Vec<T>,
    deficit: Vec<T>,
    /// How far a deficit is, by reduced cost, as far as the last search looked.
    distance: Vec<u32>,
    /// At least how many free halves lie before a deficit.
    label: Vec<u32>,
    /// How many nodes bear each label.
    bearers: Vec<u32>,
    /// The half that is looked at next, per node.
    at: Vec<u32>,
    /// No node above this label has a way to a deficit any more.
    ceiling: u32,
    /// How many halves were looked at to mend labels since they were counted; once as many as there are, counting
    /// anew is cheaper.
    mended: usize,
    queue: Vec<u32>,
    buckets: Vec<Vec<u32>>,
}

/// Finds the largest circulation. Nodes are `0..nodes`, arcs fewer than 2^30; all caps together must fit `T`.
pub(crate) fn largest<T>(nodes: usize, arcs: &[Arc<T>]) -> Circulation<T>
where
    T: Copy + Ord + Default + AddAssign + SubAssign,
{
    let (mut residual, place) = Residual::new(nodes, arcs);
    let zero = T::default();
    let mut open: Vec<u32> = (0u32..).take(nodes).filter(|v| residual.excess[*v as usize] > zero).collect();
    let mut lacking: Vec<u32> =
        (0u32..).take(nodes).filter(|v| residual.deficit[*v as usize] > zero).collect();
    let mut searches = 0;
    while !open.is_empty() {
        searches += 1;
        residual.approach(&lacking);
        residual.measure(&lacking);
        for &node in &open {
            // The labels say where the first way leads, so every round sends something.
            if residual.mended > residual.halves.len() {
                break;
            }
            residual.send(node);
        }
        open.retain(|node| residual.excess[*node as usize] > zero);
        lacking.retain(|node| residual.deficit[*node as usize] > zero);
    }
    let least = residual.potentials.iter().copied().min().unwrap_or(0);
    Circulation {
        // A half along an arc has as much room as the arc keeps.
        flow: place.iter().map(|half| residual.halves[*half as usize].room).collect(),
        potentials: residual.potentials.iter().map(|potential| potential.abs_diff(least)).collect(),
        searches,
    }
}

impl<T> Residual<T>
where
    T: Copy + Ord + Default + AddAssign + SubAssign,
{
    /// The network with every arc filled, and where each arc's half is.
    fn new(nodes: usize, arcs: &[Arc<T>]) -> (Residual<T>, Vec<u32>) {
        let zero = T::default();
        let mut out = vec![0u32; nodes];
        let mut into = vec![0u32; nodes];
        let mut excess = vec![zero; nodes];
        let mut deficit = vec![zero; nodes];
        for arc in arcs {
            out[arc.from as usize] += 1;
            into[arc.to as usize] += 1;
            excess[arc.from as usize] += arc.cap;
            deficit[arc.to as usize] += arc.cap;
        }
        for (excess, deficit) in excess.iter_mut().zip(&mut deficit) {
            let both = *(&*excess).min(&*deficit);
            *excess -= both;
            *deficit -= both;
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
        let mut halves = vec![Half { to: 0, twin: 0, room: zero }; next as usize];
        let (mut along, mut back) = (first.clone(), against.clone());
        let mut place = Vec::with_capacity(arcs.len());
        for arc in arcs {
            let (a, b) = (along[arc.from as usize], back[arc.to as usize]);
            along[arc.from as usize] += 1;
            back[arc.to as usize] += 1;
            let has_room = if arc.cap > zero { TWIN_ROOM } else { 0 };
            halves[a as usize] = Half { to: arc.to, twin: b, room: arc.cap };
            halves[b as usize] = Half { to: arc.from, twin: a | has_room, room: zero };
            place.push(a);
        }
        let residual = Residual {
            halves,
            first,
            against,
            potentials: vec![0; nodes],
            excess,
            deficit,
            distance: vec![NEVER; nodes],
            label: vec![NEVER; nodes],
            bearers: vec![0; nodes + 1],
            at: vec![0; nodes],
            ceiling: NEVER,
            mended: 0,
            queue: Vec::with_capacity(nodes),
            buckets: vec![Vec::new()],
        };
        (residual, place)
    }

    /// What a half costs beyond the potentials; never negative where there is room.
    fn reduced(&self, from: usize, half: u32, to: u32) -> i64 {
        let cost = if half < self.against[from] { 1 } else { -1 };
        cost + self.potentials[from] - self.potentials[to as usize]
    }

    /// Searches back from `lacking` until the nearest excess, and makes the ways from there free of reduced cost.
    fn approach(&mut self, lacking: &[u32]) {
        let zero = T::default();
        self.distance.fill(NEVER);
        for &node in lacking {
            self.distance[node as usize] = 0;
            self.buckets[0].push(node);
        }
        let mut reached = false;
        let mut length = 0;
        while !reached && length < self.buckets.len() {
            let mut next = 0;
            while next < self.buckets[length].len() && !(reached && length == 0) {
                let node = self.buckets[length][next] as usize;
                next += 1;
                if self.distance[node] as usize != length {
                    continue;
                }
                reached |= self.excess[node] > zero;
                for half in self.first[node]..self.first[node + 1] {
                    let Half { to, twin, .. } = self.halves[half as usize];
                    // The twin of what leads there costs the opposite of it.
                    if twin & TWIN_ROOM == 0 {
                        continue;
                    }
                    let reduced = -self.reduced(node, half, to);
                    let through = length + usize::try_from(reduced).expect("a cost with room is at least 0");
                    // No way is longer than there are nodes, so lengths stay below 2^32.
                    let far = u32::try_from(through).unwrap_or(NEVER);
                    if far < self.distance[to as usize] && !(reached && reduced > 0) {
                        self.distance[to as usize] = far;
                        if self.buckets.len() <= through {
                            self.buckets.resize_with(through + 1, Vec::new);
                        }
                        self.buckets[through].push(to);
                    }
                }
            }
            length += usize::from(!reached);
        }
        self.buckets.iter_mut().for_each(Vec::clear);
        // Potentials fall by the distance, at most by that of the nearest excess; only differences count, so what lies
        // there or beyond is left where it is.
        for (potential, far) in self.potentials.iter_mut().zip(&self.distance) {
            let nearer = length.saturating_sub(*far as usize);
            *potential += i64::try_from(nearer).expect("a length below 2^32");
        }
    }

    /// Counts the free halves before a deficit, for each node that has a free way there.
    fn measure(&mut self, lacking: &[u32]) {
        self.label.fill(NEVER);
        (self.ceiling, self.mended) = (NEVER, 0);
        self.bearers.fill(0);
        self.at.copy_from_slice(&self.first[..self.first.len() - 1]);
        self.queue.clear();
        self.queue.extend(lacking);
        lacking.iter().for_each(|node| self.label[*node as usize] = 0);
        let mut next = 0;
        while let Some(&node) = self.queue.get(next) {
            let node = node as usize;
            next += 1;
            let label = self.label[node];
            self.bearers[label as usize] += 1;
            for half in self.first[node]..self.first[node + 1] {
                let Half { to, twin, .. } = self.halves[half as usize];
                if self.label[to as usize] == NEVER
                    && twin & TWIN_ROOM != 0
                    && self.reduced(node, half, to) == 0
                {
                    self.label[to as usize] = label + 1;
                    self.queue.push(to);
                }
            }
        }
    }

    /// Sends the excess of `source` on over free ways until there are none.
    fn send(&mut self, source: u32) {
        let zero = T::default();
        let mut path: Vec<u32> = Vec::new();
        let mut node = source as usize;
        while self.excess[source as usize] > zero
            && self.label[source as usize] < self.ceiling
            && self.mended <= self.halves.len()
        {
            if self.deficit[node] > zero {
                let keep = self.augment(source, node, &path);
                if keep < path.len() {
                    node = self.tail(path[keep]);
                    path.truncate(keep);
                }
                continue;
            }
            let half = self.at[node];
            if half == self.first[node + 1] {
                self.relabel(node);
                if let Some(back) = path.pop() {
                    node = self.tail(back);
                }
                continue;
            }
            let Half { to, room, .. } = self.halves[half as usize];
            let nearer = self.label[to as usize] != NEVER && self.label[to as usize] + 1 == self.label[node];
            if nearer && room > zero && self.reduced(node, half, to) == 0 {
                path.push(half);
                node = to as usize;
            } else {
                self.at[node] += 1;
            }
        }
    }

    /// Sends as much as fits along `path`; returns how much of the path has room left.
    fn augment(&mut self, source: u32, node: usize, path: &[u32]) -> usize {
        let zero = T::default();
        let rooms = path.iter().map(|half| self.halves[*half as usize].room);
        let most = rooms.fold(self.excess[source as usize].min(self.deficit[node]), T::min);
        self.excess[source as usize] -= most;
        self.deficit[node] -= most;
        let mut keep = path.len();
        for (at, half) in path.iter().enumerate().rev() {
            let half = &mut self.halves[*half as usize];
            half.twin |= TWIN_ROOM;
            half.room -= most;
            let (twin, full) = (half.twin & !TWIN_ROOM, half.room == zero);
            let twin = &mut self.halves[twin as usize];
            twin.room += most;
            if full {
                twin.twin &= !TWIN_ROOM;
                keep = at;
            }
        }
        keep
    }

    /// Lifts the label of a node that has no way on to one more than the least around it.
    fn relabel(&mut self, node: usize) {
        let zero = T::default();
        let old = self.label[node];
        let mut least = NEVER;
        for half in self.first[node]..self.first[node + 1] {
            let Half { to, room, .. } = self.halves[half as usize];
            if self.label[to as usize] < least && room > zero && self.reduced(node, half, to) == 0 {
                least = self.label[to as usize];
                self.at[node] = half;
            }
        }
        self.mended += (self.first[node + 1] - self.first[node]) as usize;
        self.bearers[old as usize] -= 1;
        if self.bearers[old as usize] == 0 {
            // Where nobody bears a label, nothing above it leads below.
            self.ceiling = self.ceiling.min(old);
        }
        // A way visits no node twice.
        let lost = least >= self.ceiling || least as usize >= self.bearers.len() - 1;
        self.label[node] = if lost { NEVER } else { least + 1 };
        if !lost {
            self.bearers[least as usize + 1] += 1;
        }
    }

    fn tail(&self, half: u32) -> usize {
        let twin = self.halves[half as usize].twin & !TWIN_ROOM;
        self.halves[twin as usize].to as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, largest};
    use proptest::prelude::*;

    fn worth(arcs: &[Arc<u64>], potentials: &[u64]) -> u64 {
        let most = |arc: &Arc<u64>| {
            arc.cap * (potentials[arc.from as usize] + 1).saturating_sub(potentials[arc.to as usize])
        };
        arcs.iter().map(most).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_circulation_is_balanced_and_proves_that_it_is_the_largest(
            arcs in prop::collection::vec((0..30u32, 0..30u32, 0..1_000u64), 0..200)
        ) {
            let arcs: Vec<Arc<u64>> = arcs
                .into_iter()
                .filter(|(from, to, _)| from != to)
                .map(|(from, to, cap)| Arc { from, to, cap })
                .collect();
            let found = largest(30, &arcs);
            let mut balance = [0i64; 30];
            for (arc, flow) in arcs.iter().zip(&found.flow) {
                prop_assert!(*flow <= arc.cap);
                balance[arc.from as usize] -= i64::try_from(*flow).expect("small");
                balance[arc.to as usize] += i64::try_from(*flow).expect("small");
            }
            prop_assert_eq!(balance, [0; 30]);
            prop_assert_eq!(found.flow.iter().sum::<u64>(), worth(&arcs, &found.potentials));
        }
    }
}
