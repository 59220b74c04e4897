//! Debts among companies, made from a seed, and what each two of them could cancel by themselves.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::book::Dice;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the obligations go, for `permuta net`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How many debts there are.
    #[arg(long, default_value_t = 300_000)]
    count: u64,
}

#[derive(Serialize)]
struct Figures {
    /// What two-sided cancelling clears, in the unit of the debts.
    two_sided: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let (mut dice, companies) = (Dice::new(3), options.count / 8);
    let mut file = BufWriter::new(File::create(&options.out)?);
    writeln!(file, "debtor,creditor,amount")?;
    let mut owed: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for _ in 0..options.count {
        // Some companies deal with very many others; four of five debts are with neighbours in a chain of supply.
        let debtor = dice.low(companies);
        let far =
            if dice.below(5) == 0 { dice.below(companies - 1) } else { dice.low(60.min(companies - 1)) };
        let creditor = (debtor + 1 + far) % companies;
        let (debtor, creditor) = if dice.below(3) == 0 { (creditor, debtor) } else { (debtor, creditor) };
        let cents = 100 + dice.pick(&[1, 10, 100]) * dice.below(100_000);
        writeln!(file, "C{debtor:06},C{creditor:06},{}.{:02}", cents / 100, cents % 100)?;
        *owed.entry((debtor, creditor)).or_default() += cents;
    }
    file.flush()?;
    let mutual = owed.iter().map(|((a, b), cents)| owed.get(&(*b, *a)).map_or(0, |back| *cents.min(back)));
    let figures = Figures { two_sided: mutual.sum::<u64>() as f64 / 100.0 };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
