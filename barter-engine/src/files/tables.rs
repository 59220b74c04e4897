//! Rows of a comma-separated table, by column name.

use super::{
    FileError, Reason, Source,
    error::quoted,
    source::{MAX_BYTES, TooLong},
};
use clearing::{Amount, Price};
use std::io::Read;

/// The most bytes of one row, without separators.
const MAX_ROW_BYTES: usize = 1 << 16;

/// A table whose header has been read.
pub(super) struct Table<'a> {
    name: String,
    rows: csv::Reader<Box<dyn Read + 'a>>,
    columns: Vec<(&'static str, usize)>,
    record: csv::StringRecord,
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
        let mut rows = csv::ReaderBuilder::new().from_reader(source.bytes);
        let fail = |line, column, reason| FileError { file: source.name.clone(), line, column, reason };
        let header = rows.headers().map_err(|e| fail(1, "", csv_reason(e)))?.clone();
        let mut places = Vec::with_capacity(columns.len());
        for &column in columns {
            let mut found = header.iter().enumerate().filter(|(_, name)| *name == column);
            let Some((at, _)) = found.next() else { return Err(fail(1, column, Reason::MissingColumn)) };
            if found.next().is_some() {
                return Err(fail(1, column, Reason::DuplicateColumn));
            }
            places.push((column, at));
        }
        Ok(Table {
            name: source.name.clone(),
            rows,
            columns: places,
            record: csv::StringRecord::new(),
            read: 0,
            max_rows,
        })
    }

    /// Goes to the next row. After an error that concerns a row, the next call goes to the row behind it.
    pub(super) fn next(&mut self) -> Result<bool, FileError> {
        match self.rows.read_record(&mut self.record) {
            Ok(true) if self.read == self.max_rows => {
                Err(self.row_error(Reason::TooManyRows { limit: self.max_rows }))
            }
            Ok(true) if self.record.as_slice().len() > MAX_ROW_BYTES => {
                Err(self.row_error(Reason::LongRow { limit: MAX_ROW_BYTES }))
            }
            Ok(more) => {
                self.read += usize::from(more);
                Ok(more)
            }
            Err(error) => {
                let line = error.position().map_or(self.rows.position().line(), csv::Position::line);
                let reason = csv_reason(error);
                let column = match reason {
                    Reason::NotUtf8 { field } => self.column_at(field - 1),
                    _ => "",
                };
                Err(FileError { file: self.name.clone(), line, column, reason })
            }
        }
    }

    /// The name of a column by its place; empty where it is none of those that are read.
    fn column_at(&self, place: usize) -> &'static str {
        self.columns.iter().find(|(_, at)| *at == place).map_or("", |(name, _)| name)
    }

    /// The text of a column that [`Table::new`] was told of.
    pub(super) fn cell(&self, column: &'static str) -> &str {
        let at = self.columns.iter().find(|(name, _)| *name == column).map(|(_, at)| *at);
        at.and_then(|at| self.record.get(at)).unwrap_or("")
    }

    pub(super) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    pub(super) fn error(&self, column: &'static str, reason: Reason) -> FileError {
        FileError { file: self.name.clone(), line: self.line(), column, reason }
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

fn csv_reason(error: csv::Error) -> Reason {
    match error.into_kind() {
        csv::ErrorKind::Io(e) if e.get_ref().is_some_and(|e| e.is::<TooLong>()) => {
            Reason::TooLong { limit: MAX_BYTES }
        }
        csv::ErrorKind::Io(e) => Reason::Io(e),
        csv::ErrorKind::Utf8 { err, .. } => Reason::NotUtf8 { field: err.field() + 1 },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Reason::Fields { found: len, expected: expected_len }
        }
        // The remaining kinds come from seeking and serde, which are not used here.
        other => Reason::Io(std::io::Error::other(format!("{other:?}"))),
    }
}
