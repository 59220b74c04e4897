//! How fast signatures can be checked at all: the ceiling of everything that is signed.

use std::time::Instant;

use anyhow::{Result, ensure};
use ledger::KeyPair;
use rayon::prelude::*;
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many signatures to check in each of five rounds.
    #[arg(long, default_value_t = 50_000)]
    count: usize,
}

#[derive(Serialize)]
struct Figures {
    /// The median of five rounds.
    per_second: f64,
    threads: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let keys: Vec<KeyPair> = (0..64).map(|seed| KeyPair::from_seed([seed; 32])).collect();
    let signed: Vec<_> = (0..options.count)
        .map(|number| {
            let key = &keys[number % keys.len()];
            // As long as the signed bytes of a transfer.
            let mut message = [0u8; 256];
            message[..8].copy_from_slice(&number.to_be_bytes());
            (key.public(), message, key.sign(&message))
        })
        .collect();
    let mut rates = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let good = signed.par_iter().filter(|(key, message, by)| key.verify(message, by).is_ok()).count();
        ensure!(good == signed.len(), "{} of {} signatures hold", good, signed.len());
        rates.push(signed.len() as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let figures = Figures { per_second: rates[rates.len() / 2], threads: rayon::current_num_threads() };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
