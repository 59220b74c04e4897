//! One era at one node: takes units in, makes its own, follows what is final, and fills gaps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::blocks::BlockIx;
use super::dag::{Dag, Inserted, Seen, UnitError, UnitIx};
use super::effect::{Effect, Fault, Proposal, Record};
use super::era::Era;
use super::evidence::VerifiedEvidence;
use super::finality::Finality;
use super::machine::Part;
use super::message::{Have, MAX_UNITS, Message, UNITS_BYTES, Want};
use super::pending::{Pending, Wanted, lacks};
use super::policy::{Mode, Policy};
use super::schedule::{Adaptation, Outcome, Round};
use super::summit::quorums;
use super::unit::{Unit, VERSION, VerifiedUnit};
use super::validators::Member;
use crate::hash::Hash;
use crate::key::{KeyPair, PublicKey};
use crate::moment::Timestamp;

/// After how many rounds without a word a validator shows that it is there.
const HEARTBEAT_ROUNDS: u64 = 16;
/// But no sooner than after so many milliseconds: every word is kept.
const HEARTBEAT_MS: u64 = 4_000;
/// For how many rounds after a proposal all bear witness, so that confidence grows beyond the classical grade.
const SETTLE_ROUNDS: u64 = 3;
/// After how many missed rounds nobody waits for a validator any more.
const MISSES: u8 = 2;
/// A proposal that comes after so many rounds tells nothing of their length: it was held up by something else.
const LATE_ROUNDS: u64 = 4;
/// How often, in rounds, a node tells another what it holds.
const GOSSIP_ROUNDS: u64 = 3;
/// The longest that units may be under way before they are given again, in milliseconds, unless a round is longer.
const MAX_PATIENCE_MS: u64 = 8_000;
/// The most units that wait at the door, or for their time.
const MAX_HELD: usize = 8192;
/// How far ahead of the local clock a unit may be, in rounds of the longest kind.
const AHEAD_ROUNDS: u64 = 4;
/// The most blocks whose validity is being checked.
const MAX_VALIDATING: usize = 1024;
/// The most of one validator.
const MAX_VALIDATING_EACH: usize = 8;
/// For how many rounds of the longest kind a unit waits for what it misses.
const PATIENCE_ROUNDS: u64 = 64;
/// The most refused units that are remembered.
const MAX_REFUSED: usize = 1024;

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
    executed: BlockIx,
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

/// Units that were given to a peer who said that it lacks them.
#[derive(Debug)]
struct Given {
    /// What it had when it last got any further.
    had: Vec<u32>,
    /// What it has once they are there.
    next: Vec<u32>,
    /// Since when it got no further.
    at: Timestamp,
    /// How long that may take before they are given again: on a slow line this doubles until it is enough.
    patience_ms: u64,
}

impl Instance {
    pub(super) fn new(part: &Part, era: Arc<Era>, mode: Mode) -> Instance {
        let validators = &era.validators;
        let policy = Policy::new(mode, validators, era.start);
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
            self.execute(effects);
        }
        if self.gossip_at <= now {
            self.gossip(now, effects);
        }
    }

    /// Begins the round that holds `now`.
    fn begin_round(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.open_door(now, effects);
        let over = std::mem::replace(&mut self.before, self.round.take());
        if let Some(round) = over.filter(|round| round.proposal.is_some()) {
            round.outcome().into_iter().for_each(|outcome| self.adaptation.round(outcome));
            for member in self.era.validators.all().filter(|member| !round.confirmations.contains(member)) {
                self.misses[member.index()] = self.misses[member.index()].saturating_add(1);
            }
        }
        let wanted = self.adaptation.exponent();
        let longest = wanted.max(self.exponent);
        // A change waits for a moment at which rounds of both lengths begin.
        let current = self.era.round_start(now, self.exponent);
        if wanted < self.exponent || self.era.round_start(current, longest) == current {
            self.exponent = wanted;
        }
        let start = self.era.round_start(now, self.exponent);
        let leader = self.era.leader(start);
        let mut round = Round::new(start, self.era.round_ms(self.exponent), leader);
        // After a restart the own units of this round are made already.
        let last = self.own.and_then(|own| self.dag.lane(own).last().copied());
        let fresh = last.is_none_or(|last| self.dag.timestamp(last) < start);
        round.confirmed = !fresh;
        round.witnessed = !fresh;
        let early = now < round.confirm_until();
        let may_speak = fresh && early && self.may_speak();
        round.shut = may_speak && Some(leader) != self.own;
        let leads = may_speak && Some(leader) == self.own;
        self.round = Some(round);
        self.pending.expire(Timestamp(
            now.0.saturating_sub(PATIENCE_ROUNDS * self.era.round_ms(self.era.pace.max_exponent)),
        ));
        if leads {
            self.ask_for_block(start, effects);
        }
        if self.choice_is_settled() {
            self.policy.classical_at(now);
        }
    }

    fn may_speak(&self) -> bool {
        self.speaks && self.own.is_some_and(|own| !self.dag.is_faulty(own))
    }

    /// Whether nothing more than the last classically final block is voted for.
    fn choice_is_settled(&self) -> bool {
        let classical = self.era.validators.classical();
        let last = self.ladder.iter().find(|finality| finality.threshold() >= classical).map(Finality::last);
        last == Some(self.dag.choice())
    }

    fn ask_for_block(&mut self, start: Timestamp, effects: &mut Vec<Effect>) {
        let panorama = self.dag.panorama(start);
        let parent = self.dag.choose(panorama.iter().copied());
        if self.dag.blocks().get(parent).last {
            return;
        }
        let parent = self.proposal(parent);
        if let Some(round) = &mut self.round {
            round.asked = Some(panorama);
        }
        effects.push(Effect::Propose { era: self.era.number, start, parent });
    }

    /// Takes the answer of the one who makes blocks.
    pub(super) fn proposed(
        &mut self,
        now: Timestamp,
        start: Timestamp,
        block: Option<Hash>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(round) = self.round.as_mut().filter(|round| round.start == start) else { return };
        let Some(panorama) = round.asked.take() else { return };
        let Some(block) = block else { return };
        self.bodies.insert(block);
        self.speak(now, start, &panorama, Some(block), effects);
    }

    /// Makes a unit, if the rules of the era allow it now.
    fn speak(
        &mut self,
        now: Timestamp,
        timestamp: Timestamp,
        panorama: &[Seen],
        block: Option<Hash>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(own) = self.own.filter(|_| self.may_speak()) else { return };
        // The panorama has to hold the last unit made: to leave one out is to equivocate.
        let last = self.dag.lane(own).last().copied();
        if panorama[own.index()] != last.map_or(Seen::None, Seen::Unit) {
            return;
        }
        let unit = Unit {
            version: VERSION,
            chain: self.era.chain,
            era: self.era.number,
            creator: own,
            seq: last.map_or(0, |last| self.dag.seq(last) + 1),
            timestamp,
            exponent: self.exponent,
            block,
            panorama: self.dag.entries(panorama),
        };
        let unit = unit.sign(&self.key);
        // What the rules do not allow now, a third unit of a round for instance, is not said.
        if self.enter(now, &unit, None, effects).is_ok() {
            self.drain(now, effects);
        }
    }

    /// Lets in what waited at the door.
    fn open_door(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(round) = &mut self.round {
            round.shut = false;
        }
        for (unit, from) in std::mem::take(&mut self.door) {
            self.offer(now, unit, from, effects);
        }
    }

    fn confirm(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(round) = &mut self.round else { return };
        round.confirmed = true;
        let panorama = self.dag.panorama(now);
        self.speak(now, now, &panorama, None, effects);
        self.open_door(now, effects);
    }

    fn bear_witness(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let heard = self.own.and_then(|own| self.dag.lane(own).last().copied());
        let heard = heard.map_or(self.era.start, |last| self.dag.timestamp(last));
        let settled = self.choice_is_settled();
        let Some(round) = &mut self.round else { return };
        round.witnessed = true;
        let silent = heard.plus_ms((HEARTBEAT_ROUNDS * round.length_ms).max(HEARTBEAT_MS)) <= now;
        if round.proposal.is_some() || silent || !settled || now < self.busy_until {
            let panorama = self.dag.panorama(now);
            self.speak(now, now, &panorama, None, effects);
        }
    }

    /// Whether everybody has confirmed who usually does, and they are a quorum.
    fn all_confirmed(&self) -> bool {
        let Some(round) = &self.round else { return false };
        let absent = |member: &Member| {
            self.dag.is_faulty(*member)
                || self.misses[member.index()] >= MISSES
                || round.confirmations.contains(member)
        };
        round.confirmed
            && !round.witnessed
            && round.quorum_at.is_some()
            && self.era.validators.all().all(|member| absent(&member))
    }

    /// Takes what a peer said.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        message: Message,
        effects: &mut Vec<Effect>,
    ) {
        match message {
            Message::Units(units) => {
                let cited: BTreeSet<Hash> = units.iter().flat_map(VerifiedUnit::cites).collect();
                for unit in units {
                    // Of somebody who equivocated only what others rely on is taken.
                    let relied_on =
                        cited.contains(&unit.hash()) || self.pending.wants(Wanted::Unit(unit.hash()));
                    if relied_on || !self.dag.is_faulty(unit.unit().creator) {
                        self.offer(now, unit, from, effects);
                    }
                }
            }
            Message::Have(have) => self.answer(now, from, &have, effects),
            Message::Want(want) => self.serve(from, &want, effects),
            Message::Evidence(evidence) => {
                if !self.dag.is_faulty(evidence.against()) {
                    let record = Record::Evidence(Box::new(evidence.signed()));
                    effects.push(Effect::Keep { record, sync: false });
                    let against = evidence.against();
                    self.dag.convict(evidence);
                    self.caught(now, against, effects);
                    self.follow(now, None, effects);
                    self.drain(now, effects);
                }
            }
        }
    }

    /// Takes a unit whose signature holds.
    fn offer(&mut self, now: Timestamp, unit: VerifiedUnit, from: PublicKey, effects: &mut Vec<Effect>) {
        let hash = unit.hash();
        if self.dag.find(&hash).is_some()
            || self.refused.contains(&hash)
            || self.validating.contains_key(&hash)
        {
            return;
        }
        if self.pending.holds(&hash) {
            self.pending.holder(&hash, from);
            return;
        }
        let timestamp = unit.unit().timestamp;
        if timestamp > now {
            let most = AHEAD_ROUNDS.saturating_mul(self.era.round_ms(self.era.pace.max_exponent));
            if timestamp > now.plus_ms(most) {
                effects.push(Effect::Misbehaved { peer: from, fault: Fault::Future });
            } else if self.ahead.len() < MAX_HELD {
                self.ahead.insert((timestamp, hash), (unit, from));
            }
            return;
        }
        if self.exceeds_quota(now, unit.unit().creator) {
            effects.push(Effect::Misbehaved { peer: from, fault: Fault::Quota });
            return;
        }
        let shut = self.round.as_ref().filter(|round| round.shut);
        if let Some(round) = shut {
            let proposal = unit.unit().block.is_some()
                && unit.unit().timestamp == round.start
                && unit.unit().creator == round.leader;
            if !proposal && self.door.len() < MAX_HELD {
                self.door.push((unit, from));
                return;
            }
            // What the proposal cites comes in with it.
            let mut cited: Vec<Hash> = unit.cites().collect();
            while let Some(hash) = cited.pop() {
                if let Some(at) = self.door.iter().position(|(waiting, _)| waiting.hash() == hash) {
                    let (needed, from) = self.door.swap_remove(at);
                    cited.extend(needed.cites());
                    self.queue.push_front((needed, from));
                }
            }
        }
        self.queue.push_back((unit, from));
        self.drain(now, effects);
    }

    /// Whether one more unit of `member` is more than the rounds so far give it. Of an equivocator, each of the others
    /// may have cited another branch. This bounds bytes, too: a unit has at most
    /// 33 for each validator of its era, and some 200 more.
    fn exceeds_quota(&self, now: Timestamp, member: Member) -> bool {
        let rounds = now.0.saturating_sub(self.era.start.0) / self.era.round_ms(0) + 2;
        let branches = if self.dag.is_faulty(member) { self.era.validators.count() as u64 } else { 1 };
        self.dag.made_by(member) as u64 >= rounds.saturating_mul(2).saturating_mul(branches)
    }

    /// Works off what may be ready.
    fn drain(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some((unit, from)) = self.queue.pop_front() {
            self.resolve(now, unit, from, effects);
        }
    }

    fn resolve(&mut self, now: Timestamp, unit: VerifiedUnit, from: PublicKey, effects: &mut Vec<Effect>) {
        let hash = unit.hash();
        if self.dag.find(&hash).is_some() || self.validating.contains_key(&hash) {
            return;
        }
        // In good times what is missing is on its way.
        let ask_at = now.plus_ms(self.era.round_ms(0) / 6);
        let missing = self.dag.missing(unit.unit());
        if !missing.is_nothing() {
            self.pending.insert(unit, missing.wanted(), from, now, ask_at);
            return;
        }
        let proposed = unit.unit().block.filter(|_| !self.valid.remove(&hash));
        let Some(block) = proposed else {
            if let Err(fault) = self.enter(now, &unit, Some(from), effects) {
                self.refuse(hash, from, fault.into(), effects);
            }
            return;
        };
        let parent = match self.dag.check(unit.unit()) {
            Ok(parent) => parent,
            Err(fault) => {
                self.refuse(hash, from, fault.into(), effects);
                return;
            }
        };
        if !self.bodies.contains(&block) {
            self.pending.insert(unit, [Wanted::Body(block)], from, now, ask_at);
        } else if self.may_validate(unit.unit().creator) {
            let parent = self.proposal(parent);
            let (height, time) = (parent.height.next(), unit.unit().timestamp);
            let last = self.era.ends_with(height, time);
            let proposal = Proposal { id: hash, block, height, time, last };
            let proposer = self.era.validators.key(unit.unit().creator).unwrap_or(from);
            self.validating.insert(hash, (unit, from));
            effects.push(Effect::Validate { era: self.era.number, proposal, parent, proposer });
        }
    }

    /// Whether one more block of this validator may be checked. Who proposes many at a time cheats; what is not checked now
    /// is offered again by those who took it.
    fn may_validate(&self, creator: Member) -> bool {
        let own = self.validating.values().filter(|(unit, _)| unit.unit().creator == creator).count();
        own < MAX_VALIDATING_EACH && self.validating.len() < MAX_VALIDATING
    }

    fn refuse(&mut self, hash: Hash, from: PublicKey, fault: Fault, effects: &mut Vec<Effect>) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.pop_first();
        }
        self.refused.insert(hash);
        self.pending.refuse(Wanted::Unit(hash));
        effects.push(Effect::Misbehaved { peer: from, fault });
    }

    /// The body of a block is here.
    pub(super) fn body(&mut self, now: Timestamp, block: Hash, effects: &mut Vec<Effect>) {
        self.bodies.insert(block);
        self.queue.extend(self.pending.found(Wanted::Body(block)));
        self.drain(now, effects);
    }

    /// Takes the answer of the one who checks blocks.
    pub(super) fn validated(&mut self, now: Timestamp, unit: Hash, valid: bool, effects: &mut Vec<Effect>) {
        let Some((unit, from)) = self.validating.remove(&unit) else { return };
        if valid {
            self.valid.insert(unit.hash());
            self.queue.push_back((unit, from));
            self.drain(now, effects);
        } else {
            self.refuse(unit.hash(), from, Fault::Block, effects);
        }
    }

    /// Puts a unit that holds into the graph; without `from` it is the node's own.
    fn enter(
        &mut self,
        now: Timestamp,
        unit: &VerifiedUnit,
        from: Option<PublicKey>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), UnitError> {
        let inserted = self.dag.insert(unit)?;
        let record = Record::Unit(unit.signed().clone());
        effects.push(Effect::Keep { record, sync: from.is_none() });
        if from.is_none() {
            effects.push(Effect::Send { to: None, message: Message::Units(vec![unit.clone()]) });
        }
        if let Some(against) = inserted.caught {
            self.caught(now, against, effects);
        }
        self.follow(now, Some(inserted), effects);
        self.misses[unit.unit().creator.index()] = 0;
        self.queue.extend(self.pending.found(Wanted::Unit(unit.hash())));
        self.take_part(now, inserted.unit, effects);
        Ok(())
    }

    /// Somebody equivocated, by evidence that was not known before.
    fn caught(&mut self, now: Timestamp, against: Member, effects: &mut Vec<Effect>) {
        let evidence: &VerifiedEvidence = &self.dag.evidence()[&against];
        effects.push(Effect::Evidence(evidence.clone()));
        effects.push(Effect::Send { to: None, message: Message::Evidence(evidence.clone()) });
        self.queue.extend(self.pending.found(Wanted::Evidence(against)));
        self.raise_for_evidence(effects);
        self.busy_until = now.plus_ms(SETTLE_ROUNDS * self.round_ms());
    }

    fn raise_for_evidence(&mut self, effects: &mut Vec<Effect>) {
        let alarm = self.policy.evidence(self.dag.faulty_weight());
        effects.extend(alarm.map(|alarm| Effect::Alarm { era: self.era.number, alarm }));
        self.watch_threshold();
    }

    /// Evidence on record asks for a higher threshold.
    pub(super) fn raise(&mut self, now: Timestamp, threshold: u64, effects: &mut Vec<Effect>) {
        self.policy.raise(threshold);
        self.watch_threshold();
        self.follow(now, None, effects);
    }

    /// Follows the threshold at which blocks are executed.
    fn watch_threshold(&mut self) {
        let threshold = self.policy.threshold();
        let at = self.ladder.partition_point(|finality| finality.threshold() < threshold);
        if self.ladder.get(at).is_none_or(|finality| finality.threshold() != threshold) {
            self.ladder.insert(at, Finality::new(threshold));
        }
    }

    /// Follows what is final: after one unit, or after new evidence.
    fn follow(&mut self, now: Timestamp, inserted: Option<Inserted>, effects: &mut Vec<Effect>) {
        let classical = self.era.validators.classical();
        let mut clash = None;
        for at in 0..self.ladder.len() {
            let found = match inserted {
                Some(inserted) => self.ladder[at].extend(&self.dag, inserted),
                None => self.ladder[at].refresh(&self.dag),
            };
            let (threshold, last) = (self.ladder[at].threshold(), self.ladder[at].last());
            if !found.is_empty() {
                if threshold >= classical {
                    self.policy.classical_at(now);
                }
                let blocks = self.dag.blocks();
                // Below the threshold of execution nothing has been promised.
                let promised = self.policy.threshold();
                let apart = |other: &Finality| {
                    other.threshold() >= promised
                        && !blocks.descends(last, other.last())
                        && !blocks.descends(other.last(), last)
                };
                if threshold >= promised && self.ladder.iter().any(apart) {
                    clash = Some(threshold);
                }
            }
            for block in found {
                let block = self.proposal(block);
                effects.push(Effect::Final { era: self.era.number, block, threshold });
            }
        }
        if let Some(threshold) = clash {
            self.clash(threshold, effects);
        }
        self.execute(effects);
    }

    fn clash(&mut self, threshold: u64, effects: &mut Vec<Effect>) {
        if !self.conflict {
            self.conflict = true;
            let alarm = self.policy.conflict(threshold);
            effects.push(Effect::Alarm { era: self.era.number, alarm });
        }
    }

    /// Executes what is final at the threshold of the era. What was executed stays.
    fn execute(&mut self, effects: &mut Vec<Effect>) {
        let threshold = self.policy.threshold();
        let at = self.ladder.partition_point(|finality| finality.threshold() < threshold);
        let Some(target) = self.ladder.get(at).map(Finality::last) else { return };
        let blocks = self.dag.blocks();
        if !blocks.descends(target, self.executed) {
            if !blocks.descends(self.executed, target) {
                self.clash(threshold, effects);
            }
            return;
        }
        while self.executed != target {
            let height = self.dag.blocks().get(self.executed).height.next();
            self.executed = self.dag.blocks().ancestor(target, height);
            let block = self.proposal(self.executed);
            effects.push(Effect::Execute { era: self.era.number, block, threshold });
        }
    }

    /// Does what a new unit calls for in the current round.
    fn take_part(&mut self, now: Timestamp, unit: UnitIx, effects: &mut Vec<Effect>) {
        let (creator, timestamp) = (self.dag.creator(unit), self.dag.timestamp(unit));
        let proposes = self.dag.block(unit).is_some();
        if proposes {
            self.busy_until = now.plus_ms(SETTLE_ROUNDS * self.round_ms());
        }
        let started = self.round.as_ref().map_or(now, |round| round.start);
        let length_ms = self.round_ms();
        let known = self.before.as_ref().is_some_and(|before| before.holds(timestamp));
        let late = timestamp < started && !known && started <= timestamp.plus_ms(LATE_ROUNDS * length_ms);
        if let Some(round) = self.round.as_mut().filter(|round| proposes && late && !round.late) {
            round.late = true;
            self.adaptation.round(Outcome::Late);
        }
        for round in [&mut self.before, &mut self.round].into_iter().flatten() {
            if !round.holds(timestamp) {
                continue;
            }
            if proposes && timestamp == round.start && creator == round.leader {
                round.proposal.get_or_insert(unit);
            }
            let Some(proposal) = round.proposal else { continue };
            let sees = match self.dag.sees(unit, round.leader) {
                _ if unit == proposal => true,
                Seen::Unit(seen) => self.dag.follows(seen, proposal),
                Seen::None | Seen::Faulty => false,
            };
            if sees && round.confirmations.insert(creator) {
                let weights = round.confirmations.iter().map(|member| self.era.validators.weight(*member));
                if weights.sum::<u64>() >= self.quorum {
                    round.quorum_at.get_or_insert(now);
                }
            }
        }
        let Some(round) = &mut self.round else { return };
        if Some(unit) == round.proposal {
            if Some(round.leader) == self.own {
                round.confirmed = true;
            } else if !round.confirmed && now < round.confirm_until() {
                self.confirm(now, effects);
            }
        }
        if self.all_confirmed() {
            self.bear_witness(now, effects);
        }
    }

    fn have(&self) -> Have {
        let next = |member| u32::try_from(self.dag.lane(member).len()).unwrap_or(u32::MAX);
        Have {
            era: self.era.number,
            next: self.era.validators.all().map(next).collect(),
            faulty: self.dag.evidence().keys().copied().collect(),
        }
    }

    /// How long an answer may take before somebody else is asked.
    fn retry_ms(&self) -> u64 {
        self.round_ms()
    }

    /// Tells `peer` what is here, unless it was told just now.
    fn tell(&mut self, now: Timestamp, peer: PublicKey, effects: &mut Vec<Effect>) {
        let recent = self.told.get(&peer).is_some_and(|at| at.plus_ms(self.retry_ms() / 2) > now);
        if !recent {
            self.told.insert(peer, now);
            effects.push(Effect::Send { to: Some(peer), message: Message::Have(self.have()) });
        }
    }

    fn ask(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let others = self.others();
        for (peer, asking) in self.pending.ask(now, self.retry_ms(), &others) {
            for block in asking.bodies {
                effects.push(Effect::Fetch { block, from: peer });
            }
            if asking.units.is_empty() && asking.evidence.is_empty() {
                continue;
            }
            self.tell(now, peer, effects);
            let want = Want { era: self.era.number, units: asking.units, evidence: asking.evidence };
            effects.push(Effect::Send { to: Some(peer), message: Message::Want(want) });
        }
    }

    fn others(&self) -> Vec<PublicKey> {
        let own = self.key.public();
        self.era.validators.members().iter().map(|(key, _)| *key).filter(|key| *key != own).collect()
    }

    /// Tells one other validator after the other what is here.
    fn gossip(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.gossip_at = now.plus_ms(GOSSIP_ROUNDS * self.round_ms());
        let others = self.others();
        self.told.retain(|_, at| at.plus_ms(self.era.round_ms(self.era.pace.max_exponent)) > now);
        if let Some(peer) = others.get(self.gossip_turn % others.len().max(1)) {
            self.gossip_turn += 1;
            self.tell(now, *peer, effects);
        }
    }

    /// Gives a peer what it lacks, and asks for what it has and this node lacks.
    fn answer(&mut self, now: Timestamp, from: PublicKey, have: &Have, effects: &mut Vec<Effect>) {
        for (member, evidence) in self.dag.evidence() {
            if have.faulty.binary_search(member).is_err() {
                effects.push(Effect::Send { to: Some(from), message: Message::Evidence(evidence.clone()) });
            }
        }
        let bytes = 33 * self.era.validators.count() + 200;
        let most = (UNITS_BYTES / bytes).clamp(1, MAX_UNITS);
        let has = self.has(now, from, &have.next);
        let lacking: Vec<VerifiedUnit> = lacks(&self.dag, &has, most).collect();
        if !lacking.is_empty() {
            self.give(now, from, &have.next, has, &lacking);
            effects.push(Effect::Send { to: Some(from), message: Message::Units(lacking) });
        }
        let more = self.era.validators.all().zip(&have.next).any(|(member, next)| {
            !self.dag.is_faulty(member) && *next as usize > self.dag.lane(member).len()
        });
        let accused = have.faulty.iter().any(|member| !self.dag.is_faulty(*member));
        if more || accused {
            self.tell(now, from, effects);
        }
    }

    /// What a peer who says that it has `next` will have as soon as it has what was given to it. What takes too long since
    /// the peer last got any further is taken for lost, whatever was given to it meanwhile. Without this whoever is behind
    /// on a line slower than a round is sent the same again and again, until nothing else gets through.
    fn has(&mut self, now: Timestamp, peer: PublicKey, next: &[u32]) -> Vec<u32> {
        let retry_ms = self.retry_ms();
        let Some(given) = self.given.get_mut(&peer) else { return next.to_vec() };
        let arrived = next.iter().zip(&given.next).all(|(has, given)| has >= given);
        if arrived {
            self.given.remove(&peer);
            return next.to_vec();
        }
        // What it makes itself, or has from elsewhere, tells nothing of what is under way from here.
        let lacked = given.had.iter().zip(&given.next);
        let further = next.iter().zip(lacked).any(|(has, (had, given))| had < given && has > had);
        if further {
            (given.at, given.patience_ms) = (now, 2 * retry_ms);
            given.had = next.to_vec();
        } else if given.at.plus_ms(given.patience_ms) <= now {
            given.at = now;
            given.patience_ms = (2 * given.patience_ms).clamp(retry_ms, MAX_PATIENCE_MS.max(retry_ms));
            given.next = next.to_vec();
            return next.to_vec();
        }
        next.iter().zip(&given.next).map(|(has, given)| *has.max(given)).collect()
    }

    /// Remembers that a peer who has `had`, and is to have `has`, is given `units` besides.
    fn give(
        &mut self,
        now: Timestamp,
        peer: PublicKey,
        had: &[u32],
        mut has: Vec<u32>,
        units: &[VerifiedUnit],
    ) {
        for unit in units {
            if let Some(next) = has.get_mut(unit.unit().creator.index()) {
                *next = (*next).max(unit.unit().seq.saturating_add(1));
            }
        }
        let patience_ms = 2 * self.retry_ms();
        let fresh = || Given { had: had.to_vec(), next: Vec::new(), at: now, patience_ms };
        self.given.entry(peer).or_insert_with(fresh).next = has;
    }

    /// A peer is connected anew: what was under way to it is lost.
    pub(super) fn connected(&mut self, peer: &PublicKey) {
        self.given.remove(peer);
    }

    /// Gives a peer what it asks for by name.
    fn serve(&mut self, from: PublicKey, want: &Want, effects: &mut Vec<Effect>) {
        let bytes = 33 * self.era.validators.count() + 200;
        let most = (UNITS_BYTES / bytes).clamp(1, MAX_UNITS);
        let units = want.units.iter().filter_map(|hash| self.dag.find(hash)).take(most);
        let units: Vec<VerifiedUnit> = units.map(|unit| self.dag.verified(unit)).collect();
        for evidence in want.evidence.iter().filter_map(|member| self.dag.evidence().get(member)) {
            effects.push(Effect::Send { to: Some(from), message: Message::Evidence(evidence.clone()) });
        }
        if !units.is_empty() {
            effects.push(Effect::Send { to: Some(from), message: Message::Units(units) });
        }
    }

    fn proposal(&self, block: BlockIx) -> Proposal {
        let node = self.dag.blocks().get(block);
        Proposal { id: node.id, block: node.block, height: node.height, time: node.time, last: node.last }
    }
}
