//! Rings: read, signed, declined, settled and explained.

use actix_web::http::StatusCode;
use ledger::light::ProvenFact;
use ledger::{Hash, Height};
use payment_chain::SETTLEMENTS;
use payment_chain::model::{Commitment, Settlement};

use super::{amends, arrives, message, run};
use crate::model::Model;
use crate::testing::stage::{Browser, Stage, Watched, between, sure};
use crate::testing::story::account;

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
        amends(&stage, &mut browser, "Dhaka Mills", "450", "60").await;
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
