//! Attacks of a validator upon the others: each costs them nothing, and where it shows who did it, he is named.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use ledger::account::EraRecord;
use ledger::engine::{Effect, Host, Input, Report, Standing, Verdict};
use ledger::koma::{Frame, KomaEngine, Start};
use ledger::{Block, Committed, Engine, Hash, Header, Height, PublicKey, Seal, Timestamp};

use crate::cluster::{Cluster, Fate, RULES};
use crate::common::*;

/// Named as one that sends what no honest validator does.
fn named(cluster: &Cluster) -> BTreeSet<usize> {
    let whom = |report: &Report| match report {
        Report::Misbehaved { peer, .. } | Report::Malformed { peer } => Some(*peer),
        _ => None,
    };
    let named = cluster.reports.iter().filter_map(|(_, report)| whom(report));
    named.map(|peer| cluster.keys.iter().position(|key| key.public() == peer).unwrap()).collect()
}

/// An honest validator's engine whose blocks its owner changes before it proposes them.
struct Owned {
    engine: KomaEngine,
    change: fn(&mut Header),
}

struct Changed<'a> {
    host: &'a mut dyn Host,
    change: fn(&mut Header),
}

impl Host for Changed<'_> {
    fn propose(&mut self, now: Timestamp, above: &[Arc<Block>]) -> Option<Block> {
        let mut block = self.host.propose(now, above)?;
        (self.change)(&mut block.header);
        Some(block)
    }

    fn check(&mut self, _: &Block, _: &Header) -> Verdict {
        Verdict::Valid
    }

    fn committed(&self, height: Height) -> Option<Arc<Committed>> {
        self.host.committed(height)
    }

    fn era(&self) -> Option<EraRecord> {
        self.host.era()
    }

    fn validators(&self, era: u64) -> Option<Vec<(PublicKey, u64)>> {
        self.host.validators(era)
    }

    fn is_banned(&self, _key: PublicKey) -> bool {
        false
    }

    fn barred(&self) -> Vec<PublicKey> {
        self.host.barred()
    }
}

impl Engine for Owned {
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect> {
        let mut host = Changed { host, change: self.change };
        self.engine.step(now, input, &mut host)
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.engine.proof(height)
    }

    fn standing(&self) -> Standing {
        self.engine.standing()
    }
}

fn owned(cluster: &Cluster, node: usize, change: fn(&mut Header)) -> Box<Owned> {
    let genesis = &cluster.genesis;
    let ledger = cluster.node(node);
    let root = ledger.committed(Height(0)).unwrap().unwrap().seal.claim.block;
    let start = Start {
        key: cluster.keys[node].clone(),
        chain: ledger.chain_id(),
        rules: genesis.rules,
        era: EraRecord {
            number: 0,
            start: genesis.time,
            seed: ledger.chain_id(),
            root,
            root_height: Height(0),
            strict: false,
        },
        validators: genesis.validators.clone(),
        barred: vec![],
        head: (Height(0), root),
        shares_per_mille: vec![],
        kept: vec![],
    };
    Box::new(Owned { engine: KomaEngine::new(start).unwrap(), change })
}

#[test]
fn a_block_that_names_roots_of_the_far_future_or_past_is_voted_for_by_nobody() {
    let changes: [fn(&mut Header); 4] = [
        |header| header.executed_height = Height(u64::MAX),
        |header| header.executed_height = header.height.plus(1_000),
        |header| header.executed_height = header.height,
        |header| header.state_root = Hash([7; 32]),
    ];
    for change in changes {
        let mut cluster = Cluster::new(4, RULES, 21);
        let engine = owned(&cluster, 3, change);
        cluster.start_with(3, engine);
        cluster.run(1_500);
        for _ in 0..25 {
            cluster.pay(0, &alice(), &bob());
            cluster.run(100);
        }
        cluster.run(3_000);
        let height = cluster.node(0).height();
        assert!(height >= Height(5), "the others go on: {height}");
        for node in 0..3 {
            assert_eq!(held(cluster.node(node), &alice()), 975, "node {node}");
            for height in (1..=height.0).map(Height) {
                let block = cluster.node(node).committed(height).unwrap().unwrap();
                assert_ne!(block.block.header.proposer, cluster.keys[3].public());
            }
            cluster.node(node).verify_all().unwrap();
        }
        assert!(named(&cluster).is_subset(&BTreeSet::from([3])), "{:?}", named(&cluster));
    }
}

#[test]
fn bodies_that_were_dropped_before_a_unit_named_them_are_asked_for_again() {
    let mut cluster = Cluster::new(4, RULES, 22);
    cluster.run(1_000);
    // The last node hears of units long after their bodies, and of nothing that would spare it the bodies.
    let asked = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = asked.clone();
    cluster.tamper = Some(Box::new(move |from, to, bytes| match Frame::decode(bytes).unwrap() {
        Frame::Units(_) if to == 3 => Fate::Late(4_000),
        Frame::Blocks(_) | Frame::Sealed(_) if to == 3 => Fate::Drop,
        Frame::WantBodies(wanted) if from == 3 => {
            seen.borrow_mut().extend(wanted);
            Fate::Pass
        }
        _ => Fate::Pass,
    }));
    for _ in 0..60 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(60);
    }
    let ahead = cluster.node(0).height();
    assert!(ahead > Height(24), "more bodies of each than anybody keeps without a unit: {ahead}");
    cluster.run(10_000);
    assert!(!asked.borrow().is_empty(), "it lacked some");
    assert!(cluster.node(3).height() >= ahead, "{} of {ahead}", cluster.node(3).height());
    cluster.agree();
    cluster.tamper = None;
    cluster.run(5_000);
    assert_eq!(held(cluster.node(3), &alice()), 940);
    cluster.verify();
}

/// What a liar makes of an answer.
type Lie = fn(&mut Vec<(Arc<Block>, Seal)>);

/// Lets node 3 lose its disk and catch up while node 2 makes of each answer whatever `lie` makes of it.
fn catch_up_beside(lie: Lie, copies: usize) -> Cluster {
    let mut cluster = Cluster::new(4, RULES, 23);
    cluster.run(1_000);
    for _ in 0..25 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(120);
    }
    cluster.kill(3);
    cluster.dirs[3] = tempfile::tempdir().unwrap();
    let chosen = cluster.node(0).height();
    let mut lied = false;
    cluster.tamper = Some(Box::new(move |from, to, bytes| match Frame::decode(bytes).unwrap() {
        Frame::Blocks(mut blocks) if (from, to) == (2, 3) => {
            lied = true;
            lie(&mut blocks);
            Fate::Instead(vec![Frame::Blocks(blocks).encode(); copies])
        }
        // Whoever boasts is asked first; so that it is heard first, too, the others are slow to speak.
        Frame::Status { .. } if to == 3 && from != 2 && !lied => Fate::Drop,
        Frame::Status { era, height } if (from, to) == (2, 3) => {
            Fate::Instead(vec![Frame::Status { era, height: height.plus(1_000_000) }.encode()])
        }
        _ => Fate::Pass,
    }));
    cluster.start(3);
    cluster.run(30_000);
    assert!(cluster.node(3).height() >= chosen, "{} of {chosen}", cluster.node(3).height());
    cluster.agree();
    assert_eq!(held(cluster.node(3), &alice()), 975);
    cluster.liar = Some(2);
    cluster.tamper = None;
    cluster.verify();
    cluster
}

#[test]
fn a_liar_cannot_keep_anybody_from_catching_up_and_is_named() {
    let lies: [Lie; 5] = [
        |blocks| Arc::make_mut(&mut blocks[0].0).transactions.clear(),
        |blocks| blocks.iter_mut().for_each(|(_, seal)| seal.claim.state_root = Hash([7; 32])),
        |blocks| blocks.iter_mut().for_each(|(_, seal)| seal.claim.era = 1),
        |blocks| blocks.iter_mut().for_each(|(_, seal)| seal.signatures.truncate(1)),
        |blocks| blocks.iter_mut().for_each(|(_, seal)| seal.claim.grade = 0),
    ];
    for (at, lie) in lies.into_iter().enumerate() {
        assert_eq!(named(&catch_up_beside(lie, 1)), BTreeSet::from([2]), "lie {at}");
    }
}

#[test]
fn a_liar_that_answers_endlessly_or_off_the_point_costs_nothing() {
    // Many copies; blocks from elsewhere; a seal of an era that nobody knows yet.
    let lies: [(Lie, usize); 3] = [
        (|_| (), 200),
        (|blocks| blocks.reverse(), 3),
        (|blocks| blocks.iter_mut().for_each(|(_, seal)| seal.claim.era = 99), 20),
    ];
    for (lie, copies) in lies {
        let cluster = catch_up_beside(lie, copies);
        assert!(named(&cluster).is_subset(&BTreeSet::from([2])));
    }
}

#[test]
fn guests_that_boast_keep_nobody_from_catching_up_and_are_not_even_asked() {
    let mut cluster = Cluster::on(ledger::SubChain::Payment, 4, 3, RULES, 24);
    let asked = Rc::new(RefCell::new(0));
    let seen = asked.clone();
    cluster.tamper = Some(Box::new(move |from, to, bytes| match Frame::decode(bytes).unwrap() {
        Frame::Status { era, .. } if from >= 4 => {
            Fate::Instead(vec![Frame::Status { era, height: Height(u64::MAX) }.encode()])
        }
        Frame::WantBlocks(_) if to >= 4 => {
            *seen.borrow_mut() += usize::from(from == 3);
            Fate::Drop
        }
        _ => Fate::Pass,
    }));
    cluster.run(1_000);
    cluster.kill(3);
    for _ in 0..25 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(120);
    }
    let ahead = cluster.node(0).height();
    cluster.start(3);
    cluster.run(2_500);
    assert!(cluster.node(3).height() >= ahead, "{} of {ahead}", cluster.node(3).height());
    assert_eq!(*asked.borrow(), 0);
    cluster.agree();
}

#[test]
fn frames_replayed_out_of_order_half_valid_or_cut_change_nothing() {
    for seed in 0..3 {
        let mut cluster = Cluster::new(4, RULES, seed);
        cluster.run(1_000);
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut turn = 0usize;
        cluster.tamper = Some(Box::new(move |from, _, bytes| {
            if from != 2 {
                // The liar hears what others say and keeps it.
                if heard.len() < 4_000 {
                    heard.push(bytes.to_vec());
                }
                return Fate::Pass;
            }
            turn += 1;
            let old = heard.get(turn * 7919 % heard.len().max(1)).cloned().unwrap_or_default();
            match turn % 5 {
                0 => Fate::Late(1 + turn as u64 % 900),
                1 => Fate::Instead(vec![bytes.to_vec(), old]),
                2 => Fate::Instead(vec![old, bytes.to_vec(), bytes.to_vec()]),
                3 => {
                    // A frame whose beginning is right, and whose end is another's.
                    let half = bytes.len() / 2;
                    let tail = old.get(half.min(old.len())..).unwrap_or_default();
                    Fate::Instead(vec![[&bytes[..half], tail].concat(), bytes.to_vec()])
                }
                _ => Fate::Pass,
            }
        }));
        cluster.liar = Some(2);
        for _ in 0..30 {
            cluster.pay(0, &alice(), &bob());
            cluster.run(100);
        }
        cluster.tamper = None;
        cluster.liar = None;
        cluster.run(5_000);
        let height = cluster.agree();
        assert!(height >= Height(8), "seed {seed}: {height}");
        assert!((0..4).all(|node| held(cluster.node(node), &alice()) == 970), "seed {seed}");
        assert!(named(&cluster).is_subset(&BTreeSet::from([2])), "seed {seed}: {:?}", named(&cluster));
        cluster.liar = Some(2);
        cluster.verify();
    }
}

#[test]
fn whoever_asks_without_end_is_answered_no_more_than_is_fair() {
    let mut cluster = Cluster::new(4, RULES, 25);
    cluster.run(1_000);
    for _ in 0..10 {
        cluster.pay(0, &alice(), &bob());
        cluster.run(120);
    }
    let block = cluster.node(0).committed(Height(2)).unwrap().unwrap().seal.claim.block;
    let asker = cluster.keys[2].public();
    let answered = |cluster: &Cluster, frame: &Frame| {
        let ledger = cluster.node(0);
        (0..5_000).for_each(|_| ledger.receive(asker, frame.encode()));
        let mut bytes = 0;
        let mut count = |request| {
            if let ledger::ledger::Request::Send { to: Some(_), bytes: sent, .. } = request {
                bytes += sent.len();
            }
        };
        ledger.step_with(Timestamp(cluster.now), &mut count).unwrap();
        bytes
    };
    let bodies = answered(&cluster, &Frame::WantBodies(vec![block]));
    assert!(bodies > 0 && bodies < 100 * 2_000, "50 bodies, not 5000: {bodies} bytes");
    cluster.run(1_000);
    let blocks = answered(&cluster, &Frame::WantBlocks(Height(1)));
    assert!(blocks > 0 && blocks < 20 * 40_000, "10 answers, not 5000: {blocks} bytes");
    cluster.run(2_000);
    cluster.verify();
}
