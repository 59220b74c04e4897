//! Consensus of many validators.

use anyhow::Result;
use serde_json::Value;

use super::report::Report;
use super::{Programs, number};

pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    eprintln!("consensus, simulated …");
    let figures = programs.json(&["consensus"])?;
    let list = |field: &str| figures[field].as_array().cloned().unwrap_or_default();
    report.section(
        "Finality among many validators",
        "From the proposal until a node knows that a block is final, in a simulated healthy network over five regions \
         60 to 150 ms apart one way, p50 / p99 over all blocks and nodes; in mean one-way delays of the same network, \
         the median of nine networks for 4 and 7 validators, of three for 25, and one for 100. G0 bears crashes alone, G1 \
         any one validator that cheats, G2 a third, G3 four fifths, for whom all have to see all twice. The baseline of \
         G2 is the least that any schedule of three messages (proposal, confirmation, witness) could reach in the same \
         networks without jitter: a quorum has to hear a quorum, and both wait for their slowest.",
    );
    for finals in list("finals") {
        let n = number(&finals, "n")?;
        for grade in 0..4 {
            let of = |field: &str| finals[field][grade].as_f64().unwrap_or(f64::NAN);
            let goal = if n == 7.0 && grade == 2 { "p50 at most 3.2, p99 at most twice that" } else { "" };
            let name = format!("{n} validators, G{grade}");
            report.text(&name, &format!("{:.2} / {:.2}", of("p50"), of("p99")), goal);
        }
        let floor = number(&finals, "floor")?;
        if floor > 0.0 {
            let p50 = finals["p50"][2].as_f64().unwrap_or(f64::NAN);
            report.beside("the least of any schedule of three messages", p50, floor, 2, "");
        }
        report.figure("… G2 p50 in delays of the longest link", number(&finals, "longest")?, 2);
    }
    report.section(
        "The graph of units on this machine",
        "One unit put into a graph of an era in which everybody speaks twice a round, and four grades looked at after it; \
         the baseline is the strict check of one unit's signature, hash included, in the same run. The era of 7 lasts an \
         hour of shortest rounds.",
    );
    for insertion in list("insertions") {
        insertion_of(&insertion, report)?;
    }
    let rounds = number(&figures, "escalation_rounds")?;
    report.goal(
        "rounds from evidence at one node to the raised threshold at all, slowest of nine",
        rounds,
        2,
        "at most 1",
    );
    Ok(())
}

fn insertion_of(insertion: &Value, report: &mut Report) -> Result<()> {
    let n = number(insertion, "n")?;
    let goal = if n < 100.0 { "at most 50 µs" } else { "at most 1 ms" };
    let micros = number(insertion, "micros")?;
    report.goal(&format!("µs for a unit of {n} validators"), micros, 1, goal);
    report.beside("one signature check", micros, number(insertion, "signature_micros")?, 1, "");
    let goal = if n < 100.0 { "at most 64" } else { "" };
    let units = number(insertion, "units")?;
    report.goal(&format!("MiB of the graph with {units} units"), number(insertion, "mebibytes")?, 1, goal);
    Ok(())
}
