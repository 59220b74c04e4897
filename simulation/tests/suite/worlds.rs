//! Worlds full of trouble, and what holds in all of them.

use ledger::koma::Mode;
use simulation::plan::CALM_MS;
use simulation::{Act, Crash, Partition, Plan, World, figures};

fn check(seed: u64) {
    let plan = Plan::troubled(seed);
    let history = World::run(plan.clone());
    assert!(history.broken.is_empty(), "seed {seed}: {:?}\n{plan:?}", history.broken);
    assert_eq!(history.alarms, [], "seed {seed}: more cheat than the plan has");
    // P7: once the network is whole again, everybody goes on.
    for node in history.chains.keys() {
        let late = history.executed_ms.iter().filter(|((who, _), at)| who == node && **at > CALM_MS);
        assert!(late.count() > 0, "seed {seed}: node {node} stands still\n{plan:?}");
    }
    // P9: nothing grows beyond what the rounds so far give each validator.
    let rounds = plan.run_ms / plan.round_ms + 2;
    let n = plan.weights.len() as u64;
    let most = 2 * rounds * n * (1 + plan.acts.len() as u64 * n);
    assert!(history.most_units as u64 <= most && history.most_waiting < 4_000, "seed {seed}");
}

#[test]
fn troubled_worlds_keep_every_promise() {
    (0..100).for_each(check);
}

#[test]
fn more_troubled_worlds_keep_every_promise() {
    (100..200).for_each(check);
}

#[test]
fn a_healthy_network_agrees() {
    let history = World::run(Plan::healthy(1, vec![1; 4]));
    assert_eq!(history.broken, Vec::<String>::new());
    assert!(history.common_height() >= 38, "a block a round: {}", history.common_height());
}

/// How many blocks each honest node executed after the first seconds, while `silent` say nothing.
fn progress(weights: Vec<u64>, silent: &[usize], mode: Mode) -> usize {
    let mut plan = Plan::healthy(11, weights);
    plan.mode = mode;
    plan.run_ms = 40_000;
    plan.crashes = silent.iter().map(|node| Crash { node: *node, at_ms: 3_000, back_ms: None }).collect();
    let history = World::run(plan);
    assert_eq!(history.broken, Vec::<String>::new());
    let late = |node: &usize| {
        history.executed_ms.iter().filter(|((who, _), at)| who == node && **at > 10_000).count()
    };
    history.chains.keys().filter(|node| !silent.contains(node)).map(late).min().unwrap()
}

/// A threshold is live exactly while the weight that answers exceeds (W + t) / 2. The printed bound, c < n - 3t/2, would
/// let two of four crash at t = 1.
#[test]
fn finality_goes_on_inside_the_bound_and_stands_still_just_outside() {
    assert!(progress(vec![1; 4], &[2], Mode::Classical) > 5, "3 > (4 + 1) / 2");
    assert_eq!(progress(vec![1; 4], &[2, 3], Mode::Classical), 0, "2 < (4 + 1) / 2");
    assert!(progress(vec![1; 7], &[0, 6], Mode::Classical) > 5, "5 > (7 + 2) / 2");
    assert_eq!(progress(vec![1; 7], &[0, 5, 6], Mode::Classical), 0, "4 < (7 + 2) / 2");
    assert!(progress(vec![1; 7], &[0, 5, 6], Mode::SingleOwner) > 5, "4 > 7 / 2: a majority against crashes");
    assert_eq!(progress(vec![1; 7], &[0, 4, 5, 6], Mode::SingleOwner), 0, "3 < 7 / 2");
    // Weights 3, 3, 2, 2: t = 3, so weight 7 has to answer.
    assert!(progress(vec![3, 3, 2, 2], &[0], Mode::Classical) > 5, "7 > (10 + 3) / 2");
    assert_eq!(progress(vec![3, 3, 2, 2], &[0, 2], Mode::Classical), 0, "5 < (10 + 3) / 2");
}

#[test]
fn after_a_long_stall_rounds_are_short_again() {
    let mut plan = Plan::healthy(5, vec![1; 4]);
    plan.run_ms = 90_000;
    plan.partitions = vec![Partition { from_ms: 5_000, until_ms: 45_000, side: vec![0, 1] }];
    let history = World::run(plan.clone());
    assert_eq!(history.broken, Vec::<String>::new());
    assert!(history.exponent <= 1, "rounds last {} ms still", plan.round_ms << history.exponent);
}

#[test]
fn a_partition_stops_the_low_grade_before_it_can_do_harm() {
    let mut plan = Plan::healthy(3, vec![1; 5]);
    plan.mode = Mode::Adaptive { low: 0, within_ms: 2_500, margin: 0 };
    plan.run_ms = 40_000;
    plan.partitions = vec![Partition { from_ms: 8_000, until_ms: 30_000, side: vec![0, 1] }];
    let history = World::run(plan);
    assert_eq!(history.broken, Vec::<String>::new());
    for chain in history.chains.values() {
        let rises = chain.is_sorted_by_key(|executed| executed.threshold);
        assert!(rises && chain[0].threshold == 0 && chain[chain.len() - 1].threshold == 1);
    }
    let during = history.executed_ms.values().filter(|at| (14_000..30_000).contains(*at)).count();
    assert_eq!(during, 0, "three of five are no quorum of the classical grade");
}

#[test]
fn evidence_raises_the_policy_within_a_round() {
    let mut plan = Plan::healthy(8, vec![1; 7]);
    plan.mode = Mode::Adaptive { low: 0, within_ms: 60_000, margin: 1 };
    plan.acts = vec![(3, Act::Equivocator)];
    let history = World::run(plan.clone());
    assert_eq!((&history.broken, &history.alarms), (&vec![], &vec![]));
    let known: Vec<u64> = history.evidence_ms.iter().map(|(_, at)| *at).collect();
    assert_eq!(known.len(), 6, "every honest node learns of it once");
    assert!(known[5] - known[0] <= plan.round_ms, "{known:?}");
    for chain in history.chains.values() {
        assert_eq!((chain[0].threshold, chain[chain.len() - 1].threshold), (0, 2));
    }
}

#[test]
fn more_cheats_than_an_era_bears_stop_outside_effects() {
    let mut plan = Plan::healthy(2, vec![1; 4]);
    plan.acts = vec![(0, Act::Equivocator), (1, Act::Twins)];
    let history = World::run(plan);
    let alarmed: Vec<usize> = history.alarms.iter().map(|(node, _)| *node).collect();
    assert!(alarmed.contains(&2) && alarmed.contains(&3), "{:?}", history.alarms);
}

#[test]
fn finality_takes_about_three_messages() {
    for seed in 0..5 {
        let delays = figures::delays(seed, 7, 40);
        let [_, _, classical, _] = delays.grades;
        assert!(1000 * classical.p50_ms <= 3_200 * delays.longest_ms, "seed {seed}: {delays:?}");
        assert!(classical.p99_ms <= 2 * classical.p50_ms, "seed {seed}: {delays:?}");
    }
}
