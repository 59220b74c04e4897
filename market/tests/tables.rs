//! The tables hold together: every code has its shape and everything refers to something known.

use std::collections::BTreeSet;

use market::{COUNTRIES, GOODS, commodity, country};

fn is_upper(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[test]
fn every_good_has_a_heading_a_unit_and_a_price() {
    assert!((90..=120).contains(&GOODS.len()), "{} goods", GOODS.len());
    assert!(GOODS.is_sorted_by(|a, b| a.hs4 < b.hs4), "found by binary search, so strictly ascending");
    let names: BTreeSet<_> = GOODS.iter().map(|good| good.name).collect();
    assert_eq!(names.len(), GOODS.len(), "trade names are unique");
    for good in GOODS {
        assert!(good.hs4.len() == 4 && good.hs4.bytes().all(|byte| byte.is_ascii_digit()), "{good:?}");
        assert!(["TNE", "KGM", "MTQ", "BLL"].contains(&good.unit), "{good:?}");
        assert!(good.price_cents > 0 && good.decimals <= 3, "{good:?}");
        assert!(!good.name.is_empty() && !good.grade.is_empty(), "{good:?}");
        assert_eq!(commodity(good.hs4), Some(good));
        // Fine enough for the band: a lot of 50,000 USD has at least 1,000 base units.
        assert!(good.quantity_for(5_000_000) >= 1_000, "{good:?}");
    }
    assert_eq!(commodity("9999"), None);
    assert_eq!(commodity("2709").map(|crude| crude.ref_usd().to_string()), Some("51.20".to_owned()));
}

#[test]
fn every_country_has_codes_places_and_trade() {
    assert!((40..=60).contains(&COUNTRIES.len()), "{} countries", COUNTRIES.len());
    assert!(COUNTRIES.is_sorted_by(|a, b| a.alpha2 < b.alpha2), "found by binary search, so ascending");
    let alpha3: BTreeSet<_> = COUNTRIES.iter().map(|country| country.alpha3).collect();
    assert_eq!(alpha3.len(), COUNTRIES.len());
    for land in COUNTRIES {
        assert!(is_upper(land.alpha2, 2) && is_upper(land.alpha3, 3), "{land:?}");
        assert_eq!(country(land.alpha2), Some(land));
        assert!((1..=3).contains(&land.places.len()), "{land:?}");
        for place in land.places {
            assert!(is_upper(place.locode, 5), "{place:?}");
            assert!(place.locode.starts_with(land.alpha2), "{place:?} lies in {}", land.name);
            assert!(!place.city.is_empty());
        }
        let exports: BTreeSet<_> = land.exports.iter().copied().collect();
        let imports: BTreeSet<_> = land.imports.iter().copied().collect();
        assert!(land.exports.len() >= 6 && land.imports.len() >= 6, "{land:?}");
        assert_eq!((exports.len(), imports.len()), (land.exports.len(), land.imports.len()), "{land:?}");
        assert!(exports.is_disjoint(&imports), "{} would swap a good for itself", land.name);
        for hs4 in exports.union(&imports) {
            assert!(commodity(hs4).is_some(), "{} trades {hs4}, which no table has", land.name);
        }
    }
    assert_eq!(country("XX"), None);
}

#[test]
fn every_good_is_exported_by_some_and_imported_by_others() {
    for good in GOODS {
        assert!(
            COUNTRIES.iter().any(|land| land.exports.contains(&good.hs4)),
            "nobody exports {}",
            good.name
        );
        assert!(
            COUNTRIES.iter().any(|land| land.imports.contains(&good.hs4)),
            "nobody imports {}",
            good.name
        );
    }
}
