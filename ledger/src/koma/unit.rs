//! What a validator sends: a signed unit, which says what it has seen and so how it votes.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::era::Era;
use super::validators::Member;
use crate::genesis::MAX_VALIDATORS;
use crate::hash::{Hash, Tag, encode};
use crate::key::{KeyPair, Signature, SignatureError};
use crate::moment::Timestamp;

/// The only version of a unit so far.
pub const VERSION: u8 = 1;
/// The most bytes that a signed unit may have in canonical form.
pub const MAX_UNIT_BYTES: usize = 33 * MAX_VALIDATORS + 256;

/// What a unit says of one validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry {
    /// Nothing seen yet.
    None,
    /// The latest unit seen, and with it all that this unit cites.
    Correct(Hash),
    /// It equivocated, and the creator of the unit holds the evidence.
    Faulty,
}

/// What a creator has seen at one moment, and what it adds.
///
/// Canonical bytes: version (1), chain (32), era (8, little-endian like every integer), creator (2), sequence number
/// (4), timestamp (8), round exponent (1), block: 0 (1), or 1 (1) and its hash (32), number of entries (4), each entry
/// as 0 (1) for none, 1 (1) and a hash (32) for a correct one, 2 (1) for a faulty one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Unit {
    /// [`VERSION`].
    pub version: u8,
    /// The chain's name.
    pub chain: Hash,
    /// The era's number.
    pub era: u64,
    /// Who made it.
    pub creator: Member,
    /// How many units its creator made before in this era.
    pub seq: u32,
    /// When, by the creator's clock.
    pub timestamp: Timestamp,
    /// The creator's rounds last the era's shortest round times two to this power.
    pub exponent: u8,
    /// The hash of a proposed block. Its parent is what the panorama votes for.
    pub block: Option<Hash>,
    /// One entry a validator, in the order of the era.
    pub panorama: Vec<Entry>,
}

impl Unit {
    /// The hash that other units cite.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(Tag::Unit, &encode(self))
    }

    /// Signs it.
    #[must_use]
    pub fn sign(self, key: &KeyPair) -> VerifiedUnit {
        let hash = self.hash();
        let signature = key.sign(&signing_bytes(hash));
        VerifiedUnit(Arc::new((SignedUnit { unit: self, signature }, hash)))
    }
}

/// The bytes that the creator of the unit `hash` signs.
fn signing_bytes(hash: Hash) -> Vec<u8> {
    [Tag::UnitSignature.bytes(), hash.0].concat()
}

/// A unit with its creator's signature, not yet checked. Canonical bytes: the unit, then the signature (64).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedUnit {
    /// What is said.
    pub unit: Unit,
    /// Over the unit's hash.
    pub signature: Signature,
}

/// Why bytes or a unit are refused before anything else is known. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MAX_UNIT_BYTES`].
    #[error("a unit has at most {MAX_UNIT_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not the canonical encoding.
    #[error("not the canonical encoding of a unit")]
    Malformed,
    /// A version that this program does not know.
    #[error("unit version {0} is unknown; this program knows version {VERSION}")]
    Version(u8),
    /// Of another chain.
    #[error("the unit is of chain {0}")]
    Chain(Hash),
    /// Of another era.
    #[error("the unit is of era {0}")]
    Era(u64),
    /// Its creator is no validator of the era.
    #[error("the era has no validator {}", .0.0)]
    Creator(Member),
    /// It does not say something of each validator.
    #[error("the era has {expected} validators, the unit tells of {found}")]
    Panorama {
        /// How many there are.
        expected: usize,
        /// How many entries there are.
        found: usize,
    },
    /// Its rounds are longer than the era allows.
    #[error("a round lasts at most 2^{most} times the shortest, this 2^{found}")]
    Exponent {
        /// The most.
        most: u8,
        /// The unit's.
        found: u8,
    },
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl SignedUnit {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`FormError`], up to and including `Version`.
    pub fn decode(bytes: &[u8]) -> Result<SignedUnit, FormError> {
        if bytes.len() > MAX_UNIT_BYTES {
            return Err(FormError::TooLong(bytes.len()));
        }
        let signed = SignedUnit::try_from_slice(bytes).map_err(|_| FormError::Malformed)?;
        if signed.unit.version != VERSION {
            return Err(FormError::Version(signed.unit.version));
        }
        Ok(signed)
    }

    /// Checks all that needs no other unit: form, membership, signature. It may run on any thread.
    ///
    /// # Errors
    /// [`FormError`], from `Version` on.
    pub fn verify(self, era: &Era) -> Result<VerifiedUnit, FormError> {
        let unit = &self.unit;
        if unit.version != VERSION {
            return Err(FormError::Version(unit.version));
        }
        if unit.chain != era.chain {
            return Err(FormError::Chain(unit.chain));
        }
        if unit.era != era.number {
            return Err(FormError::Era(unit.era));
        }
        let key = era.validators.key(unit.creator).ok_or(FormError::Creator(unit.creator))?;
        let (expected, found) = (era.validators.count(), unit.panorama.len());
        if found != expected {
            return Err(FormError::Panorama { expected, found });
        }
        if unit.exponent > era.pace.max_exponent {
            return Err(FormError::Exponent { most: era.pace.max_exponent, found: unit.exponent });
        }
        let hash = unit.hash();
        key.verify(&signing_bytes(hash), &self.signature)?;
        Ok(VerifiedUnit(Arc::new((self, hash))))
    }
}

/// A unit of the right form by a validator of its era, whose signature holds. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedUnit(Arc<(SignedUnit, Hash)>);

impl VerifiedUnit {
    /// What is said.
    #[must_use]
    pub fn unit(&self) -> &Unit {
        &self.0.0.unit
    }

    /// What it is known by.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.1
    }

    /// The units that it cites.
    pub fn cites(&self) -> impl Iterator<Item = Hash> + '_ {
        self.unit().panorama.iter().filter_map(|entry| match entry {
            Entry::Correct(hash) => Some(*hash),
            Entry::None | Entry::Faulty => None,
        })
    }

    /// The unit with its signature, as it is sent and kept.
    #[must_use]
    pub fn signed(&self) -> &SignedUnit {
        &self.0.0
    }

    /// A unit of our own making: signed here, or read back from what was checked before it was stored.
    pub(crate) fn trusted(signed: SignedUnit) -> VerifiedUnit {
        let hash = signed.unit.hash();
        VerifiedUnit(Arc::new((signed, hash)))
    }
}

/// Reads a unit from arbitrary bytes.
pub fn fuzz_unit(bytes: &[u8]) {
    if let Ok(signed) = SignedUnit::decode(bytes) {
        assert_eq!(encode(&signed), bytes);
        let _ = signed.unit.hash();
    }
}
