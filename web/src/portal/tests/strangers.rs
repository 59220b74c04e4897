//! What others may not see, and what no form may do.

use actix_web::http::StatusCode;
use payment_chain::model::Commitment;
use proptest::prelude::*;
use vocabulary::Role;

use super::{message, run};
use crate::form::fuzz_form;
use crate::portal::{fuzz_offer_form, fuzz_registration_form};
use crate::testing::stage::{Browser, COFFEE, JUTE, PASSWORD, Stage, between};
use crate::testing::story::account;

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
