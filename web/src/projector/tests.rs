use ledger::{Height, SubChain};

use super::{Projector, ProjectorError, fuzz_payload_kind};
use crate::db::Database;
use crate::model::Model;
use crate::testing::on_each_database;
use crate::testing::story::{self, START_MS, STEP_MS, address};

#[test]
fn the_read_model_tells_the_story_of_the_chains() {
    on_each_database(|database| {
        story::tell(&database);
        let mut connection = database.get().unwrap();
        let mut model = Model::new(&mut connection);
        let (dhaka, hanoi, doha) = (address("Dhaka Mills"), address("Hanoi Beans"), address("Doha Fuels"));

        let mills = model.party(&dhaka).unwrap().unwrap();
        assert_eq!((mills.name.as_str(), mills.standing.as_str()), ("Dhaka Mills", "admitted"));
        assert_eq!((mills.settled, mills.settled_micro_usd.get()), (1, 412_000_000_000));
        let beans = model.party(&hanoi).unwrap().unwrap();
        assert_eq!((beans.settled, beans.lapsed, beans.declined), (1, 1, 0));
        assert_eq!(model.keys_of(&dhaka).unwrap().len(), 1);
        let found = model.search_parties("MILLS", 0, 10).unwrap();
        assert_eq!(found.iter().map(|party| party.name.as_str()).collect::<Vec<_>>(), ["Dhaka Mills"]);
        assert!(model.search_parties("%", 0, 10).unwrap().is_empty());

        let product = model.products_of(&dhaka).unwrap().pop().unwrap();
        assert_eq!((product.hs.as_str(), product.unit.as_str()), ("5307", "TNE"));
        let named = model.documents_of_product(&product.id).unwrap();
        assert_eq!(named, [story::document().to_string()]);
        assert_eq!(model.documents_named(&named[0]).unwrap()[0].owner, dhaka);

        let held = |model: &mut Model<'_>, party: &str| {
            let balances = model.balances_of(party).unwrap();
            balances.iter().map(|held| (held.asset, held.available.get())).collect::<Vec<_>>()
        };
        assert_eq!(held(&mut model, &dhaka), [(2, 88_000), (4, 5_800_000)]);
        assert_eq!(held(&mut model, &hanoi), [(2, 412_000), (4, 60_000)]);
        assert_eq!(held(&mut model, &doha), [(3, 118_000), (4, 140_000)]);
        for asset in 2..=4 {
            let all = model.holders(asset).unwrap();
            let sum: u128 = all.iter().map(|held| held.available.get() + held.locked.get()).sum();
            assert_eq!(sum, model.asset(asset).unwrap().unwrap().supply.get());
        }

        let open = model.offers_of(&dhaka, true, None, 10).unwrap().rows;
        assert_eq!((open[0].remaining.get(), open[0].state.as_str()), (88_000, "open"));
        assert_eq!(model.offer(2).unwrap().unwrap().state, "filled");
        assert_eq!(model.fills(1).unwrap()[0].quantity.get(), 412_000);
        assert_eq!(model.open_offers(Some(4), None, 10).unwrap()[0].owner, doha);

        let settled = model.settlement(&story::settlement().to_string()).unwrap().unwrap();
        assert_eq!((settled.height, settled.receipt_index, settled.legs), (3, 1, 3));
        assert_eq!(settled.value_micro_usd.get(), 1_233_000_000_000);
        // Dhaka's jute goes to Hanoi, Doha's diesel to Dhaka, Hanoi's coffee to Doha.
        let legs = model.settlement_legs(&settled.id).unwrap();
        let arrows: Vec<_> = legs.iter().map(|leg| (leg.party.as_str(), leg.to_party.as_str())).collect();
        assert_eq!(arrows, [(&*dhaka, &*hanoi), (&*doha, &*dhaka), (&*hanoi, &*doha)]);
        assert_eq!(model.contract(1).unwrap().unwrap().state, "executed");
        assert_eq!(model.contracts_to_sign(&hanoi).unwrap()[0].id, 2);
        assert!(model.contracts_to_sign(&dhaka).unwrap().is_empty());
        assert_eq!(model.batches(5).unwrap()[0].rings, Some(1));
        assert_eq!(model.fines(5).unwrap()[0].fine.get(), 1_000);
        assert_eq!(model.requests_for(&address("Harbour Warehouse")).unwrap()[0].kind, "redeem");

        let refused = model.transactions_of(&dhaka, 20).unwrap();
        let refused = refused.iter().find(|transaction| transaction.outcome == "refused").unwrap();
        assert_eq!((refused.kind.as_str(), refused.code.as_deref()), ("register", Some("registered")));
        let receipt = refused.receipt_hash.parse().unwrap();
        assert_eq!(model.transactions_named(receipt).unwrap(), std::slice::from_ref(refused));
    });
}

#[test]
fn silk_bank_sees_what_was_shared_while_it_lasts() {
    on_each_database(|database| {
        story::tell(&database);
        let mut connection = database.get().unwrap();
        let mut model = Model::new(&mut connection);
        let (bank, dhaka) = (address("Silk Bank"), address("Dhaka Mills"));
        let now = i64::try_from(START_MS + 10 * STEP_MS).unwrap();
        let later = i64::try_from(story::SHARED_UNTIL.0).unwrap();
        assert_eq!(model.settlements_shared_with(&bank, now, None, 10).unwrap().rows.len(), 1);
        assert_eq!(model.settlements_shared_with(&bank, later, None, 10).unwrap().rows.len(), 0);
        let tomorrow = now + 86_400_000;
        let sharing = |model: &mut Model<'_>, at| {
            let grants = model.grants_on(&story::settlement().to_string(), &bank, at).unwrap();
            grants.into_iter().map(|grant| grant.by_party).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(sharing(&mut model, now), [dhaka.clone(), address("Hanoi Beans")].into());
        assert_eq!(sharing(&mut model, tomorrow), [dhaka.clone()].into());
        assert!(model.may_read_credit(&dhaka, &bank, now).unwrap());
        assert!(!model.may_read_credit(&dhaka, &bank, later).unwrap());
        assert!(!model.may_read_credit(&address("Doha Fuels"), &bank, now).unwrap());
        assert!(model.may_read_credit(&dhaka, &dhaka, later).unwrap());
    });
}

#[test]
fn a_block_is_written_once_and_never_over_a_gap() {
    on_each_database(|database| {
        let projector = Projector::new(database.clone());
        let blocks = story::payment();
        assert_eq!(projector.height(SubChain::Payment).unwrap(), None);
        let early = projector.apply(SubChain::Payment, &blocks[1..]);
        assert!(matches!(early, Err(ProjectorError::Gap { height: None, offered: 1, .. })), "{early:?}");
        projector.apply(SubChain::Payment, &blocks[..4]).unwrap();
        projector.apply(SubChain::Payment, &blocks).unwrap();
        projector.apply(SubChain::Payment, &blocks).unwrap();
        assert_eq!(projector.height(SubChain::Payment).unwrap(), Some(Height(4)));
        assert_eq!(projector.height(SubChain::Identity).unwrap(), None);
        assert_eq!(Model::new(&mut database.get().unwrap()).settlement_count().unwrap(), 1);
    });
}

#[test]
fn a_block_that_cannot_be_read_leaves_no_trace() {
    on_each_database(|database| {
        let projector = Projector::new(database.clone());
        let mut blocks = story::payment();
        blocks[3].receipts[1].events.push(vec![255]);
        let stopped = projector.apply(SubChain::Payment, &blocks);
        assert!(matches!(stopped, Err(ProjectorError::Event { height: 3, .. })), "{stopped:?}");
        assert_eq!(projector.height(SubChain::Payment).unwrap(), None);
        assert!(Model::new(&mut database.get().unwrap()).assets().unwrap().is_empty());
        projector.apply(SubChain::Payment, &blocks[..3]).unwrap();
    });
}

#[test]
fn emptied_and_written_again_the_tables_say_the_same() {
    on_each_database(|database| {
        let projector = story::tell(&database);
        let height = 1_000;
        let facts = |database: &Database| {
            let mut connection = database.get().unwrap();
            let mut model = Model::new(&mut connection);
            let parties = model.parties().unwrap();
            (model.leg_facts(height).unwrap(), parties, model.settlements(None, 10).unwrap())
        };
        let before = facts(&database);
        projector.reset().unwrap();
        assert_eq!(projector.height(SubChain::Payment).unwrap(), None);
        assert!(Model::new(&mut database.get().unwrap()).parties().unwrap().is_empty());
        story::tell(&database);
        assert_eq!(facts(&database), before);
        assert_eq!(before.0.len(), 3);
    });
}

#[test]
fn any_bytes_are_a_payload_of_some_kind_or_unreadable() {
    let transfer = payment_chain::Payload::SignContract { contract: payment_chain::model::ContractId(7) };
    assert_eq!(super::payload_kind(SubChain::Payment, &ledger::hash::encode(&transfer)), "sign-contract");
    assert_eq!(super::payload_kind(SubChain::Data, &[200, 1]), "unreadable");
    for seed in 0..=255u8 {
        fuzz_payload_kind(&vec![seed; usize::from(seed)]);
    }
}
