//! Books, obligations and answers as files.
//!
//! Everything read is bounded and validated here once; an error names file, line, column and reason. Rows that say nothing
//! sensible refuse their file, or are left out and counted where the caller says so. Input may be
//! plain, gzip or zstd (told by its first bytes), and `-` is standard input.

mod answer;
mod cow;
mod error;
mod explained;
mod instance;
mod reader;
mod replayed;
mod sides;
mod skipped;
mod source;
mod tables;
mod writer;

pub use answer::{Claims, fuzz_answer, read_duals, read_lanes, read_prices, read_rings, read_summary};
pub use cow::{Imported, fuzz_order, import_cow};
pub use error::{FileError, Reason};
pub use explained::{GAIN_PLACES, RATE_PLACES, ring_name, write_explanations};
pub use instance::{MAX_ARCS, MAX_PAIRS, fuzz_instance, read_instance, write_matching};
pub use reader::{
    MAX_ASSETS, MAX_ROWS, NamedBook, fuzz_assets, fuzz_obligations, fuzz_offers, read_book, read_book_with,
    read_obligations,
};
pub use replayed::{write_days, write_replay_summary, write_replayed_rings, write_waits};
pub use skipped::{MAX_TOLD, Malformed, Skipped, SkippedRows};
pub use source::{MAX_BYTES, Source};
pub use writer::{
    micro, rounded_up, share, write_assets, write_cleared, write_duals, write_json, write_lanes,
    write_offers, write_potentials, write_prices, write_rings, write_summary, write_unfilled,
};
