//! An admission travels from the identity chain to the data chain, proved and in order.

use data_chain::{DataChain, Payload, view};
use identity_chain::{GenesisParty, IdentityChain, Payload as Ask, Registration};
use ledger::hash::encode;
use ledger::{Hash, RelayedMessage, Scope, SubChain};
use vocabulary::{Role, Roles, Standing};

use crate::stage::{Stage, person};
use crate::{DHAKA_MILLS, account, assert_place, config, jute, refused};

const OPERATOR: u8 = 1;

fn registration(name: &str, number: &str, role: Role) -> Registration {
    Registration {
        name: name.parse().expect("a name"),
        registration_number: number.parse().expect("a number"),
        country: "BD".parse().expect("a country"),
        place: None,
        lei: None,
        roles: Roles::of(&[role]),
    }
}

fn identity() -> Stage<IdentityChain> {
    let operator = GenesisParty {
        registration: registration("Permuta Operations", "1", Role::Operator),
        roles: Roles::of(&[Role::Operator]),
        account: account(OPERATOR),
        keys: vec![person(OPERATOR).public()],
    };
    let config = identity_chain::Config {
        parties: vec![operator],
        registrations_per_day: 10,
        free_per_day: 10,
        validators: vec![],
        bond_needed: false,
    };
    let mut stage = Stage::open(IdentityChain::new(config).expect("a good config"));
    stage.block(vec![], vec![]);
    stage
}

fn ask(stage: &mut Stage<IdentityChain>, who: u8, payload: &Ask) {
    stage.send(account(who), &person(who), encode(payload)).expect("this can be done");
}

/// Takes what the identity chain has said to the data chain and what that has not yet heard.
fn outgoing(identity: &Stage<IdentityChain>, data: &Stage<DataChain>) -> Vec<RelayedMessage> {
    let heard = ledger::account::INBOX.get(&data.state, &SubChain::Identity).unwrap_or(0);
    let to_data = identity.sent.iter().filter(|sent| sent.envelope.to == SubChain::Data);
    to_data.filter(|sent| sent.envelope.number >= heard).cloned().collect()
}

fn relay(identity: &Stage<IdentityChain>, data: &mut Stage<DataChain>) -> usize {
    let messages = outgoing(identity, data);
    let receipts = data.block(messages, vec![]);
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "{receipts:?}");
    receipts.len()
}

#[test]
fn an_admission_arrives_and_a_suspension_follows_it() {
    let (mut identity, mut data) = (identity(), Stage::open(DataChain::new(config())));
    let goods = Payload::DescribeProduct(jute());
    assert_eq!(relay(&identity, &mut data), 1, "the operator of the genesis");

    ask(&mut identity, DHAKA_MILLS, &Ask::Register(registration("Dhaka Mills Ltd", "C-12345", Role::Trader)));
    refused(&mut data, DHAKA_MILLS, &goods, "not-yet-known", "account");
    assert_eq!(relay(&identity, &mut data), 1);
    refused(&mut data, DHAKA_MILLS, &goods, "not-admitted", "account");

    let (party, roles) = (account(DHAKA_MILLS), Roles::of(&[Role::Trader]));
    ask(&mut identity, OPERATOR, &Ask::Admit { party, roles });
    ask(&mut identity, DHAKA_MILLS, &Ask::AddKey { key: person(70).public() });
    let until = identity.time.plus_ms(1_000);
    ask(&mut identity, DHAKA_MILLS, &Ask::InviteKey { code: person(71).public(), until });
    assert_eq!(relay(&identity, &mut data), 2, "a one-time code is nobody else's business");
    let known = view::party(&data.state, party).expect("the word has arrived");
    assert_eq!((known.standing, known.roles), (Standing::Admitted, roles));
    data.send(party, &person(DHAKA_MILLS), encode(&goods)).expect("admitted");
    data.send(party, &person(70), encode(&goods)).expect("the new key works here too");
    assert_eq!(data.send(party, &person(71), encode(&goods)).unwrap_err().code, "unknown-key");
    let keys = ledger::account::account(&data.state, party).keys.expect("they were set");
    assert!(keys.len() == 2 && keys.iter().all(|key| key.scope == Scope::Full));

    ask(&mut identity, DHAKA_MILLS, &Ask::RemoveKey { key: person(DHAKA_MILLS).public() });
    let reason = "Goods were not there".parse().expect("a reason");
    ask(&mut identity, OPERATOR, &Ask::Suspend { party, reason });
    // Until the word arrives, the data chain goes by the last one; then by the new one.
    data.send(party, &person(DHAKA_MILLS), encode(&goods)).expect("not heard yet");
    assert_eq!(relay(&identity, &mut data), 2);
    refused(&mut data, DHAKA_MILLS, &goods, "unknown-key", "key");
    let refusal = data.send(party, &person(70), encode(&goods)).expect_err("suspended");
    assert_place(&refusal, "not-admitted", "account");
    assert_eq!(view::products_of(&data.state, party).len(), 3, "what is on record stays there");
}

#[test]
fn a_word_that_was_not_said_is_not_heard() {
    let (mut identity, mut data) = (identity(), Stage::open(DataChain::new(config())));
    ask(&mut identity, DHAKA_MILLS, &Ask::Register(registration("Dhaka Mills Ltd", "C-12345", Role::Trader)));
    let messages = outgoing(&identity, &data);
    let [first, second] = messages.as_slice() else { panic!("the operator and Dhaka Mills") };
    let mut check = |message: RelayedMessage, code: &str, field: &str| {
        let before = data.state.clone();
        let receipt = data.block(vec![message], vec![]).remove(0);
        assert_place(&receipt.outcome.expect_err(code), code, field);
        assert_eq!(data.state, before);
    };
    check(second.clone(), "out-of-order", "number");
    let payment = identity.sent.iter().find(|sent| sent.envelope.to == SubChain::Payment);
    check(payment.cloned().expect("payment is told too"), "wrong-destination", "to");
    let mut forged = first.clone();
    forged.seal.claim.outbox_root = Hash([1; 32]);
    check(forged, "unproved", "seal");
    let mut swapped = first.clone();
    swapped.envelope.body = second.envelope.body.clone();
    check(swapped, "unproved", "path");

    data.block(vec![first.clone(), second.clone()], vec![]);
    assert_eq!(
        view::party(&data.state, account(DHAKA_MILLS)).map(|party| party.standing),
        Some(Standing::Pending)
    );
    let receipt = data.block(vec![first.clone()], vec![]).remove(0);
    assert_place(&receipt.outcome.expect_err("once"), "out-of-order", "number");
}
