//! Checks a trace from its lines alone, by the definitions and without any code of the engine: what a stranger would
//! write who has read what a trace contains.
#![allow(unreachable_pub, reason = "one test binary")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A unit, a block: the text by which the trace names it.
type Name = String;

/// A unit as its line tells it.
struct Unit {
    creator: usize,
    seq: u64,
    cites: Vec<Name>,
    faulty: BTreeSet<usize>,
    block: Option<Name>,
    parent: Option<Name>,
    vote: Name,
}

/// A finding of an observer.
struct Final {
    block: Name,
    observer: usize,
    t: u64,
    /// All that the observer had seen.
    held: BTreeSet<Name>,
}

/// A trace that has been checked line by line.
pub struct Checked {
    pub weights: Vec<u64>,
    genesis: Name,
    units: BTreeMap<Name, Unit>,
    /// The parent of each block.
    blocks: BTreeMap<Name, Name>,
    /// By creator and number.
    places: BTreeMap<(usize, u64), Vec<Name>>,
    accused: BTreeSet<usize>,
    finals: Vec<Final>,
}

/// What a trace shows, for a test to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub units: usize,
    pub blocks: usize,
    pub finals: usize,
    pub accused: usize,
    /// Finals that no longer hold by what the same observer saw last, because somebody was caught since.
    pub shaken: usize,
}

fn fields(line: &Value) -> Vec<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

fn name(value: &Value) -> Name {
    value.as_str().unwrap().to_owned()
}

fn names(value: &Value) -> Vec<Name> {
    value.as_array().unwrap().iter().map(name).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn place(value: &Value) -> usize {
    usize::try_from(number(value)).unwrap()
}

/// Reads a trace and checks every line as it comes, then what all of them say together.
pub fn check(trace: &[u8]) -> Checked {
    let text = std::str::from_utf8(trace).unwrap();
    assert!(text.ends_with('\n'), "the last line is whole");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = lines.next().unwrap();
    assert_eq!(fields(&first), ["genesis", "seed", "weights"]);
    let mut checked = Checked {
        weights: first["weights"].as_array().unwrap().iter().map(number).collect(),
        genesis: name(&first["genesis"]),
        units: BTreeMap::new(),
        blocks: BTreeMap::new(),
        places: BTreeMap::new(),
        accused: BTreeSet::new(),
        finals: Vec::new(),
    };
    number(&first["seed"]);
    let mut unproven = None;
    for line in lines {
        // An equivocation is told right after the unit that completes it.
        let proves = unproven.take();
        match fields(&line)[..] {
            ["against", "evidence"] => checked.evidence(&line, proves),
            _ if proves.is_some() => panic!("{proves:?} equivocated, and the next line is {line}"),
            ["block", "cites", "creator", "faulty", "parent", "seq", "unit", "vote"] => {
                unproven = checked.unit(&line);
            }
            ["final", "observer", "seen", "t"] => checked.finding(&line),
            _ => panic!("unknown line: {line}"),
        }
    }
    assert_eq!(unproven, None, "the trace ends before the last evidence");
    checked.together();
    checked
}

impl Checked {
    fn total(&self) -> u64 {
        self.weights.iter().sum()
    }

    fn weigh<'a>(&self, who: impl IntoIterator<Item = &'a usize>) -> u64 {
        who.into_iter().map(|who| self.weights[*who]).sum()
    }

    /// What a unit cites of each validator.
    fn panorama<'a>(&'a self, unit: &'a Unit) -> BTreeMap<usize, &'a Name> {
        unit.cites.iter().map(|cited| (self.units[cited].creator, cited)).collect()
    }

    fn previous<'a>(&'a self, unit: &'a Unit) -> Option<&'a Name> {
        unit.cites.iter().find(|cited| self.units[*cited].creator == unit.creator)
    }

    /// Whether `later` is `earlier` or has it among its creator's earlier units.
    fn follows(&self, later: &Name, earlier: &Name) -> bool {
        let mut at = Some(later);
        while let Some(name) = at {
            if name == earlier {
                return true;
            }
            at = self.previous(&self.units[name]);
        }
        false
    }

    /// Whether a block is `ancestor` or stands on it.
    fn descends(&self, block: &Name, ancestor: &Name) -> bool {
        let mut at = Some(block);
        while let Some(name) = at {
            if name == ancestor {
                return true;
            }
            at = self.blocks.get(name);
        }
        false
    }

    /// GHOST: from the genesis on to the child with the heaviest votes for itself and what stands on it.
    fn choice(&self, cites: &[Name]) -> Name {
        let mut best = self.genesis.clone();
        loop {
            let mut children: BTreeMap<&Name, u64> = BTreeMap::new();
            for cited in cites {
                let unit = &self.units[cited];
                let mut at = &unit.vote;
                while let Some(parent) = self.blocks.get(at) {
                    if *parent == best {
                        *children.entry(at).or_default() += self.weights[unit.creator];
                    }
                    at = parent;
                }
            }
            // Among equals the greatest name, which comes last.
            match children.into_iter().max_by_key(|(_, weight)| *weight) {
                Some((child, _)) => best = child.clone(),
                None => return best,
            }
        }
    }

    /// Checks a unit by those before it; returns its creator if it equivocates for the first time.
    fn unit(&mut self, line: &Value) -> Option<usize> {
        let known = name(&line["unit"]);
        let optional = |field: &str| (!line[field].is_null()).then(|| name(&line[field]));
        let unit = Unit {
            creator: place(&line["creator"]),
            seq: number(&line["seq"]),
            cites: names(&line["cites"]),
            faulty: line["faulty"].as_array().unwrap().iter().map(place).collect(),
            block: optional("block"),
            parent: optional("parent"),
            vote: name(&line["vote"]),
        };
        assert!(unit.creator < self.weights.len() && !self.units.contains_key(&known), "{line}");
        assert!(
            unit.cites.iter().all(|cited| self.units.contains_key(cited)),
            "cited before it is told: {line}"
        );
        let panorama = self.panorama(&unit);
        assert_eq!(panorama.len(), unit.cites.len(), "one unit of each validator at most: {line}");
        let honest = |who: &usize| !panorama.contains_key(who) && *who != unit.creator;
        assert!(unit.faulty.iter().all(honest), "a cheat is not cited, and nobody calls itself one: {line}");
        assert!(unit.faulty.is_subset(&self.accused), "no cheat without evidence: {line}");
        let expected = self.previous(&unit).map_or(0, |previous| self.units[previous].seq + 1);
        assert_eq!(unit.seq, expected, "{line}");
        // What is cited has seen nothing that the unit does not admit.
        for cited in unit.cites.iter().map(|cited| &self.units[cited]) {
            assert!(cited.faulty.is_subset(&unit.faulty), "{line}");
            for (who, theirs) in self.panorama(cited) {
                let admits = panorama.get(&who).is_some_and(|ours| self.follows(ours, theirs));
                assert!(admits || unit.faulty.contains(&who), "not closed: {line}");
            }
        }
        let choice = self.choice(&unit.cites);
        match (&unit.block, &unit.parent) {
            (None, None) => assert_eq!(unit.vote, choice, "{line}"),
            (Some(block), Some(parent)) => {
                assert_eq!((&unit.vote, parent), (block, &choice), "{line}");
                assert!(!self.blocks.contains_key(block) && *block != self.genesis, "{line}");
                self.blocks.insert(block.clone(), choice);
            }
            _ => panic!("a block and its parent come together: {line}"),
        }
        let creator = unit.creator;
        let rivals = self.places.entry((creator, unit.seq)).or_default();
        rivals.push(known.clone());
        let caught = rivals.len() > 1;
        self.units.insert(known, unit);
        (caught && !self.accused.contains(&creator)).then_some(creator)
    }

    fn evidence(&mut self, line: &Value, proves: Option<usize>) {
        let against = place(&line["against"]);
        assert_eq!(proves, Some(against), "evidence follows an equivocation: {line}");
        let pair = names(&line["evidence"]);
        let places: BTreeSet<_> = pair.iter().map(|name| self.units[name].seq).collect();
        assert!(pair.len() == 2 && pair[0] != pair[1] && places.len() == 1, "{line}");
        assert!(pair.iter().all(|name| self.units[name].creator == against), "{line}");
        self.accused.insert(against);
    }

    fn finding(&mut self, line: &Value) {
        let seen = names(&line["seen"]);
        let mut held = BTreeSet::new();
        let mut open: Vec<&Name> = seen.iter().collect();
        while let Some(name) = open.pop() {
            if held.insert(name.clone()) {
                open.extend(&self.units[name].cites);
            }
        }
        let cited = |name: &Name| held.iter().any(|held| self.units[held].cites.contains(name));
        assert!(!seen.iter().any(cited), "a tip that something cites: {line}");
        let (block, t) = (name(&line["final"]), number(&line["t"]));
        assert!(t < self.total() && place(&line["observer"]) < self.weights.len(), "{line}");
        assert!(self.is_final(&block, t, &held), "not final by what was seen: {line}");
        self.finals.push(Final { block, observer: place(&line["observer"]), t, held });
    }

    /// Who equivocated provably in a set of units.
    fn cheats(&self, held: &BTreeSet<Name>) -> BTreeSet<usize> {
        let mut places: BTreeMap<(usize, u64), usize> = BTreeMap::new();
        for unit in held.iter().map(|name| &self.units[name]) {
            *places.entry((unit.creator, unit.seq)).or_default() += 1;
        }
        places.into_iter().filter(|(_, count)| *count > 1).map(|((who, _), _)| who).collect()
    }

    /// Whether there are q and k with (2q - W)(2^k - 1) > t 2^k and a summit of k levels above the votes for `block`.
    fn is_final(&self, block: &Name, t: u64, held: &BTreeSet<Name>) -> bool {
        let cheats = self.cheats(held);
        let mut lanes: BTreeMap<usize, Vec<&Name>> = BTreeMap::new();
        for name in held {
            if !cheats.contains(&self.units[name].creator) {
                lanes.entry(self.units[name].creator).or_default().push(name);
            }
        }
        // C0: of each validator the last units without a break that vote for the block or what stands on it.
        let mut level: BTreeMap<usize, Vec<&Name>> = BTreeMap::new();
        for (who, mut lane) in lanes {
            lane.sort_by_key(|name| self.units[*name].seq);
            let streak = lane.iter().rev().take_while(|name| self.descends(&self.units[**name].vote, block));
            let streak = streak.count();
            level.insert(who, lane.split_off(lane.len() - streak));
        }
        level.retain(|_, streak| !streak.is_empty());
        let total = self.total();
        (total / 2 + 1..=total).any(|q| {
            let mut level = level.clone();
            for k in 1u32..=12 {
                level = self.above(&level, q);
                if level.is_empty() {
                    return false;
                }
                let power = 1u128 << k;
                if u128::from(2 * q - total) * (power - 1) > u128::from(t) * power {
                    return true;
                }
            }
            false
        })
    }

    /// The greatest committee above one: whoever sees no quorum of it leaves, until nobody has to.
    fn above<'a>(&self, below: &BTreeMap<usize, Vec<&'a Name>>, q: u64) -> BTreeMap<usize, Vec<&'a Name>> {
        let mut senders: BTreeSet<usize> = below.keys().copied().collect();
        loop {
            let sees = |who: usize, name: &Name| {
                let own = Some((&who, name));
                let cited = self.panorama(&self.units[name]);
                let latest =
                    cited.iter().filter(|(of, _)| **of != who).map(|(of, cited)| (of, *cited)).chain(own);
                let counted = latest.filter(|(of, latest)| {
                    let first = senders.contains(of).then(|| below[of][0]);
                    first.is_some_and(|first| self.follows(latest, first))
                });
                self.weigh(counted.map(|(of, _)| of).collect::<Vec<_>>()) >= q
            };
            let mut level = BTreeMap::new();
            for who in &senders {
                let streak = &below[who];
                if let Some(at) = streak.iter().position(|name| sees(*who, name)) {
                    level.insert(*who, streak[at..].to_vec());
                }
            }
            if level.len() == senders.len() {
                return level;
            }
            senders = level.keys().copied().collect();
        }
    }

    /// What holds of all lines together.
    fn together(&self) {
        // Two units in one place: exactly those are accused.
        let twice = self.places.iter().filter(|(_, units)| units.len() > 1).map(|((who, _), _)| *who);
        assert_eq!(twice.collect::<BTreeSet<_>>(), self.accused);
        // Competing finals prove, from what both observers saw, more cheats than the lower of their thresholds.
        for (at, first) in self.finals.iter().enumerate() {
            for second in &self.finals[at + 1..] {
                if self.descends(&first.block, &second.block) || self.descends(&second.block, &first.block) {
                    continue;
                }
                let union = first.held.union(&second.held).cloned().collect();
                let cheats = self.weigh(&self.cheats(&union));
                assert!(cheats > first.t.min(second.t), "competing finals, and only {cheats} cheated");
            }
        }
        // Whoever saw enough for a block at a grade has said so: by its last word, no block is missing.
        let grades: BTreeSet<u64> = self.finals.iter().map(|found| found.t).collect();
        let last: BTreeMap<usize, &Final> = self.finals.iter().map(|found| (found.observer, found)).collect();
        for (observer, last) in last {
            for t in &grades {
                let told = |block: &Name| {
                    self.finals.iter().any(|f| f.observer == observer && f.t == *t && f.block == *block)
                };
                for block in self.blocks.keys().filter(|block| !told(block)) {
                    assert!(
                        !self.is_final(block, *t, &last.held),
                        "{observer} did not say that {block} is final at {t}"
                    );
                }
            }
        }
    }

    pub fn counts(&self) -> Counts {
        let mut last: BTreeMap<usize, &Final> = BTreeMap::new();
        for found in &self.finals {
            last.insert(found.observer, found);
        }
        let shaken = |found: &&Final| !self.is_final(&found.block, found.t, &last[&found.observer].held);
        Counts {
            units: self.units.len(),
            blocks: self.blocks.len(),
            finals: self.finals.len(),
            accused: self.accused.len(),
            shaken: self.finals.iter().filter(shaken).count(),
        }
    }

    /// The most blocks that one observer found final at `t`.
    pub fn height(&self, t: u64) -> usize {
        let mut blocks: BTreeMap<usize, BTreeSet<&Name>> = BTreeMap::new();
        for found in self.finals.iter().filter(|found| found.t == t) {
            blocks.entry(found.observer).or_default().insert(&found.block);
        }
        blocks.values().map(BTreeSet::len).max().unwrap_or(0)
    }
}
