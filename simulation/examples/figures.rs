//! Prints what a seed and this machine say of the engine: `cargo run --release -p simulation --example figures`.

use std::time::Instant;

use ledger::koma::{Dag, Finality};
use simulation::figures::{Delays, delays, load};

fn grade(delays: &Delays, at: usize) -> String {
    let grade = delays.grades[at];
    let times = |ms: u64| (100_000 * ms).checked_div(delays.mean_us).unwrap_or(0);
    let (p50, p99) = (times(grade.p50_ms), times(grade.p99_ms));
    format!(
        "G{at}(t={}) {} / {} ms = {}.{:02} / {}.{:02}",
        grade.threshold,
        grade.p50_ms,
        grade.p99_ms,
        p50 / 100,
        p50 % 100,
        p99 / 100,
        p99 % 100
    )
}

fn main() {
    println!("finality from the proposal on, p50 / p99, in milliseconds and in mean one-way delays");
    for (n, rounds) in [(4, 200), (7, 200), (25, 60), (100, 12)] {
        let delays = delays(1, n, rounds);
        let grades: Vec<String> = (0..4).map(|at| grade(&delays, at)).collect();
        println!("n={n} mean {} us longest {} ms: {}", delays.mean_us, delays.longest_ms, grades.join("; "));
    }
    for (n, rounds) in [(7, 4_000), (150, 20)] {
        let (era, units) = load(n, rounds);
        let validators = &era.validators;
        let thresholds = [0, validators.single(), validators.classical(), validators.share(800)];
        let mut ladder: Vec<Finality> = thresholds.into_iter().map(Finality::new).collect();
        let mut dag = Dag::new(era.clone());
        let begun = Instant::now();
        let mut worst = 0;
        for unit in &units {
            let one = Instant::now();
            let inserted = dag.insert(unit).expect("the load follows the rules");
            for finality in &mut ladder {
                finality.extend(&dag, inserted);
            }
            worst = worst.max(one.elapsed().as_micros());
        }
        let each = begun.elapsed().as_nanos() / units.len() as u128;
        let finals: Vec<u64> = ladder.iter().map(|f| dag.blocks().get(f.last()).height.0).collect();
        println!(
            "n={n}: {} units in {rounds} rounds, insertion and detection at four grades {} ns a unit (worst {worst} us), {} KB of memory, final heights {finals:?}",
            units.len(),
            each,
            dag.memory_bytes() / 1024
        );
    }
}
