//! The supervisor's pages through the real router.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use crate::app::App;
use crate::testing::site::{Browser, on_each_site};
use crate::testing::story::{self, address};

fn supervisor(app: &Arc<App>) -> Browser {
    Browser::signed_in(app, "Market Watch")
}

#[test]
fn the_dashboard_shows_real_figures_to_supervisors_only() {
    on_each_site(async |app| {
        let page = supervisor(&app).get("/supervisor").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        for expected in [
            "$\u{a0}1.23\u{a0}M",
            "Bangladesh to Viet Nam: $\u{a0}412,000 in 1 delivery",
            "jute yarn",
            "robusta coffee",
            "<svg",
        ] {
            assert!(page.text().contains(expected), "{expected}");
        }
        let stranger = Browser::new(&app).get("/supervisor").await;
        assert_eq!(stranger.status, StatusCode::SEE_OTHER);
        for who in ["Dhaka Mills", "Silk Bank", "Registrar Ltd."] {
            let browser = Browser::signed_in(&app, who);
            let dhaka = format!("/supervisor/parties/{}", address("Dhaka Mills"));
            for path in [
                "/supervisor",
                "/supervisor/figures/legs.csv",
                "/supervisor/parties",
                "/supervisor/decisions",
                &dhaka,
            ] {
                assert_eq!(browser.get(path).await.status, StatusCode::FORBIDDEN, "{who} {path}");
            }
        }
    });
}

#[test]
fn figures_as_of_a_height_do_not_know_what_came_later() {
    on_each_site(async |app| {
        let browser = supervisor(&app);
        let before = browser.get("/supervisor/figures/countries.csv?height=2").await;
        assert_eq!(before.text(), "country,gave_usd,got_usd\r\n");
        let after = browser.get("/supervisor/figures/countries.csv?height=3").await;
        assert!(after.text().contains("BD,412000.000000,410000.000000\r\n"), "{}", after.text());
        let legs = browser.get("/supervisor/figures/legs.csv").await;
        assert_eq!(legs.text().lines().count(), 4);
        assert!(browser.get("/supervisor?height=2").await.text().contains("Nothing has settled yet"));
        for name in ["over-time", "commodities", "flows", "parties"] {
            let file = browser.get(&format!("/supervisor/figures/{name}.csv?height=4")).await;
            assert!(file.text().contains("000000\r\n"), "{name}: {}", file.text());
        }
    });
}

#[test]
fn requests_out_of_range_are_refused() {
    on_each_site(async |app| {
        let browser = supervisor(&app);
        for (path, status) in [
            ("/supervisor?height=99", 400),
            ("/supervisor?height=-1", 400),
            ("/supervisor?height=1e9", 400),
            ("/supervisor?height=1&height=2", 400),
            ("/supervisor?order=up", 400),
            ("/supervisor/figures/everything.csv", 404),
            ("/supervisor/figures/legs.csv?height=x", 400),
            ("/supervisor/parties?from=-5", 400),
            ("/supervisor/parties/me", 400),
            ("/supervisor/parties/0x0000000000000000000000000000000000000001", 404),
            ("/supervisor/decisions?before=soon", 400),
            ("/supervisor/decisions?format=xml", 400),
        ] {
            assert_eq!(browser.get(path).await.status.as_u16(), status, "{path}");
        }
        let long = format!("/supervisor/parties?q={}", "a".repeat(81));
        assert_eq!(browser.get(&long).await.status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn a_party_is_found_by_any_of_its_names_and_shown_whole() {
    on_each_site(async |app| {
        let browser = supervisor(&app);
        for q in ["mills", "C-1842", &address("Dhaka Mills")[..12]] {
            let found = browser.get(&format!("/supervisor/parties?q={q}")).await;
            assert!(found.text().contains("Dhaka Mills") && !found.text().contains("Doha Fuels"), "{q}");
        }
        let nobody = browser.get("/supervisor/parties?q=%25").await;
        assert!(nobody.text().contains("Nobody in the register"));
        let page = browser.get(&format!("/supervisor/parties/{}", address("Dhaka Mills"))).await;
        for expected in
            ["jute yarn", "412\u{a0}t", "5,860\u{a0}bbl", "the genesis", "Registrar Ltd.", "Suspend"]
        {
            let there = page.text().contains(expected);
            assert_eq!(there, expected != "the genesis", "{expected}");
        }
        let trail = browser.get("/supervisor/decisions").await;
        assert!(trail.text().contains("Dhaka Mills") && trail.text().contains("Registrar Ltd."));
        let file = browser.get("/supervisor/decisions?format=csv").await;
        assert_eq!(file.text().lines().count(), 1 + story::CAST.len());
    });
}

#[test]
fn a_suspension_needs_a_reason_and_a_form_of_ours() {
    on_each_site(async |app| {
        let browser = supervisor(&app);
        let path = format!("/supervisor/parties/{}/suspend", address("Dhaka Mills"));
        let empty = browser.post(&path, &[("reason", "")]).await;
        assert_eq!(empty.status, StatusCode::OK);
        assert!(empty.text().contains("Please fill this in."), "{}", empty.text());
        let long = "x".repeat(201);
        assert!(browser.post(&path, &[("reason", &long)]).await.text().contains("1 to 200 characters"));
        let asked = browser.post(&path, &[("reason", "papers out of date")]).await;
        assert!(asked.text().contains("You suspend Dhaka Mills"), "{}", asked.text());
        let foreign = browser.send(TestRequest::post().uri(&path).set_form([("reason", "x")])).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN);
        let trader = Browser::signed_in(&app, "Hanoi Beans");
        assert_eq!(trader.post(&path, &[("reason", "rival")]).await.status, StatusCode::FORBIDDEN);
    });
}

#[test]
fn who_does_not_trade_is_offered_no_trade() {
    on_each_site(async |app| {
        for who in ["Market Watch", "Silk Bank", "Registrar Ltd."] {
            let browser = Browser::signed_in(&app, who);
            for path in ["/market", "/market?goods=2"] {
                let market = browser.get(path).await;
                assert_eq!(market.status, StatusCode::OK, "{who} {path}");
                assert!(!market.text().contains("/offers/new"), "{who} {path}");
            }
            for path in ["/offers/new", "/goods", "/goods/describe"] {
                assert_eq!(browser.get(path).await.status, StatusCode::FORBIDDEN, "{who} {path}");
            }
            assert!(!browser.get("/account").await.text().contains("Credit record"), "{who}");
        }
        let trader = Browser::signed_in(&app, "Dhaka Mills");
        assert!(trader.get("/market?goods=2").await.text().contains("/offers/new"));
        assert!(trader.get("/account").await.text().contains("Credit record"));
    });
}

#[test]
fn english_stays_english_inside_an_arabic_frame() {
    on_each_site(async |app| {
        let browser = supervisor(&app);
        let page = browser.get("/supervisor?lang=ar").await;
        assert!(page.text().contains("<html lang=\"ar\" dir=\"rtl\">"));
        assert!(page.text().contains("<main id=\"main\" tabindex=\"-1\" lang=\"en\" dir=\"ltr\">"));
        let english = browser.get("/supervisor").await;
        assert!(!english.text().contains("<main id=\"main\" tabindex=\"-1\" lang"));
    });
}
