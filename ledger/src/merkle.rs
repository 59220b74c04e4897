//! Ordered Merkle trees with inclusion proofs, split at the largest power of two as in RFC 9162 §2.1.

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

/// The siblings from leaf `index` up to the root; empty when `index` is not below `leaves.len()`.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 || index >= leaves.len() {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut siblings, other) =
        if index < at { (path(left, index), root(right)) } else { (path(right, index - at), root(left)) };
    siblings.push(other);
    siblings
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
