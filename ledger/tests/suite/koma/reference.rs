//! Finality a second time, written from the definition alone, with faults that can be switched on: whoever checks the
#![allow(unreachable_pub, reason = "one test binary")]
//! promises of finality has to notice each of them.

use ledger::koma::{BlockIx, Dag, Member, Seen, UnitIx};

/// How finality is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// As it is defined.
    Sound,
    /// Votes alone are enough: no committee has to have seen them.
    LevelZeroOnly,
    /// Who sees no quorum of the committee's senders still counts for others.
    NoPruning,
    /// A vote leaves out those whom the observer, not the voter, knows to have equivocated.
    ObserversEquivocators,
    /// One level is worth as much as many: the factor 1 - 2^-k is dropped.
    NoFactor,
}

/// A graph as one observer has it, with the votes that the rules give.
pub struct View<'a> {
    pub dag: &'a Dag,
    pub rules: Rules,
    votes: Vec<(UnitIx, BlockIx)>,
}

/// From which unit on the streak of each validator counts.
pub type Streaks = Vec<Option<u32>>;

/// What makes a block final.
#[derive(Clone, Debug)]
pub struct Summit {
    pub threshold: u64,
    pub top: Streaks,
}

impl View<'_> {
    pub fn new(dag: &Dag, rules: Rules) -> View<'_> {
        let mut view = View { dag, rules, votes: Vec::new() };
        for unit in dag.all() {
            let vote = match dag.block(unit) {
                Some(block) => block,
                None => view.choose(unit),
            };
            view.votes.push((unit, vote));
        }
        view
    }

    pub fn vote(&self, unit: UnitIx) -> BlockIx {
        self.votes.iter().find(|(known, _)| *known == unit).unwrap().1
    }

    fn weight(&self, member: Member) -> u64 {
        self.dag.era().validators.weight(member)
    }

    /// GHOST, block by block and without a shortcut.
    fn choose(&self, unit: UnitIx) -> BlockIx {
        let blocks = self.dag.blocks();
        let votes: Vec<(BlockIx, u64)> = (self.dag.era().validators.all())
            .filter(|member| self.rules != Rules::ObserversEquivocators || !self.dag.is_faulty(*member))
            .filter_map(|member| match self.dag.sees(unit, member) {
                Seen::Unit(seen) => Some((self.vote(seen), self.weight(member))),
                Seen::None | Seen::Faulty => None,
            })
            .collect();
        let mut best = BlockIx::ROOT;
        loop {
            let heavy = |child: BlockIx| -> u64 {
                votes.iter().filter(|(vote, _)| blocks.descends(*vote, child)).map(|(_, weight)| weight).sum()
            };
            let children = blocks.all().filter(|child| {
                *child != BlockIx::ROOT && blocks.get(*child).parent == best && heavy(*child) > 0
            });
            match children.max_by_key(|child| (heavy(*child), blocks.get(*child).id)) {
                Some(child) => best = child,
                None => return best,
            }
        }
    }

    fn voters(&self, block: BlockIx) -> Streaks {
        let for_block = |unit: &UnitIx| self.dag.blocks().descends(self.vote(*unit), block);
        let streak = |member: Member| {
            let lane = self.dag.lane(member);
            let broken = lane.iter().rposition(|unit| !for_block(unit)).map_or(0, |at| at + 1);
            (!self.dag.is_faulty(member) && broken < lane.len()).then_some(broken as u32)
        };
        self.dag.era().validators.all().map(streak).collect()
    }

    fn support(&self, unit: UnitIx, below: &Streaks, senders: &Streaks) -> u64 {
        let sees = |member: &Member| {
            let latest = match self.dag.sees(unit, *member) {
                _ if *member == self.dag.creator(unit) => Some(self.dag.seq(unit)),
                Seen::Unit(seen) => Some(self.dag.seq(seen)),
                Seen::None | Seen::Faulty => None,
            };
            senders[member.index()].is_some()
                && below[member.index()].is_some_and(|first| latest >= Some(first))
        };
        self.dag.era().validators.all().filter(sees).map(|member| self.weight(member)).sum()
    }

    fn next(&self, below: &Streaks, q: u64) -> Streaks {
        let mut senders = below.clone();
        loop {
            let first = |member: Member| {
                let from = below[member.index()].filter(|_| senders[member.index()].is_some())?;
                let streak = &self.dag.lane(member)[from as usize..];
                let seeing = streak.iter().find(|unit| self.support(**unit, below, &senders) >= q)?;
                Some(self.dag.seq(*seeing))
            };
            let level: Streaks = self.dag.era().validators.all().map(first).collect();
            let stable = level.iter().map(Option::is_some).eq(senders.iter().map(Option::is_some));
            if stable || self.rules == Rules::NoPruning {
                return level;
            }
            senders = level;
        }
    }

    /// The highest summit of `block` for each quorum, as the threshold that it reaches and its top.
    pub fn summits(&self, block: BlockIx) -> Vec<Summit> {
        let total = self.dag.era().validators.total();
        let mut found = Vec::new();
        for q in total / 2 + 1..=total {
            let mut level = self.voters(block);
            let mut levels = 0u32;
            let weigh = |level: &Streaks| -> u64 {
                let all = self.dag.era().validators.all();
                all.filter(|member| level[member.index()].is_some()).map(|member| self.weight(member)).sum()
            };
            if self.rules == Rules::LevelZeroOnly {
                if weigh(&level) >= q {
                    found.push(Summit { threshold: 2 * q - total - 1, top: level });
                }
                continue;
            }
            // Beyond seven levels nothing changes for the few validators of these tests.
            while levels < 7 {
                let above = self.next(&level, q);
                if above.iter().all(Option::is_none) {
                    break;
                }
                level = above;
                levels += 1;
                let surplus = 2 * q - total;
                let power = 1u64 << levels;
                let threshold = match self.rules {
                    Rules::NoFactor => surplus - 1,
                    _ => match (surplus * (power - 1)).checked_sub(1) {
                        Some(most) => most / power,
                        None => continue,
                    },
                };
                found.push(Summit { threshold, top: level.clone() });
            }
        }
        found
    }

    pub fn confidence(&self, block: BlockIx) -> Option<u64> {
        self.summits(block).into_iter().map(|summit| summit.threshold).max()
    }
}
