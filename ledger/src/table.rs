//! Types for state: a [`Table`] maps keys to values under a one-byte prefix, a [`Cell`] is a table of one.
//!
//! ```
//! use ledger::{MemoryState, Table};
//! const STOCK: Table<u64, u128> = Table::new(b's');
//! let mut state = MemoryState::default();
//! STOCK.put(&mut state, &7, &500);
//! assert_eq!(STOCK.get(&state, &7), Some(500));
//! assert_eq!(STOCK.all(&state), vec![(7, 500)]);
//! ```

use std::marker::PhantomData;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Hash, encode};
use crate::key::{Address, PublicKey};
use crate::moment::{Height, SubChain, Timestamp};
use crate::state::{Read, Write};

/// A key whose bytes sort as its values do, and of which no one's bytes begin another's.
pub trait Key: Sized {
    /// Appends the bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes a key off the front of `bytes`.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

macro_rules! integer_key {
    ($($type:ty)*) => {$(
        impl Key for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (head, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$type>::from_be_bytes(*head))
            }
        }
    )*};
}
integer_key!(u8 u16 u32 u64 u128);

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(*head)
    }
}

impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

/// Makes a newtype over a [`Key`] a key itself.
#[macro_export]
macro_rules! newtype_key {
    ($($type:ident)*) => {$(
        impl $crate::Key for $type {
            fn write(&self, out: &mut Vec<u8>) {
                $crate::Key::write(&self.0, out);
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                $crate::Key::read(bytes).map($type)
            }
        }
    )*};
}
newtype_key!(Hash Address PublicKey Height Timestamp);

impl Key for SubChain {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let number = u8::read(bytes)?;
        SubChain::ALL.into_iter().find(|chain| *chain as u8 == number)
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}

/// Values of one type under one prefix byte. Prefixes `0..=31` belong to the ledger, the rest to the chain.
pub struct Table<K, V> {
    prefix: u8,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: BorshSerialize + BorshDeserialize> Table<K, V> {
    /// The table under `prefix`.
    #[must_use]
    pub const fn new(prefix: u8) -> Table<K, V> {
        Table { prefix, types: PhantomData }
    }

    /// The state key of `key`: what a proof about it is over.
    #[must_use]
    pub fn key(&self, key: &impl Key) -> Vec<u8> {
        let mut bytes = vec![self.prefix];
        key.write(&mut bytes);
        bytes
    }

    /// The value of `key`, if it has one.
    #[must_use]
    pub fn get<S: Read + ?Sized>(&self, state: &S, key: &K) -> Option<V> {
        state.get(&self.key(key)).map(|bytes| decode(&bytes))
    }

    /// Whether `key` has a value.
    #[must_use]
    pub fn has<S: Read + ?Sized>(&self, state: &S, key: &K) -> bool {
        state.get(&self.key(key)).is_some()
    }

    /// Sets the value of `key`.
    pub fn put<S: Write + ?Sized>(&self, state: &mut S, key: &K, value: &V) {
        state.set(&self.key(key), Some(encode(value)));
    }

    /// Removes `key`.
    pub fn remove<S: Write + ?Sized>(&self, state: &mut S, key: &K) {
        state.set(&self.key(key), None);
    }

    /// Visits all entries whose key begins with `part` (`&()` for all), in ascending order of key, until `visit`
    /// says `false`.
    pub fn scan<S: Read + ?Sized>(&self, state: &S, part: &impl Key, mut visit: impl FnMut(K, V) -> bool) {
        let prefix = self.key(part);
        state.scan(&prefix, &prefix, &mut |key, value| {
            let mut rest = &key[1..];
            let key = K::read(&mut rest).expect("this table wrote the key");
            visit(key, decode(value))
        });
    }

    /// The first entry whose key begins with `part`.
    #[must_use]
    pub fn first<S: Read + ?Sized>(&self, state: &S, part: &impl Key) -> Option<(K, V)> {
        let mut first = None;
        self.scan(state, part, |key, value| {
            first = Some((key, value));
            false
        });
        first
    }

    /// Like [`Table::scan`] over the whole table, from `first` on.
    pub fn scan_from<S: Read + ?Sized>(&self, state: &S, first: &K, mut visit: impl FnMut(K, V) -> bool) {
        state.scan(&[self.prefix], &self.key(first), &mut |key, value| {
            let mut rest = &key[1..];
            let key = K::read(&mut rest).expect("this table wrote the key");
            visit(key, decode(value))
        });
    }

    /// Every entry, in ascending order of key. For small tables and tests.
    #[must_use]
    pub fn all<S: Read + ?Sized>(&self, state: &S) -> Vec<(K, V)> {
        self.under(state, &())
    }

    /// Every entry whose key begins with `part`, in ascending order of key.
    #[must_use]
    pub fn under<S: Read + ?Sized>(&self, state: &S, part: &impl Key) -> Vec<(K, V)> {
        let mut entries = Vec::new();
        self.scan(state, part, |key, value| {
            entries.push((key, value));
            true
        });
        entries
    }
}

fn decode<V: BorshDeserialize>(bytes: &[u8]) -> V {
    V::try_from_slice(bytes).expect("this table wrote the value")
}

/// One value under one prefix byte.
pub struct Cell<V>(Table<(), V>);

impl<V: BorshSerialize + BorshDeserialize> Cell<V> {
    /// The cell under `prefix`.
    #[must_use]
    pub const fn new(prefix: u8) -> Cell<V> {
        Cell(Table::new(prefix))
    }

    /// The value, if it was ever set.
    #[must_use]
    pub fn get<S: Read + ?Sized>(&self, state: &S) -> Option<V> {
        self.0.get(state, &())
    }

    /// Sets the value.
    pub fn put<S: Write + ?Sized>(&self, state: &mut S, value: &V) {
        self.0.put(state, &(), value);
    }

    /// Takes the value away.
    pub fn remove<S: Write + ?Sized>(&self, state: &mut S) {
        self.0.remove(state, &());
    }

    /// The state key: what a proof about it is over.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.0.key(&())
    }
}
