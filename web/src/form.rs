//! Forms as people send them: bounded, checked field by field, with what was entered kept.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::web;

/// The most bytes a form may have.
pub const MAX_FORM_BYTES: usize = 64 << 10;
/// The most fields a form may have.
const MAX_FIELDS: usize = 64;

/// The fields of a form or query, and what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    values: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
}

/// Bytes that are no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a form: at most {MAX_FIELDS} fields of percent-encoded UTF-8 without U+0000, each once")]
pub struct NotAForm;

impl Form {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// [`NotAForm`].
    pub fn parse(bytes: &[u8]) -> Result<Form, NotAForm> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotAForm)?;
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| NotAForm)?.into_inner();
        if pairs.len() > MAX_FIELDS {
            return Err(NotAForm);
        }
        let mut form = Form::default();
        for (name, value) in pairs {
            // No text of ours has a U+0000, and PostgreSQL keeps none.
            if name.contains('\0') || value.contains('\0') {
                return Err(NotAForm);
            }
            if form.values.insert(name, value.replace("\r\n", "\n")).is_some() {
                return Err(NotAForm);
            }
        }
        Ok(form)
    }

    /// What was entered, without white space at either end; empty when the field is missing.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// What was entered, untouched: for passwords.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The names of the fields that are there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether a box is ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// What is wrong with a field; empty when nothing is.
    #[must_use]
    pub fn error(&self, name: &str) -> &str {
        self.errors.get(name).map_or("", String::as_str)
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Fills a field in beforehand.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Writes a field as records do, where `code` knows what was entered; else it stays as it is.
    pub fn spell<T: Display>(&mut self, name: &str, code: impl Fn(&str) -> Option<T>) {
        if let Some(code) = code(self.value(name)) {
            self.set(name, code.to_string());
        }
    }

    /// Says that a field is wrong; the first word on it stays.
    pub fn refuse(&mut self, name: &str, reason: impl Into<String>) {
        self.errors.entry(name.to_owned()).or_insert_with(|| reason.into());
    }

    /// A field that must be there and be a `T`.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if self.value(name).is_empty() {
            self.refuse(name, "Please fill this in.");
            return None;
        }
        self.optional(name)
    }

    /// A field that is a `T` if it is there.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let value = self.value(name).to_owned();
        if value.is_empty() {
            return None;
        }
        match value.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.refuse(name, not_a(&value, &error.to_string()));
                None
            }
        }
    }
}

/// What is wrong with an entry, naming it: `“XX” is no country: …`.
fn not_a(entered: &str, error: &str) -> String {
    let shown: String = match entered.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &entered[..cut]),
        None => entered.to_owned(),
    };
    match error.split_once(": ") {
        // Of a text, the shape is wrong and not what it names.
        Some(("text", reason)) => sentence(reason),
        Some(_) => sentence(&format!("“{shown}” is no {error}")),
        None => sentence(&format!("“{shown}” does not fit: {error}")),
    }
}

/// `text: expected so` as a sentence.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let rest = characters.as_str().trim_end_matches('.');
    format!("{first}{rest}.")
}

/// Reads arbitrary bytes as a form and its fields as the types of trade.
pub fn fuzz_form(bytes: &[u8]) {
    let Ok(mut form) = Form::parse(bytes) else { return };
    let names: Vec<String> = form.values.keys().cloned().collect();
    for name in names {
        let _ = form.optional::<vocabulary::HsCode>(&name);
        let _ = form.required::<vocabulary::Text<80>>(&name);
        let _ = form.optional::<ledger::Hash>(&name);
        let _ = form.optional::<u64>(&name);
    }
}
