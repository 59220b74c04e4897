//! What happened on the identity chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountKey, Address, Timestamp};
use vocabulary::messages::ToIdentity;
use vocabulary::{Roles, Standing, Text};

use crate::payload::Registration;

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
}
