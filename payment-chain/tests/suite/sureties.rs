//! What organisations set aside for their validators: held while they decide and a while longer, taken when they cheat.

use ledger::account::FOLLOWING;
use ledger::{Address, MessageBody, PublicKey, SubChain};
use payment_chain::model::{AssetId, Surety};
use payment_chain::{Config, Event, Payload, view};
use vocabulary::{FromIdentity, FromPayment, Seat};

use crate::stage::*;

const HOME: PublicKey = PublicKey([71; 32]);
const AWAY: PublicKey = PublicKey([72; 32]);

fn bond(validator: PublicKey, units: u128) -> Payload {
    Payload::BondValidator { validator, amount: amount(units) }
}

fn unbond(validator: PublicKey, units: u128) -> Payload {
    Payload::UnbondValidator { validator, amount: amount(units) }
}

fn decide(stage: &mut Stage, seats: &[(PublicKey, Address)]) {
    let seat = |(validator, organisation): &(PublicKey, Address)| Seat {
        validator: *validator,
        weight: 1,
        organisation: *organisation,
    };
    stage.hear_identity(&FromIdentity::Validators(seats.iter().map(seat).collect())).unwrap();
}

fn ban(stage: &mut Stage, validator: PublicKey, organisation: Address) {
    stage.hear_identity(&FromIdentity::Banned { validator, organisation }).unwrap();
}

fn refused(stage: &mut Stage, who: Address, payload: Payload, code: &str, field: &str) {
    let refusal = stage.send(who, payload).expect_err(code);
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), (code, field), "{refusal}");
}

fn deposit(stage: &Stage, who: Address) -> (u128, u128) {
    let held = view::balance(&stage.state, who, AssetId::DEPOSIT);
    (held.available.get(), held.locked.get())
}

/// What the identity chain was told of bonds.
fn told(stage: &Stage) -> Vec<(PublicKey, bool)> {
    let words = stage.sent.iter().filter(|sent| sent.to == SubChain::Identity);
    let words = words.filter_map(|sent| match &sent.body {
        MessageBody::Deliver(bytes) => borsh::from_slice(bytes).ok(),
        MessageBody::Failed { .. } | MessageBody::Validators { .. } => None,
    });
    let words = words.filter_map(|word| match word {
        FromPayment::Bond { validator, enough, .. } => Some((validator, enough)),
        FromPayment::Conduct(_) => None,
    });
    words.collect()
}

#[test]
fn a_bond_is_held_while_its_validator_decides_and_three_weeks_longer() {
    let mut stage = Stage::new();
    decide(&mut stage, &[(HOME, SOLVER), (AWAY, RIVAL)]);
    assert_eq!(FOLLOWING.get(&stage.state), Some(vec![(HOME, 1), (AWAY, 1)]));
    let before = deposit(&stage, SOLVER).0;
    stage.send(SOLVER, bond(HOME, 700)).unwrap();
    stage.send(SOLVER, bond(HOME, 300)).unwrap();
    assert_eq!(deposit(&stage, SOLVER), (before - 1_000, 1_000));
    refused(&mut stage, SOLVER, unbond(HOME, 1), "bond-needed", "validator");

    decide(&mut stage, &[(AWAY, RIVAL)]);
    refused(&mut stage, SOLVER, unbond(HOME, 1), "bond-needed", "validator");
    let free_from = stage.time.plus_ms(21 * DAY);
    let held = Surety { amount: amount(1_000), free_from: Some(free_from) };
    assert_eq!(view::surety(&stage.state, HOME, SOLVER), held);
    assert!(stage.events.contains(&Event::SuretyChanged {
        validator: HOME,
        organisation: SOLVER,
        surety: held
    }));
    stage.time = ledger::Timestamp(free_from.0 - 1);
    refused(&mut stage, SOLVER, unbond(HOME, 1), "bond-needed", "validator");
    stage.time = free_from;
    stage.send(SOLVER, unbond(HOME, 400)).unwrap();
    refused(&mut stage, SOLVER, unbond(HOME, 601), "not-enough", "amount");

    // It decides again: what is left is held again.
    decide(&mut stage, &[(HOME, SOLVER), (AWAY, RIVAL)]);
    let held = Surety { amount: amount(600), free_from: None };
    assert_eq!(view::surety(&stage.state, HOME, SOLVER), held);
    refused(&mut stage, SOLVER, unbond(HOME, 1), "bond-needed", "validator");
    assert_eq!(deposit(&stage, SOLVER), (before - 600, 600));
    assert_eq!(told(&stage), [], "this genesis asks for no bond");
}

#[test]
fn who_said_two_things_at_once_loses_all_of_its_bond_to_where_fines_go() {
    for leaves in [false, true] {
        let mut stage = Stage::new();
        decide(&mut stage, &[(HOME, SOLVER), (AWAY, RIVAL)]);
        stage.send(SOLVER, bond(HOME, 1_000)).unwrap();
        stage.send(RIVAL, bond(AWAY, 50)).unwrap();
        let (available, _) = deposit(&stage, SOLVER);
        let fees = deposit(&stage, OPERATOR).0;
        if leaves {
            decide(&mut stage, &[(AWAY, RIVAL)]);
        }
        ban(&mut stage, HOME, SOLVER);
        decide(&mut stage, &[(AWAY, RIVAL)]);
        assert_eq!(deposit(&stage, SOLVER), (available, 0));
        assert_eq!(deposit(&stage, OPERATOR).0, fees + 1_000);
        let fined = Event::ValidatorFined { validator: HOME, organisation: SOLVER, fine: amount(1_000) };
        assert!(stage.events.contains(&fined));
        refused(&mut stage, SOLVER, unbond(HOME, 1), "not-enough", "amount");
        refused(&mut stage, SOLVER, bond(HOME, 1), "validator-banned", "validator");
        assert_eq!(view::surety(&stage.state, AWAY, RIVAL).amount, amount(50), "nobody else's");
        assert_eq!(view::sureties(&stage.state).len(), 1);
    }
}

#[test]
fn a_bond_for_nobody_who_decides_is_its_owners_at_any_time() {
    let mut stage = Stage::new();
    decide(&mut stage, &[(AWAY, RIVAL)]);
    refused(&mut stage, SOLVER, bond(AWAY, 1), "not-yours", "validator");
    refused(&mut stage, SOLVER, bond(HOME, 0), "zero", "amount");
    refused(&mut stage, SOLVER, unbond(HOME, 0), "zero", "amount");
    refused(&mut stage, SOLVER, bond(HOME, 100_000_000), "not-enough", "amount");
    stage.send(SOLVER, bond(HOME, 10)).unwrap();
    stage.suspend(SOLVER);
    refused(&mut stage, SOLVER, bond(HOME, 1), "not-admitted", "account");
    stage.send(SOLVER, unbond(HOME, 10)).unwrap();
    assert_eq!(view::sureties(&stage.state), []);
}

#[test]
fn each_bond_under_the_key_answers_whoever_runs_it_now() {
    let mut stage = Stage::new();
    decide(&mut stage, &[(HOME, SOLVER), (AWAY, RIVAL)]);
    stage.send(SOLVER, bond(HOME, 1_000)).unwrap();
    decide(&mut stage, &[(AWAY, RIVAL)]);
    stage.send(RIVAL, bond(HOME, 10)).unwrap();
    decide(&mut stage, &[(HOME, RIVAL), (AWAY, RIVAL)]);
    let fees = deposit(&stage, OPERATOR).0;
    ban(&mut stage, HOME, RIVAL);
    assert_eq!(deposit(&stage, OPERATOR).0, fees + 1_010);
    assert_eq!(view::sureties(&stage.state), []);
    refused(&mut stage, SOLVER, unbond(HOME, 1), "not-enough", "amount");
}

#[test]
fn the_identity_chain_is_told_when_a_bond_becomes_enough_and_when_it_is_so_no_more() {
    let mut stage = Stage::bare(Config { min_validator_bond: amount(1_000), ..config() });
    stage.send(SOLVER, bond(HOME, 999)).unwrap();
    assert_eq!(told(&stage), []);
    stage.send(SOLVER, bond(HOME, 1)).unwrap();
    stage.send(SOLVER, bond(HOME, 1)).unwrap();
    assert_eq!(told(&stage), [(HOME, true)]);
    let before = deposit(&stage, SOLVER);
    // What is enough waits before anything of it is given back, whether or not the identity chain has let it decide.
    stage.send(SOLVER, unbond(HOME, 2)).unwrap();
    assert_eq!(told(&stage), [(HOME, true), (HOME, false)]);
    assert_eq!(deposit(&stage, SOLVER), before);
    refused(&mut stage, SOLVER, unbond(HOME, 2), "bond-needed", "validator");
    stage.time = stage.time.plus_ms(21 * DAY);
    stage.send(SOLVER, unbond(HOME, 2)).unwrap();
    assert_eq!(deposit(&stage, SOLVER), (before.0 + 2, before.1 - 2));
    // Whoever adds so much that it is enough lets it answer again, and it waits again.
    stage.send(SOLVER, bond(HOME, 1)).unwrap();
    assert_eq!(told(&stage).last(), Some(&(HOME, true)));
    stage.send(SOLVER, unbond(HOME, 1)).unwrap();
    refused(&mut stage, SOLVER, unbond(HOME, 1), "bond-needed", "validator");
    assert_eq!(told(&stage).len(), 4);
    // Banned while it waits, it is lost.
    ban(&mut stage, HOME, SOLVER);
    assert_eq!(view::sureties(&stage.state), []);
    assert_eq!(told(&stage).len(), 4);
}

#[test]
fn whoever_bonds_reads_what_it_answers_for_and_for_how_long() {
    let stage = Stage::new();
    let terms = stage.terms(SOLVER, &bond(HOME, 12_345));
    assert!(terms.contains(&format!("You set aside 123.45 deposit dollar as a bond for validator {HOME}.")));
    assert!(terms.contains("all of its bond is taken"), "{terms}");
    assert!(terms.contains("and 21 days after it has left."), "{terms}");
    let terms = stage.terms(SOLVER, &unbond(HOME, 12_345));
    assert!(
        terms
            .contains(&format!("You take 123.45 deposit dollar back out of your bond for validator {HOME}."))
    );
}

#[test]
fn validators_that_could_decide_nothing_are_not_taken_for_an_answer() {
    let mut stage = Stage::new();
    decide(&mut stage, &[(HOME, SOLVER)]);
    let refusal = stage.hear_identity(&FromIdentity::Validators(vec![])).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("malformed", "payload"));
    assert_eq!(view::validators(&stage.state), [(HOME, SOLVER)]);
}
