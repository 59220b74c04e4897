//! `permuta`: barter in rings, from an offer to a settled trade, in one program.

mod commands;

use clap::Parser;
use std::process::ExitCode;

/// Barter in rings: clear books, quote paths, net obligations, and run a node.
#[derive(Parser)]
#[command(name = "permuta", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("permuta: {error:#}");
            ExitCode::FAILURE
        }
    }
}
