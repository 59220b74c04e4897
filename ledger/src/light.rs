//! The light client: checks what a chain says of a receipt or of a value, with nothing but the hash of the genesis.
//!
//! A [`Proof`] is one file. It carries the genesis (whose hash the reader compares with the one that he trusts), the
//! seal of the validators over one block, a fact, and the hashes that lead from the fact to a root in that seal.
//!
//! # Byte layout, version 1
//!
//! Integers are little-endian; `hash` is 32 bytes; `list` is a 4-byte count and so many items; `bytes` is a 4-byte
//! length and so many bytes. Nothing may follow.
//!
//! ```text
//! "PMTP" (4) | version 1 (1)
//! genesis:   version 1 (1) | time u64 (8) | list of { public key (32) | weight u64 (8) }
//!            | rules: shortest round u32, doublings u8, era blocks u64, era milliseconds u64, mode (1 byte,
//!              with three u64 behind a 2)
//!            | settings of identity, data, payment (3 × hash)
//! seal:      chain hash | era u64 | height u64 | block hash | time u64 | state root hash
//!            | receipts root hash | outbox root hash | grade u64
//!            | list of { public key (32) | signature (64) }
//! fact:      kind (1), then
//!   0 receipt:  index u32 | count u32 | receipt: bytes | transaction: 0 (1), or 1 (1) and bytes
//!               | path: list of hash, from the leaf up
//!   1 value:    key: bytes | value: bytes | siblings: list of hash, from the leaf up
//!   2 absence:  key: bytes | place: 1 (1), or 2 (1), path hash, value hash | siblings: list of hash
//! ```
//!
//! # What to check
//!
//! 1. `SHA-256(tag("permuta/1/genesis") ‖ genesis)` is the trusted hash, where `tag` pads to 32 bytes with zeroes.
//! 2. `chain` is `SHA-256(tag("permuta/1/chain") ‖ genesis hash ‖ n)` for n = 0 (identity), 1 (data) or 2 (payment).
//! 3. Signers ascend, are validators, and weigh more than half of (all weight + grade); each Ed25519 signature holds
//!    over `tag("permuta/1/seal") ‖ seal`, from `chain` up to and including `grade`.
//! 4. A receipt: `SHA-256(tag("permuta/1/leaf") ‖ receipt)` leads by `path` to the receipts root, in the tree of
//!    RFC 9162 §2.1 with `tag("permuta/1/node")` for inner nodes. If a transaction is there, the receipt's cause is
//!    `SHA-256(tag("permuta/1/transaction-id") ‖ transaction)`.
//! 5. A value or its absence leads to the state root as [`crate::tree`] says.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Seal, SealError};
use crate::genesis::{Genesis, GenesisError};
use crate::hash::{Hash, encode};
use crate::merkle;
use crate::moment::SubChain;
use crate::receipt::{Cause, Receipt};
use crate::transaction::Transaction;
use crate::tree::{Place, TreeProof};

/// What a proof file begins with.
pub const MAGIC: [u8; 4] = *b"PMTP";
/// The only version of a proof so far.
pub const VERSION: u8 = 1;
/// The most bytes that a proof file may have.
pub const MAX_PROOF_BYTES: usize = 4 << 20;

/// One provable fact with its way to a root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Fact {
    /// What came of a transaction, a message or an opening.
    Receipt {
        /// Its place among the block's receipts, counted from 0.
        index: u32,
        /// How many receipts the block has.
        count: u32,
        /// Canonical bytes of the receipt.
        receipt: Vec<u8>,
        /// Canonical bytes of the transaction that it is about, if its contents are to be proved too.
        transaction: Option<Vec<u8>>,
        /// Sibling hashes from the leaf to the receipts root.
        path: Vec<Hash>,
    },
    /// The value that a key has in the state after the block.
    Value {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
        /// Sibling hashes from the leaf to the state root.
        siblings: Vec<Hash>,
    },
    /// That a key has no value in the state after the block.
    Absence {
        /// The key.
        key: Vec<u8>,
        /// What stands where it would stand.
        place: Place,
        /// Sibling hashes from there to the state root.
        siblings: Vec<Hash>,
    },
}

/// A fact, provable to whoever knows the hash of the genesis.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proof {
    /// The network.
    pub genesis: Genesis,
    /// The validators' word on a block.
    pub seal: Seal,
    /// What is proved.
    pub fact: Fact,
}

/// Why a proof proves nothing. The checks run in the order of the variants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More than [`MAX_PROOF_BYTES`].
    #[error("a proof has at most {MAX_PROOF_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// No proof file.
    #[error("not a proof file of Permuta")]
    Magic,
    /// A version that this program does not know.
    #[error("proof version {0} is unknown; this program knows version {VERSION}")]
    Version(u8),
    /// Not the canonical encoding.
    #[error("not the canonical encoding of a proof")]
    Malformed,
    /// The genesis is none.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
    /// The proof is of another network.
    #[error("the proof is of the network {found}, not of {expected}")]
    OtherNetwork {
        /// The genesis hash that the reader trusts.
        expected: Hash,
        /// The genesis hash in the proof.
        found: Hash,
    },
    /// The seal names a chain that the network does not have.
    #[error("seal: {0} is no chain of this network")]
    OtherChain(Hash),
    /// The seal does not hold.
    #[error("seal: {0}")]
    Seal(#[from] SealError),
    /// The receipt cannot be read.
    #[error("receipt: not the canonical encoding of a receipt")]
    Receipt,
    /// The transaction cannot be read.
    #[error("transaction: not the canonical encoding of a transaction")]
    Transaction,
    /// The receipt is about another transaction.
    #[error("transaction: the receipt is not about it")]
    OtherTransaction,
    /// The way does not lead to the root in the seal.
    #[error("path: it does not lead from the fact to the root in the seal")]
    Path,
}

/// What a proof has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// On which chain.
    pub chain: SubChain,
    /// What.
    pub fact: ProvenFact,
}

/// A fact that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenFact {
    /// What came of a transaction, a message or an opening.
    Receipt {
        /// Its place among the block's receipts, counted from 0.
        index: u32,
        /// The receipt.
        receipt: Receipt,
        /// The transaction, if the proof carries it.
        transaction: Option<Box<Transaction>>,
    },
    /// The value of a key.
    Value {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// That a key has no value.
    Absence {
        /// The key.
        key: Vec<u8>,
    },
}

impl Proof {
    /// The bytes of a proof file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend(encode(self));
        bytes
    }

    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofError`], up to and including `Malformed`.
    pub fn decode(bytes: &[u8]) -> Result<Proof, ProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofError::TooLong(bytes.len()));
        }
        match bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first()) {
            None => Err(ProofError::Magic),
            Some((&VERSION, rest)) => Proof::try_from_slice(rest).map_err(|_| ProofError::Malformed),
            Some((&other, _)) => Err(ProofError::Version(other)),
        }
    }

    /// Checks everything, for a reader who trusts nothing but the hash of the genesis.
    ///
    /// # Errors
    /// [`ProofError`] for the first check that fails.
    pub fn verify(&self, trusted: Hash) -> Result<Proven, ProofError> {
        self.genesis.check()?;
        let found = self.genesis.hash();
        if found != trusted {
            return Err(ProofError::OtherNetwork { expected: trusted, found });
        }
        let claim = &self.seal.claim;
        let chain = SubChain::ALL
            .into_iter()
            .find(|chain| self.genesis.chain_id(*chain) == claim.chain)
            .ok_or(ProofError::OtherChain(claim.chain))?;
        self.seal.verify(&self.genesis.validators)?;
        let fact = match &self.fact {
            Fact::Receipt { index, count, receipt: bytes, transaction, path } => {
                let receipt = Receipt::try_from_slice(bytes).map_err(|_| ProofError::Receipt)?;
                let transaction = match transaction {
                    None => None,
                    Some(bytes) => {
                        Some(Box::new(Transaction::decode(bytes).map_err(|_| ProofError::Transaction)?))
                    }
                };
                let other = transaction
                    .as_ref()
                    .is_some_and(|transaction| receipt.cause != Cause::Transaction(transaction.id()));
                if other {
                    return Err(ProofError::OtherTransaction);
                }
                let leaf = merkle::leaf(bytes);
                if !merkle::verify(claim.receipts_root, leaf, *index as usize, *count as usize, path) {
                    return Err(ProofError::Path);
                }
                ProvenFact::Receipt { index: *index, receipt, transaction }
            }
            Fact::Value { key, value, siblings } => {
                let way = TreeProof { place: Place::Present, siblings: siblings.clone() };
                if !way.holds(claim.state_root, key, Some(value)) {
                    return Err(ProofError::Path);
                }
                ProvenFact::Value { key: key.clone(), value: value.clone() }
            }
            Fact::Absence { key, place, siblings } => {
                let way = TreeProof { place: *place, siblings: siblings.clone() };
                if !way.holds(claim.state_root, key, None) {
                    return Err(ProofError::Path);
                }
                ProvenFact::Absence { key: key.clone() }
            }
        };
        Ok(Proven { chain, fact })
    }
}

/// Reads a proof from arbitrary bytes, and checks it against its own genesis.
pub fn fuzz_proof(bytes: &[u8]) {
    if let Ok(proof) = Proof::decode(bytes) {
        assert_eq!(proof.encode(), bytes);
        let _ = proof.verify(proof.genesis.hash());
    }
}
