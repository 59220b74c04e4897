//! Text that people write: bounded, printable, trimmed.

use std::fmt;
use std::io::{Error, ErrorKind, Read};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::WordError;

/// Between 1 and `MAX` characters, without control characters and without white space at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        let characters = text.chars().count();
        if characters == 0 || characters > MAX {
            return Err(WordError::new("text", format!("1 to {MAX} characters, not {characters}")));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(WordError::new("text", "no control characters, no white space at either end"));
        }
        Ok(Text(text.to_owned()))
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> BorshDeserialize for Text<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let text = String::deserialize_reader(reader)?;
        text.parse().map_err(|error: WordError| Error::new(ErrorKind::InvalidData, error.to_string()))
    }
}
