//! The words of trade, checked once: what is parsed here is valid wherever it goes.
//!
//! [`text`] bounds what people write; [`code`] holds the standards' codes (ISO 3166, ISO 17442, HS, UN/LOCODE,
//! UN/CEFACT Rec 20, Incoterms 2020); [`party`] says what an organisation may be; [`date`] writes moments as people
//! read them; [`messages`] is what the three chains tell each other; [`field`] decodes requests so that a refusal
//! names the field at fault.
//!
//! ```
//! use vocabulary::{HsCode, Lei};
//! let jute: HsCode = "5303".parse()?;
//! assert_eq!(jute.chapter(), 53);
//! assert!("529900T8BM49AURSDO56".parse::<Lei>().is_err(), "the check digits are 55");
//! # Ok::<(), vocabulary::WordError>(())
//! ```

pub mod code;
pub mod date;
pub mod field;
pub mod fuzz;
pub mod messages;
pub mod party;
pub mod text;

pub use code::{Country, HsCode, Incoterm, Lei, LoCode, UnitCode};
pub use messages::{FromIdentity, FromPayment, Seat, ToData, ToIdentity, ToParty};
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
