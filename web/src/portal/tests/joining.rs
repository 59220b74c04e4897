//! Signing up, signing in, and whose key counts.

use actix_web::http::StatusCode;
use payment_chain::model::Commitment;

use super::{arrives, run};
use crate::portal::proof_bytes;
use crate::testing::stage::{Answer, Browser, PASSWORD, Stage, between};
use crate::testing::story::{account, key};

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
            (wallet.public().to_string(), wallet.sign(&proof_bytes(&browser.csrf)).to_string());
        let stale = wallet.sign(&proof_bytes(&"0".repeat(64))).to_string();
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
