//! `permuta net`: obligations in a file, what of them can be cleared in a file.

use super::input::{malformed, tell_skipped};
use anyhow::Context;
use barter_engine::files::{self, Source};
use barter_engine::netting;
use std::path::PathBuf;

/// Arguments of `permuta net`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Obligations: debtor, creditor, amount. Plain, .gz or .zst; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    obligations: PathBuf,
    /// Leaves rows out that say nothing sensible, counts them by reason and says where the first ones are, instead of
    /// refusing the file.
    #[arg(long)]
    skip_malformed: bool,
    /// Where cleared.csv, potentials.csv (the proof that no more can be cleared) and summary.json are written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Nets the obligations and writes what is cleared.
///
/// # Errors
/// Whatever is wrong with the input or the output directory.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (obligations, skipped) =
        files::read_obligations(Source::open(&args.obligations)?, malformed(args.skip_malformed))?;
    tell_skipped("obligations", &skipped);
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    eprintln!("netting {} debts among {} parties", obligations.debts.len(), obligations.names.len());
    let netting = netting::net(&obligations);
    netting::check(&obligations, &netting).context("the netting does not prove itself")?;
    if netting.to_oneself.0 > 0 {
        eprintln!("{} debts to oneself left out", netting.to_oneself.0);
    }
    files::write_cleared(
        &args.out.join("cleared.csv"),
        &args.out.join("summary.json"),
        &obligations,
        &netting,
        &skipped,
    )?;
    files::write_potentials(&args.out.join("potentials.csv"), &obligations, &netting)?;
    let show = |units| clearing::Amount::new(units).map(|amount| amount.display(obligations.decimals));
    eprintln!("{} of {} cleared, the most that can be", show(netting.total)?, show(netting.owed)?);
    Ok(())
}
