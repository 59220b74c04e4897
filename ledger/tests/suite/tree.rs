//! The state tree against a naive one, and its proofs against forgers.

use std::collections::BTreeMap;

use ledger::tree::{Place, Tree, TreeProof, path_of, value_hash};
use ledger::{Hash, Hasher, Tag};
use proptest::prelude::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// The root by definition: split the sorted paths bit by bit.
fn naive_root(model: &Model) -> Hash {
    fn of(entries: &[(Hash, Hash)], depth: usize) -> Hash {
        match entries {
            [] => Hash::ZERO,
            [(path, value)] => Hasher::new(Tag::StateLeaf).chain(&path.0).chain(&value.0).finish(),
            _ => {
                let is_left = |(path, _): &&(Hash, Hash)| path.0[depth / 8] & (0x80 >> (depth % 8)) == 0;
                let left: Vec<_> = entries.iter().filter(is_left).copied().collect();
                let right: Vec<_> = entries.iter().filter(|entry| !is_left(entry)).copied().collect();
                let (left, right) = (of(&left, depth + 1), of(&right, depth + 1));
                Hasher::new(Tag::StateNode).chain(&left.0).chain(&right.0).finish()
            }
        }
    }
    let entries: Vec<_> = model.iter().map(|(key, value)| (path_of(key), value_hash(value))).collect();
    of(&entries, 0)
}

type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn update(tree: &Tree, batch: &Batch) -> Tree {
    let last: BTreeMap<_, _> = batch.iter().cloned().collect();
    tree.update(last.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let key = prop::collection::vec(0u8..6, 0..3);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..4));
    prop::collection::vec(prop::collection::vec((key, value), 0..20), 0..8)
}

proptest! {
    #[test]
    fn any_history_gives_the_naive_root_and_honest_proofs(batches in batches()) {
        let (mut tree, mut model) = (Tree::default(), Model::new());
        for batch in &batches {
            let before = tree.root();
            let kept = tree.clone();
            tree = update(&tree, batch);
            prop_assert_eq!(kept.root(), before, "an update leaves the old tree as it was");
            for (key, value) in batch {
                match value {
                    Some(value) => model.insert(key.clone(), value.clone()),
                    None => model.remove(key),
                };
            }
            prop_assert_eq!(tree.root(), naive_root(&model));
        }
        for key in (0..6).flat_map(|a| (0..7).map(move |b| vec![a, b])).chain([vec![]]) {
            let (proof, value) = (tree.prove(&key), model.get(&key).map(Vec::as_slice));
            prop_assert!(proof.holds(tree.root(), &key, value));
            let lies = [None, Some(&b"forged"[..]), Some(&b""[..])];
            for lie in lies.into_iter().filter(|lie| *lie != value) {
                prop_assert!(!proof.holds(tree.root(), &key, lie), "{:?} as {:?}", key, lie);
            }
        }
    }

    #[test]
    fn no_proof_survives_a_change_of_one_hash(seed in 0u64..50, at in 0usize..8, flip in 1u8..) {
        let keys: Vec<_> = (0..40 + seed).map(|n| n.to_be_bytes().to_vec()).collect();
        let tree = Tree::default().update(keys.iter().map(|key| (key.as_slice(), Some(key.as_slice()))));
        let honest = tree.prove(&keys[0]);
        let mut forged = honest.clone();
        let at = at % forged.siblings.len();
        forged.siblings[at].0[usize::from(flip) % 32] ^= flip;
        prop_assert!(honest.holds(tree.root(), &keys[0], Some(&keys[0])));
        prop_assert!(!forged.holds(tree.root(), &keys[0], Some(&keys[0])));
        let mut shorter = honest.clone();
        shorter.siblings.remove(at);
        prop_assert!(!shorter.holds(tree.root(), &keys[0], Some(&keys[0])));
    }
}

#[test]
fn the_order_of_arrival_leaves_no_trace() {
    let keys: Vec<[u8; 4]> = (0u32..1000).map(u32::to_be_bytes).collect();
    let at_once = Tree::default().update(keys.iter().map(|key| (&key[..], Some(&key[..]))));
    let mut one_by_one = Tree::default();
    for key in keys.iter().rev() {
        one_by_one = one_by_one.update([(&key[..], Some(&key[..]))]);
    }
    assert_eq!(at_once.root(), one_by_one.root());
    for key in &keys[1..] {
        one_by_one = one_by_one.update([(&key[..], None)]);
    }
    let only = Tree::default().update([(&keys[0][..], Some(&keys[0][..]))]);
    assert_eq!(one_by_one.root(), only.root(), "what went leaves no trace either");
    assert_eq!(one_by_one.update([(&keys[0][..], None)]).root(), Hash::ZERO);
}

#[test]
fn a_neighbour_proves_absence_only_beside_the_way() {
    let tree = Tree::default().update([(&b"jute"[..], Some(&b"500"[..])), (&b"tea"[..], Some(&b"20"[..]))]);
    let root = tree.root();
    // A leaf that exists, but not on the way of the key that is said to be absent.
    for (own, other) in [("jute", "tea"), ("tea", "jute")] {
        let honest = tree.prove(own.as_bytes());
        let stolen = tree.prove(other.as_bytes());
        let value = if other == "jute" { "500" } else { "20" };
        let place = Place::Other { path: path_of(other.as_bytes()), value: value_hash(value.as_bytes()) };
        for siblings in [honest.siblings.clone(), stolen.siblings.clone(), vec![]] {
            assert!(!TreeProof { place, siblings }.holds(root, own.as_bytes(), None));
        }
    }
    let empty = TreeProof { place: Place::Empty, siblings: vec![] };
    assert!(empty.holds(Hash::ZERO, b"jute", None) && !empty.holds(root, b"jute", None));
    let endless = TreeProof { place: Place::Empty, siblings: vec![Hash::ZERO; 257] };
    assert!(!endless.holds(root, b"jute", None));
}
