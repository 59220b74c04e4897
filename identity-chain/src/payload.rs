//! What can be asked of the identity chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Address, PublicKey, Timestamp};
use vocabulary::{Country, Lei, LoCode, Roles, Text};

/// Who an organisation says it is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Registration {
    /// The legal name.
    pub name: Text<120>,
    /// Its number in the commercial register of its country.
    pub registration_number: Text<40>,
    /// Where it is registered.
    pub country: Country,
    /// Where it trades from.
    pub place: Option<LoCode>,
    /// Its Legal Entity Identifier, if it has one.
    pub lei: Option<Lei>,
    /// What it asks to be.
    pub roles: Roles,
}

/// A request to the identity chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Payload {
    /// Enters an organisation under the sender's account, to be admitted.
    Register(Registration),
    /// Adds a key to the sender's account.
    AddKey {
        /// The new key.
        key: PublicKey,
    },
    /// Takes a key from the sender's account; the last full key stays.
    RemoveKey {
        /// The key to take.
        key: PublicKey,
    },
    /// Lets the holder of a one-time code enrol one further key.
    InviteKey {
        /// The public key of the code.
        code: PublicKey,
        /// From here on the code is void; at most 30 days ahead.
        until: Timestamp,
    },
    /// Enrols a key, signed by a one-time code, which is used up.
    EnrolKey {
        /// The new key.
        key: PublicKey,
    },
    /// Admits a registered organisation (operator).
    Admit {
        /// Which.
        party: Address,
        /// What it may be.
        roles: Roles,
    },
    /// Turns a registered organisation down (operator).
    Refuse {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Suspends an organisation (operator or supervisor).
    Suspend {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Lifts a suspension (operator or supervisor).
    Reinstate {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Lets another organisation read the sender's credit record until a date; a new grant replaces the old one.
    ShareCredit {
        /// Who may read.
        with: Address,
        /// Until when; a moment in the past withdraws.
        until: Timestamp,
    },
}
