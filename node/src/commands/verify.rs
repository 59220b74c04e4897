//! `permuta verify`: believes nothing that lies on the disk but the genesis.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ledger::{Height, SubChain};
use payment_chain::view;

use crate::demo;
use crate::house::House;
use crate::network::Network;

/// The arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the demo, or of a validator, which must not be running.
    #[arg(long, default_value = demo::DEFAULT_DIR)]
    dir: PathBuf,
    /// The folder of another validator of the same network, to be compared block by block; may be repeated.
    #[arg(long, value_name = "DIR")]
    with: Vec<PathBuf>,
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
    for other in &args.with {
        compare(&house, &network, other)?;
    }
    println!("All holds.");
    Ok(())
}

/// Sees that another validator has the same blocks with the same outcome, as far as both go.
fn compare(house: &House, network: &Network, other: &Path) -> Result<()> {
    let (_home, theirs, them) = demo::open_still(other)?;
    if theirs.genesis != network.genesis {
        bail!("{} is of another network: {}", other.display(), theirs.genesis.hash());
    }
    let mut heights = Vec::new();
    for chain in SubChain::ALL {
        let last = house.height(chain).min(them.height(chain));
        for height in (1..=last.0).map(Height) {
            let claim = |house: &House| -> Result<_> {
                let block = house.ledger(chain).committed(height)?;
                Ok(block.map(|block| block.seal.claim.clone()))
            };
            let (ours, theirs) = (claim(house)?, claim(&them)?);
            if ours != theirs {
                bail!(
                    "{} has another block {height} of the {chain} chain: {ours:?} and {theirs:?}",
                    other.display()
                );
            }
        }
        heights.push(format!("{chain} {last}"));
    }
    println!("  agrees with {} up to {}", other.display(), heights.join(", "));
    Ok(())
}
