//! What a block does when its parts do not deserve it.

use std::collections::BTreeMap;

use ledger::account::{account, set_keys};
use ledger::{
    AccountKey, Block, Body, Cause, Executed, Hash, Header, Height, MemoryState, Run, Scope, SubChain, Table,
    Timestamp, Transaction, Write, execute,
};

use crate::common::*;

const CHAIN: SubChain = SubChain::Payment;
const HEIGHT: Height = Height(5);

fn state() -> MemoryState {
    let mut state = MemoryState::default();
    ledger::account::CHAIN_IDS.put(&mut state, &CHAIN, &genesis().chain_id(CHAIN));
    for who in [alice(), bob()] {
        BALANCES.put(&mut state, &who.public().address(), &1000);
    }
    state
}

fn block(transactions: Vec<Transaction>) -> Block {
    let header = Header {
        chain: genesis().chain_id(CHAIN),
        height: HEIGHT,
        parent: Hash::ZERO,
        time: Timestamp(100),
        proposer: validator().public(),
        messages_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        executed_height: Height(4),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
    };
    Block { header, messages: Vec::new(), transactions }
}

fn run(state: &MemoryState, transactions: Vec<Transaction>) -> Executed {
    execute(&*coins(CHAIN), state, &block(transactions))
}

fn take_over(state: &mut MemoryState, changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) {
    changes.into_iter().for_each(|(key, value)| state.set(&key, value));
}

#[test]
fn an_envelope_is_checked_in_the_documented_order_and_leaves_no_trace() {
    let mut state = state();
    let address = alice().public().address();
    let spent = ledger::account::Account { sequence: 3, keys: None };
    ledger::account::ACCOUNTS.put(&mut state, &address, &spent);
    let told = |body: &Body| {
        let executed = run(&state, vec![body.clone().sign(&alice())]);
        let refusal = executed.receipts[1].outcome.clone().unwrap_err();
        assert!(executed.receipts[1].events.is_empty());
        (refusal.code, refusal.field, executed.changes.is_empty())
    };
    let check = |body: &Body, code: &str, field: &str, untouched: bool| {
        assert_eq!(told(body), (code.to_owned(), field.to_owned(), untouched));
    };
    // Every fault at once, mended one by one.
    let honest = order(genesis().chain_id(CHAIN), &alice(), 3, &Order::Wake { at: Timestamp(9) }).body;
    let mut body = honest.clone();
    body.chain = Hash::ZERO;
    body.expires = Height(4);
    body.sequence = 4;
    body.key = bob().public();
    body.terms = Hash::ZERO;
    body.payload = vec![99];
    check(&body, "wrong-chain", "chain", true);
    body.chain = honest.chain;
    check(&body, "expired", "expires", true);
    body.expires = HEIGHT;
    check(&body, "wrong-sequence", "sequence", true);
    body.sequence = 3;
    check(&body, "unknown-key", "key", true);
    body.key = alice().public();
    // From here on the number is used.
    check(&body, "malformed", "payload", false);
    body.payload = honest.payload.clone();
    check(&body, "other-terms", "terms", false);
    body.terms = honest.terms;
    let executed = run(&state, vec![body.sign(&alice())]);
    assert_eq!(executed.receipts[1].outcome, Ok(()));
}

#[test]
fn a_refused_payment_is_undone_to_the_last_coin() {
    let mut state = state();
    let id = genesis().chain_id(CHAIN);
    let to = bob().public().address();
    let orders = [(0, 100), (1, 5000), (2, 900), (3, 1)];
    let transactions =
        orders.map(|(sequence, amount)| order(id, &alice(), sequence, &Order::Pay { to, amount })).to_vec();
    let executed = run(&state, transactions);
    let outcomes: Vec<bool> = executed.receipts.iter().map(|receipt| receipt.outcome.is_ok()).collect();
    assert_eq!(outcomes, [true, true, false, true, false]);
    take_over(&mut state, executed.changes);
    let balance = |who: &ledger::KeyPair| BALANCES.get(&state, &who.public().address()).unwrap();
    assert_eq!((balance(&alice()), balance(&bob())), (0, 2000));
    assert_eq!(account(&state, alice().public().address()).sequence, 4);
}

#[test]
fn a_key_that_was_replaced_within_the_block_signs_no_more() {
    let mut state = state();
    let code = person(77);
    let new = AccountKey { key: code.public(), scope: Scope::Full };
    set_keys(&mut state, alice().public().address(), vec![new]);
    let id = genesis().chain_id(CHAIN);
    let by_old = order(id, &alice(), 0, &Order::Wake { at: Timestamp(9) });
    let mut by_new = by_old.body.clone();
    by_new.key = code.public();
    let executed = run(&state, vec![by_old.clone(), by_new.sign(&code)]);
    assert_eq!(executed.receipts[1].outcome.clone().unwrap_err().code, "unknown-key");
    assert_eq!(executed.receipts[2].outcome, Ok(()));
    assert_eq!(executed.receipts[1].cause, Cause::Transaction(by_old.id()));
}

#[test]
fn a_message_too_long_to_carry_is_refused_where_it_is_sent() {
    let state = state();
    let id = genesis().chain_id(CHAIN);
    let tell = |sequence, length| {
        let note = "x".repeat(length);
        order(id, &alice(), sequence, &Order::Tell { to: SubChain::Data, note })
    };
    let executed = run(&state, vec![tell(0, (64 << 10) - 4), tell(1, (64 << 10) - 3), tell(2, 1)]);
    let codes: Vec<_> =
        executed.receipts[1..].iter().map(|receipt| receipt.outcome.clone().map_err(|r| r.code)).collect();
    assert_eq!(codes, [Ok(()), Err("message-too-long".to_owned()), Ok(())]);
    let numbers: Vec<u64> = executed.outbox.iter().map(|envelope| envelope.number).collect();
    assert_eq!(numbers, [0, 1], "the refused one used no number");
}

#[test]
fn what_falls_due_sends_no_message_too_long_to_carry_either() {
    let mut state = state();
    ALARM.put(&mut state, &LOUD);
    let pay = Order::Pay { to: bob().public().address(), amount: 1 };
    let executed = run(&state, vec![order(genesis().chain_id(CHAIN), &alice(), 0, &pay)]);
    assert_eq!(executed.receipts[0].outcome.as_ref().unwrap_err().code, "message-too-long");
    assert_eq!(executed.receipts[0].events, Vec::<Vec<u8>>::new());
    assert_eq!((executed.outbox.len(), executed.changes.contains_key(&ALARM.key())), (0, false));
    assert_eq!(executed.receipts[1].outcome, Ok(()), "the chain goes on");
}

#[test]
fn a_scan_sees_what_the_block_wrote_before() {
    const SHELF: Table<(u8, u64), u64> = Table::new(60);
    let mut below = MemoryState::default();
    for n in 0..10 {
        SHELF.put(&mut below, &(1, n), &n);
    }
    let mut above = ledger::state::Staged::new(&below);
    SHELF.put(&mut above, &(1, 3), &33);
    SHELF.put(&mut above, &(1, 20), &20);
    SHELF.put(&mut above, &(0, 5), &5);
    SHELF.remove(&mut above, &(1, 4));
    let mut run = Run::new(CHAIN, HEIGHT, Timestamp(0), &mut above);
    SHELF.remove(run.state_mut(), &(1, 0));
    let seen = SHELF.under(run.state(), &1u8);
    let values: Vec<u64> = seen.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [1, 2, 33, 5, 6, 7, 8, 9, 20]);
    let mut first = None;
    SHELF.scan_from(run.state(), &(1, 4), |(_, n), _| {
        first = Some(n);
        false
    });
    assert_eq!(first, Some(5));
}
