//! Goods in warehouses and the documents that go with them.

use actix_web::http::StatusCode;
use ledger::{Hash, SubChain, Tag};
use payment_chain::model::Commitment;

use super::{arrives, message, run};
use crate::model::Model;
use crate::testing::stage::{Browser, COFFEE, JUTE, Stage, Watched, between, sure};
use crate::testing::story::{account, amount};

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
