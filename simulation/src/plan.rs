//! What is to happen.

use ledger::koma::{End, Mode};

use crate::dice::Dice;

/// Until when messages are lost and repeated, in milliseconds.
pub(crate) const TROUBLE_MS: u64 = 18_000;
/// From when on everybody has to make progress again in a world of [`Plan::troubled`], in milliseconds.
pub const CALM_MS: u64 = 24_000;
/// Within how many of the longest rounds, and never less than half of [`CALM_MS`].
const PROGRESS_ROUNDS: u64 = 8;

/// How a validator behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// As it should.
    Honest,
    /// Says one thing to one half of the network and another to the other half.
    Equivocator,
    /// Keeps its units and bodies from some.
    Withholder,
    /// Has a clock that is wrong by so many milliseconds, forward if positive.
    Liar(i64),
    /// Sends forks, replays and questions without end.
    Spammer,
    /// Runs twice with one key.
    Twins,
}

/// A validator that stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Who.
    pub node: usize,
    /// When, in milliseconds from the start.
    pub at_ms: u64,
    /// When it starts again; never when `None`.
    pub back_ms: Option<u64>,
}

/// A time during which messages pass only within groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From when, in milliseconds from the start.
    pub from_ms: u64,
    /// Until when.
    pub until_ms: u64,
    /// The validators of one side; all others are on the other.
    pub side: Vec<usize>,
}

/// A plan. With its seed it decides everything.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What all randomness follows from.
    pub seed: u64,
    /// One validator each.
    pub weights: Vec<u64>,
    /// How those behave who do not behave.
    pub acts: Vec<(usize, Act)>,
    /// Who stops.
    pub crashes: Vec<Crash>,
    /// When the network is parted.
    pub partitions: Vec<Partition>,
    /// One-way delay between regions, least and most, in milliseconds.
    pub delay_ms: (u64, u64),
    /// How many regions there are.
    pub regions: usize,
    /// What comes on top at random, in milliseconds: it reorders.
    pub jitter_ms: u64,
    /// How many of a thousand messages come twice.
    pub repeated: u64,
    /// How many of a thousand messages are lost.
    pub lost: u64,
    /// By how much clocks differ, in milliseconds either way.
    pub skew_ms: u64,
    /// Validators that take so many milliseconds longer to send.
    pub slow: Vec<(usize, u64)>,
    /// The shortest round.
    pub round_ms: u64,
    /// The longest round is the shortest times two to this power.
    pub max_exponent: u8,
    /// When an era ends.
    pub end: End,
    /// How the members run the chain.
    pub mode: Mode,
    /// Thresholds that observers follow besides those of the grades.
    pub thresholds: Vec<u64>,
    /// There is something for a block so many shortest rounds after the one before; 1 for always.
    pub work_every: u64,
    /// For how long it runs, in milliseconds.
    pub run_ms: u64,
    /// Whether the trace is kept.
    pub traced: bool,
}

impl Plan {
    /// A healthy network of validators of these weights, spread over five regions.
    #[must_use]
    pub fn healthy(seed: u64, weights: Vec<u64>) -> Plan {
        Plan {
            seed,
            weights,
            acts: Vec::new(),
            crashes: Vec::new(),
            partitions: Vec::new(),
            delay_ms: (60, 150),
            regions: 5,
            jitter_ms: 8,
            repeated: 0,
            lost: 0,
            skew_ms: 0,
            slow: Vec::new(),
            round_ms: 480,
            max_exponent: 6,
            end: End::NEVER,
            mode: Mode::Classical,
            thresholds: Vec::new(),
            work_every: 1,
            run_ms: 20_000,
            traced: false,
        }
    }

    /// Trouble of all kinds, as the seed will have it, but never more than the classical grade bears; all is well again
    /// in the last part of the run, so that the chain has to go on.
    #[must_use]
    pub fn troubled(seed: u64) -> Plan {
        let mut dice = Dice::new(seed ^ 0x7472_6f75_626c_6564);
        let n = [4, 4, 4, 5, 5, 6, 7, 7][dice.index(8)];
        let mut plan = Plan::healthy(seed, vec![1; n]);
        if dice.per_mille(300) {
            plan.weights = (0..n).map(|_| dice.between(2, 3)).collect();
            let total: u64 = plan.weights.iter().sum();
            if plan.weights.iter().any(|weight| *weight > (total - 1) / 3) {
                plan.weights = vec![1; n];
            }
        }
        plan.jitter_ms = dice.between(0, 60);
        plan.repeated = dice.below(60);
        plan.lost = dice.below(40);
        plan.skew_ms = dice.below(60);
        plan.round_ms = dice.between(150, 500);
        plan.max_exponent = 3;
        let longest_ms = plan.round_ms << plan.max_exponent;
        plan.run_ms = CALM_MS + (PROGRESS_ROUNDS * longest_ms).max(CALM_MS / 2);
        plan.work_every = dice.between(1, 4);
        if dice.per_mille(400) {
            plan.end =
                End { min_blocks: dice.between(3, 8), min_ms: dice.between(2_000, 8_000), most_ms: u64::MAX };
        }
        let quiet = CALM_MS / 2;
        // Cheats and those who never come back stay within what the corrected bound of liveness bears.
        let total: u64 = plan.weights.iter().sum();
        let classical = (total - 1) / 3;
        let mut weight = 0;
        for node in 0..n {
            if weight + plan.weights[node] > classical {
                break;
            }
            weight += plan.weights[node];
            let act = match dice.below(8) {
                0 | 1 => Act::Equivocator,
                2 => Act::Withholder,
                3 => Act::Liar(i64::try_from(dice.below(4_000)).unwrap_or(0) - 2_000),
                4 => Act::Spammer,
                5 => Act::Twins,
                _ => Act::Honest,
            };
            if act != Act::Honest {
                plan.acts.push((node, act));
            }
        }
        for node in 0..n {
            if dice.per_mille(350) {
                let at_ms = dice.between(500, quiet);
                plan.crashes.push(Crash { node, at_ms, back_ms: Some(at_ms + dice.between(100, 6_000)) });
            }
            if dice.per_mille(100) {
                plan.slow.push((node, dice.between(50, 400)));
            }
        }
        for _ in 0..dice.below(3) {
            let from_ms = dice.between(500, quiet);
            let until_ms = from_ms + dice.between(500, 8_000);
            let side = (0..n).filter(|_| dice.per_mille(500)).collect();
            plan.partitions.push(Partition { from_ms, until_ms, side });
        }
        if dice.per_mille(300) {
            // A grade below the weight of the cheats promises nothing against them.
            let low = plan.acts.iter().map(|(node, _)| plan.weights[*node]).sum();
            plan.mode = Mode::Adaptive { low, within_ms: 4_000, margin: 0 };
        }
        plan
    }

    /// How a validator behaves.
    #[must_use]
    pub fn act(&self, node: usize) -> Act {
        self.acts.iter().find(|(who, _)| *who == node).map_or(Act::Honest, |(_, act)| *act)
    }
}
