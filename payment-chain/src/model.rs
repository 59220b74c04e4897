//! What the payment chain keeps: assets, balances, offers, batches, contracts.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Amount, Price};
use ledger::{Address, Hash, Height, Timestamp};
use vocabulary::{Country, HsCode, Incoterm, LoCode, Role, Roles, Standing, Text, UnitCode};

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub u64);
        ledger::newtype_key!($name);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number! {
    /// An asset, counted from 1 in the order of definition. Number 1 is the deposit asset of the genesis, in
    /// which bonds and fees are paid.
    AssetId
    /// An offer, counted from 1.
    OfferId
    /// A request to a gateway, counted from 1.
    RequestId
    /// A batch, counted from 1: the batch `n` closes at height `n * interval`.
    BatchId
    /// A contract: rings that execute together once all have signed. Counted from 1.
    ContractId
}

impl AssetId {
    /// The deposit asset of the genesis.
    pub const DEPOSIT: AssetId = AssetId(1);
}

/// What this chain knows of an organisation, all of it from the identity chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Party {
    /// Where it is registered.
    pub country: Country,
    /// How it stands.
    pub standing: Standing,
    /// What it may be.
    pub roles: Roles,
    /// The last day (see [`Timestamp::day`]) on which it sent a transaction.
    pub day: u64,
    /// The sequence number of the first transaction of that day; the quota counts from it.
    pub first_of_day: u64,
}

impl Party {
    /// Whether it is admitted and not suspended.
    #[must_use]
    pub fn may_trade(&self) -> bool {
        self.standing == Standing::Admitted
    }

    /// Whether it is admitted in this role.
    #[must_use]
    pub fn acts_as(&self, role: Role) -> bool {
        self.may_trade() && self.roles.has(role)
    }
}

/// A kind of goods that is exchanged unit for unit, issued against goods that a gateway holds.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Asset {
    /// What merchants call it, for instance `jute yarn`.
    pub name: Text<80>,
    /// What it is in the Harmonized System; none for the deposit asset.
    pub hs: Option<HsCode>,
    /// What it is measured in.
    pub unit: UnitCode,
    /// How many decimals a unit has: the smallest unit is `10^-decimals` of it; 0 to 12.
    pub decimals: u8,
    /// The gateway that issues and redeems it.
    pub issuer: Address,
    /// The product on the data chain that says what grade it stands for.
    pub product: Hash,
    /// How much of it there is.
    pub supply: Amount,
}

/// What an account holds of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Free to use.
    pub available: Amount,
    /// Promised: to a binding offer, a signed contract, a redemption or a bond.
    pub locked: Amount,
}

/// Whether an offer needs its owner again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Commitment {
    /// Locks what it gives and settles without a second signature.
    Binding = 0,
    /// Asks its owner to sign each ring.
    Indicative = 1,
}

/// What an owner says when posting or amending.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct OfferTerms {
    /// What is given.
    pub give: AssetId,
    /// At most how much of it.
    pub give_qty: Amount,
    /// What is wanted.
    pub want: AssetId,
    /// At least how much of it for all of `give_qty`; the limit is the exact rational `want_qty / give_qty`.
    pub want_qty: Amount,
    /// Whether a part may be filled.
    pub divisible: bool,
    /// The least part worth while, in units given; 0 for any.
    pub min_fill: Amount,
    /// Binding or indicative.
    pub commitment: Commitment,
    /// Whether a binding offer may stand in a ring that waits for the signatures of others.
    pub joins_indicative: bool,
    /// Good before this moment.
    pub valid_until: Timestamp,
    /// Who carries which cost and risk of the goods given.
    pub incoterm: Incoterm,
    /// Where they are handed over.
    pub place: LoCode,
}

vocabulary::decode_by_field!(struct OfferTerms {
    give,
    give_qty,
    want,
    want_qty,
    divisible,
    min_fill,
    commitment,
    joins_indicative,
    valid_until,
    incoterm,
    place,
});

/// How an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OfferState {
    /// In the book, or about to join it.
    Open = 0,
    /// Wholly given.
    Filled = 1,
    /// Taken back by its owner.
    Cancelled = 2,
    /// Its date passed.
    Expired = 3,
}

/// An offer in the book.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// Who offers.
    pub owner: Address,
    /// What its owner said. `give_qty` and `want_qty` keep the limit as stated; what is left is `remaining`.
    pub terms: OfferTerms,
    /// What is left to give that is not tied up in a contract.
    pub remaining: Amount,
    /// What is tied up in contracts that wait for signatures.
    pub in_contracts: Amount,
    /// How it stands.
    pub state: OfferState,
    /// The first batch that it takes part in.
    pub joins: BatchId,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// What a gateway is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RequestKind {
    /// Vouch for goods and issue the asset for them.
    Issue {
        /// The goods, as described on the data chain.
        product: Hash,
        /// The warehouse receipt, by the hash of its contents; [`Hash::ZERO`] for none. A gateway vouches on it once.
        document: Hash,
    },
    /// Hand out the goods and destroy the asset, which is locked meanwhile.
    Redeem,
}

/// A request that waits for a gateway.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// Who asks.
    pub owner: Address,
    /// For which asset.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// What for.
    pub kind: RequestKind,
}

/// A leg of a ring: the offer at its place gives, and receives what the next one gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leg {
    /// The offer.
    pub offer: OfferId,
    /// Whose it is.
    pub party: Address,
    /// The asset given.
    pub asset: AssetId,
    /// How much of it.
    pub quantity: Amount,
    /// Its worth at the batch's reference prices, in millionths of a US dollar, rounded down.
    pub value_micro_usd: u128,
}

/// A ring of a clearing, with all that its page shows.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ring {
    /// Its place in its batch's clearing, counted from 0: batch and number name a ring.
    pub number: u32,
    /// Its legs, in order; the last closes the ring.
    pub legs: Vec<Leg>,
}

/// How a contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ContractState {
    /// Signatures are missing.
    Waiting = 0,
    /// Everyone signed; everything moved.
    Executed = 1,
    /// Somebody declined, was suspended, or the window passed; nothing moved.
    Dissolved = 2,
}

/// Rings that wait for signatures and execute together.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Contract {
    /// The batch that found them.
    pub batch: BatchId,
    /// The rings; usually one.
    pub rings: Vec<Ring>,
    /// Everyone who must sign, each once, in ascending order.
    pub signers: Vec<Address>,
    /// Who has signed, in the order of signing.
    pub signed: Vec<Address>,
    /// At this height and later a signature is too late.
    pub deadline: Height,
    /// How it stands.
    pub state: ContractState,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Contract {
    /// What `party` gives in all its rings, by offer.
    pub fn gives(&self, party: Address) -> impl Iterator<Item = &Leg> {
        self.rings.iter().flat_map(|ring| &ring.legs).filter(move |leg| leg.party == party)
    }

    /// What `party` receives in all its rings: the legs that deliver to one of its own.
    pub fn receives(&self, party: Address) -> impl Iterator<Item = &Leg> {
        self.rings.iter().flat_map(Ring::deliveries).filter(move |(_, to)| *to == party).map(|(leg, _)| leg)
    }
}

impl Ring {
    /// Each leg with the party that it delivers to: the one before it.
    pub fn deliveries(&self) -> impl Iterator<Item = (&Leg, Address)> {
        let count = self.legs.len();
        self.legs.iter().enumerate().map(move |(at, leg)| (leg, self.legs[(at + count - 1) % count].party))
    }
}

impl Offer {
    /// What was given already.
    #[must_use]
    pub fn given(&self) -> Amount {
        self.terms
            .give_qty
            .checked_sub(self.remaining)
            .and_then(|rest| rest.checked_sub(self.in_contracts))
            .expect("what is left and what is tied up never exceed what was offered")
    }
}

/// The book is frozen: a batch closed and solvers may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Window {
    /// The batch that closed.
    pub batch: BatchId,
    /// Chain time when it closed: prices and validity count at this moment.
    pub closed_at: Timestamp,
    /// The height whose opening ends the window.
    pub ends: Height,
}

/// What an organisation set aside for a validator, out of its locked deposit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Surety {
    /// How much of the deposit asset.
    pub amount: Amount,
    /// From when on it may be taken back: a while after the validator has left, or after its organisation first asked for
    /// a bond that was enough to decide on. None while it answers for the validator.
    pub free_from: Option<Timestamp>,
}

/// The parties of a settlement, who alone may share it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settlement {
    /// The batch that found it.
    pub batch: BatchId,
    /// Its parties, in ring order.
    pub parties: Vec<Address>,
    /// When it settled.
    pub at: Timestamp,
}

/// A reference price as one feed stated it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Quotation {
    /// US dollars per whole unit.
    pub price: Price,
    /// The date that it is of.
    pub as_of: Timestamp,
    /// Where it comes from.
    pub source: Text<120>,
}

/// The price that an asset is valued at: the quotation in the middle of all that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reference {
    /// Of which asset.
    pub asset: AssetId,
    /// US dollars per whole unit.
    pub price: Price,
    /// The feed that stated it.
    pub feed: Address,
    /// The date that it is of.
    pub as_of: Timestamp,
}
