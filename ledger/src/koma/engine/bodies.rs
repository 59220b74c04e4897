//! Bodies of blocks: they travel beside units, are kept before this node votes for them, and are checked once what they
//! rely on is executed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kept::Kept;
use super::{KomaEngine, SIGNATURES_AHEAD};
use crate::block::{Block, Header};
use crate::engine::{Effect, Host, Report, Verdict};
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::koma::effect::Proposal;
use crate::koma::event::Event;
use crate::koma::frame::{Frame, MAX_WANTED};
use crate::moment::{Height, Timestamp};
use crate::validity::check_body;

/// How many bodies of one validator are kept that no unit has named yet.
const UNNAMED: usize = 4;
const UNASKED_COST: u64 = 10;

/// A block whose place is to be checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) era: u64,
    pub(super) proposal: Proposal,
    pub(super) parent: Proposal,
    pub(super) proposer: PublicKey,
}

impl KomaEngine {
    /// Puts the body of a block on disk with the next unit: from then on this node may vote for it. What nobody may
    /// propose never gets there.
    pub(super) fn keep(&mut self, hash: &Hash, out: &mut Vec<Effect>) {
        let Some(block) = self.bodies.get(hash) else { return };
        if self.kept.insert(*hash) {
            let era = self.koma.current().era().number;
            let bytes = encode(&Kept::Body(block.clone()));
            out.push(Effect::Keep { era, bytes, sync: false });
        }
    }

    /// Of the bodies kept before a restart, holds on to those that the log does not have.
    pub(super) fn settle(&mut self, host: &dyn Host) {
        let head = self.head.0;
        let root = self.koma.current().era().root_height;
        for height in (root.0..=head.0).map(Height) {
            if let Some(committed) = host.committed(height) {
                self.places.insert(committed.seal.claim.block, height);
            }
        }
        let places = &mut self.places;
        self.bodies.retain(|hash, block| {
            let height = block.header.height;
            let stands = height <= head
                && host.committed(height).is_some_and(|committed| committed.seal.claim.block == *hash);
            if stands {
                places.insert(*hash, height);
            }
            !stands
        });
    }

    /// The body of a block that is committed or waits.
    pub(super) fn body(&self, hash: &Hash, host: &dyn Host) -> Option<Arc<Block>> {
        if let Some(block) = self.bodies.get(hash) {
            return Some(block.clone());
        }
        let committed = host.committed(*self.places.get(hash)?)?;
        (committed.seal.claim.block == *hash).then(|| Arc::new(committed.block.clone()))
    }

    fn header(&self, hash: &Hash, host: &dyn Host) -> Option<Header> {
        if let Some(block) = self.bodies.get(hash) {
            return Some(block.header.clone());
        }
        let height = if *hash == self.head.1 { self.head.0 } else { *self.places.get(hash)? };
        let committed = host.committed(height)?;
        (committed.seal.claim.block == *hash).then(|| committed.block.header.clone())
    }

    /// Makes a block for the round that begins at `start`, and sends its body ahead of the unit that proposes it.
    pub(super) fn propose(
        &mut self,
        start: Timestamp,
        parent: &Proposal,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) -> Option<Hash> {
        let mut above = Vec::new();
        let mut at = parent.block;
        while at != self.head.1 {
            let block = self.bodies.get(&at).filter(|block| block.header.height > self.head.0)?;
            at = block.header.parent;
            above.push(block.clone());
        }
        above.reverse();
        let block = Arc::new(host.propose(start, &above)?);
        let hash = block.header.hash();
        Self::send(out, None, &Frame::Body(block.clone()));
        self.bodies.insert(hash, block);
        self.keep(&hash, out);
        Some(hash)
    }

    /// Whether a block may stand where it is proposed; `None` when that does not show yet.
    pub(super) fn check(&mut self, check: &Check, host: &mut dyn Host) -> Option<bool> {
        let Check { proposal, parent, proposer, .. } = check;
        let as_proposed = |header: &Header| {
            header.height == proposal.height && header.time == proposal.time && header.proposer == *proposer
        };
        if self.places.contains_key(&proposal.block) && !self.bodies.contains_key(&proposal.block) {
            let header = self.header(&proposal.block, host);
            return header.map(|header| as_proposed(&header) && header.parent == parent.block);
        }
        let block = self.bodies.get(&proposal.block)?.clone();
        if !as_proposed(&block.header) || block.header.parent != parent.block {
            return Some(false);
        }
        let parent = self.header(&parent.block, host)?;
        match host.check(&block, &parent) {
            Verdict::Valid => Some(true),
            Verdict::Invalid(_) => Some(false),
            Verdict::After(_) => None,
        }
    }

    /// What may stand is kept, what may not is dropped.
    pub(super) fn judge(&mut self, block: &Hash, valid: bool, out: &mut Vec<Effect>) {
        if valid {
            self.keep(block, out);
        } else if !self.kept.contains(block) {
            self.bodies.remove(block);
        }
    }

    /// Asks all for bodies without which blocks cannot be checked.
    pub(super) fn fetch_for_checks(&mut self, out: &mut Vec<Effect>) {
        let of = |check: &Check| [check.proposal.block, check.parent.block];
        let here = |hash: &Hash| {
            self.bodies.contains_key(hash) || self.places.contains_key(hash) || *hash == self.head.1
        };
        let missing: BTreeSet<Hash> = self.checks.values().flat_map(of).filter(|hash| !here(hash)).collect();
        let missing: Vec<Hash> = missing.into_iter().take(MAX_WANTED).collect();
        if !missing.is_empty() {
            self.wanted.extend(missing.iter().copied());
            Self::send(out, None, &Frame::WantBodies(missing));
        }
    }

    /// Checks again what could not be checked before.
    pub(super) fn recheck(&mut self, now: Timestamp, host: &mut dyn Host, out: &mut Vec<Effect>) {
        let checks = std::mem::take(&mut self.checks);
        for (unit, check) in checks {
            match self.check(&check, host) {
                Some(valid) => {
                    self.judge(&check.proposal.block, valid, out);
                    self.drive(now, Event::Validated { era: check.era, unit, valid }, host, out);
                }
                None => drop(self.checks.insert(unit, check)),
            }
        }
    }

    pub(super) fn take_body(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        block: Arc<Block>,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let hash = block.header.hash();
        if self.bodies.contains_key(&hash) || self.places.contains_key(&hash) {
            return;
        }
        let asked_for = self.wanted.contains(&hash);
        let height = block.header.height;
        let near = height > self.head.0 && height.0 <= self.head.0.0 + SIGNATURES_AHEAD;
        let proposes = block.header.proposer == from && self.deciders.contains(&from);
        let expected = proposes && near && (asked_for || self.may_ask(now, from, UNASKED_COST));
        if block.header.chain != self.chain || !(asked_for || expected) {
            return;
        }
        if check_body(&block).is_err() {
            out.push(Effect::Report(Report::Malformed { peer: from }));
            return;
        }
        if !asked_for {
            let peer = self.peer(now, from);
            peer.unnamed.push_back(hash);
            if peer.unnamed.len() > UNNAMED {
                let oldest = peer.unnamed.pop_front();
                // What a unit named by now stays: it may become final.
                let stale = oldest.filter(|old| !self.is_named(old));
                stale.map(|stale| self.bodies.remove(&stale));
            }
        }
        self.wanted.remove(&hash);
        self.bodies.insert(hash, block);
        self.drive(now, Event::Body(hash), host, out);
        self.recheck(now, host, out);
    }

    /// Drops bodies at heights that are decided, unless a unit that holds names them: others may ask for those as long as
    /// the era lasts.
    pub(super) fn drop_stale(&mut self) {
        let head = self.head.0;
        let (kept, checks) = (&self.kept, &self.checks);
        let named = |hash: &Hash| {
            kept.contains(hash)
                || checks.values().any(|check| [check.proposal.block, check.parent.block].contains(hash))
        };
        self.bodies.retain(|hash, block| block.header.height > head || named(hash));
    }

    /// Whether a unit proposes this block.
    fn is_named(&self, hash: &Hash) -> bool {
        let waits = self.checks.values().any(|check| check.proposal.block == *hash);
        let blocks = self.koma.current().dag().blocks();
        waits || blocks.all().any(|block| blocks.get(block).block == *hash)
    }
}
