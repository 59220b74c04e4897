//! What happened in one era, as JSON Lines, for others to check with their own program.
//!
//! The first line is `{"weights":[…],"genesis":b,"seed":s}`. Then, in the order in which things happened:
//! `{"unit":id,"creator":i,"seq":n,"cites":[ids],"faulty":[creators],"block":b,"parent":b,"vote":b}` for each unit,
//! after those that it cites; `{"final":b,"observer":i,"t":t,"seen":[ids]}` when a block becomes final for an honest
//! observer, with every tip of what it held at that moment, both branches of an equivocator included;
//! `{"evidence":[id,id],"against":i}` after the unit that proves it. Identifiers are hashes in hexadecimal. A block is
//! known by the unit that proposes it, so `block` of a proposal is its own identifier. Among branches of equal weight the
//! one with the greater identifier wins. A node that restarted may find again what was final for it before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use ledger::Hash;
use ledger::koma::{Dag, Entry, Era, Seen, Unit, UnitError, UnitIx, VerifiedEvidence, VerifiedUnit};

use crate::history::{FinalSeen, History};
use crate::plan::Plan;
use crate::world::World;

/// Runs a plan and writes its trace. A trace covers one era, so the plan's era has no end then.
///
/// # Errors
/// When `out` takes no more.
pub fn write(plan: &Plan, out: &mut impl io::Write) -> io::Result<History> {
    let plan = Plan { traced: true, end: ledger::koma::End::NEVER, ..plan.clone() };
    let mut history = World::run(plan);
    out.write_all(&std::mem::take(&mut history.trace))?;
    Ok(history)
}

/// A trace being written, with all units that anybody made.
pub(crate) struct Trace {
    dag: Dag,
    waiting: Vec<VerifiedUnit>,
    views: BTreeMap<usize, View>,
    text: String,
}

/// What one observer holds. Its graph alone does not say: in the middle of a step it has more already.
#[derive(Default)]
struct View {
    held: BTreeSet<Hash>,
    /// The units that no other one cites.
    tips: BTreeSet<Hash>,
    /// Units of evidence that came by itself. They count from when all that they cite is held.
    loose: Vec<VerifiedUnit>,
}

impl View {
    fn take(&mut self, hash: Hash, unit: &Unit) {
        if self.held.insert(hash) {
            for entry in &unit.panorama {
                if let Entry::Correct(cited) = entry {
                    self.tips.remove(cited);
                }
            }
            self.tips.insert(hash);
        }
    }

    /// Takes what loose units have nothing missing, if others were told of them.
    fn settle(&mut self, told: &Dag) {
        for unit in std::mem::take(&mut self.loose) {
            let here =
                told.find(&unit.hash()).is_some() && unit.cites().all(|cited| self.held.contains(&cited));
            if here { self.take(unit.hash(), unit.unit()) } else { self.loose.push(unit) }
        }
    }
}

fn list<T>(items: impl IntoIterator<Item = T>, show: impl Fn(T) -> String) -> String {
    items.into_iter().map(show).collect::<Vec<_>>().join(",")
}

fn name(hash: Hash) -> String {
    format!("\"{hash}\"")
}

impl Trace {
    pub(crate) fn new(plan: &Plan, era: Arc<Era>) -> Trace {
        let weights = list(era.validators.members(), |(_, weight)| weight.to_string());
        let text =
            format!("{{\"weights\":[{weights}],\"genesis\":{},\"seed\":{}}}\n", name(era.root), plan.seed);
        Trace { dag: Dag::new(era), waiting: Vec::new(), views: BTreeMap::new(), text }
    }

    /// Somebody made a unit. It is told once all that it cites is; one that breaks the rules never is.
    pub(crate) fn unit(&mut self, unit: &VerifiedUnit) {
        self.waiting.push(unit.clone());
        let mut told = true;
        while told {
            told = false;
            for unit in std::mem::take(&mut self.waiting) {
                let known = self.dag.find(&unit.hash()).is_some();
                match self.dag.insert(&unit) {
                    Ok(_) if known => {}
                    Ok(inserted) => {
                        told = true;
                        self.tell(inserted.unit);
                    }
                    Err(UnitError::MissingUnit(_) | UnitError::MissingEvidence(_)) => self.waiting.push(unit),
                    Err(_) => {}
                }
            }
        }
    }

    fn tell(&mut self, unit: UnitIx) {
        let (dag, blocks) = (&self.dag, self.dag.blocks());
        let validators = &dag.era().validators;
        let cites = validators.all().filter_map(|member| match dag.sees(unit, member) {
            Seen::Unit(cited) => Some(dag.hash(cited)),
            Seen::None | Seen::Faulty => None,
        });
        let faulty = validators.all().filter(|member| dag.sees(unit, *member) == Seen::Faulty);
        let null = || "null".to_owned();
        let block = dag.block(unit).map(|block| blocks.get(block));
        let parent = block.map_or_else(null, |block| name(blocks.get(block.parent).id));
        let _ = writeln!(
            self.text,
            "{{\"unit\":{},\"creator\":{},\"seq\":{},\"cites\":[{}],\"faulty\":[{}],\"block\":{},\"parent\":{parent},\
             \"vote\":{}}}",
            name(dag.hash(unit)),
            dag.creator(unit).0,
            dag.seq(unit),
            list(cites, name),
            list(faulty, |member| member.0.to_string()),
            block.map_or_else(null, |block| name(block.id)),
            name(blocks.get(dag.vote(unit)).id),
        );
        let creator = dag.creator(unit);
        let evidence = dag.evidence().get(&creator).map(|evidence| evidence.units().map(VerifiedUnit::hash));
        if let Some(pair) = evidence.filter(|pair| pair.contains(&dag.hash(unit))) {
            let pair = list(pair, name);
            let _ = writeln!(self.text, "{{\"evidence\":[{pair}],\"against\":{}}}", creator.0);
        }
    }

    /// An honest observer took a unit.
    pub(crate) fn kept(&mut self, observer: usize, unit: &Unit) {
        self.views.entry(observer).or_default().take(unit.hash(), unit);
    }

    /// An honest observer learned of an equivocation.
    pub(crate) fn accused(&mut self, observer: usize, evidence: &VerifiedEvidence) {
        let view = self.views.entry(observer).or_default();
        view.loose.extend(evidence.units().into_iter().cloned());
    }

    /// An honest observer starts again with `dag`.
    pub(crate) fn restarted(&mut self, observer: usize, dag: &Dag) {
        self.views.remove(&observer);
        dag.all().for_each(|unit| self.kept(observer, &dag.signed(unit).unit));
        dag.evidence().values().for_each(|evidence| self.accused(observer, evidence));
    }

    /// A block became final for an honest observer.
    pub(crate) fn final_at(&mut self, seen: &FinalSeen) {
        let view = self.views.entry(seen.node).or_default();
        view.settle(&self.dag);
        let tips = list(&view.tips, |hash| name(*hash));
        let (block, observer, t) = (name(seen.block.id), seen.node, seen.threshold);
        let _ =
            writeln!(self.text, "{{\"final\":{block},\"observer\":{observer},\"t\":{t},\"seen\":[{tips}]}}");
    }

    /// How many units were told.
    pub(crate) fn units(&self) -> u64 {
        self.dag.count() as u64
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}
