//! Keys, signatures and the addresses that they give.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use crate::hash::{Hash, HexError, Tag, parse_hex, write_hex};

/// An account: 20 bytes, so that any Ethereum address is one too. A new account's address is the first 20 bytes
/// of the tagged hash of its first public key; the keys may change later, the address stays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Address(pub [u8; 20]);

/// An Ed25519 public key (RFC 8032), 32 bytes, not yet known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature (RFC 8032), 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

/// A signature that does not hold, or a key that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold for this key and these bytes")]
pub struct SignatureError;

impl PublicKey {
    /// The address of the account whose first key this is.
    #[must_use]
    pub fn address(&self) -> Address {
        let hash = Hash::of(Tag::Address, &self.0);
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&hash.0[..20]);
        Address(bytes)
    }

    /// Whether any signature can hold under it: it is a point of the curve, and not one of small order.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak())
    }

    /// Checks a signature strictly (`verify_strict`: no small-order keys, no malleability), so that every node
    /// accepts exactly the same signatures.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        self.point()?.verify(message, signature)
    }

    /// The point of the curve that the bytes name.
    fn point(&self) -> Result<Point, SignatureError> {
        VerifyingKey::from_bytes(&self.0).map(Point).map_err(|_| SignatureError)
    }
}

/// A public key that is known to be a point of the curve.
#[derive(Clone, Copy)]
struct Point(VerifyingKey);

impl Point {
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| SignatureError)
    }
}

/// How many keys [`KnownKeys`] remembers, at some 250 bytes each.
const KNOWN_KEYS: usize = 1 << 16;

/// Remembers the points of keys that signed before: finding the point is a tenth of a check.
#[derive(Default)]
pub(crate) struct KnownKeys(RwLock<HashMap<PublicKey, Point>>);

impl KnownKeys {
    /// Does what [`PublicKey::verify`] does, with the same answer.
    pub(crate) fn verify(
        &self,
        key: PublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(point) = known {
            return point.verify(message, signature);
        }
        let point = key.point()?;
        point.verify(message, signature)?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_KEYS {
            known.clear();
        }
        known.insert(key, point);
        Ok(())
    }
}

/// A secret key with its public key. Wiped from memory when dropped; shows nothing of itself in logs.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// The key pair of a 32-byte seed (RFC 8032 §5.1.5). The caller brings the randomness.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> KeyPair {
        KeyPair(SigningKey::from_bytes(&seed))
    }

    /// The key pair of a one-time code as people type it: letters and digits count, in any case; everything else
    /// is passed over. The seed is the tagged hash ([`Tag::EnrolCode`]) of the capital letters and digits.
    #[must_use]
    pub fn from_code(code: &str) -> KeyPair {
        let plain: String =
            code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        KeyPair::from_seed(Hash::of(Tag::EnrolCode, plain.as_bytes()).0)
    }

    /// The seed, for whoever stores the key.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message`, which begins with a [`Tag`].
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        write_hex(f, &self.0)
    }
}

impl FromStr for Address {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Address, HexError> {
        parse_hex(text.strip_prefix("0x").unwrap_or(text)).map(Address)
    }
}

macro_rules! hex_text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }
        impl FromStr for $type {
            type Err = HexError;
            fn from_str(text: &str) -> Result<$type, HexError> {
                parse_hex(text).map($type)
            }
        }
    };
}
hex_text!(PublicKey);
hex_text!(Signature);

macro_rules! debug_as_display {
    ($($type:ident)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display!(Address PublicKey Signature);
