//! The block log against torn writes, rot and missing files.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::log::{Damage, Log, LogError, Torn, fuzz_segment};
use ledger::{Hash, Height};
use proptest::prelude::*;

const CHAIN: Hash = Hash([7; 32]);

fn payload(height: u64) -> Vec<u8> {
    // The third record looks like a frame inside, to lead a careless scan astray.
    let mut bytes = format!("block {height} ").into_bytes();
    bytes.extend_from_slice(b"PMTR");
    bytes.resize(40 + usize::try_from(height).unwrap(), b'.');
    bytes
}

fn write(dir: &Path, records: u64, segment_bytes: u64) {
    let (mut log, _) = Log::open(dir, CHAIN, segment_bytes).unwrap();
    for height in log.len()..records {
        log.append(&payload(height)).unwrap();
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn check(log: &Log, records: u64) {
    assert_eq!(log.len(), records);
    for height in 0..records {
        assert_eq!(log.read(Height(height)).unwrap(), Some(payload(height)));
    }
    assert_eq!(log.read(Height(records)).unwrap(), None);
}

#[test]
fn records_come_back_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    for records in [1, 2, 9, 10, 30] {
        write(dir.path(), records, 300);
        let (log, torn) = Log::open(dir.path(), CHAIN, 300).unwrap();
        assert_eq!(torn, Torn::default());
        check(&log, records);
    }
    assert!(segments(dir.path()).len() > 5);
    assert_eq!(segments(dir.path())[0].file_name().unwrap(), "00000000000000000000.log");
}

#[test]
fn a_log_begins_below_folders_that_are_not_there_yet_but_not_below_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("network").join("payment").join("log");
    write(&deep, 2, 300);
    check(&Log::open(&deep, CHAIN, 300).unwrap().0, 2);
    let file = dir.path().join("network").join("file");
    fs::write(&file, "no folder").unwrap();
    for below in [file.join("log"), file] {
        let refused = Log::open(&below, CHAIN, 300).unwrap_err();
        assert!(matches!(&refused, LogError::Disk { path, .. } if *path == below), "{refused}");
    }
}

#[test]
fn a_kill_at_any_byte_of_the_last_write_costs_that_record_only() {
    for segment_bytes in [1, 300, 1 << 20] {
        let whole = tempfile::tempdir().unwrap();
        write(whole.path(), 5, segment_bytes);
        let before = tempfile::tempdir().unwrap();
        write(before.path(), 4, segment_bytes);
        let last = segments(whole.path()).pop().unwrap();
        let bytes = fs::read(&last).unwrap();
        let kept = fs::read(before.path().join(last.file_name().unwrap())).map_or(0, |bytes| bytes.len());
        for end in kept..bytes.len() {
            // Cut short, or as long as it was to be but with zeroes where the disk did not get.
            // (the head of a segment is on disk before its first record is written).
            for tail in [0, if end < 52 { 52 } else { bytes.len() } - end] {
                let torn_bytes = [&bytes[..end], &vec![0; tail]].concat();
                fs::write(&last, &torn_bytes).unwrap();
                let same = torn_bytes == bytes;
                let (log, torn) = Log::open(whole.path(), CHAIN, segment_bytes).unwrap();
                check(&log, if same { 5 } else { 4 });
                let headed = torn_bytes.get(..52) == Some(&bytes[..52]);
                let kept = if headed { kept.max(52) } else { 0 };
                assert_eq!(torn.bytes, if same { 0 } else { (torn_bytes.len() - kept) as u64 });
                drop(log);
                write(whole.path(), 5, segment_bytes);
                check(&Log::open(whole.path(), CHAIN, segment_bytes).unwrap().0, 5);
            }
        }
    }
}

#[test]
fn rot_before_the_last_record_is_named_with_segment_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 12, 300);
    let paths = segments(dir.path());
    let last_path = paths.last().unwrap();
    for path in &paths {
        let honest = fs::read(path).unwrap();
        for at in 0..honest.len() {
            let mut bytes = honest.clone();
            bytes[at] ^= 0x10;
            fs::write(path, &bytes).unwrap();
            match Log::open(dir.path(), CHAIN, 300) {
                Err(LogError::Damaged { segment, offset, .. }) => {
                    assert_eq!(&segment, path);
                    assert!(offset <= at as u64, "damage at {at} is not after {offset}");
                }
                Err(other) => unreachable!("byte {at}: {other}"),
                // In the very last record rot cannot be told from a torn write.
                Ok((log, torn)) => {
                    assert_eq!((path, log.len()), (last_path, 11));
                    assert!(torn.bytes > 0);
                }
            }
            fs::write(path, &honest).unwrap();
        }
    }
    check(&Log::open(dir.path(), CHAIN, 300).unwrap().0, 12);
}

#[test]
fn rot_after_opening_shows_when_the_record_is_read() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 3, 1 << 20);
    let (log, _) = Log::open(dir.path(), CHAIN, 1 << 20).unwrap();
    let path = &segments(dir.path())[0];
    let mut bytes = fs::read(path).unwrap();
    let at = 52 + 24 + payload(0).len() + 24;
    bytes[at] ^= 1;
    fs::write(path, &bytes).unwrap();
    assert_eq!(log.read(Height(0)).unwrap(), Some(payload(0)));
    let Err(LogError::Damaged { offset, reason, .. }) = log.read(Height(1)) else { unreachable!() };
    assert_eq!((offset, reason), (at as u64 - 24, Damage::Payload));
}

#[test]
fn missing_foreign_and_headless_segments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 12, 300);
    let paths = segments(dir.path());
    assert!(matches!(
        Log::open(dir.path(), Hash([8; 32]), 300),
        Err(LogError::OtherChain { found, .. }) if found == CHAIN
    ));
    let honest = fs::read(&paths[1]).unwrap();
    fs::write(&paths[1], &honest[..30]).unwrap();
    assert!(matches!(
        Log::open(dir.path(), CHAIN, 300),
        Err(LogError::Damaged { offset: 0, reason: Damage::Head, .. })
    ));
    fs::remove_file(&paths[1]).unwrap();
    let gap = Log::open(dir.path(), CHAIN, 300).unwrap_err();
    assert!(matches!(&gap, LogError::Gap { segment, .. } if *segment == paths[2]), "{gap}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_scanned_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_segment(&bytes);
    }
}
