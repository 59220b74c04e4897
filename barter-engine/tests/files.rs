//! Files: what they hold, how they are packed, and what is refused with its place.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use barter_engine::files::{
    Malformed, NamedBook, Source, fuzz_answer, fuzz_assets, fuzz_obligations, fuzz_offers, read_book,
    read_duals, read_obligations, read_rings, read_summary, write_duals, write_rings, write_summary,
    write_unfilled,
};
use barter_engine::{Options, clear};
use clearing::{AssetKey, Rules};
use proptest::prelude::*;
use std::io::Write;

const ASSETS: &str = "asset_id,decimals,ref_usd\njute,3,613.2\ndiesel,3,790\n";
const HEADER: &str =
    "offer_id,party,give_asset,give_qty,want_asset,want_qty,divisible,min_fill,valid_from,valid_until\n";
const DHAKA: &str = "O1,Dhaka Mills,jute,500000,diesel,380000,1,,1799913600,1802592000\n";
const BAKU: &str = "O2,Baku Oil,diesel,400000,jute,500000,1,0,1799913600,1802592000\n";

fn read(assets: &[u8], offers: &[u8]) -> Result<NamedBook, String> {
    let source = |name, bytes| Source::bytes(name, bytes).map_err(|e| e.to_string());
    read_book(source("assets.csv", assets)?, source("offers.csv", offers)?).map_err(|e| e.to_string())
}

fn refused(assets: &str, offers: &str) -> String {
    read(assets.as_bytes(), offers.as_bytes()).unwrap_err()
}

#[test]
fn a_book_reads_the_same_plain_and_packed_and_in_any_order() {
    let plain = format!("{HEADER}{DHAKA}{BAKU}");
    let book = read(ASSETS.as_bytes(), plain.as_bytes()).unwrap();
    assert_eq!((book.book.assets().len(), book.book.offers().len()), (2, 2));
    assert_eq!((book.asset_name(AssetKey(0)), book.asset_key("jute")), ("diesel", Some(AssetKey(1))));
    assert!(book.book.offers()[0].min_fill.is_zero());

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    let zstd = zstd::stream::encode_all(plain.as_bytes(), 3).unwrap();
    let turned = format!("{HEADER}{BAKU}{DHAKA}").replace('\n', "\r\n");
    for offers in [gzip.finish().unwrap(), zstd, turned.into_bytes()] {
        assert_eq!(read(ASSETS.as_bytes(), &offers).unwrap().book, book.book);
    }
}

#[test]
fn what_is_refused_names_file_line_column_and_reason() {
    let good = format!("{HEADER}{DHAKA}");
    let offer = |from: &str, to: &str| refused(ASSETS, &format!("{HEADER}{BAKU}{}", DHAKA.replace(from, to)));
    let cases = [
        (
            refused("asset_id,decimals\nA,0\n", &good),
            "assets.csv, line 1, column ref_usd: the header has no such column",
        ),
        (
            refused(&format!("{ASSETS}jute,3,1\n"), &good),
            "assets.csv, line 4, column asset_id: \"jute\" is listed twice",
        ),
        (
            refused(&format!("{ASSETS}rice,19,1\n"), &good),
            "assets.csv, line 4, column decimals: \"19\" is not a whole number from 0 to 18",
        ),
        (
            refused(&format!("{ASSETS}rice,3,-1\n"), &good),
            "assets.csv, line 4, column ref_usd: \"-1\" is not a price: not a plain decimal number",
        ),
        (refused(&format!("{ASSETS}rice,3\n"), &good), "assets.csv, line 4: 2 fields where the header has 3"),
        (offer("O1", "O2"), "offers.csv, line 3, column offer_id: \"O2\" is listed twice"),
        (
            offer("O1", ""),
            "offers.csv, line 3, column offer_id: an identifier has 1 to 64 bytes without control characters",
        ),
        (
            offer("jute", "hemp"),
            "offers.csv, line 3, column give_asset: asset \"hemp\" is not in the assets file",
        ),
        (offer("jute", "diesel"), "offers.csv, line 3, column want_asset: the offer wants what it gives"),
        (offer("500000", "0"), "offers.csv, line 3, column give_qty: a quantity of zero"),
        (
            offer("500000", "5e5"),
            "offers.csv, line 3, column give_qty: \"5e5\" is not an amount: not a plain number",
        ),
        (
            offer("500000", "1000000000000000000000000001"),
            "offers.csv, line 3, column give_qty: \"1000000000000000000000000001\" is not an amount: amount exceeds 10^27 smallest units",
        ),
        (offer(",1,,", ",yes,,"), "offers.csv, line 3, column divisible: \"yes\" is neither 0 nor 1"),
        (
            offer(",1,,", ",1,500001,"),
            "offers.csv, line 3, column min_fill: the minimum fill exceeds the quantity given",
        ),
        (
            offer("1799913600", "tomorrow"),
            "offers.csv, line 3, column valid_from: \"tomorrow\" is not a whole number from 0 to 18446744073709551615",
        ),
        (
            offer("1802592000", "1799913600"),
            "offers.csv, line 3, column valid_until: the offer ends before it begins",
        ),
    ];
    for (told, expected) in cases {
        assert_eq!(told, expected);
    }
    let latin = read(ASSETS.as_bytes(), b"offer_id\xff,party\n").unwrap_err();
    assert!(latin.starts_with("offers.csv, line 1"), "{latin}");
}

#[test]
fn obligations_are_refused_with_their_place() {
    let refused = |row: &str| {
        let text = format!("debtor,creditor,amount\n{row}\n");
        read_obligations(Source::bytes("-", text.as_bytes()).unwrap(), Malformed::Refused)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("a,b,-1"),
        "standard input, line 2, column amount: \"-1\" is not an amount: not a plain number"
    );
    assert_eq!(
        refused("a,b,1.0000000000001"),
        "standard input, line 2, column amount: \"1.0000000000001\" is not an amount: more than 12 decimal places"
    );
    assert_eq!(
        refused("a,,1"),
        "standard input, line 2, column creditor: an identifier has 1 to 64 bytes without control characters"
    );
}

#[test]
fn rows_of_obligations_may_be_skipped_with_their_place() {
    let text = "debtor,creditor,amount\na,b,1.5\na,b\n,b,2\nb,a,NaN\nb,a,2\n";
    let source = Source::bytes("debts.csv", text.as_bytes()).unwrap();
    let (obligations, skipped) = read_obligations(source, Malformed::Skipped).unwrap();
    assert_eq!((obligations.debts.len(), skipped.count), (2, 3));
    let told: Vec<String> = skipped.told.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "debts.csv, line 3: 2 fields where the header has 3",
            "debts.csv, line 4, column debtor: an identifier has 1 to 64 bytes without control characters",
            "debts.csv, line 5, column amount: \"NaN\" is not an amount: not a plain number",
        ]
    );
}

#[test]
fn an_answer_is_written_as_the_check_reads_it() {
    let book = read(ASSETS.as_bytes(), format!("{HEADER}{DHAKA}{BAKU}").as_bytes()).unwrap();
    let rules = Rules::default();
    let clearing = clear(&book.book, &rules, 1_800_000_000, &Options::default());
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name);
    write_rings(&path("rings.csv"), &book, &clearing).unwrap();
    write_unfilled(&path("unfilled.csv"), &book, &clearing).unwrap();
    write_summary(&path("summary.json"), &book, &rules, 1_800_000_000, &clearing).unwrap();
    let rings = std::fs::read_to_string(path("rings.csv")).unwrap();
    let rows: Vec<Vec<&str>> = rings.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["ring_id", "pos", "offer_id", "give_qty"]);
    assert_eq!(rows[1][..3], ["R000001", "0", "O1"]);
    assert_eq!(rows[2][..3], ["R000001", "1", "O2"]);
    assert_eq!(rows.len(), 3);
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("summary.json")).unwrap()).unwrap();
    write_duals(&path("duals.csv"), &book, &clearing).unwrap();
    let read = |name: &str| Source::open(&path(name)).unwrap();
    assert_eq!(read_rings(&book, read("rings.csv")).unwrap(), clearing.answer.rings);
    assert_eq!(read_duals(&book, read("duals.csv")).unwrap(), clearing.duals);
    let claims = read_summary(read("summary.json")).unwrap();
    assert_eq!((claims.rules, claims.now), (rules, 1_800_000_000));
    assert_eq!(Some(claims.value_micro_usd), clearing.report.value.floor_to(6));
    assert_eq!(summary["mode"], "ring");
    assert_eq!(summary["offers_filled"], 2);
    assert!(summary["bound_usd"].as_f64() >= summary["value_usd"].as_f64());
    assert_eq!(std::fs::read_to_string(path("unfilled.csv")).unwrap().lines().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), packing in 0..3u8) {
        let head: &[u8] = [&[][..], &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd]][usize::from(packing)];
        let bytes = [head, &bytes].concat();
        fuzz_assets(&bytes);
        fuzz_offers(&bytes);
        fuzz_obligations(&bytes);
        fuzz_answer(&bytes);
    }

    #[test]
    fn no_rows_make_a_reader_panic(rows in "([a-cAB0-9,.\"\\-]{0,40}\n){0,6}") {
        fuzz_assets(format!("asset_id,decimals,ref_usd\n{rows}").as_bytes());
        fuzz_offers(format!("{HEADER}{rows}").as_bytes());
        fuzz_obligations(format!("debtor,creditor,amount\n{rows}").as_bytes());
    }
}
