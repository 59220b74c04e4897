//! This node's part in the rounds of an era: it proposes, confirms and bears witness, each when it is due.

use super::{Instance, SETTLE_ROUNDS};
use crate::hash::Hash;
use crate::koma::dag::{Seen, UnitIx};
use crate::koma::effect::Effect;
use crate::koma::finality::Finality;
use crate::koma::schedule::{Outcome, Round};
use crate::koma::unit::{Unit, VERSION};
use crate::koma::validators::Member;
use crate::moment::Timestamp;

/// After how many rounds without a word a validator shows that it is there.
const HEARTBEAT_ROUNDS: u64 = 16;
/// But no sooner than after so many milliseconds: every word is kept.
const HEARTBEAT_MS: u64 = 4_000;
/// After how many missed rounds nobody waits for a validator any more.
const MISSES: u8 = 2;
/// A proposal that comes after so many rounds tells nothing of their length: it was held up by something else.
const LATE_ROUNDS: u64 = 4;
/// For how many rounds of the longest kind a unit waits for what it misses.
const PATIENCE_ROUNDS: u64 = 64;

impl Instance {
    /// Begins the round that holds `now`.
    pub(super) fn begin_round(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
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
        if self.choice_is_settled(self.era.validators.classical()) {
            self.policy.classical_at(now);
        }
    }

    pub(super) fn may_speak(&self) -> bool {
        self.speaks && self.own.is_some_and(|own| !self.dag.is_faulty(own))
    }

    /// Whether nothing more than the last block that is final at `threshold` is voted for.
    fn choice_is_settled(&self, threshold: u64) -> bool {
        let last = self.ladder.iter().find(|finality| finality.threshold() >= threshold).map(Finality::last);
        last == Some(self.dag.choice())
    }

    pub(super) fn ask_for_block(&mut self, start: Timestamp, effects: &mut Vec<Effect>) {
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
    pub(in crate::koma) fn proposed(
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
    pub(super) fn speak(
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
    pub(super) fn open_door(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(round) = &mut self.round {
            round.shut = false;
        }
        for (unit, from) in std::mem::take(&mut self.door) {
            self.offer(now, unit, from, effects);
        }
    }

    pub(super) fn confirm(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(round) = &mut self.round else { return };
        round.confirmed = true;
        let panorama = self.dag.panorama(now);
        self.speak(now, now, &panorama, None, effects);
        self.open_door(now, effects);
    }

    pub(super) fn bear_witness(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let heard = self.own.and_then(|own| self.dag.lane(own).last().copied());
        let heard = heard.map_or(self.era.start, |last| self.dag.timestamp(last));
        let settled = self.choice_is_settled(self.era.validators.classical().max(self.policy.threshold()));
        let Some(round) = &mut self.round else { return };
        round.witnessed = true;
        let silent = heard.plus_ms((HEARTBEAT_ROUNDS * round.length_ms).max(HEARTBEAT_MS)) <= now;
        if round.proposal.is_some() || silent || !settled || now < self.busy_until {
            let panorama = self.dag.panorama(now);
            self.speak(now, now, &panorama, None, effects);
        }
    }

    /// Whether everybody has confirmed who usually does, and they are a quorum.
    pub(super) fn all_confirmed(&self) -> bool {
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

    /// Does what a new unit calls for in the current round.
    pub(super) fn take_part(&mut self, now: Timestamp, unit: UnitIx, effects: &mut Vec<Effect>) {
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
}
