//! What signers read, word for word. Changing a word here is a new version of the terms.

use crate::stage::*;
use clearing::Amount;
use ledger::{Hash, Timestamp};
use payment_chain::model::{BatchId, Commitment, OfferId, OfferTerms};
use payment_chain::{Payload, view};

/// The text of `payload` for `account` without empty lines and without its end, which names account and version.
fn read(stage: &Stage, account: ledger::Address, payload: &Payload) -> String {
    let text = stage.terms(account, payload);
    let end = format!("\nAccount {account}\nPayment chain, terms version {}\n", payment_chain::TERMS_VERSION);
    let rest = text.strip_suffix(&end).expect("the end names account and version");
    let lines: Vec<&str> = rest.lines().filter(|line| !line.is_empty()).collect();
    lines
        .join("\n")
        .replace(&DHAKA.to_string(), "DHAKA")
        .replace(&SANTOS.to_string(), "SANTOS")
        .replace(&GATEWAY.to_string(), "GATEWAY")
        .replace(&OPERATOR.to_string(), "OPERATOR")
        .replace(&Hash([7; 32]).to_string(), "PRODUCT")
}

#[test]
fn an_offer_reads_as_a_merchant_would_say_it() {
    let stage = Stage::new();
    let mut offer = terms(JUTE, t(500), COFFEE, Amount::new(118_240).unwrap());
    assert_eq!(
        read(&stage, DHAKA, &Payload::PostOffer(offer.clone())),
        "You offer up to 500.000 t of jute yarn and want at least 118.240 t of robusta coffee for all of it, and for a part at least as much in proportion.\n\
         What you give is handed over FOB BDCGP (Incoterms 2020).\n\
         The offer is good until 2027-02-14 08:00 UTC.\n\
         It is binding: what you give is locked, and a ring that meets these terms settles without asking you again.\n\
         It takes part from the batch after next.\n\
         Here jute yarn is asset 2, issued by GATEWAY.\n\
         Here robusta coffee is asset 3, issued by GATEWAY."
    );
    (offer.divisible, offer.commitment) = (false, Commitment::Indicative);
    assert_eq!(
        read(&stage, DHAKA, &Payload::PostOffer(offer)),
        "You offer 500.000 t of jute yarn and want at least 118.240 t of robusta coffee for it, all or nothing: a part is not for you.\n\
         What you give is handed over FOB BDCGP (Incoterms 2020).\n\
         The offer is good until 2027-02-14 08:00 UTC.\n\
         It is indicative: nothing moves before you sign the ring. Two rings left unsigned within 90 days confine you to binding offers.\n\
         It takes part from the batch after next.\n\
         Here jute yarn is asset 2, issued by GATEWAY.\n\
         Here robusta coffee is asset 3, issued by GATEWAY."
    );
}

#[test]
fn a_contract_reads_as_what_the_signer_gives_and_gets() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(50));
    stage.vouch(SANTOS, COFFEE, t(50));
    let jute = stage.post(DHAKA, indicative(terms(JUTE, t(50), COFFEE, t(50)))).unwrap();
    let coffee = stage.post(SANTOS, indicative(terms(COFFEE, t(50), JUTE, t(50)))).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&[jute, coffee], t(41))]);
    let contract = stage.last_contract();
    let deadline = view::contract(&stage.state, contract).unwrap().deadline;
    assert_eq!(
        read(&stage, DHAKA, &Payload::SignContract { contract }),
        format!(
            "You sign contract 1: you give 41.000 t of jute yarn and get 41.000 t of robusta coffee.\n\
             Nothing moves unless everyone signs; then everything moves at once.\n\
             What you give is locked until then. The contract dissolves at height {deadline} unless all have signed. Your signature cannot be taken back.\n\
             Ring 0 of batch 2:\n\
             - you give 41.000 t of jute yarn to SANTOS (offer 1)\n\
             - SANTOS gives 41.000 t of robusta coffee to you (offer 2)\n\
             Here jute yarn is asset 2, issued by GATEWAY.\n\
             Here robusta coffee is asset 3, issued by GATEWAY."
        )
    );
    let before = stage.terms(DHAKA, &Payload::SignContract { contract });
    assert!(
        before.contains(".\n\nRing 0 of batch 2:\n- you give"),
        "paragraphs and lists stand apart: {before}"
    );
    stage.send(SANTOS, Payload::SignContract { contract }).unwrap();
    assert_eq!(
        stage.terms(DHAKA, &Payload::SignContract { contract }),
        before,
        "others' acts change no word"
    );
    assert_eq!(
        read(&stage, DHAKA, &Payload::DeclineContract { contract }),
        "You decline contract 1, in which you would give 41.000 t of jute yarn and get 41.000 t of robusta coffee.\n\
         It dissolves for everyone, nothing moves, and the offers return to the book. Your record says that you declined.\n\
         Here jute yarn is asset 2, issued by GATEWAY.\n\
         Here robusta coffee is asset 3, issued by GATEWAY."
    );
}

#[test]
fn every_other_request_reads_plainly_too() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(50));
    stage.post(DHAKA, terms(JUTE, t(5), COFFEE, t(5))).unwrap();
    stage.send(DHAKA, Payload::RequestRedeem { asset: JUTE, amount: t(2) }).unwrap();
    let request = stage.last_request();
    let (product, document) = (Hash([7; 32]), Hash::ZERO);
    let until = Timestamp(1_800_000_000_000);
    let jute = "Here jute yarn is asset 2, issued by GATEWAY.";
    let deposit = "Here deposit dollar is asset 1, issued by OPERATOR.";
    let picky = OfferTerms { min_fill: t(1), joins_indicative: true, ..terms(JUTE, t(5), COFFEE, t(6)) };
    for (payload, expected) in [
        (
            Payload::Transfer { to: SANTOS, asset: JUTE, amount: t(1) },
            format!("You give 1.000 t of jute yarn to SANTOS, for nothing in return. It cannot be taken back.\n{jute}"),
        ),
        (
            Payload::RequestIssue { asset: JUTE, amount: t(9), product, document },
            format!("You ask GATEWAY to vouch for 9.000 t of jute yarn and to issue as much of it to you.\nProduct: PRODUCT.\n{jute}"),
        ),
        (
            Payload::RequestRedeem { asset: JUTE, amount: t(9) },
            format!("You ask GATEWAY to hand out 9.000 t of jute yarn.\nIt is locked until the answer: granted, it is destroyed; refused, it is free again.\n{jute}"),
        ),
        (
            Payload::GrantRequest { request },
            format!("You grant request 2: you hand out 2.000 t of jute yarn to DHAKA, and as much of the asset is destroyed.\n{jute}"),
        ),
        (
            Payload::RefuseRequest { request, reason: "not here".parse().unwrap() },
            format!("You refuse request 2 of DHAKA about 2.000 t of jute yarn: not here\n{jute}"),
        ),
        (
            Payload::PublishPrice { asset: JUTE, price: "1012.5".parse().unwrap(), as_of: until, source: "a gazette".parse().unwrap() },
            "You state that one tonne of jute yarn (asset 2) was worth 1012.5 US dollars on 2027-01-15 08:00 UTC. Source: a gazette".to_owned(),
        ),
        (
            Payload::AmendOffer { offer: OfferId(1), terms: picky },
            format!(
                "You change your offer 1; what it gave already, and what waits in contracts, counts towards the new quantity. It reads from now on:\n\
                 You offer up to 5.000 t of jute yarn and want at least 6.000 t of robusta coffee for all of it, and for a part at least as much in proportion.\n\
                 You give nothing or at least 1.000 t of jute yarn at a time.\n\
                 What you give is handed over FOB BDCGP (Incoterms 2020).\n\
                 The offer is good until 2027-02-14 08:00 UTC.\n\
                 It is binding: what you give is locked, and a ring that meets these terms settles without asking you again.\n\
                 It may also stand in a ring that waits for the signatures of others; what it gives stays locked meanwhile.\n\
                 It takes part again from the batch after next.\n{jute}\n\
                 Here robusta coffee is asset 3, issued by GATEWAY."
            ),
        ),
        (
            Payload::CancelOffer { offer: OfferId(1) },
            format!(
                "You take back your offer 1 of jute yarn for robusta coffee.\n\
                 While the book is frozen this waits for the end of the window. Contracts that already wait for signatures stay.\n{jute}\n\
                 Here robusta coffee is asset 3, issued by GATEWAY."
            ),
        ),
        (
            Payload::SubmitClearing { batch: BatchId(4), declared_micro_usd: 1_500_000, bound_micro_usd: 2_000_000, rings: vec![] },
            format!("You propose a clearing of batch 4 with 0 rings, worth 1500000 millionths of a US dollar (1.50 dollars) by your word, and 2000000 millionths at most possible.\nIf it does not hold exactly, 1000.00 deposit dollar of your bond are taken as a fine.\n{deposit}"),
        ),
        (
            Payload::SubmitCertified { batch: BatchId(4), declared_micro_usd: 1_500_000, bound_micro_usd: 2_000_000, certificate: product, rings: vec![] },
            format!("You propose a clearing of batch 4 with 0 rings, worth 1500000 millionths of a US dollar (1.50 dollars) by your word. By certificate PRODUCT, which you publish, no clearing of this batch is worth more than 2000000 millionths.\nIf it does not hold exactly, 1000.00 deposit dollar of your bond are taken as a fine.\n{deposit}"),
        ),
        (
            Payload::ShareSettlement { settlement: product, with: SANTOS, until },
            "You let SANTOS see settlement PRODUCT until 2027-01-15 08:00 UTC. A moment that has passed withdraws this.".to_owned(),
        ),
        (
            Payload::Bond { amount: t(1) },
            format!("You set aside 10.00 deposit dollar as a bond, out of which each clearing of yours that does not hold costs 1000.00 deposit dollar.\n{deposit}"),
        ),
        (Payload::Unbond { amount: t(1) }, format!("You take 10.00 deposit dollar back out of your bond.\n{deposit}")),
        (
            Payload::DefineAsset { name: "tea".parse().unwrap(), hs: "0902".parse().unwrap(), unit: "KGM".parse().unwrap(), decimals: 2, product },
            "You define the asset tea (HS 0902), counted in units of one kilogram with 2 decimals, for product PRODUCT.\nYou will issue it only against such goods in your hands, and hand them out to whoever redeems it.".to_owned(),
        ),
    ] {
        assert_eq!(read(&stage, DHAKA, &payload), expected);
    }
}
