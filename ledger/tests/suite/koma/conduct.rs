//! How a node conducts itself: thresholds, rounds, and what it keeps.

use ledger::koma::message::{MAX_UNITS, fuzz_message};
use ledger::koma::schedule::{Adaptation, Outcome};
use ledger::koma::{
    Alarm, Effect, Event, Have, Koma, Member, Message, MessageError, Mode, Part, Policy, Record, WireMessage,
};
use ledger::{Hash, Timestamp};
use proptest::prelude::*;

use super::cast::*;

/// What may happen to a policy.
#[derive(Clone, Debug)]
enum Turn {
    Tick(u64),
    Classical(u64),
    Evidence(u64),
    Raise(u64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        (0u64..100_000).prop_map(Turn::Tick),
        (0u64..100_000).prop_map(Turn::Classical),
        (0u64..12).prop_map(Turn::Evidence),
        (0u64..12).prop_map(Turn::Raise),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        Just(Mode::Classical),
        Just(Mode::SingleOwner),
        (0u64..3, 1u64..50_000, 0u64..3).prop_map(|(low, within_ms, margin)| Mode::Adaptive {
            low,
            within_ms,
            margin
        }),
    ]
}

proptest! {
    /// P10: within an era the threshold never falls, and outside effects that stopped do not start again.
    #[test]
    fn the_policy_only_ever_grows_stricter(mode in mode(), turns in prop::collection::vec(turn(), 0..40)) {
        let era = cast(&[1; 10]).era;
        let mut policy = Policy::new(mode, &era);
        for turn in turns {
            let before = policy.clone();
            match turn {
                Turn::Tick(ms) => _ = policy.tick(era.start.plus_ms(ms)),
                Turn::Classical(ms) => policy.classical_at(era.start.plus_ms(ms)),
                Turn::Evidence(weight) => {
                    let alarm = policy.evidence(weight);
                    prop_assert!(policy.threshold() >= era.validators.classical());
                    prop_assert_eq!(alarm.is_some(), weight > era.validators.classical());
                }
                Turn::Raise(threshold) => _ = policy.raise(threshold),
            }
            prop_assert!(policy.threshold() >= before.threshold());
            prop_assert!(policy.threshold() < era.validators.total());
            prop_assert!(!before.is_halted() || policy.is_halted());
        }
    }

    #[test]
    fn no_message_decoder_panics_on_damaged_bytes(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let cast = cast(&[1; 4]);
        let dag = ledger::koma::Dag::new(cast.era.clone());
        let unit = cast.unit(&dag, 0, &[ledger::koma::Seen::None; 4], None);
        let mut bytes = Message::Units(vec![unit.clone(), unit]).encode();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzz_message(&bytes);
        fuzz_message(&bytes[..cut.index(bytes.len())]);
    }
}

#[test]
fn a_partition_or_evidence_ends_the_low_grade_for_the_era() {
    let era = cast(&[1; 7]).era;
    let mode = Mode::Adaptive { low: 0, within_ms: 1_000, margin: 2 };
    let mut quiet = Policy::new(mode, &era);
    assert_eq!(quiet.threshold(), 0);
    assert!(!quiet.tick(era.start.plus_ms(999)));
    quiet.classical_at(era.start.plus_ms(500));
    assert!(!quiet.tick(era.start.plus_ms(1_499)));
    assert!(quiet.tick(era.start.plus_ms(1_500)));
    quiet.classical_at(era.start.plus_ms(2_000));
    assert_eq!(quiet.threshold(), 2);

    let mut caught = Policy::new(mode, &era);
    assert_eq!(caught.evidence(1), None);
    assert_eq!((caught.threshold(), caught.is_halted()), (3, false));
    assert_eq!(caught.evidence(3), Some(Alarm::Excess { weight: 3, bears: 2 }));
    assert_eq!((caught.threshold(), caught.is_halted()), (5, true));
}

#[test]
fn rounds_grow_when_late_shrink_when_early_and_try_in_vain_ever_less_often() {
    let mut rounds = Adaptation::new(2);
    let mut play = |outcome, times: usize| {
        (0..times).for_each(|_| rounds.round(outcome));
        rounds.exponent()
    };
    assert_eq!(play(Outcome::Late, 1), 0, "once is chance");
    assert_eq!(play(Outcome::Late, 1), 1);
    assert_eq!(play(Outcome::Late, 20), 2, "there is a longest");
    assert_eq!(play(Outcome::Timely, 20), 2);
    assert_eq!(play(Outcome::Early, 1), 1);
    assert_eq!(play(Outcome::Late, 2), 2);
    assert_eq!(play(Outcome::Early, 1), 2, "the last trial failed");
    assert_eq!(play(Outcome::Early, 1), 1);
}

#[test]
fn a_message_is_refused_for_the_first_fault_in_the_documented_order() {
    let cast = cast(&[1; 4]);
    let wire = |message: Message| WireMessage::decode(&message.encode());
    let have = |next: usize, faulty: Vec<Member>| Message::Have(Have { era: 0, next: vec![0; next], faulty });
    let long = vec![0; ledger::koma::message::MAX_MESSAGE_BYTES + 1];
    assert_eq!(WireMessage::decode(&long), Err(MessageError::TooLong(long.len())));
    assert_eq!(WireMessage::decode(&[9]), Err(MessageError::Malformed));
    assert_eq!(wire(Message::Units(Vec::new())), Err(MessageError::Malformed));
    assert_eq!(wire(have(4, vec![Member(1), Member(1)])), Err(MessageError::Malformed));
    assert_eq!(wire(have(5, Vec::new())).unwrap().verify(&cast.era), Err(MessageError::Malformed));
    assert_eq!(wire(have(4, vec![Member(4)])).unwrap().verify(&cast.era), Err(MessageError::Malformed));
    let other = Message::Have(Have { era: 7, next: vec![0; 4], faulty: Vec::new() });
    assert_eq!(wire(other).unwrap().verify(&cast.era), Err(MessageError::Era(7)));
    assert_eq!(MAX_UNITS, 256);
}

/// Lets a node run alone for some rounds, answering every request for a block; returns what it asked for.
fn alone(koma: &mut Koma, from: Timestamp, rounds: u64) -> Vec<Effect> {
    let mut seen = Vec::new();
    for tick in 0..rounds * 10 {
        let now = from.plus_ms(tick * ROUND_MS / 10);
        let mut effects = koma.step(now, Event::Tick);
        while let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Propose { .. })) {
            let Effect::Propose { era, start, .. } = effects.swap_remove(at) else { unreachable!() };
            let block = Some(Hash::of(ledger::Tag::Content, &start.0.to_le_bytes()));
            effects.extend(koma.step(now, Event::Proposed { era, start, block }));
        }
        seen.extend(effects);
    }
    seen
}

#[test]
fn a_single_validator_runs_a_chain_and_goes_on_after_a_restart() {
    let cast = cast(&[1]);
    let part = || Part { key: cast.keys[0].clone(), speaks: true, thresholds: Vec::new() };
    let era = || (*cast.era).clone();
    let mut koma = Koma::new(part(), era(), Mode::SingleOwner, []);
    let seen = alone(&mut koma, cast.era.start, 5);
    let executed = |seen: &[Effect]| {
        let heights = seen.iter().filter_map(|effect| match effect {
            Effect::Execute { block, .. } => Some(block.height.0),
            _ => None,
        });
        heights.collect::<Vec<_>>()
    };
    assert_eq!(executed(&seen), [1, 2, 3, 4, 5]);
    // Every own unit is on disk before it is sent.
    let mut kept: Vec<Record> = Vec::new();
    for effect in &seen {
        match effect {
            Effect::Keep { record, sync } => {
                assert!(*sync);
                kept.push(record.clone());
            }
            Effect::Send { message: Message::Units(units), .. } => {
                assert!(kept.contains(&Record::Unit(units[0].signed().clone())));
            }
            _ => {}
        }
    }
    let mut again = Koma::new(part(), era(), Mode::SingleOwner, kept);
    let seen = alone(&mut again, cast.era.start.plus_ms(5 * ROUND_MS), 2);
    assert_eq!(executed(&seen), [1, 2, 3, 4, 5, 6, 7], "what was final is told again, and the chain goes on");
}

#[test]
fn who_lost_its_disk_says_nothing_until_the_next_era() {
    let cast = cast(&[1]);
    let part = Part { key: cast.keys[0].clone(), speaks: false, thresholds: Vec::new() };
    let mut koma = Koma::new(part, (*cast.era).clone(), Mode::SingleOwner, []);
    let silent = alone(&mut koma, cast.era.start, 3);
    assert!(!silent.iter().any(|effect| matches!(effect, Effect::Keep { .. } | Effect::Propose { .. })));
    let start = cast.era.start.plus_ms(3 * ROUND_MS);
    let next = ledger::koma::Era { number: 1, start, ..(*cast.era).clone() };
    koma.step(start, Event::Begin { era: Box::new(next), mode: Mode::SingleOwner });
    let speaks = alone(&mut koma, start, 2);
    assert!(speaks.iter().any(|effect| matches!(effect, Effect::Execute { era: 1, .. })));
}
