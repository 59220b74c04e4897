//! Notes between two chains: each once, in order, whatever the relay does.

use ledger::account::{INBOX, OUTBOX};
use ledger::{
    DeliverError, Hash, Height, Ledger, MessageBody, RelayedMessage, SubChain, Timestamp, merkle, relay,
};
use proptest::prelude::*;

use crate::common::*;

const DATA: SubChain = SubChain::Data;
const PAYMENT: SubChain = SubChain::Payment;

fn pair() -> (Ledger, Ledger) {
    (in_memory(PAYMENT), in_memory(DATA))
}

fn notes(ledger: &Ledger, from: SubChain) -> Vec<String> {
    ledger.view(|state| NOTES.under(state, &from)).into_iter().map(|(_, note)| note).collect()
}

fn settle(ledgers: [&Ledger; 2]) {
    loop {
        let moved = relay(ledgers[0], ledgers[1]).unwrap() + relay(ledgers[1], ledgers[0]).unwrap();
        let blocks = ledgers.map(|ledger| ledger.step(Timestamp(3_000)).unwrap().is_some());
        if moved == 0 && blocks == [false, false] {
            return;
        }
    }
}

fn say(ledger: &Ledger, to: SubChain, note: &str) {
    ledger.submit(tell(ledger, &alice(), to, note)).unwrap();
}

#[test]
fn a_note_that_its_reader_refuses_goes_back_to_its_sender() {
    let (payment, data) = pair();
    for note in ["jute sold", "no", "diesel bought"] {
        say(&payment, DATA, note);
    }
    payment.step(Timestamp(2_000)).unwrap().unwrap();
    settle([&payment, &data]);
    assert_eq!(notes(&data, PAYMENT), ["jute sold", "diesel bought"]);
    assert_eq!(payment.view(|state| RETURNED.all(state)), [((DATA, 1), "unwanted".to_owned())]);
    assert_eq!(data.expects(PAYMENT), 3);
    let refused = data.committed(Height(1)).unwrap().unwrap().receipts[2].clone();
    assert_eq!(refused.outcome.unwrap_err().code, "unwanted");
    assert_eq!(data.verify_all().unwrap().messages, 3);
}

#[test]
fn a_refusal_goes_back_in_few_words_however_many_it_has() {
    let (payment, data) = pair();
    let long = format!("no {}", "\u{e4}".repeat(30 << 10));
    say(&payment, DATA, &long);
    payment.step(Timestamp(2_000)).unwrap().unwrap();
    settle([&payment, &data]);
    let refused = data.committed(Height(1)).unwrap().unwrap();
    assert_eq!(refused.receipts[1].outcome.as_ref().unwrap_err().reason, long, "the receipt has all of it");
    let MessageBody::Failed { number: 0, refusal } = &refused.outbox[0].body else {
        panic!("it was refused")
    };
    assert_eq!(refusal.code, "unwanted");
    assert!(long.starts_with(&refusal.reason) && (1_000..=1_024).contains(&refusal.reason.len()));
    assert_eq!(payment.view(|state| RETURNED.all(state)).len(), 1);
}

#[test]
fn each_fault_of_a_delivery_is_named_in_the_documented_order() {
    let (payment, data) = pair();
    for note in ["one", "two"] {
        say(&payment, DATA, note);
    }
    payment.step(Timestamp(2_000)).unwrap().unwrap();
    let honest = payment.outgoing(DATA, 0, 9).unwrap();
    assert_eq!(honest.len(), 2);
    let mend = |change: &dyn Fn(&mut RelayedMessage)| {
        let mut message = honest[1].clone();
        change(&mut message);
        data.deliver(message).unwrap_err()
    };
    let field = |error: DeliverError| match error {
        DeliverError::Unproved(refusal) => refusal.field,
        other => unreachable!("{other}"),
    };
    assert_eq!(payment.deliver(honest[0].clone()), Err(DeliverError::Destination(PAYMENT)));
    assert_eq!(
        mend(&|message| message.envelope.number = 1024),
        DeliverError::Ahead { number: 1024, next: 0 }
    );
    assert_eq!(field(mend(&|message| message.seal.claim.grade = 1)), "seal");
    assert_eq!(field(mend(&|message| message.seal.claim.chain.0[0] ^= 1)), "seal");
    assert_eq!(field(mend(&|message| message.seal.signatures.clear())), "seal");
    assert_eq!(field(mend(&|message| message.seal.claim.outbox_root.0[0] ^= 1)), "seal");
    assert_eq!(field(mend(&|message| message.envelope.number = 7)), "path");
    assert_eq!(field(mend(&|message| message.index = 0)), "path");
    assert_eq!(field(mend(&|message| message.path.clear())), "path");
    assert_eq!(field(mend(&|message| message.count = 1)), "path");
    data.deliver(honest[1].clone()).unwrap();
    assert_eq!(data.deliver(honest[1].clone()), Err(DeliverError::Waiting(1)));
    assert_eq!(data.step(Timestamp(2_000)).unwrap(), None, "the first is still missing");
    data.deliver(honest[0].clone()).unwrap();
    data.step(Timestamp(2_000)).unwrap().unwrap();
    assert_eq!(data.deliver(honest[1].clone()), Err(DeliverError::Used { number: 1, next: 2 }));
    assert_eq!(notes(&data, PAYMENT), ["one", "two"]);
}

#[test]
fn a_relay_finds_old_messages_by_number() {
    let payment = in_memory(PAYMENT);
    for block in 0..40 {
        // Some blocks send nothing, some send several, to two chains.
        payment.submit(pay(&payment, &bob(), &alice(), 1)).unwrap();
        for note in 0..block % 3 {
            say(&payment, DATA, &format!("{block}/{note}"));
            say(&payment, SubChain::Identity, "credit");
        }
        payment.step(Timestamp(2_000)).unwrap().unwrap();
    }
    let sent = payment.view(|state| OUTBOX.get(state, &DATA)).unwrap();
    assert_eq!(sent, 39);
    for first in 0..=sent + 1 {
        for limit in [1, 2, 100] {
            let messages = payment.outgoing(DATA, first, limit).unwrap();
            let numbers: Vec<u64> = messages.iter().map(|message| message.envelope.number).collect();
            let expected: Vec<u64> = (first..sent).take(limit).collect();
            assert_eq!(numbers, expected);
        }
    }
}

#[test]
fn a_relay_asks_for_nothing_that_waits_already() {
    let (payment, data) = pair();
    for note in 0..1_200 {
        say(&payment, DATA, &format!("note {note}"));
        if note % 600 == 599 {
            payment.step(Timestamp(2_000)).unwrap().unwrap();
        }
    }
    let mut taken = Vec::new();
    while taken.last() != Some(&0) {
        taken.push(relay(&payment, &data).unwrap());
        assert_eq!(
            data.lacks(PAYMENT),
            (taken.iter().sum::<usize>() as u64, 1_024 - taken.iter().sum::<usize>() as u64)
        );
    }
    assert_eq!(taken, [256, 256, 256, 256, 0], "a chain holds 1024 messages at most");
    data.step(Timestamp(2_000)).unwrap().unwrap();
    assert_eq!(data.lacks(PAYMENT), (1_024, 1_024));
    settle([&payment, &data]);
    assert_eq!(notes(&data, PAYMENT).len(), 1_200);
    assert_eq!(data.lacks(PAYMENT), (1_200, 1_024));
    // A gap is what it lacks, whatever waits behind it.
    for note in ["one", "two", "three"] {
        say(&payment, DATA, note);
    }
    payment.step(Timestamp(3_000)).unwrap().unwrap();
    let messages = payment.outgoing(DATA, 1_200, 3).unwrap();
    data.deliver(messages[0].clone()).unwrap();
    data.deliver(messages[2].clone()).unwrap();
    assert_eq!(data.lacks(PAYMENT), (1_201, 1_023));
    assert_eq!(relay(&payment, &data).unwrap(), 1);
    assert_eq!(data.lacks(PAYMENT), (1_203, 1_021));
}

#[test]
fn paths_read_off_the_levels_lead_to_the_root_by_definition() {
    let leaves: Vec<Hash> = (0..70u8).map(|number| merkle::leaf(&[number])).collect();
    for count in 0..=leaves.len() {
        let leaves = &leaves[..count];
        let levels = merkle::Levels::new(leaves.to_vec());
        for (index, leaf) in leaves.iter().enumerate() {
            let path = levels.path(index);
            assert!(merkle::verify(merkle::root(leaves), *leaf, index, count, &path), "{index} of {count}");
            assert_eq!(merkle::path(leaves, index), path);
        }
        assert_eq!((levels.count(), levels.path(count)), (count, Vec::new()));
    }
}

/// What may happen between two chains.
#[derive(Clone, Debug)]
enum Act {
    Say { payment: bool, note: &'static str },
    Step { payment: bool },
    Deliver { payment: bool, pick: usize, forge: u8 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let say = (any::<bool>(), prop::sample::select(vec!["jute", "tea", "no"]))
        .prop_map(|(payment, note)| Act::Say { payment, note });
    let step = any::<bool>().prop_map(|payment| Act::Step { payment });
    let deliver = (any::<bool>(), 0usize..20, 0u8..8).prop_map(|(payment, pick, forge)| Act::Deliver {
        payment,
        pick,
        forge,
    });
    prop::collection::vec(prop_oneof![say, step, deliver.clone(), deliver], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// The relay picks any message ever sent, again and again, in any order, and forges some.
    #[test]
    fn messages_arrive_exactly_once_and_in_order(acts in acts()) {
        let (payment, data) = pair();
        let side = |is_payment: bool| if is_payment { (&payment, &data) } else { (&data, &payment) };
        let mut said = [Vec::new(), Vec::new()];
        for act in acts {
            match act {
                Act::Say { payment, note } => {
                    let (from, to) = side(payment);
                    say(from, to.chain(), note);
                    said[usize::from(payment)].push(note);
                }
                Act::Step { payment } => {
                    side(payment).0.step(Timestamp(2_000)).unwrap();
                }
                Act::Deliver { payment, pick, forge } => {
                    let (from, to) = side(payment);
                    let sent = from.outgoing(to.chain(), 0, 1000).unwrap();
                    if sent.is_empty() {
                        continue;
                    }
                    let mut message = sent[pick % sent.len()].clone();
                    match forge {
                        0 => message.envelope.number += 1,
                        1 => message.seal.claim.state_root.0[0] ^= 1,
                        2 => message.seal.signatures[0].1.0[0] ^= 1,
                        _ => {}
                    }
                    let answer = to.deliver(message);
                    let forged = matches!(answer, Ok(()) | Err(DeliverError::Unproved(_))) && forge < 3;
                    prop_assert!(!forged || answer.is_err());
                }
            }
        }
        for ledger in [&payment, &data] {
            while ledger.step(Timestamp(2_500)).unwrap().is_some() {}
        }
        settle([&payment, &data]);
        for (is_payment, said) in [(false, &said[0]), (true, &said[1])] {
            let (from, to) = side(is_payment);
            let kept: Vec<String> =
                said.iter().filter(|note| **note != "no").map(|note| (*note).to_owned()).collect();
            prop_assert_eq!(notes(to, from.chain()), kept);
            let returned = from.view(|state| RETURNED.all(state)).len();
            prop_assert_eq!(returned, said.iter().filter(|note| **note == "no").count());
            let sent = from.view(|state| OUTBOX.get(state, &to.chain())).unwrap_or(0);
            prop_assert_eq!(to.view(|state| INBOX.get(state, &from.chain())).unwrap_or(0), sent);
        }
        prop_assert!(payment.verify_all().is_ok() && data.verify_all().is_ok());
    }
}
