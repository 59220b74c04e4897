//! What others may read of the identity chain's state.

use ledger::account::account;
use ledger::koma::Evidence;
use ledger::{AccountKey, Address, PublicKey, Read, Scope, Timestamp};
use vocabulary::messages::ToIdentity;
use vocabulary::{Role, Standing};

use crate::credit::Credit;
use crate::party::Party;
use crate::tables::{
    BANS, CREDIT, ENTRIES, EVIDENCE, GRANTS, KEY_OWNERS, OPERATORS, PARTIES, PROPOSALS, VALIDATORS,
};
use crate::validator::{Ban, Proposal, Validator};

/// The organisation of an account.
#[must_use]
pub fn party(state: &dyn Read, account: Address) -> Option<Party> {
    PARTIES.get(state, &account)
}

/// The state key of an organisation: what a proof about it is over.
#[must_use]
pub fn party_key(account: Address) -> Vec<u8> {
    PARTIES.key(&account)
}

/// Every organisation whose account is at or after `from`, in ascending order of account, at most `limit`.
#[must_use]
pub fn parties(state: &dyn Read, from: Address, limit: usize) -> Vec<(Address, Party)> {
    let mut found = Vec::new();
    PARTIES.scan_from(state, &from, |account, party| {
        if found.len() < limit {
            found.push((account, party));
        }
        found.len() < limit
    });
    found
}

/// How the organisation of an account stands; `None` when there is none.
#[must_use]
pub fn standing(state: &dyn Read, account: Address) -> Option<Standing> {
    party(state, account).map(|party| party.standing)
}

/// Whether an account is an admitted organisation with `role`.
#[must_use]
pub fn acts_as(state: &dyn Read, account: Address, role: Role) -> bool {
    party(state, account).is_some_and(|party| party.acts_as(role))
}

/// The operators that the genesis names, whatever their standing.
#[must_use]
pub fn operators(state: &dyn Read) -> Vec<Address> {
    OPERATORS.get(state).unwrap_or_default()
}

/// The keys of an account, one-time codes included, even those that are void by now. Empty for an account that
/// never registered.
#[must_use]
pub fn keys(state: &dyn Read, address: Address) -> Vec<AccountKey> {
    account(state, address).keys.unwrap_or_default()
}

/// The account that `key` belongs to, if it is its full key or its one-time code and that is not yet void.
#[must_use]
pub fn owner(state: &dyn Read, key: PublicKey, now: Timestamp) -> Option<(Address, Scope)> {
    let address = KEY_OWNERS.get(state, &key)?;
    account(state, address).scope(address, key, now).map(|scope| (address, scope))
}

/// The running tally of a party's conduct; empty for one without a record.
#[must_use]
pub fn credit(state: &dyn Read, party: Address) -> Credit {
    CREDIT.get(state, &party).unwrap_or_default()
}

/// The state key of a party's tally: what a proof about it is over.
#[must_use]
pub fn credit_key(party: Address) -> Vec<u8> {
    CREDIT.key(&party)
}

/// Entries of a party's record from number `first` on, oldest first, at most `limit`.
#[must_use]
pub fn credit_entries(state: &dyn Read, party: Address, first: u64, limit: usize) -> Vec<(u64, ToIdentity)> {
    let mut found = Vec::new();
    ENTRIES.scan_from(state, &(party, first), |(whose, number), entry| {
        if whose == party && found.len() < limit {
            found.push((number, entry));
        }
        whose == party && found.len() < limit
    });
    found
}

/// Whether `reader` may read the credit record of `owner` at `now`: its own, or one that is shared with it.
#[must_use]
pub fn may_read_credit(state: &dyn Read, owner: Address, reader: Address, now: Timestamp) -> bool {
    owner == reader || GRANTS.get(state, &(owner, reader)).is_some_and(|until| now < until)
}

/// With whom a party shares its credit record, and until when; grants that have run out stand here until they are
/// replaced.
#[must_use]
pub fn grants(state: &dyn Read, party: Address) -> Vec<(Address, Timestamp)> {
    GRANTS.under(state, &party).into_iter().map(|((_, with), until)| (with, until)).collect()
}

/// Every validator that is or was, in ascending order of key.
#[must_use]
pub fn validators(state: &dyn Read) -> Vec<(PublicKey, Validator)> {
    VALIDATORS.all(state)
}

/// A validator that is or was.
#[must_use]
pub fn validator(state: &dyn Read, key: PublicKey) -> Option<Validator> {
    VALIDATORS.get(state, &key)
}

/// The state key of a validator: what a proof about it is over.
#[must_use]
pub fn validator_key(key: PublicKey) -> Vec<u8> {
    VALIDATORS.key(&key)
}

/// The proposals that wait for votes, by number.
#[must_use]
pub fn proposals(state: &dyn Read) -> Vec<(u64, Proposal)> {
    PROPOSALS.all(state)
}

/// All keys that are out for good.
#[must_use]
pub fn bans(state: &dyn Read) -> Vec<(PublicKey, Ban)> {
    BANS.all(state)
}

/// Why a key is out for good.
#[must_use]
pub fn ban(state: &dyn Read, key: PublicKey) -> Option<Ban> {
    BANS.get(state, &key)
}

/// The evidence against a key that is out for good.
#[must_use]
pub fn evidence(state: &dyn Read, key: PublicKey) -> Option<Evidence> {
    EVIDENCE.get(state, &key)
}
