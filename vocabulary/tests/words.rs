//! The words of trade: what is accepted, what is refused, and that both forms come back as they were.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::hash::encode;
use ledger::{Refusal, Timestamp};
use proptest::prelude::*;
use vocabulary::fuzz::{fuzz_date, fuzz_messages, fuzz_words};
use vocabulary::{
    Country, HsCode, Incoterm, Lei, LoCode, Role, Roles, Text, UnitCode, WordError, date, field,
};

fn round_trip<T>(text: &str) -> T
where
    T: FromStr<Err = WordError> + Display + Debug + PartialEq + BorshSerialize + BorshDeserialize,
{
    let word: T = text.parse().expect(text);
    assert_eq!(word.to_string(), text);
    assert_eq!(T::try_from_slice(&encode(&word)).expect(text), word);
    word
}

fn refused<T: FromStr<Err = WordError> + Debug>(kind: &str, texts: &[&str]) {
    for text in texts {
        let error = text.parse::<T>().expect_err(text);
        assert_eq!(error.kind, kind, "{text}");
        assert!(!error.reason.is_empty());
    }
}

#[test]
fn every_country_of_the_standard_comes_back_as_it_was() {
    assert_eq!(Country::all().count(), 249);
    assert!(Country::all().is_sorted());
    for country in Country::all() {
        assert_eq!(round_trip::<Country>(country.as_str()), country);
    }
    assert_eq!(round_trip::<Country>("TR").name(), "Türkiye");
    assert_eq!((Country::all().map(|country| country.name()).collect::<BTreeSet<_>>()).len(), 249);
    refused::<Country>("country", &["", "B", "BGD", "bd", "XX", "UK", "D ", " D", "É"]);
}

#[test]
fn every_heading_that_can_be_is_told_from_every_subheading() {
    let mut count = 0;
    for number in 0..=9_999u32 {
        let text = format!("{number:04}");
        let known = (1..=97).contains(&(number / 100)) && number / 100 != 77 && !number.is_multiple_of(100);
        assert_eq!(text.parse::<HsCode>().is_ok(), known, "{text}");
        if known {
            let heading = round_trip::<HsCode>(&text);
            assert_eq!((heading.chapter(), heading.heading()), (number / 100, number));
            assert!(!heading.is_subheading());
            assert_eq!(encode(&heading), format!("{text}\0\0").as_bytes());
            count += 1;
        }
    }
    for number in 0..=999_999u32 {
        let text = format!("{number:06}");
        if let Ok(subheading) = text.parse::<HsCode>() {
            assert_eq!((subheading.chapter(), subheading.heading()), (number / 10_000, number / 100));
            assert!(subheading.is_subheading());
            assert_eq!(encode(&subheading), text.as_bytes());
            count += 1;
        }
    }
    assert_eq!(count, 96 * 99 * 101, "96 chapters of 99 headings, each with 100 subheadings");
}

#[test]
fn a_horse_is_not_a_heading_and_sorts_behind_its_own() {
    let codes: Vec<HsCode> = ["0101", "010121", "0102", "1001", "100119", "5303"].map(round_trip).to_vec();
    assert!(codes.is_sorted());
    assert_eq!(encode(&codes[0]), b"0101\0\0");
    assert_eq!(encode(&codes[1]), b"010121");
    assert_eq!(codes[1].heading(), 101);
    refused::<HsCode>(
        "HS code",
        &["", "101", "10101", "7701", "9801", "0001", "5300", "53 03", "5303.1", "+303", "٥٣٠٣"],
    );
}

#[test]
fn no_bytes_decode_to_a_code_that_no_text_gives() {
    for bytes in [b"\0\0\0\0\0\0", b"0101\x002", b"01012\0", b"9901\0\0", b"01a1\0\0", b"5300\0\0"] {
        assert!(HsCode::try_from_slice(bytes).is_err(), "{bytes:?}");
    }
    for byte in 0..=u8::MAX {
        let known = usize::from(byte) < UnitCode::all().count();
        assert_eq!(UnitCode::try_from_slice(&[byte]).is_ok(), known, "unit {byte}");
        assert_eq!(Incoterm::try_from_slice(&[byte]).is_ok(), byte < 11, "Incoterm {byte}");
    }
    for bits in 0..=u16::MAX {
        assert_eq!(Roles::try_from_slice(&bits.to_le_bytes()).is_ok(), bits < 256, "roles {bits:b}");
    }
    assert!(Country::try_from_slice(b"XX").is_err());
    assert!(LoCode::try_from_slice(b"BD\xff\xff\xff").is_err());
    assert!(Lei::try_from_slice(b"529900T8BM49AURSDO56").is_err());
}

#[test]
fn every_unit_and_every_incoterm_comes_back_as_it_was() {
    for unit in UnitCode::all() {
        assert_eq!(round_trip::<UnitCode>(unit.code()), unit);
        assert!(!unit.symbol().is_empty() && !unit.name().is_empty());
    }
    for term in Incoterm::ALL {
        assert_eq!(round_trip::<Incoterm>(term.code()), term);
    }
    assert_eq!(encode(&round_trip::<UnitCode>("TNE")), [0]);
    assert_eq!(encode(&round_trip::<UnitCode>("APZ")), [11]);
    refused::<UnitCode>("unit", &["", "tne", "T", "TON", "XXX"]);
    refused::<Incoterm>("Incoterm", &["", "fob", "DAT", "FOBB"]);
}

#[test]
fn an_identifier_with_a_typing_error_is_refused() {
    round_trip::<Lei>("529900T8BM49AURSDO55");
    let good = *b"529900T8BM49AURSDO55";
    for at in 0..20 {
        // One digit for another or one letter for another is always found (ISO 7064); so is a swap of neighbours.
        let kind = if good[at].is_ascii_digit() { b'0'..=b'9' } else { b'A'..=b'Z' };
        for byte in kind.filter(|byte| *byte != good[at]) {
            let mut bad = good;
            bad[at] = byte;
            let text = std::str::from_utf8(&bad).unwrap();
            assert!(text.parse::<Lei>().is_err(), "{text}");
        }
    }
    refused::<Lei>("LEI", &["", "529900T8BM49AURSDO5", "529900t8bm49aursdo55", "529900T8BM49AURSDO555"]);
}

#[test]
fn a_place_begins_with_its_country() {
    round_trip::<LoCode>("BDCGP");
    round_trip::<LoCode>("US2B9");
    refused::<LoCode>("UN/LOCODE", &["", "BDC", "XXCGP", "BDCG1", "BDCG0", "bdcgp", "BDCGPX", "BÉCG"]);
}

#[test]
fn a_name_shows_what_it_is() {
    for name in
        ["A", "Dhaka Mills Ltd", "Société Générale", "上海棉纺织有限公司", "Ålesund & Co.", "شركة النيل"]
    {
        round_trip::<Text<20>>(name);
    }
    refused::<Text<20>>(
        "text",
        &[
            "",
            " Dhaka",
            "Dhaka ",
            "Dhaka\nMills",
            "Dhaka\tMills",
            "Dhaka\u{0}",
            "Dhaka\u{a0}Mills",
            "Dhaka\u{3000}Mills",
            "123456789012345678901",
        ],
    );
    let hidden = [
        0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029,
        0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x2800, 0x3164,
        0xfe0f, 0xfeff, 0xffa0, 0xe0041, 0xe0100,
    ];
    for code in hidden.map(|code| char::from_u32(code).unwrap()) {
        let error = format!("Dhaka{code}Mills").parse::<Text<20>>().unwrap_err();
        assert_eq!(error.kind, "text", "U+{:04X}", u32::from(code));
        let bytes = encode(&format!("Dhaka{code}Mills"));
        assert!(Text::<20>::try_from_slice(&bytes).is_err(), "U+{:04X}", u32::from(code));
    }
    assert!(Text::<20>::try_from_slice(&[255, 255, 255, 255, 65]).is_err());
}

#[test]
fn roles_are_a_set_and_say_their_names() {
    let both = Roles::of(&[Role::Bank, Role::Trader]);
    assert_eq!(both, Roles::default().with(Role::Trader).with(Role::Bank));
    assert_eq!(both.to_string(), "trader, bank");
    assert_eq!(Roles::default().to_string(), "none");
    assert!(both.has(Role::Bank) && !both.has(Role::Operator) && !both.is_empty());
    for role in Role::ALL {
        assert_eq!(role.name().parse(), Ok(role));
    }
    assert_eq!("boss".parse::<Role>().unwrap_err().kind, "role");
}

#[test]
fn moments_are_written_in_utc() {
    let cases = [
        (0, "1 January 1970, 00:00 UTC", "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "28 February 2000, 23:59 UTC", "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "29 February 2000, 00:00 UTC", "2000-02-29T00:00:00.000Z"),
        (1_795_248_928_042, "21 November 2026, 08:15 UTC", "2026-11-21T08:15:28.042Z"),
        (4_107_542_400_000, "1 March 2100, 00:00 UTC", "2100-03-01T00:00:00.000Z"),
    ];
    for (ms, minute, iso) in cases {
        assert_eq!((date::minute(Timestamp(ms)).as_str(), date::iso(Timestamp(ms)).as_str()), (minute, iso));
    }
    assert!(date::minute(Timestamp(u64::MAX)).ends_with("584556019, 14:25 UTC"));
}

#[derive(Debug, PartialEq, BorshSerialize)]
enum Request {
    Store { name: Text<10>, hs: HsCode },
    Fetch(u64),
    Stop,
}
vocabulary::decode_by_field!(enum Request { 0 => Store { name, hs }, 1 => Fetch(number), 2 => Stop });

#[test]
fn a_request_that_cannot_be_read_says_which_field_is_at_fault() {
    let store = Request::Store { name: "jute".parse().unwrap(), hs: "5303".parse().unwrap() };
    for request in [store, Request::Fetch(7), Request::Stop] {
        assert_eq!(field::decode::<Request>(&encode(&request)).unwrap(), request);
    }
    let check = |bytes: &[u8], field: &str| {
        let refusal: Refusal = field::decode::<Request>(bytes).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("malformed", field), "{refusal}");
    };
    check(b"", "payload");
    check(&[9], "payload");
    check(b"\x02 and more", "payload");
    check(b"\x00\x05\0\0\0jute 5303\0\0", "name");
    check(b"\x00\x04\0\0\0jute9903\0\0", "hs");
    check(b"\x00\x04\0\0\0jute53", "hs");
    check(&[1, 0, 0], "number");
}

proptest! {
    #[test]
    fn no_bytes_make_a_word_or_a_message_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz_words(&bytes);
        fuzz_messages(&bytes);
        fuzz_date(&bytes);
    }

    #[test]
    fn no_text_makes_a_word_panic(text in "\\PC{0,30}|[0-9]{4,6}|[A-Z]{2,5}|[A-Z0-9]{18}[0-9]{2}") {
        fuzz_words(text.as_bytes());
    }

    #[test]
    fn days_follow_each_other(day in 0u64..3_000_000) {
        let date = |day: u64| date::civil(Timestamp(day * Timestamp::DAY_MS));
        let ((year, month, of_month), next) = (date(day), date(day + 1));
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = match month { 2 if leap => 29, 2 => 28, 4 | 6 | 9 | 11 => 30, _ => 31 };
        let expected = if of_month < length { (year, month, of_month + 1) }
            else if month < 12 { (year, month + 1, 1) } else { (year + 1, 1, 1) };
        prop_assert_eq!(next, expected);
    }
}
