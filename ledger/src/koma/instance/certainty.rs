//! What is final at each threshold, which threshold counts, and what is executed.

use std::collections::BTreeSet;

use super::{Instance, SETTLE_ROUNDS};
use crate::koma::dag::Inserted;
use crate::koma::effect::Effect;
use crate::koma::evidence::VerifiedEvidence;
use crate::koma::finality::Finality;
use crate::koma::message::Message;
use crate::koma::pending::Wanted;
use crate::koma::validators::Member;
use crate::moment::{Height, Timestamp};

impl Instance {
    /// Somebody equivocated, by evidence that was not known before.
    pub(super) fn caught(&mut self, now: Timestamp, against: Member, effects: &mut Vec<Effect>) {
        let evidence: &VerifiedEvidence = &self.dag.evidence()[&against];
        effects.push(Effect::Evidence(evidence.clone()));
        effects.push(Effect::Send { to: None, message: Message::Evidence(evidence.clone()) });
        self.queue.extend(self.pending.found(Wanted::Evidence(against)));
        self.raise_for_evidence(effects);
        self.busy_until = now.plus_ms(SETTLE_ROUNDS * self.round_ms());
    }

    /// The chain has evidence against these on record.
    pub(in crate::koma) fn convicted(
        &mut self,
        now: Timestamp,
        members: BTreeSet<Member>,
        effects: &mut Vec<Effect>,
    ) {
        if members.is_subset(&self.convicted) {
            return;
        }
        self.convicted.extend(members);
        self.raise_for_evidence(effects);
        // The others have to speak again for anything to reach the higher threshold.
        self.busy_until = now.plus_ms(SETTLE_ROUNDS * self.round_ms());
        self.follow(now, None, effects);
    }

    fn raise_for_evidence(&mut self, effects: &mut Vec<Effect>) {
        let cheats = self.convicted.iter().filter(|member| !self.dag.is_faulty(**member));
        let unseen: u64 = cheats.map(|member| self.era.validators.weight(*member)).sum();
        let before = self.policy.threshold();
        let alarm = self.policy.evidence(self.dag.faulty_weight() + unseen);
        effects.extend(alarm.map(|alarm| Effect::Alarm { era: self.era.number, alarm }));
        self.watch_threshold();
        if self.policy.threshold() > before {
            self.call_back(effects);
        }
    }

    /// Execution has come this far.
    pub(in crate::koma) fn executing(&mut self, height: Height) {
        self.executing = self.executing.max(Some(height));
    }

    /// The threshold rose: what was to be executed below it, and is not yet, has to reach the new one.
    pub(super) fn call_back(&mut self, effects: &mut Vec<Effect>) {
        let Some(executing) = self.executing else { return };
        let above = executing.max(self.era.root_height);
        let blocks = self.dag.blocks();
        if blocks.get(self.executed).height > above {
            self.executed = blocks.ancestor(self.executed, above);
            effects.push(Effect::CallBack { era: self.era.number, above });
        }
    }

    /// Follows the threshold at which blocks are executed.
    pub(super) fn watch_threshold(&mut self) {
        let threshold = self.policy.threshold();
        let at = self.ladder.partition_point(|finality| finality.threshold() < threshold);
        if self.ladder.get(at).is_none_or(|finality| finality.threshold() != threshold) {
            self.ladder.insert(at, Finality::new(threshold));
        }
    }

    /// Follows what is final: after one unit, or after new evidence.
    pub(super) fn follow(&mut self, now: Timestamp, inserted: Option<Inserted>, effects: &mut Vec<Effect>) {
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

    pub(super) fn clash(&mut self, threshold: u64, effects: &mut Vec<Effect>) {
        if !self.conflict {
            self.conflict = true;
            let alarm = self.policy.conflict(threshold);
            effects.push(Effect::Alarm { era: self.era.number, alarm });
        }
    }

    /// Executes what is final at the threshold of the era. What was executed stays.
    pub(super) fn execute(&mut self, effects: &mut Vec<Effect>) {
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
}
