//! Clears one book and prints what it took:
//! `clear_book BOOK_DIR [ring|uniform|prices|lots] [REFERENCE_USD] [OUT_DIR]`; `prices` is uniform mode with a search of the
//! band for prices.
//!
//! The book is a directory with `assets.csv` and `offers.csv` (or `.zst`). With a reference value the line also says
//! which share of it was reached; with an output directory the answer is written there.

use barter_engine::files::{Source, read_book, ring_name, write_prices, write_rings};
use barter_engine::{Options, clear};
use clearing::{Mode, Rules};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The time at which the books' offers are valid.
const NOW: u64 = 1_800_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("which book?")?);
    let name = args.next();
    let search_prices = name.as_deref() == Some("prices");
    let mode = match name.as_deref() {
        None | Some("ring") => Mode::Ring,
        Some("uniform" | "prices") => Mode::Uniform,
        Some("lots") => Mode::Lots,
        Some(other) => return Err(format!("no mode is called {other}").into()),
    };
    let reference: Option<f64> = args.next().map(|text| text.parse()).transpose()?.filter(|usd| *usd > 0.0);
    let rules = Rules { mode, ..Rules::default() };
    let book = read_book(open(&dir, "assets.csv")?, open(&dir, "offers.csv")?)?;
    let started = Instant::now();
    let clearing = clear(&book.book, &rules, NOW, &Options { search_prices, ..Options::default() });
    let seconds = started.elapsed().as_secs_f64();
    let value: f64 = clearing.report.value.display(6).parse()?;
    let share =
        reference.map(|reference| format!(", {:.4} of the reference", value / reference)).unwrap_or_default();
    println!(
        "{} {mode}: {seconds:.3} s, {value:.2} USD{share}, bound {} USD, {} rings, {} candidates",
        dir.display(),
        clearing.bound.display(2),
        clearing.answer.rings.len(),
        clearing.stats.candidates,
    );
    if let Some(out) = args.next() {
        std::fs::create_dir_all(&out)?;
        write_rings(&Path::new(&out).join("rings.csv"), &book, &clearing.answer.rings, ring_name)?;
        if mode == Mode::Uniform {
            write_prices(&Path::new(&out).join("prices.csv"), &book, &clearing)?;
        }
    }
    Ok(())
}

fn open(dir: &Path, name: &str) -> Result<Source<'static>, Box<dyn Error>> {
    let plain = dir.join(name);
    let path = if plain.exists() { plain } else { dir.join(format!("{name}.zst")) };
    Ok(Source::open(&path)?)
}
