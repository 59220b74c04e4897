//! `permuta quote`: what one asset brings in another over a book in files, as JSON.

use super::input::{BookFiles, tell_outside};
use anyhow::{Context, anyhow};
use barter_engine::files::NamedBook;
use barter_engine::{Ask, Market, Quote, Strict};
use clap::ValueEnum;
use clearing::{Amount, AssetKey, Band, Rules};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `permuta quote`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    book: BookFiles,
    /// The asset sent.
    #[arg(long, value_name = "ASSET")]
    send: String,
    /// The asset received.
    #[arg(long, value_name = "ASSET")]
    receive: String,
    /// The amount of the asset that --strict names, in its smallest units.
    #[arg(long, value_name = "UNITS")]
    amount: Amount,
    /// Which amount is given: the one sent or the one received.
    #[arg(long, value_enum, default_value_t = StrictName::Send)]
    strict: StrictName,
    /// The most paths that the amount is split over.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    paths: u8,
    /// The fairness band around the reference prices, a share: no ring trades anybody under it, so nothing is quoted there.
    /// With 1, limits alone count.
    #[arg(long, default_value = "0.02")]
    band: Band,
    /// The time at which offers must be valid, epoch seconds; the present by default.
    #[arg(long, value_name = "EPOCH")]
    now: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum StrictName {
    /// The amount sent is given; the most is received.
    Send,
    /// The amount received is given; the least is sent.
    Receive,
}

#[derive(Serialize)]
struct Shown<'a> {
    snapshot: String,
    expires: u64,
    send: String,
    receive: String,
    /// Whole units received per whole unit sent, for reading; amounts are exact.
    rate: Option<String>,
    paths: Vec<ShownPath<'a>>,
}

#[derive(Serialize)]
struct ShownPath<'a> {
    assets: Vec<&'a str>,
    offers: Vec<&'a str>,
    /// What passes each asset: sent, then given by each offer.
    amounts: Vec<String>,
    send: String,
    receive: String,
    rate: Option<String>,
}

/// Quotes and prints JSON.
///
/// # Errors
/// Whatever is wrong with the arguments or the input.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let now = match args.now {
        Some(now) => now,
        None => SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs(),
    };
    let (book, _) = args.book.read()?;
    tell_outside(&book, now);
    let asset = |flag: &str, name: &str| {
        book.asset_key(name).ok_or_else(|| anyhow!("{flag}: asset {name:?} is not in the assets file"))
    };
    let ask = Ask {
        send: asset("--send", &args.send)?,
        receive: asset("--receive", &args.receive)?,
        amount: args.amount,
        strict: match args.strict {
            StrictName::Send => Strict::Send,
            StrictName::Receive => Strict::Receive,
        },
        paths: usize::from(args.paths),
        party: None,
    };
    let rules = Rules { band: args.band, ..Rules::default() };
    let quote = Market::new(&book.book, &rules, now).quote(&ask)?;
    println!("{}", serde_json::to_string_pretty(&show(&book, &ask, &quote))?);
    Ok(())
}

fn show<'a>(book: &'a NamedBook, ask: &Ask, quote: &Quote) -> Shown<'a> {
    let rate = |send, receive| rate(book, (ask.send, send), (ask.receive, receive));
    Shown {
        snapshot: format!("{:032x}", quote.snapshot),
        expires: quote.expires,
        send: quote.send.to_string(),
        receive: quote.receive.to_string(),
        rate: rate(quote.send, quote.receive),
        paths: quote
            .paths
            .iter()
            .map(|path| ShownPath {
                assets: path.assets.iter().map(|asset| book.asset_name(*asset)).collect(),
                offers: path.offers.iter().map(|offer| book.offer_name(*offer)).collect(),
                amounts: path.amounts.iter().map(Amount::to_string).collect(),
                send: path.send.to_string(),
                receive: path.receive.to_string(),
                rate: rate(path.send, path.receive),
            })
            .collect(),
    }
}

/// Whole units received per whole unit sent, to nine places, rounded down.
fn rate(book: &NamedBook, send: (AssetKey, Amount), receive: (AssetKey, Amount)) -> Option<String> {
    let scale = |asset| book.book.asset(asset).map(|asset| 10u128.pow(u32::from(asset.decimals)));
    let whole = receive.1.mul_div_floor(scale(send.0)?, 1).ok()?;
    let nano = whole.mul_div_floor(1_000_000_000, send.1.get().checked_mul(scale(receive.0)?)?).ok()?;
    Some(nano.display(9))
}
