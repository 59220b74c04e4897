//! What is refused before a block is made, and in which order; and the bounds of what waits.

use std::collections::BTreeMap;

use ledger::hash::encode;
use ledger::mempool::{Formed, Mempool, Verified};
use ledger::transaction::{DecodeError, MAX_TRANSACTION_BYTES};
use ledger::{
    Address, Hash, Height, KeyPair, Ledger, Limits, Options, Refusal, Scope, Signature, SubChain,
    SubmitError, Timestamp, Transaction,
};
use proptest::prelude::*;

use crate::common::*;

fn note(ledger: &Ledger, who: &KeyPair, sequence: u64) -> Transaction {
    order(ledger.chain_id(), who, sequence, &Order::Tell { to: SubChain::Data, note: "hello".to_owned() })
}

#[test]
fn each_fault_is_named_and_the_first_in_the_documented_order_wins() {
    let limits = Limits { fee_floor: 5, per_account: 4, ..Limits::default() };
    let ledger = open(SubChain::Payment, Options { limits, ..Options::memory(validator()) });
    let mut first = note(&ledger, &alice(), 0);
    first.body.fee = 5;
    let first = first.body.sign(&alice());
    ledger.submit(first.clone()).unwrap();
    ledger.step(Timestamp(2_000)).unwrap().unwrap();

    // From a transaction with every fault, mend one after the other; what is left is told.
    let mut bad = note(&ledger, &person(7), 9);
    bad.body.version = 2;
    bad.body.chain = Hash::ZERO;
    bad.body.expires = Height(1);
    bad.body.key = alice().public();
    bad.body.account = person(9).public().address();
    bad.body.payload = vec![0; MAX_TRANSACTION_BYTES];
    let told = |bad: &Transaction| {
        let error = ledger.submit(bad.clone()).unwrap_err();
        (error.code().to_owned(), error.field().to_owned(), error)
    };
    let check = |bad: &Transaction, code: &str, field: &str, expected: SubmitError| {
        assert_eq!(told(bad), (code.to_owned(), field.to_owned(), expected));
    };
    let bytes = borsh::to_vec(&bad).unwrap().len();
    check(&bad, "too-long", "transaction", DecodeError::TooLong(bytes).into());
    bad.body.payload = vec![9];
    check(&bad, "unknown-version", "version", DecodeError::Version(2).into());
    bad.body.version = 1;
    check(&bad, "wrong-chain", "chain", SubmitError::WrongChain { expected: ledger.chain_id() });
    bad.body.chain = ledger.chain_id();
    check(&bad, "fee-too-low", "fee", SubmitError::Fee { floor: 5, offered: 0 });
    bad.body.fee = 5;
    check(&bad, "expired", "expires", SubmitError::Expired { expires: Height(1), next: Height(2) });
    bad.body.expires = Height(2);
    check(&bad, "wrong-sequence", "sequence", SubmitError::Ahead { given: 9, last: 3 });
    bad.body.sequence = 0;
    check(&bad, "unknown-key", "key", SubmitError::Key(alice().public()));
    bad.body.key = person(9).public();
    check(&bad, "bad-signature", "signature", SubmitError::Signature);
    let bad = bad.body.sign(&person(9));
    let unknown = Refusal::new("unknown-party", "account", "party not yet known on this chain");
    check(&bad, "unknown-party", "account", SubmitError::Refused(unknown));

    check(&first, "wrong-sequence", "sequence", SubmitError::Used { given: 0, next: 1 });
    let mut second = note(&ledger, &alice(), 1);
    second.body.fee = 5;
    let second = second.body.sign(&alice());
    ledger.submit(second.clone()).unwrap();
    check(&second, "duplicate", "transaction", SubmitError::Duplicate);
    let mut rival = second.body.clone();
    rival.fee = 6;
    check(&rival.sign(&alice()), "sequence-taken", "sequence", SubmitError::Taken(1));
    assert_eq!(ledger.waiting(), 1);
}

#[test]
fn a_batch_gets_one_answer_each_in_order() {
    let ledger = in_memory(SubChain::Payment);
    let mut batch: Vec<Transaction> = (0..100).map(|sequence| note(&ledger, &alice(), sequence)).collect();
    batch[40].signature = Signature([0; 64]);
    batch.push(batch[3].clone());
    let answers = ledger.submit_batch(batch.clone());
    for (index, (answer, transaction)) in answers.into_iter().zip(&batch).enumerate() {
        match index {
            40 => assert_eq!(answer, Err(SubmitError::Signature)),
            100 => assert_eq!(answer, Err(SubmitError::Duplicate)),
            _ => assert_eq!(answer, Ok(transaction.id())),
        }
    }
    // What stands behind the gap waits for it.
    assert_eq!(ledger.step(Timestamp(2_000)).unwrap().unwrap().block.transactions.len(), 40);
    assert_eq!((ledger.waiting(), ledger.next_sequence(alice().public().address())), (59, 40));
    assert_eq!(ledger.step(Timestamp(2_000)).unwrap(), None);
    ledger.submit(note(&ledger, &alice(), 40)).unwrap();
    assert_eq!(ledger.step(Timestamp(2_000)).unwrap().unwrap().block.transactions.len(), 60);
    assert_eq!(ledger.waiting(), 0);
}

fn verified(who: &KeyPair, sequence: u64, expires: u64, payload: usize) -> Verified {
    let mut transaction = order(Hash::ZERO, who, sequence, &Order::Wake { at: Timestamp(0) });
    transaction.body.expires = Height(expires);
    transaction.body.payload = vec![0; payload];
    Formed::new(transaction.body.sign(who)).unwrap().verify().unwrap()
}

#[test]
fn the_pool_is_bounded_in_number_in_bytes_and_per_account() {
    let limits = Limits { transactions: 3, bytes: 10_000, per_account: 2, ..Limits::default() };
    let mut pool = Mempool::new(limits);
    pool.insert(verified(&alice(), 0, 9, 10), 0, Height(0)).unwrap();
    pool.insert(verified(&alice(), 1, 9, 10), 0, Height(0)).unwrap();
    let refused = pool.insert(verified(&alice(), 2, 9, 10), 0, Height(0));
    assert_eq!(refused, Err(SubmitError::Ahead { given: 2, last: 1 }));
    let refused = pool.insert(verified(&bob(), 0, 9, 9_999), 0, Height(0));
    assert_eq!(refused, Err(SubmitError::Full { waiting: 2 }));
    pool.insert(verified(&bob(), 0, 9, 10), 0, Height(0)).unwrap();
    let refused = pool.insert(verified(&person(3), 0, 9, 10), 0, Height(0));
    assert_eq!(refused, Err(SubmitError::Full { waiting: 3 }));
    assert_eq!(pool.take(Height(1)).len(), 3);
    assert!(pool.is_empty());
    pool.insert(verified(&person(3), 0, 9, 10), 0, Height(0)).unwrap();
}

#[test]
fn what_waits_behind_gaps_gives_way_to_what_is_next_in_line() {
    let size = encode(verified(&alice(), 0, 9, 1_000).transaction()).len();
    let limits = Limits { bytes: 8 * size, account_bytes: 4 * size, ..Limits::default() };
    let mut pool = Mempool::new(limits);
    let mut insert = |who: u8, sequence| {
        let since = Height(9 - u64::from(who));
        pool.insert(verified(&person(who), sequence, 9, 1_000), 0, since)
    };
    for sequence in [3, 5, 7, 9] {
        insert(1, sequence).unwrap();
        insert(2, sequence).unwrap();
    }
    // More of the same is refused; what somebody else has next in line is not.
    assert_eq!(insert(1, 11), Err(SubmitError::AccountFull { waiting: 4 * size, most: 4 * size }));
    assert_eq!(insert(3, 1), Err(SubmitError::Full { waiting: 8 }));
    insert(3, 0).unwrap();
    // Nor what the account itself has next in line: its own last ones go.
    for sequence in 0..3 {
        insert(1, sequence).unwrap();
    }
    assert_eq!(insert(1, 4), Err(SubmitError::AccountFull { waiting: 4 * size, most: 4 * size }));
    assert_eq!(pool.next_sequence(person(1).public().address(), 0), 4);
    assert_eq!(pool.take(Height(1)).len(), 5);
}

#[test]
fn what_expires_or_waits_too_long_behind_a_gap_goes() {
    let mut pool = Mempool::new(Limits { patience: 10, ..Limits::default() });
    pool.insert(verified(&alice(), 0, 5, 1), 0, Height(0)).unwrap();
    pool.insert(verified(&alice(), 1, 90, 1), 0, Height(0)).unwrap();
    pool.insert(verified(&bob(), 3, 90, 1), 0, Height(0)).unwrap();
    assert!(pool.take(Height(6)).is_empty(), "0 expired, and 1 may not go before it");
    pool.sweep(Height(10));
    assert_eq!(pool.len(), 2);
    pool.sweep(Height(11));
    assert_eq!(pool.len(), 0);
}

#[test]
fn looking_into_the_pool_takes_nothing_out_skips_what_is_under_way_and_clears_what_expired() {
    let mut pool = Mempool::new(Limits::default());
    let nothing = std::collections::HashMap::new();
    let alice_at = |number| std::collections::HashMap::from([(alice().public().address(), number)]);
    for sequence in 0..3 {
        pool.insert(verified(&alice(), sequence, 90, 1), 0, Height(0)).unwrap();
    }
    pool.insert(verified(&bob(), 0, 5, 1), 0, Height(0)).unwrap();
    assert_eq!(pool.look(Height(1), &nothing).len(), 4);
    assert_eq!(pool.look(Height(1), &nothing).len(), 4, "who knows whose block comes next");
    let left: Vec<u64> =
        pool.look(Height(1), &alice_at(2)).iter().map(|one| one.transaction().body.sequence).collect();
    assert_eq!(left, [2, 0], "two of alice's are in a block that is not executed yet");

    assert_eq!(pool.look(Height(6), &nothing).len(), 3, "bob's expired");
    assert_eq!(pool.next_sequence(bob().public().address(), 0), 0, "he may sign again");
    pool.insert(verified(&bob(), 0, 90, 1), 0, Height(6)).unwrap();
    assert_eq!(pool.look(Height(6), &nothing).len(), 4);

    // Somebody else's block took alice's first two.
    pool.settle([(alice().public().address(), 2)]);
    assert_eq!((pool.len(), pool.look(Height(7), &nothing).len()), (2, 2));
}

#[test]
fn a_block_takes_no_more_than_its_bounds() {
    let limits = Limits { block_transactions: 3, block_bytes: 1_200, ..Limits::default() };
    let mut pool = Mempool::new(limits);
    for sequence in 0..4 {
        pool.insert(verified(&alice(), sequence, 9, 1), 0, Height(0)).unwrap();
    }
    for sequence in 4..6 {
        pool.insert(verified(&alice(), sequence, 9, 600), 0, Height(0)).unwrap();
    }
    pool.insert(verified(&alice(), 6, 9, 5_000), 0, Height(0)).unwrap();
    let sizes: Vec<usize> =
        std::iter::from_fn(|| Some(pool.take(Height(1)).len()).filter(|size| *size > 0)).collect();
    assert_eq!(sizes, [3, 2, 1, 1], "and one that is too large for the bound goes alone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However many wait behind gaps, in whatever order and size: bounds hold, and what is next in line is refused
    /// only for what is itself in line.
    #[test]
    fn a_gap_shuts_nobody_out(inserts in prop::collection::vec((1u8..6, 0u64..10, 1usize..400), 0..120)) {
        let (bytes, account_bytes, transactions) = (9_000, 2_500, 30);
        let limits = Limits { bytes, account_bytes, transactions, ..Limits::default() };
        let mut pool = Mempool::new(limits);
        let mut held: BTreeMap<Address, BTreeMap<u64, Verified>> = BTreeMap::new();
        for (at, (who, sequence, payload)) in (0..).zip(inserts) {
            let transaction = verified(&person(who), sequence, 9, payload);
            let account = transaction.transaction().body.account;
            let size = |verified: &Verified| encode(verified.transaction()).len();
            let next = pool.next_sequence(account, 0);
            let answer = pool.insert(transaction.clone(), 0, Height(at));
            if answer.is_ok() {
                held.entry(account).or_default().insert(sequence, transaction.clone());
            }
            for queue in held.values_mut() {
                queue.retain(|_, verified| pool.contains(&verified.id()));
            }
            let in_line: BTreeMap<Address, Vec<usize>> = held
                .iter()
                .map(|(account, queue)| (*account, queue.range(..pool.next_sequence(*account, 0)).map(|(_, verified)| size(verified)).collect()))
                .collect();
            let sum = |account: &Address| in_line.get(account).map_or(0, |sizes| sizes.iter().sum::<usize>());
            match answer {
                Err(SubmitError::AccountFull { .. }) if sequence == next => {
                    prop_assert!(sum(&account) + size(&transaction) > account_bytes);
                }
                Err(SubmitError::Full { .. }) if sequence == next => {
                    let bytes_in_line: usize = in_line.keys().map(sum).sum();
                    let count = in_line.values().map(Vec::len).sum::<usize>();
                    prop_assert!(count == transactions || bytes_in_line + size(&transaction) > bytes);
                }
                _ => {}
            }
            let waiting = |queue: &BTreeMap<u64, Verified>| queue.values().map(size).sum::<usize>();
            prop_assert!(held.values().all(|queue| waiting(queue) <= account_bytes));
            prop_assert!(held.values().map(waiting).sum::<usize>() <= bytes);
            prop_assert_eq!(pool.len(), held.values().map(BTreeMap::len).sum::<usize>());
            prop_assert!(pool.len() <= transactions);
        }
    }
}

/// What a test may do to a pool.
#[derive(Clone, Debug)]
enum Act {
    Insert { who: u8, sequence: u64, expires: u64 },
    Block { refuse: Option<u8> },
    Sweep,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let insert = (1u8..4, 0u64..12, 0u64..30).prop_map(|(who, sequence, expires)| Act::Insert {
        who,
        sequence,
        expires,
    });
    let block = prop::option::of(1u8..4).prop_map(|refuse| Act::Block { refuse });
    prop::collection::vec(prop_oneof![6 => insert, 2 => block, 1 => Just(Act::Sweep)], 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever comes: an account's transactions enter blocks in sequence, each number once; what waits and is next
    /// in line is taken; the counts agree.
    #[test]
    fn the_line_is_kept(acts in acts()) {
        let limits = Limits { per_account: 8, patience: 6, block_transactions: 4, ..Limits::default() };
        let mut pool = Mempool::new(limits);
        let mut executed = [0u64; 4];
        let mut height = Height(0);
        let address = |who: u8| person(who).public().address();
        for act in acts {
            match act {
                Act::Insert { who, sequence, expires } => {
                    let before = pool.len();
                    let taken = pool.insert(verified(&person(who), sequence, expires, 1), executed[usize::from(who)], height);
                    prop_assert_eq!(pool.len(), before + usize::from(taken.is_ok()));
                }
                Act::Block { refuse } => {
                    height = height.next();
                    let taken = pool.take(height);
                    prop_assert!(taken.len() <= 4);
                    let mut next = executed;
                    for verified in &taken {
                        let body = &verified.transaction().body;
                        let who = (1u8..4).find(|who| address(*who) == body.account).unwrap();
                        prop_assert_eq!(body.sequence, next[usize::from(who)]);
                        prop_assert!(body.expires >= height);
                        next[usize::from(who)] += 1;
                    }
                    // Execution may find that an account may no longer sign; its numbers stay unused.
                    if let Some(who) = refuse {
                        next[usize::from(who)] = executed[usize::from(who)];
                    }
                    executed = next;
                    pool.settle((1u8..4).map(|who| (address(who), executed[usize::from(who)])));
                }
                Act::Sweep => pool.sweep(height.next()),
            }
        }
        for _ in 0..40 {
            height = height.next();
            for verified in pool.take(height) {
                let account = verified.transaction().body.account;
                let who = (1u8..4).find(|who| address(*who) == account).unwrap();
                executed[usize::from(who)] += 1;
            }
            pool.settle((1u8..4).map(|who| (address(who), executed[usize::from(who)])));
            pool.sweep(height.next());
        }
        prop_assert!(pool.is_empty(), "everything was taken, expired or lost patience");
    }
}

#[test]
fn a_one_time_code_is_a_key_until_its_hour() {
    let code = person(50);
    let key = ledger::AccountKey { key: code.public(), scope: Scope::EnrolOnce { until: Timestamp(10) } };
    let account = ledger::account::Account { sequence: 0, keys: Some(vec![key]) };
    let address = alice().public().address();
    assert_eq!(account.scope(address, code.public(), Timestamp(9)), Some(key.scope));
    assert_eq!(account.scope(address, code.public(), Timestamp(10)), None);
    assert_eq!(account.scope(address, alice().public(), Timestamp(9)), None, "the first key was replaced");
}
