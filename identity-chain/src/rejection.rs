//! Why the identity chain refuses, in one place, so that every reason says what to do next.

use ledger::{Address, PublicKey, Refusal};
use vocabulary::{Role, Standing};

use crate::config::MAX_KEYS;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A fee where there is none.
    #[error("this chain takes no fee: sign with fee 0")]
    Fee,
    /// A one-time code sent something else than [`crate::Payload::EnrolKey`].
    #[error("a one-time code can only enrol a key: sign with a key of the account")]
    CodeOnlyEnrols,
    /// A full key sent [`crate::Payload::EnrolKey`].
    #[error("only a one-time code enrols a key: add it instead")]
    NotACode,
    /// The sender is no organisation.
    #[error("no organisation is registered under this account: register first")]
    NotRegistered,
    /// The sender was turned down.
    #[error("this organisation was turned down: register again with what was asked for")]
    TurnedDown,
    /// The sender is suspended.
    #[error("this organisation is suspended: it can only remove keys and share its credit record")]
    Suspended,
    /// The day's transactions are used up.
    #[error("the {0} transactions of today are used up: try again after midnight UTC")]
    Quota(u32),
    /// The account has an organisation already.
    #[error("an account has one organisation, and this one is {0}: use another account")]
    AlreadyRegistered(Standing),
    /// The key is another account's.
    #[error("this key belongs to account {owner}: make a new key")]
    KeyTaken {
        /// `key` or `code`.
        field: &'static str,
        /// Whose it is.
        owner: Address,
    },
    /// The key is the sender's already.
    #[error("this key is already on the account")]
    KeyPresent(&'static str),
    /// No signature could hold under the key.
    #[error("{key} is no Ed25519 key under which a signature can hold: make a new key")]
    NotAKey {
        /// `key` or `code`.
        field: &'static str,
        /// The key.
        key: PublicKey,
    },
    /// The account has all the keys it may have.
    #[error("an account has at most {MAX_KEYS} keys, one-time codes included: remove one first")]
    TooManyKeys(&'static str),
    /// The key to remove is not there.
    #[error("this key is not on the account")]
    KeyUnknown,
    /// The key to remove is the last full one.
    #[error("the last key of an account stays: add another one first")]
    LastKey,
    /// A registration number of nothing but punctuation.
    #[error("at least one letter or digit")]
    NumberEmpty,
    /// Another organisation has the number.
    #[error(
        "registered in this country under account {0}: look for a typing error, or write to the operator"
    )]
    NumberTaken(Address),
    /// Another organisation has the LEI.
    #[error("registered under account {0}: look for a typing error, or write to the operator")]
    LeiTaken(Address),
    /// No role at all.
    #[error("at least one role")]
    NoRole,
    /// The role of operator, which only the genesis gives.
    #[error("only the genesis makes operators: leave this role out")]
    OperatorRole,
    /// The day's registrations are used up.
    #[error("the {0} registrations of today are used up: try again after midnight UTC")]
    RegistrationsFull(u32),
    /// A code that is void already.
    #[error("already past: choose a later moment")]
    UntilPast,
    /// A moment too far ahead.
    #[error("at most {0} days ahead")]
    UntilTooFar(u64),
    /// The sender is none of those who may.
    #[error("only an admitted {0} may do this")]
    NotEntitled(&'static str),
    /// No such organisation.
    #[error("no organisation is registered under account {account}")]
    PartyUnknown {
        /// `party` or `with`.
        field: &'static str,
        /// Which account was named.
        account: Address,
    },
    /// The party's standing does not allow it.
    #[error("this organisation is {0}: {1}")]
    Standing(Standing, &'static str),
    /// The party has these roles already.
    #[error("this organisation is admitted with exactly these roles")]
    Unchanged,
    /// The roles of an operator.
    #[error("the roles of an operator are those of the genesis")]
    OperatorFixed,
    /// Suspending oneself.
    #[error("nobody suspends himself: ask another operator or a supervisor")]
    Oneself,
    /// Suspending the last operator.
    #[error("the last admitted operator stays: nobody could admit or reinstate anyone")]
    LastOperator,
    /// Sharing with oneself.
    #[error("an organisation reads its own record anyway")]
    SharedWithOneself,
}

impl Rejection {
    /// The stable word and the field at fault.
    #[must_use]
    pub const fn place(&self) -> (&'static str, &'static str) {
        match self {
            Rejection::Fee => ("no-fee", "fee"),
            Rejection::CodeOnlyEnrols => ("code-only-enrols", "key"),
            Rejection::NotACode => ("not-a-code", "key"),
            Rejection::NotRegistered => ("not-registered", "account"),
            Rejection::TurnedDown => ("turned-down", "account"),
            Rejection::Suspended => ("suspended", "account"),
            Rejection::Quota(_) => ("quota", "account"),
            Rejection::AlreadyRegistered(_) => ("already-registered", "account"),
            Rejection::KeyTaken { field, .. } => ("key-taken", field),
            Rejection::KeyPresent(field) => ("key-present", field),
            Rejection::NotAKey { field, .. } => ("not-a-key", field),
            Rejection::TooManyKeys(field) => ("too-many-keys", field),
            Rejection::KeyUnknown => ("key-unknown", "key"),
            Rejection::LastKey => ("last-key", "key"),
            Rejection::NumberEmpty => ("number-empty", "registration_number"),
            Rejection::NumberTaken(_) => ("number-taken", "registration_number"),
            Rejection::LeiTaken(_) => ("lei-taken", "lei"),
            Rejection::NoRole => ("no-role", "roles"),
            Rejection::OperatorRole => ("operator-role", "roles"),
            Rejection::RegistrationsFull(_) => ("registrations-full", "transaction"),
            Rejection::UntilPast => ("until-past", "until"),
            Rejection::UntilTooFar(_) => ("until-too-far", "until"),
            Rejection::NotEntitled(_) => ("not-entitled", "account"),
            Rejection::PartyUnknown { field, .. } => ("party-unknown", field),
            Rejection::Standing(..) => ("standing", "party"),
            Rejection::Unchanged => ("unchanged", "roles"),
            Rejection::OperatorFixed => ("operator-fixed", "party"),
            Rejection::Oneself => ("oneself", "party"),
            Rejection::LastOperator => ("last-operator", "party"),
            Rejection::SharedWithOneself => ("oneself", "with"),
        }
    }

    /// The rejection of a sender who is none of `roles`.
    pub(crate) fn entitled(roles: &[Role]) -> Rejection {
        match roles {
            [Role::Operator] => Rejection::NotEntitled("operator"),
            _ => Rejection::NotEntitled("operator or supervisor"),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        let (code, field) = rejection.place();
        Refusal::new(code, field, rejection.to_string())
    }
}
