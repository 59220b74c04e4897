//! Seeded draws. Everything random in this crate comes from here.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// A stream of draws that depends on nothing but its seed, its purpose and its number, so that the draws of
/// one purpose never shift those of another.
pub(crate) struct Dice(ChaCha12Rng);

/// What a stream of draws is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Companies = 1,
    Offers = 2,
    Story = 3,
    Decision = 4,
    Answer = 5,
    Lot = 6,
}

impl Dice {
    pub(crate) fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        key[16..24].copy_from_slice(&number.to_le_bytes());
        Self(ChaCha12Rng::from_seed(key))
    }

    /// A number below `bound`; 0 if `bound` is 0. The bias of the multiplication is under 2^-32 for the
    /// small bounds used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of a 128-bit product has 64 bits")
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `percent` of 100 draws.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index into a slice of `len` items; 0 if it is empty.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index below a usize fits a usize")
    }

    /// One item of a slice that is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}
