//! Where the identity chain keeps what it knows.

use ledger::{Address, Cell, Hash, Hasher, PublicKey, Table, Tag, Timestamp};
use vocabulary::messages::ToIdentity;
use vocabulary::{Country, Text};

use crate::credit::Credit;
use crate::party::Party;

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
