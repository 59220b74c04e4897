//! Those who decide: validators, who runs each, and what may be changed about them by vote.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::hash::Tag;
use ledger::koma::Evidence;
use ledger::{Address, Hash, PublicKey, Signature, SubChain, Timestamp};
use vocabulary::messages::Seat;

/// How many proposals wait for votes at the same time.
pub const MAX_PROPOSALS: usize = 100;
/// How many of them may be one organisation's.
pub const MAX_PROPOSALS_EACH: usize = 4;
/// How far ahead the end of a proposal may lie, in milliseconds: 30 days.
pub const MAX_PROPOSAL_MS: u64 = 30 * Timestamp::DAY_MS;

/// How a validator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Stand {
    /// It decides.
    Decides = 0,
    /// It was admitted and decides once its bond on the payment chain is enough.
    AwaitsBond = 1,
    /// It left, or was removed; it may be admitted again.
    Left = 2,
    /// It equivocated, provably, and is out for good.
    Banned = 3,
}

/// A validator that is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// The organisation that runs it.
    pub organisation: Address,
    /// What its word weighs while it decides.
    pub weight: u64,
    /// How it stands.
    pub stand: Stand,
    /// The era of this chain from which on that is so; on the other chains, the era after next as well.
    pub from_era: u64,
}

/// A change of those who decide.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Change {
    /// A further validator.
    Admit {
        /// Its key.
        key: PublicKey,
        /// What its word will weigh.
        weight: u64,
        /// The admitted organisation that runs it.
        organisation: Address,
        /// The key's signature over [`possession_bytes`].
        proof: Signature,
    },
    /// A validator goes.
    Remove {
        /// Its key.
        key: PublicKey,
    },
    /// A validator's word weighs more or less.
    Weigh {
        /// Its key.
        key: PublicKey,
        /// What its word will weigh.
        weight: u64,
    },
    /// The low grade that the genesis names is enough again, although validators were banned: in the adaptive mode, from
    /// each chain's next era on.
    Ease,
}

vocabulary::decode_by_field!(enum Change {
    0 => Admit { key, weight, organisation, proof },
    1 => Remove { key },
    2 => Weigh { key, weight },
    3 => Ease,
});

impl Change {
    /// Those who decide afterwards.
    pub(crate) fn applied(&self, mut members: Members) -> Members {
        match self {
            Change::Admit { key, weight, .. } | Change::Weigh { key, weight } => {
                members.insert(*key, *weight);
            }
            Change::Remove { key } => drop(members.remove(key)),
            Change::Ease => {}
        }
        members
    }
}

/// A change that waits for votes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// What is to change.
    pub change: Change,
    /// The organisation that proposed it.
    pub by: Address,
    /// From here on it is void.
    pub until: Timestamp,
    /// The organisations that agreed, in the order of their votes; the first is the one that proposed it.
    pub backers: Vec<Address>,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Outcome {
    /// More than two thirds of the weight agreed, and it was done.
    Passed = 0,
    /// Its time ran out.
    Expired = 1,
    /// What it is about is no more: the validator came or went meanwhile, or somebody was banned after votes on easing.
    Moot = 2,
}

/// Why a key is out for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ban {
    /// The chain on which it equivocated.
    pub chain: SubChain,
    /// The era in which it did.
    pub era: u64,
    /// The hashes of the two units that contradict each other, in ascending order.
    pub units: [Hash; 2],
    /// The account that brought the evidence.
    pub by: Address,
    /// When.
    pub at: Timestamp,
}

impl Ban {
    pub(crate) fn new(chain: SubChain, era: u64, evidence: &Evidence, by: Address, at: Timestamp) -> Ban {
        Ban { chain, era, units: evidence.units().map(|signed| signed.unit.hash()), by, at }
    }
}

/// What the holder of `key` signs so that members may admit it as a validator that `organisation` runs on the networks
/// whose identity chain is named `chain`: the tag (32), the chain (32), the organisation (20), the key (32).
#[must_use]
pub fn possession_bytes(chain: Hash, organisation: Address, key: PublicKey) -> Vec<u8> {
    [Tag::Possession.bytes().as_slice(), &chain.0, &organisation.0, &key.0].concat()
}

/// Those who decide, with what each weighs.
pub(crate) type Members = BTreeMap<PublicKey, u64>;

/// What is left of the weights when one goes without anybody's vote: among four or more none may weigh more than a third
/// of all less one, so those who would are brought down to the highest weight at which that holds. The others keep theirs.
pub(crate) fn levelled(mut members: Members) -> Members {
    if members.len() < 4 {
        return members;
    }
    let holds = |cap: u64| {
        let total: u128 = members.values().map(|weight| u128::from((*weight).min(cap))).sum();
        3 * u128::from(cap) < total
    };
    // Above the highest cap that holds none does, since the total grows by less than three for each unit of the cap once
    // it holds no more; and 1 holds for four.
    let (mut low, mut high) = (1, members.values().copied().max().unwrap_or(1));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    members.values_mut().for_each(|weight| *weight = (*weight).min(low));
    members
}

/// As the other chains are told of it.
pub(crate) fn seat(key: PublicKey, validator: &Validator) -> Seat {
    Seat { validator: key, weight: validator.weight, organisation: validator.organisation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weights: &[u64], expected: &[u64]) {
        let members = |weights: &[u64]| -> Members {
            weights.iter().zip(1..).map(|(weight, at)| (PublicKey([at; 32]), *weight)).collect()
        };
        assert_eq!(levelled(members(weights)), members(expected), "{weights:?}");
    }

    #[test]
    fn whoever_would_weigh_too_much_is_brought_down_and_no_further_than_needed() {
        check(&[1, 1, 1, 1], &[1, 1, 1, 1]);
        check(&[3, 3, 2, 1], &[2, 2, 2, 1]);
        check(&[4, 3, 3, 3], &[4, 3, 3, 3]);
        check(&[5, 3, 3, 3], &[4, 3, 3, 3]);
        check(&[9, 4, 4, 4, 4], &[7, 4, 4, 4, 4]);
        check(&[u64::MAX >> 3, 7, 7, 7, 7], &[13, 7, 7, 7, 7]);
        // Up to three may be as unequal as they like: they are said to be one owner's.
        check(&[9, 1, 1], &[9, 1, 1]);
        check(&[], &[]);
    }

    #[test]
    fn what_is_levelled_can_run_an_era_and_no_higher_cap_could() {
        for seed in 0..2_000u64 {
            let weight = |at: u64| 1 + (seed * 7919 + at * 104_729) % (1 + (seed + at * at) % 50);
            let weights: Vec<u64> = (0..4 + seed % 5).map(weight).collect();
            let members: Members =
                weights.iter().zip(0..).map(|(weight, at)| (PublicKey([at; 32]), *weight)).collect();
            let level = levelled(members.clone());
            let fits = |members: &Members| {
                ledger::koma::Validators::new(members.iter().map(|(key, weight)| (*key, *weight)).collect())
                    .is_ok()
            };
            assert!(fits(&level), "{weights:?}");
            let cap = level.values().copied().max().unwrap();
            if level != members {
                let higher = members.iter().map(|(key, weight)| (*key, (*weight).min(cap + 1))).collect();
                assert!(!fits(&higher), "{weights:?}");
            }
        }
    }
}
