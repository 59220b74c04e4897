//! What was seen in a world, and whether it broke a promise.

use std::collections::{BTreeMap, BTreeSet};

use ledger::koma::{Alarm, Proposal};
use ledger::{Hash, Height};

use crate::host::Executed;

/// A block that became final at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalSeen {
    /// At which node.
    pub node: usize,
    /// In which era.
    pub era: u64,
    /// Which block.
    pub block: Proposal,
    /// At which threshold.
    pub threshold: u64,
    /// When, in milliseconds from the beginning, by the world's clock.
    pub at_ms: u64,
}

/// What was done to a world, by kind and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Messages lost.
    pub lost: u64,
    /// Messages that came twice.
    pub repeated: u64,
    /// Messages that a partition held back.
    pub parted: u64,
    /// Nodes that stopped.
    pub crashes: u64,
    /// Nodes that started again.
    pub restarts: u64,
    /// Crashes that cut off a part of the log.
    pub torn: u64,
    /// Units that cheats sent besides those that they should have sent.
    pub forks: u64,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// All finals at honest nodes, in order.
    pub finals: Vec<FinalSeen>,
    /// The executed chain of each honest node.
    pub chains: BTreeMap<usize, Vec<Executed>>,
    /// When each honest node executed each height, in milliseconds from the beginning.
    pub executed_ms: BTreeMap<(usize, Height), u64>,
    /// Alarms at honest nodes.
    pub alarms: Vec<(usize, Alarm)>,
    /// When evidence was first known to an honest node, and when each honest node had raised its threshold.
    pub evidence_ms: Vec<(usize, u64)>,
    /// Promises that were broken, in words.
    pub broken: Vec<String>,
    /// The most units that one era held at an honest node, and the most that waited.
    pub most_units: usize,
    /// The most units that waited at an honest node.
    pub most_waiting: usize,
    /// The most bytes of memory that the units of one era took at an honest node, about.
    pub most_bytes: usize,
    /// The greatest exponent of a round's length at the end.
    pub exponent: u8,
    /// How many messages were delivered.
    pub messages: u64,
    /// How many units were made, those of cheats included.
    pub units: u64,
    /// What went wrong.
    pub faults: Faults,
    /// How many eras began.
    pub eras: u64,
    /// The trace, if it was asked for.
    pub trace: Vec<u8>,
    places: BTreeMap<(u64, usize, u32), Hash>,
    thresholds: BTreeMap<(usize, u64), u64>,
}

impl History {
    /// An honest validator made a unit; it never makes two in one place, across crashes too.
    pub(crate) fn made(&mut self, validator: usize, era: u64, seq: u32, unit: Hash) {
        let known = *self.places.entry((era, validator, seq)).or_insert(unit);
        if known != unit {
            self.broken.push(format!("honest validator {validator} equivocates at {seq} in era {era}"));
        }
    }

    /// The threshold at which a node executes; it never falls within an era. A restart begins again.
    pub(crate) fn executes_at(&mut self, node: usize, era: u64, threshold: u64) {
        let known = self.thresholds.insert((node, era), threshold).unwrap_or(0);
        if threshold < known {
            self.broken.push(format!("the threshold of node {node} falls in era {era}"));
        }
    }

    /// The node starts again; what it knew of evidence comes back from its disk.
    pub(crate) fn restarted(&mut self, node: usize) {
        self.thresholds.retain(|(known, _), _| *known != node);
    }

    /// Checks what can be checked at the end: `cheats` is the weight of those who may have equivocated.
    pub(crate) fn finish(&mut self, cheats: u64) {
        let chains: Vec<_> = self.chains.iter().collect();
        for (at, (a, first)) in chains.iter().enumerate() {
            for (b, second) in &chains[at + 1..] {
                for (x, y) in first.iter().zip(second.iter()) {
                    if x.hash != y.hash && cheats <= x.threshold.min(y.threshold) {
                        let height = x.block.height;
                        self.broken.push(format!("nodes {a} and {b} executed different blocks at {height}"));
                        break;
                    }
                }
            }
        }
        let mut at: BTreeMap<(u64, Height), Vec<FinalSeen>> = BTreeMap::new();
        for seen in &self.finals {
            let rivals = at.entry((seen.era, seen.block.height)).or_default();
            let clash = rivals.iter().find(|other| {
                other.block.id != seen.block.id && cheats <= other.threshold.min(seen.threshold)
            });
            if let Some(other) = clash {
                self.broken.push(format!(
                    "competing blocks are final at {} and {}, and only {cheats} cheat",
                    other.threshold, seen.threshold
                ));
            }
            rivals.push(*seen);
        }
    }

    /// The height that every honest node has executed.
    #[must_use]
    pub fn common_height(&self) -> usize {
        self.chains.values().map(Vec::len).min().unwrap_or(0)
    }

    /// For each threshold the most blocks that became final at it for one node.
    #[must_use]
    pub fn final_blocks(&self) -> BTreeMap<u64, usize> {
        let mut blocks: BTreeMap<(u64, usize), BTreeSet<Hash>> = BTreeMap::new();
        for seen in &self.finals {
            blocks.entry((seen.threshold, seen.node)).or_default().insert(seen.block.id);
        }
        let mut most: BTreeMap<u64, usize> = BTreeMap::new();
        for ((threshold, _), blocks) in blocks {
            let most = most.entry(threshold).or_default();
            *most = blocks.len().max(*most);
        }
        most
    }

    /// How long it took from each proposal until it was final at `threshold`, at each node, in milliseconds; sorted.
    #[must_use]
    pub fn delays_ms(&self, threshold: u64) -> Vec<u64> {
        let beginning = crate::node::BEGINNING.0;
        let mut delays: Vec<u64> = (self.finals.iter())
            .filter(|seen| seen.threshold == threshold)
            .map(|seen| seen.at_ms.saturating_sub(seen.block.time.0 - beginning))
            .collect();
        delays.sort_unstable();
        delays
    }
}
