//! `permuta export-proof`: a file that convinces whoever trusts the genesis.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ledger::light::Proof;
use ledger::{Address, Cause, Hash, Height, SubChain};
use payment_chain::BALANCES;
use payment_chain::model::AssetId;

use crate::house::House;
use crate::{demo, home};

/// The arguments of `export-proof`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    /// The chain of the transaction.
    #[arg(long, default_value = "payment", conflicts_with = "balance")]
    chain: SubChain,
    /// The asset of the balance, by its number.
    #[arg(long, requires = "balance", value_name = "NUMBER")]
    asset: Option<u64>,
    /// The folder of the demo, which must not be running.
    #[arg(long, default_value = demo::DEFAULT_DIR)]
    dir: PathBuf,
    /// Where the proof goes; `-` writes standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What is proved.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// What came of a transaction, by its identifier (64 hex digits).
    #[arg(long, value_name = "ID")]
    transaction: Option<Hash>,
    /// What an account holds of `--asset`, by its address (0x and 40 hex digits).
    #[arg(long, value_name = "ADDRESS", requires = "asset")]
    balance: Option<Address>,
}

/// Writes the proof.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (_home, network, house) = demo::open_still(&args.dir)?;
    let proof = match (args.what.transaction, args.what.balance, args.asset) {
        (Some(id), _, _) => receipt(&house, args.chain, id)?,
        (None, Some(account), Some(asset)) => {
            house.ledger(SubChain::Payment).prove_state(&BALANCES.key(&(account, AssetId(asset))))?
        }
        (None, _, _) => bail!("name --transaction, or --balance with --asset"),
    };
    let bytes = proof.encode();
    if args.out.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes).context("cannot write to standard output")?;
        return Ok(());
    }
    home::write_durably(&args.out, &bytes, false)?;
    match &proof.checkpoint {
        Some(checkpoint) => println!("The record lies under checkpoint {}.", checkpoint.word.seal.claim.era),
        None => {
            println!("No checkpoint covers the record yet: the seal of its own validators stands for it.")
        }
    }
    println!("Wrote {} bytes. Check them with:", bytes.len());
    println!("  permuta verify-proof {} --genesis {}", args.out.display(), network.genesis.hash());
    Ok(())
}

/// Looks for the transaction from the last block back to the first.
fn receipt(house: &House, chain: SubChain, id: Hash) -> Result<Proof> {
    let ledger = house.ledger(chain);
    for height in (0..=ledger.height().0).rev().map(Height) {
        let block = ledger.committed(height)?.with_context(|| format!("block {height} is missing"))?;
        let at = block.receipts.iter().position(|receipt| receipt.cause == Cause::Transaction(id));
        if let Some(at) = at {
            let mut proof = ledger.prove_receipt(height, at)?;
            if let Some(word) = house.ledger(SubChain::Identity).last_word()? {
                ledger.cover(&mut proof, word)?;
            }
            return Ok(proof);
        }
    }
    bail!("the {chain} chain has no transaction {id}: is it on another one? (--chain)")
}
