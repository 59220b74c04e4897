//! Journeys of a trader, a newcomer, a supervisor and a bank through a running demo, in headless Chromium.
//!
//! They run where `PERMUTA_TEST_WEBDRIVER` names a ChromeDriver (and `PERMUTA_TEST_CHROMIUM` the browser), which
//! `cargo xtask test` sees to; elsewhere they say that they are left out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is not as it should be")]

mod browser;
mod demo;

use browser::{Browser, Outcome};
use demo::Demo;

/// Runs a journey against a demo of its own; says so when there is no browser.
async fn journey(name: &str, arguments: &[&str], steps: impl AsyncFnOnce(&Demo, &Browser) -> Outcome) {
    let Some(driver) = browser::driver() else {
        eprintln!("{name} is left out: PERMUTA_TEST_WEBDRIVER names no driver");
        return;
    };
    let demo = Demo::start(arguments);
    let browser = Browser::open(&driver, &demo.url).await;
    let outcome = steps(&demo, &browser).await;
    if let Err(fault) = &outcome {
        let page = browser.page().await;
        browser.close().await;
        panic!("{name}: {fault}\n{page}");
    }
    browser.close().await;
}

#[tokio::test]
async fn a_trader_enrols_a_browser_and_signs_the_ring_that_waits_for_it() {
    journey("the trader's journey", &[], async |demo, browser| {
        let trader = demo.login("Trader");
        browser.sign_in(trader).await?;
        browser.enrol(&trader.code).await?;

        browser.go("/deals").await?;
        browser.click("Look at the ring").await?;
        browser.sees("all or none").await?;
        browser.click("Read the terms and sign").await?;
        browser.sees("Nothing moves unless everyone signs; then everything moves at once.").await?;
        browser.press("#sign-now").await?;
        browser.sees_one_of(&["You have signed.", "Settled."]).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_newcomer_goes_from_sign_up_to_a_settled_ring() {
    journey("the newcomer's journey", &[], async |_, browser| {
        browser.go("/signup").await?;
        for (field, value) in [
            ("company", "Chittagong Cordage"),
            ("registration_number", "C-204418"),
            ("place", "BDCGP"),
            ("email", "office@cordage.example"),
            ("password", "a long password of mine"),
            ("again", "a long password of mine"),
        ] {
            browser.fill(field, value).await?;
        }
        browser.press("#f-country option[value=BD]").await?;
        browser.press("main form.form button.primary").await?;

        browser.click("Make the key").await?;
        browser.fill("password", "the backup has its own").await?;
        browser.fill("again", "the backup has its own").await?;
        browser.click("Make the key and save its backup").await?;
        browser.sees("Is this what the commercial register says?").await?;
        browser.read_and_sign().await?;

        browser.go("/goods/describe?hs=5307&name=jute%20yarn").await?;
        browser.fill("grade", "8 lb, hessian quality").await?;
        browser.press("#f-origin option[value=BD]").await?;
        browser.fill("place", "BDCGP").await?;
        browser.read_and_sign_once_known().await?;

        browser.go("/goods/vouch").await?;
        browser.fill("amount", "400").await?;
        browser.read_and_sign().await?;
        browser.becomes("/goods", "You have goods worth").await?;

        browser.go("/goods").await?;
        browser.click("Offer").await?;
        browser.fill("give_qty", "100").await?;
        browser.ask_for_as_much("2710").await?;
        browser.check("c-b").await?;
        browser.check("c-j").await?;
        browser.read_and_sign().await?;
        browser.becomes("/history", "settled, worth").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_supervisor_sees_the_market_and_suspends_a_company_with_a_reason() {
    journey("the supervisor's journey", &[], async |demo, browser| {
        let supervisor = demo.login("Supervisor");
        browser.sign_in(supervisor).await?;
        browser.enrol(&supervisor.code).await?;
        browser.go("/supervisor").await?;
        browser.has("svg").await?;
        browser.has("table").await?;

        browser.go("/supervisor/parties?q=Mombasa").await?;
        browser.click("Mombasa Hides").await?;
        browser.fill("reason", "its papers are being looked into").await?;
        browser.click("Suspend Mombasa Hides").await?;
        browser.sees("its papers are being looked into").await?;
        browser.press("#sign-now").await?;
        browser.settled().await?;
        browser.go("/supervisor/decisions").await?;
        browser.sees("its papers are being looked into").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_page_fits_a_phone_and_reads_from_right_to_left() {
    journey("the phone's journey", &[], async |demo, browser| {
        browser.resize(360, 740).await?;
        for path in ["/", "/signin", "/signup", "/explorer", "/verify"] {
            browser.fits(path).await?;
        }
        browser.sign_in(demo.login("Trader")).await?;
        for path in
            ["/", "/market", "/goods", "/offers", "/offers/new", "/deals", "/history", "/keys", "/account"]
        {
            browser.fits(path).await?;
        }
        browser.go("/deals?lang=ar").await?;
        browser.has("html[dir=rtl]").await?;
        browser.fits("/deals").await?;
        Ok(())
    })
    .await;
}
