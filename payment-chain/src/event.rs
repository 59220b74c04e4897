//! What happened on the payment chain. The read model is made of these and nothing else.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Amount;
use ledger::{Address, Hash, Height, PublicKey, Timestamp};
use vocabulary::Text;

use crate::model::{
    Asset, AssetId, Balance, BatchId, Contract, ContractId, Offer, OfferId, OfferState, Quotation, Reference,
    Request, RequestId, Ring, Surety,
};

/// Why a contract dissolved.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Dissolution {
    /// A party declined.
    Declined {
        /// Who.
        by: Address,
    },
    /// The window passed.
    Lapsed {
        /// Who had not signed.
        unsigned: Vec<Address>,
    },
    /// A party was suspended meanwhile.
    Suspended {
        /// Who.
        party: Address,
    },
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// An asset was defined.
    AssetDefined {
        /// Its number.
        id: AssetId,
        /// What it is.
        asset: Asset,
    },
    /// A balance is from now on as stated.
    BalanceChanged {
        /// Whose.
        party: Address,
        /// Of which asset.
        asset: AssetId,
        /// What it is now.
        balance: Balance,
    },
    /// The supply of an asset is from now on as stated.
    SupplyChanged {
        /// Of which asset.
        asset: AssetId,
        /// How much there is now.
        supply: Amount,
    },
    /// An account moved an asset to another.
    Transferred {
        /// From whom.
        from: Address,
        /// To whom.
        to: Address,
        /// Which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// A gateway was asked for something.
    Requested {
        /// The request's number.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// A gateway answered.
    RequestAnswered {
        /// Which request.
        id: RequestId,
        /// Whether it was granted.
        granted: bool,
        /// Why not, if not.
        reason: Option<Text<200>>,
    },
    /// A feed stated a price.
    PricePublished {
        /// The feed.
        feed: Address,
        /// Of which asset.
        asset: AssetId,
        /// What it said.
        quotation: Quotation,
    },
    /// An offer was posted or amended: this is all of it.
    OfferStated {
        /// Its number.
        id: OfferId,
        /// All of it.
        offer: Offer,
    },
    /// What is left of an offer, or how it stands, changed.
    OfferMoved {
        /// Which.
        id: OfferId,
        /// What is left and not tied up.
        remaining: Amount,
        /// What is tied up in contracts.
        in_contracts: Amount,
        /// How it stands.
        state: OfferState,
    },
    /// An owner took an offer back while the book is frozen: it is cancelled when the window ends, with what the
    /// clearing leaves of it.
    CancelAsked {
        /// Which.
        id: OfferId,
        /// The window ends at this height.
        ends: Height,
    },
    /// A batch closed: the book is frozen until the window ends.
    BatchClosed {
        /// Which.
        batch: BatchId,
        /// How many offers are in it.
        offers: u64,
        /// The window ends at this height.
        window_ends: Height,
    },
    /// The reference prices of a batch that closed: every value of its rings is counted at them.
    ReferencesFixed {
        /// Which batch.
        batch: BatchId,
        /// One for each asset in its book, ascending.
        references: Vec<Reference>,
    },
    /// A solver handed in a clearing.
    ClearingSubmitted {
        /// For which batch.
        batch: BatchId,
        /// The solver.
        solver: Address,
        /// Its word on the value, in millionths of a US dollar.
        declared_micro_usd: u128,
        /// How many rings.
        rings: u64,
    },
    /// A submission did not hold, and its solver was fined.
    SolverFined {
        /// For which batch.
        batch: BatchId,
        /// The solver.
        solver: Address,
        /// How much of the deposit asset.
        fine: Amount,
        /// What did not hold.
        fault: String,
    },
    /// A batch was cleared.
    BatchCleared {
        /// Which.
        batch: BatchId,
        /// Whose clearing was taken; none when no submission held or none came.
        solver: Option<Address>,
        /// Its exact value, in millionths of a US dollar, rounded down.
        value_micro_usd: u128,
        /// The solver's proven bound, in millionths of a US dollar.
        bound_micro_usd: u128,
        /// How many rings it has.
        rings: u64,
    },
    /// A contract was made that waits for signatures.
    ContractMade {
        /// Its number.
        id: ContractId,
        /// All of it.
        contract: Contract,
    },
    /// A party signed a contract.
    ContractSigned {
        /// Which.
        id: ContractId,
        /// Who.
        by: Address,
    },
    /// A contract dissolved; nothing moved.
    ContractDissolved {
        /// Which.
        id: ContractId,
        /// Why.
        why: Dissolution,
    },
    /// A ring settled: every leg moved, in this one step.
    RingSettled {
        /// The settlement's number: hash of batch and ring.
        id: Hash,
        /// The batch that found it.
        batch: BatchId,
        /// The contract that it was part of, if signatures were needed.
        contract: Option<ContractId>,
        /// All of it.
        ring: Ring,
        /// When.
        at: Timestamp,
    },
    /// A settlement was shared, or no longer is.
    SettlementShared {
        /// Which.
        settlement: Hash,
        /// By whom.
        by: Address,
        /// With whom.
        with: Address,
        /// Until when.
        until: Timestamp,
    },
    /// A ring was dropped from a clearing before it executed, because a party may not trade any more, or its
    /// offer no longer has what the ring takes.
    RingDropped {
        /// The batch.
        batch: BatchId,
        /// The ring.
        ring: Ring,
        /// The party.
        party: Address,
    },
    /// What an organisation set aside for a validator is from now on as stated.
    SuretyChanged {
        /// The validator.
        validator: PublicKey,
        /// The organisation.
        organisation: Address,
        /// What it is now.
        surety: Surety,
    },
    /// A validator equivocated, and all that was set aside for it was taken.
    ValidatorFined {
        /// The validator.
        validator: PublicKey,
        /// The organisation that had set it aside.
        organisation: Address,
        /// How much of the deposit asset.
        fine: Amount,
    },
    /// The clearing that was taken came with a certificate: whoever has it proves the bound again.
    BatchCertified {
        /// Which batch.
        batch: BatchId,
        /// Whose clearing it is.
        solver: Address,
        /// The certificate's name.
        certificate: Hash,
    },
    /// A clearing was given its rank among those of its batch, before any is checked. The best come first.
    ClearingRanked {
        /// Which batch.
        batch: BatchId,
        /// Whose clearing it is.
        solver: Address,
        /// What it is expected to bring, in millionths of a US dollar, rounded down: its rings' value, weighed by how likely
        /// those who must sign are to do so.
        expected_micro_usd: u128,
    },
}
