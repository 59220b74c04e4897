//! Large random graphs with cheats: what holds in all small ones holds in them, in every order of arrival; and each
//! planted fault of finality is noticed.

use ledger::koma::summit::{confidence, is_final};
use ledger::koma::{BlockIx, Dag, Finality, Member, Seen, UnitIx, VerifiedUnit};
use ledger::{Hash, Timestamp};

use super::cast::*;
use super::reference::{Rules, Summit, View};

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % sides as u64) as usize
    }
}

/// `count` units of validators who see each other at random; `cheats` fork their own.
fn random(cast: &Cast, seed: u64, cheats: &[usize], count: usize) -> Vec<VerifiedUnit> {
    let mut dice = Dice(seed);
    let mut dag = Dag::new(cast.era.clone());
    let mut units = Vec::new();
    while units.len() < count {
        let creator = dice.roll(cast.keys.len());
        let own: Vec<UnitIx> = dag.all().filter(|unit| dag.creator(*unit).index() == creator).collect();
        let base = match cheats.contains(&creator) && dice.roll(3) == 0 {
            true => [&own[..], &[]].concat().get(dice.roll(own.len() + 1)).copied(),
            false => own.last().copied(),
        };
        let mut panorama = base.map_or(vec![Seen::None; cast.keys.len()], |base| with(&dag, base));
        let mine = panorama[creator];
        for _ in 0..dice.roll(2 * cast.keys.len()) {
            if dag.count() > 0 {
                // Recent units are seen more often.
                let back = dice.roll(dag.count()).min(dice.roll(dag.count()));
                let seen = dag.all().nth(dag.count() - 1 - back).unwrap();
                let wider = join(&dag, &panorama, &with(&dag, seen));
                panorama = if wider[creator] == mine { wider } else { panorama };
            }
        }
        let proposes = own.is_empty() || dice.roll(8) == 0;
        let proposal = proposes.then(|| block(dice.roll(200) as u8));
        let unit = cast.unit(&dag, creator, &panorama, proposal);
        if dag.find(&unit.hash()).is_none() {
            dag.insert(&unit).unwrap();
            units.push(unit);
        }
    }
    units
}

/// How each unit votes, who was caught, and how sure each block is.
type Meaning = (Vec<(Hash, Hash)>, Vec<Member>, Vec<(Hash, Option<u64>)>);

/// Everything that a graph says, in a form that does not depend on the order of arrival.
fn meaning(dag: &Dag) -> Meaning {
    let id = |block: BlockIx| dag.blocks().get(block).id;
    let mut votes: Vec<_> = dag.all().map(|unit| (dag.hash(unit), id(dag.vote(unit)))).collect();
    votes.sort_unstable();
    let mut finals: Vec<_> = dag.blocks().all().map(|block| (id(block), confidence(dag, block))).collect();
    finals.sort_unstable();
    (votes, dag.evidence().keys().copied().collect(), finals)
}

/// Lets a graph grow under some rules; tells the first broken promise.
fn broken(cast: &Cast, units: &[VerifiedUnit], rules: Rules) -> Option<String> {
    let mut dag = Dag::new(cast.era.clone());
    let mut promises: Vec<(BlockIx, Summit)> = Vec::new();
    for unit in units {
        dag.insert(unit).unwrap();
        let view = View::new(&dag, rules);
        for block in dag.blocks().all().skip(1) {
            promises.extend(view.summits(block).into_iter().map(|summit| (block, summit)));
        }
        promises.sort_by_key(|(block, summit)| (*block, summit.threshold, summit.top.clone()));
        promises.dedup_by_key(|(block, summit)| (*block, summit.threshold, summit.top.clone()));
        let cheats = dag.faulty_weight();
        let apart = |a, b| !dag.blocks().descends(a, b) && !dag.blocks().descends(b, a);
        for (at, (a, first)) in promises.iter().enumerate() {
            let rival = promises[at..]
                .iter()
                .find(|(b, second)| apart(*a, *b) && cheats <= first.threshold.min(second.threshold));
            if rival.is_some() {
                return Some(format!("two competing blocks are final at {}", first.threshold));
            }
            if cheats > first.threshold {
                continue;
            }
            for member in cast.era.validators.all().filter(|member| !dag.is_faulty(*member)) {
                let Some(from) = first.top[member.index()] else { continue };
                let above = dag.lane(member)[from as usize..].iter();
                if above.into_iter().any(|unit| !dag.blocks().descends(view.vote(*unit), *a)) {
                    return Some(format!("the top of a summit at {} turns away", first.threshold));
                }
            }
        }
    }
    None
}

/// Casts with their cheats.
fn casts() -> [(Cast, &'static [usize]); 5] {
    [
        (cast(&[1; 4]), &[]),
        (cast(&[1; 4]), &[1]),
        (cast(&[1; 5]), &[0, 3]),
        (cast(&[3, 3, 2, 2]), &[2]),
        (cast(&[1; 7]), &[1, 4]),
    ]
}

#[test]
fn no_promise_of_finality_is_broken() {
    for (cast, cheats) in casts() {
        for seed in 0..60 {
            let units = random(&cast, seed, cheats, 28);
            assert_eq!(
                broken(&cast, &units, Rules::Sound),
                None,
                "{} validators, seed {seed}",
                cast.keys.len()
            );
        }
    }
}

/// What a level is worth is tried in every way to go on after a usual round: see the enumerations.
#[test]
fn every_planted_fault_about_votes_breaks_a_promise() {
    for rules in [Rules::LevelZeroOnly, Rules::NoPruning, Rules::ObserversEquivocators] {
        let caught = casts().into_iter().find_map(|(cast, cheats)| {
            let seeds = 0..400;
            seeds.into_iter().find_map(|seed| {
                let broken = broken(&cast, &random(&cast, seed, cheats, 28), rules)?;
                Some(format!("{} validators, seed {seed}: {broken}", cast.keys.len()))
            })
        });
        println!("{rules:?}: {caught:?}");
        assert!(caught.is_some(), "{rules:?} went unnoticed");
    }
}

#[test]
fn the_detector_agrees_with_the_definition() {
    for (cast, cheats) in casts() {
        for seed in 100..130 {
            let mut dag = Dag::new(cast.era.clone());
            for unit in random(&cast, seed, cheats, 36) {
                dag.insert(&unit).unwrap();
            }
            let view = View::new(&dag, Rules::Sound);
            assert!(dag.all().all(|unit| view.vote(unit) == dag.vote(unit)), "seed {seed}");
            for block in dag.blocks().all().skip(1) {
                assert_eq!(confidence(&dag, block), view.confidence(block), "seed {seed}");
            }
        }
    }
}

#[test]
fn finality_that_follows_the_graph_misses_nothing() {
    for (cast, cheats) in casts() {
        for seed in 200..240 {
            let thresholds = 0..cast.era.validators.total();
            let mut following: Vec<Finality> = thresholds.map(Finality::new).collect();
            let mut dag = Dag::new(cast.era.clone());
            for unit in random(&cast, seed, cheats, 60) {
                let inserted = dag.insert(&unit).unwrap();
                for finality in &mut following {
                    let t = finality.threshold();
                    let before = finality.last();
                    let found = finality.extend(&dag, inserted);
                    assert!(found.iter().all(|block| dag.blocks().descends(*block, before)));
                    if dag.faulty_weight() > t {
                        continue;
                    }
                    for block in dag.blocks().all().skip(1) {
                        let reached = dag.blocks().descends(finality.last(), block);
                        assert!(!is_final(&dag, block, t) || reached, "seed {seed}, threshold {t}");
                        assert!(is_final(&dag, block, t) || !found.contains(&block), "seed {seed}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    for (cast, cheats) in casts() {
        for seed in 300..330 {
            let units = random(&cast, seed, cheats, 36);
            let mut dag = Dag::new(cast.era.clone());
            for unit in &units {
                dag.insert(unit).unwrap();
            }
            let mut other = Dag::new(cast.era.clone());
            let mut dice = Dice(seed);
            let mut waiting = units.clone();
            while !waiting.is_empty() {
                let at = dice.roll(waiting.len());
                if other.insert(&waiting[at]).is_ok() {
                    waiting.swap_remove(at);
                }
            }
            assert_eq!(meaning(&dag), meaning(&other), "seed {seed}");
        }
    }
}

#[test]
fn confidence_only_grows_while_nobody_is_caught() {
    for (cast, cheats) in casts() {
        for seed in 400..440 {
            let mut dag = Dag::new(cast.era.clone());
            let mut known: Vec<Option<u64>> = Vec::new();
            for unit in random(&cast, seed, cheats, 36) {
                let inserted = dag.insert(&unit).unwrap();
                let now: Vec<_> = dag.blocks().all().map(|block| confidence(&dag, block)).collect();
                if inserted.caught.is_none() && dag.evidence().is_empty() {
                    assert!(known.iter().zip(&now).all(|(before, now)| before <= now), "seed {seed}");
                }
                known = now;
            }
        }
    }
}

#[test]
fn the_fork_choice_is_quick_on_a_long_chain_and_right() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    for n in 0..200 {
        cast.add(&mut dag, n % 3, &[0, 1, 2], Some(block(n as u8)));
    }
    let blocks = dag.blocks();
    let tip = dag.choice();
    for height in 0..=200 {
        let ancestor = blocks.ancestor(tip, ledger::Height(height));
        assert_eq!(blocks.get(ancestor).height, ledger::Height(height));
        assert!(blocks.descends(tip, ancestor));
        assert_eq!(blocks.common(tip, ancestor), ancestor);
    }
    assert!(dag.panorama(Timestamp(0)).iter().all(|seen| *seen == Seen::None));
}
