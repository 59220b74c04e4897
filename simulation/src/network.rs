//! A network of regions: how long a message takes, and whether it arrives.

use crate::dice::Dice;
use crate::history::Faults;
use crate::plan::{Plan, TROUBLE_MS};

/// The network of a plan.
#[derive(Clone, Debug)]
pub struct Network {
    dice: Dice,
    /// One-way delay within a region.
    least: u64,
    /// One-way delay between a region and each one before it.
    delays: Vec<Vec<u64>>,
    /// Messages lost, repeated and held back so far.
    pub(crate) faults: Faults,
}

impl Network {
    /// Draws the delays between regions.
    #[must_use]
    pub fn new(plan: &Plan, mut dice: Dice) -> Network {
        let (least, most) = plan.delay_ms;
        let count = plan.regions.max(1);
        // Row by row below the diagonal; both ways take the same time.
        let delays = (0..count).map(|a| (0..a).map(|_| dice.between(least, most)).collect()).collect();
        Network { dice, least, delays, faults: Faults::default() }
    }

    fn between(&self, from: usize, to: usize) -> u64 {
        let count = self.delays.len();
        let (from, to) = (from % count, to % count);
        if from == to { self.least } else { self.delays[from.max(to)][from.min(to)] }
    }

    /// How long a message takes between two validators, in milliseconds without jitter; nothing to oneself.
    #[must_use]
    pub fn way_ms(&self, from: usize, to: usize) -> u64 {
        if from == to { 0 } else { self.between(from, to) }
    }

    /// The mean one-way delay between `n` validators, in thousandths of a millisecond, without jitter.
    #[must_use]
    pub fn mean_us(&self, n: usize) -> u64 {
        let pairs = (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b);
        let (sum, count) = pairs.fold((0, 0), |(sum, count), (a, b)| (sum + self.between(a, b), count + 1));
        1000 * sum / count.max(1)
    }

    /// The longest one-way delay between `n` validators, in milliseconds, without jitter.
    #[must_use]
    pub fn longest_ms(&self, n: usize) -> u64 {
        let pairs = (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b);
        pairs.map(|(a, b)| self.between(a, b)).max().unwrap_or(0)
    }

    /// When copies of a message that `from` sends to `to` at `now` arrive: none, one or two.
    pub fn arrivals(&mut self, plan: &Plan, now: u64, from: usize, to: usize) -> Vec<u64> {
        let mut arrivals = Vec::new();
        let parted = plan.partitions.iter().any(|partition| {
            (partition.from_ms..partition.until_ms).contains(&now)
                && partition.side.contains(&from) != partition.side.contains(&to)
        });
        // Trouble of the small kind ends too, so that a run ends well.
        let troubled = now < TROUBLE_MS;
        let repeated = troubled && self.dice.per_mille(plan.repeated);
        let copies = 1 + usize::from(repeated);
        self.faults.repeated += u64::from(repeated);
        for _ in 0..copies {
            let slow = plan.slow.iter().find(|(node, _)| *node == from).map_or(0, |(_, ms)| *ms);
            let delay = self.between(from, to) + self.dice.between(0, plan.jitter_ms) + slow;
            let lost = troubled && self.dice.per_mille(plan.lost);
            self.faults.parted += u64::from(parted);
            self.faults.lost += u64::from(lost && !parted);
            if !parted && !lost {
                arrivals.push(now + delay.max(1));
            }
        }
        arrivals
    }
}
