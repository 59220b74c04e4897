//! Where a ledger keeps a copy of its state, so that it opens without replaying the whole log. The log is the
//! truth; what a store holds may be old, or lost, or damaged, and is then made again.
//!
//! The state itself is in memory while a ledger is open. The seam is narrow on purpose: a batch goes in whole, and
//! everything comes out once.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::hash::Hash;
use crate::moment::Height;

/// Every key that changed, with its new value, or `None` when it goes.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
/// A whole state.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A copy of a chain's state at some height.
pub trait Store: Send {
    /// The copy: its height and its entries; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when it is there but cannot be read.
    fn load(&self) -> Result<Option<(Height, Entries)>, StoreError>;

    /// Takes over what changed since the last height, all or nothing, and returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    fn save(&mut self, height: Height, changes: &Changes) -> Result<(), StoreError>;

    /// Forgets everything.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// Why a store is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says so.
    #[error("the state database fails")]
    Database(#[from] sled::Error),
    /// The database gave up in the middle of its work.
    #[error("the state database gave up")]
    Panicked,
    /// It belongs to another chain.
    #[error("the state database belongs to another chain")]
    OtherChain,
    /// A version that this program does not know, or bytes that this program did not write.
    #[error("the state database was written by another program")]
    Foreign,
}

/// A store in memory, for tests. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(std::sync::Arc<Mutex<Option<(Height, Entries)>>>);

impl Store for MemoryStore {
    fn load(&self) -> Result<Option<(Height, Entries)>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&mut self, height: Height, changes: &Changes) -> Result<(), StoreError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (held_height, entries) = held.get_or_insert_default();
        *held_height = height;
        for (key, value) in changes {
            match value {
                Some(value) => entries.insert(key.clone(), value.clone()),
                None => entries.remove(key),
            };
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

const STATE: u8 = b's';
const HEAD: &[u8] = b"head";
const VERSION: u8 = 1;
/// sled keeps this much of its pages in memory; it only ever serves one scan at opening.
const CACHE_BYTES: u64 = 8 << 20;
/// How often, and how far apart, a folder is tried again that a store which was just dropped still holds.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(40);

/// A store in sled. One tree; state keys behind the byte `s`; under `head` a version byte, the chain and the height
/// (8 bytes, little-endian), written in the same batch as the state that they are of.
#[derive(Debug)]
pub struct SledStore {
    db: sled::Db,
    chain: Hash,
}

/// sled may panic where it should return an error; both count as a broken store.
fn guard<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Panicked))
}

impl SledStore {
    /// Opens or begins the store of `chain` in `dir`.
    ///
    /// # Errors
    /// [`StoreError`] when the directory holds something else or something broken.
    pub fn open(dir: &Path, chain: Hash) -> Result<SledStore, StoreError> {
        guard(|| {
            let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            // sled lets go of its files a moment after it was dropped, on a thread of its own.
            let mut opened = config.open();
            for _ in 0..LOCK_TRIES {
                if !matches!(&opened, Err(sled::Error::Io(error)) if error.kind() == ErrorKind::Other) {
                    break;
                }
                std::thread::sleep(LOCK_PAUSE);
                opened = config.open();
            }
            Ok(SledStore { db: opened?, chain })
        })
    }

    fn head(&self, height: Height) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.chain.0);
        bytes.extend_from_slice(&height.0.to_le_bytes());
        bytes
    }

    fn read_head(&self, bytes: &[u8]) -> Result<Height, StoreError> {
        let height = bytes.get(33..).and_then(|tail| <[u8; 8]>::try_from(tail).ok());
        match (bytes.first(), height) {
            (Some(&VERSION), Some(_)) if bytes[1..33] != self.chain.0 => Err(StoreError::OtherChain),
            (Some(&VERSION), Some(height)) => Ok(Height(u64::from_le_bytes(height))),
            _ => Err(StoreError::Foreign),
        }
    }
}

fn state_key(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(STATE);
    bytes.extend_from_slice(key);
    bytes
}

impl Store for SledStore {
    fn load(&self) -> Result<Option<(Height, Entries)>, StoreError> {
        guard(|| {
            let Some(head) = self.db.get(HEAD)? else { return Ok(None) };
            let height = self.read_head(&head)?;
            let mut entries = Vec::new();
            for entry in self.db.scan_prefix([STATE]) {
                let (key, value) = entry?;
                entries.push((key[1..].to_vec(), value.to_vec()));
            }
            Ok(Some((height, entries.into_iter().collect())))
        })
    }

    fn save(&mut self, height: Height, changes: &Changes) -> Result<(), StoreError> {
        guard(|| {
            let mut batch = sled::Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => batch.insert(state_key(key), value.as_slice()),
                    None => batch.remove(state_key(key)),
                }
            }
            batch.insert(HEAD, self.head(height));
            self.db.apply_batch(batch)?;
            self.db.flush()?;
            Ok(())
        })
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        guard(|| {
            self.db.clear()?;
            self.db.flush()?;
            Ok(())
        })
    }
}
