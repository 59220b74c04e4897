//! `permuta audit-clearing`: proves an answer and its bound again, without trusting whoever made it.

use super::input::BookFiles;
use anyhow::{Context, bail};
use barter_engine::files::{self, Source};
use clearing::{Answer, Certificate, Duals, Mode, Prices, Proof, UsdValue};
use std::path::PathBuf;

/// Arguments of `permuta audit-clearing`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    book: BookFiles,
    /// The directory of the answer: summary.json, rings.csv, duals.csv and, in uniform mode, lanes.csv and prices.csv.
    #[arg(long, value_name = "DIR")]
    clearing: PathBuf,
}

/// Proves the answer in exact integers and says what holds.
///
/// # Errors
/// The first file that cannot be read, and the first claim that does not hold.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let open = |name: &str| Source::open(&args.clearing.join(name));
    let claims = files::read_summary(open("summary.json")?)?;
    let (book, _) = args.book.read()?;
    let (_, rings) = files::read_rings(&book, open("rings.csv")?)?;
    let mut duals = Duals { assets: files::read_duals(&book, open("duals.csv")?)?, ..Duals::default() };
    let prices = match claims.rules.mode {
        Mode::Uniform => {
            // Older answers have none.
            if args.clearing.join("lanes.csv").try_exists()? {
                duals.lanes = files::read_lanes(&book, open("lanes.csv")?)?;
            }
            files::read_prices(&book, open("prices.csv")?)?
        }
        Mode::Ring | Mode::Lots => Prices::default(),
    };
    let answer = Answer { rings, prices };
    let report = match clearing::check(&book.book, &claims.rules, claims.now, &answer) {
        Ok(report) => report,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            bail!("the rings break the rules, see above");
        }
    };
    println!("every ring keeps the rules: {} rings over {} offers", answer.rings.len(), report.given.len());
    let value = report.value.floor_to(6).context("the value is beyond 10^32 USD")?;
    if value != claims.value_micro_usd {
        bail!("the summary claims another value: the rings are worth {} USD", usd(value));
    }
    println!("they are worth what the summary says: {} USD", usd(value));
    let bound = clearing::bound(&book.book, &claims.rules, claims.now, &answer.prices, &duals);
    let proof = Proof { bound_micro_usd: claims.bound_micro_usd, duals };
    let certificate = Certificate::new(&book, &book.book, &claims.rules, claims.now, &answer, &proof);
    let bound = rounded_up(bound)?;
    println!("by the duals no answer is worth more than {} USD", usd(bound));
    if bound <= claims.bound_micro_usd {
        println!(
            "so the summary's bound holds; the answer reaches {} of it",
            share(value, claims.bound_micro_usd)
        );
    } else if claims.every_ring_seen && claims.bound_micro_usd >= value {
        println!(
            "the summary's bound is lower, because its solver says that it saw every ring; the duals alone do not \
             prove that. The answer reaches {} of what they prove",
            share(value, bound)
        );
    } else {
        bail!("the summary's bound of {} USD does not follow from the duals", usd(claims.bound_micro_usd));
    }
    println!(
        "the certificate is {}\nit covers offers, references, time, rules, rings, bound and duals: where the chain names it \
         for the batch, these are what the solver handed in, and nothing was changed since",
        payment_chain::certificate_hash(&certificate)
    );
    Ok(())
}

/// In 10^-6 USD, rounded up.
fn rounded_up(value: UsdValue) -> anyhow::Result<u128> {
    let down = value.floor_to(6).context("the bound is beyond 10^32 USD")?;
    let exact = value.display(30).ends_with(&"0".repeat(24));
    Ok(if exact { down } else { down + 1 })
}

fn usd(micro: u128) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

fn share(value: u128, bound: u128) -> String {
    let parts = value.saturating_mul(10_000) / bound.max(1);
    format!("{}.{:02} %", parts / 100, parts % 100)
}
