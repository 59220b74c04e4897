//! Exchanges among pairs: the best there is, and what proves it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use barter_engine::files::{Source, fuzz_instance, read_instance};
use barter_engine::matching::{Arc, Fault, Instance, InstanceError, Limits, WHOLE, check, find};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn instance(pairs: u32, arcs: &[(u32, u32, u64)]) -> Instance {
    let arcs = arcs.iter().map(|&(from, to, weight)| Arc { from, to, weight: weight * WHOLE });
    Instance::new(pairs, arcs.collect()).unwrap()
}

/// What the best cycle over exactly these pairs is worth, for each set of pairs that a cycle has.
fn all_cycles(instance: &Instance, longest: usize) -> BTreeMap<u32, u64> {
    let mut worth = BTreeMap::new();
    for start in 0..instance.pairs() {
        walk(instance, longest, &mut vec![start], 0, &mut worth);
    }
    worth
}

/// The most that disjoint cycles are worth, by trying all sets of pairs.
fn best_by_brute_force(pairs: u32, worth: &BTreeMap<u32, u64>) -> u64 {
    let mut best = vec![0u64; 1 << pairs];
    for set in 1..1usize << pairs {
        let bits = u32::try_from(set).unwrap();
        best[set] =
            (0..pairs).filter(|at| bits >> at & 1 == 1).map(|at| best[set & !(1 << at)]).max().unwrap();
        for (cycle, value) in worth {
            if bits & cycle == *cycle {
                best[set] = best[set].max(best[(bits & !cycle) as usize] + value);
            }
        }
    }
    best[(1 << pairs) - 1]
}

/// What these pairs cost.
fn cost(pairs: u32, prices: &[u64]) -> u64 {
    prices.iter().enumerate().filter(|(at, _)| pairs >> at & 1 == 1).map(|(_, price)| price).sum()
}

fn walk(instance: &Instance, longest: usize, path: &mut Vec<u32>, sum: u64, worth: &mut BTreeMap<u32, u64>) {
    let (start, last) = (path[0], path[path.len() - 1]);
    for arc in instance.arcs().iter().filter(|arc| arc.from == last) {
        if arc.to == start && path.len() > 1 {
            let set = path.iter().map(|pair| 1 << pair).sum();
            let best = worth.entry(set).or_default();
            *best = (*best).max(sum + arc.weight);
        } else if arc.to > start && path.len() < longest && !path.contains(&arc.to) {
            path.push(arc.to);
            walk(instance, longest, path, sum + arc.weight, worth);
            path.pop();
        }
    }
}

#[test]
fn three_pairs_exchange_rather_than_two() {
    let ring = instance(4, &[(0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 0, 1), (2, 3, 1)]);
    let found = find(&ring, 6, &Limits::default());
    assert_eq!((found.value, found.bound, found.exhausted), (3 * WHOLE, 3 * WHOLE, true));
    assert_eq!(found.cycles, [vec![0, 1, 2]]);
    let short = find(&ring, 2, &Limits::default());
    assert_eq!((short.value, short.bound), (2 * WHOLE, 2 * WHOLE));
}

#[test]
fn whoever_gives_without_being_in_need_begins_a_chain() {
    // Giver 0 needs nothing: the arc back to him weighs nothing.
    let chain = instance(3, &[(0, 1, 1), (1, 2, 1), (2, 0, 0), (1, 0, 0)]);
    assert_eq!(find(&chain, 6, &Limits::default()).value, 2 * WHOLE);
    assert_eq!(find(&chain, 2, &Limits::default()).value, WHOLE);
}

#[test]
fn pairs_in_no_cycle_cost_no_memory_and_heavy_ones_no_overflow() {
    let few = instance(6_500, &[(0, 1, 1), (1, 0, 1)]);
    let found = find(&few, 6, &Limits::default());
    assert_eq!((found.value, found.bound, found.exhausted), (2 * WHOLE, 2 * WHOLE, true));
    let ring: Vec<(u32, u32, u64)> = (0..6_499).map(|at| (at, at + 1, 1_000_000)).collect();
    let back: Vec<(u32, u32, u64)> = ring.iter().map(|(from, to, weight)| (*to, *from, *weight)).collect();
    let path = instance(6_500, &[ring, back].concat());
    let limits = Limits { rounds: 1, cycles: 100, steps: 1_000, walked: 100_000, nodes: 1 };
    let found = find(&path, 6, &limits);
    assert_eq!(check(&path, 6, &found), Ok(()));
    assert!(!found.exhausted && found.bound >= 6_500_000_000 * WHOLE);
}

#[test]
fn what_floats_cannot_tell_apart_is_not_called_exhausted() {
    // Three pairs in a triangle of two-cycles: prices say half of all three, the best is one of them.
    let near = |more: u64| 1_000_000 * WHOLE - more;
    let arcs = [(0, 1, 0), (1, 0, 0), (1, 2, 1), (2, 1, 0), (2, 0, 0), (0, 2, 2)];
    let arcs = arcs.map(|(from, to, more)| Arc { from, to, weight: near(more) });
    let found = find(&Instance::new(3, arcs.to_vec()).unwrap(), 2, &Limits::default());
    assert!(found.bound > found.value && !found.exhausted);
    let coarse = instance(3, &[(0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 1, 1), (2, 0, 1), (0, 2, 1)]);
    let found = find(&coarse, 2, &Limits::default());
    assert_eq!((found.value, found.bound, found.exhausted), (2 * WHOLE, 3 * WHOLE, true));
}

#[test]
fn a_matching_is_believed_only_with_its_proof() {
    let graph = instance(4, &[(0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 0, 1), (2, 3, 1), (3, 2, 1)]);
    let good = find(&graph, 3, &Limits::default());
    assert_eq!((check(&graph, 3, &good), good.value), (Ok(()), 4 * WHOLE));
    let changed = |change: fn(&mut barter_engine::matching::Matching)| {
        let mut bad = good.clone();
        change(&mut bad);
        check(&graph, 3, &bad).unwrap_err()
    };
    assert_eq!(changed(|bad| bad.cycles.push(vec![0])), Fault::Length { cycle: 2, pairs: 1 });
    assert_eq!(changed(|bad| bad.cycles.push(vec![0, 1])), Fault::Twice { pair: 0 });
    assert_eq!(changed(|bad| bad.cycles = vec![vec![0, 2]]), Fault::NoArc { cycle: 0 });
    assert_eq!(changed(|bad| bad.value += 1), Fault::Value);
    assert_eq!(changed(|bad| bad.prices.truncate(3)), Fault::Prices);
    assert_eq!(changed(|bad| bad.prices = vec![WHOLE / 4; 4]), Fault::NotCovered);
    assert_eq!(changed(|bad| bad.bound -= 1), Fault::Bound);
    assert_eq!(changed(|bad| bad.prices = vec![u64::MAX; 4]), Fault::Bound);
}

#[test]
fn an_instance_is_read_with_its_places() {
    let read = |text: &str| {
        let source = Source::bytes("k.wmd", text.as_bytes()).unwrap();
        read_instance(source).map_err(|e| e.to_string())
    };
    let head = "# TITLE: x\n# NUMBER ALTERNATIVES: 3\n# ALTERNATIVE NAME 1: Pair 1\n";
    let good = read(&format!("{head}1,2,1.0\n2,1,0.5\n\n")).unwrap();
    let arcs = [(0, 1, WHOLE), (1, 0, WHOLE / 2)].map(|(from, to, weight)| Arc { from, to, weight });
    assert_eq!((good.pairs(), good.arcs()), (3, arcs.as_slice()));
    for (row, told) in [
        ("1,4,1", "k.wmd, line 4, column to: \"4\" is not a pair from 1 to 3"),
        ("0,1,1", "k.wmd, line 4, column from: \"0\" is not a pair from 1 to 3"),
        ("2,2,1", "k.wmd, line 4, column to: a pair gives to itself"),
        ("1,2,1\n1,2,2", "k.wmd, line 5, column to: \"1,2,2\" is listed twice"),
        ("1,2", "k.wmd, line 4: 2 fields where an arc has from, to and weight"),
        (
            "1,3,1\n# NUMBER ALTERNATIVES: 1",
            "k.wmd, line 5, column NUMBER ALTERNATIVES: how many pairs there are is said twice",
        ),
        (
            "# NUMBER ALTERNATIVES: 3",
            "k.wmd, line 4, column NUMBER ALTERNATIVES: how many pairs there are is said twice",
        ),
        ("1,2,NaN", "k.wmd, line 4, column weight: \"NaN\" is not an amount: not a plain number"),
        ("1,2,-1", "k.wmd, line 4, column weight: \"-1\" is not an amount: not a plain number"),
        ("1,2,1000001", "k.wmd, line 4, column weight: \"1000001\" is not a whole number from 0 to 1000000"),
    ] {
        assert_eq!(read(&format!("{head}{row}\n")).unwrap_err(), told);
    }
    let marked = format!("\u{feff}{}1,2,1.0\r\n2,1,0.5\r\n", &head.replace('\n', "\r\n"));
    assert_eq!(read(&marked).unwrap(), good);
    let uncounted =
        "column NUMBER ALTERNATIVES: no comment before the first row says how many pairs there are";
    assert_eq!(read("1,2,1\n").unwrap_err(), format!("k.wmd, line 1, {uncounted}"));
    assert_eq!(read("# TITLE: x\n").unwrap_err(), format!("k.wmd, {uncounted}"));
    assert_eq!(Instance::new(1, vec![Arc { from: 0, to: 1, weight: 0 }]), Err(InstanceError::UnknownPair(1)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_best_is_what_trying_everything_finds(
        pairs in 2u32..9,
        arcs in prop::collection::btree_map((0u32..9, 0u32..9), 0u64..4, 0..40),
        longest in 2usize..=6,
    ) {
        let arcs = arcs.into_iter().map(|((from, to), weight)| Arc { from, to, weight: weight * WHOLE / 2 });
        let arcs = arcs.filter(|arc| arc.from != arc.to && arc.from < pairs && arc.to < pairs).collect();
        let instance = Instance::new(pairs, arcs).unwrap();
        let found = find(&instance, longest, &Limits::default());
        prop_assert_eq!(check(&instance, longest, &found), Ok(()));
        prop_assert!(found.exhausted);
        let cycles = all_cycles(&instance, longest);
        prop_assert_eq!(found.value, best_by_brute_force(pairs, &cycles));
        prop_assert!(found.bound >= found.value);
        prop_assert!(cycles.iter().all(|(pairs, worth)| *worth <= cost(*pairs, &found.prices)));
    }

    /// Weights whose last places a float search does not tell apart.
    #[test]
    fn nothing_is_said_to_be_worth_more_only_where_that_is_so(
        pairs in 2u32..8,
        arcs in prop::collection::btree_map((0u32..8, 0u32..8), 0u64..4, 0..40),
        heavy in 1u64..1_000_000,
        longest in 2usize..=6,
    ) {
        let arcs = arcs.into_iter().map(|((from, to), more)| Arc { from, to, weight: heavy * WHOLE + more });
        let arcs = arcs.filter(|arc| arc.from != arc.to && arc.from < pairs && arc.to < pairs).collect();
        let instance = Instance::new(pairs, arcs).unwrap();
        let found = find(&instance, longest, &Limits::default());
        prop_assert_eq!(check(&instance, longest, &found), Ok(()));
        let cycles = all_cycles(&instance, longest);
        let best = best_by_brute_force(pairs, &cycles);
        prop_assert!(found.value <= best && best <= found.bound);
        prop_assert!(!found.exhausted || found.value == best);
        prop_assert!(cycles.iter().all(|(pairs, worth)| *worth <= cost(*pairs, &found.prices)));
    }

    #[test]
    fn no_bytes_make_the_reader_of_instances_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        rows in "(# NUMBER ALTERNATIVES: 9\n)?([0-9a,.\\-]{0,12}\n|[1-9],[1-9],1\n|# NUMBER ALTERNATIVES: [0-9]\n){0,6}",
    ) {
        fuzz_instance(&bytes);
        fuzz_instance(rows.as_bytes());
    }
}
