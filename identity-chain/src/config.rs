//! What the genesis fixes for the identity chain.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Address, PublicKey};
use vocabulary::{Role, Roles};

use crate::payload::Registration;
use crate::tables::number_key;

/// The most keys that an account may have, one-time codes included.
pub const MAX_KEYS: usize = 16;

/// An organisation that is there from the start, admitted.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GenesisParty {
    /// Who it is. The roles that it asks for are passed over.
    pub registration: Registration,
    /// What it may be. Only here can a party become [`Role::Operator`].
    pub roles: Roles,
    /// Its account.
    pub account: Address,
    /// Its keys, 1 to [`MAX_KEYS`].
    pub keys: Vec<PublicKey>,
}

/// The identity chain's part of the genesis.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Config {
    /// Who is there from the start; at least one operator.
    pub parties: Vec<GenesisParty>,
    /// How many organisations may register in a day of chain time.
    pub registrations_per_day: u32,
    /// How many transactions an account may send in a day of chain time. There is no fee, so nobody can buy more.
    /// Operators are not counted: their duty does not end with a number.
    pub free_per_day: u32,
    /// Who runs which validator of the genesis. Those that are not named here are run by the first operator.
    pub validators: Vec<(PublicKey, Address)>,
    /// Whether a validator that is admitted later decides only once the payment chain says that its bond is enough.
    pub bond_needed: bool,
}

/// Why a [`Config`] cannot start a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nobody could admit anybody.
    #[error("parties: at least one must be an operator")]
    NoOperator,
    /// A limit of 0 would keep everybody out.
    #[error("{0}: at least 1")]
    Zero(&'static str),
    /// No keys, or too many.
    #[error("keys of {0}: 1 to {MAX_KEYS}, each a point of the curve")]
    Keys(Address),
    /// The same account, key, LEI or registration number twice.
    #[error("{field} of {account}: already used by a party before it")]
    Twice {
        /// What occurs twice.
        field: &'static str,
        /// The account of the second.
        account: Address,
    },
    /// A validator that is run by nobody of the genesis, or named twice.
    #[error("validators: {0} is named twice, or run by no party of the genesis")]
    Validator(PublicKey),
}

impl Config {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// A [`ConfigError`] for the first fault.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.registrations_per_day == 0 {
            return Err(ConfigError::Zero("registrations_per_day"));
        }
        if self.free_per_day == 0 {
            return Err(ConfigError::Zero("free_per_day"));
        }
        if !self.parties.iter().any(|party| party.roles.has(Role::Operator)) {
            return Err(ConfigError::NoOperator);
        }
        let (mut accounts, mut keys) = (BTreeSet::new(), BTreeSet::new());
        let (mut leis, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for GenesisParty { registration, account, keys: own, .. } in &self.parties {
            let once = |new: bool, field| {
                if new { Ok(()) } else { Err(ConfigError::Twice { field, account: *account }) }
            };
            once(accounts.insert(*account), "account")?;
            if own.is_empty() || own.len() > MAX_KEYS || !own.iter().all(PublicKey::can_sign) {
                return Err(ConfigError::Keys(*account));
            }
            own.iter().try_for_each(|key| once(keys.insert(*key), "keys"))?;
            once(registration.lei.is_none_or(|lei| leis.insert(lei)), "lei")?;
            let number = number_key(registration.country, &registration.registration_number);
            once(numbers.insert(number), "registration_number")?;
        }
        let mut validators = BTreeSet::new();
        for (key, organisation) in &self.validators {
            if !validators.insert(*key) || !accounts.contains(organisation) {
                return Err(ConfigError::Validator(*key));
            }
        }
        Ok(())
    }

    /// The first operator.
    pub(crate) fn operator(&self) -> Address {
        let operator = self.parties.iter().find(|party| party.roles.has(Role::Operator));
        operator.expect("a checked config has an operator").account
    }
}
