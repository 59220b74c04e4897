//! Each rule of a clearing, kept and broken once: jute, diesel and rice between Amina, Bao and Chen.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use clearing::{
    Amount, Answer, Asset, AssetKey, Book, BookError, Fault, Leg, Mode, Offer, OfferKey, PartyKey, Price,
    Prices, Ring, Rules, check, crossing, groups,
};

const NOW: u64 = 1_800_000_000;
const JUTE: u64 = 1;
const DIESEL: u64 = 2;
const RICE: u64 = 3;
const AMINA: u8 = 1;
const BAO: u8 = 2;
const CHEN: u8 = 3;

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

fn asset(key: u64, decimals: u8, usd: &str) -> Asset {
    Asset { key: AssetKey(key), decimals, reference: usd.parse().unwrap() }
}

fn offer(key: u64, party: u8, give: (u64, u128), want: (u64, u128)) -> Offer {
    Offer {
        key: OfferKey(key),
        party: PartyKey([party; 20]),
        give: AssetKey(give.0),
        give_qty: amount(give.1),
        want: AssetKey(want.0),
        want_qty: amount(want.1),
        divisible: true,
        min_fill: Amount::ZERO,
        valid_from: NOW - 1,
        valid_until: NOW + 1,
    }
}

fn assets() -> Vec<Asset> {
    vec![asset(JUTE, 0, "1"), asset(DIESEL, 0, "1"), asset(RICE, 0, "1")]
}

/// Amina gives jute for diesel, Bao diesel for rice, Chen rice for jute, 1000 each.
fn triangle() -> Vec<Offer> {
    vec![
        offer(1, AMINA, (JUTE, 1000), (DIESEL, 1000)),
        offer(2, BAO, (DIESEL, 1000), (RICE, 1000)),
        offer(3, CHEN, (RICE, 1000), (JUTE, 1000)),
    ]
}

fn ring(legs: &[(u64, u128)]) -> Ring {
    Ring { legs: legs.iter().map(|&(key, give)| Leg { offer: OfferKey(key), give: amount(give) }).collect() }
}

fn rules(mode: Mode) -> Rules {
    Rules { mode, ..Rules::default() }
}

fn faults(mode: Mode, offers: Vec<Offer>, rings: &[&[(u64, u128)]]) -> Vec<Fault> {
    let book = Book::new(assets(), offers).unwrap();
    let answer = Answer { rings: rings.iter().map(|legs| ring(legs)).collect(), ..Answer::default() };
    check(&book, &rules(mode), NOW, &answer).err().unwrap_or_default()
}

#[test]
fn three_traders_close_a_ring_in_every_mode() {
    for mode in [Mode::Ring, Mode::Uniform, Mode::Lots] {
        let book = Book::new(assets(), triangle()).unwrap();
        let answer = Answer { rings: vec![ring(&[(1, 1000), (2, 1000), (3, 1000)])], ..Answer::default() };
        let report = check(&book, &rules(mode), NOW, &answer).unwrap();
        assert_eq!(report.value.to_string(), "3000");
        assert_eq!(report.legs, 3);
        assert_eq!(report.given[&OfferKey(2)], amount(1000));
    }
}

/// Mode, offers, rings and the faults expected.
type Case = (Mode, Vec<Offer>, Vec<&'static [(u64, u128)]>, Vec<Fault>);

#[test]
fn each_broken_rule_has_its_fault() {
    let (one, two, three) = (OfferKey(1), OfferKey(2), OfferKey(3));
    let with = |change: &dyn Fn(&mut Vec<Offer>)| {
        let mut offers = triangle();
        change(&mut offers);
        offers
    };
    let whole: &[(u64, u128)] = &[(1, 1000), (2, 1000), (3, 1000)];
    let half: &[(u64, u128)] = &[(1, 500), (2, 500), (3, 500)];
    let cases: Vec<Case> = vec![
        (Mode::Ring, triangle(), vec![&[(1, 10)]], vec![Fault::Legs { ring: 0, legs: 1 }]),
        (
            Mode::Ring,
            triangle(),
            vec![&[(1, 10), (9, 10), (3, 10)]],
            vec![Fault::UnknownOffer { ring: 0, offer: OfferKey(9) }],
        ),
        (Mode::Ring, triangle(), vec![&[(1, 10), (1, 10)]], vec![Fault::OfferTwice { ring: 0, offer: one }]),
        (
            Mode::Ring,
            with(&|o| o[2].give = AssetKey(DIESEL)),
            vec![whole],
            vec![Fault::AssetTwice { ring: 0, asset: AssetKey(DIESEL) }],
        ),
        (
            Mode::Ring,
            triangle(),
            vec![&[(1, 10), (2, 0), (3, 10)]],
            vec![
                Fault::LimitBroken { ring: 0, offer: one },
                Fault::BelowFloor { ring: 0, offer: one },
                Fault::GivesNothing { ring: 0, offer: two },
            ],
        ),
        (
            Mode::Ring,
            triangle(),
            vec![&[(1, 10), (3, 10), (2, 10)]],
            vec![
                Fault::WrongAsset { ring: 0, offer: one },
                Fault::WrongAsset { ring: 0, offer: three },
                Fault::WrongAsset { ring: 0, offer: two },
            ],
        ),
        (
            Mode::Ring,
            with(&|o| o[1].party = PartyKey([AMINA; 20])),
            vec![whole],
            vec![Fault::SelfDelivery { ring: 0, offer: one }],
        ),
        (
            Mode::Ring,
            with(&|o| o[1].valid_until = NOW),
            vec![whole],
            vec![Fault::NotValid { ring: 0, offer: two }],
        ),
        (
            Mode::Lots,
            triangle(),
            vec![&[(1, 1000), (2, 999), (3, 1000)]],
            vec![Fault::LimitBroken { ring: 0, offer: one }, Fault::LotSplit { offer: two }],
        ),
        (
            Mode::Ring,
            with(&|o| o[0].want_qty = amount(900)),
            vec![&[(1, 1000), (2, 979), (3, 979)]],
            vec![Fault::BelowFloor { ring: 0, offer: one }],
        ),
        (
            Mode::Uniform,
            with(&|o| o[0].want_qty = amount(1001)),
            vec![whole],
            vec![Fault::LimitBroken { ring: 0, offer: one }, Fault::NotLive { ring: 0, offer: one }],
        ),
        (
            Mode::Uniform,
            with(&|o| o[0].want_qty = amount(500)),
            vec![&[(1, 900), (2, 899), (3, 900)]],
            vec![Fault::UnequalValues { ring: 0 }],
        ),
        (
            Mode::Ring,
            triangle(),
            vec![whole, &[(1, 1), (2, 1), (3, 1)]],
            vec![
                Fault::OverFilled { offer: one },
                Fault::OverFilled { offer: two },
                Fault::OverFilled { offer: three },
            ],
        ),
        (Mode::Ring, with(&|o| o[1].divisible = false), vec![half], vec![Fault::PartlyFilled { offer: two }]),
        (
            Mode::Ring,
            with(&|o| o[1].min_fill = amount(501)),
            vec![half],
            vec![Fault::UnderMinimum { offer: two }],
        ),
        (
            Mode::Lots,
            triangle(),
            vec![half],
            vec![
                Fault::LotSplit { offer: one },
                Fault::LotSplit { offer: two },
                Fault::LotSplit { offer: three },
            ],
        ),
    ];
    for (mode, offers, rings, expected) in cases {
        let mut found = faults(mode, offers, &rings);
        let mut expected = expected;
        found.sort_by_key(|f| f.to_string());
        expected.sort_by_key(|f| f.to_string());
        assert_eq!(found, expected, "{mode} {rings:?}");
    }
}

#[test]
fn nobody_robs_the_generous_of_the_surplus() {
    // Amina would take 800 diesel for 1000 jute; the band floor lifts her to 980, and Bao shares the rest equally.
    let offers =
        || vec![offer(1, AMINA, (JUTE, 1000), (DIESEL, 800)), offer(2, BAO, (DIESEL, 1000), (JUTE, 1000))];
    assert_eq!(faults(Mode::Ring, offers(), &[&[(1, 1000), (2, 980)]]), [Fault::UnequalShares { ring: 0 }]);
    assert_eq!(faults(Mode::Ring, offers(), &[&[(1, 1000), (2, 1000)]]), [Fault::UnequalShares { ring: 0 }]);
    assert_eq!(faults(Mode::Ring, offers(), &[&[(1, 1000), (2, 990)]]), []);
}

#[test]
fn batch_prices_stay_in_the_band_and_in_order() {
    let book = Book::new(assets(), triangle()).unwrap();
    let price = |usd: &str| usd.parse::<Price>().unwrap();
    let check = |prices: Vec<(u64, &str)>, mode| {
        let prices = Prices::new(prices.into_iter().map(|(key, usd)| (AssetKey(key), price(usd))).collect());
        check(&book, &rules(mode), NOW, &Answer { rings: vec![], prices }).err().unwrap_or_default()
    };
    assert_eq!(check(vec![(JUTE, "1.02"), (RICE, "0.98")], Mode::Uniform), []);
    assert_eq!(check(vec![(JUTE, "1.0200001")], Mode::Uniform), [Fault::PriceOutsideBand(AssetKey(JUTE))]);
    assert_eq!(check(vec![(9, "1")], Mode::Uniform), [Fault::UnknownPrice(AssetKey(9))]);
    assert_eq!(
        check(vec![(JUTE, "1"), (JUTE, "1")], Mode::Uniform),
        [Fault::PricesUnordered(AssetKey(JUTE))]
    );
    assert_eq!(check(vec![(JUTE, "1")], Mode::Ring), [Fault::PricesNotAllowed]);
}

#[test]
fn a_book_refuses_what_nobody_can_mean() {
    let refuse = |change: &dyn Fn(&mut Vec<Asset>, &mut Vec<Offer>)| {
        let (mut assets, mut offers) = (assets(), triangle());
        change(&mut assets, &mut offers);
        Book::new(assets, offers).unwrap_err()
    };
    let one = OfferKey(1);
    assert_eq!(refuse(&|a, _| a[1].key = AssetKey(JUTE)), BookError::DuplicateAsset(AssetKey(JUTE)));
    assert_eq!(refuse(&|a, _| a[0].decimals = 19), BookError::TooManyDecimals(AssetKey(JUTE)));
    assert_eq!(refuse(&|_, o| o[1].key = one), BookError::DuplicateOffer(one));
    assert_eq!(
        refuse(&|_, o| o[0].want = AssetKey(9)),
        BookError::UnknownAsset { offer: one, asset: AssetKey(9) }
    );
    assert_eq!(refuse(&|_, o| o[0].want = AssetKey(JUTE)), BookError::SameAsset(one));
    assert_eq!(refuse(&|_, o| o[0].give_qty = Amount::ZERO), BookError::ZeroGive(one));
    assert_eq!(refuse(&|_, o| o[0].want_qty = Amount::ZERO), BookError::ZeroWant(one));
    assert_eq!(refuse(&|_, o| o[0].min_fill = amount(1001)), BookError::MinFillTooLarge(one));
    assert_eq!(refuse(&|_, o| o[0].valid_until = NOW - 1), BookError::NeverValid(one));
}

#[test]
fn nobody_stands_on_both_sides_of_an_asset() {
    let live = triangle();
    assert_eq!(crossing(&live, &offer(4, AMINA, (RICE, 1), (JUTE, 1))), Some(OfferKey(1)));
    assert_eq!(crossing(&live, &offer(4, AMINA, (JUTE, 1), (RICE, 1))), None);
    assert_eq!(crossing(&live, &offer(4, BAO, (JUTE, 1), (DIESEL, 1))), Some(OfferKey(2)));
}

#[test]
fn rings_that_need_each_other_execute_together() {
    let mut offers = triangle();
    offers[0].min_fill = amount(300);
    let book = Book::new(assets(), offers.clone()).unwrap();
    let rings = [ring(&[(1, 200), (2, 200)]), ring(&[(3, 5), (2, 5)]), ring(&[(1, 400), (3, 400)])];
    assert_eq!(groups(&book, &rings), vec![vec![0, 2], vec![1]]);
    // Without a minimum they do not.
    offers[0].min_fill = amount(100);
    let book = Book::new(assets(), offers.clone()).unwrap();
    assert_eq!(groups(&book, &rings), vec![vec![0], vec![1], vec![2]]);
    // All or none binds every ring of the offer.
    offers[1].divisible = false;
    let book = Book::new(assets(), offers).unwrap();
    assert_eq!(groups(&book, &rings), vec![vec![0, 1], vec![2]]);
}
