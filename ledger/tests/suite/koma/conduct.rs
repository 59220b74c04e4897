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

/// What a follower asks for when it hears of these units, each block of which is here and good.
fn hears(koma: &mut Koma, dag: &ledger::koma::Dag, units: &[ledger::koma::UnitIx]) -> Vec<Effect> {
    let from = dag.era().validators.key(Member(0)).unwrap();
    let mut seen = Vec::new();
    for unit in units {
        let now = dag.timestamp(*unit).plus_ms(1);
        if let Some(block) = dag.block(*unit) {
            seen.extend(koma.step(now, Event::Body(dag.blocks().get(block).block)));
        }
        let message = Message::Units(vec![dag.verified(*unit)]);
        let mut effects = koma.step(now, Event::Received { from, message });
        while let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Validate { .. })) {
            let Effect::Validate { era, proposal, .. } = effects.swap_remove(at) else { unreachable!() };
            effects.extend(koma.step(now, Event::Validated { era, unit: proposal.id, valid: true }));
        }
        seen.extend(effects);
    }
    seen
}

#[test]
fn what_was_not_executed_before_evidence_came_on_record_has_to_reach_the_threshold_that_it_asks_for() {
    let cast = cast(&[1; 7]);
    let mode = Mode::Adaptive { low: 0, within_ms: 60_000, margin: 2 };
    let mut dag = ledger::koma::Dag::new(cast.era.clone());
    let leader = cast.era.leader(cast.era.next_start(cast.era.start, 0)).index();
    let honest: Vec<usize> = (0..7).filter(|member| *member != (leader + 1) % 7).collect();
    let mut units = vec![cast.add(&mut dag, leader, &[], Some(Hash([1; 32])))];
    let layer = |dag: &mut ledger::koma::Dag, members: &[usize]| -> Vec<_> {
        members.iter().map(|member| cast.add(dag, *member, members, None)).collect()
    };
    // A majority of four has said it twice; later six do.
    let four: Vec<usize> =
        honest.iter().copied().filter(|member| *member != leader).take(3).chain([leader]).collect();
    units.extend(layer(&mut dag, &four));
    units.extend(layer(&mut dag, &four));
    let later: Vec<_> = (0..4).flat_map(|_| layer(&mut dag, &honest)).collect();

    let cheat = Member(((leader + 1) % 7) as u16);
    let executes = |seen: &[Effect]| seen.iter().any(|effect| matches!(effect, Effect::Execute { .. }));
    let called_back = |seen: &[Effect]| {
        seen.iter().find_map(|effect| match effect {
            Effect::CallBack { above, .. } => Some(above.0),
            _ => None,
        })
    };
    for (begun, recalled) in [(0, Some(0)), (1, None)] {
        let part = Part { key: ledger::KeyPair::from_seed([42; 32]), speaks: false, thresholds: Vec::new() };
        let mut koma = Koma::new(part, (*cast.era).clone(), mode, []);
        koma.executing(ledger::Height(0));
        assert!(executes(&hears(&mut koma, &dag, &units)), "at the low grade");
        koma.executing(ledger::Height(begun));
        let now = dag.timestamp(*units.last().unwrap()).plus_ms(2);
        let seen = koma.step(now, Event::Convicted { era: 0, members: [cheat].into() });
        assert_eq!(called_back(&seen), recalled);
        assert_eq!(koma.current().policy().threshold(), 3);
        assert!(!executes(&seen), "it is not final at 3");
        let again = koma.step(now, Event::Convicted { era: 0, members: [cheat].into() });
        assert_eq!(called_back(&again), None, "evidence counts once");
        let seen = hears(&mut koma, &dag, &later);
        assert_eq!(executes(&seen), recalled.is_some(), "what had begun is not done twice");
        assert!(!seen.iter().any(|effect| matches!(effect, Effect::Alarm { .. })));
        assert_eq!(koma.current().executed().height.0, 1);
    }
}

#[test]
fn whatever_cheats_the_classical_grade_bears_the_others_reach_the_threshold_without_them() {
    for total in 1..60u64 {
        let validators = cast(&vec![1; total as usize]).era.validators.clone();
        for margin in [0, 1, 2, 5, u64::MAX] {
            let mode = Mode::Adaptive { low: 0, within_ms: 1, margin };
            for weight in 1..=validators.classical() {
                let raised = Policy::on_record(mode, &validators, false, weight);
                assert!(2 * (total - weight) > total + raised, "{weight} of {total} with {margin}: {raised}");
                assert!(raised >= validators.classical());
            }
        }
    }
    // More than they bear is never executed upon.
    let seven = cast(&[1; 7]).era.validators.clone();
    assert_eq!(Policy::on_record(Mode::Classical, &seven, false, 3), 3);
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
