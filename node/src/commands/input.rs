//! What several commands read: a book in two files.

use anyhow::bail;
use barter_engine::files::{self, Malformed, NamedBook, Skipped, SkippedRows, Source};
use std::path::PathBuf;

/// The files of a book, and what becomes of malformed rows.
#[derive(clap::Args)]
pub(super) struct BookFiles {
    /// Assets: asset_id, decimals, ref_usd. Plain, .gz or .zst; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    assets: PathBuf,
    /// Offers: offer_id, party, give_asset, give_qty, want_asset, want_qty, divisible, min_fill, valid_from,
    /// valid_until. Plain, .gz or .zst; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    offers: PathBuf,
    /// Leaves rows out that say nothing sensible, counts them by reason and says where the first ones are, instead of
    /// refusing the file.
    #[arg(long)]
    skip_malformed: bool,
}

impl BookFiles {
    /// Reads the book and says on the terminal what was left out.
    ///
    /// # Errors
    /// What is wrong with the files, with file, line and column.
    pub(super) fn read(&self) -> anyhow::Result<(NamedBook, Skipped)> {
        if self.assets.as_os_str() == "-" && self.offers.as_os_str() == "-" {
            bail!("only one of --assets and --offers can be standard input");
        }
        let (book, skipped) = files::read_book_with(
            Source::open(&self.assets)?,
            Source::open(&self.offers)?,
            malformed(self.skip_malformed),
        )?;
        tell_skipped("assets", &skipped.assets);
        tell_skipped("offers", &skipped.offers);
        Ok((book, skipped))
    }
}

/// What `--skip-malformed` means.
pub(super) const fn malformed(skip: bool) -> Malformed {
    if skip { Malformed::Skipped } else { Malformed::Refused }
}

/// The most skipped rows that are shown one by one.
const SHOWN: usize = 10;

/// Says which rows were left out: the first ones by line, all of them by reason.
pub(super) fn tell_skipped(what: &str, skipped: &SkippedRows) {
    skipped.told.iter().take(SHOWN).for_each(|error| eprintln!("skipped: {error}"));
    let total = skipped.total();
    if total > 0 {
        let reasons: Vec<String> =
            skipped.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        eprintln!("{total} rows of {what} skipped: {}", reasons.join(", "));
    }
}

/// Says how many offers the moment leaves out: a book of the past is empty today.
pub(super) fn tell_outside(book: &NamedBook, now: u64) {
    let outside = book.book.offers().iter().filter(|offer| !offer.is_valid_at(now)).count();
    if outside > 0 {
        eprintln!("{outside} offers are not valid at {now} (seconds since 1970); --now takes another moment");
    }
}
