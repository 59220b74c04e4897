//! What an engine keeps of the eras that run: one log an era, whose records are what was kept from one point of no
//! return to the next, so that at most the last of them can be torn.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use borsh::BorshDeserialize;

use crate::hash::{Hash, encode};
use crate::log::{Log, LogError};
use crate::moment::Height;

/// What waits in memory is written at the latest when it has so many bytes.
const BUFFER_BYTES: usize = 4 << 20;

/// The journals of one chain.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: Option<PathBuf>,
    chain: Hash,
    segment_bytes: u64,
    logs: BTreeMap<u64, Log>,
    waiting: BTreeMap<u64, Vec<Vec<u8>>>,
    bytes: usize,
}

impl Journal {
    /// The journals under `dir`; in memory only without one.
    pub(crate) fn new(dir: Option<PathBuf>, chain: Hash, segment_bytes: u64) -> Journal {
        let (logs, waiting) = (BTreeMap::new(), BTreeMap::new());
        Journal { dir, chain, segment_bytes, logs, waiting, bytes: 0 }
    }

    fn path(&self, era: u64) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(format!("{era:020}")))
    }

    fn log(&mut self, era: u64) -> Result<&mut Log, LogError> {
        if !self.logs.contains_key(&era) {
            let log = match self.path(era) {
                Some(path) => Log::open(&path, self.chain, self.segment_bytes)?.0,
                None => Log::memory(),
            };
            self.logs.insert(era, log);
        }
        Ok(self.logs.get_mut(&era).expect("it was put there"))
    }

    /// What was kept of an era, in order; nothing when its journal is damaged, which is then put aside.
    pub(crate) fn read(&mut self, era: u64) -> Result<Vec<Vec<u8>>, LogError> {
        match self.records(era) {
            Ok(Some(records)) => return Ok(records),
            Err(fault @ LogError::Disk { .. }) => return Err(fault),
            Ok(None) | Err(_) => {}
        }
        self.logs.remove(&era);
        if let Some(path) = self.path(era) {
            let aside = path.with_extension("damaged");
            let _ = fs::remove_dir_all(&aside);
            fs::rename(&path, &aside).map_err(|source| LogError::Disk { path, source })?;
        }
        Ok(Vec::new())
    }

    fn records(&mut self, era: u64) -> Result<Option<Vec<Vec<u8>>>, LogError> {
        let log = self.log(era)?;
        let mut records = Vec::new();
        for at in (0..log.len()).map(Height) {
            let bytes = log.read(at)?.unwrap_or_default();
            let Ok(batch) = Vec::<Vec<u8>>::try_from_slice(&bytes) else { return Ok(None) };
            records.extend(batch);
        }
        Ok(Some(records))
    }

    /// Keeps `bytes`; with `sync`, all that was kept of the era is on disk when this returns.
    pub(crate) fn keep(&mut self, era: u64, bytes: Vec<u8>, sync: bool) -> Result<(), LogError> {
        self.bytes += bytes.len();
        self.waiting.entry(era).or_default().push(bytes);
        if sync {
            self.write(era)
        } else if self.bytes > BUFFER_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes all that waits.
    pub(crate) fn flush(&mut self) -> Result<(), LogError> {
        let eras: Vec<u64> = self.waiting.keys().copied().collect();
        eras.into_iter().try_for_each(|era| self.write(era))
    }

    fn write(&mut self, era: u64) -> Result<(), LogError> {
        let Some(batch) = self.waiting.remove(&era) else { return Ok(()) };
        self.bytes -= batch.iter().map(Vec::len).sum::<usize>();
        self.log(era)?.append(&encode(&batch))
    }

    /// Drops what was kept of eras before `era`. Should that fail, it takes room and nothing else.
    pub(crate) fn forget(&mut self, era: u64) {
        self.logs.retain(|known, _| *known >= era);
        self.waiting.retain(|known, _| *known >= era);
        self.bytes = self.waiting.values().flatten().map(Vec::len).sum();
        let Some(entries) = self.dir.as_ref().and_then(|dir| fs::read_dir(dir).ok()) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let number =
                path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
            if number.is_some_and(|number| number < era) {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
