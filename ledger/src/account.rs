//! What the ledger itself keeps in a chain's state: sequence numbers, keys, where messages stand, and who decides.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::genesis::Rules;
use crate::hash::Hash;
use crate::key::{Address, PublicKey};
use crate::merkle::Edge;
use crate::message::Closing;
use crate::moment::{Height, SubChain, Timestamp};
use crate::state::{Read, Write};
use crate::table::{Cell, Table};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Scope {
    /// Everything that its account may.
    Full,
    /// Nothing but enrolling one further key, once and before this moment: a one-time code is such a key.
    EnrolOnce {
        /// From here on it is void.
        until: Timestamp,
    },
}

/// A key of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountKey {
    /// The public key.
    pub key: PublicKey,
    /// What it may do.
    pub scope: Scope,
}

/// An account, as the ledger sees it. One that was never seen has sequence 0 and the key that gave its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// The sequence number that its next transaction must have.
    pub sequence: u64,
    /// Its keys; `None` until they were set, which means: the one whose address it is.
    pub keys: Option<Vec<AccountKey>>,
}

/// Accounts by address.
pub const ACCOUNTS: Table<Address, Account> = Table::new(0);
/// The number of the next message to each chain.
pub const OUTBOX: Table<SubChain, u64> = Table::new(1);
/// The number of the next message expected from each chain.
pub const INBOX: Table<SubChain, u64> = Table::new(2);
/// Validators and weights by chain and era: those of the running era, of the one after it, since who decides next is fixed
/// an era ahead, and of the last [`REMEMBERED_ERAS`].
pub const VALIDATORS: Table<(SubChain, u64), Vec<(PublicKey, u64)>> = Table::new(3);
/// The names of the three chains in this genesis.
pub const CHAIN_IDS: Table<SubChain, Hash> = Table::new(4);
/// The latest era of this chain.
pub const ERA: Cell<EraRecord> = Cell::new(5);
/// How the validators agree, as the genesis says.
pub const RULES: Cell<Rules> = Cell::new(6);
/// Who decides from the era after the next one on.
pub const FOLLOWING: Cell<Vec<(PublicKey, u64)>> = Cell::new(7);
/// Keys that equivocated, provably, on whichever chain: they never lead again.
pub const BANNED: Table<PublicKey, ()> = Table::new(8);
/// Validators of the latest era that were banned before it began, in ascending order of key.
pub const BARRED: Cell<Vec<PublicKey>> = Cell::new(9);

/// Written when a key is banned, erased when the members vote for it: meanwhile no era begins below the classical grade.
pub const STRICT: Cell<()> = Cell::new(14);

/// Where each chain last ended an era, as far as this one has heard; of itself it knows at once.
pub const CLOSINGS: Table<SubChain, Closing> = Table::new(10);
/// The edge of the tree over the hashes of this chain's blocks; kept only where eras end.
pub const BLOCKS: Cell<Edge> = Cell::new(11);
/// The eras of this chain in which others decide than in the one before, each with the height of the block that said so.
pub const CHANGES: Table<u64, Height> = Table::new(12);

/// Who decided in the eras of each chain that are in [`VALIDATORS`] no more, by chain and the first era of which that is
/// so: a row a change. Evidence against them may come as long as their bonds are held. The last [`REMEMBERED_SETS`] of a
/// chain stay: each takes a vote or a wish of somebody who decides, so they reach much further back than any bond.
pub const FORMER: Table<(SubChain, u64), Vec<(PublicKey, u64)>> = Table::new(13);

/// For how many eras after its last block it is remembered by itself who decided in one.
pub const REMEMBERED_ERAS: u64 = 32;
/// How many sets of those who decided before are remembered of a chain.
pub const REMEMBERED_SETS: usize = 256;

/// An era of a chain, as its state tells; who decides in it stands in [`VALIDATORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EraRecord {
    /// Counted from 0.
    pub number: u64,
    /// When its first round begins.
    pub start: Timestamp,
    /// What its leaders are drawn with.
    pub seed: Hash,
    /// The block on which it builds: that of height 0, or the last of the era before.
    pub root: Hash,
    /// Its height.
    pub root_height: Height,
    /// Whether it executes at the classical grade at least, whatever mode the genesis names: somebody cheated before it
    /// began, and the members have not voted since that the low grade is enough again.
    pub strict: bool,
}

impl Account {
    /// What `key` may do for the account `address` at `now`; `None` when nothing.
    #[must_use]
    pub fn scope(&self, address: Address, key: PublicKey, now: Timestamp) -> Option<Scope> {
        match &self.keys {
            None => (key.address() == address).then_some(Scope::Full),
            Some(keys) => keys.iter().find(|known| known.key == key).map(|known| known.scope).filter(
                |scope| match scope {
                    Scope::Full => true,
                    Scope::EnrolOnce { until } => now < *until,
                },
            ),
        }
    }
}

/// Who decides, or decided, in an era of a chain, as far as that is known or remembered.
#[must_use]
pub fn deciding<S: Read + ?Sized>(state: &S, chain: SubChain, era: u64) -> Option<Vec<(PublicKey, u64)>> {
    if let Some(members) = VALIDATORS.get(state, &(chain, era)) {
        return Some(members);
    }
    // Of what is to come nothing is known, and what has passed is not the future of what was forgotten.
    let first = VALIDATORS.first(state, &chain)?.0.1;
    let former = FORMER.under(state, &chain).into_iter();
    former.take_while(|((_, from), _)| *from <= era && era < first).last().map(|(_, members)| members)
}

/// The account at `address`.
#[must_use]
pub fn account<S: Read + ?Sized>(state: &S, address: Address) -> Account {
    ACCOUNTS.get(state, &address).unwrap_or_default()
}

/// Replaces the keys of the account at `address`.
pub fn set_keys<S: Write + ?Sized>(state: &mut S, address: Address, keys: Vec<AccountKey>) {
    let mut account = account(state, address);
    account.keys = Some(keys);
    ACCOUNTS.put(state, &address, &account);
}
