//! What can be wrong with a file.

use clearing::{AmountError, PriceError};
use std::{fmt, io};

/// Why a file was refused, and where.
#[derive(Debug)]
pub struct FileError {
    /// The file's name as given, `-` for standard input.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The column's name, empty when the whole line is meant.
    pub column: &'static str,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a file, a line or a cell.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The file cannot be read, unpacked or written.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// Text that is not UTF-8.
    #[error("field {field} is not UTF-8 text")]
    NotUtf8 {
        /// The field, from 1.
        field: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error("{found} fields where the header has {expected}")]
    Fields {
        /// The fields of this row.
        found: u64,
        /// The fields of the header.
        expected: u64,
    },
    /// A field that begins with a quotation mark and does not end with one.
    #[error("a field begins with a quotation mark and does not end with one")]
    Quotation,
    /// A row of more bytes than a row may have.
    #[error("a row of more than {limit} bytes")]
    LongRow {
        /// The limit.
        limit: usize,
    },
    /// More bytes, unpacked, than a file may have.
    #[error("longer than {limit} bytes unpacked")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// More rows than a file may have.
    #[error("more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// The header lacks this column.
    #[error("the header has no such column")]
    MissingColumn,
    /// The header has this column twice.
    #[error("the header has this column twice")]
    DuplicateColumn,
    /// An identifier that is empty, longer than 64 bytes or holds control characters.
    #[error("an identifier has 1 to 64 bytes without control characters")]
    BadIdentifier,
    /// An identifier that is there already.
    #[error("{id:?} is listed twice")]
    Duplicate {
        /// The identifier.
        id: String,
    },
    /// An asset that the assets file does not list.
    #[error("asset {id:?} is not in the assets file")]
    UnknownAsset {
        /// The asset.
        id: String,
    },
    /// Not an amount.
    #[error("{text:?} is not an amount: {source}")]
    Amount {
        /// The text found.
        text: String,
        /// What is wrong with it.
        source: AmountError,
    },
    /// Not a price.
    #[error("{text:?} is not a price: {source}")]
    Price {
        /// The text found.
        text: String,
        /// What is wrong with it.
        source: PriceError,
    },
    /// Not a whole number within a range.
    #[error("{text:?} is not a whole number from 0 to {max}")]
    Number {
        /// The text found.
        text: String,
        /// The largest number allowed.
        max: u64,
    },
    /// Neither 0 nor 1.
    #[error("{text:?} is neither 0 nor 1")]
    Flag {
        /// The text found.
        text: String,
    },
    /// An offer that wants what it gives.
    #[error("the offer wants what it gives")]
    SameAsset,
    /// An offer of nothing or for nothing.
    #[error("a quantity of zero")]
    Nothing,
    /// A minimum above the whole.
    #[error("the minimum fill exceeds the quantity given")]
    MinFillTooLarge,
    /// An offer that ends before it begins.
    #[error("the offer ends before it begins")]
    NeverValid,
    /// An offer of a party that stands on the other side of the same asset at the same time.
    #[error("another offer of the same party stands on the other side of this asset at the same time")]
    Crossing,
    /// A pair that gives to itself.
    #[error("a pair gives to itself")]
    ToOneself,
    /// A pair that there is not.
    #[error("{text:?} is not a pair from 1 to {pairs}")]
    UnknownPair {
        /// The text found.
        text: String,
        /// How many pairs there are.
        pairs: u32,
    },
    /// A row that is not giver, receiver and weight.
    #[error("{found} fields where an arc has from, to and weight")]
    NotAnArc {
        /// The fields of this row.
        found: usize,
    },
    /// Nothing says how many pairs there are.
    #[error("no comment before the first row says how many pairs there are")]
    MissingCount,
    /// A second comment says how many pairs there are.
    #[error("how many pairs there are is said twice")]
    CountTwice,
    /// An auction that the file does not hold.
    #[error("no order is of auction {auction}")]
    NoAuction {
        /// The auction asked for.
        auction: u64,
    },
    /// A pair of assets that no offer gives and wants.
    #[error("no offer gives {give:?} for {want:?}")]
    NoLane {
        /// What would be given.
        give: String,
        /// What would be wanted.
        want: String,
    },
    /// An offer that the book does not hold.
    #[error("offer {id:?} is not in the offers file")]
    UnknownOffer {
        /// The offer.
        id: String,
    },
    /// Legs out of order.
    #[error("the next leg of this ring has position {expected}")]
    Position {
        /// The position that was to come.
        expected: usize,
    },
    /// A summary that does not say what it must, or says it otherwise.
    #[error("not a summary with mode, band, max_assets, now, value_usd, bound_usd and every_ring_seen")]
    NotASummary,
    /// The sum of all amounts is too large.
    #[error("all amounts together exceed 10^27 of the finest decimal")]
    SumTooLarge,
}

impl Reason {
    /// The reason's name in files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Reason::Io(_) => "unreadable",
            Reason::NotUtf8 { .. } => "not UTF-8",
            Reason::Fields { .. } => "number of fields",
            Reason::Quotation => "quotation mark",
            Reason::LongRow { .. } => "long row",
            Reason::TooLong { .. } => "long file",
            Reason::TooManyRows { .. } => "too many rows",
            Reason::MissingColumn => "missing column",
            Reason::DuplicateColumn => "column twice",
            Reason::BadIdentifier => "bad identifier",
            Reason::Duplicate { .. } => "duplicate",
            Reason::UnknownAsset { .. } => "unknown asset",
            Reason::Amount { .. } => "bad amount",
            Reason::Price { .. } => "bad price",
            Reason::Number { .. } => "bad number",
            Reason::Flag { .. } => "bad flag",
            Reason::SameAsset => "same asset",
            Reason::Nothing => "zero",
            Reason::MinFillTooLarge => "minimum above the whole",
            Reason::NeverValid => "never valid",
            Reason::Crossing => "crossing party",
            Reason::ToOneself => "to oneself",
            Reason::UnknownPair { .. } => "unknown pair",
            Reason::NotAnArc { .. } => "not an arc",
            Reason::NoAuction { .. } => "no such auction",
            Reason::MissingCount => "missing count",
            Reason::CountTwice => "count twice",
            Reason::NoLane { .. } => "no such lane",
            Reason::UnknownOffer { .. } => "unknown offer",
            Reason::Position { .. } => "position",
            Reason::NotASummary => "not a summary",
            Reason::SumTooLarge => "sum too large",
        }
    }

    /// Whether one row is at fault, so that the rest of the file can be read without it.
    pub(super) const fn concerns_a_row(&self) -> bool {
        match self {
            Reason::NotUtf8 { .. }
            | Reason::Fields { .. }
            | Reason::Quotation
            | Reason::LongRow { .. }
            | Reason::BadIdentifier
            | Reason::Duplicate { .. }
            | Reason::UnknownAsset { .. }
            | Reason::Amount { .. }
            | Reason::Price { .. }
            | Reason::Number { .. }
            | Reason::Flag { .. }
            | Reason::SameAsset
            | Reason::Nothing
            | Reason::MinFillTooLarge
            | Reason::NeverValid
            | Reason::Crossing
            | Reason::ToOneself
            | Reason::UnknownPair { .. }
            | Reason::NotAnArc { .. }
            | Reason::NoLane { .. }
            | Reason::UnknownOffer { .. } => true,
            Reason::Io(_)
            | Reason::TooLong { .. }
            | Reason::TooManyRows { .. }
            | Reason::MissingColumn
            | Reason::DuplicateColumn
            | Reason::NoAuction { .. }
            | Reason::MissingCount
            | Reason::CountTwice
            | Reason::Position { .. }
            | Reason::NotASummary
            | Reason::SumTooLarge => false,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.file == "-" { "standard input" } else { &self.file };
        f.write_str(name)?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for FileError {}

/// Shortens what is quoted in an error.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(64).collect()
}
