//! Everything that is refused, in the order of its fields, with the word and the field that say so.

use identity_chain::payload::{MAX_GRANT_MS, MAX_INVITATION_MS, MAX_PAYLOAD_BYTES};
use identity_chain::{Config, ConfigError, GenesisParty, IdentityChain, Payload, Registration};
use ledger::hash::encode;
use ledger::{Address, Hash, PublicKey, Timestamp};
use vocabulary::{Role, Roles, Standing};

use crate::cast::{
    ALMATY_FUEL, DHAKA_MILLS, MEKONG_COFFEE, OPERATOR, SUPERVISOR, account, admit, coffee, config,
    genesis_party, mills, open, open_with, refuse, registration, reinstate, suspend,
};
use crate::stage::person;

/// The point of order one: a key of the curve under which a forger could sign.
const WEAK: PublicKey = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    PublicKey(bytes)
};

#[test]
fn a_stranger_can_do_nothing_but_register() {
    let mut stage = open();
    let key = person(30).public();
    let until = stage.time.plus_ms(1);
    for payload in [
        Payload::AddKey { key },
        Payload::RemoveKey { key },
        Payload::InviteKey { code: key, until },
        admit(DHAKA_MILLS, &[Role::Trader]),
        refuse(DHAKA_MILLS),
        suspend(DHAKA_MILLS),
        reinstate(DHAKA_MILLS),
        Payload::ShareCredit { with: account(OPERATOR), until },
    ] {
        stage.refused(ALMATY_FUEL, &payload, "not-registered", "account");
    }
    stage.refused(ALMATY_FUEL, &Payload::EnrolKey { key }, "not-a-code", "key");
}

#[test]
fn a_registration_is_refused_field_by_field() {
    let mut stage = open();
    stage.admit_mills();
    let mut check = |who: u8, registration: Registration, code: &str, field: &str| {
        stage.refused(who, &Payload::Register(registration), code, field);
    };
    let trader = [Role::Trader];
    check(DHAKA_MILLS, mills(), "already-registered", "account");
    check(OPERATOR, coffee(), "already-registered", "account");
    check(
        ALMATY_FUEL,
        registration("Almaty Fuel", "-- / --", &trader),
        "number-empty",
        "registration_number",
    );
    // The same number is the same number however it is written, but not in another country.
    check(
        ALMATY_FUEL,
        registration("Almaty Fuel", "c 12345", &trader),
        "number-taken",
        "registration_number",
    );
    check(ALMATY_FUEL, registration("Almaty Fuel", "C12.345", &[]), "number-taken", "registration_number");
    let abroad = Registration { country: "KZ".parse().unwrap(), ..mills() };
    check(ALMATY_FUEL, abroad.clone(), "lei-taken", "lei");
    let nothing = Registration { lei: None, roles: Roles::default(), ..abroad.clone() };
    check(ALMATY_FUEL, nothing, "no-role", "roles");
    let boss =
        Registration { lei: None, roles: Roles::of(&[Role::Trader, Role::Operator]), ..abroad.clone() };
    check(ALMATY_FUEL, boss, "operator-role", "roles");
    stage.done(ALMATY_FUEL, &Payload::Register(Registration { lei: None, ..abroad }));
}

#[test]
fn somebody_elses_key_registers_nobody() {
    let mut stage = open();
    stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    stage.done(DHAKA_MILLS, &Payload::AddKey { key: person(ALMATY_FUEL).public() });
    stage.refused(ALMATY_FUEL, &Payload::Register(coffee()), "key-taken", "key");
    stage.done(DHAKA_MILLS, &Payload::RemoveKey { key: person(ALMATY_FUEL).public() });
    stage.done(ALMATY_FUEL, &Payload::Register(coffee()));
}

#[test]
fn a_day_has_room_for_so_many_registrations() {
    let mut stage = open_with(Config { registrations_per_day: 2, ..config() });
    let company = |number: &str| Payload::Register(registration("A company", number, &[Role::Trader]));
    stage.done(10, &company("1"));
    stage.refused(11, &company("1"), "number-taken", "registration_number");
    stage.done(11, &company("2"));
    stage.refused(12, &company("3"), "registrations-full", "transaction");
    stage.time = stage.time.plus_ms(Timestamp::DAY_MS);
    stage.done(12, &company("3"));
}

#[test]
fn a_day_has_so_many_transactions_but_not_for_the_operator() {
    let mut stage = open_with(Config { free_per_day: 3, registrations_per_day: 100, ..config() });
    stage.admit_mills();
    let share = Payload::ShareCredit { with: account(OPERATOR), until: Timestamp(1) };
    stage.done(DHAKA_MILLS, &share);
    // What is refused counts too: it stood in a block.
    stage.refused(DHAKA_MILLS, &Payload::RemoveKey { key: person(99).public() }, "key-unknown", "key");
    stage.refused(DHAKA_MILLS, &share, "quota", "account");
    for round in 0..4 {
        stage.done(
            10 + round,
            &Payload::Register(registration("A company", &format!("{round}"), &[Role::Bank])),
        );
        stage.done(OPERATOR, &admit(10 + round, &[Role::Bank]));
    }
    stage.time = stage.time.plus_ms(Timestamp::DAY_MS);
    stage.done(DHAKA_MILLS, &share);
}

#[test]
fn a_key_is_refused_that_is_none_or_somebodys() {
    let mut stage = open();
    stage.admit_mills();
    let until = stage.time.plus_ms(1_000);
    let no_point = PublicKey(std::array::from_fn(|at| if at == 0 { 2 } else { 0 }));
    assert!(!no_point.can_sign());
    for (key, code) in [
        (no_point, "not-a-key"),
        (WEAK, "not-a-key"),
        (person(OPERATOR).public(), "key-taken"),
        (person(DHAKA_MILLS).public(), "key-present"),
    ] {
        stage.refused(DHAKA_MILLS, &Payload::AddKey { key }, code, "key");
        stage.refused(DHAKA_MILLS, &Payload::InviteKey { code: key, until }, code, "code");
    }
    let invited = person(40);
    stage.done(DHAKA_MILLS, &Payload::InviteKey { code: invited.public(), until });
    for (key, code) in
        [(WEAK, "not-a-key"), (person(OPERATOR).public(), "key-taken"), (invited.public(), "key-present")]
    {
        let refusal = stage.ask_with(DHAKA_MILLS, &invited, &Payload::EnrolKey { key }).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), (code, "key"));
    }
    stage.refused(OPERATOR, &Payload::AddKey { key: invited.public() }, "key-taken", "key");
}

#[test]
fn a_code_lasts_at_most_thirty_days() {
    let mut stage = open();
    stage.admit_mills();
    let invite = |until| Payload::InviteKey { code: person(40).public(), until };
    let (now, latest) = (stage.time, stage.time.plus_ms(MAX_INVITATION_MS));
    stage.refused(DHAKA_MILLS, &invite(now), "until-past", "until");
    stage.refused(DHAKA_MILLS, &invite(Timestamp(0)), "until-past", "until");
    stage.refused(DHAKA_MILLS, &invite(latest.plus_ms(1)), "until-too-far", "until");
    stage.refused(DHAKA_MILLS, &invite(Timestamp(u64::MAX)), "until-too-far", "until");
    stage.done(DHAKA_MILLS, &invite(latest));
}

#[test]
fn the_last_full_key_stays_even_beside_a_code() {
    let mut stage = open();
    stage.admit_mills();
    let until = stage.time.plus_ms(1_000);
    stage.done(DHAKA_MILLS, &Payload::InviteKey { code: person(40).public(), until });
    let mut remove = |seed, code| {
        stage.refused(DHAKA_MILLS, &Payload::RemoveKey { key: person(seed).public() }, code, "key")
    };
    remove(DHAKA_MILLS, "last-key");
    remove(OPERATOR, "key-unknown");
    remove(99, "key-unknown");
    stage.done(DHAKA_MILLS, &Payload::RemoveKey { key: person(40).public() });
}

#[test]
fn only_the_operator_admits_and_turns_down() {
    let mut stage = open();
    stage.admit_mills();
    stage.done(MEKONG_COFFEE, &Payload::Register(coffee()));
    for who in [DHAKA_MILLS, MEKONG_COFFEE, SUPERVISOR] {
        stage.refused(who, &admit(MEKONG_COFFEE, &[Role::Trader]), "not-entitled", "account");
        stage.refused(who, &refuse(MEKONG_COFFEE), "not-entitled", "account");
    }
    for who in [DHAKA_MILLS, MEKONG_COFFEE] {
        stage.refused(who, &suspend(DHAKA_MILLS), "not-entitled", "account");
        stage.refused(who, &reinstate(DHAKA_MILLS), "not-entitled", "account");
    }
}

#[test]
fn a_standing_moves_only_where_it_may() {
    let mut stage = open();
    for payload in [admit(90, &[Role::Trader]), refuse(90), suspend(90), reinstate(90)] {
        stage.refused(OPERATOR, &payload, "party-unknown", "party");
    }
    // In each standing, what the operator may decide next.
    let every = |who| [admit(who, &[Role::Bank]), refuse(who), suspend(who), reinstate(who)];
    let check = |stage: &mut crate::cast::Identity, who: u8, standing: Standing, allowed: [bool; 4]| {
        assert_eq!(stage.standing(who), Some(standing));
        for (payload, allowed) in every(who).iter().zip(allowed) {
            if !allowed {
                stage.refused(OPERATOR, payload, "standing", "party");
            }
        }
    };
    stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    check(&mut stage, DHAKA_MILLS, Standing::Pending, [true, true, false, false]);
    stage.done(OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader]));
    check(&mut stage, DHAKA_MILLS, Standing::Admitted, [true, false, true, false]);
    stage.done(OPERATOR, &suspend(DHAKA_MILLS));
    check(&mut stage, DHAKA_MILLS, Standing::Suspended, [false, false, false, true]);
    stage.done(OPERATOR, &reinstate(DHAKA_MILLS));
    stage.done(MEKONG_COFFEE, &Payload::Register(coffee()));
    stage.done(OPERATOR, &refuse(MEKONG_COFFEE));
    check(&mut stage, MEKONG_COFFEE, Standing::Refused, [false; 4]);
}

#[test]
fn roles_are_given_within_bounds() {
    let mut stage = open();
    stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    stage.refused(OPERATOR, &admit(DHAKA_MILLS, &[]), "no-role", "roles");
    let both = [Role::Trader, Role::Operator];
    stage.refused(OPERATOR, &admit(DHAKA_MILLS, &both), "operator-role", "roles");
    stage.refused(OPERATOR, &admit(OPERATOR, &[Role::Trader]), "operator-fixed", "party");
}

#[test]
fn nobody_suspends_himself_or_the_last_operator() {
    let mut stage = open();
    stage.refused(SUPERVISOR, &suspend(SUPERVISOR), "oneself", "party");
    stage.refused(OPERATOR, &suspend(OPERATOR), "oneself", "party");
    stage.refused(SUPERVISOR, &suspend(OPERATOR), "last-operator", "party");

    let mut parties = config().parties;
    parties.push(genesis_party(ALMATY_FUEL, "Second Operator", Role::Operator));
    let mut stage = open_with(Config { parties, ..config() });
    stage.done(SUPERVISOR, &suspend(OPERATOR));
    stage.refused(OPERATOR, &reinstate(OPERATOR), "suspended", "account");
    stage.refused(SUPERVISOR, &suspend(ALMATY_FUEL), "last-operator", "party");
    stage.done(ALMATY_FUEL, &reinstate(OPERATOR));
    stage.done(OPERATOR, &suspend(ALMATY_FUEL));
}

#[test]
fn a_record_is_shared_with_a_party_for_at_most_ten_years() {
    let mut stage = open();
    stage.admit_mills();
    let share = |who, until| Payload::ShareCredit { with: account(who), until };
    let latest = stage.time.plus_ms(MAX_GRANT_MS);
    stage.refused(DHAKA_MILLS, &share(DHAKA_MILLS, latest), "oneself", "with");
    stage.refused(DHAKA_MILLS, &share(ALMATY_FUEL, latest), "party-unknown", "with");
    stage.refused(DHAKA_MILLS, &share(OPERATOR, latest.plus_ms(1)), "until-too-far", "until");
    stage.done(DHAKA_MILLS, &share(OPERATOR, latest));
}

#[test]
fn an_envelope_that_does_not_fit_is_refused() {
    let mut stage = open();
    stage.admit_mills();
    let key = person(DHAKA_MILLS);
    let payload = encode(&Payload::AddKey { key: person(50).public() });
    let good = stage.body(account(DHAKA_MILLS), &key, payload);
    let mut check = |body: ledger::Body, key: &ledger::KeyPair, code: &str, field: &str| {
        let refusal = stage.send_body(body, key).expect_err(code);
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), (code, field), "{refusal}");
    };
    check(ledger::Body { terms: Hash([1; 32]), ..good.clone() }, &key, "other-terms", "terms");
    let good = ledger::Body { sequence: good.sequence + 1, ..good };
    check(ledger::Body { fee: 1, ..good.clone() }, &key, "no-fee", "fee");
    let good = ledger::Body { sequence: good.sequence + 1, ..good };
    check(ledger::Body { payload: vec![77], ..good.clone() }, &key, "malformed", "payload");
    let good = ledger::Body { sequence: good.sequence + 1, ..good };
    let long = vec![0; MAX_PAYLOAD_BYTES + 1];
    check(ledger::Body { payload: long, ..good.clone() }, &key, "too-long", "payload");
    let good = ledger::Body { sequence: good.sequence + 1, ..good };
    let other = person(51);
    check(ledger::Body { key: other.public(), ..good }, &other, "unknown-key", "key");
}

#[test]
fn bytes_that_are_no_request_name_the_field_at_fault() {
    let good = encode(&Payload::Register(mills()));
    let at = |text: &str| good.windows(text.len()).position(|part| part == text.as_bytes()).unwrap();
    let check = |change: &dyn Fn(&mut Vec<u8>), field: &str| {
        let mut bytes = good.clone();
        change(&mut bytes);
        let refusal = Payload::decode(&bytes).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("malformed", field), "{refusal}");
    };
    check(&|bytes| bytes[at("Dhaka")] = b' ', "name");
    check(&|bytes| bytes[at("Dhaka")] = 0xff, "name");
    check(&|bytes| bytes[at("C-12345")] = b'\n', "registration_number");
    check(&|bytes| bytes[at("BD")..][..2].copy_from_slice(b"XX"), "country");
    check(&|bytes| bytes[at("BDCGP")] = b'b', "place");
    check(&|bytes| bytes[at("529900")] = b'4', "lei");
    check(&|bytes| *bytes.last_mut().unwrap() = 0xff, "roles");
    check(&|bytes| bytes.truncate(bytes.len() - 1), "roles");
    check(&|bytes| bytes.push(0), "payload");
    check(&|bytes| bytes[0] = 10, "payload");
    let admit = encode(&admit(DHAKA_MILLS, &[Role::Trader]));
    assert_eq!(Payload::decode(&admit[..5]).unwrap_err().field, "party");
    let suspend = encode(&suspend(DHAKA_MILLS));
    assert_eq!(Payload::decode(&suspend[..30]).unwrap_err().field, "reason");
}

#[test]
fn a_genesis_that_could_not_work_is_refused() {
    let good = config();
    let with = |party: GenesisParty| Config {
        parties: [good.parties.clone(), vec![party]].concat(),
        ..good.clone()
    };
    let third = || genesis_party(ALMATY_FUEL, "Gateway", Role::Gateway);
    let twice = |field, account| ConfigError::Twice { field, account };
    let own = account(ALMATY_FUEL);
    let lei = |party: GenesisParty| GenesisParty {
        registration: Registration { lei: mills().lei, ..party.registration },
        ..party
    };
    let cases = vec![
        (Config { registrations_per_day: 0, ..good.clone() }, ConfigError::Zero("registrations_per_day")),
        (Config { free_per_day: 0, ..good.clone() }, ConfigError::Zero("free_per_day")),
        (Config { parties: vec![third()], ..good.clone() }, ConfigError::NoOperator),
        (with(GenesisParty { account: account(OPERATOR), ..third() }), twice("account", account(OPERATOR))),
        (with(GenesisParty { keys: vec![], ..third() }), ConfigError::Keys(own)),
        (with(GenesisParty { keys: vec![WEAK], ..third() }), ConfigError::Keys(own)),
        (with(GenesisParty { keys: vec![person(9).public(); 17], ..third() }), ConfigError::Keys(own)),
        (with(GenesisParty { keys: vec![person(OPERATOR).public()], ..third() }), twice("keys", own)),
        (
            with(GenesisParty { registration: registration("Other", "g 1", &[Role::Bank]), ..third() }),
            twice("registration_number", own),
        ),
        (
            Config { parties: vec![lei(good.parties[0].clone()), lei(third())], ..good.clone() },
            twice("lei", own),
        ),
    ];
    for (config, error) in cases {
        assert_eq!(IdentityChain::new(config).unwrap_err(), error);
    }
    assert_eq!(with(third()).check(), Ok(()));
    assert_ne!(own, Address::default());
}
