//! Rows that say nothing sensible: refused with their file, or left out and counted.

use super::FileError;
use std::collections::BTreeMap;

/// What becomes of a row that says nothing sensible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The whole file is refused.
    Refused,
    /// The row is left out and counted.
    Skipped,
}

/// The most skipped rows of a file that are told one by one.
pub const MAX_TOLD: usize = 100;

/// The rows of one file that were left out.
#[derive(Debug, Default)]
pub struct SkippedRows {
    /// How many, by [`Reason::name`](super::Reason::name).
    pub reasons: BTreeMap<&'static str, usize>,
    /// The first [`MAX_TOLD`] of them: where and why.
    pub told: Vec<FileError>,
}

impl SkippedRows {
    /// How many rows were left out.
    #[must_use]
    pub fn total(&self) -> usize {
        self.reasons.values().sum()
    }

    pub(super) fn count(&mut self, error: FileError) {
        *self.reasons.entry(error.reason.name()).or_default() += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(error);
        }
    }
}

/// The rows of a book that were left out.
#[derive(Debug, Default)]
pub struct Skipped {
    /// Of its assets.
    pub assets: SkippedRows,
    /// Of its offers.
    pub offers: SkippedRows,
}
