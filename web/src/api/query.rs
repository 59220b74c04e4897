//! Reads queries strictly: unknown or repeated fields, limits out of range and foreign cursors are refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use ledger::Address;

use super::problem::Problem;
use crate::form::Form;

/// How many rows a page has when nothing is said.
pub const DEFAULT_LIMIT: i64 = 50;
/// The most rows of a page.
pub const MAX_LIMIT: i64 = 200;
/// The most bytes of a query.
const MAX_QUERY_BYTES: usize = 4096;

/// Which list a cursor belongs to: one of another list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    /// Organisations by name.
    Organisations = 1,
    /// Settlements, newest first.
    Settlements = 2,
    /// Receivables by their settlements, newest first.
    Receivables = 3,
    /// Entries of a credit record, newest first.
    Credit = 4,
}

/// The version of cursors.
const VERSION: u8 = 1;

/// Where a page begins, as opaque text: below the row with this number.
#[must_use]
pub fn cursor(list: List, at: i64) -> String {
    write(list, &at.to_be_bytes())
}

/// Where a page of organisations begins, as opaque text: after this one, whoever registers meanwhile.
#[must_use]
pub fn organisation_cursor(after: &Address) -> String {
    write(List::Organisations, &after.0)
}

fn write(list: List, place: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([&[VERSION, list as u8], place].concat())
}

fn read<const N: usize>(list: List, text: &str) -> Result<[u8; N], Problem> {
    let place = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        <[u8; N]>::try_from(bytes.strip_prefix(&[VERSION, list as u8])?).ok()
    };
    place().ok_or_else(foreign_cursor)
}

/// Said of a cursor that is none of the list's.
#[must_use]
pub fn foreign_cursor() -> Problem {
    Problem::field("cursor", "take it as it stands in `next` of the page before")
}

/// Reads what [`cursor`] wrote.
///
/// # Errors
/// [`Problem`] for anything else.
pub fn read_cursor(list: List, text: &str) -> Result<i64, Problem> {
    let at = i64::from_be_bytes(read(list, text)?);
    if at < 0 { Err(foreign_cursor()) } else { Ok(at) }
}

/// Reads what [`organisation_cursor`] wrote.
///
/// # Errors
/// [`Problem`] for anything else.
pub fn read_organisation_cursor(text: &str) -> Result<Address, Problem> {
    read(List::Organisations, text).map(Address)
}

/// A query whose fields are all known.
#[derive(Debug)]
pub struct Query(Form);

impl Query {
    /// Reads a query that may have these fields.
    ///
    /// # Errors
    /// [`Problem`] when it has others, or one twice, or is no query.
    pub fn read(text: &str, allowed: &[&str]) -> Result<Query, Problem> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(Problem::field("query", format!("at most {MAX_QUERY_BYTES} bytes")));
        }
        let form = Form::parse(text.as_bytes())
            .map_err(|_| Problem::field("query", "percent-encoded UTF-8 fields, each once"))?;
        if let Some(unknown) = form.names().find(|name| !allowed.contains(name)) {
            let known = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
            return Err(Problem::field(unknown, format!("unknown field; known here: {known}")));
        }
        Ok(Query(form))
    }

    /// A field, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        Some(self.0.value(name)).filter(|value| !value.is_empty())
    }

    /// How many rows are wanted.
    ///
    /// # Errors
    /// [`Problem`] unless it is a whole number from 1 to [`MAX_LIMIT`].
    pub fn limit(&self) -> Result<i64, Problem> {
        match self.get("limit").map(str::parse) {
            None => Ok(DEFAULT_LIMIT),
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::field("limit", format!("a whole number from 1 to {MAX_LIMIT}"))),
        }
    }

    /// Where the page begins.
    ///
    /// # Errors
    /// [`Problem`] when the cursor is not one of `list`.
    pub fn cursor(&self, list: List) -> Result<Option<i64>, Problem> {
        self.get("cursor").map(|text| read_cursor(list, text)).transpose()
    }

    /// After which organisation the page begins.
    ///
    /// # Errors
    /// [`Problem`] when the cursor is not one of the register's.
    pub fn organisation(&self) -> Result<Option<Address>, Problem> {
        self.get("cursor").map(read_organisation_cursor).transpose()
    }
}

/// Reads arbitrary bytes as a query and as cursors of every list.
pub fn fuzz_query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for list in [List::Organisations, List::Settlements, List::Receivables, List::Credit] {
        if let Ok(at) = read_cursor(list, &text) {
            assert_eq!(cursor(list, at), text, "one text for one place");
        }
    }
    if let Ok(query) = Query::read(&text, &["limit", "cursor", "q"]) {
        let _ = query.limit();
        let _ = query.cursor(List::Settlements);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_opens_its_own_list_only() {
        let text = cursor(List::Settlements, 7);
        assert_eq!(read_cursor(List::Settlements, &text), Ok(7));
        assert_eq!(read_cursor(List::Organisations, &text).unwrap_err().field.as_deref(), Some("cursor"));
        for foreign in ["", "7", "AQ", &cursor(List::Settlements, -1), "AQIAAAAAAAAABw=="] {
            assert!(read_cursor(List::Settlements, foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_query_with_anything_strange_is_refused_by_name() {
        let check = |text: &str, field: &str| {
            let fault = Query::read(text, &["limit"]).and_then(|query| query.limit()).unwrap_err();
            assert_eq!(fault.field.as_deref(), Some(field), "{text}");
        };
        check("limit=0", "limit");
        check("limit=201", "limit");
        check("limit=-1", "limit");
        check("limit=ten", "limit");
        check("limit=9999999999999999999999", "limit");
        check("limits=10", "limits");
        check("limit=1&limit=2", "query");
        check("limit=%ff", "limit");
        check(&format!("limit={}", "1".repeat(5000)), "query");
        assert_eq!(Query::read("limit=200", &["limit"]).and_then(|query| query.limit()), Ok(200));
        assert_eq!(Query::read("", &[]).and_then(|query| query.limit()), Ok(DEFAULT_LIMIT));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_query_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_query(&bytes);
        }

        #[test]
        fn any_text_near_a_cursor_is_one_or_refused(text in "[A-Za-z0-9_-]{12,16}") {
            fuzz_query(text.as_bytes());
        }
    }
}
