//! Ordered Merkle trees with inclusion proofs, split at the largest power of two as in RFC 9162 §2.1.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Hash, Hasher, Tag};

/// The leaf of `bytes`.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Hash {
    Hash::of(Tag::Leaf, bytes)
}

fn node(left: Hash, right: Hash) -> Hash {
    Hasher::new(Tag::Node).chain(&left.0).chain(&right.0).finish()
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    1 << (usize::BITS - 1 - (count - 1).leading_zeros())
}

/// The root over `leaves`; [`Hash::ZERO`] over none.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(root(left), root(right))
        }
    }
}

/// The siblings from leaf `index` up to the root; empty when `index` is not below `leaves.len()`. Whoever asks for
/// several makes [`Levels`] once.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    Levels::new(leaves.to_vec()).path(index)
}

/// A tree with all its nodes, level by level from the leaves to the root, so that any path is read off. A node that
/// is alone at the end of a level stands in the next one too: so the split is at the largest power of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// The tree over `leaves`: hashes once for each but one.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Levels {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let pairs = level.chunks(2);
            let above =
                pairs.map(|pair| if let [left, right] = pair { node(*left, *right) } else { pair[0] });
            let above = above.collect();
            levels.push(above);
        }
        Levels(levels)
    }

    /// How many leaves it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0[0].len()
    }

    /// What [`path`] tells.
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Hash> {
        if index >= self.count() {
            return Vec::new();
        }
        let levels = self.0.iter().enumerate();
        levels.filter_map(|(height, level)| level.get((index >> height) ^ 1).copied()).collect()
    }
}

/// The right edge of a tree that grows leaf by leaf: all that its root and its further growth need.
///
/// Canonical bytes: how many leaves (8), then the roots of the complete trees that they make up, the largest first: one
/// for each bit that is set in the number of leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Edge {
    count: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// Adds a leaf at the end.
    pub fn push(&mut self, leaf: Hash) {
        let mut whole = leaf;
        for _ in 0..self.count.trailing_ones() {
            whole = self.roots.pop().map_or(whole, |left| node(left, whole));
        }
        self.roots.push(whole);
        self.count += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What [`root`] gives over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.roots.iter().rev().copied().reduce(|right, left| node(left, right)).unwrap_or(Hash::ZERO)
    }
}

/// Whether `leaf` stands at `index` of `count` leaves under `expected`.
#[must_use]
pub fn verify(expected: Hash, leaf: Hash, index: usize, count: usize, path: &[Hash]) -> bool {
    fn climb(leaf: Hash, index: usize, count: usize, path: &[Hash]) -> Option<Hash> {
        if count == 1 {
            return path.is_empty().then_some(leaf);
        }
        let (sibling, below) = path.split_last()?;
        let at = split(count);
        if index < at {
            Some(node(climb(leaf, index, at, below)?, *sibling))
        } else {
            Some(node(*sibling, climb(leaf, index - at, count - at, below)?))
        }
    }
    index < count && path.len() <= 64 && climb(leaf, index, count, path) == Some(expected)
}
