//! `permuta explain`: one ring of an answer in words.

use super::input::BookFiles;
use anyhow::{Context, anyhow, bail};
use barter_engine::explanation::{Check, ExplainedLeg, Explanation, Parcel, explain_answer};
use barter_engine::files::{self, NamedBook, Source};
use clearing::{Answer, Mode, Prices, Ratio};
use std::path::PathBuf;

/// Arguments of `permuta explain`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    book: BookFiles,
    /// The directory of the answer: summary.json, rings.csv and, in uniform mode, prices.csv.
    #[arg(long, value_name = "DIR")]
    clearing: PathBuf,
    /// The ring, as rings.csv names it.
    #[arg(value_name = "RING")]
    ring: String,
}

/// Proves the answer again and tells one of its rings.
///
/// # Errors
/// The first file that cannot be read, an answer that breaks the rules, and a ring that it does not hold.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let open = |name: &str| Source::open(&args.clearing.join(name));
    let claims = files::read_summary(open("summary.json")?)?;
    let (book, _) = args.book.read()?;
    let rings = files::read_rings(&book, open("rings.csv")?)?;
    let prices = match claims.rules.mode {
        Mode::Uniform => files::read_prices(&book, open("prices.csv")?)?,
        Mode::Ring | Mode::Lots => Prices::default(),
    };
    let count = rings.len();
    let at = (0..count)
        .find(|at| files::ring_name(*at) == args.ring)
        .ok_or_else(|| anyhow!("the answer holds the rings {} to {}", files::ring_name(0), last(count)))?;
    let answer = Answer { rings, prices };
    match explain_answer(&book.book, &claims.rules, claims.now, &answer) {
        Ok(explained) => print!("{}", told(&book, &args.ring, &explained[at])),
        Err(faults) => {
            let first = faults.first().context("an answer that is refused has a fault")?;
            bail!("the rings break the rules: {first}; `permuta audit-clearing` tells all");
        }
    }
    Ok(())
}

fn last(count: usize) -> String {
    count.checked_sub(1).map_or_else(|| "none".to_owned(), files::ring_name)
}

fn told(book: &NamedBook, name: &str, ring: &Explanation) -> String {
    let mut text = format!(
        "{name}: {} shipments worth {} USD at the references; all offers are valid until {} (seconds since 1970)\n",
        ring.legs.len(),
        ring.value.display(2),
        ring.valid_until
    );
    for leg in &ring.legs {
        text.push_str(&told_leg(book, leg));
    }
    let checks: Vec<&str> = ring.checks.iter().copied().map(Check::name).collect();
    text.push_str(&format!("\nproved in exact integers: {}\n", checks.join(", ")));
    text
}

fn told_leg(book: &NamedBook, leg: &ExplainedLeg) -> String {
    let goods = |parcel: &Parcel| format!("{} {}", parcel.display(), book.asset_name(parcel.asset.key));
    let floor =
        leg.over_floor.as_ref().map_or(String::new(), |over| format!(", {} over its floor", percent(over)));
    format!(
        "\n{} ({})\n  gives {} to {}\n  receives {} from {}\n  rate {}: {} over its limit of {}, {} against the reference of {}{floor}\n",
        book.party_name(leg.offer.party),
        book.offer_name(leg.offer.key),
        goods(&leg.gives),
        book.party_name(leg.to),
        goods(&leg.receives),
        book.party_name(leg.from),
        leg.rate.display(6),
        percent(&leg.over_limit),
        leg.limit.display(6),
        percent(&leg.over_reference),
        leg.reference.display(6),
    )
}

/// A gain in percent with four decimals, rounded down.
fn percent(ratio: &Ratio) -> String {
    let share = ratio.display_gain(files::GAIN_PLACES);
    let (sign, digits) = share.strip_prefix('-').map_or(("+", share.as_str()), |digits| ("-", digits));
    let digits = digits.replace('.', "");
    let (whole, part) = digits.split_at(digits.len() - usize::from(files::GAIN_PLACES - 2));
    let whole = whole.trim_start_matches('0');
    format!("{sign}{}.{part} %", if whole.is_empty() { "0" } else { whole })
}

#[cfg(test)]
mod tests {
    use super::percent;
    use clearing::Ratio;

    #[test]
    fn gains_are_told_in_percent() {
        let told = |num: u64, den: u64| {
            percent(&Ratio::new(num.try_into().unwrap(), den.try_into().unwrap()).unwrap())
        };
        assert_eq!(told(102, 100), "+2.0000 %");
        assert_eq!(told(98, 100), "-2.0000 %");
        assert_eq!(told(1, 1), "+0.0000 %");
        assert_eq!(told(9, 2), "+350.0000 %");
        assert_eq!(told(1_000_001, 1_000_000), "+0.0001 %");
    }
}
