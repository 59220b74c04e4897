//! The light client: checks what a chain says of a receipt or of a value, with nothing but the hash of the genesis.
//!
//! A [`Proof`] is one file. It carries the genesis (whose hash the reader compares with the one that he trusts), the
//! seal of the validators over one block, a fact, and the hashes that lead from the fact to a root in that seal. Where
//! validators came and went since the genesis, it carries the *hand-offs*: the messages in which those who decided before
//! named those who decide after them. It may carry a *checkpoint*: the word of the identity chain at the end of one of its
//! eras on where all three chains stood, signed by two thirds of the weight, and the way from the block to it.
//!
//! # Byte layout, version 2
//!
//! Integers are little-endian; `hash` is 32 bytes; `list` is a 4-byte count and so many items; `bytes` is a 4-byte
//! length and so many bytes. Nothing may follow.
//!
//! ```text
//! "PMTP" (4) | version 2 (1)
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
//! hand-offs:  list of word
//! checkpoint: 0 (1), or 1 (1) and:
//!   hand-offs of the identity chain: list of word | word of the identity chain
//!   | way of the block: list of hash, from the leaf up
//! word:       from (1) | to (1) | number u64 | 2 (1) | era u64 | list of { public key (32) | weight u64 (8) }
//!             | blocks root hash | list of { chain (1) | era u64 | height u64 | block hash | blocks root hash }
//!             | seal | index u32 | count u32 | path: list of hash, from the leaf up
//! ```
//!
//! Version 1 ends after the fact.
//!
//! # What to check
//!
//! 1. `SHA-256(tag("permuta/1/genesis") ‖ genesis)` is the trusted hash, where `tag` pads to 32 bytes with zeroes.
//! 2. `chain` is `SHA-256(tag("permuta/1/chain") ‖ genesis hash ‖ n)` for n = 0 (identity), 1 (data) or 2 (payment).
//! 3. A *seal* holds when its signers ascend, decide in its era, and weigh more than half of (all weight + grade); each
//!    Ed25519 signature holds over `tag("permuta/1/seal") ‖ seal`, from `chain` up to and including `grade`; and the grade
//!    is at least that at which the era executes by the rules of the genesis: (weight - 1) / 3 rounded down in the
//!    classical mode, 0 for a single owner, the lower of the two named in the adaptive mode; and 0 where one validator
//!    weighs more than half.
//!    Those of the genesis decide from era 0 on. A hand-off whose seal is of era `e` names those who decide from era
//!    `e + 2` on; hand-offs ascend, each is sealed by those who decide in its own era, and its word, from `from` to the
//!    last of its list, is `SHA-256(tag("permuta/1/leaf") ‖ word)` and leads by `path` to the outbox root of its seal, as
//!    a receipt does in 4.
//! 4. A receipt: `SHA-256(tag("permuta/1/leaf") ‖ receipt)` leads by `path` to the receipts root, in the tree of
//!    RFC 9162 §2.1 with `tag("permuta/1/node")` for inner nodes. If a transaction is there, the receipt's cause is
//!    `SHA-256(tag("permuta/1/transaction-id") ‖ transaction)`.
//! 5. A value or its absence leads to the state root as [`crate::tree`] says.
//! 6. The word of a checkpoint holds as a hand-off of the identity chain does, and its signers weigh at least two thirds.
//!    It covers the identity chain up to the block in its seal, and the others as its list says. The block lies at or
//!    below the height that it covers of its chain, and `SHA-256(tag("permuta/1/leaf") ‖ block)` leads by the way to the
//!    blocks root, as leaf number `height` of one more than the height that is covered.
//!
//! What this rests on: at no time did so much of the weight of an era cheat as its grade bears, and who decided once did
//! not lend their keys, later, to forge a hand-off. A checkpoint that the reader knows from elsewhere needs no such trust:
//! its block's hash is the same, or the proof is of another history.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{Seal, SealError};
use crate::genesis::{Genesis, GenesisError};
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::koma::Validators;
use crate::merkle;
use crate::message::{Closing, MessageBody, RelayedMessage};
use crate::moment::{Height, SubChain, Timestamp};
use crate::receipt::{Cause, Receipt};
use crate::transaction::Transaction;
use crate::tree::{Place, TreeProof};

/// What a proof file begins with.
pub const MAGIC: [u8; 4] = *b"PMTP";
/// The version of a proof that this program writes; it reads version 1 too, which has neither hand-offs nor a checkpoint.
pub const VERSION: u8 = 2;
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
    /// For each change of those who decide on the chain, up to the era of the seal, the message that announced it.
    pub hand_offs: Vec<RelayedMessage>,
    /// The checkpoint that covers the block, if one is to be proved.
    pub checkpoint: Option<Box<Checkpoint>>,
}

/// The word of the identity chain on where all chains stood, and the way of a block to it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Checkpoint {
    /// The hand-offs of the identity chain up to the era that ended with it.
    pub hand_offs: Vec<RelayedMessage>,
    /// What the last block of that era said.
    pub word: RelayedMessage,
    /// Sibling hashes from the block's hash to the root over its chain's blocks.
    pub path: Vec<Hash>,
}

/// What a chain says of itself to whoever knows the genesis alone: the last thing it said of its eras, and why to believe
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// For each change of those who decide, up to the era that ended, the message that announced it.
    pub hand_offs: Vec<RelayedMessage>,
    /// What the last block of an era said.
    pub word: RelayedMessage,
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
    #[error("proof version {0} is unknown; this program knows versions 1 and {VERSION}")]
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
    /// A hand-off is none, out of place, or not in the outbox that its seal names.
    #[error("hand-off {0}: it does not name those who decide two eras later")]
    HandOff(usize),
    /// The seal of a hand-off does not hold.
    #[error("hand-off {at}: {source}")]
    HandOffSeal {
        /// Which, counted from 0.
        at: usize,
        /// Why.
        #[source]
        source: SealError,
    },
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
    /// The checkpoint's hand-offs or its word do not hold.
    #[error("checkpoint: {0}")]
    Checkpoint(#[source] Box<ProofError>),
    /// The checkpoint is signed by too little weight.
    #[error("checkpoint: signed by weight {signed} of {total}, less than two thirds")]
    CheckpointWeight {
        /// The weight that signed.
        signed: u64,
        /// The weight of all.
        total: u64,
    },
    /// The checkpoint does not cover the block.
    #[error("checkpoint: it does not cover the block")]
    NotCovered,
}

/// What a proof has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// On which chain.
    pub chain: SubChain,
    /// What.
    pub fact: ProvenFact,
    /// The weight that signed the seal, and the weight of all who decided in its era.
    pub weight: (u64, u64),
    /// The checkpoint above the block, if the proof has one.
    pub checkpoint: Option<ProvenCheckpoint>,
}

/// A checkpoint that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenCheckpoint {
    /// Its number: that of the era of the identity chain that ended with it.
    pub number: u64,
    /// When that era ended.
    pub time: Timestamp,
    /// The weight that signed it, and the weight of all.
    pub weight: (u64, u64),
    /// Up to where it covers each chain; the identity chain first.
    pub covers: Vec<Closing>,
}

/// Who decides on a chain from which era on, in ascending order of era.
struct Deciding(Vec<(u64, Vec<(PublicKey, u64)>)>);

impl Deciding {
    /// Follows the hand-offs of `chain` from the genesis on.
    fn follow(genesis: &Genesis, chain: SubChain, hand_offs: &[RelayedMessage]) -> Result<Self, ProofError> {
        let mut deciding = Deciding(vec![(0, genesis.validators.clone())]);
        for (at, hand_off) in hand_offs.iter().enumerate() {
            deciding.check(genesis, chain, hand_off, at)?;
            let MessageBody::Validators { era, members, .. } = &hand_off.envelope.body else {
                return Err(ProofError::HandOff(at));
            };
            let ascends = deciding.0.last().is_none_or(|(last, _)| last < era);
            if !ascends || Validators::new(members.clone()).is_err() {
                return Err(ProofError::HandOff(at));
            }
            deciding.0.push((*era, members.clone()));
        }
        Ok(deciding)
    }

    /// Checks that `word`, hand-off number `at`, is what a last block of an era of `chain` said.
    fn check(
        &self,
        genesis: &Genesis,
        chain: SubChain,
        word: &RelayedMessage,
        at: usize,
    ) -> Result<(), ProofError> {
        let claim = &word.seal.claim;
        let MessageBody::Validators { era, .. } = word.envelope.body else {
            return Err(ProofError::HandOff(at));
        };
        let fits = word.envelope.from == chain
            && claim.chain == genesis.chain_id(chain)
            && claim.era.checked_add(2) == Some(era)
            && word.is_sent();
        if !fits {
            return Err(ProofError::HandOff(at));
        }
        let sealed = word.seal.verify_as(self.at(claim.era), genesis.rules.mode);
        sealed.map_err(|source| ProofError::HandOffSeal { at, source })
    }

    /// Who decides in `era`.
    fn at(&self, era: u64) -> &[(PublicKey, u64)] {
        let known = self.0.iter().rfind(|(from, _)| *from <= era);
        known.map_or(&[], |(_, members)| members)
    }
}

impl Checkpoint {
    /// Checks the checkpoint, and that it covers the block `block` of `chain` at `height`.
    fn verify(
        &self,
        genesis: &Genesis,
        chain: SubChain,
        height: Height,
        block: Hash,
    ) -> Result<ProvenCheckpoint, ProofError> {
        let proven = Word::verify_parts(genesis, &self.hand_offs, &self.word)?;
        let covered = proven.covers.iter().find(|closing| closing.chain == chain && height <= closing.height);
        let covered = covered.ok_or(ProofError::NotCovered)?;
        let place = |height: Height| usize::try_from(height.0).ok();
        let leads = place(height).zip(place(covered.height.next())).is_some_and(|(at, count)| {
            merkle::verify(covered.blocks, merkle::leaf(&block.0), at, count, &self.path)
        });
        if leads { Ok(proven) } else { Err(ProofError::NotCovered) }
    }
}

impl Word {
    /// Checks a word of the identity chain as a checkpoint: for a reader who trusts `genesis`.
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`] or [`ProofError::CheckpointWeight`].
    pub fn verify(&self, genesis: &Genesis) -> Result<ProvenCheckpoint, ProofError> {
        Word::verify_parts(genesis, &self.hand_offs, &self.word)
    }

    fn verify_parts(
        genesis: &Genesis,
        hand_offs: &[RelayedMessage],
        word: &RelayedMessage,
    ) -> Result<ProvenCheckpoint, ProofError> {
        let within = |error| ProofError::Checkpoint(Box::new(error));
        let deciding = Deciding::follow(genesis, SubChain::Identity, hand_offs).map_err(within)?;
        deciding.check(genesis, SubChain::Identity, word, hand_offs.len()).map_err(within)?;
        read_checkpoint(word, deciding.at(word.seal.claim.era))
    }
}

/// What a word of the identity chain says, of whose era `members` decide: a checkpoint if two thirds of the weight signed
/// it. Signatures are another question.
pub(crate) fn read_checkpoint(
    word: &RelayedMessage,
    members: &[(PublicKey, u64)],
) -> Result<ProvenCheckpoint, ProofError> {
    let claim = &word.seal.claim;
    let (signed, total) = word.seal.weight(members);
    if 3 * u128::from(signed) < 2 * u128::from(total) {
        return Err(ProofError::CheckpointWeight { signed, total });
    }
    let mut covers: Vec<Closing> = word.closing().into_iter().collect();
    if let MessageBody::Validators { covers: others, .. } = &word.envelope.body {
        covers.extend(others.iter().filter(|closing| closing.chain != SubChain::Identity));
    }
    Ok(ProvenCheckpoint { number: claim.era, time: claim.time, weight: (signed, total), covers })
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
            Some((&1, rest)) => {
                let (genesis, seal, fact) =
                    BorshDeserialize::try_from_slice(rest).map_err(|_| ProofError::Malformed)?;
                Ok(Proof { genesis, seal, fact, hand_offs: Vec::new(), checkpoint: None })
            }
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
        let deciding = Deciding::follow(&self.genesis, chain, &self.hand_offs)?;
        let members = deciding.at(claim.era);
        self.seal.verify_as(members, self.genesis.rules.mode)?;
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
        let checkpoint = match &self.checkpoint {
            None => None,
            Some(checkpoint) => Some(checkpoint.verify(&self.genesis, chain, claim.height, claim.block)?),
        };
        Ok(Proven { chain, fact, weight: self.seal.weight(members), checkpoint })
    }
}

/// Reads a proof from arbitrary bytes, and checks it against its own genesis.
pub fn fuzz_proof(bytes: &[u8]) {
    if let Ok(proof) = Proof::decode(bytes) {
        if bytes.get(MAGIC.len()) == Some(&VERSION) {
            assert_eq!(proof.encode(), bytes);
        }
        let _ = proof.verify(proof.genesis.hash());
    }
}
