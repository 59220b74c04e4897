//! Eras that end, and those who decide in them coming and going: what stays bounded, what a stranger can still check, and
//! what those who went can no longer say.

use std::path::Path;

use ledger::account::{CHANGES, FORMER, REMEMBERED_ERAS, VALIDATORS, deciding};
use ledger::genesis::{LONG_ERA_MS, Rules};
use ledger::light::ProofError;
use ledger::{
    DeliverError, Height, KeyPair, Ledger, Proof, PublicKey, RelayedMessage, SubChain, Timestamp, merkle,
    relay,
};

use crate::cluster::{Cluster, RULES};
use crate::common::*;

fn bytes_under(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let size = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => bytes_under(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(size).sum()
}

#[test]
fn an_idle_chain_ends_its_eras_and_keeps_no_more_after_hours_than_after_minutes() {
    // Nothing happens: what is said is "I am here", and an empty block ends each era.
    let mut cluster = Cluster::new(4, Rules { round_ms: 500, ..RULES }, 11);
    let mut kept = Vec::new();
    for _ in 0..7 {
        cluster.run(LONG_ERA_MS);
        let most = cluster.dirs.iter().map(|dir| bytes_under(&dir.path().join("units"))).max().unwrap();
        kept.push(most);
    }
    let standing = cluster.node(0).standing();
    assert!(standing.era >= 6, "era {}", standing.era);
    assert_eq!(cluster.agree(), Height(standing.era), "one block an era, and it ends it");
    assert!(kept[6] <= kept[2] + kept[2] / 4, "two eras' words are kept, not more: {kept:?}");
    let empty = cluster.node(0).committed(Height(1)).unwrap().unwrap();
    assert!(empty.block.transactions.is_empty() && empty.block.messages.is_empty());
    cluster.pay(2, &alice(), &bob());
    cluster.run(5_000);
    assert!(
        (0..4).all(|node| held(cluster.node(node), &alice()) == 999),
        "and it goes on as if nothing had been"
    );
    cluster.verify();
}

/// Elects whoever decides after the next era, by a transaction of bob's.
fn elect(cluster: &mut Cluster, members: &[usize]) {
    let mut members: Vec<(PublicKey, u64)> =
        members.iter().map(|node| (cluster.keys[*node].public(), 1)).collect();
    members.sort_unstable();
    let ledger = cluster.node(0);
    let next = ledger.next_sequence(bob().public().address());
    let elected = order(ledger.chain_id(), &bob(), next, &Order::Appoint { members });
    ledger.submit(elected).unwrap();
    cluster.step(0);
}

/// Lets payments go on for so many eras.
fn trade(cluster: &mut Cluster, eras: u64) {
    let until = cluster.node(0).standing().era + eras;
    for _ in 0..400 {
        if cluster.node(0).standing().era >= until {
            return;
        }
        cluster.pay(0, &alice(), &bob());
        cluster.run(120);
    }
    unreachable!("the eras do not end");
}

/// Six nodes of which four decide at first. Later all but one of these have gone.
fn after_two_elections() -> Cluster {
    let mut cluster = Cluster::on(SubChain::Payment, 4, 2, Rules { era_blocks: 4, ..RULES }, 7);
    cluster.run(1_000);
    trade(&mut cluster, 1);
    elect(&mut cluster, &[0, 3, 4, 5]);
    trade(&mut cluster, 4);
    elect(&mut cluster, &[0, 4, 5]);
    trade(&mut cluster, 4);
    cluster.run(3_000);
    cluster
}

#[test]
fn a_stranger_follows_the_hand_offs_to_those_who_decide_now() {
    let mut cluster = after_two_elections();
    let genesis = cluster.genesis.hash();
    let height = cluster.agree();
    let proof = cluster.node(0).prove_receipt(height, 0).unwrap();
    assert_eq!(proof.hand_offs.len(), 2, "one for each change, not for each era");
    let proven = Proof::decode(&proof.encode()).unwrap().verify(genesis).unwrap();
    assert_eq!(proven.weight.1, 3);
    let early = cluster.node(0).prove_receipt(Height(1), 0).unwrap();
    assert!(early.hand_offs.is_empty());
    assert_eq!(early.verify(genesis).unwrap().weight.1, 4);

    let broken = |change: &dyn Fn(&mut Proof)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof.verify(genesis).unwrap_err()
    };
    assert!(matches!(broken(&|proof| proof.hand_offs.clear()), ProofError::Seal(_)));
    assert!(matches!(
        broken(&|proof| drop(proof.hand_offs.remove(0))),
        ProofError::HandOffSeal { at: 0, .. }
    ));
    assert_eq!(broken(&|proof| proof.hand_offs.swap(0, 1)), broken(&|proof| drop(proof.hand_offs.remove(0))));
    assert_eq!(broken(&|proof| proof.hand_offs[1] = proof.hand_offs[0].clone()), ProofError::HandOff(1));
    assert_eq!(broken(&|proof| proof.hand_offs[1].path.clear()), ProofError::HandOff(1));
    assert_eq!(broken(&|proof| proof.hand_offs[1].envelope.number += 1), ProofError::HandOff(1));
    assert!(matches!(
        broken(&|proof| proof.hand_offs[1].seal.claim.era -= 1),
        ProofError::HandOff(1) | ProofError::HandOffSeal { at: 1, .. }
    ));
    assert!(matches!(
        broken(&|proof| drop(proof.hand_offs[1].seal.signatures.split_off(2))),
        ProofError::HandOffSeal { at: 1, .. }
    ));

    // A node that comes late and takes all blocks from others can tell a stranger as much.
    cluster.kill(2);
    cluster.dirs[2] = tempfile::tempdir().unwrap();
    cluster.start(2);
    cluster.run(4_000);
    assert_eq!(cluster.node(2).height(), height);
    assert_eq!(cluster.node(2).prove_receipt(height, 0).unwrap().hand_offs.len(), 2);
    cluster.node(2).prove_receipt(height, 0).unwrap().verify(genesis).unwrap();
    assert_eq!(cluster.node(2).view(|state| CHANGES.all(state)).len(), 2);
    cluster.verify();
}

/// A ledger of one validator whose eras end with each block, as sender, and one that hears of it.
fn sender_and_reader() -> (Ledger, Ledger) {
    let rules = Rules { era_blocks: 1, era_ms: 0, ..Rules::ALONE };
    let genesis = genesis().with_rules(rules).unwrap();
    let open = |chain| Ledger::open(coins(chain), &genesis, ledger::Options::memory(validator())).unwrap();
    (open(SubChain::Data), open(SubChain::Payment))
}

#[test]
fn who_decided_in_an_era_that_is_over_can_forge_no_message_of_it() {
    let (data, payment) = sender_and_reader();
    data.submit(tell(&data, &alice(), SubChain::Payment, "jute came")).unwrap();
    data.step(Timestamp(2_000)).unwrap().unwrap();
    data.submit(tell(&data, &alice(), SubChain::Payment, "tea came")).unwrap();
    data.step(Timestamp(3_000)).unwrap().unwrap();
    while relay(&data, &payment).unwrap() > 0 {
        payment.step(Timestamp(4_000)).unwrap();
    }
    assert_eq!(payment.expects(SubChain::Data), 4, "two notes, two ends of an era");

    // The old keys seal whatever they like: the same note once more, as a message of the era that is over.
    let forge = |era: u64, key: &KeyPair| -> RelayedMessage {
        let mut message = data.outgoing(SubChain::Payment, 0, 1).unwrap().remove(0);
        message.envelope.number = payment.expects(SubChain::Data);
        (message.index, message.count, message.path) = (0, 1, Vec::new());
        message.seal.claim.outbox_root = merkle::leaf(&borsh::to_vec(&message.envelope).unwrap());
        message.seal.claim.era = era;
        message.seal.signatures = vec![(key.public(), key.sign(&message.seal.claim.signing_bytes()))];
        message
    };
    let field = |message| match payment.deliver(message) {
        Err(DeliverError::Unproved(refusal)) => refusal.field,
        other => unreachable!("{other:?}"),
    };
    for era in [0, 1, 4, u64::MAX] {
        assert_eq!(field(forge(era, &validator())), "era", "{era}");
    }
    assert_eq!(field(forge(2, &person(9))), "seal", "nor can a stranger in the running one");
    assert!(payment.deliver(forge(2, &validator())).is_ok(), "who decides now may say what it likes");
}

#[test]
fn who_decided_long_ago_is_forgotten_but_for_what_the_log_has() {
    let (data, payment) = sender_and_reader();
    for second in 2..REMEMBERED_ERAS + 20 {
        data.submit(pay(&data, &alice(), &bob(), 1)).unwrap();
        data.step(Timestamp(second * 1_000)).unwrap().unwrap();
        while relay(&data, &payment).unwrap() > 0 {
            payment.step(Timestamp(second * 1_000)).unwrap();
        }
    }
    for ledger in [&data, &payment] {
        let rows = ledger.view(|state| VALIDATORS.under(state, &SubChain::Data)).len() as u64;
        assert_eq!(rows, REMEMBERED_ERAS + 2);
        // Evidence against them may come all the same: who decided is remembered a row a change.
        let known = |era| ledger.view(|state| deciding(state, SubChain::Data, era));
        assert_eq!(known(0), Some(vec![(validator().public(), 1)]));
        assert_eq!(known(17), known(0));
        assert_eq!(known(10_000), None);
        assert_eq!(ledger.view(|state| FORMER.under(state, &SubChain::Data)).len(), 1);
    }
    assert_eq!(data.deciding(0).unwrap(), vec![(validator().public(), 1)]);
    assert_eq!(data.deciding(10_000).unwrap(), vec![]);
    assert_eq!(data.confidence(Height(1)).unwrap().total, 1);
    assert!(data.verify_all().is_ok() && payment.verify_all().is_ok());
}
