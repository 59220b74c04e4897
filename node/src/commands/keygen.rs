//! `permuta keygen`: the key with which a validator signs units and proves who it is to the others.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use identity_chain::validator::possession_bytes;
use ledger::{Address, Genesis, SubChain};

use crate::secret;

/// The arguments of `keygen`.
#[derive(clap::Args)]
#[command(after_help = "\
The public key that it prints goes to the consortium: into the genesis or a later vote, and to its authority, which signs \
a certificate for it (`permuta ca issue`). The file never leaves the validator. Whoever has it can speak for the \
validator; whoever uses it on two machines at once equivocates, provably, and is banned.")]
pub(crate) struct Args {
    /// Make a key and keep it in this new file, which only you may read.
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    out: Option<PathBuf>,
    /// Print the public key of a file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    show: Option<PathBuf>,
    /// Also print the key's proof that this organisation may bring it in as a validator: members ask for it when they vote.
    #[arg(long = "for", value_name = "ACCOUNT", requires_all = ["show", "genesis"])]
    organisation: Option<Address>,
    /// The genesis of the network that the proof is for: the file genesis in a node's folder.
    #[arg(long, value_name = "FILE", requires = "organisation")]
    genesis: Option<PathBuf>,
}

/// Makes a key, or shows the public half of one.
pub(crate) fn run(args: &Args) -> Result<()> {
    let key = match (&args.out, &args.show) {
        (_, Some(path)) => secret::read(path)?,
        (Some(path), None) => {
            let key = secret::fresh()?;
            secret::write(path, &key)?;
            eprintln!("{} holds the secret half: it stays on this machine.", path.display());
            key
        }
        (None, None) => bail!("name a file: --out to make a key, --show to look at one"),
    };
    println!("{}", key.public());
    if let (Some(organisation), Some(path)) = (args.organisation, &args.genesis) {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let genesis = Genesis::decode(&bytes).with_context(|| format!("{}", path.display()))?;
        let chain = genesis.chain_id(SubChain::Identity);
        println!("proof {}", key.sign(&possession_bytes(chain, organisation, key.public())));
    }
    Ok(())
}
