//! What a person signs.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Hash, Hasher, Tag, encode};
use crate::key::{Address, KeyPair, PublicKey, Signature, SignatureError};
use crate::moment::Height;

/// The only version of [`Body`] so far.
pub const VERSION: u8 = 1;
/// The most bytes a signed transaction may have in canonical form.
pub const MAX_TRANSACTION_BYTES: usize = 1 << 20;

/// What one account asks of one chain. It names the chain (a hash over genesis and sub-chain), so that it can be
/// replayed on no other; its sequence number, so that it happens once; and a height after which it is void.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// [`VERSION`].
    pub version: u8,
    /// The chain that may execute it.
    pub chain: Hash,
    /// Who acts.
    pub account: Address,
    /// The key of that account which signs.
    pub key: PublicKey,
    /// One more than that of the account's last transaction on this chain; the first is 0.
    pub sequence: u64,
    /// The last height at which it may stand.
    pub expires: Height,
    /// The fee offered, in the smallest unit of the chain's fee asset; 0 within the free quota.
    pub fee: u128,
    /// Hash of the English terms that the signer read ([`terms_hash`]); the chain renders them again and refuses
    /// a mismatch.
    pub terms: Hash,
    /// Canonical bytes of the chain's own payload.
    pub payload: Vec<u8>,
}

/// A body with the signature of its key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// What is asked.
    pub body: Body,
    /// Ed25519 over [`Body::signing_bytes`].
    pub signature: Signature,
}

/// The hash that a signature carries of the terms its owner read.
#[must_use]
pub fn terms_hash(terms: &str) -> Hash {
    Hash::of(Tag::Terms, terms.as_bytes())
}

impl Body {
    /// The bytes that are signed: the 32-byte tag, the 32-byte hash of the terms, then the canonical body. The
    /// terms come first, at a fixed place, so that a small program can compare them with what it shows.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(224 + self.payload.len());
        bytes.extend_from_slice(&Tag::Transaction.bytes());
        bytes.extend_from_slice(&self.terms.0);
        borsh::to_writer(&mut bytes, self).expect("writing to memory does not fail");
        bytes
    }

    /// Reads back what [`Body::signing_bytes`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not exactly that.
    pub fn from_signing_bytes(bytes: &[u8]) -> Result<Body, DecodeError> {
        let rest = bytes.strip_prefix(&Tag::Transaction.bytes()).ok_or(DecodeError::Malformed)?;
        let (terms, body) = rest.split_at_checked(32).ok_or(DecodeError::Malformed)?;
        let body = Body::try_from_slice(body).map_err(|_| DecodeError::Malformed)?;
        if body.terms.0 != terms { Err(DecodeError::Malformed) } else { Ok(body) }
    }

    /// Signs.
    #[must_use]
    pub fn sign(self, key: &KeyPair) -> Transaction {
        let signature = key.sign(&self.signing_bytes());
        Transaction { body: self, signature }
    }
}

/// Bytes that are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction has at most {MAX_TRANSACTION_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not the canonical encoding.
    #[error("not the canonical encoding of a transaction")]
    Malformed,
    /// A version that this program does not know.
    #[error("transaction version {0} is unknown; this program knows version {VERSION}")]
    Version(u8),
}

impl Transaction {
    /// Its identifier: a hash over everything, the signature included.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hasher::new(Tag::TransactionId).chain(&encode(self)).finish()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] when they are too long, malformed, or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Transaction, DecodeError> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        let transaction = Transaction::try_from_slice(bytes).map_err(|_| DecodeError::Malformed)?;
        match transaction.body.version {
            VERSION => Ok(transaction),
            other => Err(DecodeError::Version(other)),
        }
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`SignatureError`] when it is not the key's signature over the body.
    pub fn verify(&self) -> Result<(), SignatureError> {
        self.body.key.verify(&self.body.signing_bytes(), &self.signature)
    }
}

/// Reads a transaction, and a body as it is signed, from arbitrary bytes.
pub fn fuzz_transaction(bytes: &[u8]) {
    if let Ok(transaction) = Transaction::decode(bytes) {
        assert_eq!(encode(&transaction), bytes);
        let _ = transaction.verify();
    }
    if let Ok(body) = Body::from_signing_bytes(bytes) {
        assert_eq!(body.signing_bytes(), bytes);
    }
}
