//! What can be asked of the payment chain.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Amount, Price};
use ledger::{
    Address, Application, Body, Hash, Height, MemoryState, PublicKey, Refusal, Run, SubChain, Timestamp,
};
use vocabulary::{HsCode, Role, Roles, Standing, Text, ToParty, UnitCode};

use crate::model::{AssetId, BatchId, ContractId, OfferId, OfferTerms, RequestId};

/// The most rings a submission may have.
pub const MAX_RINGS: usize = 4096;

/// A ring as a solver submits it: offers and what each gives.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SubmittedRing {
    /// Offer and quantity given, in ring order; 2 to 6.
    pub legs: Vec<(OfferId, Amount)>,
}

/// A request to the payment chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Payload {
    /// Moves what the sender holds to another admitted party.
    Transfer {
        /// To whom.
        to: Address,
        /// Which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Defines an asset that the sender will issue (gateway).
    DefineAsset {
        /// What merchants call it.
        name: Text<80>,
        /// What it is in the Harmonized System.
        hs: HsCode,
        /// What it is measured in.
        unit: UnitCode,
        /// How many decimals a unit has.
        decimals: u8,
        /// The product on the data chain that says what grade it stands for.
        product: Hash,
    },
    /// Asks the issuer of an asset to vouch for goods and issue it.
    RequestIssue {
        /// Which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
        /// The goods on the data chain.
        product: Hash,
        /// The warehouse receipt; [`Hash::ZERO`] for none.
        document: Hash,
    },
    /// Asks the issuer of an asset to hand out goods; locks the asset meanwhile.
    RequestRedeem {
        /// Which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Grants a request: issues, or destroys and hands out (the asset's issuer).
    GrantRequest {
        /// Which.
        request: RequestId,
    },
    /// Turns a request down; what it locked is free again (the asset's issuer).
    RefuseRequest {
        /// Which.
        request: RequestId,
        /// Why.
        reason: Text<200>,
    },
    /// States a reference price (a named feed).
    PublishPrice {
        /// Of which asset.
        asset: AssetId,
        /// US dollars per whole unit.
        price: Price,
        /// The date that it is of; not in the future.
        as_of: Timestamp,
        /// Where it comes from.
        source: Text<120>,
    },
    /// Puts an offer into the book, from the batch after next.
    PostOffer(OfferTerms),
    /// Replaces what an offer says about quantity, limit, dates and delivery; assets and commitment stay. It
    /// takes part again from the batch after next.
    AmendOffer {
        /// Which.
        offer: OfferId,
        /// What it says from now on.
        terms: OfferTerms,
    },
    /// Takes an offer back; while the book is frozen, at the end of the window.
    CancelOffer {
        /// Which.
        offer: OfferId,
    },
    /// Proposes the clearing of a batch (solver).
    SubmitClearing {
        /// Which.
        batch: BatchId,
        /// What it is worth by the solver's word, in millionths of a US dollar, rounded down.
        declared_micro_usd: u128,
        /// The proven upper bound by the solver's word, in millionths of a US dollar, rounded up.
        bound_micro_usd: u128,
        /// The rings; at most [`MAX_RINGS`].
        rings: Vec<SubmittedRing>,
    },
    /// Signs a contract: locks what the sender gives in it; the last signature executes.
    SignContract {
        /// Which.
        contract: ContractId,
    },
    /// Declines a contract, which dissolves it.
    DeclineContract {
        /// Which.
        contract: ContractId,
    },
    /// Lets another organisation (a bank) see the sender's side of a settlement.
    ShareSettlement {
        /// Which.
        settlement: Hash,
        /// Who may see it.
        with: Address,
        /// Until when; a moment in the past withdraws.
        until: Timestamp,
    },
    /// Sets aside deposit, out of which a false declaration is fined (solver).
    Bond {
        /// How much of the deposit asset.
        amount: Amount,
    },
    /// Takes deposit back that no open batch needs.
    Unbond {
        /// How much of the deposit asset.
        amount: Amount,
    },
    /// Sets aside deposit for a validator of the sender's, all of which is taken should it equivocate.
    BondValidator {
        /// The validator.
        validator: PublicKey,
        /// How much of the deposit asset.
        amount: Amount,
    },
    /// Takes back what was set aside for a validator that left long enough ago, or never decided.
    UnbondValidator {
        /// The validator.
        validator: PublicKey,
        /// How much of the deposit asset.
        amount: Amount,
    },
    /// Proposes the clearing of a batch with a certificate that anybody can check (solver). Submissions without one, as
    /// [`Payload::SubmitClearing`] makes them, are taken as before.
    SubmitCertified {
        /// Which.
        batch: BatchId,
        /// What it is worth by the solver's word, in millionths of a US dollar, rounded down.
        declared_micro_usd: u128,
        /// The upper bound that the certificate proves, in millionths of a US dollar, rounded up.
        bound_micro_usd: u128,
        /// The certificate's name; see [`certificate_hash`](crate::certificate_hash).
        certificate: Hash,
        /// The rings; at most [`MAX_RINGS`].
        rings: Vec<SubmittedRing>,
    },
}

vocabulary::decode_by_field!(enum Payload {
    0 => Transfer { to, asset, amount },
    1 => DefineAsset { name, hs, unit, decimals, product },
    2 => RequestIssue { asset, amount, product, document },
    3 => RequestRedeem { asset, amount },
    4 => GrantRequest { request },
    5 => RefuseRequest { request, reason },
    6 => PublishPrice { asset, price, as_of, source },
    7 => PostOffer(offer),
    8 => AmendOffer { offer, terms },
    9 => CancelOffer { offer },
    10 => SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings },
    11 => SignContract { contract },
    12 => DeclineContract { contract },
    13 => ShareSettlement { settlement, with, until },
    14 => Bond { amount },
    15 => Unbond { amount },
    16 => BondValidator { validator, amount },
    17 => UnbondValidator { validator, amount },
    18 => SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings },
});

impl Payload {
    /// Reads canonical bytes. Every field of what comes out is in its type's range.
    ///
    /// # Errors
    /// A [`Refusal`] with the code `malformed` that names the field at fault.
    pub fn decode(bytes: &[u8]) -> Result<Payload, Refusal> {
        vocabulary::field::decode(bytes)
    }
}

/// Reads any bytes as a payload and renders its terms on a fresh chain; panics only if we have a bug.
pub fn fuzz_payload(bytes: &[u8]) {
    let Ok(payload) = Payload::decode(bytes) else { return };
    assert_eq!(ledger::hash::encode(&payload), bytes, "what is read is written the same");
    let (chain, mut state) = fresh();
    let _ = chain.terms(&state, Address::default(), bytes);
    let body = Body {
        version: ledger::transaction::VERSION,
        chain: Hash::ZERO,
        account: Address::default(),
        key: PublicKey([0; 32]),
        sequence: 0,
        expires: Height(1),
        fee: 0,
        terms: Hash::ZERO,
        payload: bytes.to_vec(),
    };
    let _ = chain.check(&state, &body);
    let mut run = Run::new(chain.chain(), Height(1), Timestamp(0), &mut state);
    let _ = chain.apply(&mut run, &body);
}

/// Hands any bytes to the chain as a word of the identity chain; panics only if we have a bug.
pub fn fuzz_message(bytes: &[u8]) {
    let (chain, mut state) = fresh();
    let mut run = Run::new(chain.chain(), Height(1), Timestamp(0), &mut state);
    let _ = chain.receive(&mut run, SubChain::Identity, 0, bytes);
}

/// Reads any bytes as an event; panics only if we have a bug.
pub fn fuzz_event(bytes: &[u8]) {
    if let Ok(event) = borsh::from_slice::<crate::Event>(bytes) {
        assert_eq!(ledger::hash::encode(&event), bytes, "what is read is written the same");
    }
}

/// A chain at its genesis, on which the account of all zeroes may do everything.
fn fresh() -> (crate::PaymentChain, MemoryState) {
    let mut config = crate::Config::with_operator(Address::default());
    config.parties.push(ToParty {
        party: Address::default(),
        country: "BD".parse().expect("a country"),
        standing: Standing::Admitted,
        roles: Roles::of(&Role::ALL),
        keys: Vec::new(),
    });
    let chain = crate::PaymentChain::new(config).expect("the demo's rules hold");
    let mut state = MemoryState::default();
    chain.genesis(&mut Run::new(chain.chain(), Height(0), Timestamp(0), &mut state));
    (chain, state)
}
