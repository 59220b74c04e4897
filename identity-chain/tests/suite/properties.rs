//! What holds after whatever anybody asks, in any order.

use std::collections::BTreeMap;

use identity_chain::fuzz::{fuzz_event, fuzz_payload};
use identity_chain::party::may_follow;
use identity_chain::{Config, Event, Payload, Registration, view};
use ledger::hash::encode;
use ledger::{AccountKey, Address, Scope, SubChain, Timestamp};
use proptest::prelude::*;
use vocabulary::messages::{Conduct, FromPayment};
use vocabulary::{Role, Roles, Standing, Text};

use crate::cast::{Identity, account, conduct, config, genesis_party, open_with, party_word, registration};
use crate::stage::person;

/// Eight people; the first three stand in the genesis.
const PEOPLE: u8 = 8;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody asks for something, signed with some key for somebody's account.
    Ask { who: u8, key: u8, payload: Payload },
    /// The payment chain reports.
    Report { who: u8, conduct: Conduct },
    /// Time goes by.
    Wait { ms: u64 },
}

fn people() -> impl Strategy<Value = u8> {
    1..=PEOPLE
}

/// Keys of people and of nobody yet.
fn keys() -> impl Strategy<Value = u8> {
    1..=PEOPLE + 6
}

fn roles() -> impl Strategy<Value = Roles> {
    (0..=255u8).prop_map(|bits| {
        let chosen: Vec<Role> = Role::ALL.into_iter().filter(|role| bits & 1 << *role as u8 != 0).collect();
        Roles::of(&chosen)
    })
}

fn payloads() -> impl Strategy<Value = Payload> {
    let reason = || "A reason".parse::<Text<200>>().expect("a reason");
    let untils =
        || prop_oneof![Just(0), 1_795_248_000_000..1_795_300_000_000u64, any::<u64>()].prop_map(Timestamp);
    let key = || keys().prop_map(|seed| person(seed).public());
    prop_oneof![
        (0..4u8, roles()).prop_map(|(number, roles)| {
            let entry = registration("A company", &format!("N-{number}"), &[Role::Trader]);
            Payload::Register(Registration { roles, ..entry })
        }),
        key().prop_map(|key| Payload::AddKey { key }),
        key().prop_map(|key| Payload::RemoveKey { key }),
        (key(), untils()).prop_map(|(code, until)| Payload::InviteKey { code, until }),
        key().prop_map(|key| Payload::EnrolKey { key }),
        (people(), roles()).prop_map(|(who, roles)| Payload::Admit { party: account(who), roles }),
        people().prop_map(|who| Payload::Admit { party: account(who), roles: Roles::of(&[Role::Trader]) }),
        people().prop_map(move |who| Payload::Refuse { party: account(who), reason: reason() }),
        people().prop_map(move |who| Payload::Suspend { party: account(who), reason: reason() }),
        people().prop_map(move |who| Payload::Reinstate { party: account(who), reason: reason() }),
        (people(), untils()).prop_map(|(who, until)| Payload::ShareCredit { with: account(who), until }),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let scope = Scope::Full;
    let key = move |seed| AccountKey { key: person(seed).public(), scope };
    let reason = proptest::option::of("[A-Z][a-z]{0,30}".prop_map(|text| text.parse().expect("a reason")));
    prop_oneof![
        people().prop_map(|who| {
            let registration = registration("A company", "N-1", &[Role::Trader]);
            Event::Registered { party: account(who), registration }
        }),
        (people(), proptest::collection::vec(keys().prop_map(key), 0..4))
            .prop_map(|(who, keys)| Event::KeysChanged { party: account(who), keys }),
        (people(), roles(), reason).prop_map(|(who, roles, reason)| {
            let (party, standing, by) = (account(who), Standing::Suspended, account(1));
            Event::StandingChanged { party, standing, roles, by, reason }
        }),
        people().prop_map(|who| Event::CreditRecorded(conduct(who, Conduct::Lapsed, 7))),
        (people(), any::<u64>()).prop_map(|(who, until)| {
            Event::CreditShared { party: account(who), with: account(1), until: Timestamp(until) }
        }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let conducts = prop_oneof![
        Just(Conduct::Settled),
        Just(Conduct::Lapsed),
        Just(Conduct::Declined),
        Just(Conduct::FalseDeclaration)
    ];
    prop_oneof![
        4 => (people(), payloads()).prop_map(|(who, payload)| Step::Ask { who, key: who, payload }),
        3 => (people(), keys(), payloads()).prop_map(|(who, key, payload)| Step::Ask { who, key, payload }),
        3 => payloads().prop_map(|payload| Step::Ask { who: 1, key: 1, payload }),
        1 => (people(), conducts).prop_map(|(who, conduct)| Step::Report { who, conduct }),
        1 => (0..40_000_000u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn take(stage: &mut Identity, step: &Step) {
    match step {
        // Whether it is done or refused is told elsewhere; here it is enough that the chain stands.
        Step::Ask { who, key, payload } => drop(stage.ask_with(*who, &person(*key), payload)),
        Step::Report { who, conduct: how } => {
            let known = stage.standing(*who).is_some();
            let heard = stage
                .hear(SubChain::Payment, encode(&FromPayment::Conduct(conduct(*who, *how, u128::MAX / 2))));
            assert_eq!(heard.is_ok(), known);
        }
        Step::Wait { ms } => stage.time = stage.time.plus_ms(*ms),
    }
}

/// The invariants, and the standings for the next comparison.
fn check(stage: &Identity, before: &BTreeMap<Address, Standing>) -> BTreeMap<Address, Standing> {
    let parties = view::parties(&stage.state, Address::default(), 100);
    let mut owners = BTreeMap::new();
    let mut after = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for (address, party) in &parties {
        let keys = view::keys(&stage.state, *address);
        assert!(keys.iter().any(|key| key.scope == Scope::Full), "{address} can still sign");
        assert!(keys.len() <= identity_chain::config::MAX_KEYS);
        for key in &keys {
            assert_eq!(owners.insert(key.key, *address), None, "a key has one account");
            if key.scope == Scope::Full {
                assert_eq!(view::owner(&stage.state, key.key, stage.time), Some((*address, key.scope)));
            }
        }
        match before.get(address) {
            None => assert_eq!(party.standing, Standing::Pending),
            Some(standing) => {
                assert!(*standing == party.standing || may_follow(*standing, party.standing));
            }
        }
        after.insert(*address, party.standing);
        let number = party.registration.registration_number.as_str();
        if party.standing != Standing::Refused {
            assert_eq!(numbers.insert(number.to_owned(), *address), None, "a number has one owner");
        }
        assert!(view::credit(&stage.state, *address).score() <= 1000);
        let entries = view::credit_entries(&stage.state, *address, 0, usize::MAX);
        assert_eq!(entries.len() as u64, view::credit(&stage.state, *address).entries());
        // The others know all that they need to.
        let told = [SubChain::Data, SubChain::Payment].map(|chain| {
            let words = stage.sent.iter().rev().filter(|sent| sent.envelope.to == chain);
            let mut words = words.filter_map(|sent| match &sent.envelope.body {
                ledger::MessageBody::Deliver(bytes) => party_word(bytes),
                ledger::MessageBody::Failed { .. } | ledger::MessageBody::Validators { .. } => None,
            });
            words.find(|word| word.party == *address)
        });
        assert_eq!(told, [Some(party.message(*address, &keys)), Some(party.message(*address, &keys))]);
    }
    let operators = view::operators(&stage.state);
    assert!(operators.iter().any(|operator| view::acts_as(&stage.state, *operator, Role::Operator)));
    for (address, party) in &parties {
        assert_eq!(
            party.roles.has(Role::Operator),
            operators.contains(address),
            "the genesis makes operators"
        );
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_anybody_asks_the_chain_stands(steps in proptest::collection::vec(steps(), 1..60)) {
        let mut parties = config().parties;
        parties.push(genesis_party(3, "Second Operator", Role::Operator));
        let mut stage = open_with(Config { parties, free_per_day: 30, registrations_per_day: 3, ..config() });
        let genesis = view::parties(&stage.state, Address::default(), 100);
        let mut standings = genesis.into_iter().map(|(address, party)| (address, party.standing)).collect();
        for step in &steps {
            take(&mut stage, step);
            standings = check(&stage, &standings);
        }
    }

    #[test]
    fn a_request_comes_back_as_it_was(payload in payloads()) {
        prop_assert_eq!(Payload::decode(&encode(&payload)), Ok(payload.clone()));
        fuzz_payload(&encode(&payload));
    }

    #[test]
    fn no_bytes_make_the_chain_panic(
        payload in payloads(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = encode(&payload);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz_payload(&bytes);
        fuzz_payload(&bytes[..at]);
        fuzz_payload(&noise);
    }

    #[test]
    fn no_bytes_of_an_event_make_a_reader_panic(
        event in events(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = encode(&event);
        let at = at.index(bytes.len());
        fuzz_event(&bytes);
        fuzz_event(&bytes[..at]);
        bytes[at] = byte;
        fuzz_event(&bytes);
        fuzz_event(&noise);
    }
}
