//! `permuta verify`: believes nothing that lies on the disk but the genesis.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use ledger::SubChain;
use payment_chain::view;

use crate::demo;

/// The arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the demo, which must not be running.
    #[arg(long, default_value = demo::DEFAULT_DIR)]
    dir: PathBuf,
}

/// Replays all three chains from the genesis.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (_home, network, house) = demo::open_still(&args.dir)?;
    println!("Network {}", network.genesis.hash());
    for chain in SubChain::ALL {
        let begun = Instant::now();
        let checked = house
            .ledger(chain)
            .verify_all()
            .with_context(|| format!("the {chain} chain does not hold; restore the folder from a copy"))?;
        println!(
            "  {:<9} {} blocks, {} transactions, {} messages: every hash, signature, receipt and root holds \
             ({:.1} s)",
            chain.name(),
            checked.height.0 + 1,
            checked.transactions,
            checked.messages,
            begun.elapsed().as_secs_f32()
        );
        println!("            state {}", checked.state_root);
    }
    let audit = house.read(SubChain::Payment, view::audit).context("conservation does not hold")?;
    println!(
        "  conserved: {} assets, {} balances and {} offers add up, nothing is locked without a reason",
        audit.assets, audit.balances, audit.offers
    );
    println!("All holds.");
    Ok(())
}
