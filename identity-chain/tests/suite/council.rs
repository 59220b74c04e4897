//! Those who decide: how they come, go and change weight, and what becomes of who says two things at once.

use std::collections::{BTreeMap, BTreeSet};

use identity_chain::validator::{
    MAX_PROPOSAL_MS, MAX_PROPOSALS_EACH, Outcome, Stand, Validator, possession_bytes,
};
use identity_chain::{Change, Config, Event, IdentityChain, Payload, view};
use ledger::account::{ERA, EraRecord, FOLLOWING, RULES, STRICT, VALIDATORS};
use ledger::genesis::Rules;
use ledger::hash::encode;
use ledger::koma::{Entry, Evidence, Member, Mode, Unit, Validators, VerifiedEvidence};
use ledger::{Hash, Height, KeyPair, MemoryState, PublicKey, Signature, SubChain, Tag, Timestamp};
use proptest::prelude::*;
use vocabulary::Role;
use vocabulary::messages::{FromIdentity, FromPayment, Seat};

use crate::cast::{Identity, OPERATOR, account, config, genesis_party, suspend};
use crate::stage::{Stage, person};

const NORTH: u8 = 10;
const SOUTH: u8 = 11;
const EAST: u8 = 12;
const WEST: u8 = 13;
const CENTRE: u8 = 14;
const ORGANISATIONS: [u8; 5] = [NORTH, SOUTH, EAST, WEST, CENTRE];

/// The validator of an organisation.
fn validator(of: u8) -> KeyPair {
    person(100 + of)
}

fn key(of: u8) -> PublicKey {
    validator(of).public()
}

fn chain_id(chain: SubChain) -> Hash {
    Hash::of(Tag::Chain, chain.name().as_bytes())
}

/// The fifth era of a network in which these organisations run a validator each, of these weights.
fn open_with(weights: &[(u8, u64)], config: Config) -> Identity {
    open_in(Mode::SingleOwner, weights, config)
}

fn open_in(mode: Mode, weights: &[(u8, u64)], config: Config) -> Identity {
    let mut state = MemoryState::default();
    let mut members: Vec<_> = weights.iter().map(|(of, weight)| (key(*of), *weight)).collect();
    members.sort_unstable();
    FOLLOWING.put(&mut state, &members);
    // Eras end one day, but not while a test lasts.
    RULES.put(&mut state, &Rules { era_blocks: 10, era_ms: u64::MAX / 16, mode, ..Rules::ALONE });
    let (seed, root, root_height) = (Hash::ZERO, Hash::ZERO, Height(40));
    ERA.put(
        &mut state,
        &EraRecord { number: 4, start: Timestamp(0), seed, root, root_height, strict: false },
    );
    for chain in SubChain::ALL {
        VALIDATORS.put(&mut state, &(chain, 3), &members);
    }
    let founders = ORGANISATIONS.map(|of| genesis_party(of, &format!("Chamber {of}"), Role::Bank));
    let parties = config.parties.into_iter().chain(founders).collect();
    let validators = weights.iter().map(|(of, _)| (key(*of), account(*of))).collect();
    let config = Config { parties, validators, ..config };
    let mut stage = Stage::open_on(IdentityChain::new(config).expect("a good config"), state);
    stage.block(vec![], vec![]);
    stage
}

fn open(weights: &[(u8, u64)]) -> Identity {
    open_with(weights, config())
}

fn four() -> Identity {
    open(&[(NORTH, 1), (SOUTH, 1), (EAST, 1), (WEST, 1)])
}

fn admit(of: u8, weight: u64) -> Change {
    let said = possession_bytes(chain_id(SubChain::Identity), account(of), key(of));
    Change::Admit { key: key(of), weight, organisation: account(of), proof: validator(of).sign(&said) }
}

fn remove(of: u8) -> Change {
    Change::Remove { key: key(of) }
}

fn weigh(of: u8, weight: u64) -> Change {
    Change::Weigh { key: key(of), weight }
}

impl Identity {
    fn propose(&mut self, who: u8, change: Change) -> u64 {
        let events = self.done(who, &self.proposal(change));
        let made = events.iter().find_map(|event| match event {
            Event::ProposalMade { number, .. } => Some(*number),
            _ => None,
        });
        made.expect("a proposal has a number")
    }

    fn proposal(&self, change: Change) -> Payload {
        Payload::Propose { change, until: self.time.plus_ms(10_000) }
    }

    fn vote(&mut self, who: u8, proposal: u64) -> Vec<Event> {
        self.done(who, &Payload::Vote { proposal })
    }

    /// Who decides, by organisation, in the order of their seeds.
    fn weights(&self) -> Vec<(u8, u64)> {
        let known = |of: &u8| view::validator(&self.state, key(*of)).map(|validator| (*of, validator));
        let known = ORGANISATIONS.iter().filter_map(known);
        let decides = known.filter(|(_, validator)| validator.stand == Stand::Decides);
        decides.map(|(of, validator)| (of, validator.weight)).collect()
    }

    fn stand(&self, of: u8) -> Option<Stand> {
        view::validator(&self.state, key(of)).map(|validator| validator.stand)
    }

    /// What a chain was last told of who decides.
    fn last_told(&self, chain: SubChain) -> Option<Vec<Seat>> {
        let to_chain = self.sent.iter().rev().filter(|sent| sent.envelope.to == chain);
        let mut words = to_chain.filter_map(|sent| match &sent.envelope.body {
            ledger::MessageBody::Deliver(bytes) => borsh::from_slice(bytes).ok(),
            ledger::MessageBody::Failed { .. } | ledger::MessageBody::Validators { .. } => None,
        });
        words.find_map(|word| match word {
            FromIdentity::Validators(seats) => Some(seats),
            FromIdentity::Party(_) | FromIdentity::Banned { .. } | FromIdentity::Eased => None,
        })
    }

    fn bond(&mut self, of: u8, enough: bool) {
        let word = FromPayment::Bond { validator: key(of), organisation: account(of), enough };
        self.hear(SubChain::Payment, encode(&word)).expect("payment's word on bonds is taken");
    }

    /// What must hold whatever happens.
    fn check(&self) {
        let known = view::validators(&self.state);
        let deciding: Vec<_> = known.iter().filter(|(_, known)| known.stand == Stand::Decides).collect();
        let members: Vec<_> = deciding.iter().map(|(key, known)| (*key, known.weight)).collect();
        assert!(Validators::new(members.clone()).is_ok(), "{members:?}");
        assert_eq!(FOLLOWING.get(&self.state), Some(members.clone()));
        for chain in [SubChain::Data, SubChain::Payment] {
            let told = self.last_told(chain).expect("they were told in the first block");
            let told: Vec<_> =
                told.into_iter().map(|seat| (seat.validator, seat.weight, seat.organisation)).collect();
            let expected: Vec<_> =
                deciding.iter().map(|(key, known)| (*key, known.weight, known.organisation)).collect();
            assert_eq!(told, expected);
        }
        for (key, known) in &known {
            let banned = view::ban(&self.state, *key).is_some();
            assert!(!banned || known.stand == Stand::Banned || members.len() == 1, "{key}: {known:?}");
            assert_eq!(view::evidence(&self.state, *key).is_some(), banned);
        }
        let proposals = view::proposals(&self.state);
        for of in ORGANISATIONS {
            let own = proposals.iter().filter(|(_, proposal)| proposal.by == account(of)).count();
            assert!(own <= MAX_PROPOSALS_EACH);
        }
        for (number, proposal) in proposals {
            let backers: BTreeSet<_> = proposal.backers.iter().collect();
            assert_eq!(backers.len(), proposal.backers.len(), "each votes once");
            let weight = |known: &&&(PublicKey, Validator)| backers.contains(&known.1.organisation);
            let backed: u64 = deciding.iter().filter(weight).map(|(_, known)| known.weight).sum();
            let mut after: BTreeMap<_, _> = members.iter().copied().collect();
            match proposal.change {
                Change::Admit { key, weight, .. } | Change::Weigh { key, weight } => {
                    after.insert(key, weight);
                }
                Change::Remove { key } => drop(after.remove(&key)),
                Change::Ease => {}
            }
            let one_owner = RULES.get(&self.state).is_none_or(|rules| rules.mode == Mode::SingleOwner);
            let thinner = after.len() < members.len() && after.len() < 4 && !one_owner;
            let fits = !thinner && Validators::new(after.into_iter().collect()).is_ok();
            let all: u64 = members.iter().map(|(_, weight)| weight).sum();
            assert!(!fits || 3 * backed <= 2 * all, "proposal {number} has passed and waits");
        }
    }
}

/// Two units of one validator at one place of one era.
fn evidence(by: &KeyPair, chain: Hash, era: u64, creator: u16, count: usize) -> Evidence {
    let unit = |timestamp| {
        let unit = Unit {
            version: ledger::koma::unit::VERSION,
            chain,
            era,
            creator: Member(creator),
            seq: 0,
            timestamp: Timestamp(timestamp),
            exponent: 0,
            block: None,
            panorama: vec![Entry::None; count],
        };
        unit.sign(by)
    };
    VerifiedEvidence::new(unit(1), unit(2)).expect("they contradict each other").signed()
}

/// Evidence on `chain` against the validator of an organisation, of the era before the running one.
fn equivocation(stage: &Identity, of: u8, chain: SubChain) -> Evidence {
    let members = VALIDATORS.get(&stage.state, &(chain, 3)).expect("an era that is known");
    let creator = members.iter().position(|(known, _)| *known == key(of)).expect("it decided then");
    evidence(&validator(of), chain_id(chain), 3, u16::try_from(creator).expect("a few"), members.len())
}

fn accuse(evidence: Evidence) -> Payload {
    Payload::Accuse { evidence: Box::new(evidence) }
}

#[test]
fn those_of_the_genesis_decide_and_the_other_chains_are_told_in_the_first_block() {
    let stage = open(&[(NORTH, 2), (SOUTH, 1), (EAST, 1), (WEST, 2), (CENTRE, 1)]);
    assert_eq!(stage.weights(), [(NORTH, 2), (SOUTH, 1), (EAST, 1), (WEST, 2), (CENTRE, 1)]);
    let told = stage.opening.events.iter().filter_map(|event| borsh::from_slice::<Event>(event).ok());
    assert_eq!(told.filter(|event| matches!(event, Event::ValidatorChanged { .. })).count(), 5);
    stage.check();
    // Whoever is not named runs nothing: the first operator does.
    let mut state = MemoryState::default();
    FOLLOWING.put(&mut state, &vec![(key(NORTH), 1)]);
    let mut stage = Stage::open_on(IdentityChain::new(config()).unwrap(), state);
    stage.block(vec![], vec![]);
    let known = view::validator(&stage.state, key(NORTH)).unwrap();
    assert_eq!((known.organisation, known.from_era), (account(OPERATOR), 0));
}

#[test]
fn a_validator_is_admitted_once_more_than_two_thirds_of_the_weight_agree() {
    let mut stage = four();
    let number = stage.propose(NORTH, admit(CENTRE, 1));
    assert_eq!(stage.vote(SOUTH, number), [Event::ProposalBacked { number, by: account(SOUTH) }]);
    stage.refused(SOUTH, &Payload::Vote { proposal: number }, "voted-already", "proposal");
    assert_eq!(stage.weights().len(), 4, "half of the weight is not enough");
    stage.check();
    let events = stage.vote(EAST, number);
    let admitted = Validator { organisation: account(CENTRE), weight: 1, stand: Stand::Decides, from_era: 6 };
    assert_eq!(
        events,
        [
            Event::ProposalBacked { number, by: account(EAST) },
            Event::ProposalClosed { number, outcome: Outcome::Passed },
            Event::ValidatorChanged { key: key(CENTRE), validator: admitted },
        ]
    );
    assert_eq!(stage.weights().len(), 5);
    stage.refused(WEST, &Payload::Vote { proposal: number }, "proposal-unknown", "proposal");
    stage.check();
    // The new one has a voice at once; exactly two thirds would not have been enough.
    let number = stage.propose(CENTRE, remove(WEST));
    stage.vote(NORTH, number);
    stage.vote(SOUTH, number);
    assert_eq!(stage.stand(WEST), Some(Stand::Decides), "3 of 5");
    stage.vote(EAST, number);
    assert_eq!(stage.stand(WEST), Some(Stand::Left));
    stage.check();
    // Who left may come back.
    let number = stage.propose(NORTH, admit(WEST, 1));
    stage.vote(SOUTH, number);
    stage.vote(EAST, number);
    assert_eq!(stage.stand(WEST), Some(Stand::Decides));
    stage.check();
}

#[test]
fn exactly_two_thirds_are_not_enough() {
    let mut stage = open(&[(NORTH, 1), (SOUTH, 1), (EAST, 1)]);
    let number = stage.propose(NORTH, weigh(EAST, 5));
    stage.vote(SOUTH, number);
    assert_eq!(stage.weights(), [(NORTH, 1), (SOUTH, 1), (EAST, 1)]);
    stage.vote(EAST, number);
    assert_eq!(stage.weights(), [(NORTH, 1), (SOUTH, 1), (EAST, 5)]);
    // And one who weighs more than two thirds decides alone.
    stage.propose(EAST, remove(NORTH));
    assert_eq!(stage.weights(), [(SOUTH, 1), (EAST, 5)]);
    stage.check();
}

#[test]
fn every_proposal_that_cannot_be_is_refused_with_its_reason() {
    let mut stage = four();
    let until = stage.time.plus_ms(10_000);
    let propose = |change| Payload::Propose { change, until };
    stage.refused(CENTRE, &propose(admit(CENTRE, 1)), "runs-no-validator", "account");
    stage.refused(NORTH, &propose(remove(CENTRE)), "validator-unknown", "key");
    stage.refused(NORTH, &propose(weigh(CENTRE, 2)), "validator-unknown", "key");
    stage.refused(NORTH, &propose(weigh(EAST, 0)), "zero", "weight");
    stage.refused(NORTH, &propose(weigh(EAST, 1)), "unchanged", "weight");
    stage.refused(NORTH, &propose(weigh(EAST, 2)), "too-heavy", "weight");
    stage.refused(NORTH, &propose(weigh(EAST, u64::MAX)), "weight-too-high", "weight");
    stage.refused(NORTH, &propose(admit(EAST, 1)), "validator-present", "key");
    stage.refused(NORTH, &propose(admit(CENTRE, 0)), "zero", "weight");
    stage.refused(NORTH, &propose(admit(CENTRE, 2)), "too-heavy", "weight");
    let Change::Admit { key, weight, organisation, proof } = admit(CENTRE, 1) else { unreachable!() };
    let with = |key, organisation, proof| propose(Change::Admit { key, weight, organisation, proof });
    stage.refused(NORTH, &with(PublicKey([0; 32]), organisation, proof), "not-a-key", "key");
    stage.refused(NORTH, &with(key, account(77), proof), "party-unknown", "organisation");
    stage.refused(NORTH, &with(key, account(WEST), proof), "no-possession", "proof");
    stage.refused(NORTH, &with(key, organisation, Signature([0; 64])), "no-possession", "proof");
    for (until, code) in
        [(stage.time, "until-past"), (stage.time.plus_ms(MAX_PROPOSAL_MS + 1), "until-too-far")]
    {
        let payload = Payload::Propose { change: admit(CENTRE, 1), until };
        stage.refused(NORTH, &payload, code, "until");
    }
    stage.refused(NORTH, &Payload::Vote { proposal: 1 }, "proposal-unknown", "proposal");
    stage.refused(NORTH, &Payload::Leave { validator: self::key(SOUTH) }, "not-yours", "validator");
    stage.refused(NORTH, &Payload::Leave { validator: self::key(CENTRE) }, "validator-unknown", "validator");
    for _ in 0..MAX_PROPOSALS_EACH {
        stage.propose(NORTH, remove(SOUTH));
    }
    stage.refused(NORTH, &propose(remove(SOUTH)), "too-many", "transaction");
    stage.done(OPERATOR, &suspend(NORTH));
    // It may vote all the same, and take its own out.
    stage.refused(NORTH, &propose(remove(SOUTH)), "too-many", "transaction");
    stage.check();
    stage.done(NORTH, &Payload::Leave { validator: self::key(NORTH) });
    stage.check();
    stage.done(OPERATOR, &suspend(CENTRE));
    let number = stage.propose(SOUTH, remove(EAST));
    stage.refused(SOUTH, &propose(admit(CENTRE, 1)), "standing", "party");
    stage.refused(CENTRE, &Payload::Vote { proposal: number }, "suspended", "account");
}

#[test]
fn where_eras_never_end_nobody_votes_on_who_decides() {
    let mut stage = four();
    RULES.put(&mut stage.state, &Rules::ALONE);
    stage.refused(NORTH, &stage.proposal(remove(SOUTH)), "eras-never-end", "transaction");
    stage.refused(NORTH, &Payload::Leave { validator: key(NORTH) }, "eras-never-end", "transaction");
    stage.done(OPERATOR, &accuse(equivocation(&stage, EAST, SubChain::Data)));
    assert_eq!(stage.weights().len(), 4, "banned, but nobody can take its place");
    // An era without end of blocks may end by time.
    RULES.put(&mut stage.state, &Rules { era_ms: 60_000, ..Rules::ALONE });
    stage.propose(NORTH, remove(SOUTH));
}

#[test]
fn where_one_validator_runs_the_network_alone_nobody_votes_on_who_decides() {
    for weights in [&[(NORTH, 1)][..], &[(NORTH, 3), (SOUTH, 1), (EAST, 1)]] {
        let mut stage = open(weights);
        for payload in [
            stage.proposal(admit(CENTRE, 1)),
            stage.proposal(weigh(NORTH, 9)),
            Payload::Leave { validator: key(NORTH) },
        ] {
            stage.refused(NORTH, &payload, "run-alone", "transaction");
        }
        stage.bond(NORTH, true);
        stage.bond(NORTH, false);
        stage.done(OPERATOR, &accuse(equivocation(&stage, NORTH, SubChain::Identity)));
        assert_eq!(stage.weights(), weights);
    }
}

#[test]
fn where_four_of_several_owners_decide_no_fewer_do_but_for_evidence() {
    let five = [(NORTH, 1), (SOUTH, 1), (EAST, 1), (WEST, 1), (CENTRE, 1)];
    let mut stage = open_in(Mode::Classical, &five, config());
    stage.bond(EAST, true);
    stage.done(NORTH, &Payload::Leave { validator: key(NORTH) });
    stage.refused(SOUTH, &Payload::Leave { validator: key(SOUTH) }, "too-few", "validator");
    stage.refused(SOUTH, &stage.proposal(remove(WEST)), "too-few", "validator");
    stage.bond(EAST, false);
    assert_eq!(stage.weights().len(), 4);
    stage.check();
    stage.done(OPERATOR, &accuse(equivocation(&stage, WEST, SubChain::Data)));
    assert_eq!(stage.weights(), [(SOUTH, 1), (EAST, 1), (CENTRE, 1)]);
    // Below four, more may come as ever.
    let number = stage.propose(SOUTH, admit(NORTH, 1));
    stage.vote(EAST, number);
    stage.vote(CENTRE, number);
    assert_eq!(stage.weights().len(), 4);
    stage.check();
}

#[test]
fn who_is_suspended_and_decides_goes_on_voting() {
    let mut stage = four();
    for of in [SOUTH, EAST] {
        stage.done(OPERATOR, &suspend(of));
    }
    let number = stage.propose(EAST, admit(CENTRE, 1));
    stage.vote(SOUTH, number);
    stage.vote(NORTH, number);
    assert_eq!(stage.stand(CENTRE), Some(Stand::Decides));
    stage.check();
}

#[test]
fn a_proposal_that_nobody_backs_in_time_is_void() {
    let mut stage = four();
    let number = stage.propose(NORTH, remove(WEST));
    stage.vote(SOUTH, number);
    stage.time = stage.time.plus_ms(9_999);
    assert!(!ledger::Application::due(&stage.app, &stage.state, stage.height.next(), stage.time));
    stage.time = stage.time.plus_ms(1);
    assert!(ledger::Application::due(&stage.app, &stage.state, stage.height.next(), stage.time));
    stage.refused(EAST, &Payload::Vote { proposal: number }, "proposal-unknown", "proposal");
    let closed = Event::ProposalClosed { number, outcome: Outcome::Expired };
    assert_eq!(stage.opening.events, [encode(&closed)]);
    assert_eq!(view::proposals(&stage.state), []);
    stage.check();
}

#[test]
fn an_organisation_takes_its_validator_out_at_once_where_the_others_can_go_on() {
    let mut stage = open(&[(NORTH, 2), (SOUTH, 2), (EAST, 1), (WEST, 1), (CENTRE, 1)]);
    let leave = |of| Payload::Leave { validator: key(of) };
    stage.refused(EAST, &leave(EAST), "too-heavy", "weight");
    stage.refused(NORTH, &leave(NORTH), "too-heavy", "weight");
    // With an equal say for all, anybody may go.
    for of in [EAST, WEST, CENTRE] {
        let number = stage.propose(of, weigh(of, 2));
        for who in [NORTH, SOUTH, EAST, WEST, CENTRE] {
            if who != of && view::proposals(&stage.state).len() == 1 {
                stage.vote(who, number);
            }
        }
    }
    stage.done(NORTH, &leave(NORTH));
    assert_eq!((stage.stand(NORTH), stage.weights().len()), (Some(Stand::Left), 4));
    stage.check();
}

#[test]
fn the_last_validator_stays() {
    let mut stage = open(&[(NORTH, 1), (SOUTH, 1)]);
    stage.done(NORTH, &Payload::Leave { validator: key(NORTH) });
    stage.check();
    stage.refused(SOUTH, &Payload::Leave { validator: key(SOUTH) }, "last-validator", "validator");
    stage.refused(SOUTH, &stage.proposal(remove(SOUTH)), "last-validator", "validator");
    stage.check();
}

#[test]
fn what_waits_passes_when_whoever_did_not_agree_has_left() {
    let mut stage = four();
    let number = stage.propose(NORTH, remove(EAST));
    stage.vote(SOUTH, number);
    assert_eq!(stage.weights().len(), 4, "2 of 4");
    let events = stage.done(WEST, &Payload::Leave { validator: key(WEST) });
    assert_eq!(stage.weights().len(), 3, "2 of 3 are exactly two thirds");
    assert_eq!(events.len(), 1);
    let number = stage.propose(EAST, weigh(NORTH, 9));
    stage.vote(SOUTH, number);
    stage.vote(NORTH, number);
    assert_eq!(stage.weights(), [(NORTH, 9), (SOUTH, 1)], "and now they are more");
    stage.check();
}

#[test]
fn who_said_two_things_at_once_is_out_for_good() {
    for chain in SubChain::ALL {
        let mut stage = open(&[(NORTH, 2), (SOUTH, 2), (EAST, 1), (WEST, 1), (CENTRE, 1)]);
        let vote = stage.propose(NORTH, weigh(EAST, 2));
        let proof = equivocation(&stage, EAST, chain);
        let payload = accuse(proof.clone());
        assert!(stage.app_terms(OPERATOR, &payload).contains(&format!("Where: {chain} chain, era 3")));
        let events = stage.done(OPERATOR, &payload);
        let ban = view::ban(&stage.state, key(EAST)).unwrap();
        assert_eq!((ban.chain, ban.era, ban.by), (chain, 3, account(OPERATOR)));
        assert_eq!(events[0], Event::ValidatorBanned { key: key(EAST), ban });
        assert!(events.contains(&Event::ProposalClosed { number: vote, outcome: Outcome::Moot }));
        assert_eq!(view::evidence(&stage.state, key(EAST)), Some(proof));
        // Among four none may weigh more than a third, so the two heavy ones come down.
        assert_eq!(stage.weights(), [(NORTH, 1), (SOUTH, 1), (WEST, 1), (CENTRE, 1)]);
        stage.refused(NORTH, &payload, "validator-banned", "evidence");
        stage.refused(NORTH, &stage.proposal(admit(EAST, 1)), "validator-banned", "key");
        let word = FromIdentity::Banned { validator: key(EAST), organisation: account(EAST) };
        let told = ledger::MessageBody::Deliver(encode(&word));
        assert_eq!(stage.sent.iter().filter(|sent| sent.envelope.body == told).count(), 2);
        assert!(ledger::account::BANNED.has(&stage.state, &key(EAST)));
        stage.check();
    }
}

#[test]
fn the_low_grade_comes_back_by_vote_alone_once_the_cheat_is_out() {
    let adaptive = Mode::Adaptive { low: 0, within_ms: 1_000, margin: 0 };
    let weights = [(NORTH, 1), (SOUTH, 1), (EAST, 1), (WEST, 1), (CENTRE, 1)];
    let mut stage = open_in(adaptive, &weights, config());
    // Who was to decide two eras ago decides now.
    let follow = |stage: &mut Identity| {
        let members: Vec<_> = FOLLOWING.get(&stage.state).unwrap();
        for era in [4, 5] {
            VALIDATORS.put(&mut stage.state, &(SubChain::Identity, era), &members);
        }
    };
    follow(&mut stage);
    stage.refused(NORTH, &stage.proposal(Change::Ease), "nothing-to-ease", "change");
    let proof = accuse(equivocation(&stage, EAST, SubChain::Data));
    stage.done(OPERATOR, &proof);
    assert!(STRICT.get(&stage.state).is_some());
    assert!(
        stage
            .app_terms(NORTH, &stage.proposal(Change::Ease))
            .contains("The low grade that the genesis names")
    );
    stage.refused(SOUTH, &stage.proposal(Change::Ease), "cheat-decides", "change");

    follow(&mut stage);
    let number = stage.propose(NORTH, Change::Ease);
    stage.vote(SOUTH, number);
    assert!(STRICT.get(&stage.state).is_some(), "2 of 4");
    // Another one cheats: who has agreed so far did not know.
    let proof = accuse(equivocation(&stage, WEST, SubChain::Data));
    let events = stage.done(OPERATOR, &proof);
    assert!(events.contains(&Event::ProposalClosed { number, outcome: Outcome::Moot }));

    follow(&mut stage);
    let number = stage.propose(NORTH, Change::Ease);
    stage.vote(SOUTH, number);
    let events = stage.vote(CENTRE, number);
    assert!(events.contains(&Event::ProposalClosed { number, outcome: Outcome::Passed }));
    assert!(STRICT.get(&stage.state).is_none());
    let told = ledger::MessageBody::Deliver(encode(&FromIdentity::Eased));
    assert_eq!(stage.sent.iter().filter(|sent| sent.envelope.body == told).count(), 2);
    stage.refused(NORTH, &stage.proposal(Change::Ease), "nothing-to-ease", "change");
    stage.check();
}

#[test]
fn a_validator_accuses_with_its_own_key_and_needs_no_registration() {
    let mut stage = four();
    let payload = accuse(equivocation(&stage, WEST, SubChain::Payment));
    let by = |key: &KeyPair| key.public().address();
    let stranger = person(99);
    let refusal = stage.send(by(&stranger), &stranger, encode(&payload)).unwrap_err();
    assert_eq!(refusal.code, "not-registered");
    let other = Payload::Leave { validator: key(SOUTH) };
    let refusal = stage.send(by(&validator(SOUTH)), &validator(SOUTH), encode(&other)).unwrap_err();
    assert_eq!(refusal.code, "not-registered", "the key speaks for its organisation in nothing else");
    stage.send(by(&validator(SOUTH)), &validator(SOUTH), encode(&payload)).unwrap();
    assert_eq!(stage.weights(), [(NORTH, 1), (SOUTH, 1), (EAST, 1)]);
    let again = accuse(equivocation(&stage, SOUTH, SubChain::Data));
    let refusal = stage.send(by(&validator(WEST)), &validator(WEST), encode(&again)).unwrap_err();
    assert_eq!(refusal.code, "not-registered", "who is out is heard no more");
    stage.check();
}

#[test]
fn evidence_that_proves_nothing_bans_nobody() {
    let mut stage = four();
    let members = VALIDATORS.get(&stage.state, &(SubChain::Data, 3)).unwrap();
    let place =
        |of: u8| u16::try_from(members.iter().position(|(known, _)| *known == key(of)).unwrap()).unwrap();
    let data = chain_id(SubChain::Data);
    let west = |chain, era, creator, count| evidence(&validator(WEST), chain, era, creator, count);
    for (what, evidence) in [
        ("another network's chain", west(Hash([7; 32]), 3, place(WEST), 4)),
        ("an era that nobody knows", west(data, 9, place(WEST), 4)),
        ("a creator who is nobody", west(data, 3, 4, 4)),
        ("somebody else's signature", west(data, 3, place(EAST), 4)),
        ("a unit of another size", west(data, 3, place(WEST), 5)),
    ] {
        let refusal = stage.ask(OPERATOR, &accuse(evidence)).expect_err(what);
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("unproven", "evidence"), "{what}");
    }
    let proof = encode(&west(data, 3, place(WEST), 4));
    let (first, second) = proof.split_at(proof.len() / 2);
    for (what, bytes) in
        [("one unit twice", [first, first].concat()), ("units in the wrong order", [second, first].concat())]
    {
        let evidence: Evidence = borsh::from_slice(&bytes).unwrap();
        stage.refused(OPERATOR, &accuse(evidence), "unproven", "evidence");
        assert!(Evidence::decode(&bytes).is_err(), "{what}");
    }
    assert_eq!(stage.weights().len(), 4);
    stage.check();
}

#[test]
fn the_last_one_is_banned_and_goes_on_until_somebody_else_decides() {
    let mut stage = open(&[(NORTH, 3), (SOUTH, 3)]);
    stage.done(SOUTH, &Payload::Leave { validator: key(SOUTH) });
    stage.done(OPERATOR, &accuse(equivocation(&stage, NORTH, SubChain::Identity)));
    assert_eq!(stage.weights(), [(NORTH, 3)], "never nobody");
    stage.check();
    stage.propose(NORTH, admit(CENTRE, 1));
    assert_eq!(stage.weights(), [(CENTRE, 1)]);
    assert_eq!(stage.stand(NORTH), Some(Stand::Banned));
    stage.check();
}

#[test]
fn who_left_is_banned_all_the_same_while_its_era_is_known() {
    let mut stage = four();
    stage.done(WEST, &Payload::Leave { validator: key(WEST) });
    stage.done(OPERATOR, &accuse(equivocation(&stage, WEST, SubChain::Payment)));
    assert_eq!(stage.stand(WEST), Some(Stand::Banned));
    stage.check();
}

#[test]
fn where_a_bond_is_needed_who_is_admitted_decides_once_it_is_there() {
    let config = Config { bond_needed: true, ..config() };
    let weights = [(NORTH, 1), (SOUTH, 1), (EAST, 1), (WEST, 1)];
    let mut stage = open_with(&weights, config);
    let number = stage.propose(NORTH, admit(CENTRE, 1));
    stage.vote(SOUTH, number);
    stage.vote(EAST, number);
    assert_eq!((stage.stand(CENTRE), stage.weights().len()), (Some(Stand::AwaitsBond), 4));
    stage.check();
    stage.bond(CENTRE, true);
    assert_eq!((stage.stand(CENTRE), stage.weights().len()), (Some(Stand::Decides), 5));
    stage.check();
    // It was to be taken back before the payment chain had heard that it is needed: only a vote lets it in again.
    stage.bond(CENTRE, false);
    assert_eq!((stage.stand(CENTRE), stage.weights().len()), (Some(Stand::Left), 4));
    stage.check();
    stage.bond(CENTRE, true);
    assert_eq!(stage.stand(CENTRE), Some(Stand::Left));
    stage.check();
    // Bonded beforehand, it decides at once.
    let number = stage.propose(NORTH, admit(CENTRE, 1));
    stage.vote(SOUTH, number);
    stage.vote(EAST, number);
    assert_eq!(stage.stand(CENTRE), Some(Stand::Decides));
    stage.check();
}

impl Identity {
    fn app_terms(&self, who: u8, payload: &Payload) -> String {
        ledger::Application::terms(&self.app, &self.state, account(who), &encode(payload))
            .expect("these terms can be read")
    }
}

#[test]
fn whoever_signs_reads_what_changes_and_when() {
    let mut stage = four();
    let terms = stage.app_terms(NORTH, &stage.proposal(admit(CENTRE, 1)));
    for part in [
        "You propose a change of those who decide on all three chains, and agree to it.".to_owned(),
        format!("A validator is admitted: {}\nIts weight: 1\nRun by: Chamber 14 (", key(CENTRE)),
        "It is done once more than two thirds of the weight agree".to_owned(),
    ] {
        assert!(terms.contains(&part), "{terms}");
    }
    let proposal = stage.propose(NORTH, admit(CENTRE, 1));
    let terms = stage.app_terms(SOUTH, &Payload::Vote { proposal });
    assert!(terms.contains(&format!("You agree to proposal {proposal}")), "{terms}");
    assert!(terms.contains(&format!("A validator is admitted: {}", key(CENTRE))), "{terms}");
    let terms = stage.app_terms(SOUTH, &Payload::Leave { validator: key(SOUTH) });
    assert!(terms.contains("Let it run until then."), "{terms}");
}

#[derive(Clone, Debug)]
enum Step {
    Propose { who: u8, change: Change },
    Vote { who: u8, proposal: u64 },
    Leave { who: u8 },
    Accuse { of: u8, chain: SubChain },
    Bond { of: u8, enough: bool },
    Wait { ms: u64 },
}

fn steps() -> impl Strategy<Value = Step> {
    let who = || prop::sample::select(&ORGANISATIONS);
    let weight = || 0..6u64;
    let change = prop_oneof![
        (who(), weight()).prop_map(|(of, weight)| admit(of, weight)),
        who().prop_map(remove),
        (who(), weight()).prop_map(|(of, weight)| weigh(of, weight)),
    ];
    prop_oneof![
        4 => (who(), change).prop_map(|(who, change)| Step::Propose { who, change }),
        8 => (who(), 1..12u64).prop_map(|(who, proposal)| Step::Vote { who, proposal }),
        1 => who().prop_map(|who| Step::Leave { who }),
        1 => (who(), prop::sample::select(&SubChain::ALL)).prop_map(|(of, chain)| Step::Accuse { of, chain }),
        1 => (who(), any::<bool>()).prop_map(|(of, enough)| Step::Bond { of, enough }),
        1 => (0..4_000u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_they_vote_those_who_decide_can(
        weights in proptest::collection::vec(1..5u64, 1..=5),
        bond_needed in any::<bool>(),
        four in any::<bool>(),
        steps in proptest::collection::vec(steps(), 1..60),
    ) {
        let weights: Vec<_> = ORGANISATIONS.into_iter().zip(weights).collect();
        let members = weights.iter().map(|(of, weight)| (key(*of), *weight)).collect::<BTreeMap<_, _>>();
        prop_assume!(Validators::new(members.into_iter().collect()).is_ok());
        let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
        prop_assume!(weights.iter().all(|(_, weight)| 2 * weight <= total));
        let config = Config { bond_needed, free_per_day: 1_000, ..config() };
        let mode = if four { Mode::Classical } else { Mode::SingleOwner };
        let mut stage = open_in(mode, &weights, config);
        for step in steps {
            // Whether it is done or refused is told elsewhere; here it is enough that the chain stands.
            match step {
                Step::Propose { who, change } => drop(stage.ask(who, &stage.proposal(change))),
                Step::Vote { who, proposal } => drop(stage.ask(who, &Payload::Vote { proposal })),
                Step::Leave { who } => drop(stage.ask(who, &Payload::Leave { validator: key(who) })),
                Step::Accuse { of, chain } => {
                    let members = VALIDATORS.get(&stage.state, &(chain, 3)).unwrap();
                    if members.iter().any(|(known, _)| *known == key(of)) {
                        let evidence = equivocation(&stage, of, chain);
                        drop(stage.ask(OPERATOR, &accuse(evidence)));
                    }
                }
                Step::Bond { of, enough } => stage.bond(of, enough),
                Step::Wait { ms } => stage.time = stage.time.plus_ms(ms),
            }
            stage.check();
        }
    }
}
