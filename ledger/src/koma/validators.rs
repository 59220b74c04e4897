//! Who decides in an era, and what each weighs.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::genesis::MAX_VALIDATORS;
use crate::key::PublicKey;

/// A validator, by its place among the validators of an era in ascending order of key.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Member(pub u16);

impl Member {
    /// The place as an index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn at(index: usize) -> Member {
        Member(u16::try_from(index).expect("an era has at most 1000 validators"))
    }
}

/// The validators of an era.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    members: Vec<(PublicKey, u64)>,
    total: u64,
}

/// Why validators cannot run an era. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorsError {
    /// No validator, or too many.
    #[error("an era has 1 to {MAX_VALIDATORS} validators, this one {0}")]
    Count(usize),
    /// Not in strictly ascending order of key.
    #[error("the validators of an era stand in ascending order of key, each once")]
    Order,
    /// A validator of weight 0, or weights that add up to more than 2^63.
    #[error("every validator has a weight of at least 1, all together at most 2^63")]
    Weight,
    /// One of four or more weighs so much that it alone could undo what the classical grade promises.
    #[error("among four or more validators none weighs more than {most}, this one {weight}")]
    Heavy {
        /// A third of the total less one, rounded down.
        most: u64,
        /// The weight found.
        weight: u64,
    },
}

impl Validators {
    /// Validators with their weights, in ascending order of key.
    ///
    /// # Errors
    /// [`ValidatorsError`].
    pub fn new(members: Vec<(PublicKey, u64)>) -> Result<Validators, ValidatorsError> {
        if !(1..=MAX_VALIDATORS).contains(&members.len()) {
            return Err(ValidatorsError::Count(members.len()));
        }
        if !members.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(ValidatorsError::Order);
        }
        let total = members.iter().fold(0u128, |sum, (_, weight)| sum + u128::from(*weight));
        let total = u64::try_from(total).ok().filter(|total| *total <= 1 << 63);
        let total = total.ok_or(ValidatorsError::Weight)?;
        if members.iter().any(|(_, weight)| *weight == 0) {
            return Err(ValidatorsError::Weight);
        }
        let most = (total - 1) / 3;
        match members.iter().map(|(_, weight)| *weight).find(|weight| *weight > most) {
            Some(weight) if members.len() >= 4 => Err(ValidatorsError::Heavy { most, weight }),
            _ => Ok(Validators { members, total }),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// What all weigh together: `W`.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What one weighs; 0 for a stranger.
    #[must_use]
    pub fn weight(&self, member: Member) -> u64 {
        self.members.get(member.index()).map_or(0, |(_, weight)| *weight)
    }

    /// The key of one.
    #[must_use]
    pub fn key(&self, member: Member) -> Option<PublicKey> {
        self.members.get(member.index()).map(|(key, _)| *key)
    }

    /// Whose key this is.
    #[must_use]
    pub fn find(&self, key: &PublicKey) -> Option<Member> {
        self.members.binary_search_by(|(known, _)| known.cmp(key)).ok().map(Member::at)
    }

    /// All of them, in order.
    pub fn all(&self) -> impl ExactSizeIterator<Item = Member> + use<> {
        (0..self.members.len()).map(Member::at)
    }

    /// Keys and weights, in ascending order of key.
    #[must_use]
    pub fn members(&self) -> &[(PublicKey, u64)] {
        &self.members
    }

    /// The threshold of the classical grade, G2: the most weight that may cheat while all others go on.
    #[must_use]
    pub fn classical(&self) -> u64 {
        (self.total - 1) / 3
    }

    /// The threshold of grade G1: no single validator could undo it, as far as G2 allows.
    #[must_use]
    pub fn single(&self) -> u64 {
        let heaviest = self.members.iter().map(|(_, weight)| *weight).max().unwrap_or(0);
        heaviest.min(self.classical())
    }

    /// The threshold that `per_mille` thousandths of the weight would have to cheat to undo, rounded down and below
    /// the total: grade G3 of a client who asks for so much.
    #[must_use]
    pub fn share(&self, per_mille: u64) -> u64 {
        let weight = u128::from(self.total) * u128::from(per_mille.min(1000)) / 1000;
        u64::try_from(weight).map_or(self.total - 1, |weight| weight.min(self.total - 1))
    }
}
