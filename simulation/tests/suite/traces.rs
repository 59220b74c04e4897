//! Traces, checked by a program that knows nothing but their lines.

use simulation::sketch::{Parted, Sketch, SketchError};
use simulation::{Act, Plan, trace};

use super::checker;

fn sketch(weights: &[u64]) -> Sketch {
    Sketch {
        weights: weights.to_vec(),
        byzantine: 0,
        crashed: 0,
        restarted: 0,
        rounds: 14,
        partitions: Vec::new(),
    }
}

fn written(plan: &Plan) -> Vec<u8> {
    let mut bytes = Vec::new();
    let history = trace::write(plan, &mut bytes).unwrap();
    assert_eq!(history.broken, Vec::<String>::new(), "seed {}", plan.seed);
    bytes
}

#[test]
fn a_trace_of_a_healthy_network_shows_every_grade() {
    let plan = sketch(&[1; 4]).plan(1).unwrap();
    let checked = checker::check(&written(&plan));
    for t in [0, 1, 3] {
        assert!(checked.height(t) >= 10, "grade {t}: {}", checked.height(t));
    }
    let counts = checked.counts();
    assert_eq!((counts.accused, counts.shaken), (0, 0));
    assert!(counts.units > 90, "{counts:?}");
}

/// What the seeds of some sketch came to, all of them checked.
fn sum(sketch: &Sketch, seeds: std::ops::Range<u64>) -> checker::Counts {
    let mut sum = checker::Counts::default();
    for seed in seeds {
        let plan = sketch.plan(seed).unwrap();
        println!("seed {seed}: {:?} {:?}", plan.acts, plan.crashes);
        let counts = checker::check(&written(&plan)).counts();
        sum.units += counts.units;
        sum.blocks += counts.blocks;
        sum.finals += counts.finals;
        sum.accused += counts.accused;
        sum.shaken += counts.shaken;
    }
    sum
}

#[test]
fn traces_with_cheats_crashes_and_partitions_hold() {
    let parted = |from, until, side: &[usize]| Parted { from, until, side: side.to_vec() };
    let cases = [
        Sketch { byzantine: 1, ..sketch(&[1; 4]) },
        Sketch { crashed: 1, restarted: 1, ..sketch(&[1; 5]) },
        Sketch { byzantine: 1, partitions: vec![parted(3, 8, &[0, 1])], ..sketch(&[1; 4]) },
        Sketch { byzantine: 2, restarted: 1, ..sketch(&[1; 7]) },
        Sketch { byzantine: 1, partitions: vec![parted(2, 6, &[2])], ..sketch(&[3, 3, 2, 2]) },
    ];
    for case in cases {
        let sum = sum(&case, 0..12);
        println!("{case:?}: {sum:?}");
        assert!(sum.finals > 200 && (case.byzantine == 0 || sum.accused >= 9), "{case:?}: {sum:?}");
    }
}

/// With more cheats than a grade bears its findings may compete, and then the trace proves who cheated.
#[test]
fn traces_hold_when_more_cheat_than_any_grade_bears() {
    let case = Sketch { byzantine: 3, ..sketch(&[1; 5]) };
    let sum = sum(&case, 100..130);
    println!("{sum:?}");
    assert!(sum.accused > 60, "{sum:?}");
}

#[test]
fn a_trace_is_the_same_bytes_for_the_same_seed() {
    let plan = |seed| Sketch { byzantine: 1, restarted: 1, ..sketch(&[1; 4]) }.plan(seed).unwrap();
    assert_eq!(written(&plan(21)), written(&plan(21)));
    assert_ne!(written(&plan(21)), written(&plan(22)));
}

#[test]
fn a_sketch_that_cannot_be_is_refused_for_the_first_fault_in_the_documented_order() {
    let refused = |change: fn(&mut Sketch)| {
        let mut sketch = sketch(&[1; 4]);
        change(&mut sketch);
        sketch.plan(1).unwrap_err()
    };
    assert!(matches!(refused(|sketch| sketch.weights[0] = 2), SketchError::Validators(_)));
    assert!(matches!(refused(|sketch| sketch.weights.clear()), SketchError::Validators(_)));
    assert_eq!(refused(|sketch| sketch.crashed = 4), SketchError::NoObserver { validators: 4 });
    assert_eq!(refused(|sketch| sketch.byzantine = usize::MAX), SketchError::NoObserver { validators: 4 });
    assert_eq!(refused(|sketch| sketch.rounds = 0), SketchError::Rounds(0));
    let parted = |from, until, who: usize| vec![Parted { from, until, side: vec![who] }];
    let with = |partitions| Sketch { partitions, ..sketch(&[1; 4]) }.plan(1).unwrap_err();
    assert_eq!(with(parted(5, 5, 0)), SketchError::Span { from: 5, until: 5 });
    assert_eq!(with(parted(5, 6, 4)), SketchError::Unknown { validators: 4, found: 4 });
    let cheats = |seed| Sketch { byzantine: 3, ..sketch(&[1; 7]) }.plan(seed).unwrap().acts;
    assert_eq!((cheats(1).len(), cheats(1)[0].1), (3, Act::Equivocator));
    assert_ne!(cheats(1), cheats(2), "the seed says who cheats");
}

/// The checker is worth something only if it notices what is wrong.
#[test]
fn a_trace_that_was_changed_does_not_hold() {
    let plan = Sketch { byzantine: 1, rounds: 8, ..sketch(&[1; 4]) }.plan(2).unwrap();
    let good = String::from_utf8(written(&plan)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let notices = |changed: Vec<String>| {
        let text = changed.join("\n") + "\n";
        std::panic::catch_unwind(|| checker::check(text.as_bytes())).is_err()
    };
    let all = || lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(!notices(all()));
    let without = |what: &str| {
        let mut changed = all();
        let at = changed.iter().position(|line| line.starts_with(what)).unwrap();
        changed.remove(at);
        changed
    };
    assert!(notices(without(r#"{"unit""#)), "a unit that others cite is not told");
    assert!(notices(without(r#"{"evidence""#)), "an equivocation is not told");
    let last = |what: &str, change: &dyn Fn(&str) -> String| {
        let mut changed = all();
        let at = changed.iter().rposition(|line| line.starts_with(what)).unwrap();
        changed[at] = change(&changed[at]);
        changed
    };
    let genesis = lines[0].split('"').nth(5).unwrap();
    let vote = |line: &str| format!("{}\"vote\":\"{genesis}\"}}", line.split("\"vote\"").next().unwrap());
    assert!(notices(last(r#"{"unit""#, &vote)), "a unit votes against the fork choice");
    let sure = |line: &str| line.replace("\"t\":0", "\"t\":3").replace("\"t\":1", "\"t\":3");
    assert!(notices(last(r#"{"final""#, &sure)), "a block is said to be more final than it is");
    let blind = |line: &str| format!("{}\"seen\":[]}}", line.split("\"seen\"").next().unwrap());
    assert!(notices(last(r#"{"final""#, &blind)), "what makes a block final was not seen");
}
