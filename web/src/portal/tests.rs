//! Journeys through the real router, over the three real chains.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::rt::System;
use ledger::light::ProvenFact;
use ledger::{Hash, Height, SubChain, Tag};
use payment_chain::SETTLEMENTS;
use payment_chain::model::{Commitment, Settlement};
use proptest::prelude::*;
use vocabulary::Role;

use super::offers::live_book;
use super::{fuzz_offer_form, fuzz_registration_form};
use crate::form::fuzz_form;
use crate::model::Model;
use crate::testing::stage::{Answer, Browser, COFFEE, DIESEL, JUTE, PASSWORD, Stage, Watched, between, sure};
use crate::testing::story::{account, amount, key};

fn run<T>(story: impl Future<Output = T>) -> T {
    System::new().block_on(story)
}

/// The message beside a field.
fn message(answer: &Answer, field: &str) -> String {
    between(&answer.body, &format!("id=\"e-{field}\">"), "<").unwrap_or_default()
}

/// Follows a signed transaction to its end: blocks pass, and the wait page leads on.
async fn arrives(stage: &Stage, browser: &mut Browser, signed: &Answer) -> String {
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
    for _ in 0..3 {
        stage.tick();
    }
    let waited = browser.get(&signed.location).await;
    assert_eq!(waited.status, StatusCode::SEE_OTHER, "{}", waited.body);
    waited.location
}

#[test]
fn a_newcomer_goes_from_signing_up_to_an_offer() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        let new = "Almaty Grain";
        browser.get("/signup").await;
        let answer = browser
            .post(
                "/signup",
                &[
                    ("company", new),
                    ("registration_number", "BIN 1"),
                    ("country", "kz"),
                    ("place", "KZ ALA"),
                    ("email", "farm@almaty.example"),
                    ("password", PASSWORD),
                    ("again", PASSWORD),
                ],
            )
            .await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (StatusCode::SEE_OTHER, "/"),
            "{}",
            answer.body
        );
        assert!(browser.get("/").await.body.contains("Five steps to your first offer"));

        // The key is made in the browser; its proof covers the form token.
        let mut proof = vec![0; 32];
        proof[..20].copy_from_slice(b"permuta/1/portal-key");
        proof.extend_from_slice(browser.csrf.as_bytes());
        let (public, proof) = (key(new).public().to_string(), key(new).sign(&proof).to_string());
        let wrong = browser.post("/keys", &[("public_key", &public), ("proof", &"0".repeat(128))]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let made =
            browser.post("/keys", &[("public_key", &public), ("proof", &proof), ("label", "farm")]).await;
        assert!(made.body.contains(&account(new).to_string()), "{}", made.body);

        let form = browser.get("/register").await;
        assert!(form.body.contains("value=\"KZALA\""));
        let asked = browser
            .post(
                "/register",
                &[("company", new), ("registration_number", "BIN 1"), ("country", "KZ"), ("place", "KZALA")],
            )
            .await;
        let signed = browser.sign(new, &asked).await;
        assert_eq!(arrives(&stage, &mut browser, &signed).await, "/");
        assert!(browser.get("/").await.body.contains("compares your registration"));

        // The operator admits it from its own queue.
        let mut operator = Browser::new(&stage).await;
        operator.sign_in("Registrar").await;
        assert!(operator.get("/admissions").await.body.contains("One company waits for admission"));
        let party = account(new).to_string();
        let asked = operator
            .post("/admissions", &[("party", &party), ("decision", "admit"), ("role-trader", "yes")])
            .await;
        let signed = operator.sign("Registrar", &asked).await;
        arrives(&stage, &mut operator, &signed).await;
        stage.tick();
        assert!(browser.get("/").await.body.contains("Three steps to your first offer"));

        let asked = browser
            .post(
                "/goods/describe",
                &[
                    ("name", "jute yarn from the steppe"),
                    ("hs", "5307"),
                    ("grade", "8 lb"),
                    ("origin", "KZ"),
                    ("unit", "TNE"),
                    ("place", "KZALA"),
                ],
            )
            .await;
        let signed = browser.sign(new, &asked).await;
        assert_eq!(arrives(&stage, &mut browser, &signed).await, "/goods/vouch");
        let form = browser.get("/goods/vouch").await;
        let product = between(&form.body, "name=\"product\"><option value=\"", "\"").unwrap();
        let asked = browser
            .post("/goods/vouch", &[("product", &product), ("asset", "2"), ("amount", "1,250.5")])
            .await;
        let signed = browser.sign(new, &asked).await;
        arrives(&stage, &mut browser, &signed).await;

        let mut gateway = Browser::new(&stage).await;
        gateway.sign_in("Harbour Warehouse").await;
        let queue = gateway.get("/requests").await;
        assert!(queue.body.contains("1,250.500\u{a0}t jute yarn"), "{}", queue.body);
        let request = between(&queue.body, "name=\"request\" value=\"", "\"").unwrap();
        let asked = gateway.post("/requests", &[("request", &request), ("decision", "grant")]).await;
        let signed = gateway.sign("Harbour Warehouse", &asked).await;
        arrives(&stage, &mut gateway, &signed).await;
        assert!(browser.get("/").await.body.contains("One step to your first offer"));
        assert!(browser.get("/goods").await.body.contains("1,250.500\u{a0}t"));

        let form = browser.get("/offers/new?give=2").await;
        let until = between(&form.body, "name=\"valid_until\" max=\"", "\"").unwrap();
        let offer = [
            ("give", "2"),
            ("give_qty", "1000"),
            ("want", "3"),
            ("want_qty", "295"),
            ("divisible", "yes"),
            ("commitment", "indicative"),
            ("incoterm", "FCA"),
            ("place", "KZALA"),
            ("valid_until", until.as_str()),
        ];
        let asked = browser.post("/offers/new", &offer).await;
        let signed = browser.sign(new, &asked).await;
        assert_eq!(arrives(&stage, &mut browser, &signed).await, "/offers");
        assert!(browser.get("/offers").await.body.contains("You have one open offer"));
        assert!(browser.get("/").await.body.contains("needs doing today"));
    });
}

#[test]
fn a_ring_is_read_signed_by_all_and_settled() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        for (at, who) in ["Dhaka Mills", "Hanoi Beans", "Doha Fuels"].into_iter().enumerate() {
            browser = Browser::new(&stage).await;
            browser.sign_in(who).await;
            let deals = browser.get("/deals").await;
            assert!(deals.body.contains("One deal needs your signature"), "{}", deals.body);
            let ring = browser.get("/deals/1").await;
            assert!(ring.body.contains(&format!("Signed by {at} of 3")), "{}", ring.body);
            assert!(
                ring.body.contains("Better than your limit") && ring.body.contains("<svg"),
                "{}",
                ring.body
            );
            assert!(ring.body.contains("Your rate"), "{}", ring.body);
            // Every leg says how much its giver gets for a unit of what it gives.
            for rate in [
                "t robusta coffee per t jute yarn",
                "t diesel per t robusta coffee",
                "t jute yarn per t diesel",
            ] {
                assert!(ring.body.contains(rate), "{rate}: {}", ring.body);
            }
            let asked = browser.post("/deals/1/sign", &[]).await;
            let signed = browser.sign(who, &asked).await;
            assert_eq!(arrives(&stage, &mut browser, &signed).await, "/deals/1");
        }
        assert!(browser.get("/deals/1").await.body.contains("everything moved at once"));
        let history = browser.get("/history").await;
        assert!(history.body.contains("One ring settled"), "{}", history.body);
        let id = between(&history.body, "href=\"/history/", "\"").unwrap();
        assert!(browser.get(&format!("/history/{id}")).await.body.contains("Download the proof"));

        let proof = browser.get(&format!("/history/{id}/proof")).await;
        let proof = ledger::Proof::decode(&proof.bytes).unwrap();
        let genesis = stage.app.chains.payment.genesis().hash();
        let ProvenFact::Value { key, value } = proof.verify(genesis).unwrap().fact else {
            panic!("the receipt of a batch tells of other companies' trades");
        };
        assert_eq!(key, SETTLEMENTS.key(&id.parse::<Hash>().unwrap()));
        let settled: Settlement = borsh::from_slice(&value).unwrap();
        assert!(settled.parties.contains(&account("Doha Fuels")));

        let bank = account("Silk Bank").to_string();
        let path = format!("/history/{id}/share");
        let late = browser.post(&path, &[("with", &bank), ("until", "2020-01-01")]).await;
        assert_eq!(message(&late, "until"), "This day has passed: choose a later one.");
        let until = crate::show::iso_date(i64::try_from(stage.now().0).unwrap() + 86_400_000 * 9);
        let asked = browser.post(&path, &[("with", &bank), ("until", &until)]).await;
        let signed = browser.sign("Doha Fuels", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        assert!(browser.get(&format!("/history/{id}")).await.body.contains("Withdraw"));
    });
}

#[test]
fn a_settlement_counts_outside_once_it_is_as_sure_as_its_reader_asks() {
    run(async {
        let says = Watched::default();
        let stage = Stage::watched(Some(says.clone()));
        let now = async |weight, halted| {
            *says.lock().unwrap() = Some(sure(weight, halted));
            stage.tick();
        };
        now(0, false).await;
        stage.offers_of_a_ring(Commitment::Binding);
        stage.clear();
        let mut mills = Browser::new(&stage).await;
        mills.sign_in("Dhaka Mills").await;
        let history = mills.get("/history").await;
        let value_waits = "final, waiting for the confidence that its value asks for: 0 of 25 %";
        assert!(history.body.contains(value_waits), "{}", history.body);
        let id = between(&history.body, "href=\"/history/", "\"").unwrap().to_owned();
        let page = format!("/history/{id}");
        let settlement = mills.get(&page).await.body;
        assert!(settlement.contains(value_waits) && !settlement.contains("Settled on"), "{settlement}");
        assert!(!settlement.contains("Download the proof") && settlement.contains("data-follow"));
        assert_eq!(mills.get(&format!("{page}/proof")).await.status, StatusCode::SERVICE_UNAVAILABLE);

        // At the classical grade it is settled by the rule of the node; then the reader asks for more.
        now(1, false).await;
        assert!(mills.get(&page).await.body.contains("Settled on"));
        let asked = mills.post(&format!("{page}/confidence"), &[("share", "80")]).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
        let waits = "final, waiting for the confidence you asked for: 25 of 75 %";
        assert!(mills.get(&page).await.body.contains(waits));
        assert!(mills.get("/history").await.body.contains(waits));
        let wrong = mills.post(&format!("{page}/confidence"), &[("share", "81")]).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        let mut beans = Browser::new(&stage).await;
        beans.sign_in("Hanoi Beans").await;
        assert!(beans.get(&page).await.body.contains("Settled on"), "a wish is its owner's alone");
        let mut bank = Browser::new(&stage).await;
        bank.sign_in("Silk Bank").await;
        let foreign = bank.post(&format!("{page}/confidence"), &[("share", "80")]).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);

        now(3, false).await;
        let settled = mills.get(&page).await.body;
        assert!(
            settled.contains("Settled on") && settled.contains("more than 75 % of the weight"),
            "{settled}"
        );
        assert_eq!(mills.get(&format!("{page}/proof")).await.status, StatusCode::OK);

        // Its programs may ask for more than its people; the stricter counts, and is what the page shows.
        {
            let mut connection = stage.app.db.get().unwrap();
            Model::new(&mut connection).set_wish(&account("Dhaka Mills"), None, 1_000, 1).unwrap();
        }
        let wished = mills.get(&page).await.body;
        assert!(wished.contains("value=\"100\" selected") && wished.contains("asked for 100 %"), "{wished}");

        // Once nobody speaks in its era any more, what its seal proves is enough.
        let mut over = sure(1, false);
        over.runs_from = Height(u64::MAX);
        *says.lock().unwrap() = Some(over);
        stage.tick();
        let over = mills.get(&page).await.body;
        assert!(
            over.contains("the era of its record has ended, and 25 % is what the record proves"),
            "{over}"
        );

        // People have to decide: nothing leaves any more, and every page says so.
        now(3, true).await;
        let held = mills.get(&page).await.body;
        assert!(held.contains("held back: validators cheated") && !held.contains("Download the proof"));
        assert_eq!(mills.get(&format!("{page}/proof")).await.status, StatusCode::SERVICE_UNAVAILABLE);
        for path in ["/", "/offers", "/history", "/explorer"] {
            let body = mills.get(path).await.body;
            assert!(
                body.contains("Nothing here counts outside before people have decided"),
                "{path}: {body}"
            );
        }
    });
}

#[test]
fn a_warehouse_hands_out_nothing_before_the_request_is_as_sure_as_its_worth_asks() {
    run(async {
        let says = Watched::default();
        let stage = Stage::watched(Some(says.clone()));
        *says.lock().unwrap() = Some(sure(1, false));
        let redeem = |tonnes: u128| {
            let payload =
                payment_chain::Payload::RequestRedeem { asset: COFFEE, amount: amount(tonnes * 1_000) };
            stage.act("Hanoi Beans", SubChain::Payment, &payload).unwrap();
        };
        // Thirty tonnes are worth 90,000 dollars: the classical grade is enough for that.
        redeem(30);
        let mut harbour = Browser::new(&stage).await;
        harbour.sign_in("Harbour Warehouse").await;
        let desk = harbour.get("/requests").await.body;
        assert!(desk.contains("Handed out") && !desk.contains("Hand out nothing yet"), "{desk}");
        *says.lock().unwrap() = Some(sure(0, false));
        stage.tick();
        let desk = harbour.get("/requests").await.body;
        assert!(desk.contains("Hand out nothing yet") && !desk.contains(">Handed out<"), "{desk}");
        let request = between(&desk, "name=\"request\" value=\"", "\"").unwrap().to_owned();
        for spelt in [request.clone(), format!("+{request}"), format!("0{request}")] {
            let refused = harbour.post("/requests", &[("request", &spelt), ("decision", "grant")]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{spelt}");
            assert!(refused.body.contains("Hand out nothing yet"), "{}", refused.body);
        }
        // The warehouse itself may ask for more than the owner of the goods.
        *says.lock().unwrap() = Some(sure(1, false));
        stage.tick();
        assert!(!harbour.get("/requests").await.body.contains("Hand out nothing yet"));
        {
            let mut connection = stage.app.db.get().unwrap();
            Model::new(&mut connection).set_wish(&account("Harbour Warehouse"), None, 800, 1).unwrap();
        }
        assert!(harbour.get("/requests").await.body.contains("Hand out nothing yet"));
    });
}

#[test]
fn whoever_declines_dissolves_the_ring_and_is_named() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Hanoi Beans").await;
        let asked = browser.post("/deals/1/decline", &[]).await;
        let signed = browser.sign("Hanoi Beans", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        let mut other = Browser::new(&stage).await;
        other.sign_in("Dhaka Mills").await;
        let deal = other.get("/deals/1").await;
        assert!(
            deal.body.contains("Declined by Hanoi Beans") && deal.body.contains("Nothing moved"),
            "{}",
            deal.body
        );
    });
}

#[test]
fn pages_of_others_are_not_there() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Binding);
        stage.clear();
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut owner = Browser::new(&stage).await;
        owner.sign_in("Dhaka Mills").await;
        let history = owner.get("/history").await;
        let id = between(&history.body, "href=\"/history/", "\"").expect("a binding ring settled");
        let own = [
            "/offers/1".to_owned(),
            "/deals/1".to_owned(),
            format!("/history/{id}"),
            format!("/history/{id}/proof"),
        ];
        for path in &own {
            assert_eq!(owner.get(path).await.status, StatusCode::OK, "{path}");
        }
        stage.login_of("Stranger", Role::Trader);
        let mut stranger = Browser::new(&stage).await;
        stranger.sign_in("Stranger").await;
        for path in &own {
            assert_eq!(stranger.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        for path in ["/deals/1/sign", "/deals/1/decline", "/offers/1/cancel"] {
            assert_eq!(stranger.post(path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        for path in ["/admissions", "/requests"] {
            assert_eq!(stranger.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        let mut nobody = Browser::new(&stage).await;
        for path in ["/deals", "/offers/1", "/goods", "/account", "/history", "/keys", "/market"] {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert!(answer.location.starts_with("/signin?next=/"), "{path}");
        }
    });
}

#[test]
fn the_market_names_companies_to_admitted_ones_only() {
    run(async {
        let stage = Stage::new();
        stage.offer("Dhaka Mills", (JUTE, 400_000), (COFFEE, 118_000), Commitment::Indicative);
        stage.login_of("Stranger", Role::Trader);
        let mut stranger = Browser::new(&stage).await;
        stranger.sign_in("Stranger").await;
        let seen = stranger.get("/market?goods=2").await.body;
        assert!(seen.contains("400\u{a0}t") && seen.contains("robusta coffee"), "{seen}");
        for private in ["Dhaka Mills", &account("Dhaka Mills").to_string()[..10]] {
            assert!(!seen.contains(private), "{private}: {seen}");
        }
        for admitted in ["Hanoi Beans", "Market Watch", "Registrar"] {
            let mut browser = Browser::new(&stage).await;
            browser.sign_in(admitted).await;
            let seen = browser.get("/market?goods=2").await.body;
            assert!(seen.contains("Dhaka Mills"), "{admitted}: {seen}");
        }
    });
}

#[test]
fn forms_without_the_session_s_token_are_refused() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let foreign = "0".repeat(64);
        for path in
            ["/signout", "/offers/new", "/sign", "/keys", "/keys/propose", "/goods/describe", "/register"]
        {
            assert_eq!(browser.forge(path, &[]).await.status, StatusCode::FORBIDDEN, "{path}");
            let answer = browser.forge(path, &[("csrf", &foreign)]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(browser.get("/offers").await.status, StatusCode::OK, "still signed in");
        let before = browser.csrf.clone();
        assert_eq!(browser.post("/signout", &[]).await.status, StatusCode::SEE_OTHER);
        browser.sign_in("Dhaka Mills").await;
        assert_ne!(browser.csrf, before, "each session has its own");
    });
}

#[test]
fn what_is_wrong_stands_beside_its_field_and_what_was_entered_stays() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.get("/signup").await;
        let good = [
            ("company", "Almaty Grain"),
            ("registration_number", "BIN 1"),
            ("country", "KZ"),
            ("place", "KZALA"),
            ("email", "farm@almaty.example"),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("lei", ""),
        ];
        for (field, wrong, said) in [
            ("company", "", "Please fill this in."),
            ("company", &"x".repeat(121), "1 to 120"),
            ("registration_number", "", "Please fill this in."),
            ("country", "XX", "“XX” is no country: two capital letters"),
            ("country", "<script>", "two capital letters"),
            ("place", "KZ!", "“KZ!” is no UN/LOCODE"),
            ("lei", "5493001KJTIIGC8Y1R13", "check digits"),
            ("email", "farm", "name@company.example"),
            ("password", "short", "At least 12"),
            ("again", "something else", "differ"),
        ] {
            let fields: Vec<(&str, &str)> = good
                .iter()
                .map(|(name, value)| (*name, if *name == field { wrong } else { value }))
                .collect();
            let answer = browser.post("/signup", &fields).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}={wrong}");
            let marked = message(&answer, field);
            assert!(marked.contains(said), "{field}={wrong}: {marked}");
            assert!(
                field == "email" || answer.body.contains("value=\"farm@almaty.example\""),
                "kept: {field}"
            );
            assert!(!answer.body.contains("<script>"), "escaped");
        }
        browser.sign_in("Dhaka Mills").await;
        let until = crate::show::iso_date(i64::try_from(stage.now().0).unwrap() + 86_400_000 * 9);
        let good = [
            ("give", "2"),
            ("give_qty", "100"),
            ("want", "3"),
            ("want_qty", "30"),
            ("divisible", "yes"),
            ("min_fill", ""),
            ("commitment", "indicative"),
            ("incoterm", "FCA"),
            ("place", "BDCGP"),
            ("valid_until", until.as_str()),
        ];
        for (field, wrong) in [
            ("give", "1"),
            ("give", "99999999999999999999"),
            ("give_qty", "-1"),
            ("give_qty", "0"),
            ("give_qty", "1e9"),
            ("give_qty", "1.0001"),
            ("give_qty", "9999999999999999999999999999999"),
            ("want", "2"),
            ("want", "77"),
            ("want_qty", "NaN"),
            ("min_fill", "101"),
            ("commitment", "maybe"),
            ("incoterm", "XYZ"),
            ("place", "nowhere"),
            ("valid_until", "2020-01-01"),
            ("valid_until", "9999-12-31"),
            ("valid_until", "tomorrow"),
        ] {
            let fields: Vec<(&str, &str)> = good
                .iter()
                .map(|(name, value)| (*name, if *name == field { wrong } else { value }))
                .collect();
            let answer = browser.post("/offers/new", &fields).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}={wrong}: {}", answer.body);
            assert!(answer.body.contains("class=\"error"), "{field}={wrong}");
        }
        assert_eq!(
            browser.post("/offers/new", &good).await.status,
            StatusCode::OK,
            "the good one is asked to be signed"
        );
    });
}

#[test]
fn signatures_by_the_wrong_key_or_for_others_change_nothing() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let asked = browser.post("/deals/1/sign", &[]).await;
        let answer = browser.sign("Hanoi Beans", &asked).await;
        assert!(answer.body.contains("That was not taken"), "{}", answer.body);
        let mut other = Browser::new(&stage).await;
        other.sign_in("Hanoi Beans").await;
        assert_eq!(other.sign("Dhaka Mills", &asked).await.status, StatusCode::FORBIDDEN);
        for (field, wrong) in
            [("chain", "gold"), ("signing_bytes", "zz"), ("signing_bytes", ""), ("signing_bytes", "00")]
        {
            let fields: Vec<(&str, &str)> =
                [("chain", "payment"), ("signing_bytes", "00"), ("signature", "00")]
                    .into_iter()
                    .map(|(name, value)| (name, if name == field { wrong } else { value }))
                    .collect();
            assert_eq!(
                browser.post("/sign", &fields).await.status,
                StatusCode::BAD_REQUEST,
                "{field}={wrong}"
            );
        }
        let signed = browser.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        let again = browser.sign("Dhaka Mills", &asked).await;
        assert_eq!((again.status, again.location), (StatusCode::SEE_OTHER, signed.location));
        assert!(browser.get("/deals/1").await.body.contains("Signed by 1 of 3"));
    });
}

#[test]
fn an_offer_is_amended_and_taken_back() {
    run(async {
        let stage = Stage::new();
        stage.offer("Dhaka Mills", (JUTE, 400_000), (COFFEE, 118_000), Commitment::Indicative);
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let form = browser.get("/offers/1?amend=yes").await;
        assert!(form.body.contains("value=\"400.000\""), "{}", form.body);
        let until = between(&form.body, "name=\"valid_until\" max=\"", "\"").unwrap();
        let fields = [
            ("give_qty", "300"),
            ("want_qty", "88"),
            ("divisible", "yes"),
            ("incoterm", "FOB"),
            ("place", "BDCGP"),
            ("valid_until", until.as_str()),
        ];
        let asked = browser.post("/offers/1", &fields).await;
        let signed = browser.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        assert!(browser.get("/offers/1").await.body.contains("You give up to 300\u{a0}t jute yarn"));
        let asked = browser.post("/offers/1/cancel", &[]).await;
        let signed = browser.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        for _ in 0..12 {
            stage.tick();
        }
        assert!(browser.get("/offers").await.body.contains("You have no open offer"));
    });
}

#[test]
fn the_value_of_an_offer_is_shown_before_it_is_made() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let fields = [("give", "2"), ("want", "3"), ("give_qty", "100"), ("want_qty", "29.4")];
        let value = browser.post("/offers/value.json", &fields).await;
        assert!(value.body.contains("\"give\":\"$\u{a0}90,000\""), "{}", value.body);
        assert!(
            value.body.contains("\"want\":\"$\u{a0}88,200\"") && value.body.contains("2.0\u{a0}%"),
            "{}",
            value.body
        );
        assert!(value.body.contains("No chain of open offers"), "{}", value.body);
        stage.offers_of_a_ring(Commitment::Indicative);
        let value = browser.post("/offers/value.json", &fields).await;
        assert!(value.body.contains("by jute yarn → diesel → robusta coffee"), "{}", value.body);
        assert!(value.body.contains("This would close 1 ring now, with 2 offers"), "{}", value.body);
        let greedy = [("give", "2"), ("want", "3"), ("give_qty", "100"), ("want_qty", "45")];
        let value = browser.post("/offers/value.json", &greedy).await;
        assert!(value.body.contains("No ring closes at this limit. One would if"), "{}", value.body);
        let page = browser.get("/offers/1").await;
        assert!(page.body.contains("What would complete a ring now?"), "{}", page.body);
        let page = browser.post("/offers/new", &[("give", "2"), ("q", "coff"), ("then", "look")]).await;
        assert!(page.body.contains("robusta coffee") && !page.body.contains(">diesel (HS"), "{}", page.body);
        assert_eq!(browser.post("/offers/value.json", &[("give", "x")]).await.status, StatusCode::OK);
    });
}

#[test]
fn the_book_is_read_once_for_a_record_however_many_keys_are_struck() {
    let stage = Stage::new();
    stage.offers_of_a_ring(Commitment::Indicative);
    let first = live_book(&stage.app).unwrap();
    assert!(Arc::ptr_eq(&first, &live_book(&stage.app).unwrap()));
    stage.tick();
    assert!(!Arc::ptr_eq(&first, &live_book(&stage.app).unwrap()));
}

#[test]
fn every_page_forbids_foreign_scripts_and_frames() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        for path in ["/", "/signin", "/signup", "/no-such-page", "/static/x/app.css"] {
            let answer = browser.get(path).await;
            assert!(
                answer.policy.contains("default-src 'none'; script-src 'self'"),
                "{path}: {}",
                answer.policy
            );
            assert!(!answer.body.contains(" style=") && !answer.body.contains("<script>"), "{path}");
        }
        let arabic = browser.get("/signin?lang=ar").await;
        assert!(arabic.body.contains("<html lang=\"ar\" dir=\"rtl\">"));
        assert!(browser.get("/signin").await.body.contains("dir=\"rtl\""), "the choice is kept");
    });
}

#[test]
fn a_login_that_is_guessed_at_waits() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.get("/signin").await;
        let wrong = [("email", "dhaka-mills@market.example"), ("password", "guess, guess, guess")];
        for _ in 0..crate::limit::MAX_ATTEMPTS {
            assert_eq!(browser.post("/signin", &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        assert_eq!(browser.post("/signin", &wrong).await.status, StatusCode::TOO_MANY_REQUESTS);
    });
}

#[test]
fn oversized_and_misshapen_bodies_are_refused() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let long = "x".repeat(70_000);
        assert_eq!(
            browser.post("/offers/new", &[("place", &long)]).await.status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
        let many: Vec<(String, String)> = (0..80).map(|n| (n.to_string(), String::new())).collect();
        let many: Vec<(&str, &str)> =
            many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(browser.post("/offers/new", &many).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            browser.post("/offers/new", &[("give", "2"), ("give", "3")]).await.status,
            StatusCode::BAD_REQUEST
        );
    });
}

#[test]
fn a_balance_shows_what_is_promised() {
    run(async {
        let stage = Stage::new();
        stage.offer("Dhaka Mills", (JUTE, 400_000), (COFFEE, 118_000), Commitment::Binding);
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let goods = browser.get("/goods").await;
        assert!(
            goods.body.contains("100.000\u{a0}t") && goods.body.contains("400.000\u{a0}t"),
            "{}",
            goods.body
        );
        let asked = browser.post("/goods/redeem", &[("asset", "2"), ("amount", "200")]).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "only what is free can be handed out");
        assert_eq!(message(&asked, "amount"), "You have 100.000\u{a0}t free.");
    });
}

proptest! {
    #[test]
    fn no_bytes_break_a_form(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_form(&bytes);
        fuzz_registration_form(&bytes);
        fuzz_offer_form(&bytes);
    }

    #[test]
    fn no_fields_break_a_form(fields in prop::collection::vec(("[a-z_]{1,12}|give_qty|want_qty|valid_until|min_fill|company|lei|until|with", "\\PC{0,40}"), 0..12)) {
        let text: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::error::encode_query(value)))
            .collect();
        let text = text.join("&");
        fuzz_form(text.as_bytes());
        fuzz_registration_form(text.as_bytes());
        fuzz_offer_form(text.as_bytes());
    }
}

#[test]
fn a_certificate_goes_on_record_and_the_warehouse_that_is_asked_reads_it() {
    run(async {
        let stage = Stage::new();
        let mut mills = Browser::new(&stage).await;
        mills.sign_in("Dhaka Mills").await;
        assert!(mills.get("/documents").await.body.contains("No documents on record yet"));
        let certificate = b"%PDF-1.7 phytosanitary certificate 4711";
        let hash = Hash::of(Tag::Document, certificate).to_string();

        let asked = mills.upload("/documents", "papers/certificate.pdf", certificate).await;
        assert!(asked.body.contains("You put certificate.pdf on record"), "{}", asked.body);
        assert!(asked.body.contains(&hash));
        assert_eq!(mills.get(&format!("/documents/{hash}")).await.status, StatusCode::NOT_FOUND);
        let signed = mills.sign("Dhaka Mills", &asked).await;
        assert_eq!(arrives(&stage, &mut mills, &signed).await, "/documents");
        assert!(mills.get("/documents").await.body.contains("One document on record"));
        let read = mills.get(&format!("/documents/{hash}")).await;
        assert_eq!((read.status, read.bytes.as_slice()), (StatusCode::OK, certificate.as_slice()));
        assert!(read.policy.contains("sandbox"), "{}", read.policy);

        // Sent once more, it is there already; nobody is asked to sign twice.
        let again = mills.upload("/documents", "certificate.pdf", certificate).await;
        assert_eq!((again.status, again.location.as_str()), (StatusCode::SEE_OTHER, "/documents"));

        // Others read it once they have to vouch for goods described with it.
        let mut gateway = Browser::new(&stage).await;
        gateway.sign_in("Harbour Warehouse").await;
        let path = format!("/documents/{hash}");
        assert_eq!(gateway.get(&path).await.status, StatusCode::NOT_FOUND);
        let field = format!("document-{hash}");
        assert!(mills.get("/goods/describe").await.body.contains(&field));
        let described = [("name", "jute yarn"), ("hs", "5307"), ("grade", "8 lb"), ("origin", "BD")];
        let described: Vec<_> =
            described.into_iter().chain([("unit", "TNE"), ("place", "BDCGP"), (&field, "yes")]).collect();
        let asked = mills.post("/goods/describe", &described).await;
        let signed = mills.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut mills, &signed).await;
        let form = mills.get("/goods/vouch").await;
        let product = between(&form.body, "name=\"product\"><option value=\"", "\"").unwrap();
        let vouch = [("product", product.as_str()), ("asset", "2"), ("amount", "10")];
        let asked = mills.post("/goods/vouch", &vouch).await;
        let signed = mills.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut mills, &signed).await;
        assert!(gateway.get("/requests").await.body.contains("certificate.pdf"));
        assert_eq!(gateway.get(&path).await.bytes, certificate);

        let mut beans = Browser::new(&stage).await;
        beans.sign_in("Hanoi Beans").await;
        assert_eq!(beans.get(&path).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_upload_that_is_empty_too_large_or_forged_is_refused() {
    run(async {
        let stage = Stage::new();
        let mut mills = Browser::new(&stage).await;
        mills.sign_in("Dhaka Mills").await;
        mills.get("/documents").await;
        let empty = mills.upload("/documents", "nothing.pdf", b"").await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(empty.body.contains("Choose a file that is not empty."), "{}", empty.body);
        let nameless = mills.upload("/documents", " ", b"x").await;
        assert!(nameless.body.contains("The name of the file"), "{}", nameless.body);
        let huge = mills.upload("/documents", "huge.pdf", &vec![7; 2 << 20]).await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", huge.body);
        let forged = mills.upload_with("/documents", "another token", "a.pdf", b"a").await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let garbled = mills.post("/documents", &[("file", "x")]).await;
        assert_eq!(garbled.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", garbled.body);
        assert_eq!(mills.get("/documents/nonsense").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_signature_sent_twice_counts_once_and_leads_to_its_receipt() {
    run(async {
        let stage = Stage::new();
        let mut mills = Browser::new(&stage).await;
        mills.sign_in("Dhaka Mills").await;
        let described = [
            ("name", "jute"),
            ("hs", "5307"),
            ("grade", "8 lb"),
            ("origin", "BD"),
            ("unit", "TNE"),
            ("place", "BDCGP"),
        ];
        let asked = mills.post("/goods/describe", &described).await;
        let products = |page: Answer| page.body.matches("Have it vouched for").count();
        let before = products(mills.get("/goods").await);
        let first = mills.sign("Dhaka Mills", &asked).await;
        let while_it_waits = mills.sign("Dhaka Mills", &asked).await;
        assert_eq!(
            (while_it_waits.status, &while_it_waits.location),
            (StatusCode::SEE_OTHER, &first.location)
        );
        arrives(&stage, &mut mills, &first).await;
        let afterwards = mills.sign("Dhaka Mills", &asked).await;
        assert_eq!((afterwards.status, &afterwards.location), (StatusCode::SEE_OTHER, &first.location));
        assert_eq!(products(mills.get("/goods").await), before + 1);
    });
}

#[test]
fn no_address_leads_off_the_site_and_none_holds_a_null() {
    for outside in
        ["//evil.example", "/\t/evil.example", "/\\evil.example", "https://evil.example", "/a\u{a0}b", ""]
    {
        assert_eq!(crate::signing::local(outside), "/", "{outside:?}");
    }
    assert_eq!(crate::signing::local("/deals?state=open"), "/deals?state=open");
    run(async {
        let stage = Stage::new();
        let mut operator = Browser::new(&stage).await;
        operator.sign_in("Registrar").await;
        assert_eq!(operator.get("/admissions?q=%00").await.status, StatusCode::BAD_REQUEST);
        let answer = operator.post("/admissions", &[("party", "\0"), ("decision", "admit")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    });
}

#[test]
fn a_login_is_bound_to_a_key_of_the_wallet_by_a_plain_form() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.get("/signup").await;
        let sign_up = [
            ("company", "Osh Felt"),
            ("registration_number", "KG 7"),
            ("country", "KG"),
            ("place", "KGOSS"),
            ("email", "office@osh.example"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        assert_eq!(browser.post("/signup", &sign_up).await.status, StatusCode::SEE_OTHER);
        assert!(browser.get("/keys").await.body.contains(&format!("--token {}", browser.csrf)));
        let wallet = key("Osh Felt");
        let (public, proof) =
            (wallet.public().to_string(), wallet.sign(&super::proof_bytes(&browser.csrf)).to_string());
        let stale = wallet.sign(&super::proof_bytes(&"0".repeat(64))).to_string();
        for (field, public, proof) in [
            ("public key", "?", &proof),
            ("proof", public.as_str(), &"z".repeat(128)),
            ("proof", &public, &stale),
        ] {
            let form = [("public_key", public), ("proof", proof.as_str()), ("plain", "yes")];
            let refused = browser.post("/keys", &form).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            assert!(refused.body.contains(field), "{}", refused.body);
        }
        let bound =
            browser.post("/keys", &[("public_key", &public), ("proof", &proof), ("plain", "yes")]).await;
        assert_eq!((bound.status, bound.location.as_str()), (StatusCode::SEE_OTHER, "/register"));
        assert!(browser.get("/keys").await.body.contains(&account("Osh Felt").to_string()));
    });
}

#[test]
fn whoever_was_let_in_takes_a_batch_home_and_the_chain_names_its_certificate() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Binding);
        stage.clear();
        let batch = stage.app.read(|connection| Ok(Model::new(connection).last_certified()?)).await;
        let batch = batch.unwrap().expect("the solver certified its clearing");
        let number = payment_chain::model::BatchId(u64::try_from(batch.id).unwrap());
        let named =
            stage.app.chains.payment.view(|state| payment_chain::view::certificate(state, number)).unwrap();
        assert_eq!(batch.certificate, Some(named.to_string()));

        let mut bank = Browser::new(&stage).await;
        bank.sign_in("Silk Bank").await;
        let page = bank.get(&format!("/batches/{}", batch.id)).await;
        assert!(page.body.contains(&format!("Batch {} cleared", batch.id)), "{}", page.body);
        assert!(page.body.contains("of the best that was possible."), "{}", page.body);
        assert!(page.body.contains(&named.to_string()));
        let list = bank.get("/batches").await;
        assert!(list.body.contains(&format!("href=\"/batches/{}\"", batch.id)), "{}", list.body);

        let archive = bank.get(&format!("/batches/{}/certificate", batch.id)).await;
        assert_eq!(archive.status, StatusCode::OK);
        let summary = format!("\"certificate\": \"{named}\"");
        assert!(archive.body.contains(&summary) && archive.body.contains("offer_id,party,give_asset"));
        for file in crate::clearings::FILES {
            let one = bank.get(&format!("/batches/{}/certificate/{file}", batch.id)).await;
            assert_eq!(one.status, StatusCode::OK, "{file}");
            assert!(archive.body.contains(&one.body), "{file}");
        }
        for missing in ["unfilled.csv", "..%2F..%2Fsecret", "summary"] {
            let one = bank.get(&format!("/batches/{}/certificate/{missing}", batch.id)).await;
            assert_eq!(one.status, StatusCode::NOT_FOUND, "{missing}");
        }
        assert_eq!(bank.get("/batches/999999").await.status, StatusCode::NOT_FOUND);

        // Strangers see neither.
        let mut stranger = Browser::new(&stage).await;
        for path in ["/batches".to_owned(), format!("/batches/{}/certificate", batch.id)] {
            let answer = stranger.get(&path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
            assert!(answer.location.starts_with("/signin"), "{path}");
        }
    });
}

#[test]
fn whoever_was_left_out_reads_why_and_opens_the_amendment_that_would_have_done() {
    run(async {
        let stage = Stage::new();
        // 50 t jute are worth 15 t coffee. It is there before the others, so it is in the batch that they make a ring in.
        stage.offer("Dhaka Mills", (JUTE, 50_000), (COFFEE, 20_000), Commitment::Indicative);
        stage.offers_of_a_ring(Commitment::Indicative);
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        assert!(!browser.get("/offers/1").await.body.contains("left out"), "no batch was cleared yet");
        stage.clear();
        let page = browser.get("/offers/1").await;
        assert!(page.body.contains("Why was it left out of the last batch?"), "{}", page.body);
        assert!(page.body.contains("but you asked 30.4\u{a0}% more than the best of them"), "{}", page.body);
        assert!(page.body.contains("would have completed a ring"), "{}", page.body);
        let wanted = between(&page.body, "href=\"/offers/1?amend=yes&amp;want_qty=", "\"");
        let wanted = wanted.or_else(|| between(&page.body, "href=\"/offers/1?amend=yes&#38;want_qty=", "\""));
        let wanted = wanted.expect(&page.body);
        assert_eq!(wanted, "15.343");
        let form = browser.get(&format!("/offers/1?amend=yes&want_qty={wanted}")).await;
        assert!(
            form.body.contains("value=\"15.343\"") && form.body.contains("value=\"50.000\""),
            "{}",
            form.body
        );
        // Who was in a ring has nothing to read of it.
        assert!(!browser.get("/offers/2").await.body.contains("left out"));
        // An offer of others stays theirs.
        let mut other = Browser::new(&stage).await;
        other.sign_in("Hanoi Beans").await;
        assert_eq!(other.get("/offers/1").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_clearing_without_a_certificate_is_its_solvers_word_and_an_older_one_explains_nothing_of_it() {
    run(async {
        let stage = Stage::new();
        stage.offer("Dhaka Mills", (JUTE, 50_000), (COFFEE, 20_000), Commitment::Indicative);
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let left_out = "Why was it left out of the last batch?";
        assert!(browser.get("/offers/1").await.body.contains(left_out));
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear_uncertified();
        let page = browser.get("/offers/1").await;
        assert!(!page.body.contains(left_out), "{}", page.body);
        let list = browser.get("/batches").await;
        let last = between(&list.body, "href=\"/batches/", "\"").unwrap();
        let page = browser.get(&format!("/batches/{last}")).await;
        assert!(page.body.contains(&format!("Batch {last} cleared")), "{}", page.body);
        assert!(page.body.contains("without a certificate"), "{}", page.body);
        assert!(!page.body.contains("Prove it yourself"), "{}", page.body);
        let archive = browser.get(&format!("/batches/{last}/certificate")).await;
        assert_eq!(archive.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn whoever_wants_coffee_is_told_what_to_give_for_it_and_what_he_has_comes_first() {
    run(async {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let asked = [("want", "3")];
        let none = browser.post("/offers/value.json", &asked).await;
        assert!(none.body.contains("\"suggestions\":[]"), "{}", none.body);
        stage.offer("Hanoi Beans", (COFFEE, 120_000), (DIESEL, 495_000), Commitment::Indicative);
        stage.offer("Doha Fuels", (DIESEL, 500_000), (JUTE, 395_000), Commitment::Indicative);
        let page = browser.get("/offers/new?want=3").await;
        assert!(page.body.contains("What could you give to get it?"), "{}", page.body);
        let list = between(&page.body, "id=\"v-suggestions\">", "</ol>").unwrap();
        let items: Vec<&str> = list.split("<li>").skip(1).collect();
        assert_eq!(items.len(), 2, "{list}");
        assert!(items[0].contains("jute yarn for") && items[0].contains("Offer this"), "{list}");
        assert!(items[0].contains("by jute yarn → diesel → robusta coffee"), "{list}");
        assert!(items[1].contains("diesel for") && items[1].contains("Have it vouched for"), "{list}");
        // The form that it opens says what would close a ring.
        let link = between(items[0], "href=\"", "\"").unwrap().replace("&amp;", "&").replace("&#38;", "&");
        let form = browser.get(&link).await;
        assert!(form.body.contains("This would close 1 ring now, with 2 offers"), "{}", form.body);
        // And a quantity of one's own changes what is suggested.
        let ten = browser.post("/offers/value.json", &[("want", "3"), ("want_qty", "10")]).await;
        assert!(ten.body.contains("for 10\u{a0}t"), "{}", ten.body);
    });
}

#[test]
fn a_ring_is_explained_to_its_parties_and_what_others_asked_for_stays_theirs() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Indicative);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let page = browser.get("/deals/1").await;
        let told = between(&page.body, "aria-label=\"The ring explained\">", "</section>").unwrap();
        let rows: Vec<&str> = told.split("<tr").skip(2).collect();
        assert_eq!(rows.len(), 3, "{told}");
        assert!(rows[0].contains("class=\"mine\"") && rows[0].contains(">You<"), "{told}");
        assert!(rows[0].contains("t jute yarn") && rows[0].contains("t robusta coffee"), "{told}");
        assert!(told.contains("Hanoi Beans") && told.contains("Doha Fuels"), "{told}");
        for check in ["Limits", "Fairness", "nobody more than 2.0", "Standing", "Sanctions", "Deadline"] {
            assert!(told.contains(check), "{check}: {told}");
        }
        assert!(told.contains("Each of the three legs is one shipment."), "{told}");
        // Dhaka asks 0.295 t coffee a tonne, Hanoi 4.125 t diesel, Doha 0.79 t jute.
        assert_eq!(told.matches("Your limit").count(), 1, "{told}");
        assert!(told.contains("0.295 t per t"), "{told}");
        assert!(!told.contains("4.125 t per") && !told.contains("0.79 t per"), "{told}");
        // What one gains against reference value, another loses: the values go round.
        assert!(told.contains("+") && told.contains("−"), "{told}");
        let arabic = browser.get("/deals/1?lang=ar").await;
        assert!(arabic.body.contains("ما يعطيه كلٌّ وما يأخذه") && arabic.body.contains("dir=\"rtl\""));
        browser.get("/deals/1?lang=en").await;

        // An offer that says something else since then is not held against the ring.
        let form = browser.get("/offers/1?amend=yes").await;
        let until = between(&form.body, "name=\"valid_until\" max=\"", "\"").unwrap();
        let fields = [
            ("give_qty", "450"),
            ("want_qty", "60"),
            ("divisible", "yes"),
            ("incoterm", "FOB"),
            ("place", "BDCGP"),
            ("valid_until", until.as_str()),
        ];
        let asked = browser.post("/offers/1", &fields).await;
        let signed = browser.sign("Dhaka Mills", &asked).await;
        arrives(&stage, &mut browser, &signed).await;
        let page = browser.get("/deals/1").await;
        assert!(!page.body.contains("Better than your limit"), "{}", page.body);
    });
}

#[test]
fn a_settlement_is_explained_as_its_ring_was() {
    run(async {
        let stage = Stage::new();
        stage.offers_of_a_ring(Commitment::Binding);
        stage.clear();
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Hanoi Beans").await;
        let list = browser.get("/history").await;
        let id = between(&list.body, "href=\"/history/", "\"").unwrap();
        let page = browser.get(&format!("/history/{id}")).await;
        let told = between(&page.body, "aria-label=\"The ring explained\">", "</section>").unwrap();
        assert!(told.contains("4.125 t per t") && !told.contains("Deadline"), "{told}");
        assert!(!told.contains("0.295 t per"), "{told}");
    });
}
