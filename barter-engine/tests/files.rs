//! Files: what they hold, how they are packed, and what is refused with its place.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use barter_engine::explanation::explain_answer;
use barter_engine::files::{
    Malformed, NamedBook, Skipped, Source, fuzz_answer, fuzz_assets, fuzz_obligations, fuzz_offers,
    fuzz_order, import_cow, read_book, read_book_with, read_duals, read_lanes, read_obligations, read_rings,
    read_summary, ring_name, write_duals, write_explanations, write_lanes, write_rings, write_summary,
    write_unfilled,
};
use barter_engine::{Options, clear};
use clearing::{AssetKey, Duals, Rules};
use proptest::prelude::*;
use std::io::{Read, Write};

const ASSETS: &str = "asset_id,decimals,ref_usd\njute,3,613.2\ndiesel,3,790\n";
const HEADER: &str =
    "offer_id,party,give_asset,give_qty,want_asset,want_qty,divisible,min_fill,valid_from,valid_until\n";
const DHAKA: &str = "O1,Dhaka Mills,jute,500000,diesel,380000,1,,1799913600,1802592000\n";
const BAKU: &str = "O2,Baku Oil,diesel,400000,jute,500000,1,0,1799913600,1802592000\n";

fn read(assets: &[u8], offers: &[u8]) -> Result<NamedBook, String> {
    let source = |name, bytes| Source::bytes(name, bytes).map_err(|e| e.to_string());
    read_book(source("assets.csv", assets)?, source("offers.csv", offers)?).map_err(|e| e.to_string())
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

const DEBTS: &str = "debtor,creditor,amount\n";

/// One malformed row after good ones: what it says, what is told of it, and what it counts as when it is skipped.
type Case<'a> = (&'a [u8], &'a str, &'a str);

/// Reads `good` and then each row: alone it refuses its file, and it may be skipped without the good ones.
fn check(good: &str, rows: &[Case<'_>], read: impl Fn(&[u8], Malformed) -> Result<(usize, Told), String>) {
    let lines = good.lines().count();
    let kept = read(good.as_bytes(), Malformed::Skipped).unwrap().0;
    for (row, told, name) in rows {
        let text = [good.as_bytes(), row, b"\n"].concat();
        let ended = [good.replace('\n', "\r\n").as_bytes(), row, b"\r\n"].concat();
        let apart = [good.as_bytes(), b"\n", row, b"\n\r\n"].concat();
        for (text, line) in [(text, lines + 1), (ended, lines + 1), (apart, lines + 2)] {
            let told = told.replace("LINE", &format!("line {line}"));
            assert_eq!(read(&text, Malformed::Refused).unwrap_err(), told);
            let skipped = read(&text, Malformed::Skipped).unwrap();
            assert_eq!(skipped, (kept, vec![((*name).to_owned(), told)]));
        }
    }
    let all: Vec<&[u8]> = rows.iter().map(|(row, ..)| *row).collect();
    let (found, told) = read(&[good.as_bytes(), &all.join(&b'\n')].concat(), Malformed::Skipped).unwrap();
    assert_eq!((found, told.len()), (kept, rows.len()), "{told:?}");
}

/// The reasons of skipped rows, and what is told of them.
type Told = Vec<(String, String)>;

fn told(skipped: &barter_engine::files::SkippedRows) -> Told {
    assert_eq!(skipped.told.len(), skipped.total());
    let told = skipped.told.iter().map(|error| (error.reason.name().to_owned(), error.to_string()));
    told.collect()
}

fn book_with(assets: &[u8], offers: &[u8], malformed: Malformed) -> Result<(NamedBook, Skipped), String> {
    let source = |name, bytes| Source::bytes(name, bytes).map_err(|e| e.to_string());
    read_book_with(source("assets.csv", assets)?, source("offers.csv", offers)?, malformed)
        .map_err(|e| e.to_string())
}

#[test]
fn a_malformed_asset_is_refused_with_its_place_or_skipped_and_counted() {
    let long = [b"rice,3,".as_slice(), &[b'1'; 70_000]].concat();
    let mark = "assets.csv, LINE: a field begins with a quotation mark and does not end with one";
    let rows: [Case<'_>; 17] = [
        (b"jute,3,1", "assets.csv, LINE, column asset_id: \"jute\" is listed twice", "duplicate"),
        (
            b",3,1",
            "assets.csv, LINE, column asset_id: an identifier has 1 to 64 bytes without control characters",
            "bad identifier",
        ),
        (
            b"rice,19,1",
            "assets.csv, LINE, column decimals: \"19\" is not a whole number from 0 to 18",
            "bad number",
        ),
        (
            b"rice,-1,1",
            "assets.csv, LINE, column decimals: \"-1\" is not a whole number from 0 to 18",
            "bad number",
        ),
        (b"rice,3,0", "assets.csv, LINE, column ref_usd: \"0\" is not a price: price is zero", "bad price"),
        (
            b"rice,3,-1",
            "assets.csv, LINE, column ref_usd: \"-1\" is not a price: not a plain decimal number",
            "bad price",
        ),
        (
            b"rice,3,NaN",
            "assets.csv, LINE, column ref_usd: \"NaN\" is not a price: not a plain decimal number",
            "bad price",
        ),
        (
            b"rice,3,inf",
            "assets.csv, LINE, column ref_usd: \"inf\" is not a price: not a plain decimal number",
            "bad price",
        ),
        (
            b"rice,3,1e3",
            "assets.csv, LINE, column ref_usd: \"1e3\" is not a price: not a plain decimal number",
            "bad price",
        ),
        (
            b"rice,3,1000000000001",
            "assets.csv, LINE, column ref_usd: \"1000000000001\" is not a price: price exceeds 10^12 USD",
            "bad price",
        ),
        (b"rice,3", "assets.csv, LINE: 2 fields where the header has 3", "number of fields"),
        (b"rice,3,1,1", "assets.csv, LINE: 4 fields where the header has 3", "number of fields"),
        (b"ri\xffe,3,1", "assets.csv, LINE, column asset_id: field 1 is not UTF-8 text", "not UTF-8"),
        (b"rice,3,\xff", "assets.csv, LINE, column ref_usd: field 3 is not UTF-8 text", "not UTF-8"),
        (&long, "assets.csv, LINE: a row of more than 65536 bytes", "long row"),
        (b"\"rice,3,1", mark, "quotation mark"),
        (b"\"rice\"s,3,1", mark, "quotation mark"),
    ];
    check(ASSETS, &rows, |assets, malformed| {
        let (book, skipped) = book_with(assets, HEADER.as_bytes(), malformed)?;
        Ok((book.book.assets().len(), told(&skipped.assets)))
    });
}

#[test]
fn a_malformed_offer_is_refused_with_its_place_or_skipped_and_counted() {
    let changed = |from: &str, to: &str| DHAKA.trim().replace(from, to).into_bytes();
    let number = "is not a whole number from 0 to 18446744073709551615";
    let cases: Vec<(Vec<u8>, String, &str)> = [
        (changed("O1", "O2"), "offer_id: \"O2\" is listed twice", "duplicate"),
        (
            changed("O1", ""),
            "offer_id: an identifier has 1 to 64 bytes without control characters",
            "bad identifier",
        ),
        (
            changed("Dhaka", "Dha\tka"),
            "party: an identifier has 1 to 64 bytes without control characters",
            "bad identifier",
        ),
        (changed("jute", "hemp"), "give_asset: asset \"hemp\" is not in the assets file", "unknown asset"),
        (changed("diesel", "hemp"), "want_asset: asset \"hemp\" is not in the assets file", "unknown asset"),
        (changed("jute", "diesel"), "want_asset: the offer wants what it gives", "same asset"),
        (changed("500000", "0"), "give_qty: a quantity of zero", "zero"),
        (changed("380000", "0"), "want_qty: a quantity of zero", "zero"),
        (changed("500000", "-5"), "give_qty: \"-5\" is not an amount: not a plain number", "bad amount"),
        (changed("500000", "5e5"), "give_qty: \"5e5\" is not an amount: not a plain number", "bad amount"),
        (changed("380000", "NaN"), "want_qty: \"NaN\" is not an amount: not a plain number", "bad amount"),
        (
            changed("500000", "1000000000000000000000000001"),
            "give_qty: \"1000000000000000000000000001\" is not an amount: amount exceeds 10^27 smallest units",
            "bad amount",
        ),
        (
            changed("500000", &"9".repeat(100)),
            &format!("give_qty: {:?} is not an amount: amount exceeds 10^27 smallest units", "9".repeat(64)),
            "bad amount",
        ),
        (changed(",1,,", ",yes,,"), "divisible: \"yes\" is neither 0 nor 1", "bad flag"),
        (changed(",1,,", ",1,x,"), "min_fill: \"x\" is not an amount: not a plain number", "bad amount"),
        (
            changed(",1,,", ",1,500001,"),
            "min_fill: the minimum fill exceeds the quantity given",
            "minimum above the whole",
        ),
        (changed("1799913600", "soon"), &format!("valid_from: \"soon\" {number}"), "bad number"),
        (
            changed("1802592000", "18446744073709551616"),
            &format!("valid_until: \"18446744073709551616\" {number}"),
            "bad number",
        ),
        (
            changed("1802592000", "1799913600"),
            "valid_until: the offer ends before it begins",
            "never valid",
        ),
        (
            b"O3,Baku Oil,jute,5,diesel,5,1,0,1799913600,1802592000".to_vec(),
            "give_asset: another offer of the same party stands on the other side of this asset at the same time",
            "crossing party",
        ),
        (
            b"O3,Baku Oil,rice,5,diesel,5,1,0,1802591999,1802592001".to_vec(),
            "want_asset: another offer of the same party stands on the other side of this asset at the same time",
            "crossing party",
        ),
        (b"O3,\xc3,jute,5,diesel,5,1,0,0,9".to_vec(), "party: field 2 is not UTF-8 text", "not UTF-8"),
    ]
    .into_iter()
    .map(|(row, told, name)| (row, format!("offers.csv, LINE, column {told}"), name))
    .collect();
    let mut rows: Vec<Case<'_>> =
        cases.iter().map(|(row, told, name)| (row.as_slice(), told.as_str(), *name)).collect();
    rows.push((b"O3,P,jute", "offers.csv, LINE: 3 fields where the header has 10", "number of fields"));
    rows.push((
        b"O3,P,jute,5,diesel,5,1,0,0,9,more",
        "offers.csv, LINE: 11 fields where the header has 10",
        "number of fields",
    ));
    let assets = format!("{ASSETS}rice,3,1\n");
    check(&format!("{HEADER}{BAKU}"), &rows, |offers, malformed| {
        let (book, skipped) = book_with(assets.as_bytes(), offers, malformed)?;
        Ok((book.book.offers().len(), told(&skipped.offers)))
    });
}

#[test]
fn a_party_may_change_sides_once_its_offer_has_ended() {
    let later = "O3,Baku Oil,jute,5,diesel,5,1,0,1802592000,1802592001\n";
    let book = read(ASSETS.as_bytes(), format!("{HEADER}{BAKU}{later}").as_bytes()).unwrap();
    assert_eq!(book.book.offers().len(), 2);
}

#[test]
fn an_offer_goes_with_the_asset_that_was_skipped() {
    let assets = ASSETS.replace("613.2", "NaN");
    let offers = format!("{HEADER}{DHAKA}{BAKU}");
    let (book, skipped) = book_with(assets.as_bytes(), offers.as_bytes(), Malformed::Skipped).unwrap();
    assert_eq!((book.book.assets().len(), book.book.offers().len()), (1, 0));
    assert_eq!(skipped.assets.reasons, [("bad price", 1)].into());
    assert_eq!(skipped.offers.reasons, [("unknown asset", 2)].into());
}

#[test]
fn a_malformed_obligation_is_refused_with_its_place_or_skipped_and_counted() {
    let rows: [Case<'_>; 10] = [
        (
            b"a,b,-1",
            "debts.csv, LINE, column amount: \"-1\" is not an amount: not a plain number",
            "bad amount",
        ),
        (
            b"a,b,NaN",
            "debts.csv, LINE, column amount: \"NaN\" is not an amount: not a plain number",
            "bad amount",
        ),
        (b"a,b,0.00", "debts.csv, LINE, column amount: a quantity of zero", "zero"),
        (
            b"a,b,1.0000000000001",
            "debts.csv, LINE, column amount: \"1.0000000000001\" is not an amount: more than 12 decimal places",
            "bad amount",
        ),
        (
            b"a,b,1000000000000001",
            "debts.csv, LINE, column amount: \"1000000000000001\" is not an amount: amount exceeds 10^27 smallest units",
            "bad amount",
        ),
        (
            b"a,,1",
            "debts.csv, LINE, column creditor: an identifier has 1 to 64 bytes without control characters",
            "bad identifier",
        ),
        (
            b"\x01,b,1",
            "debts.csv, LINE, column debtor: an identifier has 1 to 64 bytes without control characters",
            "bad identifier",
        ),
        (b"a,b", "debts.csv, LINE: 2 fields where the header has 3", "number of fields"),
        (b"a,b,1,2", "debts.csv, LINE: 4 fields where the header has 3", "number of fields"),
        (b"a,\x80,1", "debts.csv, LINE, column creditor: field 2 is not UTF-8 text", "not UTF-8"),
    ];
    check(&format!("{DEBTS}a,b,1.5\nb,a,2\na,b,2\na,a,1\n"), &rows, |text, malformed| {
        let source = Source::bytes("debts.csv", text).map_err(|e| e.to_string())?;
        let (obligations, skipped) = read_obligations(source, malformed).map_err(|e| e.to_string())?;
        Ok((obligations.debts.len(), told(&skipped)))
    });
}

#[test]
fn what_concerns_a_whole_file_is_refused_whatever_may_be_skipped() {
    let offers =
        |header: &str| book_with(ASSETS.as_bytes(), header.as_bytes(), Malformed::Skipped).unwrap_err();
    assert_eq!(
        offers(&HEADER.replace("min_fill", "minimum")),
        "offers.csv, line 1, column min_fill: the header has no such column"
    );
    assert_eq!(
        offers(&HEADER.replace("party", "offer_id")),
        "offers.csv, line 1, column offer_id: the header has this column twice"
    );
    assert_eq!(offers(""), "offers.csv, line 1, column offer_id: the header has no such column");
    let latin = book_with(ASSETS.as_bytes(), b"offer_id\xff,party\n", Malformed::Skipped).unwrap_err();
    assert_eq!(latin, "offers.csv, line 1: field 1 is not UTF-8 text");
    let debts = format!("{DEBTS}a,b,{0}\nb,a,{0}\n", "900000000000000");
    let read = read_obligations(Source::bytes("-", debts.as_bytes()).unwrap(), Malformed::Skipped);
    assert_eq!(
        read.unwrap_err().to_string(),
        "standard input, line 3, column amount: all amounts together exceed 10^27 of the finest decimal"
    );
}

#[test]
fn a_table_may_begin_with_a_byte_order_mark() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let offers = marked(&format!("{HEADER}{DHAKA}{BAKU}"));
    let book = read(marked(ASSETS).as_bytes(), offers.as_bytes()).unwrap();
    assert_eq!((book.book.assets().len(), book.book.offers().len()), (2, 2));
}

#[test]
fn a_quotation_mark_spoils_its_own_row_and_no_other() {
    let assets = format!("{ASSETS}\"rice,3,1\n\"salt, \"\"coarse\"\"\",3,1\nsalt 5\",3,1\n\"rye\",3,1\n");
    let (book, skipped) = book_with(assets.as_bytes(), HEADER.as_bytes(), Malformed::Skipped).unwrap();
    assert_eq!(skipped.assets.reasons, [("quotation mark", 1)].into());
    let names: Vec<&str> = (0..5).map(|key| book.asset_name(AssetKey(key))).collect();
    assert_eq!(names, ["diesel", "jute", "rye", "salt 5\"", "salt, \"coarse\""]);
}

#[test]
fn an_endless_row_is_refused_without_being_held() {
    let rows = format!("{ASSETS}{}\nrice,3,1\n", ",".repeat(100_000));
    let (book, skipped) = book_with(rows.as_bytes(), HEADER.as_bytes(), Malformed::Skipped).unwrap();
    assert_eq!((book.book.assets().len(), told(&skipped.assets).len()), (3, 1));
    let header = ",".repeat(100_000);
    let refused = book_with(header.as_bytes(), HEADER.as_bytes(), Malformed::Skipped).unwrap_err();
    assert_eq!(refused, "assets.csv, line 1: a row of more than 65536 bytes");
    // As long as a file may be, packed into a few kilobytes.
    let packed = zstd::stream::encode_all(std::io::repeat(b',').take((256 << 20) + 1), 1).unwrap();
    let refused = read(&packed, HEADER.as_bytes()).unwrap_err();
    assert_eq!(refused, "assets.csv, line 1: longer than 268435456 bytes unpacked");
}

const ORDERS: &str = "auction,order,kind,token_bought_symbol,token_sold_symbol,token_bought_amount,token_sold_amount,\
                      token_bought_price_usd,token_sold_price_usd\n";

#[test]
fn an_auction_becomes_a_book_in_which_no_limit_is_lower() {
    // Of the third token there are two, one of which is called what the second of the first would be.
    let rows = [
        "7,\"a,1\",sell,GEM,SALT,2.0000000000001,1.0000000000019,1.50,0.25",
        "7,b2,buy,SALT,DUST,0.3,1e6,2.5e-1,2.1e-05",
        "7,c3,sell,GEM,GEM#2,4,5.5,1.75,1.5",
        "8,d4,sell,GEM,SALT,1,1,1,1",
    ];
    let out = tempfile::tempdir().unwrap();
    let text = format!("{ORDERS}{}\n", rows.join("\n"));
    let import =
        |only| import_cow(Source::bytes("orders.csv", text.as_bytes()).unwrap(), Some(only), out.path());
    let imported = import(7).unwrap();
    assert_eq!((imported.len(), imported[0].assets, imported[0].offers), (1, 5, 3));
    let read = |name: &str| std::fs::read_to_string(out.path().join("7").join(name)).unwrap();
    let assets =
        "asset_id,decimals,ref_usd\nDUST,18,21\nGEM,12,1.5\nGEM#3,12,1.75\nGEM#2,12,1.5\nSALT,12,0.25\n";
    assert_eq!(read("assets.csv"), assets);
    // What is given is rounded down, what is wanted up.
    let offers = "\"Oa,1\",\"Pa,1\",SALT,1000000000001,GEM,2000000000001,1,0,0,1\n\
                  Ob2,Pb2,DUST,1000000000000000000,SALT,300000000000,1,0,0,1\n\
                  Oc3,Pc3,GEM#2,5500000000000,GEM#3,4000000000000,1,0,0,1\n";
    assert_eq!(read("offers.csv"), format!("{HEADER}{offers}"));
    let open = |name: &str| Source::open(&out.path().join("7").join(name)).unwrap();
    assert_eq!(read_book(open("assets.csv"), open("offers.csv")).unwrap().book.offers().len(), 3);
    assert_eq!(
        import(999).unwrap_err().to_string(),
        "orders.csv, column auction: no order is of auction 999"
    );
}

#[test]
fn an_order_that_cannot_be_told_is_left_out_for_a_reason() {
    let (id, symbol) = ("i".repeat(63), "S".repeat(56));
    let rows = [
        (format!("1,{id},sell,{symbol},B,1,1,1,1"), None),
        (format!("1,{id}i,sell,A,B,1,1,1,1"), Some("bad identifier")),
        (format!("1,o,sell,{symbol}S,B,1,1,1,1"), Some("bad symbol")),
        ("1,o,sell,A,,1,1,1,1".to_owned(), Some("no symbol")),
        ("1,o,sell,A,B,1,1,,1".to_owned(), Some("no price")),
        ("1,o,sell,A,B,1,1,nan,1".to_owned(), Some("bad price")),
        ("1,o,sell,A,B,1,1,0.0,1".to_owned(), Some("bad price")),
        ("1,o,sell,A,B,,1,1,1".to_owned(), Some("no amount")),
        ("1,o,sell,A,B,1,1e20,1,1".to_owned(), Some("bad amount")),
        ("1,o,sell,A,B,1,1e-13,1,1".to_owned(), Some("dust")),
        ("1,o,sell,A,A,1,1,1,1.0".to_owned(), Some("same asset")),
    ];
    for (row, reason) in rows {
        let out = tempfile::tempdir().unwrap();
        let text = format!("{ORDERS}{row}\n");
        let imported =
            import_cow(Source::bytes("o", text.as_bytes()).unwrap(), None, out.path()).unwrap().remove(0);
        assert_eq!(imported.left_out, reason.map(|reason| (reason, 1)).into_iter().collect(), "{row}");
        assert_eq!(imported.offers, usize::from(reason.is_none()));
    }
}

#[test]
fn an_answer_is_written_as_the_check_reads_it() {
    let book = read(ASSETS.as_bytes(), format!("{HEADER}{DHAKA}{BAKU}").as_bytes()).unwrap();
    let rules = Rules::default();
    let clearing = clear(&book.book, &rules, 1_800_000_000, &Options::default());
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name);
    write_rings(&path("rings.csv"), &book, &clearing.answer.rings, ring_name).unwrap();
    write_unfilled(&path("unfilled.csv"), &book, &clearing.unfilled).unwrap();
    let none_skipped = Skipped::default();
    write_summary(&path("summary.json"), &book, &rules, 1_800_000_000, &clearing, &none_skipped).unwrap();
    let explained = explain_answer(&book.book, &rules, 1_800_000_000, &clearing.answer).unwrap();
    write_explanations(&path("rings.json"), &book, &explained).unwrap();
    let rings = std::fs::read_to_string(path("rings.csv")).unwrap();
    let rows: Vec<Vec<&str>> = rings.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["ring_id", "pos", "offer_id", "give_qty"]);
    assert_eq!(rows[1][..3], ["R000001", "0", "O1"]);
    assert_eq!(rows[2][..3], ["R000001", "1", "O2"]);
    assert_eq!(rows.len(), 3);
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("summary.json")).unwrap()).unwrap();
    write_duals(&path("duals.csv"), book.by_asset(&clearing.duals.assets)).unwrap();
    let read = |name: &str| Source::open(&path(name)).unwrap();
    let (names, rings) = read_rings(&book, read("rings.csv")).unwrap();
    assert_eq!((names, rings), (vec!["R000001".to_owned()], clearing.answer.rings.clone()));
    assert_eq!(read_duals(&book, read("duals.csv")).unwrap(), clearing.duals.assets);
    let claims = read_summary(read("summary.json")).unwrap();
    assert_eq!((claims.rules, claims.now), (rules, 1_800_000_000));
    assert_eq!(Some(claims.value_micro_usd), clearing.report.value.floor_to(6));
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("rings.json")).unwrap()).unwrap();
    assert_eq!((json[0]["ring_id"].as_str(), json[0]["shipments"].as_u64()), (Some("R000001"), Some(2)));
    let leg = &json[0]["legs"][0];
    assert_eq!((leg["party"].as_str(), leg["to"].as_str()), (Some("Dhaka Mills"), Some("Baku Oil")));
    assert_eq!(leg["gives"]["units"], rows[1][3]);
    assert_eq!(leg["receives"]["units"], rows[2][3]);
    assert_eq!(leg["given_in_all"], rows[1][3]);
    assert_eq!(leg["limit"], "0.760000000000");
    assert_eq!(summary["mode"], "ring");
    assert_eq!(summary["skipped_rows"], 0);
    assert_eq!(summary["offers_filled"], 2);
    assert!(summary["bound_usd"].as_f64() >= summary["value_usd"].as_f64());
    assert_eq!(std::fs::read_to_string(path("unfilled.csv")).unwrap().lines().count(), 1);
}

#[test]
fn lanes_are_read_as_they_were_written_and_only_those_that_somebody_offers() {
    let assets = format!("{ASSETS}tea,0,5\n");
    let book = read(assets.as_bytes(), format!("{HEADER}{DHAKA}{BAKU}").as_bytes()).unwrap();
    let key = |name: &str| book.asset_key(name).unwrap();
    let lane = |give: &str, want: &str| (key(give), key(want));
    let lanes = [(lane("diesel", "jute"), 0), (lane("jute", "diesel"), 1_020_000_000)];
    let duals = Duals { lanes: lanes.into(), ..Duals::default() };
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("lanes.csv");
    write_lanes(&path, book.by_lane(&duals)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "give_asset,want_asset,dual\njute,diesel,1.020000000\n");
    let read = |text: &str| {
        let source = Source::bytes("lanes.csv", text.as_bytes()).unwrap();
        read_lanes(&book, source).map_err(|e| e.to_string())
    };
    assert_eq!(read(&text), Ok(lanes[1..].iter().copied().collect()));
    let refusals = [
        ("jute,silk,1", "line 3, column want_asset: asset \"silk\" is not in the assets file"),
        ("jute,tea,1", "line 3: no offer gives \"jute\" for \"tea\""),
        ("jute,diesel,1", "line 3: \"jute, diesel\" is listed twice"),
        (
            "diesel,jute,1000000.1",
            "line 3, column dual: \"1000000.1\" is not a whole number from 0 to 1000000",
        ),
        ("diesel,jute,-1", "line 3, column dual: \"-1\" is not an amount: not a plain number"),
    ];
    for (row, told) in refusals {
        assert_eq!(read(&format!("{text}{row}\n")), Err(format!("lanes.csv, {told}")));
    }
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
        fuzz_order(&bytes);
    }

    #[test]
    fn no_rows_make_a_reader_panic(rows in "([a-cAB0-9é\r,.\"\\-]{0,40}\n){0,6}") {
        fuzz_assets(format!("asset_id,decimals,ref_usd\n{rows}").as_bytes());
        fuzz_offers(format!("{HEADER}{rows}").as_bytes());
        fuzz_obligations(format!("debtor,creditor,amount\n{rows}").as_bytes());
    }
}
