//! One chain, from a signed order to a proof that it happened.

use crate::common::*;
use ledger::light::ProvenFact;
use ledger::{Cause, Height, Options, Proof, SubChain, SubmitError, Timestamp};

#[test]
fn alice_pays_bob_and_bob_proves_it_to_anyone() {
    let ledger = in_memory(SubChain::Payment);
    let payment = pay(&ledger, &alice(), &bob(), 300);
    let id = ledger.submit(payment.clone()).unwrap();
    let block = ledger.step(Timestamp(2_000)).unwrap().unwrap();
    assert_eq!(block.height(), Height(1));
    assert_eq!((held(&ledger, &alice()), held(&ledger, &bob())), (700, 1300));

    let bytes = ledger.prove_receipt(Height(1), 1).unwrap().encode();
    let proven = Proof::decode(&bytes).unwrap().verify(genesis().hash()).unwrap();
    assert_eq!(proven.chain, SubChain::Payment);
    let ProvenFact::Receipt { receipt, transaction, .. } = proven.fact else { unreachable!() };
    assert_eq!((receipt.cause, receipt.outcome), (Cause::Transaction(id), Ok(())));
    assert_eq!(transaction, Some(Box::new(payment)));

    let key = BALANCES.key(&bob().public().address());
    let proven = ledger.prove_state(&key).unwrap().verify(genesis().hash()).unwrap();
    assert_eq!(proven.fact, ProvenFact::Value { key, value: 1300u128.to_le_bytes().to_vec() });
    let key = BALANCES.key(&person(9).public().address());
    let proven = ledger.prove_state(&key).unwrap().verify(genesis().hash()).unwrap();
    assert_eq!(proven.fact, ProvenFact::Absence { key });
}

#[test]
fn what_is_refused_costs_a_sequence_number_and_nothing_else() {
    let ledger = in_memory(SubChain::Payment);
    ledger.submit(pay(&ledger, &alice(), &bob(), 5000)).unwrap();
    let block = ledger.step(Timestamp(2_000)).unwrap().unwrap();
    let refusal = block.receipts[1].outcome.clone().unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("too-little", "amount"));
    assert!(block.receipts[1].events.is_empty());
    assert_eq!((held(&ledger, &alice()), held(&ledger, &bob())), (1000, 1000));
    assert_eq!(ledger.next_sequence(alice().public().address()), 1);
}

#[test]
fn nothing_to_do_makes_no_block_and_an_alarm_makes_one() {
    let ledger = in_memory(SubChain::Payment);
    assert_eq!(ledger.step(Timestamp(2_000)).unwrap(), None);
    let wake = order(ledger.chain_id(), &alice(), 0, &Order::Wake { at: Timestamp(5_000) });
    ledger.submit(wake).unwrap();
    assert!(ledger.step(Timestamp(2_000)).unwrap().is_some());
    assert_eq!(ledger.step(Timestamp(4_999)).unwrap(), None);
    let block = ledger.step(Timestamp(5_000)).unwrap().unwrap();
    assert_eq!(block.receipts[0].events, vec![borsh::to_vec(&Event::Rang).unwrap()]);
    assert_eq!(ledger.step(Timestamp(5_001)).unwrap(), None);
}

#[test]
fn several_orders_of_one_account_wait_in_line_whatever_their_arrival() {
    let ledger = in_memory(SubChain::Payment);
    let to = bob().public().address();
    let at = |sequence| {
        order(ledger.chain_id(), &alice(), sequence, &Order::Pay { to, amount: u128::from(sequence) + 1 })
    };
    for sequence in [2, 0, 1] {
        ledger.submit(at(sequence)).unwrap();
    }
    assert_eq!(ledger.submit(at(1)), Err(SubmitError::Duplicate));
    assert_eq!(ledger.next_sequence(alice().public().address()), 3);
    let block = ledger.step(Timestamp(2_000)).unwrap().unwrap();
    let sequences: Vec<u64> = block.block.transactions.iter().map(|t| t.body.sequence).collect();
    assert_eq!(sequences, [0, 1, 2]);
    assert!(block.receipts.iter().all(|receipt| receipt.outcome.is_ok()));
    assert_eq!(held(&ledger, &bob()), 1006);
    assert_eq!(ledger.submit(at(1)), Err(SubmitError::Used { given: 1, next: 3 }));
}

#[test]
fn a_ledger_resumes_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { flush_every: 3, ..Options::at(dir.path(), validator()) };
    let root = {
        let ledger = open(SubChain::Payment, options.clone());
        for day in 0..10 {
            ledger.submit(pay(&ledger, &alice(), &bob(), 10 + day)).unwrap();
            ledger.step(Timestamp(2_000)).unwrap().unwrap();
        }
        ledger.head().seal.claim.state_root
    };
    let ledger = open(SubChain::Payment, options);
    assert_eq!(ledger.recovery().from_store, Some(Height(10)));
    assert_eq!(ledger.head().seal.claim.state_root, root);
    let checked = ledger.verify_all().unwrap();
    assert_eq!((checked.height, checked.transactions, checked.state_root), (Height(10), 10, root));
    ledger.submit(pay(&ledger, &alice(), &bob(), 1)).unwrap();
    assert_eq!(ledger.step(Timestamp(3_000)).unwrap().unwrap().height(), Height(11));
}
