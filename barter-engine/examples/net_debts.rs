//! Nets one file of obligations and prints what it took: `net_debts FILE`.

use barter_engine::files::{Malformed, Source, read_obligations};
use barter_engine::netting::{check, net};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let file = PathBuf::from(std::env::args().nth(1).ok_or("which file?")?);
    let started = Instant::now();
    let (obligations, _) = read_obligations(Source::open(&file)?, Malformed::Refused)?;
    let read = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let netting = net(&obligations);
    let seconds = started.elapsed().as_secs_f64();
    check(&obligations, &netting)?;
    println!(
        "{}: {} debts of {} parties, read in {read:.3} s, netted in {:.3} s and proved: {} of {} in units of 10^-{}, {} relabels",
        file.display(),
        obligations.debts.len(),
        obligations.names.len(),
        seconds,
        netting.total,
        netting.owed,
        obligations.decimals,
        netting.relabels,
    );
    Ok(())
}
