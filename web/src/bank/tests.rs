//! A bank's pages through the real router.

use actix_web::http::StatusCode;

use crate::testing::site::{Browser, on_each_site};

#[test]
fn silk_bank_sees_what_was_shared_and_others_see_no_bank_pages() {
    on_each_site(async |app| {
        let bank = Browser::signed_in(&app, "Silk Bank");
        let page = bank.get("/bank").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        assert!(page.text().contains("412\u{a0}t jute yarn") && page.text().contains("Dhaka Mills"));
        assert!(!page.text().contains("robusta"), "Hanoi Beans shared for a day, long ago");
        let trader = Browser::signed_in(&app, "Dhaka Mills");
        for path in ["/bank", "/bank/clients"] {
            assert_eq!(trader.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(Browser::new(&app).get(path).await.status, StatusCode::SEE_OTHER, "{path}");
        }
    });
}

#[test]
fn a_client_is_made_with_a_secret_shown_once_and_revoked_for_good() {
    on_each_site(async |app| {
        let bank = Browser::signed_in(&app, "Silk Bank");
        let page = bank.get("/bank/clients").await;
        let genesis = app.chains.payment.genesis().hash().to_string();
        assert!(page.text().contains(&format!("--genesis {genesis}")) && !page.text().contains("HOST"));
        let unnamed = bank.post("/bank/clients", &[("name", "")]).await;
        assert!(unnamed.text().contains("Please fill this in."));
        let made = bank.post("/bank/clients", &[("name", "Core banking")]).await;
        let id = made.text().split("bank-").nth(1).map(|rest| format!("bank-{}", &rest[..16])).unwrap();
        assert!(made.text().contains("shown once"), "{}", made.text());
        assert!(!bank.get("/bank/clients").await.text().contains("shown once"));
        let path = format!("/bank/clients/{id}/revoke");
        assert_eq!(bank.post(&path, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(bank.post(&path, &[]).await.status, StatusCode::NOT_FOUND);
        for _ in 0..10 {
            assert!(bank.post("/bank/clients", &[("name", "Batch")]).await.text().contains("shown once"));
        }
        let eleventh = bank.post("/bank/clients", &[("name", "Batch")]).await;
        assert!(eleventh.text().contains("At most 10 clients"));
    });
}
