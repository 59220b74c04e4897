//! The explorer through the real router, and the checking page.

use actix_web::http::StatusCode;
use ledger::{Hash, SubChain, Tag};

use super::{POLICY, VERIFY_PAGE, inside};
use crate::testing::site::{Browser, on_each_site};
use crate::testing::story::{self, address};

#[test]
fn anyone_sees_hashes_and_nobody_sees_contents() {
    on_each_site(async |app| {
        let anyone = Browser::new(&app);
        let overview = anyone.get("/explorer").await;
        assert_eq!(overview.status, StatusCode::OK, "{}", overview.text());
        assert!(overview.text().contains(&app.chains.payment.genesis().hash().to_string()));
        for chain in SubChain::ALL {
            let list = anyone.get(&format!("/explorer/{chain}")).await;
            assert_eq!(list.status, StatusCode::OK);
            for height in 0..3 {
                let page = anyone.get(&format!("/explorer/{chain}/{height}")).await;
                assert_eq!(page.status, StatusCode::OK, "{chain} {height}");
                for private in ["Dhaka", "jute", "412,000", &address("Dhaka Mills")] {
                    assert!(!page.text().contains(private), "{chain} {height} shows {private}");
                }
            }
        }
    });
}

#[test]
fn anyone_sees_who_decides_with_weight_bond_and_state() {
    on_each_site(async |app| {
        let page = Browser::new(&app).get("/explorer").await;
        let text = page.text();
        let rows: Vec<&str> = text.split("<tr>").filter(|row| row.contains("data-l=\"Bond\"")).collect();
        let row = |name: &str| *rows.iter().find(|row| row.contains(name)).expect(name);
        for (name, weight, bond, state) in [
            ("Silk Bank", 3, "250.000 deposit dollar<", ">decides<"),
            ("Harbour Warehouse", 2, "none", "banned: said two things at once on the data chain in era 0<"),
            ("Market Watch", 1, "7.500 deposit dollar, held until ", ">leaves with era 8<"),
            ("Registrar Ltd.", 1, "none", ">decides from era 7<"),
        ] {
            let row = row(name);
            assert!(row.contains(&format!("data-l=\"Weight\">{weight}<")), "{row}");
            assert!(row.contains(bond) && row.contains(state), "{row}");
        }
        assert_eq!(rows.len(), 4);
    });
}

#[test]
fn a_hash_is_on_record_or_not() {
    on_each_site(async |app| {
        let anyone = Browser::new(&app);
        let block = story::payment()[3].block.header.hash();
        let transaction = story::payment()[4].block.transactions[0].id();
        for (hash, what) in [
            (block, "A record"),
            (transaction, "A signature"),
            (story::document(), "A document"),
            (story::product(), "A product"),
            (story::settlement(), "A settlement"),
        ] {
            let page = anyone.get(&format!("/explorer/find?q={hash}")).await;
            assert!(page.text().contains("It is on record") && page.text().contains(what), "{what}");
        }
        let other = Hash::of(Tag::Document, b"another receipt");
        assert!(
            anyone.get(&format!("/explorer/find?q={other}")).await.text().contains("It is not on record")
        );
        for bad in ["7", "zz", &"a".repeat(65)] {
            assert!(anyone.get(&format!("/explorer/find?q={bad}")).await.text().contains("That is no hash"));
        }
        for (path, status) in [
            ("/explorer/gold", 404),
            ("/explorer/payment/99", 404),
            ("/explorer/payment/-1", 404),
            ("/explorer/payment/x", 404),
            ("/explorer/payment?before=x", 400),
            ("/explorer?sort=up", 400),
        ] {
            assert_eq!(anyone.get(path).await.status.as_u16(), status, "{path}");
        }
    });
}

#[test]
fn the_checking_page_is_whole_and_cannot_talk() {
    on_each_site(async |app| {
        let page = Browser::new(&app).get("/verify").await;
        assert_eq!(page.bytes, VERIFY_PAGE.as_bytes());
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert_eq!(policy, POLICY.as_str());
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
    });
    for outside in ["http://", "https://", "src=", "@import", "url(", "fetch(", "import("] {
        assert!(!VERIFY_PAGE.contains(outside), "the page holds {outside}");
    }
    assert!(VERIFY_PAGE.split("href=").skip(1).all(|link| link.starts_with("\"/")), "links stay on the site");
    assert!(!VERIFY_PAGE.contains("href=\"//"));
    assert!(inside("<style>", "</style>").len() > 100);
}

#[test]
fn the_checking_page_says_when_a_proven_record_was_refused() {
    let script = inside("<script type=\"module\">", "</script>");
    assert!(script.contains("The proof holds: the request was refused, nothing of it took effect"));
}

/// What the release notes name. Whoever changes the page changes this line and CHANGELOG.md.
const PAGE_SHA256: &str = "14d4cba77ec2800ccbcff443aa0e0378bc84bdb23fa3399af6e5d86526c2aaa6";

#[test]
fn the_release_notes_name_the_hash_of_the_checking_page() {
    use sha2::{Digest, Sha256};
    let hash = hex::encode(Sha256::digest(VERIFY_PAGE.as_bytes()));
    assert_eq!(hash, PAGE_SHA256, "put this hash here and into CHANGELOG.md");
    let notes = include_str!("../../../CHANGELOG.md");
    assert!(notes.contains(&hash), "CHANGELOG.md does not name {hash}");
}
