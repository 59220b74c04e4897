//! Consensus of many validators: finality in message delays and escalation from the simulator, which no machine
//! distorts; insertion and memory from this machine.

use std::time::Instant;

use anyhow::{Result, ensure};
use ledger::koma::{Dag, Finality};
use serde::Serialize;
use simulation::figures::{delays, escalation, load};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many networks of each size, each with its own distances; the median counts.
    #[arg(long, default_value_t = 9)]
    networks: u64,
}

/// Finality among `n` validators, in mean one-way delays of the same network, as the median of all networks.
#[derive(Serialize)]
struct Finals {
    n: usize,
    /// G0, G1, G2, G3 (0.8 of the weight).
    p50: [f64; 4],
    p99: [f64; 4],
    /// G2 in delays of the longest link.
    longest: f64,
    /// What no schedule of three messages stays below at G2; 0 where it is not known.
    floor: f64,
}

/// One unit put into the graph and looked at at four grades.
#[derive(Serialize)]
struct Insertion {
    n: usize,
    /// The mean, in microseconds.
    micros: f64,
    /// Of one strict check of a unit's signature, in microseconds: the baseline.
    signature_micros: f64,
    units: usize,
    mebibytes: f64,
}

#[derive(Serialize)]
struct Figures {
    finals: Vec<Finals>,
    insertions: Vec<Insertion>,
    /// From the first who learns of an equivocation to the last who raised its threshold, in rounds: the slowest network.
    escalation_rounds: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.networks > 0, "--networks: at least 1");
    let sizes = [(4, 60, options.networks), (7, 60, options.networks), (25, 20, 3), (100, 10, 1)];
    let slowest = (1..=options.networks).filter_map(escalation).max();
    let figures = Figures {
        finals: sizes.into_iter().map(|(n, rounds, networks)| finals(n, rounds, networks)).collect(),
        // An hour of rounds that last 480 ms; and as many units as fit into a short measurement.
        insertions: [(7, 7_500), (150, 20)].into_iter().map(|(n, rounds)| insertion(n, rounds)).collect(),
        escalation_rounds: slowest.map_or(f64::NAN, |thousandths| thousandths as f64 / 1000.0),
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn finals(n: usize, rounds: u64, networks: u64) -> Finals {
    let all: Vec<_> = (1..=networks).map(|seed| delays(seed, n, rounds)).collect();
    let middle =
        |figure: &dyn Fn(&simulation::figures::Delays) -> f64| median(all.iter().map(figure).collect());
    let grade = |at: usize, p99: bool| {
        middle(&|delays| {
            let grade = delays.grades[at];
            1000.0 * if p99 { grade.p99_ms } else { grade.p50_ms } as f64 / delays.mean_us as f64
        })
    };
    Finals {
        n,
        p50: [0, 1, 2, 3].map(|at| grade(at, false)),
        p99: [0, 1, 2, 3].map(|at| grade(at, true)),
        longest: middle(&|delays| delays.grades[2].p50_ms as f64 / delays.longest_ms as f64),
        floor: middle(&|delays| {
            delays.floor_ms.map_or(0.0, |floor| 1000.0 * floor as f64 / delays.mean_us as f64)
        }),
    }
}

fn insertion(n: usize, rounds: u64) -> Insertion {
    let (era, units) = load(n, rounds);
    let validators = &era.validators;
    let thresholds = [0, validators.single(), validators.classical(), validators.share(800)];
    let mut ladder: Vec<Finality> = thresholds.into_iter().map(Finality::new).collect();
    let mut dag = Dag::new(era.clone());
    let begun = Instant::now();
    for unit in &units {
        let inserted = dag.insert(unit).expect("the load follows the rules");
        for finality in &mut ladder {
            finality.extend(&dag, inserted);
        }
    }
    let micros = begun.elapsed().as_secs_f64() * 1e6 / units.len() as f64;
    let checked = units.iter().take(2_000);
    let count = checked.len() as f64;
    let begun = Instant::now();
    let good = checked.filter(|unit| unit.signed().clone().verify(&era).is_ok()).count();
    let signature_micros = begun.elapsed().as_secs_f64() * 1e6 / count;
    assert_eq!(good as f64, count, "the load's signatures hold");
    let mebibytes = dag.memory_bytes() as f64 / f64::from(1 << 20);
    Insertion { n, micros, signature_micros, units: units.len(), mebibytes }
}
