//! Trade stories, from the first offer to the settled ring and all that may come between.

use crate::stage::*;
use clearing::Amount;
use ledger::{Hash, Timestamp};
use payment_chain::model::{Balance, Commitment, ContractState, Offer, OfferState, OfferTerms};
use payment_chain::view;
use payment_chain::{BALANCES, Event, OFFERS, Payload, settlement_hash};
use vocabulary::messages::Conduct;

#[test]
fn five_companies_sign_an_indicative_ring_and_everything_moves_at_once() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(300))]);
    let contract = stage.last_contract();
    assert_eq!(view::contract(&stage.state, contract).unwrap().signers, TRADERS);
    assert_eq!(stage.offer(offers[0]).in_contracts, t(300));
    assert_eq!(stage.offer(offers[0]).remaining, t(100));

    for (signed, party) in TRADERS.into_iter().enumerate() {
        assert_eq!(stage.settled(), 0, "nothing moves unless everyone signs");
        assert_eq!(view::waiting_contracts(&stage.state, party).len(), 1);
        assert_eq!(stage.locked(party, GOODS[signed]), Amount::ZERO, "an indicative offer locks nothing");
        stage.send(party, Payload::SignContract { contract }).unwrap();
    }

    assert_eq!(view::contract(&stage.state, contract).unwrap().state, ContractState::Executed);
    for (at, party) in TRADERS.into_iter().enumerate() {
        assert_eq!(stage.free(party, GOODS[at]), t(100));
        assert_eq!(stage.free(party, GOODS[(at + 1) % 5]), t(300), "each has what it wanted");
        assert_eq!(stage.locked(party, GOODS[at]), Amount::ZERO);
        assert_eq!(stage.offer(offers[at]).given(), t(300));
        assert!(view::waiting_contracts(&stage.state, party).is_empty());
    }
    let trades = stage.trades();
    assert_eq!(trades.len(), 1);
    assert_eq!(trades[0].legs.len(), 5);
    assert_eq!((trades[0].legs[1].from, trades[0].legs[1].to), (SANTOS, DHAKA));
    assert_eq!(trades[0].legs[1].value_micro_usd, 300_000 * 1_000_000);
    assert_eq!(stage.conduct(), TRADERS.map(|party| (party, Conduct::Settled)));
}

#[test]
fn a_binding_ring_settles_at_once_when_the_window_ends() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    assert_eq!(stage.locked(DHAKA, JUTE), t(400), "posting locks");
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(400))]);
    assert_eq!(stage.settled(), 1);
    for (at, party) in TRADERS.into_iter().enumerate() {
        assert_eq!(stage.free(party, GOODS[(at + 1) % 5]), t(400));
        assert_eq!(stage.locked(party, GOODS[at]), Amount::ZERO);
        assert_eq!(stage.offer(offers[at]).state, OfferState::Filled);
    }
    let Some(Event::RingSettled { id, batch, ring, contract, .. }) =
        stage.events.iter().find(|event| matches!(event, Event::RingSettled { .. }))
    else {
        panic!("a ring settled")
    };
    assert_eq!((*id, *contract), (settlement_hash(*batch, ring), None));
    assert_eq!(view::settlement(&stage.state, *id).unwrap().parties, TRADERS);
}

#[test]
fn one_who_declines_dissolves_the_contract_and_every_offer_returns() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(300))]);
    let contract = stage.last_contract();
    stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
    assert_eq!(stage.locked(DHAKA, JUTE), t(300));
    stage.send(BAKU, Payload::DeclineContract { contract }).unwrap();
    assert_eq!(stage.locked(DHAKA, JUTE), Amount::ZERO);
    assert_eq!(stage.free(DHAKA, JUTE), t(400));
    for offer in offers {
        assert_eq!(stage.offer(offer).remaining, t(400));
        assert_eq!(stage.offer(offer).in_contracts, Amount::ZERO);
    }
    assert_eq!(stage.conduct(), [(BAKU, Conduct::Declined)]);
    let late = stage.send(SANTOS, Payload::SignContract { contract }).unwrap_err();
    assert_eq!(late.code, "contract-closed");
}

#[test]
fn who_lets_two_contracts_lapse_within_ninety_days_is_confined_to_binding_offers() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    for lapses in 1..=2 {
        // A lapse puts the offers back; the next batch finds the same ring.
        stage.run_to_frozen();
        stage.clear(vec![even_ring(&offers, t(400))]);
        let contract = stage.last_contract();
        for party in [DHAKA, SANTOS, BAKU, LUSAKA] {
            stage.send(party, Payload::SignContract { contract }).unwrap();
        }
        stage.ticks(stage.chain.config().signing_window);
        assert_eq!(view::contract(&stage.state, contract).unwrap().state, ContractState::Dissolved);
        assert_eq!(stage.conduct(), vec![(TASHKENT, Conduct::Lapsed); lapses]);
        assert_eq!(stage.locked(DHAKA, JUTE), Amount::ZERO);
    }
    stage.vouch(TASHKENT, COPPER, t(10));
    let refused = stage.post(TASHKENT, indicative(terms(COTTON, t(10), DIESEL, t(10)))).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_str()), ("confined-to-binding", "commitment"));
    stage.post(TASHKENT, terms(COTTON, t(10), DIESEL, t(10))).unwrap();
    // Its indicative offer is not cleared either.
    let open = stage.run_to_its_batch();
    assert!(open.book.offer(key(offers[4])).is_none());
    assert!(open.book.offer(key(offers[3])).is_some());
    // After ninety days the first lapse no longer counts.
    stage.wait_days(91);
    for asset in GOODS {
        stage.price(asset, "1000");
    }
    let mut later = indicative(terms(COTTON, t(10), DIESEL, t(10)));
    later.valid_until = stage.time.plus_ms(DAY);
    stage.post(TASHKENT, later).unwrap();
}

#[test]
fn a_party_suspended_while_the_book_is_frozen_drops_only_its_own_ring() {
    let mut stage = Stage::new();
    for (party, asset) in [(DHAKA, JUTE), (SANTOS, COFFEE), (BAKU, DIESEL), (LUSAKA, COPPER)] {
        stage.vouch(party, asset, t(50));
    }
    let jute = stage.post(DHAKA, terms(JUTE, t(50), COFFEE, t(50))).unwrap();
    let coffee = stage.post(SANTOS, terms(COFFEE, t(50), JUTE, t(50))).unwrap();
    let diesel = stage.post(BAKU, terms(DIESEL, t(50), COPPER, t(50))).unwrap();
    let copper = stage.post(LUSAKA, terms(COPPER, t(50), DIESEL, t(50))).unwrap();
    stage.run_to_its_batch();
    stage.bond(SOLVER);
    let rings = vec![even_ring(&[jute, coffee], t(50)), even_ring(&[diesel, copper], t(50))];
    let declared = stage.worth(&rings);
    stage.submit(SOLVER, rings, declared).unwrap();
    stage.suspend(SANTOS);
    stage.run_to_window_end();
    assert_eq!(stage.settled(), 1);
    assert_eq!(stage.free(BAKU, COPPER), t(50));
    assert_eq!(stage.free(DHAKA, COFFEE), Amount::ZERO);
    assert_eq!(stage.offer(jute).remaining, t(50), "the offer is still in the book");
    let dropped: Vec<_> = stage
        .events
        .iter()
        .filter_map(|event| match event {
            Event::RingDropped { party, ring, .. } => Some((*party, ring.number)),
            _ => None,
        })
        .collect();
    assert_eq!(dropped, [(SANTOS, 0)]);
    assert!(stage.conduct().iter().all(|(_, conduct)| *conduct == Conduct::Settled), "nobody is blamed");
}

#[test]
fn a_party_suspended_before_all_have_signed_dissolves_the_contract() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(300))]);
    let contract = stage.last_contract();
    for party in [DHAKA, SANTOS] {
        stage.send(party, Payload::SignContract { contract }).unwrap();
    }
    stage.suspend(SANTOS);
    assert_eq!(view::contract(&stage.state, contract).unwrap().state, ContractState::Dissolved);
    assert_eq!(stage.locked(DHAKA, JUTE), Amount::ZERO);
    assert_eq!(stage.free(SANTOS, COFFEE), t(400), "what it holds stays its own");
    let refused =
        stage.send(SANTOS, Payload::Transfer { to: DHAKA, asset: COFFEE, amount: t(1) }).unwrap_err();
    assert_eq!(refused.code, "not-admitted");
    stage.send(SANTOS, Payload::CancelOffer { offer: offers[1] }).unwrap();
    // Back in favour, it trades again.
    stage.reinstate(SANTOS);
    stage.send(SANTOS, Payload::Transfer { to: DHAKA, asset: COFFEE, amount: t(1) }).unwrap();
}

#[test]
fn an_all_or_none_offer_in_two_rings_executes_both_or_neither() {
    for suspended in [false, true] {
        let mut stage = Stage::new();
        for (party, asset, tonnes) in [(DHAKA, JUTE, 100), (SANTOS, COFFEE, 60), (BAKU, COFFEE, 40)] {
            stage.vouch(party, asset, t(tonnes));
        }
        let whole = OfferTerms { divisible: false, ..terms(JUTE, t(100), COFFEE, t(100)) };
        let jute = stage.post(DHAKA, whole).unwrap();
        let santos = stage.post(SANTOS, terms(COFFEE, t(60), JUTE, t(60))).unwrap();
        let baku = stage.post(BAKU, terms(COFFEE, t(40), JUTE, t(40))).unwrap();
        stage.run_to_its_batch();
        stage.bond(SOLVER);
        let rings = vec![even_ring(&[jute, santos], t(60)), even_ring(&[jute, baku], t(40))];
        let declared = stage.worth(&rings);
        stage.submit(SOLVER, rings, declared).unwrap();
        if suspended {
            stage.suspend(BAKU);
        }
        stage.run_to_window_end();
        let (given, settled) = if suspended { (Amount::ZERO, 0) } else { (t(100), 2) };
        assert_eq!(stage.settled(), settled);
        assert_eq!(stage.offer(jute).given(), given);
    }
}

#[test]
fn the_frozen_book_does_not_change_and_a_cancelled_offer_leaves_when_it_thaws() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    let frozen = stage.run_to_its_batch();
    stage.send(DHAKA, Payload::CancelOffer { offer: offers[0] }).unwrap();
    assert!(stage.is_live(offers[0]), "it waits for the end of the window");
    let again = stage.send(DHAKA, Payload::CancelOffer { offer: offers[0] }).unwrap_err();
    assert_eq!(again.code, "being-cancelled");
    stage.price(JUTE, "2000");
    stage.vouch(BAKU, JUTE, t(5));
    stage.post(BAKU, OfferTerms { want: COTTON, ..terms(DIESEL, t(400), COTTON, t(400)) }).unwrap_err();
    assert_eq!(view::open_batch(&stage.state).unwrap(), frozen);
    stage.clear(vec![even_ring(&offers, t(300))]);
    assert_eq!(stage.settled(), 1, "the cancelled offer still stood in the frozen book");
    assert_eq!(stage.offer(offers[0]).state, OfferState::Cancelled);
    assert_eq!(stage.offer(offers[0]).given(), t(300));
    assert_eq!(stage.free(DHAKA, JUTE), t(100), "what was left is free again");
}

#[test]
fn an_amendment_keeps_the_frozen_offer_and_joins_the_batch_after_next() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    let frozen = stage.run_to_its_batch();
    stage.vouch(DHAKA, JUTE, t(100));
    let less = terms(JUTE, t(300), COFFEE, t(300));
    let refused = stage.send(DHAKA, Payload::AmendOffer { offer: offers[0], terms: less }).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_str()), ("book-frozen", "give_qty"));
    // Asking twice the price now does not touch the batch that is being cleared.
    let dearer = terms(JUTE, t(500), COFFEE, t(1000));
    stage.send(DHAKA, Payload::AmendOffer { offer: offers[0], terms: dearer }).unwrap();
    assert_eq!(stage.locked(DHAKA, JUTE), t(500), "the difference is locked too");
    stage.clear(vec![even_ring(&offers, t(400))]);
    assert_eq!(stage.settled(), 1);
    assert_eq!(stage.offer(offers[0]).remaining, t(100));
    assert_eq!(stage.offer(offers[0]).joins.0, frozen.batch.0 + 2);
    // The batch next does not have it; the one after next does, at its new limit.
    stage.vouch(BAKU, COFFEE, t(1));
    assert_eq!(stage.run_to_close().0, frozen.batch.0 + 1);
    assert!(view::open_batch(&stage.state).is_none_or(|open| open.book.offer(key(offers[0])).is_none()));
    assert_eq!(stage.run_to_close().0, frozen.batch.0 + 2);
    let open = view::open_batch(&stage.state).unwrap();
    let offer = open.book.offer(key(offers[0])).unwrap();
    assert_eq!((offer.give_qty, offer.want_qty), (t(100), t(200)));
}

#[test]
fn no_number_of_amendments_takes_anything_from_the_frozen_book() {
    for commitment in [Commitment::Binding, Commitment::Indicative] {
        let mut stage = Stage::new();
        let offers = stage.five_offers(commitment, t(400));
        stage.run_to_its_batch();
        let amended = |give_qty| OfferTerms { commitment, ..terms(JUTE, give_qty, COFFEE, give_qty) };
        // The first leaves the quantity, and puts the offer off to the batch after next.
        stage.send(DHAKA, Payload::AmendOffer { offer: offers[0], terms: amended(t(400)) }).unwrap();
        for give_qty in [t(399), t(1)] {
            let terms = amended(give_qty);
            let refused = stage.send(DHAKA, Payload::AmendOffer { offer: offers[0], terms }).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.field.as_str()), ("book-frozen", "give_qty"));
        }
        stage.clear(vec![even_ring(&offers, t(400))]);
        let given = stage.offer(offers[0]);
        assert_eq!(
            (given.remaining, given.given(), given.in_contracts),
            match commitment {
                Commitment::Binding => (Amount::ZERO, t(400), Amount::ZERO),
                Commitment::Indicative => (Amount::ZERO, Amount::ZERO, t(400)),
            }
        );
    }
}

/// No request does this to a state; a fault of ours might. It would cost the one ring, and never the chain.
#[test]
fn a_ring_that_an_offer_no_longer_covers_is_dropped_and_the_others_settle() {
    for commitment in [Commitment::Binding, Commitment::Indicative] {
        let mut stage = Stage::new();
        let mut post = |party, give, want| {
            stage.vouch(party, give, t(50));
            stage.post(party, OfferTerms { commitment, ..terms(give, t(50), want, t(50)) }).unwrap()
        };
        let [jute, coffee] = [post(DHAKA, JUTE, COFFEE), post(SANTOS, COFFEE, JUTE)];
        let [diesel, copper] = [post(BAKU, DIESEL, COPPER), post(LUSAKA, COPPER, DIESEL)];
        stage.run_to_its_batch();
        let short = Offer { remaining: t(40), ..stage.offer(coffee) };
        OFFERS.put(&mut stage.state, &coffee, &short);
        if commitment == Commitment::Binding {
            let balance = Balance { available: t(10), locked: t(40) };
            BALANCES.put(&mut stage.state, &(SANTOS, COFFEE), &balance);
        }
        stage.clear(vec![even_ring(&[jute, coffee], t(50)), even_ring(&[diesel, copper], t(50))]);
        let dropped = stage.events.iter().filter_map(|event| match event {
            Event::RingDropped { party, ring, .. } => Some((*party, ring.number)),
            _ => None,
        });
        assert_eq!(dropped.collect::<Vec<_>>(), [(SANTOS, 0)]);
        assert_eq!(stage.offer(jute).remaining, t(50), "the offer is still in the book");
        assert_eq!(stage.offer(diesel).remaining, Amount::ZERO, "the other ring goes on");
    }
}

#[test]
fn a_new_offer_joins_the_batch_after_next() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(10));
    let offer = stage.post(DHAKA, terms(JUTE, t(10), COFFEE, t(10))).unwrap();
    assert_eq!(stage.offer(offer).joins.0, 2, "the batch next is number 1");
    assert_eq!(stage.run_to_close().0, 1);
    assert!(view::open_batch(&stage.state).is_none());
    assert_eq!(stage.run_to_close().0, 2);
    assert!(view::open_batch(&stage.state).unwrap().book.offer(key(offer)).is_some());
}

#[test]
fn a_false_declaration_is_fined_and_the_next_best_submission_is_taken() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    stage.run_to_its_batch();
    stage.bond(SOLVER);
    stage.bond(RIVAL);
    let small = vec![even_ring(&offers, t(100))];
    let honest = stage.worth(&small);
    stage.submit(RIVAL, small, honest).unwrap();
    let large = vec![even_ring(&offers, t(200))];
    let boast = stage.worth(&large) + 1;
    stage.submit(SOLVER, large, boast).unwrap();
    let fees = stage.free(OPERATOR, DEPOSIT);
    stage.run_to_window_end();
    let fine = stage.chain.config().fine;
    assert_eq!(stage.free(OPERATOR, DEPOSIT), fees.checked_add(fine).unwrap());
    let rest = stage.chain.config().min_bond.checked_sub(fine).unwrap();
    assert_eq!(view::bond(&stage.state, SOLVER), rest);
    assert_eq!(stage.locked(SOLVER, DEPOSIT), rest);
    assert_eq!(stage.offer(offers[0]).given(), t(100), "the honest one was executed");
    assert_eq!(stage.conduct()[0], (SOLVER, Conduct::FalseDeclaration));
    let taken = stage.events.iter().rev().find_map(|event| match event {
        Event::BatchCleared { solver, value_micro_usd, .. } => Some((*solver, *value_micro_usd)),
        _ => None,
    });
    assert_eq!(taken, Some((Some(RIVAL), honest)));
    // Fined below the minimum, the solver must add to its bond before it submits again.
    stage.run_to_frozen();
    let refused = stage.submit(SOLVER, vec![even_ring(&offers, t(1))], 1).unwrap_err();
    assert_eq!(refused.code, "bond-too-small");
}

#[test]
fn the_certificate_of_the_clearing_that_is_taken_stands_with_its_batch() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    let batch = stage.run_to_its_batch().batch;
    stage.bond(SOLVER);
    stage.bond(RIVAL);
    let name_of = |tonnes: u128| Hash([u8::try_from(tonnes).unwrap(); 32]);
    for (solver, tonnes) in [(SOLVER, 200), (RIVAL, 100)] {
        let rings = vec![even_ring(&offers, t(tonnes))];
        let declared_micro_usd = stage.worth(&rings);
        let (bound_micro_usd, certificate) = (declared_micro_usd, name_of(tonnes));
        let submit =
            Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings };
        stage.send(solver, submit).unwrap();
    }
    assert_eq!(view::certificate(&stage.state, batch), None, "nothing is taken yet");
    let taken = name_of(200);
    stage.run_to_window_end();
    assert_eq!(view::certificate(&stage.state, batch), Some(taken));
    let told: Vec<&Event> =
        stage.events.iter().filter(|event| matches!(event, Event::BatchCertified { .. })).collect();
    assert_eq!(told, [&Event::BatchCertified { batch, solver: SOLVER, certificate: taken }]);
    // A clearing without a certificate is taken as ever, and nothing stays of what was submitted before.
    let batch = stage.run_to_frozen().batch;
    let declared = stage.worth(&[even_ring(&offers, t(100))]);
    stage.submit(SOLVER, vec![even_ring(&offers, t(100))], declared).unwrap();
    stage.run_to_window_end();
    assert_eq!(stage.offer(offers[0]).given(), t(300));
    assert_eq!(view::certificate(&stage.state, batch), None);
}

#[test]
fn a_clearing_that_breaks_a_limit_costs_its_solver_and_moves_nothing() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(400));
    stage.run_to_its_batch();
    stage.bond(SOLVER);
    let mut unfair = even_ring(&offers, t(100));
    unfair.legs[0].1 = t(90); // Tashkent would get 90 t of jute for 100 t of cotton.
    stage.submit(SOLVER, vec![unfair], 490_000_000_000).unwrap();
    stage.run_to_window_end();
    assert_eq!(stage.settled(), 0);
    let fault = stage.events.iter().find_map(|event| match event {
        Event::SolverFined { fault, .. } => Some(fault.as_str()),
        _ => None,
    });
    assert_eq!(fault, Some(format!("ring 0: offer {} receives less than its limit", offers[4]).as_str()));
    assert!(view::window(&stage.state).is_none(), "the book thaws all the same");
}

#[test]
fn a_binding_offer_waits_for_signatures_only_with_its_owners_leave() {
    for leave in [false, true] {
        let mut stage = Stage::new();
        stage.vouch(DHAKA, JUTE, t(50));
        stage.vouch(SANTOS, COFFEE, t(50));
        let binding = OfferTerms { joins_indicative: leave, ..terms(JUTE, t(50), COFFEE, t(50)) };
        let jute = stage.post(DHAKA, binding).unwrap();
        let coffee = stage.post(SANTOS, indicative(terms(COFFEE, t(50), JUTE, t(50)))).unwrap();
        let open = stage.run_to_its_batch();
        let rings = vec![even_ring(&[jute, coffee], t(50))];
        stage.bond(SOLVER);
        stage.submit(SOLVER, rings.clone(), 100_000_000_000).unwrap();
        stage.run_to_window_end();
        let fined = stage.events.iter().any(|event| matches!(event, Event::SolverFined { .. }));
        assert_eq!(fined, !leave);
        let lawful = open.without_misfits(rings.into_iter().map(clearing::Ring::from).collect());
        assert_eq!(lawful.len(), usize::from(leave), "a solver can know beforehand");
        if leave {
            let contract = stage.last_contract();
            assert_eq!(view::contract(&stage.state, contract).unwrap().signers, [SANTOS]);
            // The binding owner takes its offer back meanwhile: the contract keeps what it tied up.
            stage.send(SANTOS, Payload::SignContract { contract }).unwrap();
            assert_eq!((stage.free(DHAKA, COFFEE), stage.free(SANTOS, JUTE)), (t(50), t(50)));
        }
    }
}

#[test]
fn an_offer_cancelled_while_its_contract_waits_gets_its_goods_back_when_that_dissolves() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(50));
    stage.vouch(SANTOS, COFFEE, t(50));
    let binding = OfferTerms { joins_indicative: true, ..terms(JUTE, t(50), COFFEE, t(50)) };
    let jute = stage.post(DHAKA, binding).unwrap();
    let coffee = stage.post(SANTOS, indicative(terms(COFFEE, t(50), JUTE, t(50)))).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&[jute, coffee], t(30))]);
    stage.send(DHAKA, Payload::CancelOffer { offer: jute }).unwrap();
    assert_eq!((stage.free(DHAKA, JUTE), stage.locked(DHAKA, JUTE)), (t(20), t(30)));
    let contract = stage.last_contract();
    stage.send(SANTOS, Payload::DeclineContract { contract }).unwrap();
    assert_eq!((stage.free(DHAKA, JUTE), stage.locked(DHAKA, JUTE)), (t(50), Amount::ZERO));
    assert!(stage.is_live(coffee));
}

#[test]
fn signing_without_the_goods_is_refused_with_what_is_missing() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(400));
    stage.send(DHAKA, Payload::Transfer { to: BAKU, asset: JUTE, amount: t(250) }).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(300))]);
    let contract = stage.last_contract();
    let refused = stage.send(DHAKA, Payload::SignContract { contract }).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_str()), ("not-enough", "contract"));
    let (needs, has) = ("300.000 t of jute yarn", "150.000 t of jute yarn");
    assert!(
        refused.reason.starts_with(&format!("this takes {needs} and {has} is free")),
        "{}",
        refused.reason
    );
    stage.send(BAKU, Payload::Transfer { to: DHAKA, asset: JUTE, amount: t(150) }).unwrap();
    stage.send(DHAKA, Payload::SignContract { contract }).unwrap();
}

#[test]
fn goods_are_vouched_for_and_redeemed_and_a_refused_request_frees_them() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(500));
    assert_eq!(view::asset(&stage.state, JUTE).unwrap().supply, t(500));
    stage.send(DHAKA, Payload::RequestRedeem { asset: JUTE, amount: t(200) }).unwrap();
    assert_eq!((stage.free(DHAKA, JUTE), stage.locked(DHAKA, JUTE)), (t(300), t(200)));
    let request = stage.last_request();
    let reason = "the truck did not come".parse().unwrap();
    stage.send(GATEWAY, Payload::RefuseRequest { request, reason }).unwrap();
    assert_eq!((stage.free(DHAKA, JUTE), stage.locked(DHAKA, JUTE)), (t(500), Amount::ZERO));
    stage.send(DHAKA, Payload::RequestRedeem { asset: JUTE, amount: t(200) }).unwrap();
    let request = stage.last_request();
    stage.send(GATEWAY, Payload::GrantRequest { request }).unwrap();
    assert_eq!((stage.free(DHAKA, JUTE), stage.locked(DHAKA, JUTE)), (t(300), Amount::ZERO));
    assert_eq!(view::asset(&stage.state, JUTE).unwrap().supply, t(300));
    let again = stage.send(GATEWAY, Payload::GrantRequest { request }).unwrap_err();
    assert_eq!(again.code, "unknown-request");
}

#[test]
fn a_warehouse_receipt_stands_for_its_goods_once() {
    let mut stage = Stage::new();
    let receipt = Hash([8; 32]);
    let product = Hash([7; 32]);
    let ask = |asset, document| Payload::RequestIssue { asset, amount: t(500), product, document };
    // Both ask before either is answered, so both requests wait.
    stage.send(DHAKA, ask(JUTE, receipt)).unwrap();
    let first = stage.last_request();
    stage.send(SANTOS, ask(COFFEE, receipt)).unwrap();
    let second = stage.last_request();
    stage.send(GATEWAY, Payload::GrantRequest { request: first }).unwrap();
    let refused = stage.send(GATEWAY, Payload::GrantRequest { request: second }).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_str()), ("vouched-already", "request"));
    assert_eq!(view::asset(&stage.state, COFFEE).unwrap().supply, Amount::ZERO);
    let refused = stage.send(DHAKA, ask(JUTE, receipt)).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_str()), ("vouched-already", "document"));
    // One that was turned down, and goods without a receipt, may be asked for again.
    let reason = "wrong paper".parse().unwrap();
    stage.send(GATEWAY, Payload::RefuseRequest { request: second, reason }).unwrap();
    for document in [Hash([9; 32]), Hash::ZERO, Hash::ZERO] {
        stage.send(SANTOS, ask(COFFEE, document)).unwrap();
        let request = stage.last_request();
        stage.send(GATEWAY, Payload::GrantRequest { request }).unwrap();
    }
    assert_eq!(view::asset(&stage.state, COFFEE).unwrap().supply, t(1_500));
}

#[test]
fn an_offer_expires_at_its_moment_and_frees_what_it_locked() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(10));
    let until = stage.time.plus_ms(500);
    let offer =
        stage.post(DHAKA, OfferTerms { valid_until: until, ..terms(JUTE, t(10), COFFEE, t(10)) }).unwrap();
    stage.ticks(4);
    assert!(stage.is_live(offer));
    stage.tick();
    assert_eq!(stage.offer(offer).state, OfferState::Expired);
    assert_eq!(stage.free(DHAKA, JUTE), t(10));
}

#[test]
fn an_asset_without_a_young_independent_price_is_not_cleared() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(10));
    stage.vouch(SANTOS, SAFFRON, t(10));
    let jute = stage.post(DHAKA, terms(JUTE, t(10), COFFEE, t(10))).unwrap();
    let saffron = stage.post(SANTOS, terms(SAFFRON, t(10), COFFEE, t(10))).unwrap();
    let open = stage.run_to_its_batch();
    assert!(open.book.offer(key(jute)).is_some());
    assert!(open.book.offer(key(saffron)).is_none());
    let fixed = stage.events.iter().rev().find_map(|event| match event {
        Event::ReferencesFixed { references, .. } => Some(references.clone()),
        _ => None,
    });
    let priced: Vec<_> = fixed.unwrap().into_iter().map(|found| (found.asset, found.feed)).collect();
    assert_eq!(priced, [(JUTE, FEED), (COFFEE, FEED)], "who said what the batch is valued at");
    stage.run_to_window_end();
    assert!(view::reference_price(&stage.state, JUTE, stage.time).is_some());
    stage.wait_days(31);
    assert_eq!(view::reference_price(&stage.state, JUTE, stage.time), None);
}

#[test]
fn the_reference_is_the_median_of_feeds_that_do_not_issue_the_asset() {
    let mut config = config();
    // The gateway is a feed too, but it issues these goods.
    config.feeds.push(("Gateway".parse().unwrap(), GATEWAY));
    config.feeds.push(("Port".parse().unwrap(), BANK));
    config.feeds.push(("Press".parse().unwrap(), OPERATOR));
    let mut stage = Stage::bare(config);
    stage.define("jute yarn", "5307").unwrap();
    let mut says = |feed, price: &str| {
        let (price, as_of) = (price.parse().unwrap(), stage.time);
        let payload = Payload::PublishPrice { asset: JUTE, price, as_of, source: "its own".parse().unwrap() };
        stage.send(feed, payload).map_err(|refusal| refusal.code)?;
        Ok::<_, String>(view::reference_price(&stage.state, JUTE, stage.time).unwrap().to_string())
    };
    assert_eq!(says(FEED, "1000").as_deref(), Ok("1000"));
    assert_eq!(says(BANK, "990").as_deref(), Ok("990"), "of two, the lower");
    assert_eq!(says(OPERATOR, "5000").as_deref(), Ok("1000"));
    assert_eq!(says(GATEWAY, "1"), Err("not-independent".to_owned()));
    stage.suspend(FEED);
    assert_eq!(view::reference_price(&stage.state, JUTE, stage.time).unwrap().to_string(), "990");
}

#[test]
fn what_is_left_below_the_least_worth_while_stays_out_of_the_book() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(100));
    stage.vouch(SANTOS, COFFEE, t(100));
    let picky = OfferTerms { min_fill: t(40), ..terms(JUTE, t(100), COFFEE, t(100)) };
    let jute = stage.post(DHAKA, picky).unwrap();
    let coffee = stage.post(SANTOS, terms(COFFEE, t(100), JUTE, t(100))).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&[jute, coffee], t(70))]);
    assert_eq!(stage.offer(jute).remaining, t(30));
    stage.run_to_close();
    let open = view::open_batch(&stage.state).unwrap();
    assert!(open.book.offer(key(jute)).is_none());
    assert!(open.book.offer(key(coffee)).is_some());
}

#[test]
fn a_rest_keeps_its_limit_and_rounding_never_costs_its_owner() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, amount(1000));
    stage.vouch(SANTOS, COFFEE, amount(1000));
    let jute = stage.post(DHAKA, terms(JUTE, amount(1000), COFFEE, amount(999))).unwrap();
    let coffee = stage.post(SANTOS, terms(COFFEE, amount(1000), JUTE, amount(999))).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&[jute, coffee], amount(500))]);
    stage.run_to_close();
    let open = view::open_batch(&stage.state).unwrap();
    let rest = open.book.offer(key(jute)).unwrap();
    // 999/1000 of 500 is 499.5: the rest wants 500.
    assert_eq!((rest.give_qty, rest.want_qty), (amount(500), amount(500)));
}

#[test]
fn a_bank_sees_a_settlement_for_as_long_as_a_party_of_it_says() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(10));
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(10))]);
    let settlement = stage.trades()[0].settlement;
    let share = |until| Payload::ShareSettlement { settlement, with: BANK, until };
    let until = stage.time.plus_ms(DAY);
    assert_eq!(stage.send(RIVAL, share(until)).unwrap_err().code, "not-a-party");
    assert_eq!(stage.send(DHAKA, share(Timestamp(0))).unwrap_err().code, "not-shared");
    stage.send(DHAKA, share(until)).unwrap();
    assert_eq!(view::shared_by(&stage.state, settlement, BANK, stage.time), [DHAKA]);
    assert!(view::shared_by(&stage.state, settlement, BANK, until).is_empty());
    stage.send(DHAKA, share(Timestamp(0))).unwrap();
    assert!(view::shared_by(&stage.state, settlement, BANK, stage.time).is_empty());
}

#[test]
fn beyond_the_free_quota_a_transaction_costs_its_fee_even_when_it_is_refused() {
    let mut config = config();
    config.free_per_day = 2;
    let mut stage = Stage::bare(config);
    let nothing = || Payload::CancelOffer { offer: payment_chain::model::OfferId(7) };
    for _ in 0..2 {
        assert_eq!(stage.send(SOLVER, nothing()).unwrap_err().code, "unknown-offer");
    }
    assert_eq!(stage.send(SOLVER, nothing()).unwrap_err().code, "fee-too-low");
    let before = stage.free(SOLVER, DEPOSIT);
    assert_eq!(stage.send_with_fee(SOLVER, nothing(), 7).unwrap_err().code, "unknown-offer");
    let fee = stage.chain.config().fee;
    assert_eq!(stage.free(SOLVER, DEPOSIT), before.checked_sub(fee).unwrap());
    assert_eq!(stage.free(OPERATOR, DEPOSIT), fee);
    for _ in 0..2 {
        assert_eq!(stage.send(DHAKA, nothing()).unwrap_err().code, "unknown-offer");
    }
    assert_eq!(stage.send_with_fee(DHAKA, nothing(), 7).unwrap_err().code, "fee-not-covered");
    stage.wait_days(1);
    assert_eq!(stage.send(DHAKA, nothing()).unwrap_err().code, "unknown-offer", "a new day, a new quota");
}

#[test]
fn a_still_market_needs_no_heights() {
    use ledger::Application as _;
    let mut stage = Stage::new();
    let due = |stage: &Stage| stage.chain.due(&stage.state, stage.height.next(), stage.time);
    while due(&stage) {
        stage.tick();
    }
    stage.vouch(DHAKA, JUTE, t(10));
    assert!(!due(&stage), "goods and transfers wait for nothing");
    stage.post(DHAKA, terms(JUTE, t(10), COFFEE, t(10))).unwrap();
    let mut heights = 0;
    while due(&stage) {
        stage.tick();
        heights += 1;
    }
    let batches = stage.events.iter().filter(|event| matches!(event, Event::BatchClosed { .. })).count();
    assert_eq!(batches, 4, "solvers that stay silent get three more batches");
    assert!(heights <= 53, "then the market is still: {heights}");
    assert!(stage.chain.due(&stage.state, stage.height.next(), START.plus_ms(30 * DAY)), "it expires");
}

#[test]
fn a_chain_that_hears_of_a_party_takes_only_its_full_keys() {
    use ledger::{AccountKey, PublicKey, Scope};
    let mut stage = Stage::new();
    let mut news = word(STRANGER, vocabulary::Standing::Admitted, &[vocabulary::Role::Trader]);
    let full = news.keys[0];
    news.keys.push(AccountKey { key: PublicKey([8; 32]), scope: Scope::EnrolOnce { until: Timestamp(9) } });
    let unknown = stage.send(STRANGER, Payload::RequestRedeem { asset: JUTE, amount: t(1) }).unwrap_err();
    assert_eq!((unknown.code.as_str(), unknown.field.as_str()), ("party-not-yet-known", "account"));
    stage.hear(&news);
    assert_eq!(ledger::account::account(&stage.state, STRANGER).keys, Some(vec![full]));
    stage.vouch(STRANGER, JUTE, t(1));
}
