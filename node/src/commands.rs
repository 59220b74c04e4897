//! The subcommands, one module each.

mod audit_clearing;
mod ca;
mod clear;
mod explain;
mod export_proof;
mod import_cow;
mod input;
mod keygen;
mod localnet;
mod matching;
mod net;
mod node;
mod quote;
mod reindex;
mod replay;
mod sim;
mod verify;
mod verify_proof;
mod wallet;

use clap::Subcommand;

/// What `permuta` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a whole market on this machine: three chains, portal, bank API, simulated traders.
    Demo(crate::demo::Args),
    /// Run a consortium of validators on this machine, each in a process of its own.
    Localnet(localnet::Args),
    /// Run one validator of a consortium.
    Node(node::Args),
    /// Write the read model again from the chains; logins and files stay.
    Reindex(reindex::Args),
    /// Replay all chains from the genesis: hashes, signatures, receipts, roots, conservation.
    Verify(verify::Args),
    /// Write a proof of a transaction or a balance into a file.
    ExportProof(export_proof::Args),
    /// Find the rings of a book and write them with a proof of how good they are.
    Clear(clear::Args),
    /// Prove a clearing and its bound again from its files, without trusting its solver.
    AuditClearing(audit_clearing::Args),
    /// Tell one ring of a clearing in words: who gives what to whom, at which rate, and how good that is for each.
    Explain(explain::Args),
    /// Quote what one asset brings in another through at most six assets, as JSON.
    Quote(quote::Args),
    /// Net obligations: clear as much debt as circulates.
    Net(net::Args),
    /// Clear a dated book day by day: what would have been traded, how soon, through which rings.
    Replay(replay::Args),
    /// Match pairs that can give to each other in cycles of limited length, as kidney exchanges do.
    Match(matching::Args),
    /// Turn auctions of limit orders into books.
    ImportCow(import_cow::Args),
    /// Make the key of a validator.
    Keygen(keygen::Args),
    /// Run a consortium's authority: certificates for validators, and their revocation.
    Ca(ca::Args),
    /// Run consensus in a simulated network and write what happened, for others to check.
    Sim(sim::Args),
    /// Check a proof file against a network that you trust, with nothing else.
    VerifyProof(verify_proof::Args),
    /// Keep a signing key outside the browser, and sign what you have read.
    Wallet(wallet::Args),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever stopped it, told for the person at the terminal.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Command::Demo(args) => crate::demo::run(&args),
            Command::Localnet(args) => localnet::run(&args),
            Command::Node(args) => node::run(&args),
            Command::Reindex(args) => reindex::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::ExportProof(args) => export_proof::run(&args),
            Command::Clear(args) => clear::run(args),
            Command::AuditClearing(args) => audit_clearing::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Match(args) => matching::run(&args),
            Command::ImportCow(args) => import_cow::run(&args),
            Command::Net(args) => net::run(&args),
            Command::Quote(args) => quote::run(&args),
            Command::Keygen(args) => keygen::run(&args),
            Command::Ca(args) => ca::run(&args),
            Command::Sim(args) => sim::run(&args),
            Command::VerifyProof(args) => verify_proof::run(&args),
            Command::Wallet(args) => wallet::run(&args),
        }
    }
}
