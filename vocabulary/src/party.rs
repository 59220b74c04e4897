//! What an organisation may be and how it stands.

use std::fmt;
use std::io::{Error, ErrorKind, Read};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::WordError;

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

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Role, WordError> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            let known = Role::ALL.map(Role::name).join(", ");
            WordError::new("role", format!("one of {known}"))
        })
    }
}

/// A set of roles. In canonical form it has two bytes, little-endian: one bit a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize)]
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

    /// Whether it has no member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This set with `role` in it.
    #[must_use]
    pub const fn with(self, role: Role) -> Roles {
        Roles(self.0 | 1 << (role as u8))
    }

    /// Its members, in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl BorshDeserialize for Roles {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let roles = Roles(u16::deserialize_reader(reader)?);
        if Roles::of(&Role::ALL).0 | roles.0 == Roles::of(&Role::ALL).0 {
            return Ok(roles);
        }
        Err(Error::new(ErrorKind::InvalidData, WordError::new("roles", "a role that is not known")))
    }
}

/// The names of the roles with commas between them; `none` for the empty set.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<&str> = self.iter().map(Role::name).collect();
        f.write_str(&names.join(", "))
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

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
