//! A plan in a few words: how many cheat, stop or come back, and when the network is parted. The seed decides the rest.

use ledger::genesis::MAX_VALIDATORS;
use ledger::koma::{Validators, ValidatorsError};

use crate::dice::Dice;
use crate::plan::{Act, Crash, Partition, Plan};
use crate::world::keys;

/// The most rounds that are run.
pub const MAX_ROUNDS: u64 = 100_000;

/// What somebody asks for. Rounds are counted from 0 and last as long as the shortest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// One validator each.
    pub weights: Vec<u64>,
    /// How many cheat: the first equivocates, the seed says what the others do.
    pub byzantine: usize,
    /// How many others stop for good, in the first third.
    pub crashed: usize,
    /// How many more stop in the first third and start again, with what their disks have.
    pub restarted: usize,
    /// For how many rounds.
    pub rounds: u64,
    /// When messages pass within groups only.
    pub partitions: Vec<Parted>,
}

/// A partition, in rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// The first round.
    pub from: u64,
    /// The first round in which all is well again.
    pub until: u64,
    /// The validators of one side; all others are on the other.
    pub side: Vec<usize>,
}

/// Why there is no such plan. The checks run in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SketchError {
    /// An era cannot have these weights.
    #[error(transparent)]
    Validators(#[from] ValidatorsError),
    /// Nobody is left to watch.
    #[error("of {validators} validators at most {} may cheat, stop or restart: one has to watch", .validators - 1)]
    NoObserver {
        /// How many there are.
        validators: usize,
    },
    /// None, or too many.
    #[error("between 1 and {MAX_ROUNDS} rounds are run, not {0}")]
    Rounds(u64),
    /// A partition that ends before it begins.
    #[error("a partition ends in a later round than {from}, not in {until}")]
    Span {
        /// When it begins.
        from: u64,
        /// When it should end.
        until: u64,
    },
    /// A partition with somebody who is not there.
    #[error("validators are numbered 0 to {}; a partition names {found}", .validators - 1)]
    Unknown {
        /// How many there are.
        validators: usize,
        /// The number that none has.
        found: usize,
    },
}

impl Sketch {
    /// The plan of a seed: a healthy network of five regions but for the trouble asked for.
    ///
    /// # Errors
    /// [`SketchError`].
    pub fn plan(&self, seed: u64) -> Result<Plan, SketchError> {
        let validators = self.weights.len();
        if validators > MAX_VALIDATORS {
            return Err(ValidatorsError::Count(validators).into());
        }
        let keys = keys(validators);
        let members = keys.iter().map(ledger::KeyPair::public).zip(self.weights.iter().copied());
        let members = Validators::new(members.collect())?;
        let trouble = self.byzantine.saturating_add(self.crashed).saturating_add(self.restarted);
        if trouble >= validators && trouble > 0 {
            return Err(SketchError::NoObserver { validators });
        }
        if !(1..=MAX_ROUNDS).contains(&self.rounds) {
            return Err(SketchError::Rounds(self.rounds));
        }
        for parted in &self.partitions {
            if parted.from >= parted.until {
                return Err(SketchError::Span { from: parted.from, until: parted.until });
            }
            if let Some(found) = parted.side.iter().copied().find(|who| *who >= validators) {
                return Err(SketchError::Unknown { validators, found });
            }
        }

        let mut dice = Dice::new(seed ^ 0x0073_6b65_7463_6865);
        let mut plan = Plan::healthy(seed, self.weights.clone());
        plan.thresholds = vec![members.share(800)];
        plan.run_ms = self.rounds * plan.round_ms;
        let mut others: Vec<usize> = (0..validators).collect();
        let mut draw = |dice: &mut Dice, count: usize| -> Vec<usize> {
            (0..count).map(|_| others.swap_remove(dice.index(others.len()))).collect()
        };
        for (at, node) in draw(&mut dice, self.byzantine).into_iter().enumerate() {
            let act = match dice.below(6) {
                _ if at == 0 => Act::Equivocator,
                0 | 1 => Act::Equivocator,
                2 => Act::Withholder,
                3 => Act::Liar(i64::try_from(dice.below(4_000)).unwrap_or(0) - 2_000),
                4 => Act::Spammer,
                _ => Act::Twins,
            };
            plan.acts.push((node, act));
        }
        let third = plan.run_ms / 3;
        for node in draw(&mut dice, self.crashed) {
            plan.crashes.push(Crash { node, at_ms: dice.below(third), back_ms: None });
        }
        for node in draw(&mut dice, self.restarted) {
            let at_ms = dice.below(third);
            plan.crashes.push(Crash { node, at_ms, back_ms: Some(at_ms + 1 + dice.below(third)) });
        }
        let part = |parted: &Parted| Partition {
            from_ms: parted.from.saturating_mul(plan.round_ms),
            until_ms: parted.until.saturating_mul(plan.round_ms),
            side: parted.side.clone(),
        };
        plan.partitions = self.partitions.iter().map(part).collect();
        plan.traced = true;
        Ok(plan)
    }
}
