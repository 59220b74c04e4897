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
    print!("{}", explained(args)?);
    Ok(())
}

fn explained(args: &Args) -> anyhow::Result<String> {
    let open = |name: &str| Source::open(&args.clearing.join(name));
    let claims = files::read_summary(open("summary.json")?)?;
    let (book, _) = args.book.read()?;
    let (names, rings) = files::read_rings(&book, open("rings.csv")?)?;
    let prices = match claims.rules.mode {
        Mode::Uniform => files::read_prices(&book, open("prices.csv")?)?,
        Mode::Ring | Mode::Lots => Prices::default(),
    };
    let at = names.iter().position(|name| *name == args.ring).ok_or_else(|| match &names[..] {
        [] => anyhow!("the answer holds no rings"),
        [one] => anyhow!("the answer holds no ring but {one}"),
        [first, .., last] => {
            anyhow!("the answer holds {} rings from {first} to {last}, not {}", names.len(), args.ring)
        }
    })?;
    let answer = Answer { rings, prices };
    match explain_answer(&book.book, &claims.rules, claims.now, &answer) {
        Ok(explained) => Ok(told(&book, &args.ring, &explained[at])),
        Err(faults) => {
            let first = faults.first().context("an answer that is refused has a fault")?;
            bail!("the rings break the rules: {first}; `permuta audit-clearing` tells all");
        }
    }
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
        rate(&leg.rate),
        percent(&leg.over_limit),
        rate(&leg.limit),
        percent(&leg.over_reference),
        rate(&leg.reference),
    )
}

/// A rate with six digits from the first that is not zero (all of those before the point, and none beyond thirty
/// decimals), rounded down.
fn rate(ratio: &Ratio) -> String {
    let exact = ratio.display(30);
    let (whole, part) = exact.split_once('.').unwrap_or((&exact, ""));
    let places = if whole == "0" {
        part.len() - part.trim_start_matches('0').len() + 6
    } else {
        6usize.saturating_sub(whole.len())
    };
    match &part[..places.min(part.len())] {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
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
    use super::{Args, explained, percent, rate};
    use barter_engine::{Options, clear, files};
    use clap::Parser;
    use clearing::{Ratio, Rules};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_ring_is_found_by_the_name_that_its_file_gives_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("assets.csv"), "asset_id,decimals,ref_usd\nA,0,1\nB,0,1\nC,0,1\nD,0,1\n")
            .unwrap();
        let offers = "offer_id,party,give_asset,give_qty,want_asset,want_qty,divisible,min_fill,valid_from,\
                      valid_until\nO1,P,A,9,B,9,1,0,0,9\nO2,Q,B,9,A,9,1,0,0,9\nO3,R,C,5,D,5,1,0,0,9\n\
                      O4,S,D,5,C,5,1,0,0,9\n";
        std::fs::write(path("offers.csv"), offers).unwrap();
        let open = |name: &str| files::Source::open(&path(name)).unwrap();
        let book = files::read_book(open("assets.csv"), open("offers.csv")).unwrap();
        let rules = Rules::default();
        let found = clear(&book.book, &rules, 0, &Options::default());
        let skipped = files::Skipped::default();
        files::write_summary(&path("summary.json"), &book, &rules, 0, &found, &skipped).unwrap();
        files::write_rings(&path("rings.csv"), &book, &found.answer.rings, files::ring_name).unwrap();
        let tell = |ring: &str| {
            let file = |name| path(name).to_string_lossy().into_owned();
            let (assets, offers, clearing) = (file("assets.csv"), file("offers.csv"), file(""));
            let line = ["explain", "--assets", &assets, "--offers", &offers, "--clearing", &clearing, ring];
            explained(&Cli::parse_from(line).args).map_err(|e| e.to_string())
        };
        let (first, second) = (tell("R000001").unwrap(), tell("R000002").unwrap());
        assert_eq!(tell("R1").unwrap_err(), "the answer holds 2 rings from R000001 to R000002, not R1");
        let rows = std::fs::read_to_string(path("rings.csv")).unwrap();
        let rows = rows.lines().filter(|row| !row.starts_with("R000001")).collect::<Vec<_>>().join("\n");
        std::fs::write(path("rings.csv"), rows).unwrap();
        assert_eq!(tell("R000002").unwrap(), second);
        assert_ne!(first, second);
        assert_eq!(tell("R000001").unwrap_err(), "the answer holds no ring but R000002");
    }

    #[test]
    fn rates_are_told_to_six_digits_however_small() {
        let told =
            |num: u64, den: u64| rate(&Ratio::new(num.try_into().unwrap(), den.try_into().unwrap()).unwrap());
        assert_eq!(told(76, 100), "0.760000");
        assert_eq!(told(2, 3_000_000_000), "0.000000000666666");
        assert_eq!(told(12_345_678, 10), "1234567");
        assert_eq!(told(12_345_678, 100_000), "123.456");
        assert_eq!(told(0, 1), "0.000000000000000000000000000000");
    }

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
