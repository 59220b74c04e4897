//! The seam between a ledger and the consensus that orders it. An engine decides which block comes next and proves
//! that it is final; the ledger builds blocks, executes, stores and answers questions.
//!
//! An engine is a state machine: it learns through [`Engine::step`] and asks for things by returning [`Effect`]s. Time
//! comes in as an argument. So a simulator can drive it, and an engine of many validators
//! ([`crate::koma::KomaEngine`]) takes the place of [`LocalEngine`] without a change to any chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::account::EraRecord;
use crate::block::{Block, Claim, Header, Seal};
use crate::hash::Hash;
use crate::key::{KeyPair, PublicKey};
use crate::koma::{Alarm, Evidence, Fault};
use crate::moment::{Height, Timestamp};
use crate::record::Committed;
use crate::validity::BlockError;

/// What an engine learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// Another validator is connected now.
    Connected(PublicKey),
    /// Bytes from another validator.
    Received {
        /// Who sent them, as the transport proved it.
        from: PublicKey,
        /// What was sent.
        bytes: Vec<u8>,
    },
    /// A block that it declared final was executed; this is what came of it.
    Executed(Claim),
    /// A block was executed and sealed, and is on disk.
    Committed {
        /// Its height.
        height: Height,
        /// Its hash.
        block: Hash,
    },
}

/// What an engine asks for, to be done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep these bytes for as long as the era may run.
    Keep {
        /// The era that they are about.
        era: u64,
        /// What.
        bytes: Vec<u8>,
        /// Whether all that was to be kept has to be on disk before anything that follows is done: amnesia after a
        /// restart is equivocation.
        sync: bool,
    },
    /// What was kept of eras before this one is needed no more.
    Forget(u64),
    /// Send these bytes to one validator, or to all.
    Send {
        /// To whom; `None` for all.
        to: Option<PublicKey>,
        /// What.
        bytes: Vec<u8>,
        /// Whether they may be long, and may wait behind what is urgent.
        bulk: bool,
    },
    /// Execute this block: it is final.
    Final {
        /// The block.
        block: Arc<Block>,
        /// The era in which it became final.
        era: u64,
        /// The weight that would have to equivocate to undo it.
        grade: u64,
        /// The seal that others made over it, when this node is behind. It names another outcome than this node finds
        /// only if this node is at fault, or more weight cheated than the seal bears.
        seal: Option<Box<Seal>>,
    },
    /// People should know.
    Report(Report),
    /// Step again at this moment at the latest. Only the last one counts.
    Wake(Timestamp),
}

/// Something that people should know, or the one who keeps the connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A validator did what no honest one does.
    Misbehaved {
        /// Who.
        peer: PublicKey,
        /// What.
        fault: Fault,
    },
    /// A validator sent what is no message.
    Malformed {
        /// Who.
        peer: PublicKey,
    },
    /// Somebody speaks of an era that does not run here: one of the two is behind, or follows other rules. Told once for
    /// each of its eras, in ascending order, and once a second at most.
    OtherEra {
        /// Who.
        peer: PublicKey,
        /// Of which era it speaks.
        era: u64,
        /// The latest era here.
        latest: u64,
    },
    /// A validator equivocated, provably.
    Accused {
        /// Who.
        validator: PublicKey,
        /// The proof.
        evidence: Box<Evidence>,
    },
    /// People have to decide; outside effects have stopped.
    Alarm {
        /// In which era.
        era: u64,
        /// Why.
        alarm: Alarm,
    },
    /// Validators of enough weight sealed another outcome of a block than this node finds.
    Diverged(Height),
    /// This node does not know what it said before, so it says nothing until it is sure to contradict nothing.
    Listening {
        /// In which era.
        era: u64,
    },
    /// This node speaks again.
    Speaking {
        /// In which era.
        era: u64,
    },
}

/// Whether a block may stand where it is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Valid,
    /// It may not.
    Invalid(BlockError),
    /// That shows once this height is executed here.
    After(Height),
}

/// What an engine may ask of its ledger while it thinks.
pub trait Host {
    /// A block on top of `above`, which are final or proposed but not yet executed, in order from the one above the last
    /// committed block on; `None` when there is nothing to put into one at `now`.
    fn propose(&mut self, now: Timestamp, above: &[Arc<Block>]) -> Option<Block>;

    /// Whether a block that holds what its header names may stand on `parent`.
    fn check(&mut self, block: &Block, parent: &Header) -> Verdict;

    /// A committed block.
    fn committed(&self, height: Height) -> Option<Arc<Committed>>;

    /// The latest era, as of the last committed block.
    fn era(&self) -> Option<EraRecord>;

    /// Who decides in an era.
    fn validators(&self, era: u64) -> Option<Vec<(PublicKey, u64)>>;

    /// Who may not lead in the latest era, because it equivocated before that began.
    fn barred(&self) -> Vec<PublicKey>;

    /// Whether evidence against `key` is on record as of the last committed block.
    fn is_banned(&self, key: PublicKey) -> bool;
}

/// How far the blocks of an era have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reached {
    /// The first block of the era.
    pub first: Height,
    /// The last block of the era so far.
    pub last: Height,
    /// The weight of all its validators.
    pub total: u64,
    /// What the seal of each of its blocks proves.
    pub grade: u64,
    /// The weight of those who were known to have equivocated in it.
    pub faulty: u64,
    /// For each threshold that is followed, in ascending order, the last block that is final at it.
    pub ladder: Vec<(u64, Height)>,
}

/// Where an engine stands, for those who look on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The running era.
    pub era: u64,
    /// How many validators it has.
    pub validators: usize,
    /// Whether this node is one of them.
    pub decides: bool,
    /// The highest threshold at which an era that still runs executes.
    pub threshold: u64,
    /// The last block that was sure enough to leave the chain when evidence raised the threshold.
    pub spared: Height,
    /// The threshold of the classical grade.
    pub classical: u64,
    /// The length of this node's rounds in milliseconds; 0 without rounds.
    pub round_ms: u64,
    /// Whether one owner runs all validators.
    pub one_owner: bool,
    /// Whether people have to decide before anything leaves the chain.
    pub halted: bool,
    /// Whether this node says nothing for the time being.
    pub listening: bool,
    /// The most weight that provably equivocated in an era that still runs.
    pub faulty: u64,
    /// The first block of the eldest era that still runs here. In those before it nobody speaks any more: their blocks
    /// never become surer.
    pub runs_from: Height,
    /// What is known of how far eras have come, the running one last.
    pub reached: Vec<Reached>,
}

/// How sure a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confidence {
    /// More than this weight would have to equivocate, provably, to undo it.
    pub weight: u64,
    /// The weight of all validators of its era.
    pub total: u64,
}

impl Standing {
    /// How sure the block at `height` is by what this node saw; `None` when it saw nothing of its era's units, and the
    /// grade in the block's seal is all that is known.
    #[must_use]
    pub fn confidence(&self, height: Height) -> Option<Confidence> {
        let reached = self.era_of(height)?;
        let (weight, _) = reached.ladder.iter().rev().find(|(_, last)| height <= *last)?;
        Some(Confidence { weight: *weight, total: reached.total })
    }

    fn era_of(&self, height: Height) -> Option<&Reached> {
        self.reached.iter().find(|reached| reached.first <= height && height <= reached.last)
    }

    /// Whether what depends on the block at `height`, which is `sure`, may leave the chain when somebody asks for
    /// `per_mille` thousandths of the weight.
    ///
    /// Nobody has to ask for the classical grade, and evidence asks for more: while its era runs, nothing that was not
    /// sure enough before leaves below the threshold at which blocks are executed. Once nobody speaks in its era any more,
    /// a block never becomes surer, and what its seal proves is enough, at least the classical grade, unless validators of
    /// more weight cheated in the era than that bears. Where one owner runs all validators, their weights say nothing, and nothing waits for them.
    #[must_use]
    pub fn outside(&self, height: Height, sure: Confidence, per_mille: u64) -> Outside {
        let runs = self.runs_from <= height;
        let executed_at = if runs && self.spared < height { self.threshold } else { 0 };
        let most = sure.total.saturating_sub(1);
        let share = u128::from(sure.total) * u128::from(per_mille.min(1000)) / 1000;
        let share = u64::try_from(share).unwrap_or(most);
        let asked = if self.one_owner { 0 } else { share.max(most / 3).max(executed_at).min(most) };
        let (proved, faulty) = match self.era_of(height) {
            Some(reached) => (reached.grade, reached.faulty),
            // All that is known is what the seal proves.
            None => (sure.weight, 0),
        };
        // A seal below the classical grade lets nothing go, whatever is over.
        let proved = proved.max(most / 3);
        let (wanted, era) = match (runs, faulty > proved) {
            (true, _) => (asked, EraState::Runs),
            (false, true) => (asked, EraState::Doubted),
            (false, false) => (asked.min(proved), EraState::Over),
        };
        Outside { sure, asked, wanted, era, halted: self.halted }
    }
}

/// Whether a block may still become surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EraState {
    /// Its era runs, or the one after it does: it may.
    Runs,
    /// Nobody speaks in its era any more: it may not.
    Over,
    /// Nor may it here, and validators of more weight than its seal bears cheated in its era.
    Doubted,
}

/// Whether what depends on a block may leave the chain: goods be handed out, a bank rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// How sure the block is by now.
    pub sure: Confidence,
    /// The weight that was asked for.
    pub asked: u64,
    /// The weight that it waits for: less than was asked for once it cannot become surer.
    pub wanted: u64,
    /// Whether it still may.
    pub era: EraState,
    /// Whether people have to decide first.
    pub halted: bool,
}

impl Outside {
    /// Whether it may leave now.
    #[must_use]
    pub const fn may_leave(&self) -> bool {
        !self.halted && self.sure.weight >= self.wanted
    }
}

/// A consensus engine.
pub trait Engine: Send {
    /// Learns one thing at `now`.
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect>;

    /// The seal over `height`, as soon as enough validators have signed.
    fn proof(&self, height: Height) -> Option<Seal>;

    /// Where it stands.
    fn standing(&self) -> Standing;
}

/// How many seals an engine remembers for those who ask late.
const REMEMBERED: usize = 16;

/// One validator that outweighs all others together: what it proposes is final at once, at grade 0.
#[derive(Debug)]
pub struct LocalEngine {
    validator: KeyPair,
    total: u64,
    seals: BTreeMap<Height, Seal>,
}

impl LocalEngine {
    /// The engine of `validator`, where all weigh `total` together.
    #[must_use]
    pub fn new(validator: KeyPair, total: u64) -> LocalEngine {
        LocalEngine { validator, total, seals: BTreeMap::new() }
    }

    /// The seal of the one who decides.
    #[must_use]
    pub fn seal(&self, claim: Claim) -> Seal {
        let signature = self.validator.sign(&claim.signing_bytes());
        Seal { claim, signatures: vec![(self.validator.public(), signature)] }
    }
}

impl Engine for LocalEngine {
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect> {
        match input {
            Input::Tick => {
                let block = host.propose(now, &[]).map(Arc::new);
                let era = host.era().map_or(0, |era| era.number);
                let last = |block| Effect::Final { block, era, grade: 0, seal: None };
                block.map(last).into_iter().collect()
            }
            Input::Executed(claim) => {
                let seal = self.seal(claim);
                self.seals.insert(seal.claim.height, seal);
                if self.seals.len() > REMEMBERED {
                    self.seals.pop_first();
                }
                Vec::new()
            }
            // Nobody else has a say here.
            Input::Committed { .. } | Input::Connected(_) | Input::Received { .. } => Vec::new(),
        }
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.seals.get(&height).cloned()
    }

    fn standing(&self) -> Standing {
        let reached = Reached {
            first: Height(0),
            last: Height(u64::MAX),
            total: self.total,
            grade: 0,
            faulty: 0,
            ladder: vec![(0, Height(u64::MAX))],
        };
        Standing {
            validators: 1,
            decides: true,
            one_owner: true,
            reached: vec![reached],
            ..Standing::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven validators, of which two have to cheat to undo a sealed block.
    fn era(first: u64, last: u64, faulty: u64, ladder: &[(u64, u64)]) -> Reached {
        let ladder = ladder.iter().map(|(threshold, last)| (*threshold, Height(*last))).collect();
        Reached { first: Height(first), last: Height(last), total: 7, grade: 2, faulty, ladder }
    }

    fn outside(standing: &Standing, height: u64, per_mille: u64) -> Outside {
        let sure = standing.confidence(Height(height)).unwrap_or(Confidence { weight: 2, total: 7 });
        standing.outside(Height(height), sure, per_mille)
    }

    #[test]
    fn more_than_a_seal_proves_is_waited_for_only_while_somebody_speaks_in_the_era() {
        let reached = vec![era(11, 20, 0, &[(2, 20), (5, 15)]), era(21, 30, 0, &[(2, 29), (5, 25)])];
        let mut standing = Standing { runs_from: Height(11), reached, ..Standing::default() };
        assert!(outside(&standing, 15, 800).may_leave() && !outside(&standing, 16, 800).may_leave());
        assert!(!outside(&standing, 26, 800).may_leave());
        // Block 5 is known by its seal alone.
        let sealed = outside(&standing, 5, 800);
        assert_eq!((sealed.asked, sealed.wanted, sealed.era), (5, 2, EraState::Over));
        assert!(sealed.may_leave());
        standing.runs_from = Height(21);
        for height in 11..=20 {
            let outside = outside(&standing, height, 1_000);
            assert!(outside.may_leave() && outside.era == EraState::Over, "{height}");
        }
        assert!(!outside(&standing, 26, 800).may_leave());
        assert_eq!(outside(&standing, 15, 0).sure.weight, 5, "what was seen is remembered");
    }

    #[test]
    fn an_era_in_which_more_cheated_than_its_seals_bear_is_not_let_go_by_its_end() {
        let reached = vec![era(1, 20, 3, &[(2, 20), (5, 15)]), era(21, 30, 0, &[])];
        let standing = Standing { runs_from: Height(21), reached, ..Standing::default() };
        let doubted = outside(&standing, 16, 800);
        assert_eq!((doubted.era, doubted.may_leave()), (EraState::Doubted, false));
        assert!(outside(&standing, 15, 700).may_leave());
    }

    #[test]
    fn a_threshold_that_evidence_raised_takes_back_nothing() {
        let reached = vec![era(1, 20, 1, &[(2, 20), (4, 10)])];
        let standing = Standing { threshold: 4, spared: Height(15), reached, ..Standing::default() };
        assert!(outside(&standing, 15, 0).may_leave());
        assert!(!outside(&standing, 16, 0).may_leave());
    }
}
