//! `permuta`: barter in rings, from an offer to a settled trade, in one program.

mod clock;
mod commands;
mod connections;
mod consortium;
mod demo;
mod driver;
mod heartbeat;
mod home;
mod house;
mod http;
mod network;
mod projection;
mod pulse;
mod secret;
mod solver;
mod wire;

use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The system's allocator keeps one pool for each of the node's many threads and gives little of them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Barter in rings: clear books, quote paths, net obligations, and run a node.
#[derive(Parser)]
#[command(name = "permuta", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .init();
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("permuta: {error:#}");
            ExitCode::FAILURE
        }
    }
}
