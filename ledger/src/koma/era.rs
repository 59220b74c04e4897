//! What holds for an era: who decides, at what pace, and when it ends. Every era is an instance of its own; nothing
//! said in one counts in another.

use std::collections::BTreeSet;

use super::validators::{Member, Validators};
use crate::hash::{Hash, Hasher, Tag};
use crate::moment::{Height, Timestamp};

/// How fast an era runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The shortest round in milliseconds, at least 3: three times the expected delay of a message.
    pub round_ms: u64,
    /// The longest round is the shortest times two to this power; at most 32.
    pub max_exponent: u8,
}

/// When an era ends: with the first block that has both this height and this time, or is so late that neither counts any
/// more. It has no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Blocks after the root, at least 1.
    pub min_blocks: u64,
    /// Milliseconds after the start.
    pub min_ms: u64,
    /// Milliseconds after the start from which on any block ends the era.
    pub most_ms: u64,
}

impl End {
    /// An era that goes on for ever.
    pub const NEVER: End = End { min_blocks: u64::MAX, min_ms: u64::MAX, most_ms: u64::MAX };

    /// Whether a block so many blocks and milliseconds after the root is the last.
    #[must_use]
    pub fn reached(&self, blocks: u64, ms: u64) -> bool {
        blocks >= self.min_blocks && ms >= self.min_ms || ms >= self.most_ms
    }
}

/// An era.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era {
    /// The chain's name.
    pub chain: Hash,
    /// Counted from 0.
    pub number: u64,
    /// Who decides.
    pub validators: Validators,
    /// Who may not lead, because it equivocated before.
    pub banned: BTreeSet<Member>,
    /// When the first round begins.
    pub start: Timestamp,
    /// What leaders are drawn with.
    pub seed: Hash,
    /// The block on which the era builds: the genesis, or the last block of the era before.
    pub root: Hash,
    /// Its height.
    pub root_height: Height,
    /// How fast.
    pub pace: Pace,
    /// How long.
    pub end: End,
    /// Whether it begins at the classical grade at least, whatever the mode.
    pub strict: bool,
}

/// How often a draw is repeated before the first validator that is not banned takes the slot.
const DRAWS: u64 = 256;

impl Era {
    /// How long rounds with this exponent last, in milliseconds.
    #[must_use]
    pub fn round_ms(&self, exponent: u8) -> u64 {
        self.pace.round_ms.max(3).saturating_mul(1 << exponent.min(32))
    }

    /// The start of the round with this exponent that holds `at`; the start of the era for what is before it.
    #[must_use]
    pub fn round_start(&self, at: Timestamp, exponent: u8) -> Timestamp {
        let since = at.0.saturating_sub(self.start.0);
        self.start.plus_ms(since - since % self.round_ms(exponent))
    }

    /// The start of the first round with this exponent at or after `at`.
    #[must_use]
    pub fn next_start(&self, at: Timestamp, exponent: u8) -> Timestamp {
        let start = self.round_start(at, exponent);
        if start >= at { start } else { start.plus_ms(self.round_ms(exponent)) }
    }

    /// Who leads the rounds that begin at `start`: drawn by weight from the seed. A draw that hits a banned validator is
    /// repeated for this start alone, so that no other round gets another leader.
    #[must_use]
    pub fn leader(&self, start: Timestamp) -> Member {
        let slot = start.0.saturating_sub(self.start.0) / self.pace.round_ms.max(3);
        let drawn = (0..DRAWS).map(|draw| self.draw(slot, draw)).find(|member| !self.banned.contains(member));
        drawn
            .or_else(|| self.validators.all().find(|member| !self.banned.contains(member)))
            .unwrap_or_else(|| self.draw(slot, 0))
    }

    /// The validator that a number between 0 and the total weight hits. With 128 bits drawn, no validator gains more
    /// than 2^-65 by the remainder.
    fn draw(&self, slot: u64, draw: u64) -> Member {
        let hasher = Hasher::new(Tag::Leader).chain(&self.seed.0);
        let Hash(bytes) = hasher.chain(&slot.to_le_bytes()).chain(&draw.to_le_bytes()).finish();
        let drawn = u128::from_le_bytes(*bytes.first_chunk().expect("16 of 32 bytes"));
        let mut rest = drawn % u128::from(self.validators.total());
        for member in self.validators.all() {
            let weight = u128::from(self.validators.weight(member));
            if rest < weight {
                return member;
            }
            rest -= weight;
        }
        unreachable!("the remainder is below the sum of the weights")
    }

    /// Whether a block of this height and time ends the era.
    #[must_use]
    pub fn ends_with(&self, height: Height, time: Timestamp) -> bool {
        self.end.reached(height.0.saturating_sub(self.root_height.0), time.0.saturating_sub(self.start.0))
    }
}
