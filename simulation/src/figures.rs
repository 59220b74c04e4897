//! Measurements that follow from a seed alone.

use std::sync::Arc;

use ledger::koma::summit::quorums;
use ledger::koma::{Dag, Era, Member, Mode, Seen, Unit, Validators, VerifiedUnit};
use ledger::{Hash, Timestamp};

use crate::history::History;
use crate::network::Network;
use crate::plan::{Act, Plan};
use crate::world::{World, first_era, keys};

/// How long finality takes at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The threshold.
    pub threshold: u64,
    /// How often it was reached, over all blocks and nodes.
    pub count: usize,
    /// The median from the proposal on, in milliseconds.
    pub p50_ms: u64,
    /// The 99th percentile.
    pub p99_ms: u64,
}

/// How long finality takes in a healthy network of `n` validators of weight 1 in five regions, 60 to 150 ms apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delays {
    /// How many validators.
    pub n: usize,
    /// The mean delay of a message one way, in thousandths of a millisecond.
    pub mean_us: u64,
    /// The longest delay of a message one way, in milliseconds.
    pub longest_ms: u64,
    /// The median that no schedule of three messages stays below at the classical grade, in milliseconds: see [`floor_ms`].
    /// For few validators only.
    pub floor_ms: Option<u64>,
    /// G0, G1, G2 and G3 (0.8 of the weight), in this order.
    pub grades: [Delay; 4],
}

fn percentile(sorted: &[u64], share: usize) -> u64 {
    let at = (sorted.len() * share).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

/// The delay at one threshold in a history.
#[must_use]
pub fn delay(history: &History, threshold: u64) -> Delay {
    let delays = history.delays_ms(threshold);
    let (p50_ms, p99_ms) = (percentile(&delays, 50), percentile(&delays, 99));
    Delay { threshold, count: delays.len(), p50_ms, p99_ms }
}

/// Measures finality among `n` validators for `rounds` rounds.
#[must_use]
pub fn delays(seed: u64, n: usize, rounds: u64) -> Delays {
    let mut plan = Plan::healthy(seed, vec![1; n]);
    let validators = first_era(&plan).validators;
    let grades = [0, validators.single(), validators.classical(), validators.share(800)];
    plan.thresholds = grades.to_vec();
    plan.run_ms = rounds * plan.round_ms;
    let network = Network::new(&plan, crate::dice::Dice::new(plan.seed).fork());
    let (mean_us, longest_ms) = (network.mean_us(n), network.longest_ms(n));
    let floor_ms = (n <= FLOOR_MOST).then(|| floor_ms(&network, &validators));
    let history = World::run(plan);
    Delays { n, mean_us, longest_ms, floor_ms, grades: grades.map(|threshold| delay(&history, threshold)) }
}

/// The most validators for whom all quorums are tried.
const FLOOR_MOST: usize = 12;

/// The median, over all leaders and observers, of the least time in which proposal, confirmations and witness units can
/// reach an observer so that a quorum has seen a quorum's confirmations, whoever waits for whom and without jitter, among
/// validators of weight 1.
fn floor_ms(network: &Network, validators: &Validators) -> u64 {
    let n = validators.count();
    let classical = quorums(validators.total(), validators.classical());
    let size = classical.first().map_or(0, |quorum| quorum.weight);
    let members = |set: u32| (0..n).filter(move |who| set >> who & 1 == 1);
    let sets = || (0u32..1 << n).filter(|set| u64::from(set.count_ones()) == size);
    let pairs = (0..n).flat_map(|leader| (0..n).map(move |observer| (leader, observer)));
    let mut least: Vec<u64> = pairs
        .filter_map(|(leader, observer)| {
            let path = |first: usize, second: usize| {
                // The leader's proposal is its confirmation.
                let confirmed = network.way_ms(leader, first) + network.way_ms(first, second);
                confirmed + network.way_ms(second, observer)
            };
            let slowest = |set: u32| members(set).flat_map(|a| members(set).map(move |b| path(a, b))).max();
            sets().filter_map(slowest).min()
        })
        .collect();
    least.sort_unstable();
    percentile(&least, 50)
}

/// How long it takes from the first honest validator among seven that learns of an equivocation until the last has raised
/// its threshold, in thousandths of a round.
#[must_use]
pub fn escalation(seed: u64) -> Option<u64> {
    let mut plan = Plan::healthy(seed, vec![1; 7]);
    plan.mode = Mode::Adaptive { low: 0, within_ms: 60_000, margin: 1 };
    plan.acts = vec![(3, Act::Equivocator)];
    let round_ms = plan.round_ms;
    let history = World::run(plan);
    let (first, last) = (history.evidence_ms.first()?.1, history.evidence_ms.last()?.1);
    Some(1000 * (last - first) / round_ms)
}

/// What a busy era brings: `rounds` rounds among `n` validators of weight 1, in each of which the leader proposes and all
/// others confirm, and then all bear witness, everybody having seen everything.
#[must_use]
pub fn load(n: usize, rounds: u64) -> (Arc<Era>, Vec<VerifiedUnit>) {
    let era = Arc::new(first_era(&Plan::healthy(1, vec![1; n])));
    let keys = keys(n);
    let mut dag = Dag::new(era.clone());
    let mut units = Vec::new();
    for round in 0..rounds {
        let start = era.start.plus_ms(round * era.pace.round_ms);
        let leader = era.leader(start).index();
        let mut make = |dag: &mut Dag, who: usize, panorama: &[Seen], at: u64, block: Option<Hash>| {
            let member = Member(u16::try_from(who).expect("an era has at most 1000 validators"));
            let unit = Unit {
                version: ledger::koma::unit::VERSION,
                chain: era.chain,
                era: era.number,
                creator: member,
                seq: u32::try_from(dag.lane(member).len()).expect("an era has fewer than 2^32 units"),
                timestamp: start.plus_ms(at),
                exponent: 0,
                block,
                panorama: dag.entries(panorama),
            };
            let unit = unit.sign(&keys[who]);
            dag.insert(&unit).expect("the unit follows the rules");
            units.push(unit);
        };
        let everything = Timestamp(u64::MAX);
        let seen = dag.panorama(everything);
        make(&mut dag, leader, &seen, 0, Some(Hash::of(ledger::Tag::Content, &round.to_le_bytes())));
        let third = era.pace.round_ms / 3;
        for (at, who) in (1..=2).flat_map(|at| (0..n).map(move |who| (at, who))) {
            let until = start.plus_ms((at - 1) * third);
            let mut seen = dag.panorama(until);
            let member = Member(u16::try_from(who).expect("an era has at most 1000 validators"));
            seen[who] = dag.lane(member).last().map_or(Seen::None, |last| Seen::Unit(*last));
            if at == 2 || who != leader {
                make(&mut dag, who, &seen, at * third, None);
            }
        }
    }
    (era, units)
}
