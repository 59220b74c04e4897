//! Reads who can give to whom: PrefLib's weighted matching data (`.wmd`), as kidney exchanges are published in.

use super::error::quoted;
use super::source::{MAX_BYTES, TooLong};
use super::writer::{number, write_file, write_json};
use super::{FileError, Reason, Source, ring_name};
use crate::matching::{Arc, Instance, MAX_WEIGHT, Matching, WHOLE};
use clearing::Amount;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

/// The most pairs of an instance.
pub const MAX_PAIRS: u32 = 10_000;

/// The most arcs of an instance.
pub const MAX_ARCS: usize = 2_000_000;

/// The most bytes of a line.
const MAX_LINE: u64 = 1 << 12;

/// The comment that says how many pairs there are.
const COUNT: &str = "NUMBER ALTERNATIVES";

/// Reads an instance: lines of `from,to,weight` (pairs from 1, a plain decimal of at most nine places) below comments that
/// begin with `#`, one of which is `# NUMBER ALTERNATIVES: n`, before the first
/// row and once. A weight may be zero: an arc to somebody who gives without
/// being in need.
///
/// # Errors
/// The first thing wrong, with line and column.
pub fn read_instance(source: Source<'_>) -> Result<Instance, FileError> {
    let Source { name, bytes } = source;
    let mut lines = BufReader::new(bytes);
    let mut text = Vec::new();
    let mut pairs = None;
    let mut arcs: Vec<Arc> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in 1.. {
        let fail = |column, reason| FileError { file: name.clone(), line, column, reason };
        text.clear();
        let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
        match read {
            Ok(0) => break,
            Ok(_) if text.len() as u64 == MAX_LINE && !text.ends_with(b"\n") => {
                let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
                return Err(fail("", Reason::LongRow { limit }));
            }
            Ok(_) => {}
            Err(e) if e.get_ref().is_some_and(|e| e.is::<TooLong>()) => {
                return Err(fail("", Reason::TooLong { limit: MAX_BYTES }));
            }
            Err(e) => return Err(fail("", Reason::Io(e))),
        }
        let row = std::str::from_utf8(&text).map_err(|_| fail("", Reason::NotUtf8 { field: 1 }))?;
        let row = row.strip_prefix('\u{feff}').filter(|_| line == 1).unwrap_or(row).trim();
        if let Some(comment) = row.strip_prefix('#') {
            if let Some(number) = comment.trim().strip_prefix(COUNT).and_then(|c| c.strip_prefix(':')) {
                let told = number.trim();
                let max = u64::from(MAX_PAIRS);
                let count =
                    whole(told, 0, MAX_PAIRS).ok_or_else(|| Reason::Number { text: quoted(told), max });
                let count = count.map_err(|reason| fail(COUNT, reason))?;
                // The rows were checked against the first.
                if pairs.replace(count).is_some() {
                    return Err(fail(COUNT, Reason::CountTwice));
                }
            }
        } else if !row.is_empty() {
            let fields: Vec<&str> = row.split(',').map(str::trim).collect();
            let [from, to, weight] = fields[..] else {
                return Err(fail("", Reason::NotAnArc { found: fields.len() }));
            };
            let count = pairs.ok_or_else(|| fail(COUNT, Reason::MissingCount))?;
            if arcs.len() == MAX_ARCS {
                return Err(fail("", Reason::TooManyRows { limit: MAX_ARCS }));
            }
            let pair = |column, text| {
                let number = whole(text, 1, count).map(|number| number - 1);
                number.ok_or_else(|| fail(column, Reason::UnknownPair { text: quoted(text), pairs: count }))
            };
            let (from, to) = (pair("from", from)?, pair("to", to)?);
            if from == to {
                return Err(fail("to", Reason::ToOneself));
            }
            if !seen.insert((from, to)) {
                return Err(fail("to", Reason::Duplicate { id: quoted(row) }));
            }
            let amount = Amount::parse_decimal(weight, 9);
            let amount =
                amount.map_err(|source| fail("weight", Reason::Amount { text: quoted(weight), source }))?;
            let small = u64::try_from(amount.get()).ok().filter(|weight| *weight <= MAX_WEIGHT);
            let max = MAX_WEIGHT / WHOLE;
            let weight = small.ok_or_else(|| fail("weight", Reason::Number { text: quoted(weight), max }))?;
            arcs.push(Arc { from, to, weight });
        }
    }
    let nothing = || FileError { file: name.clone(), line: 0, column: COUNT, reason: Reason::MissingCount };
    let pairs = pairs.ok_or_else(nothing)?;
    Ok(Instance::new(pairs, arcs).expect("every arc was checked as it was read"))
}

/// A whole number within a range: digits only.
fn whole(text: &str, least: u32, most: u32) -> Option<u32> {
    let number = text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    number.filter(|number| (least..=most).contains(number))
}

#[derive(Serialize)]
struct Summary {
    pairs: u32,
    arcs: usize,
    longest: usize,
    cycles: usize,
    pairs_matched: usize,
    value: Box<RawValue>,
    bound: Box<RawValue>,
    exhausted: bool,
}

/// Writes `cycles.csv` (cycle_id, pos, pair: each pair receives from the next one, the last from the first), `prices.csv`
/// (pair, price: the proof of the bound) and `summary.json` into a directory.
///
/// # Errors
/// [`Reason::Io`].
pub fn write_matching(
    dir: &Path,
    instance: &Instance,
    longest: usize,
    matching: &Matching,
) -> Result<(), FileError> {
    write_file(&dir.join("cycles.csv"), |file| {
        writeln!(file, "cycle_id,pos,pair")?;
        for (at, cycle) in matching.cycles.iter().enumerate() {
            for (pos, pair) in cycle.iter().rev().enumerate() {
                writeln!(file, "{},{pos},{}", ring_name(at), pair + 1)?;
            }
        }
        Ok(())
    })?;
    let shown = |parts: u64| format!("{}.{:09}", parts / WHOLE, parts % WHOLE);
    write_file(&dir.join("prices.csv"), |file| {
        writeln!(file, "pair,price")?;
        (1..).zip(&matching.prices).try_for_each(|(pair, price)| writeln!(file, "{pair},{}", shown(*price)))
    })?;
    let summary = Summary {
        pairs: instance.pairs(),
        arcs: instance.arcs().len(),
        longest,
        cycles: matching.cycles.len(),
        pairs_matched: matching.cycles.iter().map(Vec::len).sum(),
        value: number(shown(matching.value)),
        bound: number(shown(matching.bound)),
        exhausted: matching.exhausted,
    };
    write_json(&dir.join("summary.json"), &summary)
}

/// Feeds bytes to the reader of instances; for fuzzing, never panics.
pub fn fuzz_instance(bytes: &[u8]) {
    let _ = Source::bytes("instance", bytes).and_then(read_instance);
}
