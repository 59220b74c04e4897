//! What the market generates is what the product accepts: every code parses as a word of trade.

use market::{COUNTRIES, GOODS, Incoterm, Market};
use vocabulary::{Country, HsCode, Lei, LoCode, UnitCode};

#[test]
fn every_code_of_the_tables_is_a_word_of_trade() {
    for good in GOODS {
        assert_eq!(good.hs4.parse().map(|code: HsCode| code.to_string()), Ok(good.hs4.to_owned()));
        assert_eq!(good.unit.parse().map(|unit: UnitCode| unit.to_string()), Ok(good.unit.to_owned()));
    }
    for land in COUNTRIES {
        assert_eq!(land.alpha2.parse().map(|code: Country| code.to_string()), Ok(land.alpha2.to_owned()));
        for place in land.places {
            assert_eq!(
                place.locode.parse().map(|code: LoCode| code.to_string()),
                Ok(place.locode.to_owned())
            );
        }
    }
    for incoterm in [Incoterm::Fca, Incoterm::Fob] {
        assert_eq!(incoterm.code().parse().map(vocabulary::Incoterm::code), Ok(incoterm.code()));
    }
}

#[test]
fn every_lei_shaped_code_passes_the_check_of_its_digits() {
    let market = Market::generate(7, 90, 480);
    let codes: Vec<_> = market.companies.iter().filter_map(|company| company.lei.as_deref()).collect();
    assert!(!codes.is_empty());
    for code in codes {
        assert_eq!(code.parse().map(|lei: Lei| lei.to_string()), Ok(code.to_owned()));
    }
}
