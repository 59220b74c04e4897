//! Where and when: sub-chains, heights, timestamps.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// One of the three chains that run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum SubChain {
    /// Who trades.
    Identity = 0,
    /// What is traded.
    Data = 1,
    /// Value.
    Payment = 2,
}

impl SubChain {
    /// All three, in order.
    pub const ALL: [SubChain; 3] = [SubChain::Identity, SubChain::Data, SubChain::Payment];

    /// Its name in lower case: `identity`, `data`, `payment`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SubChain::Identity => "identity",
            SubChain::Data => "data",
            SubChain::Payment => "payment",
        }
    }
}

impl fmt::Display for SubChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for SubChain {
    type Err = UnknownChain;
    fn from_str(text: &str) -> Result<SubChain, UnknownChain> {
        SubChain::ALL.into_iter().find(|chain| chain.name() == text).ok_or(UnknownChain)
    }
}

/// A name that is none of the three chains'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected identity, data or payment")]
pub struct UnknownChain;

/// The position of a block in its chain; the genesis state has height 0, the first block height 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Height(pub u64);

impl Height {
    /// The height after this one.
    #[must_use]
    pub const fn next(self) -> Height {
        Height(self.0.saturating_add(1))
    }

    /// The height `blocks` later.
    #[must_use]
    pub const fn plus(self, blocks: u64) -> Height {
        Height(self.0.saturating_add(blocks))
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Chain time: milliseconds since 1970-01-01T00:00Z, as a block's proposer stated it. Deadlines are half-open:
/// `at >= deadline` is late.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// One day in milliseconds.
    pub const DAY_MS: u64 = 86_400_000;

    /// The moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Whole days since the epoch, rounded down: the day that a quota counts.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / Self::DAY_MS
    }
}
