//! Signed transfers through a single node: from the signed bytes to a block that is on disk, sealed and provable.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clearing::Amount;
use ledger::ledger::Options as LedgerOptions;
use ledger::transaction::{VERSION, terms_hash};
use ledger::{
    Address, Application, Body, Genesis, Height, KeyPair, Ledger, SubChain, Timestamp, Transaction,
};
use payment_chain::model::AssetId;
use payment_chain::{Config, Payload, PaymentChain};
use rayon::prelude::*;
use serde::Serialize;
use vocabulary::{Role, Roles, Standing, ToParty};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many transfers.
    #[arg(long, default_value_t = 200_000)]
    count: u64,
    /// Among how many accounts.
    #[arg(long, default_value_t = 2_000)]
    accounts: u64,
    /// Where the node's files go; a folder that does not exist yet.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Figures {
    per_second: f64,
    transfers: u64,
    blocks: u64,
}

/// As many as a block takes, roughly; the node works on one such batch while the next one is checked.
pub(crate) const BATCH: usize = 4096;

pub(crate) fn run(options: &Options) -> Result<()> {
    let keys: Vec<KeyPair> = (0..options.accounts).map(key).collect();
    let validator = KeyPair::from_seed([9; 32]);
    let app = Arc::new(PaymentChain::new(config(&keys, options.count)?)?);
    let genesis = Genesis::new(now()?, vec![(validator.public(), 1)], [b"", b"", b"transfers"])?;
    let signed = sign_all(&app, &genesis, &keys, options.count)?;
    let ledger = Ledger::open(app, &genesis, LedgerOptions::at(&options.dir, validator))?;

    let start = Instant::now();
    let outcome = std::thread::scope(|scope| -> Result<u64> {
        let feeder = scope.spawn(|| -> Result<()> {
            for batch in signed {
                while ledger.waiting() > 4 * BATCH {
                    std::thread::yield_now();
                }
                for answer in ledger.submit_batch(batch) {
                    answer?;
                }
            }
            Ok(())
        });
        let mut done = 0;
        while done < options.count {
            match ledger.step(now()?)? {
                Some(block) => {
                    let refused = block.receipts.iter().find(|receipt| receipt.outcome.is_err());
                    ensure!(refused.is_none(), "a transfer was refused: {refused:?}");
                    done += block.block.transactions.len() as u64;
                }
                None if feeder.is_finished() && ledger.waiting() == 0 => break,
                None => std::thread::yield_now(),
            }
        }
        feeder.join().expect("the feeder does not panic")?;
        Ok(done)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(outcome == options.count, "{outcome} of {} transfers are in blocks", options.count);
    prove_one(&ledger, &genesis)?;
    let blocks = ledger.height().0;
    let figures = Figures { per_second: options.count as f64 / seconds, transfers: options.count, blocks };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// What was measured is provable: the last transfer's receipt holds against nothing but the genesis.
fn prove_one(ledger: &Ledger, genesis: &Genesis) -> Result<()> {
    let head = ledger.head();
    let proof = ledger.prove_receipt(head.height(), head.receipts.len() - 1)?;
    proof.verify(genesis.hash()).context("the proof of the last transfer does not hold")?;
    Ok(())
}

pub(crate) fn key(number: u64) -> KeyPair {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    KeyPair::from_seed(seed)
}

pub(crate) fn config(keys: &[KeyPair], count: u64) -> Result<Config> {
    let operator = KeyPair::from_seed([8; 32]).public().address();
    let mut config = Config::with_operator(operator);
    config.free_per_day = count;
    let each = Amount::new(1_000_000_000)?;
    config.deposit.endowments = keys.iter().map(|key| (key.public().address(), each)).collect();
    let country = "BD".parse()?;
    config.parties = keys
        .iter()
        .map(|key| ToParty {
            party: key.public().address(),
            country,
            standing: Standing::Admitted,
            roles: Roles::of(&[Role::Trader]),
            keys: vec![ledger::AccountKey { key: key.public(), scope: ledger::Scope::Full }],
        })
        .collect();
    Ok(config)
}

/// Account `i` pays account `i + 1`, in turns.
pub(crate) fn sign_all(
    app: &PaymentChain,
    genesis: &Genesis,
    keys: &[KeyPair],
    count: u64,
) -> Result<Vec<Vec<Transaction>>> {
    let chain = genesis.chain_id(SubChain::Payment);
    let memory =
        Ledger::open(Arc::new(app.clone()), genesis, LedgerOptions::memory(KeyPair::from_seed([9; 32])))?;
    let amount = Amount::new(5)?;
    let payloads: Vec<(Address, Vec<u8>, ledger::Hash)> = memory.view(|state| {
        (0..keys.len())
            .map(|i| {
                let from = keys[i].public().address();
                let to = keys[(i + 1) % keys.len()].public().address();
                let payload = borsh::to_vec(&Payload::Transfer { to, asset: AssetId(1), amount })?;
                let terms = app.terms(state, from, &payload)?;
                Ok((from, payload, terms_hash(&terms)))
            })
            .collect::<Result<_>>()
    })?;
    let accounts = keys.len() as u64;
    let signed: Vec<Transaction> = (0..count)
        .into_par_iter()
        .map(|number| {
            let at = usize::try_from(number % accounts).expect("fewer accounts than memory");
            let (account, payload, terms) = payloads[at].clone();
            let body = Body {
                version: VERSION,
                chain,
                account,
                key: keys[at].public(),
                sequence: number / accounts,
                expires: Height(u64::MAX),
                fee: 0,
                terms,
                payload,
            };
            body.sign(&keys[at])
        })
        .collect();
    // Each batch in memory of its own size.
    let mut signed = signed.into_iter();
    let batches = std::iter::from_fn(|| {
        let batch: Vec<Transaction> = signed.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    });
    Ok(batches.collect())
}

pub(crate) fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp(u64::try_from(since.as_millis())?))
}
