//! Random books of up to thirty offers against the optimum of an independent mixed-integer programme (`references.csv`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Options, clear};
use clearing::{Mode, check};
use common::{NOW, fingerprint, random_book, rules, stray, usd};

/// A book's optima, in USD.
struct Optima {
    seed: u64,
    book: String,
    ring: [f64; 2],
    uniform: [f64; 2],
    lots: f64,
}

/// Per mode the optimum in reals, and what no answer in whole units may come to but for a unit per leg.
impl Optima {
    fn of(&self, mode: Mode) -> [f64; 2] {
        match mode {
            Mode::Ring => self.ring,
            Mode::Uniform => self.uniform,
            Mode::Lots => [self.lots; 2],
        }
    }
}

fn optima() -> Vec<Optima> {
    let rows = include_str!("references.csv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let read = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let usd = |at: usize| cells[at].parse::<f64>().unwrap();
        Optima {
            seed: cells[0].parse().unwrap(),
            book: cells[1].to_owned(),
            ring: [usd(2), usd(3)],
            uniform: [usd(4), usd(5)],
            lots: usd(6),
        }
    };
    rows.map(read).collect()
}

/// What the table's last digit leaves open, USD.
const ROUNDED: f64 = 1e-3;

/// Clears every book in `mode`: no answer may pass the optimum, no bound be under it. Returns the share of all optima that
/// was cleared, and the books that fell short of theirs by more than a hundredth.
fn cleared(mode: Mode) -> (f64, Vec<u64>) {
    let (mut found, mut best, mut behind) = (0.0, 0.0, Vec::new());
    for optima in optima() {
        let seed = optima.seed;
        let book = random_book(seed);
        assert_eq!(
            format!("{:016x}", fingerprint(&book)),
            optima.book,
            "the table is about another book {seed}"
        );
        let clearing = clear(&book, &rules(mode), NOW, &Options::default());
        let report = check(&book, &rules(mode), NOW, &clearing.answer).unwrap();
        let (value, bound) = (usd(report.value), usd(clearing.bound));
        let [optimum, most] = optima.of(mode);
        let beyond = if mode == Mode::Lots { 0.0 } else { stray(&book, &clearing.answer) };
        assert!(value <= most + beyond + ROUNDED, "book {seed}, {mode}: {value} of at most {most} USD");
        assert!(bound >= optimum - ROUNDED, "book {seed}, {mode}: the bound {bound} is under {optimum} USD");
        if value < 0.99 * optimum {
            behind.push(seed);
        }
        found += value;
        best += optimum;
    }
    eprintln!("{mode}: {found:.2} of {best:.2} USD, {:.5}, behind: {behind:?}", found / best);
    (found / best, behind)
}

#[test]
fn whole_lots_come_to_the_optimum() {
    let (share, _) = cleared(Mode::Lots);
    assert!((share - 1.0).abs() < 1e-6, "{share}");
}

#[test]
fn rings_in_whole_units_come_near_the_optimum_in_reals() {
    let (share, behind) = cleared(Mode::Ring);
    assert!(share > 0.996, "{share}");
    assert!(behind.len() <= 3, "{behind:?}");
}

#[test]
fn rings_at_one_price_per_asset_come_near_the_optimum_in_reals() {
    let (share, behind) = cleared(Mode::Uniform);
    assert!(share > 0.992, "{share}");
    assert!(behind.len() <= 7, "{behind:?}");
}
