//! The authenticated state: a binary Merkle tree over hashed keys, with proofs of presence and of absence.
//!
//! A key stands at its path, `SHA-256(StateKey, key)`, read bit by bit from the most significant bit of the first
//! byte: 0 is left, 1 is right. A subtree
//! - with no key hashes to [`Hash::ZERO`];
//! - with one key *is* that key's leaf, `SHA-256(StateLeaf, path ‖ SHA-256(StateValue, value))`, so a leaf stands at
//!   the shortest prefix that no other key shares (as in the Jellyfish tree);
//! - with more keys hashes to `SHA-256(StateNode, left ‖ right)`.
//!
//! So the root depends on the entries alone, not on the order in which they came. The tree lives in memory (about
//! 250 bytes an entry, so 10^7 entries in 2.5 GB) and is built again from the store when a ledger opens; it is
//! persistent in the functional sense: an update leaves the old tree as it was and shares what did not change.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use rayon::prelude::*;

use crate::hash::{Hash, Hasher, Tag};

/// The most siblings that a proof can have: the bits of a path.
pub const MAX_DEPTH: usize = 256;
/// Batches at least this large are split over the cores.
const PARALLEL: usize = 256;

/// The path of `key`.
#[must_use]
pub fn path_of(key: &[u8]) -> Hash {
    Hash::of(Tag::StateKey, key)
}

/// The hash of `value` that its leaf carries.
#[must_use]
pub fn value_hash(value: &[u8]) -> Hash {
    Hash::of(Tag::StateValue, value)
}

fn leaf_hash(path: Hash, value: Hash) -> Hash {
    Hasher::new(Tag::StateLeaf).chain(&path.0).chain(&value.0).finish()
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    Hasher::new(Tag::StateNode).chain(&left.0).chain(&right.0).finish()
}

fn bit(path: &Hash, depth: usize) -> bool {
    path.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// The tree over one version of the state. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Tree {
    root: Option<Node>,
}

#[derive(Clone)]
enum Node {
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

struct Leaf {
    path: Hash,
    value: Hash,
    hash: Hash,
}

struct Inner {
    left: Option<Node>,
    right: Option<Node>,
    hash: Hash,
}

/// A change of one key: its path, and the hash of its new value unless it goes.
type Change = (Hash, Option<Hash>);

impl Tree {
    /// The root; [`Hash::ZERO`] when the state is empty.
    #[must_use]
    pub fn root(&self) -> Hash {
        hash(self.root.as_ref())
    }

    /// The tree after `changes`, each key at most once: the new value, or `None` for a key that goes.
    #[must_use]
    pub fn update<'a>(&self, changes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Tree {
        let changes: Vec<_> = changes.into_iter().collect();
        let hash_one =
            |(key, value): &(&[u8], Option<&[u8]>)| -> Change { (path_of(key), value.map(value_hash)) };
        let mut hashed: Vec<Change> = if changes.len() < PARALLEL {
            changes.iter().map(hash_one).collect()
        } else {
            changes.par_iter().with_min_len(64).map(hash_one).collect()
        };
        hashed.sort_unstable_by_key(|(path, _)| *path);
        Tree { root: change(self.root.as_ref(), &hashed, 0) }
    }

    /// Proves what the tree says of `key`: the value that hashes to [`Place::Present`], or that there is none.
    #[must_use]
    pub fn prove(&self, key: &[u8]) -> TreeProof {
        let path = path_of(key);
        let mut siblings = Vec::new();
        let mut at = self.root.as_ref();
        while let Some(Node::Inner(inner)) = at {
            let (next, other) = match bit(&path, siblings.len()) {
                false => (&inner.left, &inner.right),
                true => (&inner.right, &inner.left),
            };
            siblings.push(hash(other.as_ref()));
            at = next.as_ref();
        }
        siblings.reverse();
        let place = match at {
            Some(Node::Leaf(leaf)) if leaf.path == path => Place::Present,
            Some(Node::Leaf(leaf)) => Place::Other { path: leaf.path, value: leaf.value },
            _ => Place::Empty,
        };
        TreeProof { place, siblings }
    }
}

fn hash(node: Option<&Node>) -> Hash {
    match node {
        None => Hash::ZERO,
        Some(Node::Leaf(leaf)) => leaf.hash,
        Some(Node::Inner(inner)) => inner.hash,
    }
}

/// The subtree at `depth` after `changes`, which are sorted and all belong under it.
fn change(node: Option<&Node>, changes: &[Change], depth: usize) -> Option<Node> {
    if changes.is_empty() {
        return node.cloned();
    }
    match node {
        None => build(changes.iter().filter_map(|(path, value)| Some((*path, (*value)?))).collect(), depth),
        Some(Node::Leaf(leaf)) => {
            let mut entries: Vec<_> =
                changes.iter().filter_map(|(path, value)| Some((*path, (*value)?))).collect();
            if changes.binary_search_by_key(&leaf.path, |(path, _)| *path).is_err() {
                let place = entries.partition_point(|(path, _)| *path < leaf.path);
                entries.insert(place, (leaf.path, leaf.value));
            }
            build(entries, depth)
        }
        Some(Node::Inner(inner)) => {
            let (left, right) = changes.split_at(changes.partition_point(|(path, _)| !bit(path, depth)));
            let (left, right) = both(
                changes.len(),
                || change(inner.left.as_ref(), left, depth + 1),
                || change(inner.right.as_ref(), right, depth + 1),
            );
            match (left, right) {
                (None, None) => None,
                (Some(leaf @ Node::Leaf(_)), None) | (None, Some(leaf @ Node::Leaf(_))) => Some(leaf),
                (left, right) => Some(inner_node(left, right)),
            }
        }
    }
}

/// The subtree at `depth` of nothing but `entries`, which are sorted.
fn build(entries: Vec<(Hash, Hash)>, depth: usize) -> Option<Node> {
    fn of(entries: &[(Hash, Hash)], depth: usize) -> Option<Node> {
        match entries {
            [] => None,
            [(path, value)] => {
                let hash = leaf_hash(*path, *value);
                Some(Node::Leaf(Arc::new(Leaf { path: *path, value: *value, hash })))
            }
            _ => {
                let (left, right) = entries.split_at(entries.partition_point(|(path, _)| !bit(path, depth)));
                let (left, right) = both(entries.len(), || of(left, depth + 1), || of(right, depth + 1));
                Some(inner_node(left, right))
            }
        }
    }
    of(&entries, depth)
}

fn inner_node(left: Option<Node>, right: Option<Node>) -> Node {
    let hash = node_hash(hash(left.as_ref()), hash(right.as_ref()));
    Node::Inner(Arc::new(Inner { left, right, hash }))
}

fn both<T: Send>(size: usize, a: impl FnOnce() -> T + Send, b: impl FnOnce() -> T + Send) -> (T, T) {
    if size < PARALLEL { (a(), b()) } else { rayon::join(a, b) }
}

/// What stands where a key's path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Place {
    /// The key's own leaf.
    Present,
    /// Nothing: the key is absent.
    Empty,
    /// The leaf of another key, which shares the path so far: the key is absent.
    Other {
        /// The other key's path.
        path: Hash,
        /// The hash of its value.
        value: Hash,
    },
}

/// The way from a key's place to the root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TreeProof {
    /// What stands at the end of the key's path.
    pub place: Place,
    /// The hashes beside the way, from the place up to the root.
    pub siblings: Vec<Hash>,
}

impl TreeProof {
    /// Whether this proves, under `root`, that `key` has `value`, or with `None` that it has none.
    #[must_use]
    pub fn holds(&self, root: Hash, key: &[u8], value: Option<&[u8]>) -> bool {
        let depth = self.siblings.len();
        if depth > MAX_DEPTH {
            return false;
        }
        let path = path_of(key);
        let start = match (self.place, value) {
            (Place::Present, Some(value)) => leaf_hash(path, value_hash(value)),
            (Place::Empty, None) => Hash::ZERO,
            (Place::Other { path: other, value }, None)
                if other != path && (0..depth).all(|d| bit(&other, d) == bit(&path, d)) =>
            {
                leaf_hash(other, value)
            }
            _ => return false,
        };
        let climb = |below: Hash, (height, sibling): (usize, &Hash)| match bit(&path, depth - 1 - height) {
            false => node_hash(below, *sibling),
            true => node_hash(*sibling, below),
        };
        self.siblings.iter().enumerate().fold(start, climb) == root
    }
}

/// Reads the way of a proof from arbitrary bytes, and follows it.
pub fn fuzz_tree_proof(bytes: &[u8]) {
    if let Ok(proof) = TreeProof::try_from_slice(bytes) {
        let _ = proof.holds(Hash::ZERO, bytes, None) || proof.holds(Hash::ZERO, bytes, Some(bytes));
    }
}
