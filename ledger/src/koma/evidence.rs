//! Proof that a validator said two things at once.

use borsh::{BorshDeserialize, BorshSerialize};

use super::era::Era;
use super::unit::{FormError, MAX_UNIT_BYTES, SignedUnit, VerifiedUnit};
use super::validators::Member;
use crate::hash::encode;

/// Two signed units of one creator, era and sequence number, in ascending order of hash: nobody but the holder of the
/// key can have made them, and no honest holder does.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Evidence {
    first: SignedUnit,
    second: SignedUnit,
}

/// Why evidence proves nothing. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not the canonical encoding of two units in ascending order of hash.
    #[error("not the canonical encoding of evidence")]
    Malformed,
    /// One of the units does not hold.
    #[error(transparent)]
    Unit(#[from] FormError),
    /// The units are of two creators, or of two sequence numbers.
    #[error("the two units do not contradict each other")]
    Harmless,
}

/// Evidence that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvidence(VerifiedUnit, VerifiedUnit);

impl Evidence {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`EvidenceError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Evidence, EvidenceError> {
        if bytes.len() > 2 * MAX_UNIT_BYTES {
            return Err(EvidenceError::Malformed);
        }
        let evidence = Evidence::try_from_slice(bytes).map_err(|_| EvidenceError::Malformed)?;
        match evidence.first.unit.hash() < evidence.second.unit.hash() {
            true => Ok(evidence),
            false => Err(EvidenceError::Malformed),
        }
    }

    /// The era of the first unit.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.first.unit.era
    }

    /// Checks that both units hold in `era`, and that they contradict each other.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn verify(self, era: &Era) -> Result<VerifiedEvidence, EvidenceError> {
        let (first, second) = (self.first.verify(era)?, self.second.verify(era)?);
        VerifiedEvidence::new(first, second).ok_or(EvidenceError::Harmless)
    }
}

impl VerifiedEvidence {
    /// Evidence from two units of one era; `None` when they do not contradict each other.
    #[must_use]
    pub fn new(a: VerifiedUnit, b: VerifiedUnit) -> Option<VerifiedEvidence> {
        let place = |unit: &VerifiedUnit| {
            let unit = unit.unit();
            (unit.chain, unit.era, unit.creator, unit.seq)
        };
        if place(&a) != place(&b) || a.hash() == b.hash() {
            return None;
        }
        Some(if a.hash() < b.hash() { VerifiedEvidence(a, b) } else { VerifiedEvidence(b, a) })
    }

    /// Against whom.
    #[must_use]
    pub fn against(&self) -> Member {
        self.0.unit().creator
    }

    /// The two units, in ascending order of hash.
    #[must_use]
    pub fn units(&self) -> [&VerifiedUnit; 2] {
        [&self.0, &self.1]
    }

    /// As it is sent and put on record.
    #[must_use]
    pub fn signed(&self) -> Evidence {
        Evidence { first: self.0.signed().clone(), second: self.1.signed().clone() }
    }
}

/// Reads evidence from arbitrary bytes.
pub fn fuzz_evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::decode(bytes) {
        assert_eq!(encode(&evidence), bytes);
    }
}
