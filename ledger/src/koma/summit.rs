//! When a block is final: nested committees whose members have seen each other vote for it.
//!
//! For a block B and a quorum q: C0 holds the latest unbroken streaks of units that vote for B or a descendant, by
//! validators who are not known to have equivocated. Every unit of C(i+1) is one of Ci and sees, itself included, weight
//! of at least q in units of Ci, counting only senders who have a unit in C(i+1) themselves. With committees up to Ck, B
//! is final at threshold t if and only if (2q - W)(2^k - 1) > t·2^k (Highway, arXiv 2101.02159, theorem 3): whoever
//! finalises a competitor at t as well, more than t weight has equivocated, provably.
//!
//! A unit sees all that an earlier one of its creator saw, so a committee is a horizon: for each validator the
//! sequence number from which on its units belong to it.

use super::blocks::BlockIx;
use super::dag::{Dag, Seen, UnitIx};
use super::validators::Member;

/// More levels are never needed: 2^64 exceeds every weight.
pub const MAX_LEVELS: u32 = 64;

/// A quorum and the levels that make it final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The weight `q`.
    pub weight: u64,
    /// The levels `k`, from 1 to [`MAX_LEVELS`].
    pub levels: u32,
}

impl Quorum {
    /// Whether a summit of this quorum and so many levels is final at threshold `t` among validators of weight
    /// `total`, at most 2^63.
    #[must_use]
    pub fn suffices(self, total: u64, t: u64) -> bool {
        let surplus = (2 * u128::from(self.weight)).saturating_sub(u128::from(total));
        let power = 1u128 << self.levels.min(MAX_LEVELS);
        surplus * (power - 1) > u128::from(t) * power
    }

    /// The greatest threshold at which such a summit is final; `None` when there is none.
    #[must_use]
    pub fn confidence(self, total: u64) -> Option<u64> {
        let surplus = (2 * u128::from(self.weight)).saturating_sub(u128::from(total));
        let power = 1u128 << self.levels.min(MAX_LEVELS);
        let greatest = (surplus * (power - 1)).checked_sub(1)? / power;
        u64::try_from(greatest).ok()
    }
}

/// The quorums that finalise at threshold `t`: for each number of levels the smallest, as long as a further level
/// makes it smaller. Empty when no quorum does.
#[must_use]
pub fn quorums(total: u64, t: u64) -> Vec<Quorum> {
    let mut found: Vec<Quorum> = Vec::new();
    for levels in 1..=MAX_LEVELS {
        let power = 1u128 << levels;
        // 2q - W has to be greater than t·2^k / (2^k - 1).
        let surplus = u128::from(t) * power / (power - 1) + 1;
        let weight = (u128::from(total) + surplus).div_ceil(2);
        let smaller = |weight: &u64| *weight <= found.last().map_or(total, |last| last.weight - 1);
        if let Some(weight) = u64::try_from(weight).ok().filter(smaller) {
            found.push(Quorum { weight, levels });
        }
        if surplus == u128::from(t) + 1 {
            break;
        }
    }
    found
}

/// A set of streaks: for each validator the sequence number of its first unit in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee(Vec<Option<u32>>);

impl Committee {
    fn none(dag: &Dag) -> Committee {
        Committee(vec![None; dag.era().validators.count()])
    }

    /// The streaks that begin with these sequence numbers, one entry a validator.
    #[must_use]
    pub fn from_firsts(firsts: Vec<Option<u32>>) -> Committee {
        Committee(firsts)
    }

    /// The sequence number of the first unit of `member` in it.
    #[must_use]
    pub fn first(&self, member: Member) -> Option<u32> {
        self.0.get(member.index()).copied().flatten()
    }

    /// Who has a unit in it.
    pub fn members(&self) -> impl Iterator<Item = Member> + '_ {
        self.0.iter().enumerate().filter(|(_, first)| first.is_some()).map(|(at, _)| Member::at(at))
    }

    /// Whether nobody has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn weight(&self, dag: &Dag) -> u64 {
        self.members().map(|member| dag.era().validators.weight(member)).sum()
    }
}

/// The weight of `senders` of whom `unit` sees a unit in `committee`.
fn seen_weight(dag: &Dag, unit: UnitIx, committee: &Committee, senders: &Committee) -> u64 {
    let creator = dag.creator(unit);
    let sees = |member: Member| {
        let first = committee.first(member).filter(|_| senders.first(member).is_some());
        first.is_some_and(|first| match dag.sees(unit, member) {
            _ if member == creator => dag.seq(unit) >= first,
            Seen::Unit(seen) => dag.seq(seen) >= first,
            Seen::None | Seen::Faulty => false,
        })
    };
    let validators = &dag.era().validators;
    validators.all().filter(|member| sees(*member)).map(|member| validators.weight(member)).sum()
}

/// C0 of `block`: the latest unbroken streaks of votes for it or its descendants.
#[must_use]
pub fn voters(dag: &Dag, block: BlockIx) -> Committee {
    let streak = |member: Member| {
        if dag.is_faulty(member) {
            return None;
        }
        let lane = dag.lane(member);
        let votes = lane.iter().rev().take_while(|unit| dag.blocks().descends(dag.vote(**unit), block));
        let broken = lane.len() - votes.count();
        (broken < lane.len()).then(|| dag.seq(lane[broken]))
    };
    Committee(dag.era().validators.all().map(streak).collect())
}

/// For each of `senders` its first unit in `committee` that sees weight `q` of them in it.
fn sees_quorum(dag: &Dag, committee: &Committee, senders: &Committee, q: u64) -> Committee {
    let first = |member: Member| {
        senders.first(member)?;
        let streak = &dag.lane(member)[committee.first(member)? as usize..];
        let blind = streak.partition_point(|unit| seen_weight(dag, *unit, committee, senders) < q);
        streak.get(blind).map(|unit| dag.seq(*unit))
    };
    Committee(dag.era().validators.all().map(first).collect())
}

/// The greatest committee on top of `below`, and the validators who would stand in it if all of `below` did. Whoever
/// sees no quorum leaves, which may take the quorum from others, until nobody has to leave.
fn next(dag: &Dag, below: &Committee, q: u64) -> (Committee, Committee) {
    let hopeful = sees_quorum(dag, below, below, q);
    let mut senders = hopeful.clone();
    if hopeful.weight(dag) < q {
        return (hopeful, Committee::none(dag));
    }
    loop {
        let level = sees_quorum(dag, below, &senders, q);
        if level.members().eq(senders.members()) {
            return (hopeful, level);
        }
        senders = level;
    }
}

/// The committees C0, C1, … of a block for a quorum, from scratch, up to the last that is not empty, `levels` above C0 at
/// most.
#[must_use]
pub fn committees(dag: &Dag, block: BlockIx, q: u64, levels: u32) -> Vec<Committee> {
    let mut found = vec![voters(dag, block)];
    while found.len() <= levels as usize {
        let (_, level) = next(dag, &found[found.len() - 1], q);
        if level.is_empty() {
            break;
        }
        found.push(level);
    }
    found
}

/// Whether a block is final at threshold `t`, from scratch.
#[must_use]
pub fn is_final(dag: &Dag, block: BlockIx, t: u64) -> bool {
    let reaches =
        |quorum: Quorum| committees(dag, block, quorum.weight, quorum.levels).len() > quorum.levels as usize;
    quorums(dag.era().validators.total(), t).into_iter().any(reaches)
}

/// The greatest threshold at which a block is final; `None` when it is not even at 0.
#[must_use]
pub fn confidence(dag: &Dag, block: BlockIx) -> Option<u64> {
    let (mut low, mut high) = (0, dag.era().validators.total());
    while low < high {
        let middle = low + (high - low) / 2;
        if is_final(dag, block, middle) { low = middle + 1 } else { high = middle }
    }
    low.checked_sub(1)
}

/// The committees of one quorum, kept up to date.
#[derive(Clone, Debug)]
struct Summit {
    quorum: Quorum,
    /// C1, C2, …, none of them empty.
    levels: Vec<Committee>,
    /// Who would stand in the next one if all of the last did.
    hopeful: Committee,
}

impl Summit {
    fn is_final(&self) -> bool {
        self.levels.len() >= self.quorum.levels as usize
    }

    /// Makes the levels again from `from` (counted from 0) on.
    fn rebuild(&mut self, dag: &Dag, voters: &Committee, from: usize) {
        self.levels.truncate(from);
        self.hopeful = Committee::none(dag);
        while !self.is_final() {
            let (hopeful, level) = next(dag, self.levels.last().unwrap_or(voters), self.quorum.weight);
            if level.is_empty() {
                self.hopeful = hopeful;
                return;
            }
            self.levels.push(level);
        }
    }

    /// Takes a new unit of a voter. Nobody has seen it, so it changes the standing of nobody but its creator, and only
    /// in the first committee that its creator is not in yet.
    fn extend(&mut self, dag: &Dag, voters: &Committee, unit: UnitIx) {
        let creator = dag.creator(unit);
        let Some(at) = (0..self.quorum.levels as usize)
            .find(|at| self.levels.get(*at).is_none_or(|level| level.first(creator).is_none()))
        else {
            return;
        };
        let below = at.checked_sub(1).map_or(voters, |at| &self.levels[at]);
        if seen_weight(dag, unit, below, below) < self.quorum.weight {
            return;
        }
        if at == self.levels.len() {
            self.hopeful.0[creator.index()].get_or_insert(dag.seq(unit));
            if self.hopeful.weight(dag) < self.quorum.weight {
                return;
            }
        }
        self.rebuild(dag, voters, at);
    }
}

/// Watches one block until it is final at one threshold. It always has the committees that [`committees`] finds.
#[derive(Clone, Debug)]
pub struct Detector {
    block: BlockIx,
    voters: Committee,
    summits: Vec<Summit>,
}

impl Detector {
    /// A detector for `block` at threshold `t`.
    #[must_use]
    pub fn new(dag: &Dag, block: BlockIx, t: u64) -> Detector {
        let hopeful = Committee::none(dag);
        let summit = |quorum| Summit { quorum, levels: Vec::new(), hopeful: hopeful.clone() };
        let summits = quorums(dag.era().validators.total(), t).into_iter().map(summit).collect();
        let mut detector = Detector { block, voters: hopeful.clone(), summits };
        detector.rebuild(dag);
        detector
    }

    /// The block that it watches.
    #[must_use]
    pub fn block(&self) -> BlockIx {
        self.block
    }

    /// Whether the block is final.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.summits.iter().any(Summit::is_final)
    }

    /// The committees for each quorum, from C0 on.
    pub fn committees(&self) -> impl Iterator<Item = (Quorum, Vec<Committee>)> + '_ {
        self.summits.iter().map(|summit| {
            let all = std::iter::once(&self.voters).chain(&summit.levels).cloned().collect();
            (summit.quorum, all)
        })
    }

    /// Looks at everything again, as new evidence makes necessary.
    pub fn rebuild(&mut self, dag: &Dag) {
        self.voters = voters(dag, self.block);
        for summit in &mut self.summits {
            summit.rebuild(dag, &self.voters, 0);
        }
    }

    /// Takes a unit that was just inserted.
    pub fn extend(&mut self, dag: &Dag, unit: UnitIx) {
        let creator = dag.creator(unit);
        if dag.is_faulty(creator) {
            return;
        }
        let place = creator.index();
        let stands = self.voters.0[place].is_some();
        if dag.blocks().descends(dag.vote(unit), self.block) {
            self.voters.0[place].get_or_insert(dag.seq(unit));
            for summit in &mut self.summits {
                summit.extend(dag, &self.voters, unit);
            }
        } else if stands {
            self.voters.0[place] = None;
            for summit in &mut self.summits {
                summit.rebuild(dag, &self.voters, 0);
            }
        }
    }
}
