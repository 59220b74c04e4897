//! What was cleared, and the proof that one takes home.

use actix_web::http::StatusCode;
use payment_chain::model::Commitment;

use super::run;
use crate::model::Model;
use crate::testing::stage::{Browser, COFFEE, JUTE, Stage, between};

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
        assert!(page.body.contains("Expected to bring") && page.body.contains(">taken<"), "{}", page.body);
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
