//! The engine that clears real books clears this one.

use barter_engine::{Options, clear};
use clearing::{Amount, Asset, AssetKey, Band, Book, Mode, Offer, OfferKey, PartyKey, Rules};
use market::{GOODS, Market};

fn book(market: &Market) -> Book {
    let amount = |quantity: u64| Amount::new(quantity.into()).expect("a quantity of the market is an amount");
    let key = |hs4: &str| AssetKey(hs4.parse().expect("a heading is a number"));
    let assets = GOODS.iter().map(|good| Asset {
        key: key(good.hs4),
        decimals: good.decimals,
        reference: good.ref_usd().to_string().parse().expect("a price in cents is a price"),
    });
    let offers = market.offers.iter().zip(1..).map(|(offer, number)| {
        let mut party = [0; 20];
        party[..8].copy_from_slice(&(offer.company.0 as u64).to_le_bytes());
        Offer {
            key: OfferKey(number),
            party: PartyKey(party),
            give: key(offer.give),
            give_qty: amount(offer.give_qty),
            want: key(offer.want),
            want_qty: amount(offer.want_qty),
            divisible: offer.divisible,
            min_fill: amount(offer.min_fill),
            valid_from: 0,
            valid_until: 1,
        }
    });
    Book::new(assets.collect(), offers.collect()).expect("nobody in the market trades a good for itself")
}

#[test]
fn the_engine_fills_a_large_part_of_the_first_book_with_rings_of_three_to_six() {
    let market = Market::generate(2_017, 90, 480);
    let book = book(&market);
    let band = Band::from_ppm(20_000).expect("two per cent is a band");
    let rules = Rules { mode: Mode::Ring, band, max_assets: 6 };
    let found = clear(&book, &rules, 0, &Options { rings_only: true, ..Options::default() });
    let mut by_length = [0; 7];
    for ring in &found.answer.rings {
        by_length[ring.legs.len()] += 1;
    }
    let longer: usize = by_length[3..].iter().sum();
    assert!(longer >= 60 && by_length[2] * 20 <= longer, "{by_length:?}");
    let filled = found.report.given.len();
    assert!(filled * 10 >= market.offers.len() * 7, "{filled} of {} offers", market.offers.len());
}
