//! Why the data chain refuses, in one place, so that every reason says what to do next.

use ledger::koma::ValidatorsError;
use ledger::{Hash, Refusal};
use vocabulary::Standing;

use crate::payload::MAX_DOCUMENTS;

/// Why a request or a message is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A fee where there is none.
    #[error("this chain takes no fee: sign with fee 0")]
    Fee,
    /// The identity chain has not spoken of the sender yet.
    #[error("party not yet known here: register, or wait until the word on it has arrived")]
    NotYetKnown,
    /// The sender is not admitted.
    #[error("this organisation is {0}: only an admitted one may put anything on record")]
    NotAdmitted(Standing),
    /// The day's transactions are used up.
    #[error("the {0} transactions of today are used up: try again after midnight UTC")]
    Quota(u32),
    /// Too many documents behind one product.
    #[error("at most {MAX_DOCUMENTS} documents, not {0}")]
    TooManyDocuments(usize),
    /// The same document twice behind one product.
    #[error("document {0} stands here twice: name it once")]
    DocumentTwice(Hash),
    /// A document that nobody has put on record.
    #[error("document {0} is not on record: put it on record first")]
    DocumentUnknown(Hash),
    /// The hash of no document.
    #[error("all zeroes is the hash of no document")]
    NoHash,
    /// The sender has put the document on record before.
    #[error("you have put this document on record already")]
    DocumentPresent,
    /// Not a media type.
    #[error("a media type in lower case, for instance application/pdf (RFC 6838)")]
    MediaType,
    /// An empty document or one that is too large.
    #[error("1 to {most} bytes, not {size_bytes}")]
    Size {
        /// What the document has.
        size_bytes: u64,
        /// What the genesis allows.
        most: u64,
    },
    /// A message from a chain that does not say such things.
    #[error("the data chain hears of parties from identity and of settlements from payment alone")]
    WrongSender,
    /// Validators that could not run an era.
    #[error("the identity chain's word on who decides: {0}")]
    Validators(#[from] ValidatorsError),
    /// A settlement that is on record already.
    #[error("settlement {0} is on record already")]
    SettlementPresent(Hash),
    /// A settlement with no legs, or with more than a ring can have.
    #[error("1 to {most} legs, not {legs}")]
    Legs {
        /// How many it has.
        legs: usize,
        /// How many it may have.
        most: usize,
    },
}

impl Rejection {
    /// The stable word and the field at fault.
    #[must_use]
    pub const fn place(&self) -> (&'static str, &'static str) {
        match self {
            Rejection::Fee => ("no-fee", "fee"),
            Rejection::NotYetKnown => ("not-yet-known", "account"),
            Rejection::NotAdmitted(_) => ("not-admitted", "account"),
            Rejection::Quota(_) => ("quota", "account"),
            Rejection::TooManyDocuments(_) => ("too-many-documents", "documents"),
            Rejection::DocumentTwice(_) => ("document-twice", "documents"),
            Rejection::DocumentUnknown(_) => ("document-unknown", "documents"),
            Rejection::NoHash => ("no-hash", "hash"),
            Rejection::DocumentPresent => ("document-present", "hash"),
            Rejection::MediaType => ("media-type", "media_type"),
            Rejection::Size { .. } => ("size", "size_bytes"),
            Rejection::WrongSender => ("wrong-sender", "from"),
            Rejection::Validators(_) => ("validators", "payload"),
            Rejection::SettlementPresent(_) => ("settlement-present", "settlement"),
            Rejection::Legs { .. } => ("legs", "legs"),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        let (code, field) = rejection.place();
        Refusal::new(code, field, rejection.to_string())
    }
}
