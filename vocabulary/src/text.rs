//! Text that people write: bounded, printable, trimmed.

use std::fmt;
use std::io::{Error, ErrorKind, Read};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::WordError;

/// Between 1 and `MAX` characters, without white space at either end, and without anything that makes one text
/// look like another: control characters, characters that turn the direction of writing (Unicode TR 36 §2.5),
/// characters that show nothing, and white space other than the plain space. Names stand in what people sign, so
/// what is shown must be what is stored.
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
        if let Some(character) = text.chars().find(|character| hides(*character)) {
            let code = u32::from(character);
            let reason = format!("no characters that show nothing or turn the text around (U+{code:04X})");
            return Err(WordError::new("text", reason));
        }
        Ok(Text(text.to_owned()))
    }
}

/// Whether a character shows nothing, or changes how those around it are shown; white space other than the plain
/// space counts as well, control characters do not (they are refused before).
#[must_use]
pub fn hides(character: char) -> bool {
    (character.is_whitespace() && character != ' ')
        || matches!(
            character,
            '\u{ad}'                        // soft hyphen
            | '\u{34f}'                     // combining grapheme joiner
            | '\u{61c}'                     // Arabic letter mark
            | '\u{115f}' | '\u{1160}'       // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels
            | '\u{180b}'..='\u{180f}'       // Mongolian separators and selectors
            | '\u{200b}'..='\u{200f}'       // zero width, direction marks
            | '\u{2028}'..='\u{202e}'       // separators, embeddings, overrides
            | '\u{2060}'..='\u{206f}'       // joiners, isolates, deprecated formats
            | '\u{2800}'                    // blank Braille pattern
            | '\u{3164}' | '\u{ffa0}'       // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'       // variation selectors
            | '\u{feff}'                    // byte order mark
            | '\u{fff0}'..='\u{fffb}'       // interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}'     // shorthand formats
            | '\u{1d173}'..='\u{1d17a}'     // musical formats
            | '\u{e0000}'..='\u{e0fff}'     // tags, more variation selectors
        )
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> BorshDeserialize for Text<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let text = String::deserialize_reader(reader)?;
        text.parse().map_err(|error: WordError| Error::new(ErrorKind::InvalidData, error))
    }
}
