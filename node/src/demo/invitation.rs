//! Offers that bring a ring to the desk of somebody who is expected to log in.

use market::{Commodity, CompanyId, Enquiry, Incoterm, Kind, Offer, PPM, Trader, commodity};

/// What is worth a merchant's signature, in US cents.
const VALUES_CENTS: [u128; 5] = [24_000_000, 41_500_000, 18_000_000, 62_000_000, 33_000_000];
/// A little under the reference rate, so that the ring has room.
const LIMIT_PPM: u128 = PPM as u128 - 12_000;

/// An indicative offer of `company` with the answers that close a ring with it: the company's own comes first. Another
/// `number` gives other goods. Empty if the company trades nothing that anybody would answer to.
pub(crate) fn offers(trader: &Trader, company: CompanyId, number: u64) -> Vec<Offer> {
    let own = trader.market().company(company);
    let pairs: Vec<_> =
        own.gives.iter().flat_map(|give| own.wants.iter().map(move |want| (*give, *want))).collect();
    let start = usize::try_from(number).unwrap_or_default();
    for at in 0..pairs.len() {
        let (give, want) = pairs[(start + at) % pairs.len()];
        let (Some(given), Some(wanted)) = (commodity(give), commodity(want)) else { continue };
        let value = VALUES_CENTS[(start + at) % VALUES_CENTS.len()];
        let offer = offer(trader, company, given, wanted, value);
        let Offer { give, give_qty, want, want_qty, kind, .. } = offer;
        let answers = trader.answer_to(&Enquiry { give, give_qty, want, want_qty, kind }, number);
        if !answers.is_empty() && answers.iter().all(|answer| answer.company != company) {
            return std::iter::once(offer).chain(answers).collect();
        }
    }
    Vec::new()
}

fn offer(trader: &Trader, company: CompanyId, give: &Commodity, want: &Commodity, value: u128) -> Offer {
    let place = trader.market().company(company).place;
    let give_qty = merchantable(give.quantity_for(value));
    let want_qty = want.quantity_for(give.value_cents(give_qty) * LIMIT_PPM / u128::from(PPM)).max(1);
    Offer {
        company,
        give: give.hs4,
        give_qty,
        want: want.hs4,
        want_qty,
        // In one piece, so that one ring comes of it.
        divisible: false,
        min_fill: give_qty,
        kind: Kind::Indicative,
        joins_indicative: true,
        incoterm: if place.sea { Incoterm::Fob } else { Incoterm::Fca },
        place: place.locode,
        lifetime_days: 30,
    }
}

/// Cuts a quantity to three significant digits, as merchants write them.
fn merchantable(quantity: u64) -> u64 {
    let step = 10_u64.pow(quantity.checked_ilog10().unwrap_or(0).saturating_sub(2));
    (quantity / step * step).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Market, closes, floor_ppm};

    #[test]
    fn every_company_can_be_brought_a_ring_that_closes() {
        let trader = Trader::new(Market::generate(2017, 90, 480));
        for at in 0..90 {
            for number in 0..5 {
                let offers = offers(&trader, CompanyId(at), number);
                assert!((3..=6).contains(&offers.len()), "company {at}, number {number}: {}", offers.len());
                assert_eq!(offers[0].company, CompanyId(at));
                let floors: Vec<_> = offers.iter().map(|offer| floor_ppm(offer.limit_ppm())).collect();
                assert!(closes(&floors), "{floors:?}");
            }
        }
    }

    #[test]
    fn quantities_look_like_a_merchants() {
        assert_eq!([merchantable(0), merchantable(7), merchantable(412_317)], [1, 7, 412_000]);
    }
}
