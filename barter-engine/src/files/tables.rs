//! Rows of a comma-separated table, by column name.
//!
//! A row is a line: no identifier or number holds a line break, so a quotation mark that is never closed spoils its own row
//! and no other, and a row is known to be too long before it is held.

use super::{
    FileError, Reason, Source,
    error::quoted,
    source::{MAX_BYTES, TooLong},
};
use clearing::{Amount, Price};
use std::io::{self, BufRead, BufReader, Read};

/// The most bytes of one row.
const MAX_ROW_BYTES: usize = 1 << 16;

/// A table whose header has been read.
pub(super) struct Table<'a> {
    name: String,
    lines: Lines<'a>,
    columns: Vec<(&'static str, usize)>,
    width: usize,
    record: Record,
    read: usize,
    max_rows: usize,
}

impl<'a> Table<'a> {
    /// Reads the header, which must hold `columns` in any order; other columns are left alone.
    pub(super) fn new(
        source: Source<'a>,
        columns: &[&'static str],
        max_rows: usize,
    ) -> Result<Table<'a>, FileError> {
        let Source { name, bytes } = source;
        let mut lines = Lines { bytes: BufReader::new(bytes), line: 0, text: Vec::new() };
        let mut header = Record::default();
        let found = lines.next();
        let line = lines.line.max(1);
        let fail = |column, reason| FileError { file: name.clone(), line, column, reason };
        if found.map_err(|reason| fail("", reason))? {
            let text = lines.text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&lines.text);
            header.split(text).map_err(|reason| fail("", reason))?;
        }
        let mut places = Vec::with_capacity(columns.len());
        for &column in columns {
            let mut found = (0..header.ends.len()).filter(|at| header.get(*at) == column);
            let Some(at) = found.next() else { return Err(fail(column, Reason::MissingColumn)) };
            if found.next().is_some() {
                return Err(fail(column, Reason::DuplicateColumn));
            }
            places.push((column, at));
        }
        let width = header.ends.len();
        Ok(Table { name, lines, columns: places, width, record: Record::default(), read: 0, max_rows })
    }

    /// Goes to the next row. After an error that concerns a row, the next call goes to the row behind it.
    pub(super) fn next(&mut self) -> Result<bool, FileError> {
        let found = self.lines.next();
        if !matches!(found, Ok(false)) && self.read == self.max_rows {
            return Err(self.row_error(Reason::TooManyRows { limit: self.max_rows }));
        }
        self.read += 1;
        match found {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(reason) => return Err(self.row_error(reason)),
        }
        let split = self.record.split(&self.lines.text);
        let (found, expected) = (self.record.ends.len() as u64, self.width as u64);
        match split {
            Err(reason @ Reason::Quotation) => Err(self.row_error(reason)),
            _ if found != expected => Err(self.row_error(Reason::Fields { found, expected })),
            Err(reason) => {
                let column =
                    if let Reason::NotUtf8 { field } = reason { self.column_at(field - 1) } else { "" };
                Err(self.error(column, reason))
            }
            Ok(()) => Ok(true),
        }
    }

    /// The name of a column by its place; empty where it is none of those that are read.
    fn column_at(&self, place: usize) -> &'static str {
        self.columns.iter().find(|(_, at)| *at == place).map_or("", |(name, _)| name)
    }

    /// The text of a column that [`Table::new`] was told of.
    pub(super) fn cell(&self, column: &'static str) -> &str {
        let at = self.columns.iter().find(|(name, _)| *name == column).map(|(_, at)| *at);
        at.map_or("", |at| self.record.get(at))
    }

    pub(super) fn error(&self, column: &'static str, reason: Reason) -> FileError {
        FileError { file: self.name.clone(), line: self.lines.line, column, reason }
    }

    pub(super) fn row_error(&self, reason: Reason) -> FileError {
        self.error("", reason)
    }

    /// An identifier: 1 to 64 bytes without control characters.
    pub(super) fn identifier(&self, column: &'static str) -> Result<&str, FileError> {
        let text = self.cell(column);
        if (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(text)
        } else {
            Err(self.error(column, Reason::BadIdentifier))
        }
    }

    pub(super) fn amount(&self, column: &'static str) -> Result<Amount, FileError> {
        let text = self.cell(column);
        text.parse().map_err(|source| self.error(column, Reason::Amount { text: quoted(text), source }))
    }

    pub(super) fn price(&self, column: &'static str) -> Result<Price, FileError> {
        let text = self.cell(column);
        text.parse().map_err(|source| self.error(column, Reason::Price { text: quoted(text), source }))
    }

    /// A whole number up to `max`: digits only.
    pub(super) fn number(&self, column: &'static str, max: u64) -> Result<u64, FileError> {
        let text = self.cell(column);
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits && number <= max => Ok(number),
            _ => Err(self.error(column, Reason::Number { text: quoted(text), max })),
        }
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, FileError> {
        match self.cell(column) {
            "0" => Ok(false),
            "1" => Ok(true),
            text => Err(self.error(column, Reason::Flag { text: quoted(text) })),
        }
    }
}

/// The lines of a file that hold anything.
struct Lines<'a> {
    bytes: BufReader<Box<dyn Read + 'a>>,
    /// The number of the line read last, from 1.
    line: u64,
    /// Its text, without its end.
    text: Vec<u8>,
}

impl Lines<'_> {
    /// Goes to the next line that is not empty. One that is too long is passed over without being held.
    fn next(&mut self) -> Result<bool, Reason> {
        loop {
            self.text.clear();
            self.line += 1;
            let most = MAX_ROW_BYTES as u64 + 2; // with its end
            if self.bytes.by_ref().take(most).read_until(b'\n', &mut self.text).map_err(unreadable)? == 0 {
                return Ok(false);
            }
            let whole = self.text.pop_if(|end| *end == b'\n').is_some();
            self.text.pop_if(|end| *end == b'\r');
            if self.text.len() > MAX_ROW_BYTES {
                if !whole {
                    self.bytes.skip_until(b'\n').map_err(unreadable)?;
                }
                return Err(Reason::LongRow { limit: MAX_ROW_BYTES });
            }
            if !self.text.is_empty() {
                return Ok(true);
            }
        }
    }
}

fn unreadable(error: io::Error) -> Reason {
    if error.get_ref().is_some_and(|e| e.is::<TooLong>()) {
        Reason::TooLong { limit: MAX_BYTES }
    } else {
        Reason::Io(error)
    }
}

/// The fields of a row, one after the other.
#[derive(Default)]
struct Record {
    text: String,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl Record {
    fn get(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[at]]
    }

    /// Takes a line apart: fields between commas, some in quotation marks, where two of them stand for one. The fields are
    /// counted even where one of them is not UTF-8.
    fn split(&mut self, line: &[u8]) -> Result<(), Reason> {
        self.ends.clear();
        self.text.clear();
        let mut broken: Option<usize> = None;
        let mut rest = line;
        loop {
            let field = self.ends.len() + 1;
            let mut push = |part: &[u8]| match std::str::from_utf8(part) {
                Ok(part) => self.text.push_str(part),
                Err(_) => broken = broken.or(Some(field)),
            };
            if let Some(inner) = rest.strip_prefix(b"\"") {
                rest = inner;
                loop {
                    let mark = rest.iter().position(|byte| *byte == b'"').ok_or(Reason::Quotation)?;
                    push(&rest[..mark]);
                    rest = &rest[mark + 1..];
                    match rest.first() {
                        None | Some(b',') => break,
                        Some(b'"') => push(b"\""),
                        Some(_) => return Err(Reason::Quotation),
                    }
                    rest = &rest[1..];
                }
            } else {
                let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
                push(&rest[..end]);
                rest = &rest[end..];
            }
            self.ends.push(self.text.len());
            match rest.split_first() {
                Some((_, behind)) => rest = behind,
                None => break,
            }
        }
        broken.map_or(Ok(()), |field| Err(Reason::NotUtf8 { field }))
    }
}
