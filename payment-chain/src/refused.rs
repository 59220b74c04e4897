//! Every reason for which this chain refuses, with the field at fault and what to do about it.

use clearing::Amount;
use ledger::{Address, Height, Refusal, Timestamp};
use vocabulary::{Role, Standing};

use crate::model::{AssetId, BatchId, ContractId, OfferId, RequestId};
use crate::words::{Dollars, Label, Moment};

/// Names each refusal once: its facts, its code, its field and its words.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($fact:ident: $type:ty),* })? => $code:literal, $field:expr, $words:literal $(, $arg:expr)*;)*) => {
        /// Why something was refused.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "each variant's words name its facts")]
        pub enum Refused {
            $($(#[$doc])* #[error($words $(, $arg)*)] $name $({ $($fact: $type),* })?,)*
        }

        impl Refused {
            /// A stable word in kebab case.
            #[must_use]
            #[allow(unused_variables, reason = "few codes depend on the facts")]
            pub fn code(&self) -> &'static str {
                match self { $(Refused::$name $({ $($fact),* })? => $code,)* }
            }

            /// The field at fault; `transaction` when it is the whole.
            #[must_use]
            #[allow(unused_variables, reason = "few fields depend on the facts")]
            pub fn field(&self) -> &'static str {
                match self { $(Refused::$name $({ $($fact),* })? => $field,)* }
            }
        }
    };
}

refusals! {
    /// The bytes of a message.
    Malformed => "malformed", "payload", "not a word of the identity chain that this chain knows";
    /// The identity chain has not spoken of the sender.
    UnknownSender { account: Address } => "party-not-yet-known", "account",
        "party not yet known: {account} is not on record here; register it, or wait until its registration has arrived from the identity chain";
    /// The identity chain has not spoken of somebody named.
    UnknownParty { party: Address, field: &'static str } => "party-not-yet-known", field,
        "party not yet known: {party} is not on record here; check the address, or wait until its admission has arrived";
    /// The sender may not act.
    SenderBarred { standing: Standing } => "not-admitted", "account",
        "this organisation is {}: only an admitted one may do this; ask the operator", standing.name();
    /// Somebody named may not act.
    PartyBarred { party: Address, standing: Standing, field: &'static str } => "not-admitted", field,
        "{party} is {}: choose an organisation that is admitted", standing.name();
    /// The sender lacks a role.
    NotA { role: Role } => "missing-role", "account",
        "only a {} may do this: ask the operator for the role", role.name();
    /// The free quota is used up and no fee is offered.
    FeeTooLow { needed: Amount, free: u64, label: Box<Label> } => "fee-too-low", "fee",
        "the {free} free transactions of this day are used up: offer a fee of {}, or wait until midnight UTC", label.quantity(*needed);
    /// The fee cannot be paid.
    FeeUnpaid { has: Amount, needed: Amount, label: Box<Label> } => "fee-not-covered", "fee",
        "the fee is {} and {} is free: pay in a deposit, or wait until midnight UTC", label.quantity(*needed), label.quantity(*has);
    /// Nothing.
    Zero { field: &'static str } => "zero", field, "must be above 0";
    /// To oneself.
    ToSelf { field: &'static str } => "to-self", field, "must be another organisation than the sender";
    /// No such asset.
    UnknownAsset { asset: AssetId, field: &'static str } => "unknown-asset", field,
        "there is no asset {asset}: choose one that is defined";
    /// More than is free.
    Short { has: Amount, needs: Amount, label: Box<Label>, field: &'static str } => "not-enough", field,
        "this takes {} and {} is free: get more of it, or free what other offers and contracts hold", label.quantity(*needs), label.quantity(*has);
    /// Decimals out of range.
    Decimals { decimals: u8 } => "out-of-range", "decimals", "0 to 12, not {decimals}";
    /// No product.
    NoProduct { field: &'static str } => "missing", field,
        "name a product on the data chain: the hash must not be all zeroes";
    /// More than a supply may be.
    SupplyTooLarge { asset: AssetId } => "out-of-range", "amount",
        "the supply of asset {asset} would pass 10^27 smallest units";
    /// Too many requests wait.
    TooManyRequests { most: u32 } => "too-many", "transaction",
        "{most} of this account's requests already wait for gateways: wait until some are answered";
    /// A receipt that stands for goods already.
    VouchedAlready { request: RequestId, field: &'static str } => "vouched-already", field,
        "the document of these goods is that of request {request}, which was granted: a receipt stands for its goods once";
    /// No such request, or answered.
    UnknownRequest { request: RequestId } => "unknown-request", "request",
        "no request {request} waits: it was answered already or never made";
    /// Somebody else issues that asset.
    NotTheIssuer { issuer: Address } => "not-the-issuer", "account",
        "only {issuer}, who issues this asset, may answer this request";
    /// Not a named feed.
    NotAFeed => "not-a-feed", "account",
        "only the feeds that the genesis names state reference prices";
    /// A price of the deposit asset.
    DepositPriced => "deposit-asset", "asset", "the deposit asset is not traded and has no reference price";
    /// A feed that issues the asset.
    FeedIsIssuer => "not-independent", "asset",
        "a feed states no price of an asset that it issues itself";
    /// A date to come.
    FromTheFuture { as_of: Timestamp, now: Timestamp } => "in-the-future", "as_of",
        "{} is in the future: it is {} now", Moment(*as_of), Moment(*now);
    /// An older quotation.
    OlderQuotation { last: Timestamp } => "outdated", "as_of",
        "this feed already stated a price of {}: state one of that date or later", Moment(*last);
    /// Giving what is wanted.
    SameAsset => "same-asset", "want", "must be another asset than the one given";
    /// The deposit asset offered or wanted.
    DepositTraded { field: &'static str } => "deposit-asset", field,
        "the deposit asset pays bonds and fees and is never traded: choose goods";
    /// A minimum above the offer.
    MinFillTooLarge { most: Amount, label: Box<Label> } => "min-fill-too-large", "min_fill",
        "at most what is left to give, {}", label.quantity(*most);
    /// A date gone by.
    ValidUntilPast { until: Timestamp, now: Timestamp } => "in-the-past", "valid_until",
        "{} has passed: it is {} now", Moment(*until), Moment(*now);
    /// A date too far.
    ValidUntilTooFar { days: u32 } => "too-far-ahead", "valid_until", "at most {days} days ahead";
    /// An own offer on the other side.
    Crossing { offer: OfferId, give: AssetId, want: AssetId } => "crosses-own-offer", "give",
        "your offer {offer} gives asset {give} and wants asset {want}: nobody may give and want the same asset at once; cancel that offer first";
    /// Too many offers.
    TooManyOffers { most: u32 } => "too-many", "transaction",
        "{most} of this party's offers are live: cancel some, or wait until some are filled";
    /// The book is full.
    BookFull { most: u64 } => "book-full", "transaction",
        "the book holds its {most} offers: try again when some are filled or have expired";
    /// Too much indicative value.
    OverIndicativeCap { open: u128, cap: u128 } => "over-indicative-cap", "give_qty",
        "indicative offers would be worth {} US dollars together, more than {}: offer less, or a binding offer", Dollars(*open), Dollars(*cap);
    /// Nothing to value an indicative offer with.
    NoReference { asset: AssetId } => "no-reference-price", "give",
        "asset {asset} has no young reference price, by which indicative offers are counted: wait for one, or make the offer binding";
    /// Confined to binding offers.
    Confined { until: Timestamp } => "confined-to-binding", "commitment",
        "two contracts lapsed unsigned within 90 days: until {} only binding offers are taken", Moment(*until);
    /// No such offer.
    UnknownOffer { offer: OfferId } => "unknown-offer", "offer", "there is no offer {offer}";
    /// Somebody else's.
    NotTheOwner { owner: Address } => "not-the-owner", "offer", "this offer is {owner}'s";
    /// Not live.
    OfferClosed { offer: OfferId } => "offer-closed", "offer",
        "offer {offer} is filled, cancelled or expired: post a new one";
    /// Already on its way out.
    Cancelling { offer: OfferId, ends: Height } => "being-cancelled", "offer",
        "offer {offer} is taken back at height {ends}, when the book thaws";
    /// Another asset.
    AssetStays { field: &'static str } => "cannot-change", field,
        "the assets of an offer stay: cancel it and post another";
    /// Another commitment.
    CommitmentStays => "cannot-change", "commitment",
        "an offer stays binding or indicative: cancel it and post another";
    /// Less than was given.
    BelowGiven { least: Amount, label: Box<Label> } => "below-given", "give_qty",
        "{} is given or tied up in contracts: state more than that, or cancel the rest", label.quantity(*least);
    /// Less than the frozen book may count on.
    FrozenQuantity { ends: Height } => "book-frozen", "give_qty",
        "the book is frozen and may count on this quantity: lower it from height {ends} on";
    /// No open batch, or another.
    NotOpen { batch: BatchId } => "batch-not-open", "batch", "batch {batch} takes no submissions now";
    /// Submitted before.
    SubmittedAlready => "submitted-already", "batch", "one submission per solver and batch";
    /// Too many submissions.
    TooManySubmissions { most: usize } => "too-many", "batch", "{most} submissions are in for this batch";
    /// Bond too small.
    BondTooSmall { bond: Amount, least: Amount, label: Box<Label> } => "bond-too-small", "account",
        "the bond is {} and must be at least {}: add to it", label.quantity(*bond), label.quantity(*least);
    /// Rings out of range.
    Rings { rings: usize, most: usize } => "out-of-range", "rings", "1 to {most} rings, not {rings}";
    /// Legs out of range.
    Legs { ring: usize, legs: usize, most: u8 } => "out-of-range", "rings",
        "ring {ring} (from 0) has {legs} legs: 2 to {most}";
    /// An empty leg.
    EmptyLeg { ring: usize } => "zero", "rings", "a leg of ring {ring} (from 0) gives nothing";
    /// A bound below the value.
    BoundBelowValue => "bound-below-value", "bound_micro_usd", "a bound is at least the declared value";
    /// No such contract.
    UnknownContract { contract: ContractId } => "unknown-contract", "contract",
        "there is no contract {contract}";
    /// Executed.
    ContractExecuted { contract: ContractId } => "contract-closed", "contract",
        "contract {contract} was executed: everything has moved and nothing is left to sign";
    /// Dissolved.
    ContractDissolved { contract: ContractId } => "contract-closed", "contract",
        "contract {contract} has dissolved: nothing moved, and its offers wait in the book for another ring";
    /// Not asked to sign.
    NotASigner => "not-a-signer", "contract", "this contract does not ask for your signature";
    /// Signed before.
    SignedAlready => "signed-already", "contract",
        "you have signed this contract: it executes when everyone has, or dissolves at its deadline";
    /// Too late.
    TooLate { deadline: Height } => "too-late", "contract",
        "the contract could be signed or declined before height {deadline}: it dissolves, and its offers return to the book";
    /// No such settlement.
    UnknownSettlement => "unknown-settlement", "settlement", "no settlement has this number";
    /// Somebody else's.
    NotAParty => "not-a-party", "settlement", "only a party of a settlement may share it";
    /// Too far.
    ShareTooFar { days: u64 } => "too-far-ahead", "until", "at most {days} days ahead";
    /// Nothing to withdraw.
    NotShared => "not-shared", "until", "this settlement is not shared with them: state a moment to come";
    /// More than is bonded.
    BondedLess { bond: Amount, label: Box<Label> } => "not-enough", "amount",
        "the bond is {}: take back at most that", label.quantity(*bond);
    /// The bond is needed.
    BondNeeded { ends: Height } => "bond-needed", "amount",
        "a submission is in for the open batch: take the bond back from height {ends} on";
    /// A message that this chain takes from nobody.
    UnexpectedMessage => "unexpected-message", "payload", "this chain takes the identity chain's word on parties and validators and nothing else";
    /// A key that is out for good.
    ValidatorBanned => "validator-banned", "validator",
        "the holder of this key said two things at once, provably: it is never a validator's again";
    /// Somebody else's validator.
    RunByAnother { account: Address } => "not-yours", "validator",
        "{account} runs this validator: bond for one that you run";
    /// The validator decides.
    StillDecides => "bond-needed", "validator",
        "this validator decides, and its bond answers for it: take the validator out on the identity chain first";
    /// The validator left not long ago.
    Unbonding { from: Moment } => "bond-needed", "validator",
        "this validator left not long ago, and evidence may come late: take its bond back from {from} on";
    /// Validators that could not run an era.
    Validators { error: ledger::koma::ValidatorsError } => "malformed", "payload", "the identity chain's word on who decides: {error}";
}

impl From<ledger::koma::ValidatorsError> for Refused {
    fn from(error: ledger::koma::ValidatorsError) -> Refused {
        Refused::Validators { error }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Refusal {
        Refusal::new(refused.code(), refused.field(), refused.to_string())
    }
}
