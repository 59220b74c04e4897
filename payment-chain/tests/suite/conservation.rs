//! Whatever happens in whatever order, nothing is minted, lost, or locked for no reason. The stage audits the
//! books after every step; here a seeded market makes the steps.

use std::collections::BTreeMap;

use crate::stage::*;
use clearing::Amount;
use ledger::{Address, Hash, PublicKey};
use payment_chain::model::{AssetId, Commitment, ContractId, OfferId, OfferTerms, RequestId};
use payment_chain::payload::SubmittedRing;
use payment_chain::view::{self, OpenBatch};
use payment_chain::{Event, Payload, event::Dissolution};
use vocabulary::{FromIdentity, Seat};

/// SplitMix64: the same seed, the same market.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn quantity(&mut self) -> Amount {
        amount(u128::from(self.below(5_000)))
    }
}

/// Any offer over the goods here. Limits are at most 98 % of the reference, so that even rings share equally.
fn any_terms(dice: &mut Dice, stage: &Stage) -> OfferTerms {
    let give_qty = dice.quantity();
    let share = u128::from(dice.pick(&[90u64, 95, 98]));
    let mut terms =
        terms(dice.pick(&GOODS[..3]), give_qty, dice.pick(&GOODS[..3]), amount(give_qty.get() * share / 100));
    terms.divisible = !dice.one_in(4);
    if dice.one_in(3) {
        terms.min_fill = amount(give_qty.get() / 3);
    }
    if dice.one_in(2) {
        terms.commitment = Commitment::Indicative;
    }
    terms.joins_indicative = dice.one_in(2);
    terms.valid_until = stage.time.plus_ms(dice.pick(&[1_500, 4_000, DAY, 30 * DAY]));
    terms
}

/// Walks from offer to offer until a ring closes; each gives as much as the smallest has left.
fn find_ring(dice: &mut Dice, open: &OpenBatch, left: &BTreeMap<u64, u128>) -> Option<SubmittedRing> {
    let offers = open.book.offers();
    let first = *offers.get(usize::try_from(dice.below(offers.len() as u64)).unwrap())?;
    let mut walk = vec![first];
    while walk.len() < 6 {
        let last = walk[walk.len() - 1];
        if walk.len() > 1 && last.want == first.give && last.party != first.party {
            let quantity = walk.iter().map(|offer| left[&offer.key.0]).min().filter(|rest| *rest > 0)?;
            let legs = walk.iter().map(|offer| (OfferId(offer.key.0), amount(quantity)));
            return Some(SubmittedRing { legs: legs.collect() });
        }
        let fits: Vec<_> = offers
            .iter()
            .filter(|offer| offer.give == last.want && offer.party != last.party)
            .filter(|offer| walk.iter().all(|seen| seen.give != offer.give))
            .copied()
            .collect();
        walk.push(if fits.is_empty() { return None } else { dice.pick(&fits) });
    }
    None
}

/// Rings that hold together, found by trying.
fn find_clearing(dice: &mut Dice, open: &OpenBatch) -> Vec<SubmittedRing> {
    let mut left: BTreeMap<u64, u128> =
        open.book.offers().iter().map(|offer| (offer.key.0, offer.give_qty.get())).collect();
    let mut rings: Vec<SubmittedRing> = Vec::new();
    for _ in 0..30 {
        let Some(ring) = find_ring(dice, open, &left) else { continue };
        let mut more = rings.clone();
        more.push(ring.clone());
        if open.judge(more.iter().cloned().map(clearing::Ring::from).collect()).is_ok() {
            for (offer, quantity) in &ring.legs {
                *left.get_mut(&offer.0).unwrap() -= quantity.get();
            }
            rings = more;
        }
    }
    rings
}

fn act(dice: &mut Dice, stage: &mut Stage) {
    let party = dice.pick(&TRADERS);
    let other = dice.pick(&TRADERS);
    let asset = AssetId(dice.below(8));
    // Mostly numbers that exist, now and then one that does not.
    let offer = OfferId(dice.below(stage.events.len() as u64 / 8 + 2));
    let contract = ContractId(dice.below(8) + 1);
    let request = view::requests(&stage.state).last().map_or(RequestId(1), |(id, _)| *id);
    let outcome = match dice.below(34) {
        0..=4 => {
            stage.tick();
            Ok(())
        }
        5..=7 => {
            stage.run_to_close();
            submit(dice, stage)
        }
        8..=10 => {
            let asset = dice.pick(&GOODS[..3]);
            stage.send(
                party,
                Payload::RequestIssue {
                    asset,
                    amount: dice.quantity(),
                    product: Hash([7; 32]),
                    document: Hash::ZERO,
                },
            )
        }
        11..=13 => stage.send(GATEWAY, Payload::GrantRequest { request }),
        14 => stage.send(GATEWAY, Payload::RefuseRequest { request, reason: "not there".parse().unwrap() }),
        15 => stage.send(party, Payload::RequestRedeem { asset, amount: dice.quantity() }),
        16 => stage.send(party, Payload::Transfer { to: other, asset, amount: dice.quantity() }),
        17..=21 => {
            let terms = any_terms(dice, stage);
            stage.send(party, Payload::PostOffer(terms))
        }
        22 => amend(dice, stage, party, offer),
        23 => {
            let owner = view::offer(&stage.state, offer).map_or(party, |old| old.owner);
            stage.send(owner, Payload::CancelOffer { offer })
        }
        24..=26 => submit(dice, stage),
        27..=29 => sign(dice, stage, contract),
        30 => {
            match dice.below(3) {
                0 => stage.suspend(party),
                _ => TRADERS.into_iter().for_each(|party| stage.reinstate(party)),
            }
            Ok(())
        }
        31 | 32 => bond_validator(dice, stage),
        _ => {
            if dice.one_in(8) {
                stage.wait_days(dice.pick(&[1, 31, 91]));
                GOODS.into_iter().for_each(|asset| stage.price(asset, "1000"));
            }
            let solver = dice.pick(&[SOLVER, RIVAL]);
            match dice.one_in(3) {
                true => stage.send(solver, Payload::Unbond { amount: dice.quantity() }),
                false => stage.send(solver, Payload::Bond { amount: amount(500_000) }),
            }
        }
    };
    if let Err(refused) = outcome {
        assert_ne!(refused.code, "malformed");
    }
}

/// Somebody bonds for a validator or takes back; who decides changes; one is found to have cheated.
fn bond_validator(dice: &mut Dice, stage: &mut Stage) -> Result<(), ledger::Refusal> {
    let keys = [1, 2, 3].map(|byte| PublicKey([byte; 32]));
    let (validator, organisation) = (dice.pick(&keys), dice.pick(&[SOLVER, RIVAL]));
    match dice.below(9) {
        0..=3 => stage.send(organisation, Payload::BondValidator { validator, amount: dice.quantity() }),
        4 | 5 => stage.send(organisation, Payload::UnbondValidator { validator, amount: dice.quantity() }),
        6 | 7 => {
            let mut decide: Vec<PublicKey> = keys.into_iter().filter(|_| dice.one_in(2)).collect();
            decide.push(PublicKey([9; 32]));
            let seat = |validator| Seat { validator, weight: 1, organisation: dice.pick(&[SOLVER, RIVAL]) };
            stage.hear_identity(&FromIdentity::Validators(decide.into_iter().map(seat).collect()))
        }
        _ if dice.one_in(4) => stage.hear_identity(&FromIdentity::Banned { validator, organisation }),
        _ => Ok(()),
    }
}

/// Changes what one offer says, up to four times in a row: while the book is frozen mostly one that stands in it.
fn amend(dice: &mut Dice, stage: &mut Stage, party: Address, any: OfferId) -> Result<(), ledger::Refusal> {
    let frozen = view::open_batch(&stage.state).filter(|_| !dice.one_in(4));
    let offer = frozen.map_or(any, |open| {
        let offers: Vec<u64> = open.book.offers().iter().map(|offer| offer.key.0).collect();
        OfferId(dice.pick(&offers))
    });
    let mut outcome = Ok(());
    for _ in 0..=dice.below(4) {
        let Some(old) = view::offer(&stage.state, offer) else {
            let terms = any_terms(dice, stage);
            return stage.send(party, Payload::AmendOffer { offer, terms });
        };
        let stated = old.terms.give_qty.get();
        let give_qty = match dice.below(4) {
            0 => dice.quantity(),
            1 => amount(stated / 2),
            2 => amount(stated + 1),
            _ => amount(stated),
        };
        let terms = OfferTerms { give_qty, min_fill: Amount::ZERO, ..old.terms };
        outcome = stage.send(old.owner, Payload::AmendOffer { offer, terms });
    }
    outcome
}

fn submit(dice: &mut Dice, stage: &mut Stage) -> Result<(), ledger::Refusal> {
    let solver = dice.pick(&[SOLVER, RIVAL]);
    let Some(open) = view::open_batch(&stage.state) else {
        return stage.submit(solver, vec![even_ring(&[OfferId(1), OfferId(2)], amount(1))], 1);
    };
    let mut rings = find_clearing(dice, &open);
    let mut declared = if rings.is_empty() { 1 } else { stage.worth(&rings) };
    if dice.one_in(5) {
        match dice.below(3) {
            0 => declared += 1,
            1 => rings.push(even_ring(&[OfferId(dice.below(9)), OfferId(dice.below(9))], amount(7))),
            _ => rings.iter_mut().for_each(|ring| ring.legs[0].1 = dice.quantity()),
        }
    }
    stage.submit(solver, rings, declared)
}

fn sign(dice: &mut Dice, stage: &mut Stage, any: ContractId) -> Result<(), ledger::Refusal> {
    let mut outcome = stage.send(TRADERS[0], Payload::SignContract { contract: any });
    for party in TRADERS {
        for (contract, _) in view::waiting_contracts(&stage.state, party) {
            outcome = match dice.below(16) {
                0 => stage.send(party, Payload::DeclineContract { contract }),
                1..=7 => Ok(()),
                _ => stage.send(party, Payload::SignContract { contract }),
            };
        }
    }
    outcome
}

/// Every kind of end that a ring or a submission may come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    at_once: usize,
    signed: usize,
    declined: usize,
    lapsed: usize,
    suspended: usize,
    dropped: usize,
    fined: usize,
}

fn run(seed: u64, steps: usize) -> (Stage, Ends) {
    let mut dice = Dice(seed);
    let mut stage = Stage::new();
    for party in TRADERS {
        for asset in GOODS {
            stage.vouch(party, asset, t(5));
        }
    }
    stage.bond(SOLVER);
    stage.bond(RIVAL);
    for _ in 0..steps {
        act(&mut dice, &mut stage);
    }
    let ends = check_events(&stage);
    (stage, ends)
}

/// What the events say is what the state holds: a reader who has nothing else knows everything.
fn check_events(stage: &Stage) -> Ends {
    let mut ends = Ends::default();
    let mut given: BTreeMap<OfferId, u128> = BTreeMap::new();
    let mut balances: BTreeMap<(Address, AssetId), payment_chain::model::Balance> = BTreeMap::new();
    let mut offers: BTreeMap<OfferId, payment_chain::model::Offer> = BTreeMap::new();
    for event in &stage.events {
        match event {
            Event::BalanceChanged { party, asset, balance } => {
                balances.insert((*party, *asset), *balance);
            }
            Event::OfferStated { id, offer } => {
                offers.insert(*id, offer.clone());
            }
            Event::OfferMoved { id, remaining, in_contracts, state } => {
                let offer = offers.get_mut(id).unwrap();
                (offer.remaining, offer.in_contracts, offer.state) = (*remaining, *in_contracts, *state);
            }
            Event::RingSettled { ring, contract, .. } => {
                match contract {
                    Some(_) => ends.signed += 1,
                    None => ends.at_once += 1,
                }
                for leg in &ring.legs {
                    *given.entry(leg.offer).or_default() += leg.quantity.get();
                }
            }
            Event::ContractDissolved { why, .. } => match why {
                Dissolution::Declined { .. } => ends.declined += 1,
                Dissolution::Lapsed { .. } => ends.lapsed += 1,
                Dissolution::Suspended { .. } => ends.suspended += 1,
            },
            Event::RingDropped { .. } => ends.dropped += 1,
            Event::SolverFined { .. } => ends.fined += 1,
            _ => {}
        }
    }
    for ((party, asset), balance) in balances {
        assert_eq!(view::balance(&stage.state, party, asset), balance);
    }
    for (id, offer) in offers {
        assert_eq!(stage.offer(id), offer);
        assert_eq!(given.get(&id).copied().unwrap_or(0), offer.given().get(), "offer {id} gave what settled");
    }
    ends
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn nothing_is_minted_or_lost_whatever_happens(seed in proptest::num::u64::ANY) {
        run(seed, 400);
    }
}

#[test]
fn the_seeded_market_meets_every_end_that_a_ring_can_have() {
    let mut all = Ends::default();
    for seed in 0..24 {
        let (_, ends) = run(seed, 600);
        all.at_once += ends.at_once;
        all.signed += ends.signed;
        all.declined += ends.declined;
        all.lapsed += ends.lapsed;
        all.suspended += ends.suspended;
        all.dropped += ends.dropped;
        all.fined += ends.fined;
    }
    for (end, count) in [
        ("settled at once", all.at_once),
        ("signed", all.signed),
        ("declined", all.declined),
        ("lapsed", all.lapsed),
        ("dissolved by a suspension", all.suspended),
        ("dropped", all.dropped),
        ("fined", all.fined),
    ] {
        assert!(count > 0, "no ring was {end}: {all:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_state() {
    let (one, _) = run(7, 500);
    let (two, _) = run(7, 500);
    assert!(one.state == two.state);
    assert_eq!(one.events, two.events);
}
