//! What an organisation may be and how it stands.

use borsh::{BorshDeserialize, BorshSerialize};

/// What an organisation may do beyond looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Role {
    /// Offers and receives goods.
    Trader = 0,
    /// Buys receivables and reads what was shared with it.
    Bank = 1,
    /// Sees all that the law lets it see, and may suspend.
    Supervisor = 2,
    /// Vouches for goods and issues assets for them.
    Gateway = 3,
    /// Decides disputes.
    Arbitrator = 4,
    /// Admits organisations.
    Operator = 5,
    /// Submits clearings.
    Solver = 6,
    /// Publishes reference prices.
    Feed = 7,
}

impl Role {
    /// Every role, in order.
    pub const ALL: [Role; 8] = [
        Role::Trader,
        Role::Bank,
        Role::Supervisor,
        Role::Gateway,
        Role::Arbitrator,
        Role::Operator,
        Role::Solver,
        Role::Feed,
    ];

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Trader => "trader",
            Role::Bank => "bank",
            Role::Supervisor => "supervisor",
            Role::Gateway => "gateway",
            Role::Arbitrator => "arbitrator",
            Role::Operator => "operator",
            Role::Solver => "solver",
            Role::Feed => "feed",
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Roles(u16);

impl Roles {
    /// The set of `roles`.
    #[must_use]
    pub fn of(roles: &[Role]) -> Roles {
        roles.iter().fold(Roles(0), |set, role| Roles(set.0 | 1 << (*role as u8)))
    }

    /// Whether `role` is in it.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & 1 << (role as u8) != 0
    }

    /// Its members, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

/// How an organisation stands with the operator and the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Standing {
    /// Registered, not yet looked at.
    Pending = 0,
    /// May trade.
    Admitted = 1,
    /// May not trade for now; what it holds stays its own.
    Suspended = 2,
    /// Was turned down.
    Refused = 3,
}

impl Standing {
    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Pending => "pending",
            Standing::Admitted => "admitted",
            Standing::Suspended => "suspended",
            Standing::Refused => "refused",
        }
    }
}
