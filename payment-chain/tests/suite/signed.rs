//! The chain under the ledger's own execution: signed transactions, hashed terms, proofs left aside.

use crate::stage::{DEPOSIT, START, amount};
use ledger::transaction::{VERSION, terms_hash};
use ledger::{
    Address, Application, Block, Body, Hash, Header, Height, KeyPair, MemoryState, PublicKey, Receipt, Run,
    SubChain, Write,
};
use payment_chain::{Event, Payload, PaymentChain, view};
use vocabulary::{Role, Standing};

fn key(number: u8) -> KeyPair {
    KeyPair::from_seed([number; 32])
}

fn address(number: u8) -> Address {
    key(number).public().address()
}

fn chain() -> (PaymentChain, MemoryState) {
    let mut config = crate::stage::config();
    for number in [1, 2] {
        let mut word = crate::stage::word(address(number), Standing::Admitted, &[Role::Trader]);
        word.keys[0].key = key(number).public();
        config.parties.push(word);
    }
    config.deposit.endowments = vec![(address(1), amount(1_000))];
    let chain = PaymentChain::new(config).unwrap();
    let mut state = MemoryState::default();
    chain.genesis(&mut Run::new(SubChain::Payment, Height(0), START, &mut state));
    (chain, state)
}

fn body(chain: &PaymentChain, state: &MemoryState, sequence: u64, payload: &Payload) -> Body {
    let payload = borsh::to_vec(payload).unwrap();
    let terms = terms_hash(&chain.terms(state, address(1), &payload).unwrap());
    let (account, key) = (address(1), key(1).public());
    Body {
        version: VERSION,
        chain: Hash::ZERO,
        account,
        key,
        sequence,
        expires: Height(9),
        fee: 0,
        terms,
        payload,
    }
}

/// Executes one block and takes over what it changed.
fn execute(chain: &PaymentChain, state: &mut MemoryState, height: u64, bodies: Vec<Body>) -> Vec<Receipt> {
    let header = Header {
        chain: Hash::ZERO,
        height: Height(height),
        parent: Hash::ZERO,
        time: START,
        proposer: PublicKey([0; 32]),
        messages_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        executed_height: Height(height - 1),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
    };
    let transactions = bodies.into_iter().map(|body| body.sign(&key(1))).collect();
    let done = ledger::execute(chain, state, &Block { header, messages: Vec::new(), transactions });
    for (key, value) in done.changes {
        state.set(&key, value);
    }
    view::audit(state).expect("the books add up");
    done.receipts
}

fn code(receipt: &Receipt) -> &str {
    receipt.outcome.as_ref().map_or_else(|refusal| refusal.code.as_str(), |()| "done")
}

#[test]
fn a_transfer_happens_once_and_only_under_the_terms_that_were_read() {
    let (chain, mut state) = chain();
    let pay = |units| Payload::Transfer { to: address(2), asset: DEPOSIT, amount: amount(units) };
    let first = body(&chain, &state, 0, &pay(300));
    let mut misled = body(&chain, &state, 1, &pay(1));
    misled.payload = borsh::to_vec(&pay(700)).unwrap();
    let too_much = body(&chain, &state, 2, &pay(701));
    let receipts = execute(&chain, &mut state, 1, vec![first.clone(), misled, too_much, first]);
    assert_eq!(
        receipts.iter().map(code).collect::<Vec<_>>(),
        ["done", "done", "other-terms", "not-enough", "wrong-sequence"]
    );
    assert_eq!(view::balance(&state, address(2), DEPOSIT).available, amount(300));
    assert_eq!(view::balance(&state, address(1), DEPOSIT).available, amount(700));
}

#[test]
fn the_first_block_tells_of_what_the_genesis_set() {
    let (chain, mut state) = chain();
    let receipts = execute(&chain, &mut state, 1, vec![]);
    let told: Vec<Event> = receipts[0].events.iter().map(|event| borsh::from_slice(event).unwrap()).collect();
    let balance = view::balance(&state, address(1), DEPOSIT);
    assert!(
        matches!(&told[0], Event::AssetDefined { id: DEPOSIT, asset } if asset.name.as_str() == "deposit dollar")
    );
    assert_eq!(told[1], Event::SupplyChanged { asset: DEPOSIT, supply: amount(1_000) });
    assert_eq!(told[2], Event::BalanceChanged { party: address(1), asset: DEPOSIT, balance });
}

#[test]
fn a_transfer_changes_three_records_only() {
    let (chain, mut state) = chain();
    let pay = Payload::Transfer { to: address(2), asset: DEPOSIT, amount: amount(1) };
    let first = body(&chain, &state, 0, &pay);
    execute(&chain, &mut state, 1, vec![first]);
    let before = state.clone();
    let second = body(&chain, &state, 1, &pay);
    execute(&chain, &mut state, 2, vec![second]);
    let changed = state.0.iter().filter(|(key, value)| before.0.get(*key) != Some(*value)).count();
    assert_eq!(changed, 3, "the sender's sequence number and two balances");
}
