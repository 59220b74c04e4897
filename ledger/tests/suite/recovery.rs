//! What a chain survives: lost and broken copies of its state, and a kill at any moment.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::store::{Changes, MemoryStore, SledStore, Store, StoreError};
use ledger::{Address, Genesis, Hash, Height, Ledger, OpenError, Options, SubChain, Timestamp};

use crate::common::*;

const CHAIN: SubChain = SubChain::Payment;

fn options(dir: &Path, flush_every: u64) -> Options {
    Options { flush_every, ..Options::at(dir, validator()) }
}

/// Makes blocks up to `height` and returns the state root after each height.
fn trade(ledger: &Ledger, height: u64) -> Vec<Hash> {
    while ledger.height() < Height(height) {
        ledger.submit(pay(ledger, &alice(), &bob(), 1)).unwrap();
        ledger.submit(tell(ledger, &bob(), SubChain::Data, "paid")).unwrap();
        ledger.step(Timestamp(2_000)).unwrap().unwrap();
    }
    let root = |height| ledger.committed(Height(height)).unwrap().unwrap().seal.claim.state_root;
    (0..=height).map(root).collect()
}

/// Ends the process as a kill would: nothing more is written, the lock is gone.
fn kill(ledger: Ledger, dir: &Path) -> tempfile::TempDir {
    let after = tempfile::tempdir().unwrap();
    copy(dir, after.path());
    drop(ledger);
    after
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn segment(dir: &Path) -> PathBuf {
    let mut paths: Vec<_> =
        fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.pop().unwrap()
}

#[test]
fn a_lost_copy_of_the_state_is_made_again_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let roots = trade(&open(CHAIN, options(dir.path(), 4)), 10);
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    let ledger = open(CHAIN, options(dir.path(), 4));
    assert_eq!((ledger.recovery().from_store, ledger.recovery().replayed), (None, 10));
    assert_eq!(trade(&ledger, 10), roots);
    assert_eq!(held(&ledger, &bob()), 1010);
    assert_eq!(ledger.verify_all().unwrap().state_root, roots[10]);
}

#[test]
fn after_a_kill_only_the_blocks_behind_the_copy_are_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(CHAIN, options(dir.path(), 4));
    let roots = trade(&ledger, 10);
    let after = kill(ledger, dir.path());
    let ledger = open(CHAIN, options(after.path(), 4));
    // How far the copy got is a matter of luck: it is written beside the blocks, not before them.
    let Height(copied) = ledger.recovery().from_store.unwrap_or_default();
    assert!(copied <= 10);
    assert_eq!(ledger.recovery().replayed, 10 - copied);
    assert_eq!(trade(&ledger, 12)[..=10], roots);
    drop(ledger);
    assert_eq!(open(CHAIN, options(after.path(), 4)).recovery().from_store, Some(Height(12)));
}

#[test]
fn a_kill_at_any_byte_of_the_last_block_goes_back_to_the_block_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(CHAIN, options(dir.path(), 100));
    let roots = trade(&ledger, 3);
    let kept = fs::metadata(segment(dir.path())).unwrap().len();
    trade(&ledger, 4);
    let after = kill(ledger, dir.path());
    let bytes = fs::read(segment(after.path())).unwrap();
    for end in usize::try_from(kept).unwrap()..bytes.len() {
        fs::write(segment(after.path()), &bytes[..end]).unwrap();
        let held = MemoryStore::default();
        let reopen = || {
            let store: Box<dyn Store> = Box::new(held.clone());
            Ledger::open_with(coins(CHAIN), &genesis(), options(after.path(), 100), Some(store), engine())
                .unwrap()
        };
        let ledger = reopen();
        assert_eq!(ledger.recovery().torn_bytes, end as u64 - kept);
        assert_eq!((ledger.height(), ledger.recovery().replayed), (Height(3), 3));
        assert_eq!(ledger.head().seal.claim.state_root, roots[3]);
        drop(ledger);
        assert_eq!(reopen().recovery().from_store, Some(Height(3)));
    }
}

#[test]
fn a_tampered_or_broken_copy_is_thrown_away() {
    let dir = tempfile::tempdir().unwrap();
    let roots = trade(&open(CHAIN, options(dir.path(), 4)), 8);
    let id = genesis().chain_id(CHAIN);
    {
        let mut store = SledStore::open(&dir.path().join("state"), id).unwrap();
        let rich = BALANCES.key(&alice().public().address());
        let change = Changes::from([(rich, Some(1_000_000u128.to_le_bytes().to_vec()))]);
        store.save(Height(8), &change).unwrap();
    }
    let ledger = open(CHAIN, options(dir.path(), 4));
    assert_eq!(ledger.recovery().store_fault.as_deref(), Some("its state root is not the sealed one"));
    assert_eq!((held(&ledger, &alice()), ledger.recovery().replayed), (992, 8));
    drop(ledger);
    for entry in fs::read_dir(dir.path().join("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::write(path, vec![0xA5; 10_000]).unwrap();
        }
    }
    let ledger = open(CHAIN, options(dir.path(), 4));
    assert_eq!(ledger.recovery().from_store, None);
    assert_eq!(trade(&ledger, 8), roots);
}

/// A store whose disk is full.
struct FullDisk;

impl Store for FullDisk {
    fn load(&self) -> Result<Option<(Height, ledger::store::Entries)>, StoreError> {
        Err(StoreError::Foreign)
    }
    fn save(&mut self, _: Height, _: &Changes) -> Result<(), StoreError> {
        Err(StoreError::Panicked)
    }
    fn clear(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Panicked)
    }
}

#[test]
fn a_chain_goes_on_without_its_copy() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        Ledger::open_with(
            coins(CHAIN),
            &genesis(),
            options(dir.path(), 2),
            Some(Box::new(FullDisk)),
            engine(),
        )
        .unwrap()
    };
    let ledger = open();
    let roots = trade(&ledger, 9);
    assert_eq!(ledger.flush().unwrap_err().to_string(), "the state database gave up");
    assert_eq!(ledger.store_fault(), ledger.flush().err());
    drop(ledger);
    assert_eq!(trade(&open(), 9), roots);
}

#[test]
fn a_copy_of_another_chain_is_not_taken_for_ours() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::open(dir.path(), Hash([1; 32])).unwrap();
    store.save(Height(0), &Changes::from([(b"k".to_vec(), Some(b"v".to_vec()))])).unwrap();
    let (height, entries) = store.load().unwrap().unwrap();
    assert_eq!((height, entries[&b"k"[..]].as_slice()), (Height(0), &b"v"[..]));
    drop(store);
    let other = SledStore::open(dir.path(), Hash([2; 32])).unwrap();
    assert!(matches!(other.load(), Err(StoreError::OtherChain)));
}

#[test]
fn a_log_that_lost_acknowledged_blocks_is_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    trade(&open(CHAIN, options(dir.path(), 1)), 3);
    let kept = fs::read(segment(dir.path())).unwrap();
    trade(&open(CHAIN, options(dir.path(), 1)), 5);
    fs::write(segment(dir.path()), kept).unwrap();
    let refused = Ledger::open(coins(CHAIN), &genesis(), options(dir.path(), 1)).err().unwrap();
    assert!(matches!(refused, OpenError::Behind { log: Height(3), store: Height(5) }), "{refused}");
}

#[test]
fn one_directory_one_network_one_process_one_set_of_rules() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(CHAIN, options(dir.path(), 1));
    trade(&ledger, 2);
    let refusal = |app, genesis: &Genesis, options| Ledger::open(app, genesis, options).err().unwrap();
    assert!(matches!(refusal(coins(CHAIN), &genesis(), options(dir.path(), 1)), OpenError::InUse(_)));
    drop(ledger);
    let other = Genesis::new(Timestamp(1_001), genesis().validators, [b"", b"", b""]).unwrap();
    assert!(matches!(refusal(coins(CHAIN), &other, options(dir.path(), 1)), OpenError::Log(_)));
    let stranger = Options { validator: person(9), ..options(dir.path(), 1) };
    assert!(matches!(refusal(coins(CHAIN), &genesis(), stranger), OpenError::Validator(_)));
    let generous = std::sync::Arc::new(Coins { chain: CHAIN, owners: vec![Address([1; 20])] });
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    let refused = refusal(generous, &genesis(), options(dir.path(), 1));
    assert!(matches!(&refused, OpenError::Replay(error) if error.height == Height(0)), "{refused}");
}
