//! Where everything stands in the state. Balances are fixed 32-byte records; big values stand alone, so that
//! nothing else has to be read past them.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Amount;
use clearing::signing::Standing;
use ledger::{Address, Hash, Height, PublicKey, Table, Timestamp};

use crate::config::Config;
use crate::model::{
    Asset, AssetId, Balance, BatchId, Contract, ContractId, Offer, OfferId, Party, Quotation, Request,
    RequestId, Settlement, Surety, Window,
};
use crate::payload::SubmittedRing;
use crate::signing::Word;

/// The genesis's rules.
pub(crate) const CONFIG: Table<(), Config> = Table::new(32);
/// Organisations, as the identity chain last spoke of them.
pub(crate) const PARTIES: Table<Address, Party> = Table::new(33);
/// Assets.
pub(crate) const ASSETS: Table<AssetId, Asset> = Table::new(34);
/// What accounts hold; nothing at all has no entry. A proof about a balance is over this.
pub const BALANCES: Table<(Address, AssetId), Balance> = Table::new(35);
/// Requests that wait for a gateway.
pub(crate) const REQUESTS: Table<RequestId, Request> = Table::new(36);
/// How many requests of an account wait.
pub(crate) const REQUESTS_OPEN: Table<Address, u32> = Table::new(37);
/// The latest quotation of each feed.
pub(crate) const PRICES: Table<(AssetId, Address), Quotation> = Table::new(38);
/// Every offer there ever was.
pub const OFFERS: Table<OfferId, Offer> = Table::new(39);
/// Live offers by owner, with what a whole indicative one was worth when it was stated, in millionths of a US
/// dollar (0 for binding ones).
pub(crate) const LIVE: Table<(Address, OfferId), u128> = Table::new(40);
/// Live offers by the moment from which they are void.
pub(crate) const EXPIRIES: Table<(Timestamp, OfferId), ()> = Table::new(41);
/// Every contract there ever was.
pub(crate) const CONTRACTS: Table<ContractId, Contract> = Table::new(42);
/// Contracts that wait, by deadline.
pub(crate) const DEADLINES: Table<(Height, ContractId), ()> = Table::new(43);
/// Contracts that wait, by party.
pub(crate) const CONTRACTS_OF: Table<(Address, ContractId), ()> = Table::new(44);
/// When a party let contracts lapse: the last two.
pub(crate) const LAPSES: Table<Address, Vec<Timestamp>> = Table::new(45);
/// The frozen book's window.
pub(crate) const WINDOW: Table<(), Window> = Table::new(46);
/// The frozen book.
pub(crate) const SNAPSHOT: Table<(), Snapshot> = Table::new(47);
/// What was submitted for the frozen book, without the rings.
pub(crate) const SUBMISSIONS: Table<Address, Submission> = Table::new(48);
/// The rings of what was submitted.
pub(crate) const SUBMITTED_RINGS: Table<Address, Vec<SubmittedRing>> = Table::new(49);
/// Offers that their owners took back while the book is frozen.
pub(crate) const CANCELLING: Table<OfferId, ()> = Table::new(50);
/// What solvers set aside, out of their locked deposit.
pub const BONDS: Table<Address, Amount> = Table::new(51);
/// Settlements and their parties.
pub const SETTLEMENTS: Table<Hash, Settlement> = Table::new(52);
/// Who lets whom see a settlement until when: settlement, giver, reader.
pub const SHARES: Table<(Hash, Address, Address), Timestamp> = Table::new(53);
/// The last batch that has something new to clear; see [`crate::view::next_batch`].
pub(crate) const CHANGED: Table<(), BatchId> = Table::new(54);
/// The request for which a gateway vouched on a document.
pub(crate) const VOUCHED: Table<Hash, RequestId> = Table::new(56);
/// Who runs each validator that decides, by the identity chain's last word.
pub(crate) const RUN_BY: Table<PublicKey, Address> = Table::new(57);
/// What organisations set aside for validators, out of their locked deposit.
pub const SURETIES: Table<(PublicKey, Address), Surety> = Table::new(58);
/// The certificates of what was submitted for the frozen book, where there are any.
pub(crate) const SUBMITTED_CERTIFICATES: Table<Address, Hash> = Table::new(59);
/// The certificate of each batch whose clearing came with one. A proof about a certificate is over this.
pub const CERTIFICATES: Table<BatchId, Hash> = Table::new(60);
/// How parties kept their word where contracts waited for their signatures: the last few.
pub(crate) const WORDS: Table<Address, Vec<Word>> = Table::new(61);
/// How often each open offer came back from a contract through no fault of its owner since it last settled.
pub(crate) const RETURNED: Table<OfferId, u32> = Table::new(62);
/// The numbers given last.
pub(crate) const COUNTERS: Table<u8, u64> = Table::new(55);

/// Rows of [`COUNTERS`].
pub(crate) mod counter {
    pub(crate) const ASSET: u8 = 0;
    pub(crate) const REQUEST: u8 = 1;
    pub(crate) const OFFER: u8 = 2;
    pub(crate) const CONTRACT: u8 = 3;
    pub(crate) const LIVE_OFFERS: u8 = 4;
    pub(crate) const SILENT_WINDOWS: u8 = 5;
}

/// The frozen book as it is kept: what clearing needs, and how each offer is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Snapshot {
    pub(crate) assets: Vec<clearing::Asset>,
    pub(crate) offers: Vec<clearing::Offer>,
    /// Offers whose owner signs first, ascending.
    pub(crate) indicative: Vec<clearing::OfferKey>,
    /// Binding offers that stay out of rings that wait for signatures, ascending.
    pub(crate) apart: Vec<clearing::OfferKey>,
    /// What speaks for each offer where clearings compete, in the order of the offers.
    pub(crate) standings: Vec<Standing>,
}

/// The head of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Submission {
    pub(crate) declared_micro_usd: u128,
    pub(crate) bound_micro_usd: u128,
    pub(crate) legs: u32,
    pub(crate) at: Height,
}
