//! `permuta match`: an exchange among pairs, each in one cycle at most.

use anyhow::Context;
use barter_engine::files::{self, Source};
use barter_engine::matching::{self, Limits, WHOLE};
use std::path::PathBuf;
use std::time::Instant;

/// Arguments of `permuta match`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who can give to whom, as PrefLib publishes kidney exchanges (.wmd): lines of from,to,weight below comments. Plain, .gz
    /// or .zst; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    instance: PathBuf,
    /// The most pairs of a cycle.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(2..=6))]
    longest: u8,
    /// Where cycles.csv, prices.csv (which prove the bound) and summary.json are written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Matches the pairs, proves the answer and writes it.
///
/// # Errors
/// Whatever is wrong with the input or the output directory.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let instance = files::read_instance(Source::open(&args.instance)?)?;
    let longest = usize::from(args.longest);
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let found = matching::find(&instance, longest, &Limits::default());
    matching::check(&instance, longest, &found).context("the matching does not prove itself")?;
    files::write_matching(&args.out, &instance, longest, &found)?;
    eprintln!(
        "{} cycles over {} of {} pairs, worth {} of at most {}{}, in {:.1} s",
        found.cycles.len(),
        found.cycles.iter().map(Vec::len).sum::<usize>(),
        instance.pairs(),
        shown(found.value),
        shown(found.bound),
        if found.exhausted { "; nothing is worth more" } else { "" },
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// So many parts of one, with as many decimals as it has.
fn shown(parts: u64) -> String {
    let exact = format!("{}.{:09}", parts / WHOLE, parts % WHOLE);
    exact.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_decimal_is_lost() {
        let told = [0, 1, 1_500_000_000, 20_000_000_000].map(super::shown);
        assert_eq!(told, ["0", "0.000000001", "1.5", "20"]);
    }
}
