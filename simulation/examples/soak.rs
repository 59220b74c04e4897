//! Runs seeds of troubled worlds for as long as there is time, on all cores: `cargo xtask soak` builds and runs it.
//!
//! Arguments: the first seed, how many seeds, and after how many seconds no further one is begun.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers, which stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use simulation::history::Faults;
use simulation::plan::CALM_MS;
use simulation::{Act, History, Plan, World};

/// What all seeds came to.
#[derive(Default)]
struct Sum {
    seeds: u64,
    simulated_ms: u64,
    rounds: u64,
    units: u64,
    messages: u64,
    eras: u64,
    executed: u64,
    finals: BTreeMap<&'static str, u64>,
    faults: Faults,
    partitions: u64,
    slow: u64,
    cheats: BTreeMap<&'static str, u64>,
    broken: Vec<(u64, String)>,
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Honest => "honest",
        Act::Equivocator => "equivocators",
        Act::Withholder => "withholders",
        Act::Liar(_) => "liars about time",
        Act::Spammer => "spammers",
        Act::Twins => "twins",
    }
}

impl Sum {
    fn add(&mut self, plan: &Plan, history: Option<History>) {
        let seed = plan.seed;
        self.seeds += 1;
        let Some(history) = history else {
            self.broken.push((seed, "it panicked".to_owned()));
            return;
        };
        self.simulated_ms += plan.run_ms;
        self.rounds += plan.run_ms / plan.round_ms * history.chains.len() as u64;
        self.units += history.units;
        self.messages += history.messages;
        self.eras += history.eras;
        self.executed += history.common_height() as u64;
        let validators = &simulation::world::first_era(plan).validators;
        for (threshold, blocks) in history.final_blocks() {
            let grade = match threshold {
                t if t >= validators.classical() => "at the classical grade or above",
                _ => "below it",
            };
            *self.finals.entry(grade).or_default() += blocks as u64;
        }
        let (sum, one) = (&mut self.faults, history.faults);
        sum.lost += one.lost;
        sum.repeated += one.repeated;
        sum.parted += one.parted;
        sum.crashes += one.crashes;
        sum.restarts += one.restarts;
        sum.torn += one.torn;
        sum.forks += one.forks;
        self.partitions += plan.partitions.len() as u64;
        self.slow += plan.slow.len() as u64;
        for (_, act) in &plan.acts {
            *self.cheats.entry(name(*act)).or_default() += 1;
        }
        self.broken.extend(history.broken.iter().map(|told| (seed, told.clone())));
        self.broken
            .extend(history.alarms.iter().map(|alarm| (seed, format!("an alarm without reason: {alarm:?}"))));
        for node in history.chains.keys() {
            if !history.executed_ms.iter().any(|((who, _), at)| who == node && *at > CALM_MS) {
                self.broken.push((seed, format!("node {node} stands still when all is well again")));
            }
        }
    }

    fn tell(&self, seconds: u64) {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        println!("\n{} seeds in {seconds} s: {hours:.1} simulated hours", self.seeds);
        println!("  rounds of honest nodes    {}", self.rounds);
        println!("  units made                {}", self.units);
        println!("  messages delivered        {}", self.messages);
        println!("  eras                      {}", self.eras);
        println!("  blocks executed by all    {}", self.executed);
        for (grade, blocks) in &self.finals {
            println!("  blocks final {grade}: {blocks}");
        }
        let faults = self.faults;
        println!(
            "  messages lost {}, repeated {}, held back {}",
            faults.lost, faults.repeated, faults.parted
        );
        println!("  partitions {}, slow validators {}", self.partitions, self.slow);
        println!("  crashes {}, restarts {}, torn logs {}", faults.crashes, faults.restarts, faults.torn);
        let cheats: Vec<String> = self.cheats.iter().map(|(what, count)| format!("{what} {count}")).collect();
        println!("  cheats: {}; units forked {}", cheats.join(", "), faults.forks);
        println!("  promises broken           {}", self.broken.len());
        for (seed, told) in &self.broken {
            println!("    seed {seed}: {told}\n      again: cargo xtask soak --from {seed} --seeds 1");
        }
    }
}

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("three numbers"));
    let mut number = || numbers.next().expect("the first seed, how many, and for how many seconds");
    let (first, seeds, seconds) = (number(), number(), number());
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while begun.elapsed() < Duration::from_secs(seconds) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= seeds {
                        break;
                    }
                    let plan = Plan::troubled(first + at);
                    // An assertion inside is a broken promise too, and must not take the other seeds with it.
                    let history = std::panic::catch_unwind(|| World::run(plan.clone())).ok();
                    let mut sum = sum.lock().expect("no thread panics while it adds");
                    sum.add(&plan, history);
                    if sum.seeds.is_multiple_of(100) {
                        let (done, broken) = (sum.seeds, sum.broken.len());
                        eprintln!(
                            "{:>6} s  {done} seeds, {broken} promises broken",
                            begun.elapsed().as_secs()
                        );
                    }
                }
            });
        }
    });
    let sum = sum.into_inner().expect("no thread panics while it adds");
    sum.tell(begun.elapsed().as_secs());
    if sum.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
