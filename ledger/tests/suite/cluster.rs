//! Ledgers of many validators, over a network of the test's making: what holds for one holds for all of them together.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ledger::engine::Report;
use ledger::genesis::Rules;
use ledger::koma::Mode;
use ledger::ledger::Request;
use ledger::{Genesis, Height, KeyPair, Ledger, Options, PublicKey, SubChain, Timestamp, Transaction};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::common::*;

pub(crate) const RULES: Rules =
    Rules { round_ms: 60, max_exponent: 6, era_blocks: u64::MAX, era_ms: 0, mode: Mode::Classical };

pub(crate) enum Parcel {
    Bytes(Vec<u8>),
    Transactions(Vec<Transaction>),
}

/// What becomes of bytes under way.
pub(crate) enum Fate {
    Pass,
    Drop,
    /// They arrive so many milliseconds later.
    Late(u64),
    /// Others arrive in their place.
    Instead(Vec<Vec<u8>>),
}

/// What somebody between two nodes does, or a node that lies.
pub(crate) type Tamper = Box<dyn FnMut(usize, usize, &[u8]) -> Fate>;

/// Validators with their disks, the network between them, and one clock.
pub(crate) struct Cluster {
    chain: SubChain,
    pub(crate) genesis: Genesis,
    pub(crate) keys: Vec<KeyPair>,
    pub(crate) dirs: Vec<TempDir>,
    ledgers: Vec<Option<Arc<Ledger>>>,
    wakes: Vec<u64>,
    /// What is under way, by its arrival.
    under_way: BTreeMap<(u64, u64), (usize, usize, Parcel)>,
    sent: u64,
    pub(crate) now: u64,
    /// Which side each is on while the network is parted.
    pub(crate) sides: Option<Vec<bool>>,
    pub(crate) reports: Vec<(usize, Report)>,
    /// Who sends nonsense besides what it should.
    pub(crate) liar: Option<usize>,
    pub(crate) tamper: Option<Tamper>,
    /// How long a message takes, in milliseconds.
    delay: Range<u64>,
    /// How many bytes were sent so far.
    bytes: usize,
    dice: ChaCha8Rng,
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Cluster {
    pub(crate) fn new(validators: u8, rules: Rules, seed: u64) -> Cluster {
        Cluster::on(SubChain::Payment, validators, 0, rules, seed)
    }

    /// Validators of one chain, and after them others who only follow.
    pub(crate) fn on(chain: SubChain, validators: u8, others: u8, rules: Rules, seed: u64) -> Cluster {
        let mut keys: Vec<KeyPair> = (0..validators).map(|seed| person(100 + seed)).collect();
        keys.sort_by_key(KeyPair::public);
        let members = keys.iter().map(|key| (key.public(), 1)).collect();
        keys.extend((0..others).map(|seed| person(150 + seed)));
        let genesis = Genesis::new(Timestamp(1_000), members, [b"identity", b"data", b"payment"])
            .and_then(|genesis| genesis.with_rules(rules))
            .unwrap();
        let count = keys.len();
        let mut cluster = Cluster {
            chain,
            genesis,
            keys,
            dirs: (0..count).map(|_| tempfile::tempdir().unwrap()).collect(),
            ledgers: (0..count).map(|_| None).collect(),
            wakes: vec![0; count],
            under_way: BTreeMap::new(),
            sent: 0,
            now: 1_000,
            sides: None,
            reports: Vec::new(),
            liar: None,
            delay: 2..15,
            bytes: 0,
            tamper: None,
            dice: ChaCha8Rng::seed_from_u64(seed),
        };
        (0..count).for_each(|node| cluster.start(node));
        cluster
    }

    pub(crate) fn start(&mut self, node: usize) {
        let options = Options::at(self.dirs[node].path(), self.keys[node].clone());
        let options = Options { segment_bytes: 1 << 20, ..options };
        let ledger = Ledger::open(coins(self.chain), &self.genesis, options).unwrap();
        for peer in self.keys.iter().filter(|key| key.public() != self.keys[node].public()) {
            ledger.connected(peer.public());
        }
        self.ledgers[node] = Some(Arc::new(ledger));
        self.wakes[node] = self.now;
    }

    /// Starts a node whose engine somebody else made.
    pub(crate) fn start_with(&mut self, node: usize, engine: Box<dyn ledger::Engine>) {
        let options = Options::memory(self.keys[node].clone());
        let ledger = Ledger::open_with(coins(self.chain), &self.genesis, options, None, engine).unwrap();
        self.ledgers[node] = Some(Arc::new(ledger));
        self.wakes[node] = self.now;
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.ledgers[node] = None;
    }

    /// A second instance of a validator, with all that the first one remembers, wakes up beside it.
    fn twin(&mut self, node: usize) {
        self.kill(node);
        let dir = tempfile::tempdir().unwrap();
        copy(self.dirs[node].path(), dir.path());
        self.keys.push(self.keys[node].clone());
        self.dirs.push(dir);
        self.ledgers.push(None);
        self.wakes.push(self.now);
        self.start(node);
        self.start(self.keys.len() - 1);
    }

    pub(crate) fn node(&self, node: usize) -> &Arc<Ledger> {
        self.ledgers[node].as_ref().unwrap()
    }

    fn index(&self, key: PublicKey) -> usize {
        self.keys.iter().position(|known| known.public() == key).unwrap()
    }

    pub(crate) fn post(&mut self, from: usize, to: usize, parcel: Parcel) {
        if self.sides.as_ref().is_some_and(|sides| sides[from] != sides[to]) {
            return;
        }
        self.sent += 1;
        let mut at = self.now + self.dice.random_range(self.delay.clone());
        if let Parcel::Bytes(bytes) = &parcel {
            self.bytes += bytes.len();
        }
        if let (Some(tamper), Parcel::Bytes(bytes)) = (&mut self.tamper, &parcel) {
            match tamper(from, to, bytes) {
                Fate::Pass => {}
                Fate::Drop => return,
                Fate::Late(ms) => at += ms,
                Fate::Instead(others) => {
                    for bytes in others {
                        self.sent += 1;
                        self.under_way.insert((at, self.sent), (from, to, Parcel::Bytes(bytes)));
                    }
                    return;
                }
            }
        }
        if let (true, Parcel::Bytes(bytes)) = (self.liar == Some(from), &parcel) {
            let lie = self.spoil(bytes.clone());
            self.sent += 1;
            self.under_way.insert((at + 1, self.sent), (from, to, Parcel::Bytes(lie)));
        }
        self.under_way.insert((at, self.sent), (from, to, parcel));
    }

    /// What a liar makes of a frame: it changes bytes, cuts it short, lengthens it, or makes one up.
    fn spoil(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.dice.random_range(0..4) {
            0 => {
                for _ in 0..self.dice.random_range(1..4) {
                    let at = self.dice.random_range(0..bytes.len());
                    bytes[at] = self.dice.random_range(0..=255);
                }
            }
            1 => bytes.truncate(self.dice.random_range(0..bytes.len())),
            2 => bytes.extend(0..self.dice.random_range(1u8..50)),
            _ => bytes = (0..self.dice.random_range(1..300)).map(|_| self.dice.random_range(0..9)).collect(),
        }
        bytes
    }

    pub(crate) fn step(&mut self, node: usize) {
        let Some(ledger) = &self.ledgers[node] else { return };
        let (mut requests, now) = (Vec::new(), Timestamp(self.now));
        ledger.step_with(now, &mut |request| requests.push(request)).unwrap();
        let fresh = ledger.take_fresh();
        let others: Vec<usize> = (0..self.keys.len()).filter(|other| *other != node).collect();
        for to in others.iter().filter(|_| !fresh.is_empty()) {
            self.post(node, *to, Parcel::Transactions(fresh.clone()));
        }
        for request in requests {
            match request {
                Request::Wake(at) => self.wakes[node] = at.0.max(self.now + 1),
                Request::Report(report) => self.reports.push((node, report)),
                Request::Send { to: Some(to), bytes, .. } => {
                    self.post(node, self.index(to), Parcel::Bytes(bytes));
                }
                Request::Send { to: None, bytes, .. } => {
                    for to in &others {
                        self.post(node, *to, Parcel::Bytes(bytes.clone()));
                    }
                }
            }
        }
    }

    /// Lets `ms` pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            while let Some(parcel) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (from, to, parcel) = parcel.remove();
                let from = self.keys[from].public();
                let Some(ledger) = &self.ledgers[to] else { continue };
                match parcel {
                    Parcel::Bytes(bytes) => ledger.receive(from, bytes),
                    Parcel::Transactions(transactions) => drop(ledger.submit_passed_on(transactions)),
                }
                self.step(to);
            }
            for node in 0..self.keys.len() {
                if self.wakes[node] <= self.now {
                    self.step(node);
                }
            }
            self.now += 1;
        }
    }

    /// A payment over 1, handed to `node`.
    pub(crate) fn pay(&mut self, node: usize, from: &KeyPair, to: &KeyPair) {
        let ledger = self.node(node);
        ledger.submit(pay(ledger, from, to, 1)).unwrap();
        self.step(node);
    }

    /// All say the same of every height that they have, and of each account.
    pub(crate) fn agree(&self) -> Height {
        let live: Vec<&Ledger> = self.ledgers.iter().flatten().map(|ledger| &**ledger).collect();
        let least = live.iter().map(|ledger| ledger.height()).min().unwrap();
        for height in (1..=least.0).map(Height) {
            let hashes: Vec<_> = live
                .iter()
                .map(|ledger| ledger.committed(height).unwrap().unwrap().seal.claim.clone())
                .collect();
            assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "height {height}");
        }
        least
    }

    pub(crate) fn verify(&self) {
        for ledger in self.ledgers.iter().flatten() {
            ledger.verify_all().unwrap();
            assert_eq!(held(ledger, &alice()) + held(ledger, &bob()), 2_000);
        }
        // Who passes on what a liar sent is not taken for a liar himself.
        let liar = self.liar.map(|liar| self.keys[liar].public());
        let wrong = |report: &Report| match report {
            Report::Listening { .. } | Report::Speaking { .. } | Report::OtherEra { .. } => false,
            Report::Misbehaved { peer, .. } | Report::Malformed { peer } => Some(*peer) != liar,
            Report::Accused { .. } | Report::Alarm { .. } | Report::Diverged(_) => true,
        };
        let wrong: Vec<_> = self.reports.iter().filter(|(_, report)| wrong(report)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn four_validators_settle_payments_alike_and_grow_sure_of_them() {
    let mut cluster = Cluster::new(4, RULES, 1);
    cluster.run(1_000);
    for round in 0..30 {
        cluster.pay(round % 4, &alice(), &bob());
        cluster.pay((round + 1) % 4, &bob(), &alice());
        cluster.run(20);
        cluster.pay((round + 2) % 4, &alice(), &bob());
        cluster.run(37);
    }
    cluster.run(3_000);
    let height = cluster.agree();
    assert!(height.0 >= 10, "{height}");
    for node in 0..4 {
        assert_eq!(cluster.node(node).height(), height);
        assert_eq!(held(cluster.node(node), &alice()), 970, "node {node}");
        assert_eq!(cluster.node(node).waiting(), 0);
        let sure = cluster.node(node).confidence(height).unwrap();
        assert_eq!((sure.weight, sure.total), (3, 4), "all but one would have to cheat");
    }
    cluster.verify();
}

#[test]
fn validators_that_die_at_random_lose_nothing_that_stood_and_never_contradict_themselves() {
    for seed in 0..6 {
        let mut cluster = Cluster::new(4, RULES, seed);
        cluster.run(1_000);
        let mut down: Option<usize> = None;
        let mut stood: Vec<Arc<ledger::Committed>> = Vec::new();
        for _ in 0..40 {
            let from = cluster.dice.random_range(0..4);
            if Some(from) != down {
                cluster.pay(from, &alice(), &bob());
            }
            let ms = cluster.dice.random_range(10..200);
            cluster.run(ms);
            stood.extend(cluster.ledgers.iter().flatten().map(|ledger| ledger.head()));
            match down.take() {
                Some(node) => cluster.start(node),
                None if cluster.dice.random_bool(0.5) => {
                    let node = cluster.dice.random_range(0..4);
                    cluster.kill(node);
                    down = Some(node);
                }
                None => {}
            }
        }
        if let Some(node) = down {
            cluster.start(node);
        }
        // The lights go out everywhere, too.
        (0..4).for_each(|node| cluster.kill(node));
        (0..4).for_each(|node| cluster.start(node));
        cluster.run(5_000);
        let height = cluster.agree();
        for before in stood {
            let after = cluster.node(0).committed(before.height()).unwrap().unwrap();
            assert_eq!(after.seal.claim, before.seal.claim, "seed {seed}");
        }
        assert!(cluster.ledgers.iter().flatten().all(|ledger| ledger.height() == height), "seed {seed}");
        cluster.verify();
    }
}

#[test]
fn a_network_that_was_parted_stalls_and_then_goes_on_as_one() {
    let mut cluster = Cluster::new(4, RULES, 3);
    cluster.run(1_000);
    cluster.pay(0, &alice(), &bob());
    cluster.run(1_000);
    let before = cluster.agree();
    cluster.sides = Some(vec![true, true, false, false]);
    cluster.pay(0, &alice(), &bob());
    cluster.pay(2, &bob(), &alice());
    cluster.run(10_000);
    assert!(cluster.ledgers.iter().flatten().all(|ledger| ledger.height() == before), "half is no quorum");
    cluster.sides = None;
    cluster.run(20_000);
    cluster.agree();
    for node in 0..4 {
        assert_eq!(held(cluster.node(node), &alice()), 999, "node {node}");
    }
    cluster.verify();
}

#[test]
fn eras_follow_each_other_and_a_validator_that_lost_its_disk_speaks_again_in_the_next() {
    let mut cluster = Cluster::new(4, Rules { era_blocks: 6, ..RULES }, 5);
    cluster.run(1_000);
    for _ in 0..20 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(150);
    }
    assert!(cluster.node(0).standing().era >= 2);
    cluster.kill(3);
    cluster.dirs[3] = tempfile::tempdir().unwrap();
    cluster.start(3);
    cluster.run(4_000);
    assert!(cluster.node(3).standing().listening, "it does not know what it said");
    assert_eq!(cluster.node(3).height(), cluster.node(0).height(), "but it follows");
    cluster.kill(3);
    cluster.start(3);
    cluster.run(1_000);
    assert!(cluster.node(3).standing().listening, "to start it again does not bring its memory back");
    for _ in 0..20 {
        cluster.pay(1, &alice(), &bob());
        cluster.run(150);
    }
    cluster.run(3_000);
    assert!(!cluster.node(3).standing().listening);
    let height = cluster.agree();
    let early = cluster.node(0).confidence(Height(3)).unwrap();
    assert!(early.weight >= 1 && early.total == 4);
    for node in 0..4 {
        assert_eq!(cluster.node(node).height(), height);
        assert_eq!(held(cluster.node(node), &alice()), 960);
    }
    cluster.verify();
}

#[test]
fn a_validator_that_sends_nonsense_costs_the_others_nothing_and_is_named() {
    for seed in 0..4 {
        let mut cluster = Cluster::new(4, RULES, seed);
        cluster.run(1_000);
        cluster.liar = Some(2);
        for _ in 0..20 {
            cluster.pay(0, &alice(), &bob());
            cluster.run(100);
        }
        cluster.run(2_000);
        let height = cluster.agree();
        assert!(height.0 >= 10, "seed {seed}: {height}");
        for node in 0..4 {
            assert_eq!(held(cluster.node(node), &alice()), 980, "seed {seed}, node {node}");
        }
        let named = |report: &Report| matches!(report, Report::Malformed { .. } | Report::Misbehaved { .. });
        assert!(cluster.reports.iter().any(|(_, report)| named(report)), "seed {seed}");
        cluster.verify();
    }
}

#[test]
fn whoever_is_behind_on_a_slow_line_is_not_sent_the_same_again_and_again() {
    let mut cluster = Cluster::new(4, RULES, 9);
    cluster.run(1_000);
    // Six rounds pass while a question and its answer are under way.
    cluster.delay = 150..190;
    cluster.kill(3);
    for _ in 0..20 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(500);
    }
    let busy = std::mem::take(&mut cluster.bytes);
    cluster.start(3);
    for _ in 0..20 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(500);
    }
    cluster.run(3_000);
    let caught_up = cluster.agree();
    assert!(cluster.ledgers.iter().flatten().all(|ledger| ledger.height() == caught_up));
    assert!(cluster.bytes < 6 * busy, "{} bytes, and {busy} while all were alike", cluster.bytes);
    cluster.verify();
}

pub(crate) const ADAPTIVE: Rules =
    Rules { mode: Mode::Adaptive { low: 0, within_ms: 3_000, margin: 2 }, ..RULES };

#[test]
fn outside_effects_wait_for_the_grade_that_somebody_asks_for_and_execution_does_not() {
    let mut cluster = Cluster::new(7, ADAPTIVE, 11);
    cluster.run(1_000);
    cluster.pay(0, &alice(), &bob());
    // Nobody waits longer than the one who asks for more, and everybody's wish comes true.
    let mut left: BTreeMap<u64, u64> = BTreeMap::new();
    let before = cluster.node(0).height();
    while left.len() < 4 && cluster.now < 20_000 {
        cluster.run(1);
        let node = cluster.node(0);
        for per_mille in [0, 500, 800, 1_000] {
            let outside = node.outside(before.next(), per_mille);
            if outside.is_some_and(|outside| outside.may_leave()) {
                left.entry(per_mille).or_insert(cluster.now);
            }
        }
        if node.height() > before {
            assert_eq!(
                held(node, &alice()),
                999,
                "it is executed at the low grade, whatever anybody waits for"
            );
        }
    }
    let moments: Vec<u64> = left.into_values().collect();
    assert!(moments.len() == 4 && moments.is_sorted() && moments[0] < moments[3], "{moments:?}");
    let outside = cluster.node(0).outside(before.next(), 0).unwrap();
    assert_eq!((outside.wanted, outside.sure.total), (2, 7), "the classical grade is asked for by nobody");
    assert_eq!(cluster.node(0).committed(before.next()).unwrap().unwrap().seal.claim.grade, 0);
    assert_eq!(
        cluster.node(0).outside(before.next().next().next().next(), 0),
        None,
        "there is no such block"
    );
}

#[test]
fn evidence_raises_the_threshold_of_every_node_at_once_and_asks_more_of_what_leaves() {
    let mut cluster = Cluster::new(7, ADAPTIVE, 12);
    cluster.run(1_000);
    cluster.pay(0, &alice(), &bob());
    cluster.run(1_000);
    let stood: Vec<_> = (0..7).map(|node| cluster.node(node).head()).collect();
    assert!((0..7).all(|node| cluster.node(node).standing().threshold == 0));
    cluster.twin(6);
    for turn in 0..10 {
        cluster.pay(turn % 6, &alice(), &bob());
        cluster.run(300);
    }
    let cheat = cluster.keys[6].public();
    for (node, stood) in stood.iter().enumerate().take(6) {
        let accused =
            |report: &Report| matches!(report, Report::Accused { validator, .. } if *validator == cheat);
        assert!(cluster.reports.iter().any(|(at, report)| *at == node && accused(report)), "node {node}");
        let standing = cluster.node(node).standing();
        assert_eq!((standing.threshold, standing.faulty, standing.halted), (3, 1, false), "node {node}");
        let head = cluster.node(node).height();
        assert_eq!(cluster.node(node).outside(head, 0).unwrap().wanted, 3, "node {node}");
        // What was executed stays, and the others go on without the cheat.
        let same = cluster.node(node).committed(stood.height()).unwrap().unwrap();
        assert_eq!(same.seal.claim, stood.seal.claim);
        assert_eq!(held(cluster.node(node), &alice()), 989, "node {node}");
    }
    let others_only = |(_, report): &(usize, Report)| match report {
        Report::Accused { validator, .. } => *validator != cheat,
        Report::Alarm { .. } | Report::Diverged(_) => true,
        _ => false,
    };
    assert!(!cluster.reports.iter().any(others_only));
}

#[test]
fn more_cheats_than_the_network_bears_stop_all_that_leaves() {
    let mut cluster = Cluster::new(4, RULES, 13);
    cluster.run(1_000);
    cluster.pay(0, &alice(), &bob());
    cluster.run(2_000);
    let height = cluster.node(0).height();
    assert!(cluster.node(0).outside(height, 1_000).unwrap().may_leave());
    cluster.twin(2);
    cluster.twin(3);
    for turn in 0..10 {
        cluster.pay(turn % 2, &alice(), &bob());
        cluster.run(300);
    }
    for node in 0..2 {
        let outside = cluster.node(node).outside(height, 0).unwrap();
        assert!(outside.halted && !outside.may_leave(), "node {node}: {outside:?}");
    }
    assert!(cluster.reports.iter().any(|(node, report)| *node < 2 && matches!(report, Report::Alarm { .. })));
}

#[test]
fn a_majority_that_was_cut_off_stops_at_the_low_grade_before_it_could_contradict_anybody() {
    let mut cluster = Cluster::new(7, ADAPTIVE, 14);
    cluster.run(1_000);
    cluster.pay(0, &alice(), &bob());
    cluster.run(1_000);
    let before = cluster.agree();
    cluster.sides = Some(vec![true, true, true, true, false, false, false]);
    for _ in 0..40 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(250);
    }
    let (went_on, stayed) = (cluster.node(0).height(), cluster.node(6).height());
    assert!(went_on > before, "four of seven are enough for the low grade");
    assert_eq!(stayed, before, "three are not");
    assert_eq!(
        cluster.node(0).standing().threshold,
        2,
        "without the classical grade for so long, it is asked for"
    );
    let head = cluster.node(0).outside(went_on, 0).unwrap();
    assert!(!head.may_leave(), "nothing of what the majority did alone has left: {head:?}");
    cluster.run(5_000);
    assert_eq!(cluster.node(0).height(), went_on, "and so it stands still");
    cluster.sides = None;
    cluster.run(20_000);
    let height = cluster.agree();
    assert!(height > went_on && cluster.node(0).outside(went_on, 0).unwrap().may_leave());
    for node in 0..7 {
        assert_eq!(held(cluster.node(node), &alice()), 959, "node {node}");
    }
    cluster.verify();
}
