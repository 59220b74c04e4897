//! Where the identity chain keeps what it knows.

use ledger::koma::Evidence;
use ledger::{Address, Cell, Hash, Hasher, PublicKey, Table, Tag, Timestamp};
use vocabulary::messages::ToIdentity;
use vocabulary::{Country, Text};

use crate::credit::Credit;
use crate::party::Party;
use crate::validator::{Ban, Proposal, Validator};

/// Organisations by account.
pub(crate) const PARTIES: Table<Address, Party> = Table::new(32);
/// Whose key this is; one-time codes included.
pub(crate) const KEY_OWNERS: Table<PublicKey, Address> = Table::new(33);
/// Whose LEI this is, by the hash of its text.
pub(crate) const LEIS: Table<Hash, Address> = Table::new(34);
/// Whose registration number this is, by [`number_key`].
pub(crate) const NUMBERS: Table<Hash, Address> = Table::new(35);
/// The day that an account last sent something, and how much on that day.
pub(crate) const SENT: Table<Address, (u64, u32)> = Table::new(36);
/// The day of the last registration, and how many there were on that day.
pub(crate) const REGISTERED: Cell<(u64, u32)> = Cell::new(37);
/// Running tallies of conduct.
pub(crate) const CREDIT: Table<Address, Credit> = Table::new(38);
/// The entries behind a tally, numbered from 0.
pub(crate) const ENTRIES: Table<(Address, u64), ToIdentity> = Table::new(39);
/// Until when whose record is shared with whom.
pub(crate) const GRANTS: Table<(Address, Address), Timestamp> = Table::new(40);
/// The operators that the genesis names.
pub(crate) const OPERATORS: Cell<Vec<Address>> = Cell::new(41);
/// Parties of the genesis that the other chains have yet to hear of; gone after the first block.
pub(crate) const UNANNOUNCED: Table<Address, ()> = Table::new(42);

/// Validators that are or were.
pub(crate) const VALIDATORS: Table<PublicKey, Validator> = Table::new(43);
/// Changes that wait for votes.
pub(crate) const PROPOSALS: Table<u64, Proposal> = Table::new(44);
/// The number of the last proposal; the first is 1.
pub(crate) const LAST_PROPOSAL: Cell<u64> = Cell::new(45);
/// Keys that are out for good.
pub(crate) const BANS: Table<PublicKey, Ban> = Table::new(46);
/// The evidence against them: for each the first that was brought.
pub(crate) const EVIDENCE: Table<PublicKey, Evidence> = Table::new(47);
/// Validators for which an organisation has bonded enough, by the payment chain's word.
pub(crate) const BONDED: Table<(PublicKey, Address), ()> = Table::new(48);
/// Whether a validator that is admitted decides only once its bond is enough.
pub(crate) const BOND_NEEDED: Cell<bool> = Cell::new(49);
/// There where one validator of the genesis outweighs all others together: it orders the chain by itself, which no vote
/// can change.
pub(crate) const ALONE: Cell<()> = Cell::new(50);
/// There where the genesis names four validators or more that are not said to be one owner's: fewer bear no cheat at all.
pub(crate) const FOUR: Cell<()> = Cell::new(51);

/// One name for a registration number however it is written: capital letters; spaces and punctuation of ASCII do
/// not count.
pub(crate) fn number_key(country: Country, number: &Text<40>) -> Hash {
    let plain: String = number
        .as_str()
        .chars()
        .filter(|c| !c.is_ascii_punctuation() && *c != ' ')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    Hasher::new(Tag::Content).chain(country.as_str().as_bytes()).chain(plain.as_bytes()).finish()
}

/// The key of [`LEIS`].
pub(crate) fn lei_key(lei: vocabulary::Lei) -> Hash {
    Hash::of(Tag::Content, lei.as_str().as_bytes())
}
