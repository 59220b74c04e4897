//! `permuta reindex`: writes the read model again, from the chains alone.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use ledger::SubChain;
use web::projector::Projector;

use crate::{demo, projection};

/// The arguments of `reindex`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the demo, which must not be running.
    #[arg(long, default_value = demo::DEFAULT_DIR)]
    dir: PathBuf,
}

/// Empties the tables that come from the chains and fills them again. Logins, sessions, files and API clients stay.
pub(crate) fn run(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let (home, _network, house) = demo::open_still(&args.dir)?;
    let url = demo::database_url(&home);
    let database =
        web::db::Database::open(&url, 2).with_context(|| format!("cannot use the database {url}"))?;
    let projector = Projector::new(database);
    projector.reset().context("cannot empty the read model")?;
    let watched = std::io::stderr().is_terminal();
    projection::catch_up(&house, &projector, &mut |chain, left| {
        if watched {
            eprint!("\r  {chain}: {left} blocks to go    ");
            let _ = std::io::stderr().flush();
        }
    })?;
    if watched {
        eprintln!();
    }
    demo::note_read_model(&home, &url)?;
    let blocks: u64 = SubChain::ALL.into_iter().map(|chain| house.height(chain).0 + 1).sum();
    println!("Wrote {blocks} blocks into {url} in {:.1} s.", begun.elapsed().as_secs_f32());
    Ok(())
}
