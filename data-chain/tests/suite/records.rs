//! Goods, papers and settlements on record.

use data_chain::fuzz::{fuzz_event, fuzz_payload};
use data_chain::payload::{Document, MAX_DOCUMENTS, MAX_PAYLOAD_BYTES, Product};
use data_chain::{Config, DataChain, Event, Payload, product_id, view};
use ledger::hash::encode;
use ledger::{Application, Hash, SubChain, Tag, Timestamp};
use proptest::prelude::*;
use vocabulary::{FromIdentity, Standing, ToData};

use crate::stage::{Stage, person};
use crate::{
    ALMATY_FUEL, DHAKA_MILLS, MEKONG_COFFEE, account, assert_place, certificate, config, jute, leg, open,
    refused, word,
};

fn done(stage: &mut Stage<DataChain>, who: u8, payload: &Payload) -> Vec<Event> {
    let events = stage.send(account(who), &person(who), encode(payload)).expect("this can be done");
    events.iter().map(|event| borsh::from_slice(event).expect("an event")).collect()
}

#[test]
fn mills_puts_a_certificate_and_then_its_yarn_on_record() {
    let mut stage = open();
    let (owner, hash) = (account(DHAKA_MILLS), certificate().hash);
    let events = done(&mut stage, DHAKA_MILLS, &Payload::RecordDocument(certificate()));
    assert_eq!(events, [Event::DocumentRecorded { owner, document: certificate() }]);
    let product = Product { documents: vec![hash], ..jute() };
    let id = product_id(owner, 1, &product);
    let events = done(&mut stage, DHAKA_MILLS, &Payload::DescribeProduct(product.clone()));
    assert_eq!(events, [Event::ProductDescribed { id, owner, product: product.clone() }]);

    let known = view::product(&stage.state, id).unwrap();
    assert_eq!((known.owner, known.product, known.at), (owner, product, stage.time));
    assert_eq!(view::documents_of(&stage.state, owner)[0].document, certificate());
    // The same again is another lot.
    done(&mut stage, DHAKA_MILLS, &Payload::DescribeProduct(jute()));
    done(&mut stage, DHAKA_MILLS, &Payload::DescribeProduct(jute()));
    assert_eq!(view::products_of(&stage.state, owner).len(), 3);
    assert_eq!(view::products_of(&stage.state, account(MEKONG_COFFEE)), []);
}

#[test]
fn two_parties_may_hold_the_same_paper_but_nobody_twice() {
    let mut stage = open();
    done(&mut stage, DHAKA_MILLS, &Payload::RecordDocument(certificate()));
    let renamed = Document { name: "Another name".parse().unwrap(), ..certificate() };
    let again = Payload::RecordDocument(renamed.clone());
    refused(&mut stage, DHAKA_MILLS, &again, "document-present", "hash");
    done(&mut stage, MEKONG_COFFEE, &again);
    let holders: Vec<_> = view::document(&stage.state, certificate().hash)
        .into_iter()
        .map(|(owner, recorded)| (owner, recorded.document))
        .collect();
    let mut expected = vec![(account(DHAKA_MILLS), certificate()), (account(MEKONG_COFFEE), renamed)];
    expected.sort_by_key(|(owner, _)| *owner);
    assert_eq!(holders, expected);
    assert_eq!(view::document(&stage.state, Hash([5; 32])), []);
}

#[test]
fn only_an_admitted_party_puts_anything_on_record() {
    let mut stage = open();
    let goods = Payload::DescribeProduct(jute());
    refused(&mut stage, ALMATY_FUEL, &goods, "not-yet-known", "account");
    for standing in [Standing::Pending, Standing::Refused, Standing::Suspended] {
        stage.hear(SubChain::Identity, encode(&word(ALMATY_FUEL, standing))).unwrap();
        refused(&mut stage, ALMATY_FUEL, &goods, "not-admitted", "account");
        refused(&mut stage, ALMATY_FUEL, &Payload::RecordDocument(certificate()), "not-admitted", "account");
    }
    stage.hear(SubChain::Identity, encode(&word(ALMATY_FUEL, Standing::Admitted))).unwrap();
    done(&mut stage, ALMATY_FUEL, &goods);
}

#[test]
fn a_key_that_identity_took_away_signs_nothing_here() {
    let mut stage = open();
    let FromIdentity::Party(mut other) = word(DHAKA_MILLS, Standing::Admitted) else { unreachable!() };
    other.keys[0].key = person(60).public();
    stage.hear(SubChain::Identity, encode(&FromIdentity::Party(other))).unwrap();
    refused(&mut stage, DHAKA_MILLS, &Payload::DescribeProduct(jute()), "unknown-key", "key");
    let goods = encode(&Payload::DescribeProduct(jute()));
    assert_eq!(stage.send(account(DHAKA_MILLS), &person(60), goods).map(|events| events.len()), Ok(1));
}

#[test]
fn a_product_is_refused_for_its_documents() {
    let mut stage = open();
    done(&mut stage, DHAKA_MILLS, &Payload::RecordDocument(certificate()));
    let hash = certificate().hash;
    let mut check = |documents: Vec<Hash>, code: &str| {
        let product = Payload::DescribeProduct(Product { documents, ..jute() });
        refused(&mut stage, DHAKA_MILLS, &product, code, "documents");
    };
    check(vec![hash; MAX_DOCUMENTS + 1], "too-many-documents");
    check(vec![hash, hash], "document-twice");
    check(vec![hash, Hash([5; 32])], "document-unknown");
    check(vec![Hash::ZERO], "document-unknown");
}

#[test]
fn a_document_is_refused_field_by_field() {
    let mut stage = Stage::open(DataChain::new(Config { free_per_day: 100, ..config() }));
    stage.hear(SubChain::Identity, encode(&word(DHAKA_MILLS, Standing::Admitted))).unwrap();
    let mut check = |document: Document, code: &str, field: &str| {
        refused(&mut stage, DHAKA_MILLS, &Payload::RecordDocument(document), code, field);
    };
    check(Document { hash: Hash::ZERO, ..certificate() }, "no-hash", "hash");
    for media_type in [
        "pdf",
        "application",
        "application/",
        "/pdf",
        "Application/PDF",
        "text/html; charset=utf-8",
        "a/b/c",
        "a/b c",
        ".a/b",
        "a/é",
    ] {
        let media_type = media_type.parse().unwrap();
        check(Document { media_type, ..certificate() }, "media-type", "media_type");
    }
    for size_bytes in [0, 1_000_001, u64::MAX] {
        check(Document { size_bytes, ..certificate() }, "size", "size_bytes");
    }
    for (number, media_type) in
        ["application/vnd.ms-excel", "image/svg+xml", "text/csv"].into_iter().enumerate()
    {
        let hash = Hash::of(Tag::Document, &[u8::try_from(number).unwrap()]);
        let document = Document {
            hash,
            media_type: media_type.parse().unwrap(),
            size_bytes: 1_000_000,
            ..certificate()
        };
        done(&mut stage, DHAKA_MILLS, &Payload::RecordDocument(document));
    }
}

#[test]
fn a_day_has_so_many_records() {
    let mut stage = Stage::open(DataChain::new(Config { free_per_day: 2, ..config() }));
    stage.hear(SubChain::Identity, encode(&word(DHAKA_MILLS, Standing::Admitted))).unwrap();
    let goods = Payload::DescribeProduct(jute());
    done(&mut stage, DHAKA_MILLS, &goods);
    done(&mut stage, DHAKA_MILLS, &goods);
    refused(&mut stage, DHAKA_MILLS, &goods, "quota", "account");
    stage.time = stage.time.plus_ms(Timestamp::DAY_MS);
    done(&mut stage, DHAKA_MILLS, &goods);
}

#[test]
fn an_envelope_that_does_not_fit_is_refused() {
    let mut stage = open();
    let key = person(DHAKA_MILLS);
    let mut check = |change: &dyn Fn(&mut ledger::Body), code: &str, field: &str| {
        let mut body = stage.body(account(DHAKA_MILLS), &key, encode(&Payload::DescribeProduct(jute())));
        change(&mut body);
        assert_place(&stage.send_body(body, &key).expect_err(code), code, field);
    };
    check(&|body| body.terms = Hash([1; 32]), "other-terms", "terms");
    check(&|body| body.fee = 1, "no-fee", "fee");
    check(&|body| body.payload = vec![2], "malformed", "payload");
    check(&|body| body.payload.truncate(12), "malformed", "name");
    check(&|body| body.payload[5 + 9] = b'x', "malformed", "hs");
    check(&|body| body.payload = vec![0; MAX_PAYLOAD_BYTES + 1], "too-long", "payload");
}

#[test]
fn a_settlement_goes_on_record_once_and_from_payment_alone() {
    let mut stage = open();
    let legs = vec![leg(DHAKA_MILLS, MEKONG_COFFEE, 2), leg(MEKONG_COFFEE, DHAKA_MILLS, 3)];
    let trade = ToData { settlement: Hash([8; 32]), legs, at: stage.time };
    let events = stage.hear(SubChain::Payment, encode(&trade)).unwrap();
    assert_eq!(events, [encode(&Event::TradeRecorded(trade.clone()))]);
    assert_eq!(view::trade(&stage.state, trade.settlement), Some(trade.clone()));
    for who in [DHAKA_MILLS, MEKONG_COFFEE] {
        assert_eq!(view::trades_of(&stage.state, account(who)), std::slice::from_ref(&trade));
    }
    assert_eq!(view::trades_of(&stage.state, account(ALMATY_FUEL)), []);

    let mut check = |from, bytes: Vec<u8>, code: &str, field: &str| {
        assert_place(&stage.hear(from, bytes).expect_err(code), code, field);
    };
    check(SubChain::Payment, encode(&trade), "settlement-present", "settlement");
    let empty = ToData { settlement: Hash([9; 32]), legs: vec![], ..trade.clone() };
    check(SubChain::Payment, encode(&empty), "legs", "legs");
    let long = ToData { legs: vec![trade.legs[0].clone(); 65], ..empty };
    check(SubChain::Payment, encode(&long), "legs", "legs");
    check(SubChain::Identity, encode(&trade), "malformed", "payload");
    check(SubChain::Payment, encode(&word(ALMATY_FUEL, Standing::Admitted)), "malformed", "payload");
    check(SubChain::Data, encode(&trade), "wrong-destination", "to");
}

#[test]
fn terms_say_what_goes_on_record() {
    let stage = open();
    let render =
        |payload: &Payload| stage.app.terms(&stage.state, account(DHAKA_MILLS), &encode(payload)).unwrap();
    let product = Product { documents: vec![certificate().hash], ..jute() };
    let expected = format!(
        "You put Jute yarn from BD on record as your product.\n\n\
         Harmonized System code: 5307\n\
         Grade: Sacking warp, 10 lb\n\
         Origin: BD\n\
         Measured in: tonne (TNE)\n\
         Where it lies: BDCGP\n\
         Documents, by the hash of their contents:\n\
         - {}\n\n\
         This stays on record for good, under your name. Your signature says that the description is true; what \
         stands for these goods in trade points to it.\n\n\
         Account {}\n\
         Data chain, terms version 1\n",
        certificate().hash,
        account(DHAKA_MILLS)
    );
    assert_eq!(render(&Payload::DescribeProduct(product)), expected);
    assert!(render(&Payload::DescribeProduct(jute())).contains("\nDocuments: none\n"));
    let terms = render(&Payload::RecordDocument(certificate()));
    assert_eq!(terms.lines().next(), Some("You put the document \"Grade certificate 17\" on record."));
    assert!(terms.contains("Kind: application/pdf\nSize: 48211 bytes\n"));
}

fn payloads() -> impl Strategy<Value = Payload> {
    let hashes = proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..18);
    prop_oneof![
        ("[A-Za-z][a-z]{0,30}", 1..90u32, hashes).prop_map(|(name, chapter, documents)| {
            let hs = format!("{:02}07", if chapter == 77 { 78 } else { chapter }).parse().expect("a heading");
            Payload::DescribeProduct(Product { name: name.parse().expect("a name"), hs, documents, ..jute() })
        }),
        (any::<[u8; 32]>(), any::<u64>(), "[a-z]{1,9}/[a-z+.]{1,9}").prop_map(|(hash, size_bytes, kind)| {
            let media_type = kind.parse().expect("a text");
            Payload::RecordDocument(Document { hash: Hash(hash), media_type, size_bytes, ..certificate() })
        }),
    ]
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(payload in payloads()) {
        prop_assert_eq!(Payload::decode(&encode(&payload)), Ok(payload.clone()));
        fuzz_payload(&encode(&payload));
    }

    #[test]
    fn no_bytes_make_the_chain_panic(
        payload in payloads(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = encode(&payload);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz_payload(&bytes);
        fuzz_payload(&bytes[..at]);
        fuzz_payload(&noise);
        let owner = account(DHAKA_MILLS);
        let mut event = encode(&match payload {
            Payload::DescribeProduct(product) => Event::ProductDescribed { id: Hash::ZERO, owner, product },
            Payload::RecordDocument(document) => Event::DocumentRecorded { owner, document },
        });
        let at = at % event.len();
        fuzz_event(&event);
        fuzz_event(&event[..at]);
        event[at] = byte;
        fuzz_event(&event);
        fuzz_event(&noise);
        fuzz_payload(&encode(&word(noise.first().copied().unwrap_or_default(), Standing::Refused)));
    }

    #[test]
    fn what_is_on_record_stays_on_record(payloads in proptest::collection::vec((3..5u8, payloads()), 1..20)) {
        let mut stage = open();
        let mut kept: Vec<(Vec<u8>, Vec<u8>)> = vec![];
        for (who, payload) in payloads {
            let size = kept.len();
            if let Ok(events) = stage.send(account(who), &person(who), encode(&payload)) {
                prop_assert_eq!(events.len(), 1);
                let key = match borsh::from_slice(&events[0]).expect("an event") {
                    Event::ProductDescribed { id, .. } => view::product_key(id),
                    Event::DocumentRecorded { owner, document } => view::document_key(document.hash, owner),
                    Event::TradeRecorded(trade) => view::trade_key(trade.settlement),
                };
                prop_assert!(!kept.iter().any(|(known, _)| *known == key), "nothing is written over");
                let value = stage.state.0.get(&key).cloned().expect("what happened is on record");
                kept.push((key, value));
            }
            prop_assert!(kept.len() <= size + 1);
            for (key, value) in &kept {
                prop_assert_eq!(stage.state.0.get(key), Some(value));
            }
        }
    }
}
