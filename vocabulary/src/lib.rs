//! The words of trade, checked once: what is parsed here is valid wherever it goes.
//!
//! [`text`] bounds what people write; [`code`] holds the standards' codes (ISO 3166, ISO 17442, HS, UN/LOCODE,
//! UN/CEFACT Rec 20, Incoterms 2020); [`party`] says what an organisation may be; [`messages`] is what the three
//! chains tell each other.

pub mod code;
pub mod messages;
pub mod party;
pub mod text;

pub use code::{Country, HsCode, Incoterm, Lei, LoCode, UnitCode};
pub use messages::{ToData, ToIdentity, ToParty};
pub use party::{Role, Roles, Standing};
pub use text::Text;

/// A word of trade that is not one: which kind, and what it should look like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct WordError {
    /// What was expected, for instance `LEI`.
    pub kind: &'static str,
    /// What is wrong and what it should look like.
    pub reason: String,
}

impl WordError {
    pub(crate) fn new(kind: &'static str, reason: impl Into<String>) -> WordError {
        WordError { kind, reason: reason.into() }
    }

    /// This fault as the refusal of a transaction's `field`.
    #[must_use]
    pub fn refuse(&self, field: &str) -> ledger::Refusal {
        ledger::Refusal::new("malformed", field, self.reason.clone())
    }
}
