//! Units that wait for what they cite. Bounded and expiring; every holder of a missing unit is remembered, so that the
//! next is asked when one does not answer.

use std::collections::{BTreeMap, BTreeSet};

use super::dag::{Dag, Missing};
use super::message::MAX_UNITS;
use super::unit::VerifiedUnit;
use super::validators::Member;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::moment::Timestamp;

/// The most units that wait.
pub const MAX_WAITING: usize = 8192;
/// The most units that wait on one peer's word.
pub const MAX_PER_PEER: usize = 2048;
/// The most holders remembered of one thing.
const MAX_HOLDERS: usize = 16;

/// How often patience doubles while something is asked for in vain.
const MAX_DOUBLED: usize = 5;

/// What is asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// A unit.
    Unit(Hash),
    /// Evidence against a validator.
    Evidence(Member),
    /// A block's body.
    Body(Hash),
}

/// Who may have a wanted thing, and when to ask next.
#[derive(Clone, Debug)]
struct Search {
    holders: Vec<PublicKey>,
    asked: usize,
    due: Timestamp,
    /// Units that wait for it.
    waiting: BTreeSet<Hash>,
}

/// A unit that waits.
#[derive(Clone, Debug)]
struct Waiter {
    unit: VerifiedUnit,
    from: PublicKey,
    since: Timestamp,
    missing: BTreeSet<Wanted>,
}

/// All that waits.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    waiters: BTreeMap<Hash, Waiter>,
    searches: BTreeMap<Wanted, Search>,
    per_peer: BTreeMap<PublicKey, usize>,
}

/// What to ask of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// Units and evidence.
    pub units: Vec<Hash>,
    /// Evidence.
    pub evidence: Vec<Member>,
    /// Bodies.
    pub bodies: Vec<Hash>,
}

impl Pending {
    /// How many units wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.waiters.len()
    }

    /// Whether this unit waits.
    #[must_use]
    pub fn holds(&self, unit: &Hash) -> bool {
        self.waiters.contains_key(unit)
    }

    /// Whether something here waits for it.
    #[must_use]
    pub fn wants(&self, wanted: Wanted) -> bool {
        self.searches.contains_key(&wanted)
    }

    /// How many units of one creator wait.
    #[must_use]
    pub fn made_by(&self, member: Member) -> usize {
        self.waiters.values().filter(|waiter| waiter.unit.unit().creator == member).count()
    }

    /// Remembers that `peer` may have what the waiting `unit` misses.
    pub fn holder(&mut self, unit: &Hash, peer: PublicKey) {
        let Some(waiter) = self.waiters.get(unit) else { return };
        for wanted in &waiter.missing {
            if let Some(search) = self.searches.get_mut(wanted) {
                search.holder(peer);
            }
        }
    }

    /// Lets `unit` wait for `missing`; the first question is due at `ask_at`. Returns whether there was room.
    pub fn insert(
        &mut self,
        unit: VerifiedUnit,
        missing: impl IntoIterator<Item = Wanted>,
        from: PublicKey,
        now: Timestamp,
        ask_at: Timestamp,
    ) -> bool {
        let mine = self.per_peer.entry(from).or_default();
        if self.waiters.len() >= MAX_WAITING || *mine >= MAX_PER_PEER {
            return false;
        }
        *mine += 1;
        let hash = unit.hash();
        let missing: BTreeSet<Wanted> = missing.into_iter().collect();
        for wanted in &missing {
            let search = self.searches.entry(*wanted).or_insert_with(|| Search {
                holders: Vec::new(),
                asked: 0,
                due: ask_at,
                waiting: BTreeSet::new(),
            });
            search.holder(from);
            search.waiting.insert(hash);
        }
        self.waiters.insert(hash, Waiter { unit, from, since: now, missing });
        true
    }

    /// Something is here now; returns the units that wait for nothing more, with who sent them.
    pub fn found(&mut self, wanted: Wanted) -> Vec<(VerifiedUnit, PublicKey)> {
        let Some(search) = self.searches.remove(&wanted) else { return Vec::new() };
        let mut ready = Vec::new();
        for hash in search.waiting {
            let Some(waiter) = self.waiters.get_mut(&hash) else { continue };
            waiter.missing.remove(&wanted);
            if waiter.missing.is_empty() {
                ready.extend(self.remove(&hash));
            }
        }
        ready
    }

    /// Something will never be here: what waits for it goes, and what waits for that.
    pub fn refuse(&mut self, wanted: Wanted) {
        let mut gone = vec![wanted];
        while let Some(wanted) = gone.pop() {
            let Some(search) = self.searches.remove(&wanted) else { continue };
            for hash in search.waiting {
                self.remove(&hash);
                gone.push(Wanted::Unit(hash));
            }
        }
    }

    /// What to ask at `now`, of whom; asks again after `retry_ms` at first, then of the next holder. When all known holders were
    /// asked, it is the turn of the `others`: who sent a unit may keep back what it cites.
    pub fn ask(
        &mut self,
        now: Timestamp,
        retry_ms: u64,
        others: &[PublicKey],
    ) -> BTreeMap<PublicKey, Asking> {
        let mut questions: BTreeMap<PublicKey, Asking> = BTreeMap::new();
        for (wanted, search) in &mut self.searches {
            // What waits here itself, or for its own needs, comes without being asked for.
            let held = matches!(wanted, Wanted::Unit(hash) if self.waiters.contains_key(hash));
            if search.due > now || held {
                continue;
            }
            let strangers = others.iter().filter(|other| !search.holders.contains(other));
            let turn = search.asked % (search.holders.len() + strangers.clone().count()).max(1);
            let Some(holder) = search.holders.iter().chain(strangers.clone()).nth(turn) else { continue };
            let asking = questions.entry(*holder).or_default();
            if asking.units.len() + asking.evidence.len() + asking.bodies.len() >= MAX_UNITS {
                continue;
            }
            match wanted {
                Wanted::Unit(hash) => asking.units.push(*hash),
                Wanted::Evidence(member) => asking.evidence.push(*member),
                Wanted::Body(hash) => asking.bodies.push(*hash),
            }
            // Each time that everybody was asked, patience doubles: an answer may be under way on a slow line.
            let turns = search.asked / (search.holders.len() + strangers.count()).max(1);
            search.asked += 1;
            search.due = now.plus_ms(retry_ms << turns.min(MAX_DOUBLED));
        }
        questions
    }

    /// When there is next something to ask.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let held = |wanted: &Wanted| matches!(wanted, Wanted::Unit(hash) if self.waiters.contains_key(hash));
        self.searches.iter().filter(|(wanted, _)| !held(wanted)).map(|(_, search)| search.due).min()
    }

    /// Drops what has waited since before `since`.
    pub fn expire(&mut self, since: Timestamp) {
        let old: Vec<Hash> =
            (self.waiters.iter()).filter(|(_, waiter)| waiter.since < since).map(|(hash, _)| *hash).collect();
        old.iter().for_each(|hash| drop(self.remove(hash)));
    }

    fn remove(&mut self, hash: &Hash) -> Option<(VerifiedUnit, PublicKey)> {
        let Waiter { unit, from, missing, .. } = self.waiters.remove(hash)?;
        if let Some(mine) = self.per_peer.get_mut(&from) {
            *mine -= 1;
            if *mine == 0 {
                self.per_peer.remove(&from);
            }
        }
        for wanted in missing {
            if let Some(search) = self.searches.get_mut(&wanted) {
                search.waiting.remove(hash);
                if search.waiting.is_empty() {
                    self.searches.remove(&wanted);
                }
            }
        }
        Some((unit, from))
    }
}

impl Search {
    fn holder(&mut self, peer: PublicKey) {
        if !self.holders.contains(&peer) && self.holders.len() < MAX_HOLDERS {
            self.holders.push(peer);
        }
    }
}

impl Missing {
    /// What is missing, as it is asked for.
    pub fn wanted(&self) -> impl Iterator<Item = Wanted> + '_ {
        let units = self.units.iter().map(|hash| Wanted::Unit(*hash));
        units.chain(self.evidence.iter().map(|member| Wanted::Evidence(*member)))
    }
}

/// The units that a peer who holds `next` lacks, each after what it cites; at most `most`.
pub fn lacks<'a>(dag: &'a Dag, next: &'a [u32], most: usize) -> impl Iterator<Item = VerifiedUnit> + 'a {
    let lacks = move |unit: &super::dag::UnitIx| {
        next.get(dag.creator(*unit).index()).is_none_or(|next| dag.seq(*unit) >= *next)
    };
    dag.all().filter(lacks).take(most).map(|unit| dag.verified(unit))
}
