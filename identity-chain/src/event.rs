//! What happened on the identity chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountKey, Address, PublicKey, Timestamp};
use vocabulary::messages::ToIdentity;
use vocabulary::{Roles, Standing, Text};

use crate::payload::Registration;
use crate::validator::{Ban, Change, Outcome, Validator};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// An organisation registered.
    Registered {
        /// Its account.
        party: Address,
        /// Who it says it is.
        registration: Registration,
    },
    /// The keys of an account changed.
    KeysChanged {
        /// The account.
        party: Address,
        /// All its keys from now on.
        keys: Vec<AccountKey>,
    },
    /// An organisation's standing or roles changed.
    StandingChanged {
        /// The organisation.
        party: Address,
        /// How it stands from now on.
        standing: Standing,
        /// What it may be from now on.
        roles: Roles,
        /// Who decided; the party itself when it registered, all zeroes for the genesis.
        by: Address,
        /// Why, where a reason was asked for.
        reason: Option<Text<200>>,
    },
    /// An entry was made in a credit record.
    CreditRecorded(ToIdentity),
    /// A credit record was shared, or no longer is.
    CreditShared {
        /// Whose record.
        party: Address,
        /// Who may read it.
        with: Address,
        /// Until when.
        until: Timestamp,
    },
    /// A validator is from now on as stated.
    ValidatorChanged {
        /// Its key.
        key: PublicKey,
        /// All of it.
        validator: Validator,
    },
    /// A change of those who decide was proposed.
    ProposalMade {
        /// Its number.
        number: u64,
        /// The organisation that proposed it, and so backs it.
        by: Address,
        /// What is to change.
        change: Change,
        /// From here on it is void.
        until: Timestamp,
    },
    /// An organisation agreed to a proposal.
    ProposalBacked {
        /// Which.
        number: u64,
        /// Who.
        by: Address,
    },
    /// A proposal waits no more.
    ProposalClosed {
        /// Which.
        number: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// A validator equivocated, provably: its key is out for good.
    ValidatorBanned {
        /// Its key.
        key: PublicKey,
        /// Why.
        ban: Ban,
    },
}
