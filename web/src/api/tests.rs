//! The API through the real router, on each database.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
use actix_web::{App as ActixApp, Error};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::hash::encode;
use ledger::transaction::{VERSION, terms_hash};
use ledger::{Body, Height, Proof, SubChain};
use payment_chain::SETTLEMENTS;
use payment_chain::model::Commitment;
use serde_json::{Value, json};

use super::{problem, token};
use crate::app::{App, configure, guard, visit};
use crate::model::Model;
use crate::testing::stage::{Stage, Watched, sure};
use crate::testing::story::{self, address};
use crate::testing::{on_each_url, site};

const CLIENT: &str = "silk";
const SECRET: &str = "a secret that only Silk Bank knows";

/// The site with a client of Silk Bank and one of Dhaka Mills, who are no bank.
fn bank_site(url: &str) -> Arc<App> {
    let app = site(url);
    let mut connection = app.db.get().unwrap();
    let mut model = Model::new(&mut connection);
    for (id, organisation) in [(CLIENT, "Silk Bank"), ("mills", "Dhaka Mills")] {
        let client = token::client_with(id, SECRET, &address(organisation), organisation, 0).unwrap();
        model.put_oauth_client(&client).unwrap();
    }
    drop(connection);
    app
}

struct Answer {
    status: StatusCode,
    media_type: String,
    headers: actix_web::http::header::HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// Asserts that this is a problem of this status about this field.
    fn is_problem(&self, status: u16, field: Option<&str>, what: &str) {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{what}: {text}");
        assert_eq!(self.media_type, problem::MEDIA_TYPE, "{what}");
        let body = self.json();
        assert_eq!(body["status"], status, "{what}");
        assert_eq!(body["field"].as_str(), field, "{what}: {text}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}");
        }
    }
}

async fn answer(outcome: Result<ServiceResponse<impl MessageBody + 'static>, Error>) -> Answer {
    let response = match outcome {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => panic!("every fault is a response: {error}"),
    };
    let status = response.status();
    let headers = response.headers().clone();
    let media_type = headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    Answer { status, media_type, headers, bytes: read_body(response).await.to_vec() }
}

async fn send(service: &impl AsyncFn(TestRequest) -> Answer, request: TestRequest) -> Answer {
    service(request).await
}

macro_rules! service {
    ($app:expr) => {{
        let site =
            ActixApp::new().configure(configure($app.clone())).wrap(from_fn(visit)).wrap(from_fn(guard));
        let service = init_service(site).await;
        async move |request: TestRequest| answer(try_call_service(&service, request.to_request()).await).await
    }};
}

fn run(test: impl AsyncFn(Arc<App>)) {
    on_each_url(|url| actix_web::rt::System::new().block_on(test(bank_site(url))));
}

fn token_form(id: &str, secret: &str, scope: &str) -> TestRequest {
    TestRequest::post().uri("/oauth/token").set_form([
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
        ("scope", scope),
    ])
}

fn token_for(app: &App, scope: &str) -> String {
    app.api.tokens.issue(CLIENT, &address("Silk Bank"), scope, crate::clock::now().seconds()).unwrap()
}

fn get(token: &str, uri: &str) -> TestRequest {
    TestRequest::get().uri(uri).insert_header(("Authorization", format!("Bearer {token}")))
}

/// A transaction of somebody on the identity chain of `app`.
fn signed(app: &App, who: &str, payload: &[u8]) -> String {
    let key = story::key(who);
    let body = Body {
        version: VERSION,
        chain: app.chains.identity.chain_id(),
        account: key.public().address(),
        key: key.public(),
        sequence: 0,
        expires: Height(100),
        fee: 0,
        terms: terms_hash("Nothing happens."),
        payload: payload.to_vec(),
    };
    hex::encode(encode(&body.sign(&key)))
}

fn post(token: &str, key: &str, body: impl Into<String>) -> TestRequest {
    TestRequest::post()
        .uri("/api/v1/transactions")
        .insert_header(("Authorization", format!("Bearer {token}")))
        .insert_header(("Idempotency-Key", key))
        .insert_header(("Content-Type", "application/json"))
        .set_payload(body.into())
}

#[test]
fn silk_bank_gets_a_token_and_reads_what_dhaka_mills_shared() {
    run(async |app| {
        let service = service!(app);
        let issued = send(&service, token_form(CLIENT, SECRET, "settlements credit organisations")).await;
        assert_eq!(issued.status, StatusCode::OK, "{}", String::from_utf8_lossy(&issued.bytes));
        assert_eq!(issued.headers.get("cache-control").unwrap(), "no-store");
        assert_eq!(issued.json()["expires_in"], token::LIFETIME_S);
        let token = issued.json()["access_token"].as_str().unwrap().to_owned();

        let settlements = send(&service, get(&token, "/api/v1/settlements")).await.json();
        let items = settlements["items"].as_array().unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0]["id"], story::settlement().to_string());
        // Hanoi Beans shared for a day, long ago: its side is not here, nor what it gave.
        let sides = items[0]["sides"].as_array().unwrap();
        assert_eq!(sides.len(), 1);
        assert_eq!(sides[0]["party"]["name"], "Dhaka Mills");
        assert_eq!(sides[0]["gave"][0]["quantity"], "412.000");
        assert_eq!(sides[0]["gave"][0]["value_usd"], "412000.000000");
        assert_eq!(sides[0]["gave"][0]["counterparty"]["name"], "Hanoi Beans");
        assert_eq!(sides[0]["received"][0]["name"], "diesel");
        assert!(!settlements.to_string().contains("robusta"));

        let one = send(&service, get(&token, &format!("/api/v1/settlements/{}", story::settlement()))).await;
        assert_eq!(one.json(), items[0]);
        let claims = send(&service, get(&token, "/api/v1/receivables")).await.json();
        assert_eq!(claims["items"].as_array().unwrap().len(), 1);
        assert_eq!(claims["items"][0]["debtor"]["name"], "Harbour Warehouse");
        assert_eq!(claims["items"][0]["goods"]["quantity"], "5860.000");
        assert_eq!(claims["items"][0]["stage"], "title-moved");

        let dhaka = format!("/api/v1/credit-reports/{}", address("Dhaka Mills"));
        let report = send(&service, get(&token, &dhaka)).await.json();
        assert_eq!((&report["settled"], &report["settled_usd"]), (&json!(1), &json!("412000.000000")));
        let hanoi = format!("/api/v1/credit-reports/{}", address("Hanoi Beans"));
        send(&service, get(&token, &hanoi)).await.is_problem(404, None, "not shared");

        let register = send(&service, get(&token, "/api/v1/organisations?q=mills")).await.json();
        assert_eq!(register["items"][0]["country"], "BD");
        let itself =
            send(&service, get(&token, &format!("/api/v1/organisations/{}", address("Dhaka Mills")))).await;
        assert_eq!(itself.json(), register["items"][0]);
    });
}

#[test]
fn the_proof_of_a_settlement_holds_for_whoever_trusts_the_genesis() {
    run(async |app| {
        let service = service!(app);
        let token = token_for(&app, "settlements");
        let uri = format!("/api/v1/settlements/{}/proof", story::settlement());
        let bundle = send(&service, get(&token, &uri)).await.json();
        let bytes = STANDARD.decode(bundle["proof"].as_str().unwrap()).unwrap();
        let trusted = app.chains.payment.genesis().hash();
        assert_eq!(bundle["genesis"], trusted.to_string());
        let proven = Proof::decode(&bytes).unwrap().verify(trusted).unwrap();
        assert_eq!(proven.chain, SubChain::Payment);
        let file = send(&service, get(&token, &format!("{uri}?format=file"))).await;
        assert_eq!(file.bytes, bytes);
        send(&service, get(&token, &format!("{uri}?format=xml"))).await.is_problem(
            400,
            Some("format"),
            "xml",
        );
    });
}

#[test]
fn silk_bank_relies_on_nothing_before_it_is_as_sure_as_the_bank_asks() {
    actix_web::rt::System::new().block_on(async {
        let says = Watched::default();
        let stage = Stage::watched(Some(says.clone()));
        *says.lock().unwrap() = Some(sure(1, false));
        stage.offers_of_a_ring(Commitment::Binding);
        stage.clear();
        let app = stage.app.clone();
        let settlement = app.chains.payment.view(|state| SETTLEMENTS.all(state))[0].0;
        let until = stage.now().plus_ms(86_400_000);
        let payload =
            payment_chain::Payload::ShareSettlement { settlement, with: story::account("Silk Bank"), until };
        stage.act("Dhaka Mills", SubChain::Payment, &payload).unwrap();
        {
            let mut connection = app.db.get().unwrap();
            let client = token::client_with(CLIENT, SECRET, &address("Silk Bank"), "Silk Bank", 0).unwrap();
            Model::new(&mut connection).put_oauth_client(&client).unwrap();
        }
        let service = service!(app);
        let token = token_for(&app, "settlements confidence");
        let want = |body: &str| {
            let request = TestRequest::put().uri("/api/v1/confidence").set_payload(body.to_owned());
            request.insert_header(("Authorization", format!("Bearer {token}")))
        };
        let proof = format!("/api/v1/settlements/{settlement}/proof");
        let seen = async || {
            let one = send(&service, get(&token, &format!("/api/v1/settlements/{settlement}"))).await.json();
            let claims = send(&service, get(&token, "/api/v1/receivables")).await.json();
            let claim = &claims["items"][0];
            assert_eq!((&claim["confidence"], &claim["says"]), (&one["confidence"], &one["says"]));
            let proof = send(&service, get(&token, &proof)).await.status.as_u16();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&one["stand"]), one["wanted"].as_u64(), text(&one["says"]), text(&claim["stage"]), proof)
        };
        let expected = |stand: &str, wanted, says: &str, stage: &str, proof: u16| {
            (stand.to_owned(), Some(wanted), says.to_owned(), stage.to_owned(), proof)
        };
        assert_eq!(seen().await, expected("settled", 1, "settled", "title-moved", 200));

        for (body, field) in [
            ("", "body"),
            ("{}", "body"),
            ("[]", "body"),
            (r#"{"share_percent":101}"#, "share_percent"),
            (r#"{"share_percent":66}"#, "share_percent"),
        ] {
            send(&service, want(body)).await.is_problem(400, Some(field), body);
        }
        let reads_only = format!("Bearer {}", token_for(&app, "settlements"));
        let request = want(r#"{"share_percent":80}"#).insert_header(("Authorization", reads_only));
        send(&service, request).await.is_problem(403, None, "who may read may not decide");
        let asked = send(&service, want(r#"{"share_percent":80}"#)).await;
        assert_eq!(asked.json(), json!({"share_percent": 80}));
        assert_eq!(send(&service, get(&token, "/api/v1/confidence")).await.json(), asked.json());
        let waits = "final, waiting for the confidence you asked for: 25 of 75 %";
        assert_eq!(seen().await, expected("final", 3, waits, "awaiting", 409));

        *says.lock().unwrap() = Some(sure(3, false));
        stage.tick();
        assert_eq!(seen().await, expected("settled", 3, "settled", "title-moved", 200));
        *says.lock().unwrap() = Some(sure(3, true));
        stage.tick();
        let (stand, _, says_so, stage_of_claim, proof) = seen().await;
        assert_eq!((&stand[..], &stage_of_claim[..], proof), ("halted", "awaiting", 409));
        assert!(says_so.contains("people have to decide"), "{says_so}");
    });
}

#[test]
fn organisations_come_in_pages_without_gaps() {
    run(async |app| {
        let service = service!(app);
        let token = token_for(&app, "organisations");
        let mut names = Vec::new();
        let mut uri = "/api/v1/organisations?limit=3".to_owned();
        loop {
            let page = send(&service, get(&token, &uri)).await.json();
            names.extend(
                page["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => uri = format!("/api/v1/organisations?limit=3&cursor={next}"),
                None => break,
            }
        }
        let mut cast: Vec<String> = story::CAST.iter().map(|(name, ..)| (*name).to_owned()).collect();
        cast.sort_by_key(|name| name.to_lowercase());
        assert_eq!(names, cast);
    });
}

#[test]
fn a_token_is_refused_to_whoever_has_no_right_to_one() {
    run(async |app| {
        let service = service!(app);
        let check = async |request: TestRequest, status, field, error: Option<&str>, what: &str| {
            let answer = send(&service, request).await;
            answer.is_problem(status, field, what);
            assert_eq!(answer.json()["error"].as_str(), error, "{what}");
        };
        let id = Some("client_id");
        check(token_form(CLIENT, "wrong", ""), 401, id, Some("invalid_client"), "wrong secret").await;
        check(token_form("nobody", SECRET, ""), 401, id, Some("invalid_client"), "unknown client").await;
        check(token_form("mills", SECRET, ""), 401, id, Some("invalid_client"), "no bank").await;
        check(token_form("", "", ""), 400, id, Some("invalid_request"), "nothing").await;
        check(token_form(&"x".repeat(65), SECRET, ""), 400, id, Some("invalid_request"), "long").await;
        check(token_form(CLIENT, SECRET, "everything"), 400, Some("scope"), Some("invalid_scope"), "scope")
            .await;
        let to = || TestRequest::post().uri("/oauth/token");
        let password = to().set_form([("grant_type", "password")]);
        check(password, 400, Some("grant_type"), Some("unsupported_grant_type"), "grant").await;
        let json = to().set_json(json!({"grant_type": "client_credentials"}));
        check(json, 415, Some("Content-Type"), None, "JSON").await;
        let grant = [("grant_type", "client_credentials")];
        let basic = to().insert_header(("Authorization", "Basic !!!")).set_form(grant);
        check(basic, 400, Some("Authorization"), Some("invalid_request"), "no base64").await;
        let huge = to().set_form([("grant_type", "x".repeat(9 << 10))]);
        check(huge, 413, None, None, "oversized").await;
        check(TestRequest::get().uri("/oauth/token"), 405, None, None, "GET").await;

        let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
        let good = to().insert_header(("Authorization", format!("Basic {basic}"))).set_form(grant);
        assert_eq!(send(&service, good).await.status, StatusCode::OK);
        app.db
            .get()
            .map(|mut connection| {
                Model::new(&mut connection).revoke_oauth_client(CLIENT, &address("Silk Bank"), 1).unwrap()
            })
            .unwrap();
        check(token_form(CLIENT, SECRET, ""), 401, id, Some("invalid_client"), "revoked").await;
    });
}

#[test]
fn after_ten_wrong_secrets_a_client_waits() {
    run(async |app| {
        let service = service!(app);
        for _ in 0..10 {
            send(&service, token_form(CLIENT, "guess", "")).await.is_problem(401, Some("client_id"), "guess");
        }
        let answer = send(&service, token_form(CLIENT, SECRET, "")).await;
        answer.is_problem(429, None, "the eleventh");
        assert!(answer.headers.contains_key("retry-after"));
    });
}

#[test]
fn requests_without_a_good_token_are_refused() {
    run(async |app| {
        let service = service!(app);
        let now = crate::clock::now().seconds();
        let bank = address("Silk Bank");
        let other_node = token::Tokens::new([9; 32]).issue(CLIENT, &bank, "settlements", now).unwrap();
        let old = app.api.tokens.issue(CLIENT, &bank, "settlements", now - token::LIFETIME_S - 1).unwrap();
        let mills = app.api.tokens.issue("mills", &address("Dhaka Mills"), "settlements", now).unwrap();
        let swapped = app.api.tokens.issue(CLIENT, &address("Dhaka Mills"), "settlements", now).unwrap();
        let good = token_for(&app, "settlements");
        let mut altered = good.clone();
        altered.replace_range(good.len() - 8..good.len() - 4, "AAAA");
        let unsigned = format!("{}.", &good[..good.rfind('.').unwrap()]);
        for (what, token) in [
            ("none", ""),
            ("garbage", "garbage"),
            ("of another node", &other_node),
            ("over", &old),
            ("of no bank", &mills),
            ("for an account that is not the client's", &swapped),
            ("altered", &altered),
            ("unsigned", &unsigned),
        ] {
            let answer = send(&service, get(token, "/api/v1/settlements")).await;
            answer.is_problem(401, Some("Authorization"), what);
            assert!(answer.headers.contains_key("www-authenticate"), "{what}");
        }
        let bare = TestRequest::get().uri("/api/v1/receivables");
        send(&service, bare).await.is_problem(401, Some("Authorization"), "no header");
        for uri in ["/api/v1/organisations", "/api/v1/transactions/payment/00"] {
            send(&service, get(&good, uri)).await.is_problem(403, None, "another scope");
        }
    });
}

#[test]
fn bad_requests_are_answered_with_the_field_at_fault() {
    run(async |app| {
        let service = service!(app);
        let token = token_for(&app, "settlements organisations credit transactions");
        let zero = "0".repeat(64);
        for (uri, status, field) in [
            ("/api/v1/settlements?limit=0", 400, Some("limit")),
            ("/api/v1/settlements?limit=201", 400, Some("limit")),
            ("/api/v1/settlements?limit=1e3", 400, Some("limit")),
            ("/api/v1/settlements?cursor=abc", 400, Some("cursor")),
            ("/api/v1/settlements?page=2", 400, Some("page")),
            ("/api/v1/settlements?limit=1&limit=2", 400, Some("query")),
            ("/api/v1/receivables?limit=x", 400, Some("limit")),
            ("/api/v1/settlements/7", 400, Some("id")),
            ("/api/v1/settlements/7/proof", 400, Some("id")),
            ("/api/v1/organisations/0x12", 400, Some("id")),
            ("/api/v1/organisations/0x0000000000000000000000000000000000000000", 404, None),
            ("/api/v1/organisations/zz?limit=1", 400, Some("limit")),
            ("/api/v1/credit-reports/me", 400, Some("party")),
            ("/api/v1/transactions/gold/00", 400, Some("chain")),
            ("/api/v1/transactions/payment/00", 400, Some("id")),
            ("/api/v1/chains?x=1", 400, Some("x")),
            ("/api/v1/nothing", 404, None),
            ("/api/v1", 404, None),
            ("/api/v2/settlements", 404, None),
        ] {
            send(&service, get(&token, uri)).await.is_problem(status, field, uri);
        }
        for uri in [format!("/api/v1/settlements/{zero}"), format!("/api/v1/transactions/payment/{zero}")] {
            send(&service, get(&token, &uri)).await.is_problem(404, None, &uri);
        }
        let long = format!("/api/v1/organisations?q={}", "a".repeat(81));
        send(&service, get(&token, &long)).await.is_problem(400, Some("q"), "long");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = get(&token, "/api/v1/settlements").method(method.clone());
            let answer = send(&service, request).await;
            answer.is_problem(405, None, method.as_str());
            assert_eq!(answer.headers.get("allow").unwrap(), "GET");
        }
    });
}

#[test]
fn a_transaction_is_handed_in_once_however_often_it_is_sent() {
    run(async |app| {
        let service = service!(app);
        let token = token_for(&app, "transactions");
        let body =
            json!({"chain": "identity", "transaction": signed(&app, "Silk Bank", b"share")}).to_string();
        let first = send(&service, post(&token, "key-1", body.clone())).await;
        assert_eq!(first.status, StatusCode::ACCEPTED, "{}", String::from_utf8_lossy(&first.bytes));
        let id = first.json()["id"].as_str().unwrap().to_owned();
        let again = send(&service, post(&token, "key-1", body.clone())).await;
        assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
        assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
        assert_eq!(app.chains.identity.waiting(), 1);
        let other =
            json!({"chain": "identity", "transaction": signed(&app, "Silk Bank", b"other")}).to_string();
        send(&service, post(&token, "key-1", other)).await.is_problem(422, Some("Idempotency-Key"), "reused");
        // Under another key it is the same transaction still.
        let elsewhere = send(&service, post(&token, "key-2", body)).await;
        assert_eq!((elsewhere.status, &elsewhere.bytes), (first.status, &first.bytes));
        assert_eq!(app.chains.identity.waiting(), 1);
        let status = send(&service, get(&token, &format!("/api/v1/transactions/identity/{id}"))).await;
        assert_eq!(status.json()["state"], "waiting");
    });
}

#[test]
fn transactions_that_cannot_be_taken_are_refused_by_field() {
    run(async |app| {
        let service = service!(app);
        let token = token_for(&app, "transactions");
        let good = signed(&app, "Silk Bank", b"share");
        let mut forged = good.clone();
        forged.replace_range(good.len() - 4.., "0000");
        let wrap =
            |chain: &str, transaction: &str| json!({"chain": chain, "transaction": transaction}).to_string();
        let strangers = signed(&app, "Dhaka Mills", b"share");
        for (what, body, status, field) in [
            ("no JSON", "{".to_owned(), 400, Some("body")),
            ("a list", "[]".to_owned(), 400, Some("body")),
            ("nothing in it", "{}".to_owned(), 400, Some("chain")),
            ("a number", json!({"chain": 1, "transaction": ""}).to_string(), 400, Some("chain")),
            ("no such chain", wrap("gold", &good), 400, Some("chain")),
            ("no hexadecimal", wrap("identity", "xyz"), 400, Some("transaction")),
            ("cut short", wrap("identity", &good[..100]), 400, Some("transaction")),
            ("of another version", wrap("identity", &format!("09{}", &good[2..])), 400, Some("transaction")),
            (
                "with a stranger's field",
                json!({"chain": "identity", "transaction": good, "fee": 1}).to_string(),
                400,
                Some("fee"),
            ),
            ("of another account", wrap("identity", &strangers), 403, None),
            ("for another chain", wrap("data", &good), 422, Some("chain")),
            ("forged", wrap("identity", &forged), 422, Some("signature")),
            ("refused by the chain", wrap("identity", &signed(&app, "Silk Bank", b"")), 422, Some("payload")),
            ("oversized", wrap("identity", &"0".repeat((2 << 20) + 2048)), 413, None),
        ] {
            send(
                &service,
                post(&token, what, "x")
                    .set_payload(body)
                    .insert_header(("Idempotency-Key", what.replace(' ', "-"))),
            )
            .await
            .is_problem(status, field, what);
        }
        assert_eq!(app.chains.identity.waiting(), 0);
        for key in ["", "with space", &"k".repeat(129)] {
            let answer = send(&service, post(&token, key, wrap("identity", &good))).await;
            answer.is_problem(400, Some("Idempotency-Key"), key);
        }
        let text =
            post(&token, "text", wrap("identity", &good)).insert_header(("Content-Type", "text/plain"));
        send(&service, text).await.is_problem(415, Some("Content-Type"), "text");
    });
}

#[test]
fn anyone_reads_where_the_chains_stand_and_what_the_api_is() {
    run(async |app| {
        let service = service!(app);
        let chains = send(&service, TestRequest::get().uri("/api/v1/chains")).await.json();
        assert_eq!(chains["chains"][2]["height"], 4);
        assert_eq!(chains["genesis"], app.chains.payment.genesis().hash().to_string());
        let description = send(&service, TestRequest::get().uri("/api/v1/openapi.json")).await.json();
        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        for (path, method) in [
            ("/oauth/token", "post"),
            ("/api/v1/settlements/{id}/proof", "get"),
            ("/api/v1/receivables", "get"),
            ("/api/v1/credit-reports/{party}", "get"),
            ("/api/v1/transactions", "post"),
        ] {
            assert!(description["paths"][path][method].is_object(), "{method} {path}");
        }
        let paths = description["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        let mut names: Vec<&str> = operations.filter_map(|one| one["operationId"].as_str()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "each operation has a name of its own (OpenAPI 3.1 §4.8.10)");
        assert!(description["components"]["schemas"]["Problem"]["properties"]["detail"].is_object());
        assert!(description["components"]["securitySchemes"]["oauth"].is_object());
    });
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_credentials_or_a_transaction_or_refused(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)
    ) {
        token::fuzz_credentials(&bytes);
        super::transaction::fuzz_new_transaction(&bytes);
        crate::door::fuzz_asked(&bytes);
        crate::model::column::fuzz_padded_amount(&bytes);
    }
}
