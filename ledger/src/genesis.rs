//! What a network of three chains starts from.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::account::{BLOCKS, CHAIN_IDS, ERA, EraRecord, FOLLOWING, RULES, VALIDATORS};
use crate::hash::{Hash, Hasher, Tag, encode};
use crate::key::PublicKey;
use crate::koma::{End, Mode};
use crate::merkle::{self, Edge};
use crate::moment::{Height, SubChain, Timestamp};
use crate::state::Write;

/// The only version of [`Genesis`] so far.
pub const VERSION: u8 = 1;
/// The most validators that a genesis may name.
pub const MAX_VALIDATORS: usize = 1000;
/// The longest round that a genesis may name as the shortest, in milliseconds.
pub const MAX_ROUND_MS: u32 = 3_600_000;
/// The most doublings of a round that a genesis may allow.
pub const MAX_EXPONENT: u8 = 16;

/// How many times as long as it has to last at least an era lasts in which nothing happens.
pub const LONG_ERAS: u64 = 8;
/// The least that an era lasts in which nothing happens, in milliseconds: ten minutes.
pub const LONG_ERA_MS: u64 = 600_000;

/// How the validators agree: what an engine of many of them needs to know, and all have to know alike.
///
/// Canonical bytes: shortest round (4), most doublings (1), blocks of an era (8), milliseconds of an era (8), then the
/// mode: 0 (1) for the classical grade, 1 (1) for a single owner, or 2 (1), low threshold (8), patience in milliseconds
/// (8) and margin (8) for the adaptive mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// The shortest round in milliseconds, 3 to [`MAX_ROUND_MS`]: three times the expected delay of a message.
    pub round_ms: u32,
    /// The longest round is the shortest times two to this power, at most [`MAX_EXPONENT`].
    pub max_exponent: u8,
    /// An era has at least so many blocks, at least 1.
    pub era_blocks: u64,
    /// An era lasts at least so many milliseconds.
    pub era_ms: u64,
    /// At which grade blocks are executed.
    pub mode: Mode,
}

impl Rules {
    /// Whether a block of this height and time is the last of `era`.
    #[must_use]
    pub fn end(&self, era: &EraRecord, height: Height, time: Timestamp) -> bool {
        self.era_end().reached(height.0.saturating_sub(era.root_height.0), time.0.saturating_sub(era.start.0))
    }

    /// Whether `era` has lasted so long at `time` that a block is made for no other reason than to end it.
    #[must_use]
    pub fn overdue(&self, era: &EraRecord, time: Timestamp) -> bool {
        time.0.saturating_sub(era.start.0) >= self.era_end().most_ms
    }

    /// When an era ends: with enough blocks and time, or, where nothing happens, after [`LONG_ERAS`] times the time and
    /// [`LONG_ERA_MS`] at least. Units that only show that somebody is there would pile up otherwise, and no checkpoint
    /// would come.
    #[must_use]
    pub fn era_end(&self) -> End {
        let most_ms = self.era_ms.saturating_mul(LONG_ERAS).max(LONG_ERA_MS);
        End { min_blocks: self.era_blocks, min_ms: self.era_ms, most_ms }
    }

    /// Whether eras never end.
    #[must_use]
    pub fn endless(&self) -> bool {
        self.era_end().most_ms == u64::MAX
    }

    /// One owner, whose validators stand side by side; the era never ends.
    pub const ALONE: Rules = Rules {
        round_ms: 30,
        max_exponent: 10,
        era_blocks: u64::MAX,
        era_ms: u64::MAX,
        mode: Mode::SingleOwner,
    };
}

/// The start of all three chains. Its hash enters the name of each chain, and so every signature. The chains' own
/// settings stand here only as hashes, so that a light client needs these few bytes and nothing else.
///
/// Canonical bytes: version (1), time (8, little-endian like every integer), number of validators (4), each validator
/// as public key (32) and weight (8), the [`Rules`], then the hash of the settings of the identity, data and payment
/// chain (32 each).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// [`VERSION`].
    pub version: u8,
    /// Chain time of height 0.
    pub time: Timestamp,
    /// The validators and their weights, in ascending order of key.
    pub validators: Vec<(PublicKey, u64)>,
    /// How they agree.
    pub rules: Rules,
    /// Hash of each chain's own settings, in the order of [`SubChain::ALL`].
    pub settings: [Hash; 3],
}

/// Why a genesis is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Not the canonical encoding.
    #[error("not the canonical encoding of a genesis")]
    Malformed,
    /// A version that this program does not know.
    #[error("genesis version {0} is unknown; this program knows version {VERSION}")]
    Version(u8),
    /// No validator, or more than [`MAX_VALIDATORS`].
    #[error("a genesis names 1 to {MAX_VALIDATORS} validators, this one {0}")]
    Count(usize),
    /// Not in strictly ascending order of key.
    #[error("the validators of a genesis stand in ascending order of key, each once")]
    Order,
    /// A validator of weight 0, or weights that add up to more than 2^63.
    #[error("every validator has a weight of at least 1, all together at most 2^63")]
    Weight,
    /// Rules that no era could follow.
    #[error(
        "a round lasts 3 to {MAX_ROUND_MS} ms and doubles at most {MAX_EXPONENT} times; an era has a block at least"
    )]
    Rules,
}

impl Genesis {
    /// A genesis of `validators`, in any order, under [`Rules::ALONE`], and of the canonical bytes of each chain's own settings, in the order
    /// of [`SubChain::ALL`].
    ///
    /// # Errors
    /// [`GenesisError`] when the validators are none, too many, repeated or without weight.
    pub fn new(
        time: Timestamp,
        mut validators: Vec<(PublicKey, u64)>,
        settings: [&[u8]; 3],
    ) -> Result<Genesis, GenesisError> {
        validators.sort_unstable();
        let settings = settings.map(|bytes| Hash::of(Tag::Content, bytes));
        let genesis = Genesis { version: VERSION, time, validators, rules: Rules::ALONE, settings };
        genesis.check()?;
        Ok(genesis)
    }

    /// The same genesis under other rules.
    ///
    /// # Errors
    /// [`GenesisError::Rules`].
    pub fn with_rules(self, rules: Rules) -> Result<Genesis, GenesisError> {
        let genesis = Genesis { rules, ..self };
        genesis.check()?;
        Ok(genesis)
    }

    /// Checks what the type does not say.
    ///
    /// # Errors
    /// [`GenesisError`], in the order of its variants.
    pub fn check(&self) -> Result<(), GenesisError> {
        if self.version != VERSION {
            return Err(GenesisError::Version(self.version));
        }
        if !(1..=MAX_VALIDATORS).contains(&self.validators.len()) {
            return Err(GenesisError::Count(self.validators.len()));
        }
        if !self.validators.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(GenesisError::Order);
        }
        let total = self.validators.iter().fold(0u128, |sum, (_, weight)| sum + u128::from(*weight));
        if total > 1 << 63 || self.validators.iter().any(|(_, weight)| *weight == 0) {
            return Err(GenesisError::Weight);
        }
        let Rules { round_ms, max_exponent, era_blocks, .. } = self.rules;
        if !(3..=MAX_ROUND_MS).contains(&round_ms) || max_exponent > MAX_EXPONENT || era_blocks == 0 {
            return Err(GenesisError::Rules);
        }
        Ok(())
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn decode(bytes: &[u8]) -> Result<Genesis, GenesisError> {
        let genesis = Genesis::try_from_slice(bytes).map_err(|_| GenesisError::Malformed)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// What people compare to know that they speak of the same network.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(Tag::Genesis, &encode(self))
    }

    /// The name of `chain` in this network.
    #[must_use]
    pub fn chain_id(&self, chain: SubChain) -> Hash {
        Hasher::new(Tag::Chain).chain(&self.hash().0).chain(&[chain as u8]).finish()
    }

    /// Writes what `own` knows from the start: the three names, the rules, and whose word counts on each chain in the
    /// first two eras.
    pub(crate) fn write<S: Write + ?Sized>(&self, own: SubChain, root: Hash, state: &mut S) {
        RULES.put(state, &self.rules);
        FOLLOWING.put(state, &self.validators);
        for chain in SubChain::ALL {
            CHAIN_IDS.put(state, &chain, &self.chain_id(chain));
            for era in [0, 1] {
                VALIDATORS.put(state, &(chain, era), &self.validators);
            }
        }
        if !self.rules.endless() {
            let mut blocks = Edge::default();
            blocks.push(merkle::leaf(&root.0));
            BLOCKS.put(state, &blocks);
        }
        let seed = self.chain_id(own);
        ERA.put(
            state,
            &EraRecord { number: 0, start: self.time, seed, root, root_height: Height(0), strict: false },
        );
    }
}

/// Reads a genesis from arbitrary bytes.
pub fn fuzz_genesis(bytes: &[u8]) {
    if let Ok(genesis) = Genesis::decode(bytes) {
        assert_eq!(encode(&genesis), bytes);
    }
}
