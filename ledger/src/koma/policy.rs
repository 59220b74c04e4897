//! At which threshold an era executes, and when outside effects stop.
//!
//! Executed state is never undone, so the threshold only ever rises within an era. What a client or a rule asks for
//! beyond it delays outside effects alone: the word "settled", the release of goods.

use borsh::{BorshDeserialize, BorshSerialize};

use super::era::Era;
use super::validators::Validators;
use crate::key::PublicKey;
use crate::moment::Timestamp;

/// How the members run the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Mode {
    /// At the classical grade.
    Classical,
    /// One owner runs all validators, as the genesis says: against crashes alone.
    SingleOwner,
    /// Low while all is well, as the members voted.
    Adaptive {
        /// The threshold while all is well, below the classical one.
        low: u64,
        /// For how long blocks may go without the classical grade, in milliseconds: a partition shows no evidence before
        /// it heals.
        within_ms: u64,
        /// By how much the threshold exceeds the weight of proven cheats.
        margin: u64,
    },
}

/// What people have to decide upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// More weight cheated than the classical grade bears.
    Excess {
        /// The weight that provably equivocated.
        weight: u64,
        /// The most that the classical grade bears.
        bears: u64,
    },
    /// Two competing blocks are final: executed state may not be what others executed.
    Conflict {
        /// The threshold of the later finding.
        threshold: u64,
    },
}

/// The policy of one era.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    classical: u64,
    most: u64,
    threshold: u64,
    halted: bool,
    last_classical: Timestamp,
}

impl Policy {
    /// The policy of an era as it begins.
    #[must_use]
    pub fn new(mode: Mode, era: &Era) -> Policy {
        let validators = &era.validators;
        let threshold = Policy::base(mode, validators, era.strict);
        let (classical, most) = (validators.classical(), validators.total() - 1);
        Policy { mode, classical, most, threshold, halted: false, last_classical: era.start }
    }

    /// The threshold at which an era begins to execute: the least that its seals claim.
    #[must_use]
    pub fn base(mode: Mode, validators: &Validators, strict: bool) -> u64 {
        let classical = validators.classical();
        match mode {
            Mode::Classical => classical,
            Mode::SingleOwner => 0,
            Mode::Adaptive { .. } if strict => classical,
            Mode::Adaptive { low, .. } => low.min(classical),
        }
    }

    /// The threshold at which an era executes from the block on that follows evidence on record: against validators of
    /// `weight` in all. It is the same at every node, and what seals from there on claim.
    #[must_use]
    pub fn on_record(mode: Mode, validators: &Validators, strict: bool, weight: u64) -> u64 {
        let base = Policy::base(mode, validators, strict);
        if weight == 0 {
            return base;
        }
        base.max(raised(mode, validators.classical(), validators.total(), weight))
    }

    /// The lowest grade that a seal of `members` in `mode` may claim. Where one outweighs all others together it decides
    /// alone, and no grade means anything.
    #[must_use]
    pub fn least(mode: Mode, members: &[(PublicKey, u64)]) -> u64 {
        let total: u128 = members.iter().map(|(_, weight)| u128::from(*weight)).sum();
        if members.iter().any(|(_, weight)| 2 * u128::from(*weight) > total) {
            return 0;
        }
        Validators::new(members.to_vec())
            .map_or(u64::MAX, |validators| Policy::base(mode, &validators, false))
    }

    /// The threshold at which blocks are executed now.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Whether outside effects have stopped.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Time passes; returns whether the threshold rose.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        match self.mode {
            Mode::Adaptive { within_ms, .. } if self.last_classical.plus_ms(within_ms) <= now => {
                self.raise(self.classical)
            }
            Mode::Adaptive { .. } | Mode::Classical | Mode::SingleOwner => false,
        }
    }

    /// When [`Policy::tick`] may next raise the threshold.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self.mode {
            Mode::Adaptive { within_ms, .. } if self.threshold < self.classical => {
                Some(self.last_classical.plus_ms(within_ms))
            }
            Mode::Adaptive { .. } | Mode::Classical | Mode::SingleOwner => None,
        }
    }

    /// A block reached the classical grade, or there is nothing that could: an idle chain is not a partition.
    pub fn classical_at(&mut self, now: Timestamp) {
        self.last_classical = self.last_classical.max(now);
    }

    /// Weight of `weight` in all has provably cheated.
    pub fn evidence(&mut self, weight: u64) -> Option<Alarm> {
        self.raise(raised(self.mode, self.classical, self.most + 1, weight));
        if weight <= self.classical {
            return None;
        }
        self.halted = true;
        Some(Alarm::Excess { weight, bears: self.classical })
    }

    /// Two competing blocks are final.
    pub fn conflict(&mut self, threshold: u64) -> Alarm {
        self.halted = true;
        Alarm::Conflict { threshold }
    }

    /// Raises the threshold, as evidence on record asks of all nodes; returns whether it rose.
    pub fn raise(&mut self, threshold: u64) -> bool {
        let threshold = threshold.min(self.most);
        let rises = threshold > self.threshold;
        self.threshold = self.threshold.max(threshold);
        rises
    }
}

/// The threshold that cheats of `weight` among `total` ask for: by the margin of the mode more than they weigh. As long as
/// the classical grade bears them, it is no more than the others can reach by themselves, which takes more than half of all
/// weight and threshold together; else one cheat and a generous margin would stop a chain for good. Beyond that nothing is
/// sure, and the chain waits for people.
fn raised(mode: Mode, classical: u64, total: u64, weight: u64) -> u64 {
    let asked = weight.saturating_add(margin(mode));
    let reachable = total.saturating_sub(weight.saturating_mul(2).saturating_add(1));
    classical.max(if weight <= classical { asked.min(reachable) } else { asked }).min(total - 1)
}

/// By how much the threshold exceeds the weight of proven cheats.
const fn margin(mode: Mode) -> u64 {
    match mode {
        Mode::Adaptive { margin, .. } => margin,
        Mode::Classical | Mode::SingleOwner => 0,
    }
}
