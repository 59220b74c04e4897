//! Three chains of the same validators, who come, go and cheat: every chain follows, each in its own eras.

use std::collections::BTreeSet;

use ledger::account::{BARRED, VALIDATORS};
use ledger::genesis::Rules;
use ledger::koma::{Entry, Evidence, Member, Unit, VerifiedEvidence};
use ledger::{
    Hash, Height, KeyPair, Ledger, MessageBody, PublicKey, RelayedMessage, SubChain, Timestamp, relay,
};

use crate::cluster::{ADAPTIVE, Cluster, RULES};
use crate::common::*;

/// Each chain as a cluster of its own; every node carries messages between its three ledgers.
struct Consortium([Cluster; 3]);

impl Consortium {
    fn new(validators: u8, others: u8, seed: u64) -> Consortium {
        Consortium::with(RULES, validators, others, seed)
    }

    fn with(rules: Rules, validators: u8, others: u8, seed: u64) -> Consortium {
        let rules = Rules { era_blocks: 5, ..rules };
        Consortium(
            SubChain::ALL.map(|chain| Cluster::on(chain, validators, others, rules, seed + chain as u64)),
        )
    }

    fn keys(&self) -> &[KeyPair] {
        &self.0[0].keys
    }

    fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.0.iter().flat_map(|cluster| (0..cluster.keys.len()).map(|node| &**cluster.node(node)))
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(10) {
            self.0.iter_mut().for_each(|cluster| cluster.run(10));
            for node in 0..self.keys().len() {
                for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
                    relay(self.0[from].node(node), self.0[to].node(node)).unwrap();
                }
            }
        }
    }

    /// Trade on all chains for as long as it takes that every chain begins so many eras.
    fn trade(&mut self, eras: u64) {
        let era = |cluster: &Cluster| cluster.node(1).standing().era;
        let until: Vec<u64> = self.0.iter().map(|cluster| era(cluster) + eras).collect();
        for round in 0.. {
            assert!(round < 60 * eras, "the eras do not go on");
            for cluster in &mut self.0 {
                cluster.pay(1, &alice(), &bob());
                cluster.pay(2, &bob(), &alice());
            }
            self.run(150);
            if self.0.iter().zip(&until).all(|(cluster, until)| era(cluster) >= *until) {
                break;
            }
        }
        self.run(2_000);
    }

    /// Somebody asks the identity chain for something.
    fn ask(&mut self, what: &Order) {
        let identity = &mut self.0[0];
        let ledger = identity.node(1);
        let next = ledger.next_sequence(alice().public().address());
        ledger.submit(order(ledger.chain_id(), &alice(), next, what)).unwrap();
        identity.step(1);
    }

    fn members(&self, nodes: &[usize]) -> Vec<(PublicKey, u64)> {
        let mut members: Vec<_> = nodes.iter().map(|node| (self.keys()[*node].public(), 1)).collect();
        members.sort_unstable();
        members
    }

    /// On every chain these nodes decide and no others, and all nodes are at one height.
    fn check(&self, deciding: &[usize]) {
        for cluster in &self.0 {
            let height = cluster.agree();
            for node in 0..cluster.keys.len() {
                let standing = cluster.node(node).standing();
                assert_eq!(standing.validators, deciding.len());
                assert_eq!(standing.decides, deciding.contains(&node), "node {node}");
                assert_eq!(cluster.node(node).height(), height, "node {node}");
            }
        }
    }
}

/// Whose signatures stand under the records of an era.
fn signers(ledger: &Ledger, era: u64) -> BTreeSet<PublicKey> {
    let records = (1..=ledger.height().0).map(|height| ledger.committed(Height(height)).unwrap().unwrap());
    let seals = records.map(|record| record.seal.clone()).filter(|seal| seal.claim.era == era);
    seals.flat_map(|seal| seal.signatures).map(|(key, _)| key).collect()
}

/// Two units of the node's validator at one place of an era.
fn evidence(ledger: &Ledger, key: &KeyPair, era: u64) -> Evidence {
    let members = ledger.view(|state| VALIDATORS.get(state, &(ledger.chain(), era))).unwrap();
    let creator = members.iter().position(|(known, _)| *known == key.public()).unwrap();
    let unit = |timestamp| {
        let unit = Unit {
            version: ledger::koma::unit::VERSION,
            chain: ledger.chain_id(),
            era,
            creator: Member(u16::try_from(creator).unwrap()),
            seq: 0,
            timestamp: Timestamp(timestamp),
            exponent: 0,
            block: Some(Hash([7; 32])),
            panorama: vec![Entry::None; members.len()],
        };
        unit.sign(key)
    };
    VerifiedEvidence::new(unit(1), unit(2)).unwrap().signed()
}

#[test]
fn validators_come_go_and_are_banned_on_every_chain_from_the_era_after_the_next_one_on() {
    let mut consortium = Consortium::new(4, 1, 11);
    consortium.run(1_000);
    consortium.check(&[0, 1, 2, 3]);

    // The fifth follows from the start, catches up, and speaks from the era that names it.
    let members = consortium.members(&[0, 1, 2, 3, 4]);
    consortium.ask(&Order::Appoint { members });
    consortium.trade(3);
    consortium.check(&[0, 1, 2, 3, 4]);
    for cluster in &consortium.0 {
        assert!(!cluster.node(4).standing().listening);
        let era = cluster.node(4).standing().era;
        let newcomer = cluster.keys[4].public();
        assert!(!signers(cluster.node(0), 1).contains(&newcomer), "era 1 was fixed before");
        assert!((2..=era).any(|era| signers(cluster.node(0), era).contains(&newcomer)));
    }

    // One goes, and still follows.
    let members = consortium.members(&[1, 2, 3, 4]);
    consortium.ask(&Order::Appoint { members });
    consortium.trade(3);
    consortium.check(&[1, 2, 3, 4]);

    // One said two things at once on the payment chain: no chain lets it lead again, and soon it decides nowhere.
    let payment = consortium.0[2].node(1);
    let cheat = consortium.keys()[3].clone();
    let proof = evidence(payment, &cheat, payment.standing().era);
    let eras: Vec<u64> = consortium.0.iter().map(|cluster| cluster.node(1).standing().era).collect();
    consortium.ask(&Order::Accuse { evidence: Box::new(proof) });
    consortium.run(500);
    let mut barred = 0;
    for _ in 0..3 {
        consortium.trade(1);
        for ledger in consortium.ledgers() {
            barred += usize::from(ledger.view(|state| BARRED.get(state)) == Some(vec![cheat.public()]));
        }
    }
    assert!(barred > 0, "the era that was fixed before the ban still has it, and does not let it lead");
    consortium.check(&[1, 2, 4]);
    for (cluster, accused_in) in consortium.0.iter().zip(eras) {
        let ledger = cluster.node(1);
        for height in (1..=ledger.height().0).map(Height) {
            let record = ledger.committed(height).unwrap().unwrap();
            let leads = record.block.header.proposer == cheat.public();
            assert!(!leads || record.seal.claim.era <= accused_in + 1, "height {height}");
            let members =
                ledger.view(|state| VALIDATORS.get(state, &(ledger.chain(), record.seal.claim.era)));
            record.seal.verify(&members.unwrap()).unwrap();
        }
        cluster.verify();
    }
}

/// What the seals of a chain claim, from its first block on; a grade after another only where it changes.
fn grades(ledger: &Ledger) -> Vec<(Height, u64)> {
    let records = (1..=ledger.height().0).map(|height| ledger.committed(Height(height)).unwrap().unwrap());
    let mut grades: Vec<_> =
        records.map(|record| (record.block.header.height, record.seal.claim.grade)).collect();
    grades.dedup_by_key(|(_, grade)| *grade);
    grades
}

/// The block by which a chain learned of evidence.
fn convicted(ledger: &Ledger) -> Height {
    let learns = |height: &Height| {
        let block = &ledger.committed(*height).unwrap().unwrap().block;
        let accuses = |bytes: &[u8]| matches!(borsh::from_slice(bytes), Ok(Order::Accuse { .. }));
        let told = |message: &RelayedMessage| match &message.envelope.body {
            MessageBody::Deliver(bytes) => {
                matches!(borsh::from_slice::<Appointment>(bytes), Ok((_, Some(_))))
            }
            MessageBody::Failed { .. } | MessageBody::Validators { .. } => false,
        };
        block.transactions.iter().any(|transaction| accuses(&transaction.body.payload))
            || block.messages.iter().any(told)
    };
    (1..=ledger.height().0).map(Height).find(learns).expect("it learned of it")
}

#[test]
fn evidence_on_record_raises_the_threshold_of_a_whole_chain_from_the_next_block_on() {
    let mut consortium = Consortium::with(ADAPTIVE, 7, 0, 23);
    consortium.run(1_000);
    consortium.trade(1);
    // Nobody saw the two units: all there is is what the chains say.
    let payment = consortium.0[2].node(1);
    let cheat = consortium.keys()[6].clone();
    let proof = evidence(payment, &cheat, payment.standing().era);
    consortium.ask(&Order::Accuse { evidence: Box::new(proof) });
    consortium.run(500);
    // Who starts again knows it, too.
    for cluster in &mut consortium.0 {
        cluster.kill(2);
        cluster.start(2);
    }
    consortium.run(500);
    for cluster in &consortium.0 {
        for node in 0..7 {
            let standing = cluster.node(node).standing();
            assert_eq!((standing.threshold, standing.faulty), (3, 0), "one cheat and a margin of two");
        }
    }
    consortium.trade(4);
    consortium.check(&[0, 1, 2, 3, 4, 5]);
    for cluster in &consortium.0 {
        let height = cluster.agree();
        let ledger = cluster.node(1);
        let [(Height(1), 0), (raised, 3), (out, 1)] = grades(ledger)[..] else {
            panic!("{:?}", grades(ledger))
        };
        assert_eq!(raised, convicted(ledger).next(), "{} chain", ledger.chain());
        // Eras without the cheat stay at the classical grade until the members vote.
        let first = ledger.committed(out).unwrap().unwrap().seal.claim.era;
        let before = ledger.committed(Height(out.0 - 1)).unwrap().unwrap().seal.claim.era;
        assert!(first > before && height > out, "era {before} then {first}, heights {out} to {height}");
        cluster.verify();
    }
    consortium.ask(&Order::Ease);
    consortium.trade(2);
    let identity = &consortium.0[0];
    assert_eq!(grades(identity.node(1)).last().unwrap().1, 0);
    identity.agree();
    identity.verify();
    assert_eq!(grades(consortium.0[2].node(1)).last().unwrap().1, 1, "nobody told this chain");
}

#[test]
fn evidence_is_judged_alike_by_a_chain_that_only_heard_of_the_era() {
    let mut consortium = Consortium::new(4, 0, 5);
    consortium.run(500);
    consortium.trade(2);
    let data = consortium.0[1].node(0);
    let era = data.standing().era;
    let proof = evidence(data, &consortium.keys()[2], era);
    for ledger in consortium.ledgers() {
        let found = ledger.view(|state| proof.prove(state)).unwrap();
        assert_eq!((found.chain, found.era), (SubChain::Data, era));
        assert_eq!(found.validator, consortium.keys()[2].public());
    }
}
