//! One era at one node: takes units in, makes its own, follows what is final, and fills gaps.

mod certainty;
mod gossip;
mod intake;
mod rounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use self::gossip::Given;
use super::blocks::BlockIx;
use super::dag::Dag;
use super::effect::{Effect, Proposal, Record};
use super::era::Era;
use super::finality::Finality;
use super::machine::Part;
use super::pending::Pending;
use super::policy::{Mode, Policy};
use super::schedule::{Adaptation, Round};
use super::summit::quorums;
use super::unit::VerifiedUnit;
use super::validators::Member;
use crate::hash::Hash;
use crate::key::{KeyPair, PublicKey};
use crate::moment::{Height, Timestamp};

/// For how many rounds after a proposal all bear witness, so that confidence grows beyond the classical grade.
const SETTLE_ROUNDS: u64 = 3;

/// An era that runs.
pub struct Instance {
    era: Arc<Era>,
    key: KeyPair,
    own: Option<Member>,
    speaks: bool,
    dag: Dag,
    pending: Pending,
    policy: Policy,
    ladder: Vec<Finality>,
    /// The last block that was to be executed.
    executed: BlockIx,
    /// Up to where that is under way or done, where somebody says so.
    executing: Option<Height>,
    /// Against whom the chain has evidence on record.
    convicted: BTreeSet<Member>,
    conflict: bool,
    round: Option<Round>,
    /// The round before, for what came late.
    before: Option<Round>,
    adaptation: Adaptation,
    exponent: u8,
    /// The least quorum of the classical grade.
    quorum: u64,
    busy_until: Timestamp,
    misses: Vec<u8>,
    /// Units that wait at the door until the own confirmation is out.
    door: Vec<(VerifiedUnit, PublicKey)>,
    /// Units that wait for their time.
    ahead: BTreeMap<(Timestamp, Hash), (VerifiedUnit, PublicKey)>,
    bodies: BTreeSet<Hash>,
    validating: BTreeMap<Hash, (VerifiedUnit, PublicKey)>,
    valid: BTreeSet<Hash>,
    refused: BTreeSet<Hash>,
    queue: VecDeque<(VerifiedUnit, PublicKey)>,
    told: BTreeMap<PublicKey, Timestamp>,
    /// What was given to others and may be under way.
    given: BTreeMap<PublicKey, Given>,
    gossip_at: Timestamp,
    gossip_turn: usize,
}

impl Instance {
    pub(super) fn new(part: &Part, era: Arc<Era>, mode: Mode) -> Instance {
        let validators = &era.validators;
        let policy = Policy::new(mode, &era);
        let grades = [0, validators.single(), validators.classical(), policy.threshold()];
        let thresholds: BTreeSet<u64> = grades
            .into_iter()
            .chain(part.thresholds.iter().map(|threshold| (*threshold).min(validators.total() - 1)))
            .collect();
        let quorum =
            quorums(validators.total(), validators.classical()).last().map_or(0, |quorum| quorum.weight);
        Instance {
            key: part.key.clone(),
            own: validators.find(&part.key.public()),
            speaks: part.speaks,
            dag: Dag::new(era.clone()),
            pending: Pending::default(),
            policy,
            ladder: thresholds.into_iter().map(Finality::new).collect(),
            executed: BlockIx::ROOT,
            executing: None,
            convicted: BTreeSet::new(),
            conflict: false,
            round: None,
            before: None,
            adaptation: Adaptation::new(era.pace.max_exponent),
            exponent: 0,
            quorum,
            busy_until: era.start,
            misses: vec![0; validators.count()],
            door: Vec::new(),
            ahead: BTreeMap::new(),
            bodies: BTreeSet::new(),
            validating: BTreeMap::new(),
            valid: BTreeSet::new(),
            refused: BTreeSet::new(),
            queue: VecDeque::new(),
            told: BTreeMap::new(),
            given: BTreeMap::new(),
            gossip_at: era.start,
            gossip_turn: 0,
            era,
        }
    }

    /// Makes units from now on, or not any more.
    pub(super) fn set_speaks(&mut self, speaks: bool) {
        self.speaks = speaks;
    }

    /// The era.
    #[must_use]
    pub fn era(&self) -> &Arc<Era> {
        &self.era
    }

    /// Its units.
    #[must_use]
    pub fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is final at each threshold that is followed, in ascending order.
    #[must_use]
    pub fn ladder(&self) -> &[Finality] {
        &self.ladder
    }

    /// The last block that was to be executed.
    #[must_use]
    pub fn executed(&self) -> Proposal {
        self.proposal(self.executed)
    }

    /// The length of this node's rounds in milliseconds.
    #[must_use]
    pub fn round_ms(&self) -> u64 {
        self.era.round_ms(self.exponent)
    }

    /// How many units wait: for what they cite, for their time, or at the door.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.count() + self.ahead.len() + self.door.len() + self.validating.len()
    }

    /// Takes back what was kept before a restart, in the order in which it was kept.
    pub(super) fn restore(&mut self, kept: impl IntoIterator<Item = Record>) {
        for record in kept {
            match record {
                Record::Unit(signed) if signed.unit.era == self.era.number => {
                    let unit = VerifiedUnit::trusted(signed);
                    if self.dag.insert(&unit).is_ok() {
                        self.bodies.extend(unit.unit().block);
                    }
                }
                // It was checked before it was kept; this is rare enough to check it again.
                Record::Evidence(evidence) => {
                    let _ = evidence.verify(&self.era).map(|evidence| self.dag.convict(evidence));
                }
                Record::Unit(_) => {}
            }
        }
        if let Some(last) = self.own.and_then(|own| self.dag.lane(own).last()) {
            self.exponent = self.dag.exponent(*last);
            self.adaptation.resume(self.exponent);
        }
        if self.dag.faulty_weight() > 0 {
            let _ = self.policy.evidence(self.dag.faulty_weight());
            self.watch_threshold();
        }
        self.ladder.iter_mut().for_each(|finality| drop(finality.refresh(&self.dag)));
    }

    /// When time has to pass next.
    pub(super) fn due(&self) -> Timestamp {
        let round = self.round.as_ref().map(|round| {
            let until =
                [round.shut.then(|| round.confirm_until()), (!round.witnessed).then(|| round.witness_at())];
            until.into_iter().flatten().min().unwrap_or_else(|| round.end())
        });
        let ahead = self.ahead.keys().next().map(|(at, _)| *at);
        let start = round.unwrap_or(self.era.start);
        [Some(start), ahead, self.pending.due(), self.policy.due(), Some(self.gossip_at)]
            .into_iter()
            .flatten()
            .min()
            .expect("a round always ends")
    }

    /// Lets time pass up to `now`.
    pub(super) fn advance(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(entry) = self.ahead.first_entry().filter(|entry| entry.key().0 <= now) {
            let (unit, from) = entry.remove();
            self.offer(now, unit, from, effects);
        }
        if now < self.era.start {
            return;
        }
        if self.round.as_ref().is_none_or(|round| round.end() <= now) {
            self.begin_round(now, effects);
        }
        let due = |round: &Option<Round>, when: fn(&Round) -> bool, at: fn(&Round) -> Timestamp| {
            round.as_ref().is_some_and(|round| when(round) && at(round) <= now)
        };
        if due(&self.round, |round| round.shut, Round::confirm_until) {
            self.open_door(now, effects);
        }
        if due(&self.round, |round| !round.witnessed, Round::witness_at) {
            self.bear_witness(now, effects);
        }
        if self.pending.due().is_some_and(|due| due <= now) {
            self.ask(now, effects);
        }
        if self.policy.tick(now) {
            self.call_back(effects);
            self.execute(effects);
        }
        if self.gossip_at <= now {
            self.gossip(now, effects);
        }
    }

    /// A block, as others name it.
    fn proposal(&self, block: BlockIx) -> Proposal {
        let node = self.dag.blocks().get(block);
        Proposal { id: node.id, block: node.block, height: node.height, time: node.time, last: node.last }
    }
}
