//! Eras and graphs for the tests.
#![allow(unreachable_pub, reason = "one test binary")]

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::koma::{Dag, End, Entry, Era, Member, Pace, Seen, Unit, UnitIx, Validators, VerifiedUnit};
use ledger::{Hash, Height, KeyPair, Tag, Timestamp};

/// The shortest round of the tests' eras.
pub const ROUND_MS: u64 = 300;

/// An era with its validators' keys.
pub struct Cast {
    pub keys: Vec<KeyPair>,
    pub era: Arc<Era>,
}

/// Validators of these weights, in order.
pub fn cast(weights: &[u64]) -> Cast {
    let mut keys: Vec<KeyPair> =
        (0..weights.len()).map(|n| KeyPair::from_seed(Hash::of(Tag::Content, &[n as u8]).0)).collect();
    keys.sort_by_key(KeyPair::public);
    let members = keys.iter().map(KeyPair::public).zip(weights.iter().copied()).collect();
    let era = Era {
        chain: Hash([1; 32]),
        number: 0,
        validators: Validators::new(members).unwrap(),
        banned: BTreeSet::new(),
        start: Timestamp(1_000_000),
        seed: Hash([7; 32]),
        root: Hash([9; 32]),
        root_height: Height(0),
        pace: Pace { round_ms: ROUND_MS, max_exponent: 6 },
        end: End::NEVER,
        strict: false,
    };
    Cast { keys, era: Arc::new(era) }
}

impl Cast {
    /// A unit that cites `panorama`, as early as the rules allow; one that proposes waits for its creator's turn.
    pub fn unit(&self, dag: &Dag, creator: usize, panorama: &[Seen], block: Option<Hash>) -> VerifiedUnit {
        let own = match panorama[creator] {
            Seen::Unit(previous) => Some(previous),
            Seen::None | Seen::Faulty => None,
        };
        let cited = panorama.iter().filter_map(|seen| match seen {
            Seen::Unit(unit) => Some(dag.timestamp(*unit)),
            Seen::None | Seen::Faulty => None,
        });
        let cited = cited.max().unwrap_or(self.era.start);
        let free = own.map_or(cited, |own| cited.max(dag.timestamp(own).plus_ms(ROUND_MS)));
        let timestamp = match block {
            None => free,
            Some(_) => self.turn(creator, free),
        };
        let unit = Unit {
            version: 1,
            chain: self.era.chain,
            era: 0,
            creator: Member(creator as u16),
            seq: own.map_or(0, |own| dag.seq(own) + 1),
            timestamp,
            exponent: 0,
            block,
            panorama: dag.entries(panorama),
        };
        unit.sign(&self.keys[creator])
    }

    /// The first round at or after `at` that `creator` leads.
    pub fn turn(&self, creator: usize, at: Timestamp) -> Timestamp {
        let first = self.era.next_start(at, 0);
        let turn = (0u64..).map(|round| first.plus_ms(round * ROUND_MS));
        turn.into_iter().find(|start| self.era.leader(*start).index() == creator).unwrap()
    }

    /// Inserts a unit that cites the latest units in `dag` of the validators in `cites`, and all that those saw.
    pub fn add(&self, dag: &mut Dag, creator: usize, cites: &[usize], block: Option<Hash>) -> UnitIx {
        let mut panorama = vec![Seen::None; self.keys.len()];
        let tips =
            cites.iter().chain([&creator]).filter_map(|at| dag.lane(Member(*at as u16)).last().copied());
        for tip in tips {
            panorama = join(dag, &panorama, &with(dag, tip));
        }
        let unit = self.unit(dag, creator, &panorama, block);
        dag.insert(&unit).unwrap().unit
    }
}

/// The panorama of a unit, itself included.
pub fn with(dag: &Dag, unit: UnitIx) -> Vec<Seen> {
    let mut panorama: Vec<Seen> = dag.era().validators.all().map(|member| dag.sees(unit, member)).collect();
    panorama[dag.creator(unit).index()] = Seen::Unit(unit);
    panorama
}

/// What two panoramas have seen together.
pub fn join(dag: &Dag, a: &[Seen], b: &[Seen]) -> Vec<Seen> {
    let one = |(a, b): (&Seen, &Seen)| match (*a, *b) {
        (Seen::Faulty, _) | (_, Seen::Faulty) => Seen::Faulty,
        (Seen::None, seen) | (seen, Seen::None) => seen,
        (Seen::Unit(a), Seen::Unit(b)) if dag.follows(a, b) => Seen::Unit(a),
        (Seen::Unit(a), Seen::Unit(b)) if dag.follows(b, a) => Seen::Unit(b),
        (Seen::Unit(_), Seen::Unit(_)) => Seen::Faulty,
    };
    a.iter().zip(b).map(one).collect()
}

/// A block's hash.
pub fn block(n: u8) -> Hash {
    Hash([n; 32])
}

/// An entry that cites the hash of something else.
pub fn stray() -> Entry {
    Entry::Correct(Hash([99; 32]))
}
