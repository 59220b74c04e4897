//! What a unit may say, and which refusal it meets otherwise.

use std::sync::Arc;

use ledger::hash::encode;
use ledger::koma::unit::{MAX_UNIT_BYTES, fuzz_unit};
use ledger::koma::{
    Dag, Entry, Era, Evidence, EvidenceError, FormError, Member, Seen, SignedUnit, Unit, UnitError,
    VerifiedEvidence, evidence::fuzz_evidence,
};
use ledger::{Hash, Tag, Timestamp};
use proptest::prelude::*;

use super::cast::*;

fn golden() -> Unit {
    Unit {
        version: 1,
        chain: Hash([1; 32]),
        era: 2,
        creator: Member(3),
        seq: 4,
        timestamp: Timestamp(5),
        exponent: 6,
        block: Some(Hash([7; 32])),
        panorama: vec![Entry::None, Entry::Correct(Hash([8; 32])), Entry::Faulty],
    }
}

#[test]
fn units_and_evidence_have_the_bytes_they_always_had() {
    let signed = golden().sign(&cast(&[1]).keys[0]).signed().clone();
    let print = |bytes: &[u8]| format!("{} bytes {}", bytes.len(), Hash::of(Tag::Content, bytes));
    let now = [golden().hash().to_string(), print(&encode(&signed)), print(&encode(&twins().1.signed()))];
    let golden = [
        "ccf9d4823130bfe0922393e17606619a33e95b8bc373324e8f8a4571d1744e73",
        "192 bytes 439d445734403f4b44f5fe2d8f59c38a76f6a13b1178a756bf40d06fc640195c",
        "258 bytes 53292bf3806d7133524c1b11be10dc43d9e37e1f47b15de99c2ca69fb3001e76",
    ];
    assert_eq!(now, golden, "a signed format changed");
}

/// Two units of one creator and sequence number.
fn twins() -> (Cast, VerifiedEvidence) {
    let cast = cast(&[1; 4]);
    let dag = Dag::new(cast.era.clone());
    let nothing = [Seen::None; 4];
    let first = cast.unit(&dag, 1, &nothing, None);
    let mut other = first.unit().clone();
    other.timestamp = other.timestamp.plus_ms(1);
    let second = other.sign(&cast.keys[1]);
    let evidence = VerifiedEvidence::new(first, second).unwrap();
    (cast, evidence)
}

#[test]
fn evidence_holds_for_two_units_of_one_number_and_for_nothing_else() {
    let (cast, evidence) = twins();
    assert_eq!(evidence.against(), Member(1));
    let bytes = encode(&evidence.signed());
    assert_eq!(Evidence::decode(&bytes).unwrap().verify(&cast.era).unwrap(), evidence);
    let [first, second] = evidence.units();
    assert_eq!(VerifiedEvidence::new(first.clone(), first.clone()), None);
    let swapped = [encode(second.signed()), encode(first.signed())].concat();
    assert_eq!(Evidence::decode(&swapped), Err(EvidenceError::Malformed));

    let mut later = first.unit().clone();
    later.seq = 1;
    let later = later.sign(&cast.keys[1]);
    let mut pair = [first.clone(), later];
    pair.sort_by_key(ledger::koma::VerifiedUnit::hash);
    let harmless = Evidence::decode(&pair.each_ref().map(|unit| encode(unit.signed())).concat()).unwrap();
    assert_eq!(harmless.verify(&cast.era), Err(EvidenceError::Harmless));
}

#[test]
fn a_forged_unit_is_refused_for_the_first_fault_in_the_documented_order() {
    let cast = cast(&[1; 4]);
    let dag = Dag::new(cast.era.clone());
    let good = cast.unit(&dag, 2, &[Seen::None; 4], None).signed().clone();
    let refused = |change: fn(&mut SignedUnit)| {
        let mut signed = good.clone();
        change(&mut signed);
        signed.verify(&cast.era).unwrap_err()
    };
    assert!(good.clone().verify(&cast.era).is_ok());
    let long = vec![0; MAX_UNIT_BYTES + 1];
    assert_eq!(SignedUnit::decode(&long), Err(FormError::TooLong(MAX_UNIT_BYTES + 1)));
    assert_eq!(SignedUnit::decode(&encode(&good)[1..]), Err(FormError::Malformed));
    let mut newer = good.clone();
    newer.unit.version = 2;
    assert_eq!(SignedUnit::decode(&encode(&newer)), Err(FormError::Version(2)));
    assert_eq!(refused(|unit| unit.unit.version = 0), FormError::Version(0));
    assert_eq!(refused(|unit| unit.unit.chain = Hash::ZERO), FormError::Chain(Hash::ZERO));
    assert_eq!(refused(|unit| unit.unit.era = 1), FormError::Era(1));
    assert_eq!(refused(|unit| unit.unit.creator = Member(4)), FormError::Creator(Member(4)));
    let short = FormError::Panorama { expected: 4, found: 3 };
    assert_eq!(refused(|unit| unit.unit.panorama.truncate(3)), short);
    assert_eq!(refused(|unit| unit.unit.exponent = 7), FormError::Exponent { most: 6, found: 7 });
    assert!(matches!(refused(|unit| unit.unit.seq = 1), FormError::Signature(_)));
    assert!(matches!(refused(|unit| unit.unit.creator = Member(1)), FormError::Signature(_)));
}

/// What `dag` says to a unit that `creator` makes of `change`d words.
fn refusal(cast: &Cast, dag: &Dag, unit: &Unit, change: impl FnOnce(&mut Unit)) -> UnitError {
    let mut unit = unit.clone();
    change(&mut unit);
    let key = &cast.keys[unit.creator.index()];
    let count = dag.count();
    let mut after = dag.clone();
    let refusal = after.insert(&unit.sign(key)).unwrap_err();
    assert_eq!(after.count(), count, "a refused unit leaves no trace");
    refusal
}

#[test]
fn a_unit_out_of_place_is_refused_for_the_first_fault_in_the_documented_order() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    let anna = cast.add(&mut dag, 0, &[], None);
    let bert = cast.add(&mut dag, 1, &[0], None);
    cast.add(&mut dag, 0, &[1], None);
    let good = cast.unit(&dag, 2, &dag.panorama(Timestamp(u64::MAX)), None).unit().clone();
    let refused = |change: fn(&mut Unit)| refusal(&cast, &dag, &good, change);

    assert_eq!(refused(|unit| unit.panorama[2] = Entry::Faulty), UnitError::SelfFaulty);
    assert_eq!(refused(|unit| unit.panorama[3] = stray()), UnitError::MissingUnit(Hash([99; 32])));
    assert_eq!(refused(|unit| unit.panorama[3] = Entry::Faulty), UnitError::MissingEvidence(Member(3)));
    assert_eq!(refused(|unit| unit.panorama[3] = unit.panorama[1]), UnitError::Lane(Member(3)));
    assert_eq!(refused(|unit| unit.seq = 1), UnitError::Sequence { expected: 0, found: 1 });
    assert_eq!(refused(|unit| unit.panorama[1] = Entry::None), UnitError::NotClosed(Member(1)));
    let old = dag.hash(anna);
    let behind = refusal(&cast, &dag, &good, |unit| {
        // Bert's unit has seen anna's first one, which is fine; her second has seen bert's.
        unit.panorama = vec![Entry::Correct(old), Entry::None, Entry::None, Entry::None];
        unit.timestamp = cast.era.start;
        unit.timestamp.0 -= 1;
    });
    assert_eq!(behind, UnitError::Time);
    assert_eq!(refused(|unit| unit.timestamp.0 -= 1), UnitError::Time);
    assert_eq!(dag.vote(bert), ledger::koma::BlockIx::ROOT);
}

#[test]
fn a_round_has_two_units_of_one_length() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    let start = cast.era.start;
    let unit = |dag: &Dag, at: u64, exponent: u8| {
        let mut unit = cast.unit(dag, 0, &dag.panorama(Timestamp(u64::MAX)), None).unit().clone();
        unit.timestamp = start.plus_ms(at);
        unit.exponent = exponent;
        unit.sign(&cast.keys[0])
    };
    dag.insert(&unit(&dag, 10, 0)).unwrap();
    dag.insert(&unit(&dag, 20, 0)).unwrap();
    assert_eq!(dag.insert(&unit(&dag, 30, 0)), Err(UnitError::TooMany));
    assert_eq!(dag.insert(&unit(&dag, 30, 1)), Err(UnitError::RoundLength));
    assert_eq!(
        dag.insert(&unit(&dag, ROUND_MS, 1)),
        Err(UnitError::RoundLength),
        "half a long round is over"
    );
    dag.insert(&unit(&dag, 2 * ROUND_MS, 1)).unwrap();
    dag.insert(&unit(&dag, 3 * ROUND_MS, 1)).unwrap();
    assert_eq!(dag.insert(&unit(&dag, 4 * ROUND_MS - 1, 1)), Err(UnitError::TooMany));
    dag.insert(&unit(&dag, 4 * ROUND_MS, 0)).unwrap();
}

#[test]
fn only_the_leader_proposes_and_only_at_the_start_of_its_round() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    let good = cast.unit(&dag, 1, &[Seen::None; 4], Some(block(1)));
    let leader = cast.era.leader(good.unit().timestamp.plus_ms(ROUND_MS));
    let late = refusal(&cast, &dag, good.unit(), |unit| unit.timestamp = unit.timestamp.plus_ms(1));
    assert_eq!(late, UnitError::NotAtStart);
    let other = (1u64..).map(|n| good.unit().timestamp.plus_ms(n * ROUND_MS));
    let other = other.into_iter().find(|at| cast.era.leader(*at) != Member(1)).unwrap();
    let usurped = refusal(&cast, &dag, good.unit(), |unit| unit.timestamp = other);
    assert_eq!(usurped, UnitError::NotLeader(cast.era.leader(other)));
    assert!(leader.index() < 4);
    let proposed = dag.insert(&good).unwrap().unit;
    assert_eq!(dag.blocks().get(dag.vote(proposed)).block, block(1));
}

#[test]
fn the_last_block_of_an_era_has_no_child() {
    let Cast { keys, era } = cast(&[1; 4]);
    let end = ledger::koma::End { min_blocks: 2, min_ms: 0, most_ms: u64::MAX };
    let cast = Cast { keys, era: Arc::new(Era { end, ..(*era).clone() }) };
    let mut dag = Dag::new(cast.era.clone());
    let first = cast.add(&mut dag, 0, &[], Some(block(1)));
    assert!(!dag.blocks().get(dag.vote(first)).last);
    let second = cast.add(&mut dag, 1, &[0], Some(block(2)));
    assert!(dag.blocks().get(dag.vote(second)).last);
    let third = cast.unit(&dag, 2, &dag.panorama(Timestamp(u64::MAX)), Some(block(3)));
    assert_eq!(dag.insert(&third), Err(UnitError::AfterEnd));
    let vote = cast.unit(&dag, 2, &dag.panorama(Timestamp(u64::MAX)), None);
    assert!(dag.insert(&vote).is_ok(), "votes for the last block go on");
}

#[test]
fn an_equivocation_is_caught_and_cited_no_more() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    cast.add(&mut dag, 0, &[], None);
    let here = cast.unit(&dag, 1, &[Seen::None; 4], None);
    let there = cast.unit(&dag, 1, &dag.panorama(Timestamp(u64::MAX)), None);
    let (here, there) = (dag.insert(&here).unwrap(), dag.insert(&there).unwrap());
    assert_eq!((here.caught, there.caught), (None, Some(Member(1))));
    assert_eq!(dag.faulty_weight(), 1);
    assert_eq!(dag.panorama(Timestamp(u64::MAX))[1], Seen::Faulty);
    assert_eq!(dag.tips().len(), 2, "both branches are tips");

    // Carla saw one branch before she knew; who has seen both branches has to say so.
    let mut carla = with(&dag, here.unit);
    carla[0] = Seen::None;
    let carla = dag.insert(&cast.unit(&dag, 2, &carla, None)).unwrap().unit;
    let mut both = join(&dag, &with(&dag, carla), &with(&dag, there.unit));
    assert_eq!(both[1], Seen::Faulty);
    assert!(dag.insert(&cast.unit(&dag, 3, &both, None)).is_ok());
    both[1] = Seen::Unit(there.unit);
    assert_eq!(dag.insert(&cast.unit(&dag, 3, &both, None)), Err(UnitError::NotClosed(Member(1))));
}

#[test]
fn a_stored_unit_gives_back_the_bytes_that_were_signed() {
    let cast = cast(&[1; 4]);
    let mut dag = Dag::new(cast.era.clone());
    cast.add(&mut dag, 0, &[], Some(block(1)));
    cast.add(&mut dag, 1, &[0], None);
    cast.add(&mut dag, 1, &[0], None);
    for unit in dag.all() {
        assert!(dag.signed(unit).verify(&cast.era).is_ok());
        assert_eq!(dag.verified(unit).hash(), dag.hash(unit));
    }
}

#[test]
fn a_banned_validator_leads_no_round_and_no_other_round_moves() {
    let Cast { era, .. } = cast(&[3, 3, 2, 2]);
    let starts = || (0..2_000).map(|round| era.start.plus_ms(round * ROUND_MS));
    let mut led = [0; 4];
    starts().for_each(|start| led[era.leader(start).index()] += 1);
    for (member, expected) in led.into_iter().zip([600, 600, 400, 400]) {
        assert!(i32::abs(member - expected) < 80, "{led:?}");
    }
    let banned = Era { banned: [Member(1)].into(), ..(*era).clone() };
    for start in starts() {
        let (before, after) = (era.leader(start), banned.leader(start));
        assert!(after != Member(1) && (before == Member(1) || before == after));
    }
}

proptest! {
    #[test]
    fn no_decoder_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_unit(&bytes);
        fuzz_evidence(&bytes);
    }

    #[test]
    fn no_decoder_panics_on_damaged_bytes(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let (_, evidence) = twins();
        let mut bytes = encode(&evidence.signed());
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        fuzz_evidence(&bytes);
        fuzz_unit(&bytes[..bytes.len() / 2]);
    }
}
