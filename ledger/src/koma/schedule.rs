//! A validator's rounds: when it proposes, confirms and bears witness, and how long its rounds last.
//!
//! A round of length R begins with the leader's proposal. Until R/3 a validator lets nothing into its graph but the
//! proposal and what it cites, so that its confirmation votes as the leader saw it; the rest waits at the door. It bears
//! witness at 2R/3, or at once when everybody who usually answers has confirmed. Safety does not depend on any of this.

use std::collections::BTreeSet;

use super::dag::{Seen, UnitIx};
use super::validators::Member;
use crate::moment::Timestamp;

/// The round that a validator is in.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) start: Timestamp,
    pub(super) length_ms: u64,
    pub(super) leader: Member,
    /// What the leader saw when it asked for a block.
    pub(super) asked: Option<Vec<Seen>>,
    pub(super) proposal: Option<UnitIx>,
    /// Whether only the proposal may come in.
    pub(super) shut: bool,
    pub(super) confirmed: bool,
    pub(super) witnessed: bool,
    /// Whose unit in this round has seen the proposal.
    pub(super) confirmations: BTreeSet<Member>,
    /// Whether a proposal of an earlier round came in it: many at once tell no more than one.
    pub(super) late: bool,
    /// When a quorum of units in this round had seen the proposal.
    pub(super) quorum_at: Option<Timestamp>,
}

impl Round {
    pub(super) fn new(start: Timestamp, length_ms: u64, leader: Member) -> Round {
        Round {
            start,
            length_ms,
            leader,
            asked: None,
            proposal: None,
            shut: false,
            confirmed: false,
            witnessed: false,
            confirmations: BTreeSet::new(),
            late: false,
            quorum_at: None,
        }
    }

    /// Until when a proposal is confirmed.
    pub(super) fn confirm_until(&self) -> Timestamp {
        self.start.plus_ms(self.length_ms / 3)
    }

    /// When to bear witness at the latest.
    pub(super) fn witness_at(&self) -> Timestamp {
        self.start.plus_ms(2 * self.length_ms / 3)
    }

    /// How it went; `None` when longer or shorter rounds would have changed nothing.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.quorum_at.map(|at| match at {
            at if at <= self.confirm_until() => Outcome::Early,
            at if at <= self.witness_at() => Outcome::Timely,
            _ => Outcome::Late,
        })
    }

    /// Whether a unit made at `timestamp` belongs to it.
    pub(super) fn holds(&self, timestamp: Timestamp) -> bool {
        self.start <= timestamp && timestamp < self.end()
    }

    /// When the next one begins.
    pub(super) fn end(&self) -> Timestamp {
        self.start.plus_ms(self.length_ms)
    }
}

/// After how many rounds in a row that would have fitted into half the time a shorter one is tried.
const PROBE_AFTER: u32 = 1;
/// The most such rounds before a shorter one is tried.
const PROBE_MOST: u32 = 256;
/// Within how many rounds a shorter length has failed when it fails.
const TRIAL: u32 = 8;
/// How many of the last rounds are remembered, and how many bad ones among them double the length.
const REMEMBERED: u8 = 4;
const BAD: u32 = 2;

/// How a round went for one validator, by what it saw itself. Where no quorum answers at all, longer rounds do not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A quorum had seen the proposal only after the moment to bear witness, or the proposal came after its round.
    Late,
    /// A quorum had seen it in time.
    Timely,
    /// A quorum had seen it after a third of the round, so half the round would do.
    Early,
}

/// How long rounds should be, judged by a validator's own quorums alone: too short when confirmations come late, too long
/// when half the time would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptation {
    exponent: u8,
    most: u8,
    /// The last rounds, a set bit for a late one.
    history: u8,
    early: u32,
    probe_after: u32,
    since_probe: u32,
}

impl Adaptation {
    /// Begins with the shortest rounds; they last at most two to the power of `most` times as long.
    #[must_use]
    pub fn new(most: u8) -> Adaptation {
        Adaptation {
            exponent: 0,
            most,
            history: 0,
            early: 0,
            probe_after: PROBE_AFTER,
            since_probe: u32::MAX,
        }
    }

    /// The exponent that the next rounds should have.
    #[must_use]
    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    /// A restarted validator goes on where it was.
    pub fn resume(&mut self, exponent: u8) {
        self.exponent = exponent.min(self.most);
    }

    /// A round is over in which a block was proposed.
    pub fn round(&mut self, outcome: Outcome) {
        self.since_probe = self.since_probe.saturating_add(1);
        self.history = (self.history << 1 | u8::from(outcome == Outcome::Late)) & ((1 << REMEMBERED) - 1);
        self.early = if outcome == Outcome::Early { self.early.saturating_add(1) } else { 0 };
        if self.history.count_ones() >= BAD {
            if self.exponent < self.most {
                // A shorter round that fails at once is not tried again soon.
                let failed = self.since_probe <= TRIAL;
                self.probe_after = if failed { (2 * self.probe_after).min(PROBE_MOST) } else { PROBE_AFTER };
                self.exponent += 1;
            }
            self.history = 0;
        } else if self.early >= self.probe_after && self.exponent > 0 {
            self.exponent -= 1;
            self.early = 0;
            self.since_probe = 0;
        }
    }
}
