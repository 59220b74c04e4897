//! Trading companies, all of them invented.

use crate::countries::{Country, Place};

/// The position of a company in [`crate::Market::companies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompanyId(pub usize);

/// An invented trading company. Its name is a city and a trade; a real firm of that name is not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Legal name, unique in its market, for example "Dhaka Mills".
    pub name: String,
    /// Number in the (invented) register of its country, unique in its market, for example `BD-418207`.
    pub registration_number: String,
    /// Where it is registered.
    pub country: &'static Country,
    /// Where it hands over its goods.
    pub place: &'static Place,
    /// A code of the shape of an LEI (ISO 17442) with right check digits; about a third have none.
    pub lei: Option<String>,
    /// HS-4 headings that it sells, from its country's exports.
    pub gives: Vec<&'static str>,
    /// HS-4 headings that it buys, from its country's imports; none of them is in `gives`.
    pub wants: Vec<&'static str>,
}

/// Appends the two check digits of ISO/IEC 7064 MOD 97-10, as ISO 17442 uses them, to the 18 characters of
/// an LEI. Returns `None` unless `stem` is 18 characters of `0-9A-Z`.
#[must_use]
pub fn lei_with_check_digits(stem: &str) -> Option<String> {
    if stem.len() != 18 {
        return None;
    }
    let check = 98 - remainder_97(&format!("{stem}00"))?;
    Some(format!("{stem}{check:02}"))
}

/// Whether `lei` is 18 characters of `0-9A-Z` and two right check digits (ISO 17442).
#[must_use]
pub fn lei_is_valid(lei: &str) -> bool {
    lei.len() == 20 && lei[18..].bytes().all(|byte| byte.is_ascii_digit()) && remainder_97(lei) == Some(1)
}

/// The number that ISO/IEC 7064 makes of the characters (A is 10, Z is 35), modulo 97.
fn remainder_97(text: &str) -> Option<u64> {
    text.chars().try_fold(0, |rest, c| {
        let digit = u64::from(c.to_digit(36).filter(|_| !c.is_ascii_lowercase())?);
        Some((if digit < 10 { rest * 10 } else { rest * 100 } + digit) % 97)
    })
}

/// The words that name a trade, by HS heading.
pub(crate) fn trade_words(hs4: &str) -> &'static [&'static str] {
    let chapter: u8 = hs4.get(..2).and_then(|chapter| chapter.parse().ok()).unwrap_or_default();
    match (chapter, hs4) {
        (2 | 3, _) => &["Cold Stores", "Packing"],
        (_, "0409") => &["Apiaries", "Honey"],
        (4, _) => &["Dairy", "Creamery"],
        (7 | 8, _) => &["Growers", "Orchards", "Harvest"],
        (_, "0901" | "0902") => &["Estates", "Gardens"],
        (9, _) => &["Spice", "Spice Yards"],
        (10 | 11, _) => &["Grain", "Milling", "Granaries"],
        (12, _) => &["Seed", "Oilseed"],
        (15, _) => &["Pressing", "Oils"],
        (16 | 20, _) => &["Canning", "Preserves"],
        (17, _) => &["Cane", "Sweetening"],
        (18, _) => &["Cocoa", "Cocoa Yards"],
        (23, _) => &["Feeds", "Meal Works"],
        (24, _) => &["Leaf", "Curing"],
        (25, _) => &["Quarries", "Minerals"],
        (26, _) => &["Ores", "Lodes"],
        (_, "2701" | "2704") => &["Collieries", "Coke Works"],
        (27, _) => &["Refining", "Lamp Oil", "Fuels"],
        (28 | 29, _) => &["Chemical Works", "Reagents"],
        (30, _) => &["Remedies", "Dispensing"],
        (31, _) => &["Nutrients", "Soil Works"],
        (34, _) => &["Soapworks", "Soap Yards"],
        (38, _) => &["Crop Care", "Field Care"],
        (39, _) => &["Resin Works", "Pellets"],
        (40, _) => &["Rubber Yards", "Latex"],
        (41, _) => &["Tannery", "Hides"],
        (44, _) => &["Timber Yards", "Sawing"],
        (47 | 48, _) => &["Pulp Works", "Paper Yards"],
        (50..=60, _) => &["Mills", "Spinning", "Textile"],
        (61..=63, _) => &["Weaving", "Garments", "Looms"],
        (72 | 73, _) => &["Rolling", "Ironworks", "Steel Yards"],
        (74..=81, _) => &["Smelting", "Casting", "Foundry"],
        (85, _) => &["Wire Works", "Cable Yards"],
        (87, _) => &["Axles", "Motor Stores"],
        _ => &["Trading", "Merchants"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_the_published_examples() {
        // An example of the guidance to ISO 17442, and the code of the GLEIF itself.
        for lei in ["5493001KJTIIGC8Y1R12", "506700GE1G29325QX363"] {
            assert!(lei_is_valid(lei), "{lei}");
            assert_eq!(lei_with_check_digits(&lei[..18]).as_deref(), Some(lei));
        }
        for wrong in ["5493001KJTIIGC8Y1R13", "5493001kJTIIGC8Y1R12", "5493001KJTIIGC8Y1R1", "", "é"] {
            assert!(!lei_is_valid(wrong), "{wrong}");
        }
        assert_eq!(lei_with_check_digits("5493001KJTIIGC8Y1-"), None);
        assert_eq!(lei_with_check_digits("5493"), None);
    }
}
