//! Journeys through the real router, over the three real chains.

mod batches;
mod deals;
mod goods;
mod joining;
mod offers;
mod strangers;

use actix_web::http::StatusCode;
use actix_web::rt::System;

use crate::testing::stage::{Answer, Browser, Stage, between};

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

/// The owner asks for an amendment of offer 1, signs it, and it is on record.
async fn amends(stage: &Stage, browser: &mut Browser, owner: &str, give: &str, want: &str) {
    let form = browser.get("/offers/1?amend=yes").await;
    let until = between(&form.body, "name=\"valid_until\" max=\"", "\"").expect("the form says the last day");
    let fields = [
        ("give_qty", give),
        ("want_qty", want),
        ("divisible", "yes"),
        ("incoterm", "FOB"),
        ("place", "BDCGP"),
        ("valid_until", until.as_str()),
    ];
    let asked = browser.post("/offers/1", &fields).await;
    let signed = browser.sign(owner, &asked).await;
    arrives(stage, browser, &signed).await;
}
