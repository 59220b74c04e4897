//! Seals: what is final is executed one block at a time, signed, and stands once enough have signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BODY_COST, KomaEngine, SIGNATURES_AHEAD};
use crate::block::{Claim, Seal};
use crate::engine::{Effect, Host, Report};
use crate::key::{PublicKey, Signature};
use crate::koma::effect::Proposal;
use crate::koma::era::Era;
use crate::koma::frame::Frame;
use crate::koma::instance::Instance;
use crate::koma::policy::Alarm;
use crate::moment::{Height, Timestamp};

/// After how long without a seal a node repeats its signature.
const REPEAT_MS: u64 = 500;
/// For how long the last block of an era waits for two thirds of the weight, in milliseconds.
const CHECKPOINT_MS: u64 = 5_000;
/// How many seals are remembered until they are taken.
const SEALS: usize = 4;

/// A block that was executed and waits for its seal.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) claim: Claim,
    pub(super) bytes: Vec<u8>,
    pub(super) era: Arc<Era>,
    pub(super) signatures: BTreeMap<PublicKey, Signature>,
    pub(super) repeat_at: Timestamp,
    /// Until when the last block of an era waits for two thirds of the weight, should less be enough.
    pub(super) patient_until: Timestamp,
}

impl KomaEngine {
    /// A block is final. What was executed before a restart, or adopted, is known already.
    pub(super) fn execute(&mut self, era: u64, block: Proposal, host: &dyn Host, out: &mut Vec<Effect>) {
        let current = self.koma.current().era().number;
        if block.height > self.head.0 && era == current {
            self.queue.push_back(block);
        } else if block.height > self.head.0
            || host.committed(block.height).is_some_and(|known| known.seal.claim.block != block.block)
        {
            self.halted = true;
            let alarm = Alarm::Conflict { threshold: self.koma.current().policy().threshold() };
            out.push(Effect::Report(Report::Alarm { era, alarm }));
        }
    }

    /// Hands the next block to the ledger, if there is one and nothing is under way.
    pub(super) fn release(&mut self, out: &mut Vec<Effect>) {
        if self.executing.is_some() {
            return;
        }
        let next = self.head.0.next();
        while self.adopted.front().is_some_and(|(block, _)| block.header.height < next) {
            self.adopted.pop_front();
        }
        while self.queue.front().is_some_and(|block| block.height < next) {
            self.queue.pop_front();
        }
        if let Some((block, seal)) = self.adopted.front().filter(|(block, _)| block.header.height == next) {
            let (era, grade) = (seal.claim.era, seal.claim.grade);
            if era != self.koma.current().era().number || grade < self.least {
                // Who decided in another era has no say here, and a seal below what evidence on record asks for counts
                // nothing.
                self.adopted.clear();
                return;
            }
            self.executing = Some(next);
            self.koma.executing(next);
            out.push(Effect::Final { block: block.clone(), era, grade, seal: Some(Box::new(seal.clone())) });
            return;
        }
        let Some(proposal) = self.queue.front().filter(|block| block.height == next) else { return };
        let Some(block) = self.bodies.get(&proposal.block) else { return };
        let era = self.koma.current().era().number;
        self.executing = Some(next);
        self.koma.executing(next);
        out.push(Effect::Final { block: block.clone(), era, grade: self.least, seal: None });
    }

    /// Signs what came of a block.
    pub(super) fn executed(&mut self, now: Timestamp, claim: Claim, out: &mut Vec<Effect>) {
        let Some(era) = self.koma.era(claim.era).map(Instance::era).cloned() else { return };
        let (height, bytes) = (claim.height, claim.signing_bytes());
        let mut signatures = BTreeMap::new();
        for (key, _) in era.validators.members() {
            let signature = self.signatures.remove(&(height, *key));
            if let Some(signature) = signature.filter(|signature| key.verify(&bytes, signature).is_ok()) {
                signatures.insert(*key, signature);
            }
        }
        let patient_until = now.plus_ms(CHECKPOINT_MS);
        let mut pending = Pending { claim, bytes, era, signatures, repeat_at: now, patient_until };
        if pending.era.validators.find(&self.own).is_some() {
            pending.signatures.insert(self.own, self.key.sign(&pending.bytes));
        }
        self.pending = Some(pending);
        self.repeat(now, out);
        self.seal(now);
    }

    /// Sends the own signature to all.
    pub(super) fn repeat(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(pending) = &mut self.pending else { return };
        pending.repeat_at = now.plus_ms(REPEAT_MS);
        if let Some(signature) = pending.signatures.get(&self.own) {
            let Claim { era, height, .. } = pending.claim;
            Self::send(out, None, &Frame::Signature { era, height, signature: *signature });
        }
    }

    /// Puts the seal together once the signers weigh enough. Outsiders judge a chain by the last blocks of its eras, so
    /// these wait a little for two thirds of the weight where less would be enough.
    pub(super) fn seal(&mut self, now: Timestamp) {
        let Some(pending) = &self.pending else { return };
        let validators = &pending.era.validators;
        let weigh = |key: &PublicKey| validators.find(key).map_or(0, |member| validators.weight(member));
        let signed: u128 = pending.signatures.keys().map(|key| u128::from(weigh(key))).sum();
        let total = u128::from(validators.total());
        let waits = pending.era.ends_with(pending.claim.height, pending.claim.time)
            && 3 * signed < 2 * total
            && now < pending.patient_until;
        if 2 * signed > total + u128::from(pending.claim.grade) && !waits {
            let signatures = pending.signatures.iter().map(|(key, signature)| (*key, *signature)).collect();
            self.remember(Seal { claim: pending.claim.clone(), signatures });
        }
    }

    fn remember(&mut self, seal: Seal) {
        self.seals.insert(seal.claim.height, seal);
        if self.seals.len() > SEALS {
            self.seals.pop_first();
        }
    }

    pub(super) fn take_signature(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        height: Height,
        signature: Signature,
        host: &dyn Host,
        out: &mut Vec<Effect>,
    ) {
        if height <= self.head.0 {
            // It waits for a seal that this node has.
            if self.peer(now, from).told < height
                && self.may_ask(now, from, BODY_COST)
                && let Some(committed) = host.committed(height)
            {
                self.peer(now, from).told = height;
                Self::send(out, Some(from), &Frame::Sealed(Box::new(committed.seal.clone())));
            }
            return;
        }
        if !self.deciders.contains(&from) {
            return;
        }
        let peer = self.peer(now, from);
        peer.height = peer.height.max(Height(height.0 - 1));
        if height.0 > self.head.0.0 + SIGNATURES_AHEAD {
            return;
        }
        match &mut self.pending {
            Some(pending) if pending.claim.height == height => {
                let known = pending.era.validators.find(&from).is_some();
                if known && from.verify(&pending.bytes, &signature).is_ok() {
                    pending.signatures.insert(from, signature);
                    self.seal(now);
                }
            }
            _ => drop(self.signatures.insert((height, from), signature)),
        }
    }

    pub(super) fn take_seal(&mut self, seal: Seal, out: &mut Vec<Effect>) {
        let Some(pending) = self.pending.as_ref().filter(|one| one.claim.height == seal.claim.height) else {
            return;
        };
        let holds = seal.claim.chain == self.chain
            && seal.claim.era == pending.claim.era
            && seal.claim.grade == pending.claim.grade
            && seal.verify(pending.era.validators.members()).is_ok();
        if !holds {
            return;
        }
        if seal.claim == pending.claim {
            self.remember(seal);
        } else {
            self.halted = true;
            out.push(Effect::Report(Report::Diverged(seal.claim.height)));
        }
    }
}
