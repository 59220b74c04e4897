//! `permuta sim`: consensus in a simulated network, with a trace that anybody can check with a program of their own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use ledger::genesis::MAX_VALIDATORS;
use simulation::sketch::{Parted, Sketch};
use simulation::{Act, History, Plan, trace};

/// The arguments of `sim`.
#[derive(clap::Args)]
#[command(after_help = "\
Example: seven validators, two of whom cheat; from round 5 to round 12 the first two are cut off.

  permuta sim --seed 7 --validators 7 --byzantine 2 --partition 5-12:0,1 --trace trace.jsonl

The same arguments always write the same bytes. Each line of the trace is a JSON object: first the weights, the genesis \
and the seed; then in the order of events a unit, a block that is final for an honest observer at threshold t (more than \
weight t would have to equivocate, provably, to undo it) with the tips of all it had seen, or evidence of an equivocation. \
Validators are numbered from 0.")]
pub(crate) struct Args {
    /// What all chance follows from.
    #[arg(long, value_name = "NUMBER")]
    seed: u64,
    /// How many validators there are.
    #[arg(long, value_name = "N")]
    validators: usize,
    /// What each of them weighs; all the same if not said.
    #[arg(long, value_name = "W1,W2,…", value_delimiter = ',')]
    weights: Vec<u64>,
    /// How many cheat. The first equivocates; the seed says who they are and what the others do.
    #[arg(long, value_name = "K", default_value_t = 0)]
    byzantine: usize,
    /// How many others stop for good in the first third.
    #[arg(long, value_name = "C", default_value_t = 0)]
    crash: usize,
    /// How many more stop in the first third and start again from their disks.
    #[arg(long, value_name = "R", default_value_t = 0)]
    restart: usize,
    /// For how many rounds the network runs.
    #[arg(long, value_name = "R", default_value_t = 40)]
    rounds: u64,
    /// From one round to another, these validators and the rest do not hear each other; may be said several times.
    #[arg(long, value_name = "FROM-UNTIL:V1,V2,…")]
    partition: Vec<Cut>,
    /// Where the trace goes; `-` writes standard output.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
}

/// A partition as it is typed.
#[derive(Clone, Debug)]
struct Cut(Parted);

/// Why a partition cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected two rounds and the validators of one side, as in 5-12:0,1")]
struct CutError;

impl FromStr for Cut {
    type Err = CutError;

    fn from_str(text: &str) -> Result<Cut, CutError> {
        let (span, side) = text.split_once(':').ok_or(CutError)?;
        let (from, until) = span.split_once('-').ok_or(CutError)?;
        let round = |text: &str| text.trim().parse().map_err(|_| CutError);
        let side = side.split(',').map(|who| who.trim().parse().map_err(|_| CutError));
        Ok(Cut(Parted { from: round(from)?, until: round(until)?, side: side.collect::<Result<_, _>>()? }))
    }
}

/// Runs the network and writes the trace; what came of it goes to standard error.
pub(crate) fn run(args: &Args) -> Result<()> {
    let plan = plan(args)?;
    let history = if args.trace == Path::new("-") {
        written(&plan, io::stdout().lock()).context("cannot write to standard output")?
    } else {
        let file = File::create(&args.trace).and_then(|file| written(&plan, file));
        file.with_context(|| format!("--trace: cannot write {}", args.trace.display()))?
    };
    eprint!("{}", summary(&plan, &history));
    if !history.broken.is_empty() {
        bail!("a promise was broken, which must never be; keep the seed: {}", history.broken.join("; "));
    }
    Ok(())
}

fn plan(args: &Args) -> Result<Plan> {
    ensure!(args.validators <= MAX_VALIDATORS, "--validators: an era has at most {MAX_VALIDATORS}");
    let weights = if args.weights.is_empty() { vec![1; args.validators] } else { args.weights.clone() };
    ensure!(
        weights.len() == args.validators,
        "--weights names {} weights for {} validators: say one for each, or none",
        weights.len(),
        args.validators
    );
    let sketch = Sketch {
        weights,
        byzantine: args.byzantine,
        crashed: args.crash,
        restarted: args.restart,
        rounds: args.rounds,
        partitions: args.partition.iter().map(|cut| cut.0.clone()).collect(),
    };
    Ok(sketch.plan(args.seed)?)
}

fn written(plan: &Plan, out: impl Write) -> io::Result<History> {
    let mut out = BufWriter::new(out);
    let history = trace::write(plan, &mut out)?;
    out.flush()?;
    Ok(history)
}

fn summary(plan: &Plan, history: &History) -> String {
    let total: u64 = plan.weights.iter().sum();
    let mut text = format!(
        "seed {}: {} validators of weight {total}, {} rounds, {} units\n",
        plan.seed,
        plan.weights.len(),
        plan.run_ms / plan.round_ms,
        history.units,
    );
    for (who, act) in &plan.acts {
        let what = match act {
            Act::Honest => "is honest".to_owned(),
            Act::Equivocator => "says two things at once".to_owned(),
            Act::Withholder => "keeps its units from some".to_owned(),
            Act::Liar(ms @ ..0) => format!("has a clock that is {} ms slow", ms.unsigned_abs()),
            Act::Liar(ms) => format!("has a clock that is {ms} ms fast"),
            Act::Spammer => "sends forks and replays without end".to_owned(),
            Act::Twins => "runs twice with one key".to_owned(),
        };
        text += &format!("  validator {who} {what}\n");
    }
    for crash in &plan.crashes {
        let back = crash.back_ms.map_or(" for good".to_owned(), |back| {
            format!(" and starts again in round {}", back / plan.round_ms)
        });
        text += &format!("  validator {} stops in round {}{back}\n", crash.node, crash.at_ms / plan.round_ms);
    }
    for (t, blocks) in history.final_blocks() {
        text += &format!("  final at t = {t} of {total}: {blocks} blocks\n");
    }
    text + &format!("  promises broken: {}\n", history.broken.len())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn told(line: &str) -> Result<Plan> {
        let words = format!("sim --trace - --seed 7 {line}");
        plan(&Line::try_parse_from(words.split_whitespace())?.args)
    }

    #[test]
    fn a_command_line_becomes_a_plan() {
        let plan =
            told("--validators 4 --weights 3,3,2,2 --byzantine 1 --rounds 20 --partition 5-12:0,1").unwrap();
        assert_eq!((plan.weights.len(), plan.acts.len(), plan.run_ms), (4, 1, 20 * plan.round_ms));
        assert_eq!(
            (plan.partitions[0].from_ms, &plan.partitions[0].side[..]),
            (5 * plan.round_ms, &[0, 1][..])
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_would_help() {
        for (line, help) in [
            ("--validators 4 --weights 1,2", "say one for each, or none"),
            ("--validators 0", "an era has 1 to"),
            ("--validators 4 --weights 4,1,1,1", "weigh"),
            ("--validators 4 --crash 4", "at most 3"),
            ("--validators 4 --rounds 0", "between 1 and"),
            ("--validators 4 --partition 5:1", "as in 5-12:0,1"),
            ("--validators 4 --partition 9-5:1", "later round than 9"),
            ("--validators 4 --partition 1-5:7", "numbered 0 to 3"),
        ] {
            let told = format!("{:#}", told(line).unwrap_err());
            assert!(told.contains(help), "{line}: {told}");
        }
    }

    #[test]
    fn the_same_arguments_write_the_same_bytes() {
        let plan = told("--validators 4 --byzantine 1 --rounds 6").unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let history = written(&plan, &mut first).unwrap();
        written(&plan, &mut second).unwrap();
        assert_eq!(first, second);
        assert!(summary(&plan, &history).contains("says two things at once"));
    }
}
