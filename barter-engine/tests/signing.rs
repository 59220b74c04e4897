//! Rings of indicative offers may fail: what the weights choose, and a seeded market in which parties keep their word or not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use barter_engine::{Algorithm, Effort, Options, clear};
use clearing::signing::{CERTAIN_PPM, Record, weight_ppm};
use clearing::{Amount, Asset, Book, Mode, Offer, Ring, check};
use common::{NOW, asset, offer, rules};

const JUTE: u64 = 1;
const DIESEL: u64 = 2;

fn dollars(count: u64) -> Vec<Asset> {
    (1..=count).map(|key| asset(key, "1")).collect()
}

/// The offers that give something, by key.
fn chosen(book: &Book, weights_ppm: &[u32]) -> Vec<u64> {
    let options = Options { weights_ppm, ..Options::default() };
    let clearing = clear(book, &rules(Mode::Ring), NOW, &options);
    let report = check(book, &rules(Mode::Ring), NOW, &clearing.answer).unwrap();
    assert_eq!(clearing.report, report, "what is reported is the true value");
    assert!(clearing.bound >= report.value);
    report.given.keys().map(|key| key.0).collect()
}

#[test]
fn jute_goes_to_the_diesel_of_whoever_signs_even_if_there_is_less_of_it() {
    let offers = vec![
        offer(1, JUTE, 100, DIESEL, 100),
        offer(2, DIESEL, 100, JUTE, 100),
        offer(3, DIESEL, 80, JUTE, 80),
    ];
    // Only all of the jute or the smaller part of it: one ring.
    let offers =
        offers.into_iter().map(|one| if one.key.0 == 1 { one } else { common::whole(one) }).collect();
    let book = Book::new(dollars(2), offers).unwrap();
    assert_eq!(chosen(&book, &[]), [1, 2]);
    assert_eq!(chosen(&book, &[CERTAIN_PPM; 3]), [1, 2]);
    assert_eq!(chosen(&book, &[900_000, 700_000, 950_000]), [1, 3]);
    assert_eq!(chosen(&book, &[900_000, 800_000, 950_000]), [1, 2], "four fifths of 100 are more than 76");
}

#[test]
fn between_equals_the_one_that_was_left_waiting_comes_first() {
    let offers = [
        offer(1, JUTE, 100, DIESEL, 100),
        offer(2, DIESEL, 100, JUTE, 100),
        offer(3, DIESEL, 100, JUTE, 100),
    ];
    let book = Book::new(dollars(2), offers.map(common::whole).to_vec()).unwrap();
    let waited = |second, third| [900_000, weight_ppm(900_000, second), weight_ppm(900_000, third)];
    assert_eq!(chosen(&book, &waited(0, 1)), [1, 3]);
    assert_eq!(chosen(&book, &waited(1, 0)), [1, 2]);
    assert_eq!(chosen(&book, &waited(2, 3)), [1, 3], "both waited, one longer");
}

#[test]
fn five_who_sign_and_one_who_always_declines_do_not_beat_a_sound_ring_of_twice_the_worth() {
    // Offer 6 goes round one way, over 1 to 5 with 100 of each, or the other, over 7 to 11 with 200 of each.
    let ways = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1), (1, 7), (7, 8), (8, 9), (9, 10), (10, 6)];
    let offers = (1..).zip(ways).map(|(key, (give, want))| {
        let quantity = if key < 6 { 100 } else { 200 };
        let one = offer(key, give, quantity, want, quantity);
        if key == 6 { one } else { common::whole(one) }
    });
    let book = Book::new(dollars(10), offers.collect()).unwrap();
    let market = Record { kept: 90, broken: 10 };
    let usual = Record::default().signs_ppm(market);
    let declines = weight_ppm(Record { kept: 0, broken: 5 }.signs_ppm(market), 0);
    for waited in 0..9 {
        let mut weights = vec![weight_ppm(usual, waited); 5];
        weights.push(weight_ppm(usual, waited));
        weights.extend([weight_ppm(usual, 0); 5]);
        weights[2] = declines;
        assert_eq!(chosen(&book, &weights), [6, 7, 8, 9, 10, 11], "{waited} times");
    }
}

/// The same numbers for the same seed (splitmix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

const GOODS: u64 = 7;
const PARTIES: u64 = 40;
const BATCHES: u64 = 60;
/// The docs tell of these.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=2;
/// So many offers come with each batch, and an offer stands for so many.
const ARRIVALS: u64 = 14;
const STANDS: u64 = 12;

/// What a market came to.
#[derive(Debug, Default)]
struct Outcome {
    /// US dollars that moved, and that were found.
    delivered: u128,
    found: u128,
    /// Rings that executed, and that were found.
    executed: usize,
    rings: usize,
    /// The longest run of rings that an offer came back from through no fault of its own.
    longest_wait: u32,
}

struct Standing {
    offer: Offer,
    until: u64,
    returned: u32,
}

/// A market of indicative offers, where every fourth party signs two rings of five and the others nineteen of twenty. Each
/// batch clears what stands; a ring executes when all sign, or its offers come back for the next batch. Who signs when is
/// drawn beforehand, so that both ways of choosing meet the same people.
fn market(seed: u64, weighs: bool) -> Outcome {
    let mut dice = Dice(seed);
    let mut outcome = Outcome::default();
    let mut records = vec![Record::default(); usize::try_from(PARTIES).unwrap()];
    let mut standing: Vec<Standing> = Vec::new();
    let mut key = 0;
    for batch in 0..BATCHES {
        for _ in 0..ARRIVALS {
            key += 1;
            let (party, give) = (dice.below(PARTIES), 1 + dice.below(GOODS));
            let want = 1 + (give + dice.below(GOODS - 1)) % GOODS;
            let quantity = 1_000 + u128::from(dice.below(9_000));
            let asked = quantity * u128::from(970 + dice.below(40)) / 1_000;
            let mut new = offer(key, give, quantity, want, asked);
            new.party.0 = [0; 20];
            new.party.0[0] = u8::try_from(party).unwrap();
            standing.push(Standing { offer: new, until: batch + STANDS, returned: 0 });
        }
        standing.retain(|one| one.until > batch && !one.offer.give_qty.is_zero());
        let book = Book::new(dollars(GOODS), standing.iter().map(|one| one.offer).collect()).unwrap();
        let all = Record::market(records.iter().copied());
        let weights: Vec<u32> = standing
            .iter()
            .map(|one| weight_ppm(records[usize::from(one.offer.party.0[0])].signs_ppm(all), one.returned))
            .collect();
        let weights_ppm = if weighs { &weights[..] } else { &[] };
        let (algorithm, effort) = (Algorithm::Greedy, Effort::Quick);
        let options = Options { algorithm, effort, rings_only: true, weights_ppm, ..Options::default() };
        let clearing = clear(&book, &rules(Mode::Ring), NOW, &options);
        for ring in &clearing.answer.rings {
            settle(seed, batch, ring, &book, &mut standing, &mut records, &mut outcome);
        }
    }
    outcome
}

/// Whether a party signs in a batch: drawn from seed, batch and party alone.
fn signs(seed: u64, batch: u64, party: u8) -> bool {
    let mut dice = Dice(seed ^ (batch << 32) ^ (u64::from(party) << 16) ^ 0x5eed);
    dice.next();
    dice.below(100) < if party.is_multiple_of(4) { 40 } else { 95 }
}

fn settle(
    seed: u64,
    batch: u64,
    ring: &Ring,
    book: &Book,
    standing: &mut [Standing],
    records: &mut [Record],
    outcome: &mut Outcome,
) {
    let value = clearing::ring_value(book, ring).floor_to(0).unwrap();
    let places: Vec<usize> = ring.legs.iter().map(|leg| book.offer_index(leg.offer).unwrap()).collect();
    let signed: Vec<bool> =
        places.iter().map(|at| signs(seed, batch, standing[*at].offer.party.0[0])).collect();
    let executes = signed.iter().all(|signed| *signed);
    outcome.rings += 1;
    outcome.found += value;
    if executes {
        outcome.executed += 1;
        outcome.delivered += value;
    }
    for ((leg, at), signed) in ring.legs.iter().zip(places).zip(signed) {
        let one = &mut standing[at];
        let record = &mut records[usize::from(one.offer.party.0[0])];
        if signed {
            record.kept += 1
        } else {
            record.broken += 1
        }
        if executes {
            let left = one.offer.give_qty.checked_sub(leg.give).unwrap();
            let want = one.offer.want_qty.get() * left.get();
            if !left.is_zero() {
                one.offer.want_qty = Amount::new(want.div_ceil(one.offer.give_qty.get()).max(1)).unwrap();
            }
            one.offer.give_qty = left;
            one.returned = 0;
        } else if signed {
            one.returned += 1;
            outcome.longest_wait = outcome.longest_wait.max(one.returned);
        }
    }
}

#[test]
fn a_market_that_weighs_its_rings_delivers_more() {
    let (mut plain, mut weighed) = (0, 0);
    for seed in SEEDS {
        let (without, with) = (market(seed, false), market(seed, true));
        eprintln!("seed {seed}: without {without:?}");
        eprintln!("seed {seed}: with    {with:?}");
        plain += without.delivered;
        weighed += with.delivered;
    }
    eprintln!("delivered without {plain}, with {weighed}");
    assert!(weighed * 100 > plain * 103, "{plain} {weighed}");
}
