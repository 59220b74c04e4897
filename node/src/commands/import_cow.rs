//! `permuta import-cow`: auctions of limit orders as books.

use barter_engine::files::{self, Source};
use std::path::PathBuf;

/// Arguments of `permuta import-cow`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders of the CoW Protocol's auctions, as researchers publish them: auction, order, token_bought_symbol, …; see
    /// docs/FILES.md. Plain, .gz or .zst; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,
    /// Only this auction.
    #[arg(long, value_name = "NUMBER")]
    auction: Option<u64>,
    /// Where each auction gets a directory with assets.csv and offers.csv. Its offers are valid at `--now 0`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the books and says what they leave out.
///
/// # Errors
/// Whatever is wrong with the input or the output directory.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let imported = files::import_cow(Source::open(&args.orders)?, args.auction, &args.out)?;
    for auction in &imported {
        let left: Vec<String> =
            auction.left_out.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        eprintln!(
            "auction {}: {} offers over {} assets; left out: {}",
            auction.auction,
            auction.offers,
            auction.assets,
            if left.is_empty() { "none".to_owned() } else { left.join(", ") }
        );
    }
    eprintln!("{} auctions", imported.len());
    Ok(())
}
