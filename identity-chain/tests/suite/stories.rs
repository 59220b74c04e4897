//! Who trades: from a registration to a record.

use crate::cast::{
    self, ALMATY_FUEL, DHAKA_MILLS, Identity, MEKONG_COFFEE, OPERATOR, SUPERVISOR, account, admit, coffee,
    conduct, mills, open, refuse, reinstate, suspend,
};
use crate::stage::{Stage, person};
use identity_chain::{Credit, Event, Payload, view};
use ledger::hash::encode;
use ledger::{AccountKey, Address, Application, MessageBody, Scope, SubChain, Timestamp};
use vocabulary::messages::{Conduct, FromPayment};
use vocabulary::{Role, Roles, Standing};

#[test]
fn the_parties_of_the_genesis_are_told_to_the_other_chains_in_the_first_block() {
    let chain = identity_chain::IdentityChain::new(cast::config()).unwrap();
    let mut stage = Stage::open(chain);
    assert!(stage.app.due(&stage.state, stage.height.next(), stage.time));
    stage.block(vec![], vec![]);
    assert!(!stage.app.due(&stage.state, stage.height.next(), stage.time));
    assert_eq!(stage.opening.events.len(), 6, "registered, keys, standing, for each of two");
    for chain in [SubChain::Data, SubChain::Payment] {
        let word = stage.told(OPERATOR, 0, chain).remove(0);
        assert_eq!((word.standing, word.roles), (Standing::Admitted, Roles::of(&[Role::Operator])));
        assert_eq!(word.keys, [AccountKey { key: person(OPERATOR).public(), scope: Scope::Full }]);
    }
    assert_eq!(stage.block(vec![], vec![]), []);
    assert_eq!((stage.opening.events.len(), stage.sent.len()), (0, 4));
}

#[test]
fn dhaka_mills_registers_and_is_admitted() {
    let mut stage = open();
    let before = stage.sent.len();
    let events = stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    let key = AccountKey { key: person(DHAKA_MILLS).public(), scope: Scope::Full };
    let (party, by) = (account(DHAKA_MILLS), account(OPERATOR));
    assert_eq!(
        events,
        [
            Event::Registered { party, registration: mills() },
            Event::KeysChanged { party, keys: vec![key] },
            Event::StandingChanged {
                party,
                standing: Standing::Pending,
                roles: Roles::default(),
                by: party,
                reason: None,
            },
        ]
    );
    let roles = Roles::of(&[Role::Trader]);
    let events = stage.done(OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader]));
    assert_eq!(
        events,
        [Event::StandingChanged { party, standing: Standing::Admitted, roles, by, reason: None }]
    );
    for chain in [SubChain::Data, SubChain::Payment] {
        let words = stage.told(DHAKA_MILLS, before, chain);
        let standings: Vec<_> = words.iter().map(|word| (word.standing, word.roles)).collect();
        assert_eq!(standings, [(Standing::Pending, Roles::default()), (Standing::Admitted, roles)]);
        assert!(words.iter().all(|word| word.keys == [key]));
    }
    let known = view::party(&stage.state, party).unwrap();
    assert_eq!((known.registration, known.roles), (mills(), roles));
    assert_eq!(known.decision.unwrap().by, by);
}

#[test]
fn dhaka_mills_is_turned_down_and_comes_back_with_the_right_number() {
    let mut stage = open();
    stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    stage.done(OPERATOR, &refuse(DHAKA_MILLS));
    assert_eq!(stage.standing(DHAKA_MILLS), Some(Standing::Refused));
    // Its number and LEI are free for whom they belong to; meanwhile it can do nothing but register again.
    let claim = identity_chain::Registration { name: "Dhaka Mills (1971)".parse().unwrap(), ..mills() };
    stage.done(ALMATY_FUEL, &Payload::Register(claim));
    stage.refused(DHAKA_MILLS, &Payload::Register(mills()), "number-taken", "registration_number");
    stage.refused(DHAKA_MILLS, &Payload::AddKey { key: person(30).public() }, "turned-down", "account");
    let other = cast::registration("Dhaka Mills Ltd", "C-54321", &[Role::Trader]);
    stage.done(DHAKA_MILLS, &Payload::Register(other));
    assert_eq!(stage.standing(DHAKA_MILLS), Some(Standing::Pending));
    stage.done(OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader]));
}

#[test]
fn a_supervisor_suspends_and_the_operator_reinstates() {
    let mut stage = open();
    stage.admit_mills();
    let before = stage.sent.len();
    stage.done(SUPERVISOR, &suspend(DHAKA_MILLS));
    assert_eq!(stage.standing(DHAKA_MILLS), Some(Standing::Suspended));
    stage.refused(DHAKA_MILLS, &Payload::AddKey { key: person(30).public() }, "suspended", "account");
    stage
        .done(DHAKA_MILLS, &Payload::ShareCredit { with: account(SUPERVISOR), until: stage.time.plus_ms(1) });
    stage.done(OPERATOR, &reinstate(DHAKA_MILLS));
    stage.done(DHAKA_MILLS, &Payload::AddKey { key: person(30).public() });
    let words = stage.told(DHAKA_MILLS, before, SubChain::Payment);
    let standings: Vec<_> = words.iter().map(|word| word.standing).collect();
    assert_eq!(standings, [Standing::Suspended, Standing::Admitted, Standing::Admitted]);
    assert_eq!(words[2].keys.len(), 2);
}

#[test]
fn an_admitted_trader_becomes_a_gateway_too() {
    let mut stage = open();
    stage.admit_mills();
    stage.done(OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader, Role::Gateway]));
    assert!(view::acts_as(&stage.state, account(DHAKA_MILLS), Role::Gateway));
    stage.refused(OPERATOR, &admit(DHAKA_MILLS, &[Role::Gateway, Role::Trader]), "unchanged", "roles");
}

#[test]
fn mills_replaces_its_key_and_the_old_one_signs_no_more() {
    let mut stage = open();
    stage.admit_mills();
    let (old, new) = (person(DHAKA_MILLS), person(31));
    stage.done(DHAKA_MILLS, &Payload::AddKey { key: new.public() });
    stage.ask_with(DHAKA_MILLS, &new, &Payload::RemoveKey { key: old.public() }).unwrap();
    stage.refused(DHAKA_MILLS, &Payload::AddKey { key: person(32).public() }, "unknown-key", "key");
    let last = Payload::RemoveKey { key: new.public() };
    assert_eq!(stage.ask_with(DHAKA_MILLS, &new, &last).unwrap_err().code, "last-key");
    assert_eq!(view::owner(&stage.state, old.public(), stage.time), None);
    assert_eq!(
        view::owner(&stage.state, new.public(), stage.time),
        Some((account(DHAKA_MILLS), Scope::Full))
    );
}

#[test]
fn a_one_time_code_enrols_one_browser_and_is_used_up() {
    let mut stage = open();
    stage.admit_mills();
    let code = ledger::KeyPair::from_code("K7QF-22MX");
    let until = stage.time.plus_ms(Timestamp::DAY_MS);
    let before = stage.sent.len();
    stage.done(DHAKA_MILLS, &Payload::InviteKey { code: code.public(), until });
    assert_eq!(stage.sent.len(), before, "codes are no other chain's business");
    let add = Payload::AddKey { key: person(33).public() };
    assert_eq!(stage.ask_with(DHAKA_MILLS, &code, &add).unwrap_err().code, "code-only-enrols");
    let enrol = Payload::EnrolKey { key: person(33).public() };
    assert_eq!(stage.ask(DHAKA_MILLS, &enrol).unwrap_err().code, "not-a-code");
    stage.ask_with(DHAKA_MILLS, &code, &enrol).unwrap();
    let again = Payload::EnrolKey { key: person(34).public() };
    assert_eq!(stage.ask_with(DHAKA_MILLS, &code, &again).unwrap_err().code, "unknown-key");
    let words = stage.told(DHAKA_MILLS, before, SubChain::Data);
    let keys: Vec<_> = words[0].keys.iter().map(|key| (key.key, key.scope)).collect();
    assert_eq!(keys, [(person(DHAKA_MILLS).public(), Scope::Full), (person(33).public(), Scope::Full)]);
}

#[test]
fn a_code_that_nobody_used_is_void_and_makes_room() {
    let mut stage = open();
    stage.admit_mills();
    let until = stage.time.plus_ms(1_000);
    for seed in 100..115 {
        stage.done(DHAKA_MILLS, &Payload::InviteKey { code: person(seed).public(), until });
    }
    let one_more = Payload::InviteKey { code: person(120).public(), until };
    stage.refused(DHAKA_MILLS, &one_more, "too-many-keys", "code");
    stage.refused(DHAKA_MILLS, &Payload::AddKey { key: person(121).public() }, "too-many-keys", "key");
    stage.time = until;
    let enrol = Payload::EnrolKey { key: person(33).public() };
    assert_eq!(stage.ask_with(DHAKA_MILLS, &person(100), &enrol).unwrap_err().code, "unknown-key");
    stage.done(DHAKA_MILLS, &Payload::AddKey { key: person(121).public() });
    assert_eq!(view::keys(&stage.state, account(DHAKA_MILLS)).len(), 2, "the void codes are gone");
    stage.done(OPERATOR, &Payload::AddKey { key: person(100).public() });
}

#[test]
fn what_a_party_did_stands_in_its_record() {
    let mut stage = open();
    stage.admit_mills();
    let entries = [
        conduct(DHAKA_MILLS, Conduct::Settled, 251_000_000_000),
        conduct(DHAKA_MILLS, Conduct::Declined, 0),
        conduct(DHAKA_MILLS, Conduct::Lapsed, 0),
        conduct(DHAKA_MILLS, Conduct::Settled, 1),
    ];
    for entry in &entries {
        stage.hear(SubChain::Payment, encode(&FromPayment::Conduct(entry.clone()))).unwrap();
    }
    let credit = view::credit(&stage.state, account(DHAKA_MILLS));
    assert_eq!(
        credit,
        Credit {
            settled: 2,
            settled_micro_usd: 251_000_000_001,
            lapsed: 1,
            declined: 1,
            false_declarations: 0,
            latest: Timestamp(1_795_248_000_000),
        }
    );
    assert_eq!(credit.score(), 1000 * 4 / 11);
    let recorded = view::credit_entries(&stage.state, account(DHAKA_MILLS), 1, 2);
    assert_eq!(recorded, [(1, entries[1].clone()), (2, entries[2].clone())]);
    assert_eq!(view::credit_entries(&stage.state, account(OPERATOR), 0, 9), []);
}

#[test]
fn only_payment_reports_conduct_and_only_of_parties() {
    let mut stage = open();
    let hear = |stage: &mut Identity, from, bytes| {
        let refusal = stage.hear(from, bytes).unwrap_err();
        (refusal.code, refusal.field)
    };
    let place = |code: &str, field: &str| (code.to_owned(), field.to_owned());
    let stranger = encode(&FromPayment::Conduct(conduct(ALMATY_FUEL, Conduct::Settled, 1)));
    assert_eq!(hear(&mut stage, SubChain::Data, stranger.clone()), place("wrong-sender", "from"));
    assert_eq!(hear(&mut stage, SubChain::Payment, stranger), place("party-unknown", "party"));
    assert_eq!(hear(&mut stage, SubChain::Payment, vec![1, 2, 3]), place("malformed", "payload"));
    let answers = stage.sent.iter().filter(|sent| matches!(sent.envelope.body, MessageBody::Failed { .. }));
    assert_eq!(answers.count(), 3, "each sender hears why");
}

#[test]
fn mills_shows_its_record_to_mekong_for_a_week_and_takes_that_back() {
    let mut stage = open();
    stage.admit_mills();
    stage.done(MEKONG_COFFEE, &Payload::Register(coffee()));
    let (owner, reader) = (account(DHAKA_MILLS), account(MEKONG_COFFEE));
    let until = stage.time.plus_ms(7 * Timestamp::DAY_MS);
    let may = |stage: &Identity, at| view::may_read_credit(&stage.state, owner, reader, at);
    assert!(!may(&stage, stage.time));
    stage.done(DHAKA_MILLS, &Payload::ShareCredit { with: reader, until });
    assert_eq!(view::grants(&stage.state, owner), [(reader, until)]);
    assert!(may(&stage, stage.time) && !may(&stage, until));
    assert!(!view::may_read_credit(&stage.state, reader, owner, stage.time));
    let past = Timestamp(1);
    let events = stage.done(DHAKA_MILLS, &Payload::ShareCredit { with: reader, until: past });
    assert_eq!(events, [Event::CreditShared { party: owner, with: reader, until: past }]);
    assert!(!may(&stage, stage.time));
    assert!(view::may_read_credit(&stage.state, owner, owner, stage.time), "its own record is its own");
}

#[test]
fn a_score_counts_kept_words_against_broken_ones() {
    let of = |settled, lapsed, declined, false_declarations| {
        Credit { settled, lapsed, declined, false_declarations, ..Credit::default() }.score()
    };
    for (counts, score) in [
        ((0, 0, 0, 0), 500),
        ((1, 0, 0, 0), 600),
        ((0, 0, 1, 0), 400),
        ((0, 1, 0, 0), 250),
        ((0, 0, 0, 1), 142),
        ((96, 0, 0, 0), 980),
        ((96, 1, 0, 0), 942),
        ((u64::MAX, 0, 0, 0), 999),
        ((0, u64::MAX, u64::MAX, u64::MAX), 0),
    ] {
        assert_eq!(of(counts.0, counts.1, counts.2, counts.3), score, "{counts:?}");
    }
}

#[test]
fn terms_say_who_does_what_to_whom() {
    let mut stage = open();
    stage.done(DHAKA_MILLS, &Payload::Register(mills()));
    let render = |stage: &Identity, who: u8, payload: &Payload| {
        stage.app.terms(&stage.state, account(who), &encode(payload)).unwrap()
    };
    let terms = render(&stage, OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader, Role::Gateway]));
    let expected = format!(
        "You admit Dhaka Mills Ltd as: trader, gateway.\n\n\
         Its account: {}\n\
         Registration number: C-12345 (BD)\n\
         Place of business: BDCGP\n\
         Legal Entity Identifier: 529900T8BM49AURSDO55\n\
         It asked to be: trader\n\n\
         From then on it has these roles and no others, on all three chains.\n\n\
         Account {}\n\
         Identity chain, terms version 1\n",
        account(DHAKA_MILLS),
        account(OPERATOR)
    );
    assert_eq!(terms, expected);
    let key = person(9).public();
    let headlines: Vec<(Payload, &str)> = vec![
        (Payload::Register(coffee()), "You register Mekong Coffee JSC on Permuta."),
        (Payload::AddKey { key }, "You add a key to your account."),
        (Payload::RemoveKey { key }, "You remove a key from your account."),
        (Payload::InviteKey { code: key, until: Timestamp(0) }, "You make a one-time code for your account."),
        (
            Payload::EnrolKey { key },
            "You add this key to your account with a one-time code, which is then used up.",
        ),
        (refuse(DHAKA_MILLS), "You turn Dhaka Mills Ltd down."),
        (suspend(DHAKA_MILLS), "You suspend Dhaka Mills Ltd."),
        (reinstate(DHAKA_MILLS), "You lift the suspension of Dhaka Mills Ltd."),
        (
            Payload::ShareCredit { with: account(DHAKA_MILLS), until: Timestamp(1_795_248_928_042) },
            "You let Dhaka Mills Ltd read your credit record until 21 November 2026, 08:15 UTC.",
        ),
    ];
    for (payload, headline) in headlines {
        let terms = render(&stage, MEKONG_COFFEE, &payload);
        assert_eq!(terms.lines().next(), Some(headline));
        assert!(terms.ends_with("Identity chain, terms version 1\n"));
        assert!(terms.lines().all(|line| line.trim_end() == line), "{terms}");
    }
    let nobody = Payload::Admit { party: Address([7; 20]), roles: Roles::of(&[Role::Trader]) };
    let refusal = stage.app.terms(&stage.state, account(OPERATOR), &encode(&nobody)).unwrap_err();
    assert_eq!(refusal.code, "party-unknown");
}
