//! Offers: made, amended, taken back, weighed before they are made, and left out of a batch.

use std::sync::Arc;

use actix_web::http::StatusCode;
use payment_chain::model::Commitment;

use super::{amends, arrives, run};
use crate::portal::offers::live_book;
use crate::testing::stage::{Browser, COFFEE, DIESEL, JUTE, Stage, between};

#[test]
fn an_offer_is_amended_and_taken_back() {
    run(async {
        let stage = Stage::new();
        stage.offer("Dhaka Mills", (JUTE, 400_000), (COFFEE, 118_000), Commitment::Indicative);
        let mut browser = Browser::new(&stage).await;
        browser.sign_in("Dhaka Mills").await;
        let form = browser.get("/offers/1?amend=yes").await;
        assert!(form.body.contains("value=\"400.000\""), "{}", form.body);
        amends(&stage, &mut browser, "Dhaka Mills", "300", "88").await;
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
