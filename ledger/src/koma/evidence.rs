//! Proof that a validator said two things at once.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::era::{End, Era, Pace};
use super::unit::{FormError, MAX_UNIT_BYTES, SignedUnit, VerifiedUnit};
use super::validators::{Member, Validators, ValidatorsError};
use crate::account::{CHAIN_IDS, RULES, deciding};
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::moment::{Height, SubChain, Timestamp};
use crate::state::Read;

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

/// Whom evidence is against: what it says of itself, before it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accusation {
    /// On which chain.
    pub chain: SubChain,
    /// In which era of it.
    pub era: u64,
    /// The validator.
    pub validator: PublicKey,
}

/// Why a chain cannot take evidence for what it says. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccusationError {
    /// It is about none of the three chains of this genesis.
    #[error("the evidence is about chain {0}, which is none of this network")]
    Chain(Hash),
    /// This chain knows of no such era, or no more.
    #[error("nobody is known here to decide in era {era} of the {chain} chain")]
    Era {
        /// The chain.
        chain: SubChain,
        /// The era.
        era: u64,
    },
    /// Those who decide in the era cannot.
    #[error(transparent)]
    Validators(#[from] ValidatorsError),
    /// It proves nothing.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
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

    /// The two units, in ascending order of hash, as they were sent.
    #[must_use]
    pub fn units(&self) -> [&SignedUnit; 2] {
        [&self.first, &self.second]
    }

    /// Whom it is against, by what a chain's state knows of the validators of all three. Nothing is proven yet.
    ///
    /// # Errors
    /// [`AccusationError`]: `Chain`, `Era`, or the creator of the first unit is nobody.
    pub fn against(&self, state: &dyn Read) -> Result<Accusation, AccusationError> {
        let unit = &self.first.unit;
        let named = |chain: &SubChain| CHAIN_IDS.get(state, chain) == Some(unit.chain);
        let chain = SubChain::ALL.into_iter().find(named).ok_or(AccusationError::Chain(unit.chain))?;
        let members = deciding(state, chain, unit.era).unwrap_or_default();
        if members.is_empty() {
            return Err(AccusationError::Era { chain, era: unit.era });
        }
        let creator = members.get(unit.creator.index()).map(|(key, _)| *key);
        let validator = creator.ok_or(EvidenceError::Unit(FormError::Creator(unit.creator)))?;
        Ok(Accusation { chain, era: unit.era, validator })
    }

    /// Checks it by what a chain's state knows of the validators of all three: whoever takes part in a chain, and whoever
    /// only hears of it, comes to the same answer.
    ///
    /// # Errors
    /// [`AccusationError`].
    pub fn prove(&self, state: &dyn Read) -> Result<Accusation, AccusationError> {
        let accusation = self.against(state)?;
        let Accusation { chain, era, .. } = accusation;
        if self.first.unit.hash() >= self.second.unit.hash() {
            return Err(EvidenceError::Malformed.into());
        }
        let members = deciding(state, chain, era).unwrap_or_default();
        let max_exponent = RULES.get(state).map_or(u8::MAX, |rules| rules.max_exponent);
        // Of an era, the form of its units depends on its name and number, its validators and its longest round alone.
        let era = Era {
            chain: self.first.unit.chain,
            number: era,
            validators: Validators::new(members)?,
            banned: BTreeSet::new(),
            start: Timestamp(0),
            seed: Hash::ZERO,
            root: Hash::ZERO,
            root_height: Height(0),
            pace: Pace { round_ms: 0, max_exponent },
            end: End::NEVER,
            strict: false,
        };
        self.clone().verify(&era)?;
        Ok(accusation)
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
