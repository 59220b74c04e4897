//! What comes in: units wait at the door, for their time, for what they cite, for a body, for a check; then they enter the
//! graph.

use std::collections::BTreeSet;

use super::Instance;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::koma::dag::UnitError;
use crate::koma::effect::{Effect, Fault, Proposal, Record};
use crate::koma::message::Message;
use crate::koma::pending::Wanted;
use crate::koma::unit::VerifiedUnit;
use crate::koma::validators::Member;
use crate::moment::Timestamp;

/// The most units that wait at the door, or for their time.
const MAX_HELD: usize = 8192;
/// How far ahead of the local clock a unit may be, in rounds of the longest kind.
const AHEAD_ROUNDS: u64 = 4;
/// The most blocks whose validity is being checked.
const MAX_VALIDATING: usize = 1024;
/// The most of one validator.
const MAX_VALIDATING_EACH: usize = 8;
/// The most refused units that are remembered.
const MAX_REFUSED: usize = 1024;

impl Instance {
    /// Takes what a peer said.
    pub(in crate::koma) fn receive(
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
    pub(super) fn offer(
        &mut self,
        now: Timestamp,
        unit: VerifiedUnit,
        from: PublicKey,
        effects: &mut Vec<Effect>,
    ) {
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
    pub(super) fn exceeds_quota(&self, now: Timestamp, member: Member) -> bool {
        let rounds = now.0.saturating_sub(self.era.start.0) / self.era.round_ms(0) + 2;
        let branches = if self.dag.is_faulty(member) { self.era.validators.count() as u64 } else { 1 };
        self.dag.made_by(member) as u64 >= rounds.saturating_mul(2).saturating_mul(branches)
    }

    /// Works off what may be ready.
    pub(super) fn drain(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some((unit, from)) = self.queue.pop_front() {
            self.resolve(now, unit, from, effects);
        }
    }

    pub(super) fn resolve(
        &mut self,
        now: Timestamp,
        unit: VerifiedUnit,
        from: PublicKey,
        effects: &mut Vec<Effect>,
    ) {
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
    pub(super) fn may_validate(&self, creator: Member) -> bool {
        let own = self.validating.values().filter(|(unit, _)| unit.unit().creator == creator).count();
        own < MAX_VALIDATING_EACH && self.validating.len() < MAX_VALIDATING
    }

    pub(super) fn refuse(&mut self, hash: Hash, from: PublicKey, fault: Fault, effects: &mut Vec<Effect>) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.pop_first();
        }
        self.refused.insert(hash);
        self.pending.refuse(Wanted::Unit(hash));
        effects.push(Effect::Misbehaved { peer: from, fault });
    }

    /// The body of a block is here.
    pub(in crate::koma) fn body(&mut self, now: Timestamp, block: Hash, effects: &mut Vec<Effect>) {
        self.bodies.insert(block);
        self.queue.extend(self.pending.found(Wanted::Body(block)));
        self.drain(now, effects);
    }

    /// Takes the answer of the one who checks blocks.
    pub(in crate::koma) fn validated(
        &mut self,
        now: Timestamp,
        unit: Hash,
        valid: bool,
        effects: &mut Vec<Effect>,
    ) {
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
    pub(super) fn enter(
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
}
