//! Every graph of a few validators and units, and the promises of finality in all of them.
//!
//! The first units of two validators propose a block each; whoever equivocates may fork any of its units once. Units
//! that have seen nothing new are left out: they vote as the one before.

use std::collections::{HashMap, HashSet};

use ledger::koma::summit::{committees, confidence, quorums};
use ledger::koma::{BlockIx, Dag, Detector, Member, Seen, UnitIx, VerifiedUnit};

use super::cast::*;
use super::reference::{Rules, Summit, View};

/// At most ten units, by number in ascending order; 0 for none.
type Graph = [u32; 10];
/// Blocks, by the number of the unit that proposes them, with a threshold.
type Finals = Vec<(u32, u64)>;

struct World {
    cast: Cast,
    cheats: Option<usize>,
    units: Vec<VerifiedUnit>,
    known: HashMap<(usize, Vec<u32>, u8), u32>,
    numbers: HashMap<ledger::Hash, u32>,
}

/// What an entry is known by across graphs: 0 none, 1 faulty, otherwise a unit's number and two.
fn name(world: &World, dag: &Dag, seen: &Seen) -> u32 {
    match seen {
        Seen::None => 0,
        Seen::Faulty => 1,
        Seen::Unit(unit) => world.numbers[&dag.hash(*unit)] + 2,
    }
}

impl World {
    fn new(n: usize, cheats: Option<usize>) -> World {
        let cast = cast(&vec![1; n]);
        World { cast, cheats, units: Vec::new(), known: HashMap::new(), numbers: HashMap::new() }
    }

    fn dag(&self, graph: &Graph) -> Dag {
        let mut dag = Dag::new(self.cast.era.clone());
        for unit in self.sorted(graph) {
            dag.insert(&unit).unwrap();
        }
        dag
    }

    /// The units of a graph, each after what it relies on. Cited units have smaller numbers; evidence need not.
    fn sorted(&self, graph: &Graph) -> Vec<VerifiedUnit> {
        let numbers = graph.iter().filter(|number| **number > 0);
        let units: Vec<&VerifiedUnit> = numbers.map(|number| &self.units[*number as usize - 1]).collect();
        let mut dag = Dag::new(self.cast.era.clone());
        let mut sorted = Vec::new();
        while sorted.len() < units.len() {
            let fresh = units.iter().filter(|unit| dag.find(&unit.hash()).is_none());
            let next = fresh.into_iter().find(|unit| dag.check(unit.unit()).is_ok()).unwrap();
            sorted.push((*next).clone());
            dag.insert(next).unwrap();
        }
        sorted
    }

    fn number(&mut self, dag: &Dag, creator: usize, panorama: &[Seen], block: u8) -> u32 {
        let names = panorama.iter().map(|seen| name(self, dag, seen)).collect();
        let key = (creator, names, block);
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let proposal = (block > 0).then(|| super::cast::block(block));
        let unit = self.cast.unit(dag, creator, panorama, proposal);
        let number = self.units.len() as u32 + 1;
        self.numbers.insert(unit.hash(), number);
        self.units.push(unit);
        self.known.insert(key, number);
        number
    }

    /// Every unit that could come next.
    fn moves(&mut self, dag: &Dag) -> Vec<u32> {
        let n = self.cast.keys.len();
        let mut found = Vec::new();
        for creator in 0..n {
            let own: Vec<UnitIx> = dag.all().filter(|unit| dag.creator(*unit).index() == creator).collect();
            let bases: Vec<Option<UnitIx>> = match (self.cheats == Some(creator), own.last()) {
                (false, last) => vec![last.copied()],
                (true, _) if dag.is_faulty(Member(creator as u16)) => {
                    let built_on: Vec<_> = own.iter().filter_map(|unit| dag.previous(*unit)).collect();
                    own.iter().filter(|unit| !built_on.contains(unit)).map(|unit| Some(*unit)).collect()
                }
                (true, _) => own.iter().map(|unit| Some(*unit)).chain([None]).collect(),
            };
            for base in bases {
                let start = base.map_or(vec![Seen::None; n], |base| with(dag, base));
                for panorama in self.views(dag, creator, &start) {
                    let first = base.is_none() && creator < 2;
                    if panorama == start && !first {
                        continue;
                    }
                    let blocks: &[u8] = match first {
                        true if self.cheats == Some(creator) => &[1, 2],
                        true => &[3],
                        false => &[0],
                    };
                    found.extend(blocks.iter().map(|block| self.number(dag, creator, &panorama, *block)));
                }
            }
        }
        found
    }

    /// Every closed panorama that holds `start`, as `creator` may sign it.
    fn views(&self, dag: &Dag, creator: usize, start: &[Seen]) -> Vec<Vec<Seen>> {
        let mut views = vec![start.to_vec()];
        for at in (0..start.len()).filter(|at| *at != creator) {
            let mut wider = Vec::new();
            for view in &views {
                wider.push(view.clone());
                for unit in dag.all().filter(|unit| dag.creator(*unit).index() == at) {
                    let mut view = view.clone();
                    match view[at] {
                        Seen::Faulty => continue,
                        Seen::Unit(seen) if seen == unit || !dag.follows(unit, seen) => continue,
                        Seen::Unit(_) | Seen::None => view[at] = Seen::Unit(unit),
                    }
                    wider.push(view);
                }
                if dag.is_faulty(Member(at as u16)) && view[at] != Seen::Faulty {
                    let mut view = view.clone();
                    view[at] = Seen::Faulty;
                    wider.push(view);
                }
            }
            views = wider;
        }
        let closed = |view: &Vec<Seen>| {
            view[creator] == start[creator]
                && view.iter().all(|seen| match seen {
                    Seen::Unit(unit) => join(dag, view, &with(dag, *unit)) == *view,
                    Seen::None | Seen::Faulty => true,
                })
        };
        views.retain(closed);
        views
    }
}

/// What a graph says, and the most that any part of it said.
struct Finding {
    own: Finals,
    ever: Finals,
}

fn proposals(world: &World, dag: &Dag) -> Vec<(u32, BlockIx)> {
    let blocks = dag.blocks();
    let numbered = blocks.all().skip(1).map(|block| (world.numbers[&blocks.get(block).id], block));
    numbered.collect()
}

/// Checks one graph against the graphs of one unit less; returns what it says.
fn examine(world: &World, graph: &Graph, smaller: &HashMap<Graph, Finding>, deep: bool) -> Finding {
    let dag = world.dag(graph);
    let blocks = proposals(world, &dag);
    let own: Finals =
        blocks.iter().filter_map(|(number, block)| Some((*number, confidence(&dag, *block)?))).collect();
    let mut ever = own.clone();
    let cheats = dag.faulty_weight();
    let index = |number: u32| blocks.iter().find(|(known, _)| *known == number).unwrap().1;
    for tip in dag.tips() {
        let number = world.numbers[&dag.hash(tip)];
        let mut less = graph.to_vec();
        less.retain(|known| *known != number);
        less.push(0);
        less.sort_by_key(|number| if *number == 0 { u32::MAX } else { *number });
        let less: Graph = less.try_into().unwrap();
        let Some(finding) = smaller.get(&less) else {
            // Somebody calls its creator faulty: without it there is no evidence, so that is no graph.
            assert_eq!(Some(dag.creator(tip).index()), world.cheats);
            continue;
        };
        let before = world.dag(&less);
        for (block, t) in &finding.ever {
            match ever.iter_mut().find(|(known, _)| known == block) {
                Some((_, most)) => *most = (*most).max(*t),
                None => ever.push((*block, *t)),
            }
        }
        for (block, t) in &finding.own {
            // P5: without new evidence confidence never falls.
            let now = own.iter().find(|(known, _)| known == block).map(|(_, t)| *t);
            assert!(before.faulty_weight() != cheats || now >= Some(*t), "confidence falls in {graph:?}");
            // P2: nobody at the top of a summit votes for something else while no more than t cheat.
            let at = proposals(world, &before).into_iter().find(|(known, _)| known == block).unwrap().1;
            let creator = dag.creator(tip);
            for quorum in quorums(dag.era().validators.total(), *t) {
                let found = committees(&before, at, quorum.weight, quorum.levels);
                let top = found.get(quorum.levels as usize).and_then(|top| top.first(creator));
                let away = !dag.blocks().descends(dag.vote(tip), index(*block));
                let above = top.is_some_and(|first| dag.seq(tip) > first);
                assert!(!(above && away) || cheats > *t, "the top of a summit turns away in {graph:?}");
            }
        }
    }
    // P1: two competing blocks are final only where more cheated than the lower of their thresholds.
    for (i, (a, t)) in ever.iter().enumerate() {
        for (b, u) in &ever[i + 1..] {
            let (x, y) = (index(*a), index(*b));
            let compete = !dag.blocks().descends(x, y) && !dag.blocks().descends(y, x);
            assert!(!compete || cheats > *t.min(u), "competing finals at {t} and {u} in {graph:?}");
        }
    }
    if deep {
        examine_detectors(world, graph, &dag);
    }
    Finding { own, ever }
}

/// P3 and P4: the greedy committees are the greatest that exist, and the detector kept up to date finds the same.
fn examine_detectors(world: &World, graph: &Graph, dag: &Dag) {
    let total = dag.era().validators.total();
    let mut growing = Dag::new(world.cast.era.clone());
    let mut detectors: Vec<Detector> = Vec::new();
    for unit in world.sorted(graph) {
        let inserted = growing.insert(&unit).unwrap();
        for detector in &mut detectors {
            match inserted.caught {
                None => detector.extend(&growing, inserted.unit),
                Some(_) => detector.rebuild(&growing),
            }
        }
        if let Some(block) = growing.block(inserted.unit) {
            detectors.extend((0..total).map(|t| Detector::new(&growing, block, t)));
        }
    }
    for detector in detectors {
        for (quorum, kept) in detector.committees() {
            let scratch = committees(dag, detector.block(), quorum.weight, quorum.levels);
            assert_eq!(kept, scratch, "in {graph:?}");
            let heights = scratch.windows(2).map(|pair| (&pair[0], &pair[1]));
            for (below, above) in heights {
                assert_eq!(greatest(dag, below, quorum.weight), *above, "in {graph:?}");
            }
        }
    }
}

/// The greatest committee above `below` by trying all there are.
fn greatest(dag: &Dag, below: &ledger::koma::Committee, q: u64) -> ledger::koma::Committee {
    let validators = &dag.era().validators;
    let choices: Vec<Vec<Option<u32>>> = validators
        .all()
        .map(|member| match below.first(member) {
            None => vec![None],
            Some(first) => {
                let seqs = (first..dag.lane(member).len() as u32).map(Some);
                [None].into_iter().chain(seqs).collect()
            }
        })
        .collect();
    let mut best: Vec<Option<u32>> = vec![None; choices.len()];
    let mut trial = vec![0; choices.len()];
    loop {
        let chosen: Vec<Option<u32>> = trial.iter().zip(&choices).map(|(at, of)| of[*at]).collect();
        let supported = validators.all().all(|member| {
            let Some(seq) = chosen[member.index()] else { return true };
            let unit = dag.lane(member)[seq as usize];
            let seen = validators.all().filter(|other| {
                let first = chosen[other.index()].and(below.first(*other));
                first.is_some_and(|first| match dag.sees(unit, *other) {
                    _ if *other == member => true,
                    Seen::Unit(seen) => dag.seq(seen) >= first,
                    Seen::None | Seen::Faulty => false,
                })
            });
            seen.map(|other| validators.weight(other)).sum::<u64>() >= q
        });
        if supported {
            for (best, chosen) in best.iter_mut().zip(chosen) {
                *best = match (*best, chosen) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        let Some(at) = (0..trial.len()).find(|at| trial[*at] + 1 < choices[*at].len()) else { break };
        trial[..at].fill(0);
        trial[at] += 1;
    }
    ledger::koma::Committee::from_firsts(best)
}

/// How many units more than usual: `cargo xtask soak` says so.
fn deeper() -> usize {
    std::env::var("PERMUTA_DEEPER").map_or(0, |more| more.parse().unwrap())
}

/// Goes through every graph of up to `most` units; returns how many there are.
fn walk(n: usize, cheats: Option<usize>, most: usize, deep_every: usize) -> usize {
    let most = most + deeper();
    let mut world = World::new(n, cheats);
    let empty = Finding { own: Vec::new(), ever: Vec::new() };
    let mut layer: HashMap<Graph, Finding> = HashMap::from([([0; 10], empty)]);
    let mut count = 1;
    for size in 1..=most {
        let mut graphs: Vec<Graph> = Vec::new();
        for graph in layer.keys() {
            let dag = world.dag(graph);
            for number in world.moves(&dag) {
                let mut larger = *graph;
                if larger.contains(&number) {
                    continue;
                }
                larger[size - 1] = number;
                larger[..size].sort_unstable();
                graphs.push(larger);
            }
        }
        graphs.sort_unstable();
        graphs.dedup();
        count += graphs.len();
        let next = graphs
            .iter()
            .enumerate()
            .map(|(at, graph)| (*graph, examine(&world, graph, &layer, at % deep_every == 0)));
        layer = next.collect();
    }
    count
}

#[test]
fn three_honest_validators_in_every_graph() {
    let count = walk(3, None, 8, 10);
    println!("graphs of three honest validators: {count}");
}

#[test]
fn three_validators_one_of_whom_cheats_in_every_graph() {
    let count = walk(3, Some(0), 8, 20) + walk(3, Some(2), 7, 20);
    println!("graphs of three validators with one cheat: {count}");
}

#[test]
fn four_honest_validators_in_every_graph() {
    let count = walk(4, None, 7, 10);
    println!("graphs of four honest validators: {count}");
}

/// A usual round among four: the first proposes, two confirm, all three bear witness; the other one says nothing. Of a
/// few proposals it is the one that would lose against another of the same weight.
fn usual_round(world: &mut World) -> Vec<u32> {
    let mut dag = Dag::new(world.cast.era.clone());
    let nothing = [Seen::None; 4];
    let proposals = (10..30).map(|block| (world.number(&dag, 0, &nothing, block), block));
    let proposals: Vec<_> = proposals.collect();
    let id = |number: u32| world.units[number as usize - 1].hash();
    let weakest = proposals.into_iter().min_by_key(|(number, _)| id(*number)).unwrap().1;
    let mut graph = Vec::new();
    for (creators, block) in [(&[0][..], weakest), (&[2, 3], 0), (&[0, 2, 3], 0)] {
        let seen = dag.panorama(ledger::Timestamp(u64::MAX));
        graph.extend(creators.iter().map(|creator| world.number(&dag, *creator, &seen, block)));
        for number in &graph[dag.count()..] {
            dag.insert(&world.units[*number as usize - 1]).unwrap();
        }
    }
    graph
}

/// What some rules promise of a graph, with the blocks by the number of the unit that proposes them.
fn promises(world: &World, graph: &Graph, rules: Rules) -> Vec<(u32, Summit)> {
    let dag = world.dag(graph);
    let view = View::new(&dag, rules);
    let found = proposals(world, &dag).into_iter();
    found
        .flat_map(|(number, block)| view.summits(block).into_iter().map(move |summit| (number, summit)))
        .collect()
}

/// Goes through all ways to go on from `graph` by up to `more` units, of which the first cheats; returns how many graphs
/// there are until one breaks a promise, and whether one does.
fn go_on(world: &mut World, graph: &[u32], more: usize, rules: Rules) -> (usize, bool) {
    let mut first = [0; 10];
    first[..graph.len()].copy_from_slice(graph);
    let promised = promises(world, &first, rules);
    let mut layer = vec![first];
    let mut known: HashSet<Graph> = HashSet::new();
    for size in graph.len()..graph.len() + more {
        let mut next = Vec::new();
        for graph in layer {
            let dag = world.dag(&graph);
            for number in world.moves(&dag) {
                let mut larger = graph;
                if larger.contains(&number) {
                    continue;
                }
                larger[size] = number;
                larger[..=size].sort_unstable();
                if known.insert(larger) {
                    next.push(larger);
                    if turns_away(world, &larger, &promised, rules) {
                        return (known.len(), true);
                    }
                }
            }
        }
        layer = next;
    }
    (known.len(), false)
}

/// Whether somebody who stood at the top of a summit votes for something else, and no more cheated than the summit bears.
fn turns_away(world: &World, graph: &Graph, promised: &[(u32, Summit)], rules: Rules) -> bool {
    let dag = world.dag(graph);
    let view = View::new(&dag, rules);
    let cheats = dag.faulty_weight();
    let blocks = proposals(world, &dag);
    promised.iter().filter(|(_, summit)| cheats <= summit.threshold).any(|(number, summit)| {
        let block = blocks.iter().find(|(known, _)| known == number).unwrap().1;
        dag.era().validators.all().filter(|member| !dag.is_faulty(*member)).any(|member| {
            let from = summit.top[member.index()].map_or(usize::MAX, |from| from as usize);
            let above = dag.lane(member).get(from..).unwrap_or_default();
            above.iter().any(|unit| !dag.blocks().descends(view.vote(*unit), block))
        })
    })
}

/// After how many units of a usual round the search for a broken promise begins, and by how many it goes on.
const AFTER: [(usize, usize); 2] = [(3, 3), (6, 3)];

#[test]
fn whatever_a_cheat_does_after_a_usual_round_its_block_stays_final() {
    for (begun, more) in AFTER {
        let mut world = World::new(4, Some(0));
        let round = usual_round(&mut world);
        let (count, broken) = go_on(&mut world, &round[..begun], more, Rules::Sound);
        println!("ways to go on after {begun} units: {count}");
        assert!(!broken);
    }
}

/// The two faults that give too much for a level. Those that take the wrong units into account need larger graphs: see
/// the random ones.
#[test]
fn some_way_to_go_on_after_a_usual_round_shows_what_levels_are_worth() {
    for rules in [Rules::LevelZeroOnly, Rules::NoFactor] {
        let caught = AFTER.into_iter().find_map(|(begun, more)| {
            let mut world = World::new(4, Some(0));
            let round = usual_round(&mut world);
            let (count, broken) = go_on(&mut world, &round[..begun], more, rules);
            broken.then(|| format!("after {begun} units, graph {count}"))
        });
        println!("{rules:?}: {caught:?}");
        assert!(caught.is_some(), "{rules:?} went unnoticed");
    }
}
