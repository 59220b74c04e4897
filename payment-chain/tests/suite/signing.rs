//! What the chain makes of words kept and broken: who signed in vain, and which of two clearings it takes.

use crate::stage::*;
use clearing::signing::{Record, Standing};
use ledger::Address;
use payment_chain::model::{Commitment, OfferId};
use payment_chain::payload::SubmittedRing;
use payment_chain::{Event, Payload, view};

/// Jute of Dhaka's, and diesel of Baku's and of Santos's, each for the other and for signatures first.
struct Market {
    stage: Stage,
    jute: OfferId,
    of_baku: OfferId,
    of_santos: OfferId,
}

impl Market {
    fn new() -> Market {
        let mut stage = Stage::new();
        let mut post = |party, give, want| {
            stage.vouch(party, give, t(400));
            stage.post(party, indicative(terms(give, t(400), want, t(400)))).unwrap()
        };
        let jute = post(DHAKA, JUTE, DIESEL);
        let (of_baku, of_santos) = (post(BAKU, DIESEL, JUTE), post(SANTOS, DIESEL, JUTE));
        stage.bond(SOLVER);
        stage.bond(RIVAL);
        Market { stage, jute, of_baku, of_santos }
    }

    fn words(&self, party: Address) -> Record {
        view::words(&self.stage.state, party, self.stage.time)
    }

    /// So many tonnes of jute for as much of a partner's diesel.
    fn ring(&self, partner: OfferId, tonnes: u128) -> Vec<SubmittedRing> {
        vec![even_ring(&[self.jute, partner], t(tonnes))]
    }

    /// A batch in which `party` signs what is made of these rings and `other` declines it.
    fn in_vain(&mut self, rings: Vec<SubmittedRing>, party: Address, other: Address) {
        self.stage.run_to_frozen();
        self.stage.clear(rings);
        let contract = self.stage.last_contract();
        self.stage.send(party, Payload::SignContract { contract }).unwrap();
        self.stage.send(other, Payload::DeclineContract { contract }).unwrap();
    }

    /// Whose clearing is taken, of the solver's and the rival's.
    fn taken(&mut self, solver: Vec<SubmittedRing>, rival: Vec<SubmittedRing>) -> Address {
        self.stage.run_to_frozen();
        for (account, rings) in [(SOLVER, solver), (RIVAL, rival)] {
            let declared = self.stage.worth(&rings);
            self.stage.submit(account, rings, declared).unwrap();
        }
        self.stage.run_to_window_end();
        let taken = self.stage.events.iter().rev().find_map(|event| match event {
            Event::BatchCleared { solver, .. } => *solver,
            _ => None,
        });
        taken.expect("one of the two holds")
    }
}

#[test]
fn among_newcomers_the_clearing_of_more_value_is_taken() {
    let mut market = Market::new();
    let (less, more) = (market.ring(market.of_santos, 390), market.ring(market.of_baku, 400));
    assert_eq!(market.taken(less, more), RIVAL);
}

#[test]
fn the_clearing_that_is_likely_to_be_signed_is_taken_before_one_that_declares_more() {
    let mut market = Market::new();
    for _ in 0..2 {
        market.in_vain(market.ring(market.of_baku, 400), DHAKA, BAKU);
    }
    assert_eq!(market.words(DHAKA), Record { kept: 2, broken: 0 });
    assert_eq!(market.words(BAKU), Record { kept: 0, broken: 2 });
    let (likely, larger) = (market.ring(market.of_santos, 350), market.ring(market.of_baku, 400));
    assert_eq!(market.taken(likely, larger), SOLVER);
    assert_eq!(market.stage.offer(market.of_santos).in_contracts, t(350));
}

#[test]
fn a_contract_left_to_lapse_is_a_broken_word() {
    let mut market = Market::new();
    market.stage.run_to_its_batch();
    let rings = market.ring(market.of_baku, 400);
    market.stage.clear(rings);
    let contract = market.stage.last_contract();
    market.stage.send(BAKU, Payload::SignContract { contract }).unwrap();
    market.stage.ticks(market.stage.chain.config().signing_window);
    assert_eq!(market.words(BAKU), Record { kept: 1, broken: 0 });
    assert_eq!(market.words(DHAKA), Record { kept: 0, broken: 1 });
    assert_eq!(market.words(SANTOS), Record::default());
}

#[test]
fn whoever_was_left_waiting_comes_first_among_equals_until_his_offer_settles() {
    let mut market = Market::new();
    market.in_vain(market.ring(market.of_santos, 400), SANTOS, DHAKA);
    assert_eq!(view::returned(&market.stage.state, market.of_santos), 1);
    // Baku has kept as many words as Santos, elsewhere.
    market.stage.vouch(LUSAKA, COPPER, t(10));
    let copper = market.stage.post(LUSAKA, indicative(terms(COPPER, t(10), DIESEL, t(10)))).unwrap();
    market.stage.vouch(BAKU, DIESEL, t(10));
    let diesel = market.stage.post(BAKU, indicative(terms(DIESEL, t(10), COPPER, t(10)))).unwrap();
    market.stage.run_to_its_batch();
    market.stage.clear(vec![even_ring(&[copper, diesel], t(10))]);
    let contract = market.stage.last_contract();
    market.stage.send(BAKU, Payload::SignContract { contract }).unwrap();
    market.stage.send(LUSAKA, Payload::SignContract { contract }).unwrap();
    assert_eq!(market.words(BAKU), market.words(SANTOS), "one word kept each");

    let (waited, larger) = (market.ring(market.of_santos, 198), market.ring(market.of_baku, 200));
    assert_eq!(market.taken(larger.clone(), waited), RIVAL, "one per cent less and he waited");
    let contract = market.stage.last_contract();
    market.stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
    market.stage.send(SANTOS, Payload::SignContract { contract }).unwrap();
    assert_eq!(view::returned(&market.stage.state, market.of_santos), 0, "it settled");
}

#[test]
fn binding_offers_are_certain_and_the_frozen_book_says_so_to_every_solver() {
    let mut stage = Stage::new();
    let mut offers = Vec::new();
    for (party, give, want) in [(DHAKA, JUTE, DIESEL), (BAKU, DIESEL, JUTE)] {
        stage.vouch(party, give, t(400));
        offers.push(stage.post(party, terms(give, t(400), want, t(400))).unwrap());
    }
    stage.vouch(SANTOS, DIESEL, t(400));
    offers.push(stage.post(SANTOS, indicative(terms(DIESEL, t(400), JUTE, t(400)))).unwrap());
    let open = stage.run_to_its_batch();
    let standings: Vec<Standing> = offers.iter().map(|offer| open.standing(key(*offer))).collect();
    let newcomer = Standing { signs_ppm: 900_000, returned: 0 };
    assert_eq!(standings, [Standing::CERTAIN, Standing::CERTAIN, newcomer]);
    let expected = |partner| open.expected(&[even_ring(&[offers[0], partner], t(100)).into()]);
    assert!(expected(offers[1]) > expected(offers[2]));
}

#[test]
fn whoever_came_back_through_others_fault_is_known_until_his_offer_settles() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    let returned = |stage: &Stage| -> Vec<u32> {
        offers.iter().map(|offer| view::returned(&stage.state, *offer)).collect()
    };
    assert_eq!(returned(&stage), [0; 5]);
    for _ in 0..2 {
        stage.run_to_frozen();
        stage.clear(vec![even_ring(&offers, t(100))]);
        let contract = stage.last_contract();
        stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
        stage.send(SANTOS, Payload::SignContract { contract }).unwrap();
        stage.send(BAKU, Payload::DeclineContract { contract }).unwrap();
    }
    let expected: Vec<u32> = TRADERS.iter().map(|party| if *party == BAKU { 0 } else { 2 }).collect();
    assert_eq!(returned(&stage), expected);
    stage.run_to_frozen();
    stage.clear(vec![even_ring(&offers, t(100))]);
    let contract = stage.last_contract();
    for party in TRADERS {
        stage.send(party, Payload::SignContract { contract }).unwrap();
    }
    assert_eq!(returned(&stage), [0; 5]);
}

/// Indicative offers of 400 tonnes, round in a ring, of at least so many each: rings of fewer stand or fall together.
fn of_at_least(tonnes: u128) -> (Stage, Vec<OfferId>) {
    let mut stage = Stage::new();
    let mut offers = Vec::new();
    for (at, party) in TRADERS.into_iter().enumerate() {
        stage.vouch(party, GOODS[at], t(400));
        let mut terms = indicative(terms(GOODS[at], t(400), GOODS[(at + 1) % 5], t(400)));
        terms.min_fill = t(tonnes);
        offers.push(stage.post(party, terms).unwrap());
    }
    (stage, offers)
}

#[test]
fn an_offer_in_two_rings_of_one_contract_came_back_once() {
    let (mut stage, offers) = of_at_least(300);
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(100)), even_ring(&offers, t(200))]);
    let contract = stage.last_contract();
    assert_eq!(view::contract(&stage.state, contract).unwrap().rings.len(), 2);
    stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
    stage.send(BAKU, Payload::DeclineContract { contract }).unwrap();
    let returned: Vec<u32> = offers.iter().map(|offer| view::returned(&stage.state, *offer)).collect();
    assert_eq!(returned, TRADERS.map(|party| u32::from(party != BAKU)));
}

#[test]
fn however_many_rings_a_solver_makes_of_a_batch_they_are_one_word() {
    let mut market = Market::new();
    market.stage.run_to_its_batch();
    market.stage.clear([market.ring(market.of_baku, 100), market.ring(market.of_santos, 100)].concat());
    for (contract, _) in view::waiting_contracts(&market.stage.state, DHAKA) {
        market.stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
    }
    assert_eq!(market.words(DHAKA), Record { kept: 1, broken: 0 });
    market.stage.run_to_frozen();
    market.stage.clear([market.ring(market.of_baku, 100), market.ring(market.of_santos, 100)].concat());
    let waiting = view::waiting_contracts(&market.stage.state, DHAKA);
    let newest: Vec<_> = waiting.iter().rev().take(2).map(|(contract, _)| *contract).collect();
    market.stage.send(DHAKA, Payload::SignContract { contract: newest[0] }).unwrap();
    market.stage.send(DHAKA, Payload::DeclineContract { contract: newest[1] }).unwrap();
    assert_eq!(market.words(DHAKA), Record { kept: 1, broken: 1 }, "broken once is broken");
}

#[test]
fn dust_makes_no_record_and_no_claim_to_patience() {
    let mut market = Market::new();
    // Half a tonne at 1,000 USD is below the least that counts; of 400 tonnes it is no part to speak of.
    let dust = vec![even_ring(&[market.jute, market.of_baku], amount(t(1).get() / 2))];
    market.in_vain(dust, DHAKA, BAKU);
    assert_eq!([market.words(DHAKA), market.words(BAKU)], [Record::default(); 2]);
    assert_eq!(view::returned(&market.stage.state, market.jute), 0);
}

#[test]
fn words_are_forgotten_after_ninety_days() {
    let mut market = Market::new();
    market.in_vain(market.ring(market.of_baku, 400), DHAKA, BAKU);
    assert_eq!(market.words(BAKU), Record { kept: 0, broken: 1 });
    market.stage.wait_days(89);
    assert_eq!(market.words(BAKU), Record { kept: 0, broken: 1 });
    market.stage.wait_days(2);
    assert_eq!([market.words(DHAKA), market.words(BAKU)], [Record::default(); 2]);
}

#[test]
fn whoever_is_suspended_or_takes_his_offer_back_has_no_claim_to_patience() {
    let mut market = Market::new();
    market.stage.run_to_its_batch();
    let rings = market.ring(market.of_baku, 300);
    market.stage.clear(rings);
    let contract = market.stage.last_contract();
    market.stage.send(BAKU, Payload::SignContract { contract }).unwrap();
    market.stage.suspend(BAKU);
    assert_eq!(view::returned(&market.stage.state, market.of_baku), 0);
    assert_eq!(view::returned(&market.stage.state, market.jute), 1);

    let mut market = Market::new();
    market.stage.run_to_its_batch();
    let rings = market.ring(market.of_baku, 300);
    market.stage.clear(rings);
    let contract = market.stage.last_contract();
    let offer = market.jute;
    market.stage.send(DHAKA, Payload::CancelOffer { offer }).unwrap();
    market.stage.send(BAKU, Payload::DeclineContract { contract }).unwrap();
    assert_eq!(view::returned(&market.stage.state, market.jute), 0, "it is no offer any more");
}

#[test]
fn an_amended_offer_begins_anew() {
    let mut market = Market::new();
    market.in_vain(market.ring(market.of_santos, 400), SANTOS, DHAKA);
    assert_eq!(view::returned(&market.stage.state, market.of_santos), 1);
    let mut terms = market.stage.offer(market.of_santos).terms;
    terms.want_qty = t(390);
    let offer = market.of_santos;
    market.stage.send(SANTOS, Payload::AmendOffer { offer, terms }).unwrap();
    assert_eq!(view::returned(&market.stage.state, offer), 0);
}

#[test]
fn every_clearing_is_told_its_rank_before_one_is_taken() {
    let mut market = Market::new();
    let (less, more) = (market.ring(market.of_santos, 390), market.ring(market.of_baku, 400));
    assert_eq!(market.taken(less, more), RIVAL);
    let ranked: Vec<(Address, u128)> = market
        .stage
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ClearingRanked { solver, expected_micro_usd, .. } => Some((*solver, *expected_micro_usd)),
            _ => None,
        })
        .collect();
    // Two newcomers must sign: 0.81 of 800,000 and of 780,000 USD.
    assert_eq!(ranked, [(RIVAL, 648_000_000_000), (SOLVER, 631_800_000_000)]);
}

#[test]
fn what_rings_settle_together_serves_an_offer_as_what_they_give_back_keeps_it_waiting() {
    let (mut stage, offers) = of_at_least(60);
    // Twice 36 of 400 tonnes: a tenth together, and neither alone.
    for returned in [1, 0] {
        stage.run_to_frozen();
        stage.clear(vec![even_ring(&offers, t(36)), even_ring(&offers, t(36))]);
        let contract = stage.last_contract();
        for party in TRADERS.into_iter().filter(|party| *party != BAKU) {
            stage.send(party, Payload::SignContract { contract }).unwrap();
        }
        let last = match returned {
            1 => Payload::DeclineContract { contract },
            _ => Payload::SignContract { contract },
        };
        stage.send(BAKU, last).unwrap();
        assert_eq!(view::returned(&stage.state, offers[0]), returned);
    }
}
