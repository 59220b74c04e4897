//! Filling gaps: nodes tell each other what they hold, give what the other lacks, and ask for what they miss.

use super::Instance;
use crate::key::PublicKey;
use crate::koma::effect::Effect;
use crate::koma::message::{Have, MAX_UNITS, Message, UNITS_BYTES, Want};
use crate::koma::pending::lacks;
use crate::koma::unit::VerifiedUnit;
use crate::moment::Timestamp;

/// How often, in rounds, a node tells another what it holds.
const GOSSIP_ROUNDS: u64 = 3;
/// The longest that units may be under way before they are given again, in milliseconds, unless a round is longer.
const MAX_PATIENCE_MS: u64 = 8_000;

/// Units that were given to a peer who said that it lacks them.
#[derive(Debug)]
pub(super) struct Given {
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
    pub(super) fn have(&self) -> Have {
        let next = |member| u32::try_from(self.dag.lane(member).len()).unwrap_or(u32::MAX);
        Have {
            era: self.era.number,
            next: self.era.validators.all().map(next).collect(),
            faulty: self.dag.evidence().keys().copied().collect(),
        }
    }

    /// How long an answer may take before somebody else is asked.
    pub(super) fn retry_ms(&self) -> u64 {
        self.round_ms()
    }

    /// Tells `peer` what is here, unless it was told just now.
    pub(super) fn tell(&mut self, now: Timestamp, peer: PublicKey, effects: &mut Vec<Effect>) {
        let recent = self.told.get(&peer).is_some_and(|at| at.plus_ms(self.retry_ms() / 2) > now);
        if !recent {
            self.told.insert(peer, now);
            effects.push(Effect::Send { to: Some(peer), message: Message::Have(self.have()) });
        }
    }

    pub(super) fn ask(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
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

    pub(super) fn others(&self) -> Vec<PublicKey> {
        let own = self.key.public();
        self.era.validators.members().iter().map(|(key, _)| *key).filter(|key| *key != own).collect()
    }

    /// Tells one other validator after the other what is here.
    pub(super) fn gossip(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.gossip_at = now.plus_ms(GOSSIP_ROUNDS * self.round_ms());
        let others = self.others();
        self.told.retain(|_, at| at.plus_ms(self.era.round_ms(self.era.pace.max_exponent)) > now);
        let retry_ms = self.retry_ms();
        // Keys that come and go must not pile up; a peer that is only slow gets further, or asks again, long before.
        self.given.retain(|_, given| given.at.plus_ms(4 * MAX_PATIENCE_MS.max(retry_ms)) > now);
        if let Some(peer) = others.get(self.gossip_turn % others.len().max(1)) {
            self.gossip_turn += 1;
            self.tell(now, *peer, effects);
        }
    }

    /// Gives a peer what it lacks, and asks for what it has and this node lacks.
    pub(super) fn answer(&mut self, now: Timestamp, from: PublicKey, have: &Have, effects: &mut Vec<Effect>) {
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
    pub(super) fn has(&mut self, now: Timestamp, peer: PublicKey, next: &[u32]) -> Vec<u32> {
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
    pub(super) fn give(
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
    pub(in crate::koma) fn connected(&mut self, peer: &PublicKey) {
        self.given.remove(peer);
    }

    /// Gives a peer what it asks for by name.
    pub(super) fn serve(&mut self, from: PublicKey, want: &Want, effects: &mut Vec<Effect>) {
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
}
