//! An organisation as the chain knows it.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountKey, Address, Scope, Timestamp};
use vocabulary::{Role, Roles, Standing, Text, ToParty};

use crate::payload::Registration;

/// An organisation. Its keys stand with its account in the ledger ([`crate::view::keys`]).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Party {
    /// Who it says it is.
    pub registration: Registration,
    /// How it stands.
    pub standing: Standing,
    /// What it may be; none before it is admitted.
    pub roles: Roles,
    /// When it registered.
    pub registered: Timestamp,
    /// The last decision on its standing, if there was one.
    pub decision: Option<Decision>,
}

/// A decision on an organisation's standing.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decision {
    /// Who decided.
    pub by: Address,
    /// When.
    pub at: Timestamp,
    /// Why, where a reason was asked for.
    pub reason: Option<Text<200>>,
}

impl Party {
    /// Whether it is admitted and has `role`.
    #[must_use]
    pub fn acts_as(&self, role: Role) -> bool {
        self.standing == Standing::Admitted && self.roles.has(role)
    }

    /// What the other chains hear of it: everything but its one-time codes, which enrol on this chain only.
    #[must_use]
    pub fn message(&self, party: Address, keys: &[AccountKey]) -> ToParty {
        ToParty {
            party,
            country: self.registration.country,
            standing: self.standing,
            roles: self.roles,
            keys: keys.iter().copied().filter(|key| key.scope == Scope::Full).collect(),
        }
    }
}

/// Whether an organisation's standing may go from one to the other. A party that was turned down may register
/// again; a change of roles is an admission of one already admitted.
#[must_use]
pub fn may_follow(from: Standing, to: Standing) -> bool {
    use Standing::{Admitted, Pending, Refused, Suspended};
    match (from, to) {
        (Pending, Admitted | Refused)
        | (Admitted, Admitted | Suspended)
        | (Suspended, Admitted)
        | (Refused, Pending) => true,
        (Pending, Pending | Suspended)
        | (Admitted, Pending | Refused)
        | (Suspended, Pending | Suspended | Refused)
        | (Refused, Admitted | Suspended | Refused) => false,
    }
}
