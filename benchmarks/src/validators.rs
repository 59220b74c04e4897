//! Signed transfers through four validators of one machine, each with its own log and journal on disk: how many a second,
//! how long one takes while nothing else happens, and how long a validator that was away takes to be back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ledger::engine::Report;
use ledger::genesis::Rules;
use ledger::koma::Mode;
use ledger::ledger::{Options as LedgerOptions, Request};
use ledger::{Genesis, KeyPair, Ledger, PublicKey, Timestamp, Transaction};
use payment_chain::PaymentChain;
use serde::Serialize;

use crate::transfers::{BATCH, config, key, now, sign_all};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many transfers.
    #[arg(long, default_value_t = 60_000)]
    count: u64,
    /// Among how many accounts.
    #[arg(long, default_value_t = 2_000)]
    accounts: u64,
    /// How many transfers one after the other.
    #[arg(long, default_value_t = 300)]
    alone: u64,
    /// How many blocks one of the validators misses before it comes back.
    #[arg(long, default_value_t = 1_000)]
    missed: u64,
    /// The shortest round in milliseconds.
    #[arg(long, default_value_t = 30)]
    round_ms: u32,
    /// Where the validators' files go; a folder that does not exist yet.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Figures {
    per_second: f64,
    transfers: u64,
    blocks: u64,
    /// From submission at one validator until the transfer is in a sealed block on its disk.
    alone_p50_ms: f64,
    alone_p99_ms: f64,
    /// From the start of a validator that missed so many blocks until it has all that the others had by then.
    rejoin_s: f64,
    missed: u64,
}

const VALIDATORS: usize = 4;

enum Parcel {
    Bytes(PublicKey, Vec<u8>),
    Transactions(Vec<Transaction>),
}

type Table = Arc<Vec<(PublicKey, SyncSender<Parcel>)>>;

pub(crate) fn run(options: &Options) -> Result<()> {
    let keys: Vec<KeyPair> = (0..options.accounts).map(key).collect();
    let validators: Vec<KeyPair> = (0..4).map(|seat| KeyPair::from_seed([200 + seat; 32])).collect();
    let total = options.count + options.alone + options.missed;
    let app = Arc::new(PaymentChain::new(config(&keys, total)?)?);
    let members = validators.iter().map(|key| (key.public(), 1)).collect();
    let rules = Rules {
        round_ms: options.round_ms,
        max_exponent: 7,
        era_blocks: u64::MAX,
        era_ms: u64::MAX,
        mode: Mode::Classical,
    };
    let genesis = Genesis::new(now()?, members, [b"", b"", b"validators"])?.with_rules(rules)?;
    let mut signed = sign_all(&app, &genesis, &keys, total)?.into_iter().flatten();
    let open = |seat: usize| -> Result<Ledger> {
        let options = LedgerOptions::at(options.dir.join(seat.to_string()), validators[seat].clone());
        let ledger = Ledger::open(app.clone(), &genesis, options)?;
        let others = validators.iter().enumerate().filter(|(other, _)| *other != seat);
        others.for_each(|(_, other)| ledger.connected(other.public()));
        Ok(ledger)
    };
    let ledgers = (0..VALIDATORS).map(open).collect::<Result<Vec<Ledger>>>()?;
    let (table, receivers) = wire(&validators);
    let stop = AtomicBool::new(false);
    let mut figures = thread::scope(|scope| -> Result<Figures> {
        let driven = ledgers.iter().zip(receivers).enumerate().map(|(seat, (ledger, receiver))| {
            let (table, stop) = (table.clone(), &stop);
            scope.spawn(move || drive(seat, ledger, &receiver, &table, stop))
        });
        let driven: Vec<_> = driven.collect();
        let figures = measure(options, &ledgers, &mut signed);
        stop.store(true, Ordering::Release);
        for thread in driven {
            thread.join().map_err(|_| anyhow::anyhow!("a validator broke down"))??;
        }
        figures
    })?;
    drop(ledgers);
    figures.rejoin_s = rejoin(options, &validators, &open, &mut signed)?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Channels between all validators.
fn wire(validators: &[KeyPair]) -> (Table, Vec<Receiver<Parcel>>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = validators.iter().map(|_| sync_channel(4096)).unzip();
    (Arc::new(validators.iter().map(KeyPair::public).zip(senders).collect()), receivers)
}

/// The last validator stays away while the others make blocks, and comes back: after how many seconds has it what they
/// have?
fn rejoin(
    options: &Options,
    validators: &[KeyPair],
    open: &(impl Fn(usize) -> Result<Ledger> + Sync),
    signed: &mut impl Iterator<Item = Transaction>,
) -> Result<f64> {
    let (table, mut receivers) = wire(validators);
    let away = receivers.pop().context("there are validators")?;
    let ledgers = (0..VALIDATORS - 1).map(open).collect::<Result<Vec<Ledger>>>()?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| -> Result<f64> {
        for (seat, (ledger, receiver)) in ledgers.iter().zip(receivers).enumerate() {
            let (table, stop) = (table.clone(), &stop);
            scope.spawn(move || drive(seat, ledger, &receiver, &table, stop));
        }
        let outcome = (|| {
            let target = ledgers[0].height().plus(options.missed);
            for transfer in signed.by_ref() {
                ledgers[0].submit(transfer)?;
                while ledgers[0].waiting() > 0 {
                    thread::yield_now();
                }
                if ledgers[0].height() >= target {
                    break;
                }
            }
            let target = ledgers[0].height();
            // What was sent to it meanwhile was lost.
            while away.try_recv().is_ok() {}
            let begun = Instant::now();
            let ledger = open(VALIDATORS - 1)?;
            let back = AtomicBool::new(false);
            thread::scope(|scope| -> Result<f64> {
                ledgers.iter().for_each(|other| other.connected(validators[VALIDATORS - 1].public()));
                let driven = {
                    let (table, back, ledger) = (&table, &back, &ledger);
                    scope.spawn(move || drive(VALIDATORS - 1, ledger, &away, table, back))
                };
                while ledger.height() < target && !driven.is_finished() {
                    thread::sleep(Duration::from_millis(1));
                }
                let seconds = begun.elapsed().as_secs_f64();
                back.store(true, Ordering::Release);
                driven.join().map_err(|_| anyhow::anyhow!("a validator broke down"))??;
                Ok(seconds)
            })
        })();
        stop.store(true, Ordering::Release);
        outcome
    })
}

fn drive(
    seat: usize,
    ledger: &Ledger,
    arrivals: &Receiver<Parcel>,
    table: &Table,
    stop: &AtomicBool,
) -> Result<()> {
    let own = table[seat].0;
    let mut wake = Timestamp(0);
    while !stop.load(Ordering::Acquire) {
        let patience = Duration::from_millis(wake.0.saturating_sub(now()?.0).min(2));
        let first = arrivals.recv_timeout(patience).ok();
        let any = first.is_some();
        for parcel in first.into_iter().chain(arrivals.try_iter().take(256)) {
            match parcel {
                Parcel::Bytes(from, bytes) => ledger.receive(from, bytes),
                Parcel::Transactions(transactions) => drop(ledger.submit_passed_on(transactions)),
            }
        }
        let fresh = ledger.take_fresh();
        if !fresh.is_empty() {
            for (key, sender) in table.iter().filter(|(key, _)| *key != own) {
                let _ = (key, sender.try_send(Parcel::Transactions(fresh.clone())));
            }
        }
        if !any && now()? < wake {
            continue;
        }
        ledger.step_with(now()?, &mut |request| match request {
            Request::Wake(at) => wake = at,
            Request::Report(Report::Listening { .. } | Report::Speaking { .. } | Report::OtherEra { .. }) => {
            }
            Request::Report(report) => eprintln!("validator {seat}: {report:?}"),
            Request::Send { to, bytes, .. } => {
                let to = |key: PublicKey| key != own && to.is_none_or(|to| to == key);
                for (_, sender) in table.iter().filter(|(key, _)| to(*key)) {
                    let _ = sender.try_send(Parcel::Bytes(own, bytes.clone()));
                }
            }
        })?;
    }
    Ok(())
}

fn measure(
    options: &Options,
    ledgers: &[Ledger],
    signed: &mut impl Iterator<Item = Transaction>,
) -> Result<Figures> {
    let settled = |ledger: &Ledger, done: &mut (u64, u64)| -> Result<()> {
        while let Some(block) = ledger.committed(ledger::Height(done.0 + 1))? {
            ensure!(block.receipts.iter().all(|receipt| receipt.outcome.is_ok()), "a transfer was refused");
            done.0 += 1;
            done.1 += block.block.transactions.len() as u64;
        }
        Ok(())
    };
    let mut done = vec![(0, 0); VALIDATORS];
    let mut took = Vec::new();
    for number in 0..options.alone {
        let at = usize::try_from(number).unwrap_or(0) % VALIDATORS;
        let begun = Instant::now();
        ledgers[at].submit(signed.next().context("enough transfers are signed")?)?;
        while done[at].1 <= number {
            thread::yield_now();
            settled(&ledgers[at], &mut done[at])?;
        }
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        for (ledger, done) in ledgers.iter().zip(&mut done) {
            while done.1 <= number {
                thread::yield_now();
                settled(ledger, done)?;
            }
        }
    }
    let begun = Instant::now();
    let mut waiting = signed.peekable();
    while waiting.peek().is_some() {
        let batch: Vec<Transaction> = waiting.by_ref().take(BATCH / 8).collect();
        while ledgers[0].waiting() > 2 * BATCH {
            thread::sleep(Duration::from_millis(1));
        }
        for answer in ledgers[0].submit_batch(batch) {
            answer?;
        }
    }
    let total = options.count + options.alone;
    for (ledger, done) in ledgers.iter().zip(&mut done) {
        while done.1 < total {
            thread::sleep(Duration::from_millis(1));
            settled(ledger, done)?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let quantile = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or(f64::NAN);
    Ok(Figures {
        per_second: options.count as f64 / seconds,
        transfers: options.count,
        blocks: done[0].0,
        alone_p50_ms: quantile(50),
        alone_p99_ms: quantile(99),
        rejoin_s: f64::NAN,
        missed: options.missed,
    })
}
