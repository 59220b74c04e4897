//! Why the identity chain refuses, in one place, so that every reason says what to do next.

use ledger::koma::AccusationError;
use ledger::{Address, PublicKey, Refusal};
use vocabulary::{Role, Standing};

use crate::config::MAX_KEYS;
use crate::validator::{MAX_PROPOSALS, MAX_PROPOSALS_EACH};

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
    #[error(
        "this organisation is suspended: it can only remove keys, share its credit record and take its validators out"
    )]
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
    /// The sender runs no validator.
    #[error("only an organisation that runs a validator may do this")]
    RunsNoValidator,
    /// One validator outweighs all others of the genesis.
    #[error("one validator runs this network alone, as the genesis says: it stays so")]
    RunAlone,
    /// Eras never end here, so nobody new would ever decide.
    #[error("the genesis lets the first era go on for ever: those who decide stay the same in this network")]
    ErasNeverEnd,
    /// Eras are as strict as the genesis says.
    #[error(
        "there is nothing to ease: no validator was banned since the last such vote, or the genesis names no low grade"
    )]
    NothingToEase,
    /// Somebody who was banned still decides.
    #[error("a validator that was banned still decides in this era or the next one: wait until it is out")]
    CheatDecides,
    /// The sender's proposals wait.
    #[error("{MAX_PROPOSALS_EACH} proposals of this organisation wait for votes: wait until one is closed")]
    ProposalsOfOne,
    /// Everybody's proposals wait.
    #[error("{MAX_PROPOSALS} proposals wait for votes: wait until one is closed")]
    ProposalsFull,
    /// No such proposal.
    #[error("no proposal {0} waits for votes: it passed, its time ran out, or there never was one")]
    ProposalUnknown(u64),
    /// The sender agreed before.
    #[error("this organisation has agreed already: others have to")]
    VotedAlready,
    /// The key is a validator's.
    #[error("this key is a validator's already: propose another weight instead")]
    ValidatorPresent,
    /// The key is nobody's who decides.
    #[error("this is no validator's key: look at those who decide")]
    ValidatorUnknown(&'static str),
    /// The key is out for good.
    #[error(
        "the holder of this key said two things at once, provably: it is never a validator's again, make a new one"
    )]
    ValidatorBanned(&'static str),
    /// The holder of the key did not agree.
    #[error(
        "the key did not sign that this organisation may bring it in: run permuta keygen --show FILE --for ACCOUNT --genesis FILE"
    )]
    NoPossession,
    /// A weight of 0.
    #[error("at least 1: to take a validator out, propose its removal")]
    NoWeight,
    /// The weight that it has.
    #[error("this validator weighs so much already")]
    SameWeight,
    /// Somebody else runs it.
    #[error("account {0} runs this validator: propose its removal instead")]
    NotYours(Address),
    /// Nobody would be left.
    #[error("the last validator stays: admit another one first")]
    LastValidator,
    /// Fewer than bear a cheat would be left of those who did.
    #[error("at least four validators decide here, since fewer bear no cheat: admit another one first")]
    TooFewValidators,
    /// More than can be.
    #[error("there are at most {0} validators: remove one first")]
    TooManyValidators(usize),
    /// The weights do not add up.
    #[error("all weights together are at most 2^63: choose smaller ones")]
    WeightTooHigh,
    /// One would weigh too much.
    #[error(
        "a validator would weigh {weight}, and among those who would then decide none may weigh more than {most}, a third: \
         change weights first"
    )]
    TooHeavy {
        /// The most.
        most: u64,
        /// What it would weigh.
        weight: u64,
    },
    /// The evidence proves nothing.
    #[error("this proves nothing: {0}")]
    Unproven(#[from] AccusationError),
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
            Rejection::RunsNoValidator => ("runs-no-validator", "account"),
            Rejection::RunAlone => ("run-alone", "transaction"),
            Rejection::ErasNeverEnd => ("eras-never-end", "transaction"),
            Rejection::NothingToEase => ("nothing-to-ease", "change"),
            Rejection::CheatDecides => ("cheat-decides", "change"),
            Rejection::ProposalsOfOne | Rejection::ProposalsFull => ("too-many", "transaction"),
            Rejection::ProposalUnknown(_) => ("proposal-unknown", "proposal"),
            Rejection::VotedAlready => ("voted-already", "proposal"),
            Rejection::ValidatorPresent => ("validator-present", "key"),
            Rejection::ValidatorUnknown(field) => ("validator-unknown", field),
            Rejection::ValidatorBanned(field) => ("validator-banned", field),
            Rejection::NoPossession => ("no-possession", "proof"),
            Rejection::NoWeight => ("zero", "weight"),
            Rejection::SameWeight => ("unchanged", "weight"),
            Rejection::NotYours(_) => ("not-yours", "validator"),
            Rejection::LastValidator => ("last-validator", "validator"),
            Rejection::TooFewValidators => ("too-few", "validator"),
            Rejection::TooManyValidators(_) => ("too-many", "change"),
            Rejection::WeightTooHigh => ("weight-too-high", "weight"),
            Rejection::TooHeavy { .. } => ("too-heavy", "weight"),
            Rejection::Unproven(_) => ("unproven", "evidence"),
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
