//! What a chain knows: bytes by key, read through one narrow trait and written through another.

use std::collections::BTreeMap;

/// Reads state.
pub trait Read {
    /// The value of `key`, if it has one.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// Visits every key that begins with `prefix` and is at or after `from`, in ascending order, until `visit`
    /// says `false`.
    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool);
}

/// Writes state.
pub trait Write: Read {
    /// Sets or, with `None`, removes a value.
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>);
}

/// State in memory: for tests, and for whoever replays a short chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl Read for MemoryState {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        let start = prefix.max(from);
        for (key, value) in self.0.range(start.to_vec()..) {
            if !key.starts_with(prefix) || !visit(key, value) {
                return;
            }
        }
    }
}

impl Write for MemoryState {
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.0.insert(key.to_vec(), value),
            None => self.0.remove(key),
        };
    }
}

/// The new value of a key, or `None` when it goes.
type Change = Option<Vec<u8>>;

/// Changes on top of a state that stays as it is until they are taken over: a block above the store. A part of
/// them, one transaction's, can be undone.
pub struct Staged<'a> {
    below: &'a dyn Read,
    changes: BTreeMap<Vec<u8>, Change>,
    /// What an attempt overwrote, in order: the key, and what `changes` had for it before.
    undo: Option<Vec<(Vec<u8>, Option<Change>)>>,
}

impl<'a> Staged<'a> {
    /// No changes yet above `below`.
    #[must_use]
    pub fn new(below: &'a dyn Read) -> Staged<'a> {
        Staged { below, changes: BTreeMap::new(), undo: None }
    }

    /// Begins an attempt: what is written from here on can be undone.
    pub(crate) fn attempt(&mut self) {
        self.undo = Some(Vec::new());
    }

    /// Ends the attempt and keeps what it wrote.
    pub(crate) fn keep(&mut self) {
        self.undo = None;
    }

    /// Ends the attempt as if it had written nothing.
    pub(crate) fn undo(&mut self) {
        for (key, before) in self.undo.take().unwrap_or_default().into_iter().rev() {
            match before {
                Some(change) => self.changes.insert(key, change),
                None => self.changes.remove(&key),
            };
        }
    }

    /// Every key that was written, with its last value, in ascending order.
    #[must_use]
    pub fn into_changes(self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        self.changes
    }
}

impl Read for Staged<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.changes.get(key) {
            Some(change) => change.clone(),
            None => self.below.get(key),
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        let start = prefix.max(from);
        let mut mine = self.changes.range(start.to_vec()..).peekable();
        let mut go_on = true;
        self.below.scan(prefix, from, &mut |key, value| {
            while let Some((own, change)) = mine.next_if(|(own, _)| own.as_slice() < key) {
                if let Some(own_value) = change
                    && !visit(own, own_value)
                {
                    go_on = false;
                    return false;
                }
            }
            go_on = match mine.next_if(|(own, _)| own.as_slice() == key) {
                Some((_, None)) => true,
                Some((_, Some(own_value))) => visit(key, own_value),
                None => visit(key, value),
            };
            go_on
        });
        if !go_on {
            return;
        }
        for (own, change) in mine {
            if !own.starts_with(prefix) {
                return;
            }
            if let Some(value) = change
                && !visit(own, value)
            {
                return;
            }
        }
    }
}

impl Write for Staged<'_> {
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let before = match self.changes.get_mut(key) {
            Some(change) => Some(std::mem::replace(change, value)),
            None => {
                self.changes.insert(key.to_vec(), value);
                None
            }
        };
        if let Some(undo) = &mut self.undo {
            undo.push((key.to_vec(), before));
        }
    }
}
