//! A disk that remembers what was synced, and of the rest what a crash leaves of it.

use borsh::BorshDeserialize;
use ledger::hash::encode;
use ledger::koma::Record;

use crate::dice::Dice;

/// A write-ahead log of one era: frames of a length (4 bytes) and a record.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    bytes: Vec<u8>,
    synced: usize,
}

impl Disk {
    /// Appends a record.
    pub fn write(&mut self, record: &Record) {
        let record = encode(record);
        let length = u32::try_from(record.len()).expect("a record is far shorter than 4 GB");
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(record);
    }

    /// Waits for the disk.
    pub fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    /// The power fails: of what was not synced any part may be lost, in the middle of a record too. Returns whether
    /// something was.
    pub fn crash(&mut self, dice: &mut Dice) -> bool {
        let before = self.bytes.len();
        self.bytes.truncate(self.synced + dice.index(before - self.synced + 1));
        self.synced = self.bytes.len();
        self.synced < before
    }

    /// Reads all whole records, and cuts off a torn one.
    pub fn read(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut at = 0;
        while let Some(length) = self.bytes.get(at..at + 4) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let Some(frame) = self.bytes.get(at + 4..at + 4 + length) else { break };
            let Ok(record) = Record::try_from_slice(frame) else { break };
            records.push(record);
            at += 4 + length;
        }
        self.bytes.truncate(at);
        self.synced = at;
        records
    }
}
