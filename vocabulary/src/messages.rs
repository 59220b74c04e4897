//! What the three chains tell each other. No chain reads another's state; each hears only this.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{AccountKey, Address, Hash, PublicKey, Timestamp};

use crate::code::Country;
use crate::party::{Roles, Standing};

/// From the identity chain to the data and the payment chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FromIdentity {
    /// About a party.
    Party(ToParty),
    /// Who decides on every chain from the era after the next one on, in ascending order of key: all of them, each time
    /// anything changes.
    Validators(Vec<Seat>),
    /// A validator equivocated, provably, on whichever chain.
    Banned {
        /// Its key, which is never a validator's again.
        validator: PublicKey,
        /// Who ran it last.
        organisation: Address,
    },
    /// Although validators were banned, the members voted that the grade of the genesis is enough again.
    Eased,
}

/// A validator, as the identity chain tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seat {
    /// Its key.
    pub validator: PublicKey,
    /// What its word weighs.
    pub weight: u64,
    /// The organisation that runs it.
    pub organisation: Address,
}

/// From the payment chain to the identity chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FromPayment {
    /// How a party behaved.
    Conduct(ToIdentity),
    /// Whether a validator's bond is from now on what the payment chain's genesis asks for; sent when that changes.
    Bond {
        /// The validator.
        validator: PublicKey,
        /// The organisation that bonded for it.
        organisation: Address,
        /// Whether it is enough.
        enough: bool,
    },
}

/// The identity chain's word on a party, to the data and the payment chain: the whole of what they need, each
/// time anything of it changes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ToParty {
    /// The organisation's account.
    pub party: Address,
    /// Where it is registered.
    pub country: Country,
    /// How it stands.
    pub standing: Standing,
    /// What it may be.
    pub roles: Roles,
    /// Its keys, which replace all earlier ones.
    pub keys: Vec<AccountKey>,
}

/// How a party behaved, to the identity chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Conduct {
    /// Its leg of a settlement was delivered.
    Settled = 0,
    /// It let the window pass without signing.
    Lapsed = 1,
    /// It declined a ring that its offer was part of.
    Declined = 2,
    /// As a solver, it declared a value that its clearing did not have.
    FalseDeclaration = 3,
}

/// From the payment chain to the identity chain: an entry in a party's credit record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ToIdentity {
    /// Whose record.
    pub party: Address,
    /// What it did.
    pub conduct: Conduct,
    /// The settlement, contract or batch that it is about.
    pub about: Hash,
    /// What its leg was worth at reference prices, in millionths of a US dollar.
    pub value_micro_usd: u128,
    /// When.
    pub at: Timestamp,
}

/// One leg of a settled ring.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TradeLeg {
    /// Who gives.
    pub from: Address,
    /// Who receives.
    pub to: Address,
    /// The payment chain's number of the asset.
    pub asset: u64,
    /// How much, in the asset's smallest unit.
    pub quantity: u128,
    /// Its worth at reference prices, in millionths of a US dollar, rounded down.
    pub value_micro_usd: u128,
}

/// From the payment chain to the data chain: what was settled.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ToData {
    /// The settlement.
    pub settlement: Hash,
    /// Its legs, in ring order.
    pub legs: Vec<TradeLeg>,
    /// When.
    pub at: Timestamp,
}
