//! The change from one era to the next, and what is still known of those that are over.

use std::collections::BTreeSet;

use super::kept::Kept;
use super::{KomaEngine, shares};
use crate::account::EraRecord;
use crate::engine::{Effect, Host, Reached};
use crate::genesis::Rules;
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::koma::era::{Era, Pace};
use crate::koma::event::Event;
use crate::koma::policy::Policy;
use crate::koma::validators::{Member, Validators, ValidatorsError};
use crate::moment::{Height, Timestamp};

/// Of how many eras is remembered how far they came; of those before, the seals tell.
const REACHED: usize = 64;

/// The era that a chain's state tells of; `barred` are those who may not lead in it.
pub(super) fn era(
    chain: Hash,
    rules: &Rules,
    record: &EraRecord,
    members: Vec<(PublicKey, u64)>,
    barred: &[PublicKey],
) -> Result<Era, ValidatorsError> {
    let validators = Validators::new(members)?;
    Ok(Era {
        chain,
        number: record.number,
        banned: barred.iter().filter_map(|key| validators.find(key)).collect(),
        validators,
        start: record.start,
        seed: record.seed,
        root: record.root,
        root_height: record.root_height,
        pace: Pace { round_ms: u64::from(rules.round_ms), max_exponent: rules.max_exponent },
        end: rules.era_end(),
        strict: record.strict,
    })
}

impl KomaEngine {
    /// A further era begins.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        record: &EraRecord,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let members = host.validators(record.number).unwrap_or_default();
        // The chain takes no validators that could not run an era.
        let Ok(era) = era(self.chain, &self.rules, record, members, &host.barred()) else { return };
        self.before = self.eras_so_far();
        while self.before.len() > REACHED {
            // One in which more cheated than its seals bear is not let go by being forgotten.
            let sound = self.before.iter().position(|era| era.faulty <= era.grade);
            self.before.remove(sound.unwrap_or(0));
        }
        let before = self.before.clone();
        out.push(Effect::Keep { era: era.number, bytes: encode(&Kept::Before(before)), sync: false });
        out.push(Effect::Forget(era.number - 1));
        let root = era.root_height;
        self.bodies.retain(|_, block| block.header.height > root);
        let bodies = &self.bodies;
        self.kept.retain(|hash| bodies.contains_key(hash));
        self.places.retain(|_, height| *height >= root);
        self.queue.clear();
        self.checks.clear();
        self.wanted.clear();
        // An era that began before the loss may hold words of this node's; one that began after it cannot.
        let silent = self.lost_at.is_some_and(|lost| era.start <= lost);
        if self.lost_at.is_some() {
            self.listening = silent.then(BTreeSet::new);
            self.koma.listen(silent);
            self.mark(era.number, out);
        }
        self.koma.follow(shares(&era.validators, &self.shares_per_mille));
        let mode = self.rules.mode;
        self.drive(now, Event::Begin { era: Box::new(era), mode }, host, out);
        if self.spared > Height(0) {
            self.keep_spared(out);
        }
        self.learn_deciders(host);
    }

    /// Reads how much weight of the running era is proven on the chain to have cheated: from the next block on, and at every
    /// node, nothing is executed below the threshold which that asks for.
    pub(super) fn read_record(&mut self, now: Timestamp, host: &mut dyn Host, out: &mut Vec<Effect>) {
        let era = self.koma.current().era().clone();
        let validators = &era.validators;
        let banned = |member: &Member| validators.key(*member).is_some_and(|key| host.is_banned(key));
        let members: BTreeSet<Member> = validators.all().filter(banned).collect();
        let weight = members.iter().map(|member| validators.weight(*member)).sum();
        self.least = Policy::on_record(self.rules.mode, validators, era.strict, weight);
        if !members.is_empty() {
            self.drive(now, Event::Convicted { era: era.number, members }, host, out);
        }
    }

    /// Learns whose word on blocks counts from now on, or soon.
    pub(super) fn learn_deciders(&mut self, host: &dyn Host) {
        let era = self.koma.current().era();
        let next = host.validators(era.number + 1).unwrap_or_default();
        self.deciders = era.validators.members().iter().chain(&next).map(|(key, _)| *key).collect();
    }

    /// What is known of how far eras have come, the running one last. The one before it may still grow.
    pub(super) fn eras_so_far(&self) -> Vec<Reached> {
        let mut eras = self.before.clone();
        let mut running = self.koma.eras().peekable();
        while let Some(instance) = running.next() {
            let last = running.peek().map_or(self.head.0, |next| next.era().root_height);
            let blocks = instance.dag().blocks();
            let ladder = instance.ladder().iter();
            let ladder = ladder.map(|rung| (rung.threshold(), blocks.get(rung.last()).height)).collect();
            let first = instance.era().root_height.next();
            let validators = &instance.era().validators;
            let grade = Policy::base(self.rules.mode, validators, instance.era().strict);
            let faulty = instance.dag().faulty_weight();
            let reached = Reached { first, last, total: validators.total(), grade, faulty, ladder };
            // Before a restart it may have been seen to reach less.
            eras.retain(|era| era.last < instance.era().root_height.next());
            eras.push(reached);
        }
        eras
    }

    /// The highest threshold at which an era that still runs executes.
    pub(super) fn threshold(&self) -> u64 {
        self.koma.eras().map(|instance| instance.policy().threshold()).max().unwrap_or_default()
    }

    fn keep_spared(&self, out: &mut Vec<Effect>) {
        let era = self.koma.current().era().number;
        out.push(Effect::Keep { era, bytes: encode(&Kept::Spared(self.spared)), sync: false });
    }

    /// Up to which block all may leave the chain when nobody asks for more than the rules do.
    fn leaves(&self) -> Height {
        let mut leaves = Height(0);
        let mut eras = self.koma.eras().peekable();
        while let Some(instance) = eras.next() {
            let least = self.threshold.max(instance.era().validators.classical());
            let rung = instance.ladder().iter().find(|rung| rung.threshold() >= least);
            let last = rung.map_or(Height(0), |rung| instance.dag().blocks().get(rung.last()).height);
            leaves = leaves.max(last);
            if eras.peek().is_some_and(|next| last < next.era().root_height) {
                break;
            }
        }
        leaves
    }

    /// The first block of the eldest era that still runs.
    pub(super) fn runs_from(&self) -> Height {
        self.koma.eras().next().map_or(Height(0), |eldest| eldest.era().root_height.next())
    }

    /// Notes what may leave before evidence asks for more: that is not taken back.
    pub(super) fn spare(&mut self, out: &mut Vec<Effect>) {
        let threshold = self.threshold();
        if self.threshold < threshold && self.spared < self.let_go {
            self.spared = self.let_go;
            self.keep_spared(out);
        }
        self.threshold = threshold;
        self.let_go = self.leaves();
    }
}
