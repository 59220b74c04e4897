//! Countries and places as people name them: forms offer names to choose from, and records carry codes.

use vocabulary::{Country, LoCode};

/// Every country of ISO 3166-1, by name.
#[must_use]
pub fn countries() -> Vec<Country> {
    let mut all: Vec<Country> = Country::all().collect();
    // Åland stands among the As, as in the standard's own list.
    all.sort_by_cached_key(|country| country.name().replace('Å', "A"));
    all
}

/// Ports and trading cities to choose from, UN/LOCODE and name. Others of the code list can be entered by code.
#[must_use]
pub fn places() -> Vec<(&'static str, String)> {
    let named = |country: &'static market::countries::Country| {
        country.places.iter().map(|place| (place.locode, format!("{}, {}", place.city, country.name)))
    };
    market::countries::COUNTRIES.iter().flat_map(named).collect()
}

/// The code of what somebody entered for a country: its code in any case, or its name.
#[must_use]
pub fn country_code(entered: &str) -> Option<Country> {
    let code = entered.to_ascii_uppercase().parse().ok();
    code.or_else(|| Country::all().find(|country| country.name().to_lowercase() == entered.to_lowercase()))
}

/// The code of what somebody entered for a place: its code with or without spaces, in any case, or the name of a
/// place in [`places`], with or without its country.
#[must_use]
pub fn place_code(entered: &str) -> Option<LoCode> {
    let code = entered.replace(' ', "").to_ascii_uppercase().parse().ok();
    let sought = entered.to_lowercase();
    let is_it = |name: &str| {
        let name = name.to_lowercase();
        name == sought || name.split_once(", ").is_some_and(|(city, _)| city == sought)
    };
    code.or_else(|| {
        places().into_iter().find(|(_, name)| is_it(name)).and_then(|(code, _)| code.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn germany_is_not_georgia() {
        let check = |entered: &str, code: Option<&str>| {
            let found = country_code(entered).map(|country| country.to_string());
            assert_eq!(found.as_deref(), code, "{entered}");
        };
        check("DE", Some("DE"));
        check("ge", Some("GE"));
        check("Germany", Some("DE"));
        check("TÜRKIYE", Some("TR"));
        check("Germ", None);
        check("", None);
        assert_eq!(countries().len(), 249);
        assert_eq!(countries()[1].name(), "Åland Islands");
    }

    #[test]
    fn a_port_is_known_by_code_and_by_name() {
        let check = |entered: &str, code: Option<&str>| {
            let found = place_code(entered).map(|place| place.to_string());
            assert_eq!(found.as_deref(), code, "{entered}");
        };
        check("BDCGP", Some("BDCGP"));
        check("ae jea", Some("AEJEA"));
        check("Rosario", Some("ARROS"));
        check("jebel ali, united arab emirates", Some("AEJEA"));
        check("Atlantis", None);
        check("", None);
        for (code, name) in places() {
            assert!(code.parse::<LoCode>().is_ok(), "{name}");
        }
    }
}
