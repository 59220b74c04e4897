//! Blocks order; execution follows. A seal says what execution came to.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Hash, Tag, encode};
use crate::key::{PublicKey, Signature};
use crate::koma::{Mode, Policy};
use crate::message::RelayedMessage;
use crate::moment::{Height, Timestamp};
use crate::transaction::Transaction;

/// The most bytes a block may have in canonical form.
pub const MAX_BLOCK_BYTES: usize = 8 << 20;

/// What a block is known by.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The chain's name.
    pub chain: Hash,
    /// One more than the parent's.
    pub height: Height,
    /// Hash of the parent's header; [`Hash::ZERO`] at height 0, which stands for the genesis.
    pub parent: Hash,
    /// Chain time, at or after the parent's.
    pub time: Timestamp,
    /// The validator who proposed it.
    pub proposer: PublicKey,
    /// Merkle root over the canonical bytes of the relayed messages.
    pub messages_root: Hash,
    /// Merkle root over the canonical bytes of the transactions.
    pub transactions_root: Hash,
    /// The height whose execution the three roots below come from; earlier than `height`.
    pub executed_height: Height,
    /// Root of the authenticated state after `executed_height`.
    pub state_root: Hash,
    /// Merkle root over the receipts of `executed_height`.
    pub receipts_root: Hash,
    /// Merkle root over the outbox of `executed_height`.
    pub outbox_root: Hash,
}

impl Header {
    /// The block's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(Tag::Header, &encode(self))
    }
}

/// An ordered set of things to execute: first the messages, then the transactions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// What it is known by.
    pub header: Header,
    /// Messages from other chains.
    pub messages: Vec<RelayedMessage>,
    /// Signed transactions.
    pub transactions: Vec<Transaction>,
}

/// What is certain once a block is final and executed: the claim that validators sign.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// The chain's name.
    pub chain: Hash,
    /// The era, whose validators sign.
    pub era: u64,
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// The block's chain time.
    pub time: Timestamp,
    /// Root of the authenticated state after this block.
    pub state_root: Hash,
    /// Merkle root over this block's receipts.
    pub receipts_root: Hash,
    /// Merkle root over this block's outbox.
    pub outbox_root: Hash,
    /// The weight `t` that would have to equivocate to undo the block (0 with a single validator).
    pub grade: u64,
}

impl Claim {
    /// The bytes that validators sign.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = Tag::Seal.bytes().to_vec();
        borsh::to_writer(&mut bytes, self).expect("writing to memory does not fail");
        bytes
    }
}

/// A claim with signatures of more than `(W + grade) / 2` of the era's weight `W`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seal {
    /// What is claimed.
    pub claim: Claim,
    /// Who signed it, each validator once, in ascending order of key.
    pub signatures: Vec<(PublicKey, Signature)>,
}

/// Why a seal does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Signers are not in strictly ascending order.
    #[error("the signers of a seal stand in ascending order, each once")]
    Order,
    /// A signer is no validator of the era.
    #[error("{0} is no validator of this era")]
    Stranger(PublicKey),
    /// A signature does not hold.
    #[error("the signature of {0} does not hold")]
    Signature(PublicKey),
    /// The grade is lower than that at which the era executes.
    #[error("grade {claimed} is lower than {least}, at which this era executes")]
    Grade {
        /// The grade claimed.
        claimed: u64,
        /// The lowest that counts.
        least: u64,
    },
    /// The signers weigh too little for the grade that they claim.
    #[error("weight {signed} of {total} does not prove grade {grade}")]
    Weight {
        /// The weight that signed.
        signed: u64,
        /// The weight of all validators.
        total: u64,
        /// The grade claimed.
        grade: u64,
    },
}

impl Seal {
    /// Checks that validators of more than `(W + grade) / 2` of the weight `W` signed the claim.
    ///
    /// # Errors
    /// [`SealError`] for the first fault.
    pub fn verify(&self, validators: &[(PublicKey, u64)]) -> Result<(), SealError> {
        let total = validators.iter().fold(0u128, |sum, (_, weight)| sum + u128::from(*weight));
        if !self.signatures.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(SealError::Order);
        }
        let bytes = self.claim.signing_bytes();
        let mut signed = 0u128;
        for (key, signature) in &self.signatures {
            let (_, weight) =
                validators.iter().find(|(known, _)| known == key).ok_or(SealError::Stranger(*key))?;
            key.verify(&bytes, signature).map_err(|_| SealError::Signature(*key))?;
            signed += u128::from(*weight);
        }
        if 2 * signed > total + u128::from(self.claim.grade) {
            return Ok(());
        }
        let narrow = |weight: u128| u64::try_from(weight).unwrap_or(u64::MAX);
        Err(SealError::Weight { signed: narrow(signed), total: narrow(total), grade: self.claim.grade })
    }

    /// Like [`Seal::verify`], for who holds a chain to its rules: nothing below the grade at which validators in `mode`
    /// execute counts.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn verify_as(&self, validators: &[(PublicKey, u64)], mode: Mode) -> Result<(), SealError> {
        let (claimed, least) = (self.claim.grade, Policy::least(mode, validators));
        if claimed < least {
            return Err(SealError::Grade { claimed, least });
        }
        self.verify(validators)
    }

    /// What the signers weigh among `validators`, and what all of these weigh.
    #[must_use]
    pub fn weight(&self, validators: &[(PublicKey, u64)]) -> (u64, u64) {
        let signed = validators.iter().filter(|(key, _)| self.signatures.iter().any(|(by, _)| by == key));
        let sum = |weights: &mut dyn Iterator<Item = &(PublicKey, u64)>| {
            weights.fold(0u64, |sum, (_, weight)| sum.saturating_add(*weight))
        };
        (sum(&mut { signed }), sum(&mut validators.iter()))
    }
}

/// Reads a block and a seal from arbitrary bytes.
pub fn fuzz_block(bytes: &[u8]) {
    if let Ok(block) = Block::try_from_slice(bytes) {
        assert_eq!(encode(&block), bytes);
        let _ = crate::validity::check_body(&block);
    }
    if let Ok(seal) = Seal::try_from_slice(bytes) {
        let validators: Vec<_> = seal.signatures.iter().map(|(key, _)| (*key, u64::MAX)).collect();
        let _ = seal.verify(&validators);
    }
}
