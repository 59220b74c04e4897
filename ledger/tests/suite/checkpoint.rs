//! Checkpoints: at the end of each of its eras the identity chain says where all chains stand, and its validators sign
//! that with two thirds of the weight, each for what it has itself.

use std::sync::Arc;

use ledger::genesis::Rules;
use ledger::light::{Proof, ProofError};
use ledger::merkle::{self, Edge};
use ledger::{Block, Genesis, Hash, Height, Ledger, Options, StepError, SubChain, Timestamp, relay};
use proptest::prelude::*;

use crate::cluster::{Cluster, RULES};
use crate::common::*;

const ERA: Rules = Rules { era_blocks: 3, era_ms: 0, ..Rules::ALONE };

fn network() -> Genesis {
    genesis().with_rules(ERA).unwrap()
}

fn open(chain: SubChain) -> Arc<Ledger> {
    Arc::new(Ledger::open(coins(chain), &network(), Options::memory(validator())).unwrap())
}

/// Three chains of one node, which hear each other out.
struct House {
    chains: [Arc<Ledger>; 3],
    now: u64,
}

impl House {
    fn new() -> House {
        let chains = SubChain::ALL.map(open);
        chains[0].stand_beside(chains[1..].to_vec());
        House { chains, now: 2_000 }
    }

    fn chain(&self, chain: SubChain) -> &Arc<Ledger> {
        &self.chains[chain as usize]
    }

    /// So many payments, a block each, and all that follows from them on the other chains.
    fn trade(&mut self, chain: SubChain, payments: usize) {
        for _ in 0..payments {
            let ledger = self.chain(chain).clone();
            ledger.submit(pay(&ledger, &alice(), &bob(), 0)).unwrap();
            self.now += 100;
            ledger.step(Timestamp(self.now)).unwrap().unwrap();
            self.hear();
        }
    }

    fn hear(&self) {
        loop {
            let mut moved = 0;
            for from in &self.chains {
                for to in self.chains.iter().filter(|to| to.chain() != from.chain()) {
                    moved += relay(from, to).unwrap();
                }
            }
            let blocks = self.chains.iter().filter_map(|one| one.step(Timestamp(self.now)).unwrap()).count();
            if moved + blocks == 0 {
                return;
            }
        }
    }

    /// A proof of what came of the first payment in a block, under the last checkpoint.
    fn covered(&self, chain: SubChain, height: Height) -> Option<Proof> {
        let mut proof = self.chain(chain).prove_receipt(height, 0).unwrap();
        let word = self.chain(SubChain::Identity).last_word().unwrap()?;
        self.chain(chain).cover(&mut proof, word).unwrap().then_some(proof)
    }
}

#[test]
fn a_checkpoint_covers_all_chains_and_whatever_lies_below_it() {
    let mut house = House::new();
    house.trade(SubChain::Payment, 10);
    house.trade(SubChain::Identity, 9);
    let last = house.chain(SubChain::Identity).last_word().unwrap().unwrap().verify(&network()).unwrap();
    let covers: Vec<SubChain> = last.covers.iter().map(|closing| closing.chain).collect();
    assert_eq!(covers, SubChain::ALL);
    assert_eq!(last.weight, (1, 1));
    assert!(last.number >= 2);
    let trusted = network().hash();
    for closing in &last.covers {
        assert!(closing.height >= Height(3), "{closing:?}");
        let chain = house.chain(closing.chain);
        assert_eq!(chain.committed(closing.height).unwrap().unwrap().seal.claim.block, closing.block);
        for height in (0..=closing.height.0).map(Height) {
            let proof = house.covered(closing.chain, height).unwrap();
            let proven = Proof::decode(&proof.encode()).unwrap().verify(trusted).unwrap();
            assert_eq!(proven.checkpoint.as_ref(), Some(&last), "{} {height}", closing.chain);
        }
        for height in (closing.height.0 + 1..=chain.height().0).map(Height) {
            assert!(house.covered(closing.chain, height).is_none(), "the next one covers it");
        }
    }
    assert!(house.chains.iter().all(|chain| chain.verify_all().is_ok()));
}

#[test]
fn nobody_is_covered_by_a_checkpoint_who_lies_elsewhere() {
    let mut house = House::new();
    house.trade(SubChain::Payment, 10);
    house.trade(SubChain::Identity, 6);
    let (trusted, proof) = (network().hash(), house.covered(SubChain::Payment, Height(4)).unwrap());
    let other = house.covered(SubChain::Payment, Height(5)).unwrap();
    let broken = |change: &dyn Fn(&mut ledger::light::Checkpoint)| {
        let mut proof = proof.clone();
        change(proof.checkpoint.as_mut().unwrap());
        proof.verify(trusted).unwrap_err()
    };
    let path = other.checkpoint.clone().unwrap().path;
    assert_eq!(broken(&|checkpoint| checkpoint.path = path.clone()), ProofError::NotCovered);
    assert_eq!(broken(&|checkpoint| checkpoint.path.clear()), ProofError::NotCovered);
    let within = |error| match error {
        ProofError::Checkpoint(within) => *within,
        other => unreachable!("{other}"),
    };
    let unsigned = within(broken(&|checkpoint| checkpoint.word.seal.signatures.clear()));
    assert!(matches!(unsigned, ProofError::HandOffSeal { at: 0, .. }), "{unsigned}");
    let moved = within(broken(&|checkpoint| checkpoint.word.seal.claim.height.0 += 1));
    assert!(matches!(moved, ProofError::HandOffSeal { at: 0, .. }), "{moved}");
    assert_eq!(within(broken(&|checkpoint| checkpoint.word.envelope.number += 1)), ProofError::HandOff(0));
    // What another chain says of its own eras is no checkpoint.
    let word = house.chain(SubChain::Payment).last_word().unwrap().unwrap();
    assert_eq!(within(word.verify(&network()).unwrap_err()), ProofError::HandOff(0));
}

#[test]
fn a_node_signs_no_checkpoint_over_blocks_that_it_lacks_or_has_otherwise() {
    let mut house = House::new();
    house.trade(SubChain::Payment, 6);
    house.trade(SubChain::Identity, 4);
    let behind = open(SubChain::Payment);
    let again = open(SubChain::Identity);
    again.stand_beside(vec![behind.clone()]);
    // The same validator makes the same block of the same messages and payments.
    let replay = |ledger: &Ledger, block: &Block| {
        for message in &block.messages {
            ledger.deliver(message.clone()).unwrap();
        }
        ledger.submit_batch(block.transactions.clone());
        ledger.step(block.header.time)
    };
    let identity = house.chain(SubChain::Identity);
    let mut held = None;
    for height in (1..=identity.height().0).map(Height) {
        let block = identity.committed(height).unwrap().unwrap();
        if replay(&again, &block.block).unwrap().is_none() {
            held = Some(height);
            break;
        }
    }
    let held = held.expect("an era ends that speaks of payments");
    assert_eq!(again.step(Timestamp(90_000)).unwrap(), None, "it waits as long as it takes");
    let payment = house.chain(SubChain::Payment);
    for height in (1..=payment.height().0).map(Height) {
        let block = payment.committed(height).unwrap().unwrap();
        replay(&behind, &block.block).unwrap().unwrap();
    }
    assert_eq!(
        again.step(Timestamp(90_000)).unwrap().unwrap().height(),
        held,
        "and signs once it has seen them"
    );

    // Elsewhere the payments are others.
    let (fork, stranger) = (open(SubChain::Payment), open(SubChain::Identity));
    for second in 3..30 {
        fork.submit(pay(&fork, &bob(), &alice(), 1)).unwrap();
        fork.step(Timestamp(second * 1_000)).unwrap().unwrap();
    }
    stranger.stand_beside(vec![fork]);
    let outcomes = (1..=identity.height().0).map(|height| {
        let block = identity.committed(Height(height)).unwrap().unwrap();
        replay(&stranger, &block.block)
    });
    let fault = outcomes.filter_map(Result::err).next().expect("it says no");
    assert!(matches!(fault, StepError::Forked { chain: SubChain::Payment, .. }), "{fault}");
}

/// Four validators on three chains. So many milliseconds pass.
fn pass(chains: &mut [Cluster; 3], ms: u64) {
    for _ in 0..ms / 20 {
        chains.iter_mut().for_each(|chain| chain.run(20));
        for node in 0..4 {
            for from in &*chains {
                for to in &*chains {
                    if !std::ptr::eq(from, to) {
                        relay(from.node(node), to.node(node)).unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn four_validators_sign_a_checkpoint_and_one_that_is_cut_off_from_a_chain_waits() {
    let rules = Rules { era_blocks: 4, ..RULES };
    let mut chains = SubChain::ALL.map(|chain| Cluster::on(chain, 4, 0, rules, 31));
    for node in 0..4 {
        let others = chains[1..].iter().map(|chain| chain.node(node).clone());
        chains[0].node(node).stand_beside(others.collect());
    }
    let trade = |chains: &mut [Cluster; 3], turns: usize| {
        for _ in 0..turns {
            chains.iter_mut().for_each(|chain| chain.pay(0, &alice(), &bob()));
            pass(chains, 160);
        }
        pass(chains, 3_000);
    };
    pass(&mut chains, 1_000);
    trade(&mut chains, 12);
    let genesis = chains[0].genesis.clone();
    for node in 0..4 {
        let word = chains[0].node(node).last_word().unwrap().unwrap();
        let checkpoint = word.verify(&genesis).unwrap();
        assert!(checkpoint.weight.0 >= 3 && checkpoint.weight.1 == 4);
        assert_eq!(checkpoint.covers.len(), 3);
        assert_eq!(chains[0].node(node).last_checkpoint().unwrap(), Some(checkpoint));
        let mut proof = chains[2].node(node).prove_receipt(Height(2), 0).unwrap();
        assert!(chains[2].node(node).cover(&mut proof, word).unwrap());
        assert!(proof.verify(genesis.hash()).unwrap().checkpoint.is_some());
    }
    // The last one hears nothing of the payment chain any more.
    chains[2].sides = Some(vec![true, true, true, false]);
    trade(&mut chains, 20);
    let (there, here) = (chains[0].node(0).height(), chains[0].node(3).height());
    assert!(here < there, "it waits at {here}, the others are at {there}");
    chains[2].sides = None;
    pass(&mut chains, 10_000);
    for chain in &chains {
        let height = chain.agree();
        assert!((0..4).all(|node| chain.node(node).height() == height));
        chain.verify();
    }
}

#[test]
fn the_way_to_a_checkpoint_is_short_however_long_the_chain() {
    let mut house = House::new();
    let payment = house.chain(SubChain::Payment).clone();
    for at in 0..2_200 {
        payment.submit(pay(&payment, &alice(), &bob(), 0)).unwrap();
        payment.step(Timestamp(3_000 + at)).unwrap().unwrap();
    }
    house.now = 9_000;
    house.hear();
    house.trade(SubChain::Identity, 6);
    for height in [0, 1, 1_023, 1_024, 1_025, 2_047, 2_048, 2_100].map(Height) {
        let proof = house.covered(SubChain::Payment, height).unwrap();
        assert!(proof.checkpoint.as_ref().unwrap().path.len() <= 12);
        assert!(proof.verify(network().hash()).unwrap().checkpoint.is_some(), "{height}");
    }
}

proptest! {
    /// The edge of a tree has the root of the whole tree at every size.
    #[test]
    fn an_edge_has_the_root_of_the_whole_tree(count in 0u32..300) {
        let leaves: Vec<Hash> = (0..count).map(|at| merkle::leaf(&at.to_le_bytes())).collect();
        let mut edge = Edge::default();
        leaves.iter().for_each(|leaf| edge.push(*leaf));
        prop_assert_eq!((edge.root(), edge.count()), (merkle::root(&leaves), u64::from(count)));
    }
}
