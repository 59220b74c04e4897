//! The generator: companies, their stock and a first book of offers.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{self, Interests, Leg};
use crate::company::{Company, CompanyId, lei_with_check_digits, trade_words};
use crate::countries::{COUNTRIES, Country};
use crate::dice::{Dice, Purpose};
use crate::goods::GOODS;
use crate::offer::{Incoterm, Kind, Offer, PPM, StockLot, closes, floor_ppm, round_significant, table};

/// The smallest market that is dense enough for rings.
pub const MIN_COMPANIES: usize = 60;
/// The smallest book of a generated market.
pub const MIN_OFFERS: usize = 400;

/// Offers are worth between 50,000 and 2,000,000 USD; the draw stays inside, so that rounding cannot leave.
const VALUE_CENTS: (u64, u64) = (5_500_000, 190_000_000);

/// Names that a city and a trade would make, but that firms or well-known plants have.
const TAKEN_NAMES: &[&str] =
    &["Abu Dhabi Refining", "Jeddah Refining", "Jubail Refining", "Singapore Refining", "Basra Refining"];

/// A generated market: invented companies, their stock, and a book of offers.
#[derive(Clone, Debug)]
pub struct Market {
    /// All companies; a [`CompanyId`] is a position in this list.
    pub companies: Vec<Company>,
    /// One lot per company and good that it gives, enough for all its offers.
    pub stock: Vec<StockLot>,
    /// The first book, in the order in which it should be posted.
    pub offers: Vec<Offer>,
    pub(crate) interests: Interests,
    pub(crate) seed: u64,
}

impl Market {
    /// Generates a market. The same arguments give the same market on every machine.
    ///
    /// Fewer than [`MIN_COMPANIES`] companies or [`MIN_OFFERS`] offers are raised to that many, because a
    /// thinner market has no rings.
    #[must_use]
    pub fn generate(seed: u64, companies: usize, offers: usize) -> Self {
        let companies = companies_of(seed, companies.max(MIN_COMPANIES));
        let interests = Interests::of(&companies);
        let mut market = Self { companies, stock: vec![], offers: vec![], interests, seed };
        market.offers = market.first_book(offers.max(MIN_OFFERS));
        market.stock = market.first_stock();
        market
    }

    /// A company of this market.
    #[must_use]
    pub fn company(&self, id: CompanyId) -> &Company {
        &self.companies[id.0]
    }

    /// A new lot that covers an offer, for the warehouse to vouch before the offer is posted.
    #[must_use]
    pub fn lot_for(&self, offer: &Offer) -> StockLot {
        self.lot(offer.company, offer.give, offer.give_qty)
    }

    fn lot(&self, company: CompanyId, hs4: &'static str, quantity: u64) -> StockLot {
        let Company { country, place, .. } = self.company(company);
        StockLot {
            company,
            hs4,
            quantity,
            grade: table(hs4).grade,
            origin: country.alpha2,
            locode: place.locode,
        }
    }

    /// About seven in ten offers belong to a ring that can close; the others ask a little too much or want
    /// what nobody near them gives, as in any real book.
    fn first_book(&self, count: usize) -> Vec<Offer> {
        let mut dice = Dice::new(self.seed, Purpose::Offers, 0);
        let mut offers = Vec::with_capacity(count + 6);
        while offers.len() < count {
            if dice.chance(36) {
                offers.push(self.lone_offer(&mut dice));
                offers.push(self.lone_offer(&mut dice));
            } else {
                let parties = dice.pick(&[3, 3, 4, 4, 4, 5, 5, 6]);
                offers.extend(self.ring_of_offers(&mut dice, parties));
            }
        }
        dice.shuffle(&mut offers);
        offers.truncate(count);
        offers
    }

    fn first_stock(&self) -> Vec<StockLot> {
        let mut dice = Dice::new(self.seed, Purpose::Lot, 0);
        let mut offered: BTreeMap<_, u64> = BTreeMap::new();
        for offer in &self.offers {
            *offered.entry((offer.company, offer.give)).or_default() += offer.give_qty;
        }
        let mut stock = vec![];
        for (at, company) in self.companies.iter().enumerate() {
            for &hs4 in &company.gives {
                let offered = offered.get(&(CompanyId(at), hs4)).copied().unwrap_or_default();
                let spare = table(hs4).quantity_for(draw_value(&mut dice).into());
                stock.push(self.lot(CompanyId(at), hs4, offered + round_significant(spare, 3)));
            }
        }
        stock
    }

    /// Offers of different companies that close one ring of `parties`, in no helpful order. Empty only if
    /// the market has no such ring, which a generated one has.
    pub(crate) fn ring_of_offers(&self, dice: &mut Dice, parties: usize) -> Vec<Offer> {
        for _ in 0..200 {
            let Some(first) = self.wish(dice) else { continue };
            let ends = (first.give, first.want);
            let others =
                chain::find(&self.companies, &self.interests, dice, ends, parties - 1, Some(first.company));
            let Some(others) = others else { continue };
            let legs: Vec<_> = std::iter::once(first).chain(others).collect();
            let kind = if dice.chance(40) { Kind::Indicative } else { Kind::Binding };
            let value = draw_value(dice);
            if let Some(offers) = self.price_ring(dice, &legs, kind, value) {
                return offers;
            }
        }
        vec![]
    }

    /// An offer by itself, with a limit that asks for up to 5 % more than the reference rate.
    pub(crate) fn lone_offer(&self, dice: &mut Dice) -> Offer {
        let company = CompanyId(dice.index(self.companies.len()));
        let Company { gives, wants, .. } = self.company(company);
        let leg = Leg { company, give: dice.pick(gives), want: dice.pick(wants) };
        let kind = if dice.chance(40) { Kind::Indicative } else { Kind::Binding };
        let value = draw_value(dice);
        let limit = dice.between(1_002_000, 1_050_000);
        self.offer(dice, leg, kind, value, limit)
    }

    /// What some company might offer, if that is not a plain swap that its opposite could meet.
    fn wish(&self, dice: &mut Dice) -> Option<Leg> {
        let company = CompanyId(dice.index(self.companies.len()));
        let Company { gives, wants, .. } = self.company(company);
        let leg = Leg { company, give: dice.pick(gives), want: dice.pick(wants) };
        self.interests.one_way(leg.give, leg.want).then_some(leg)
    }

    /// Draws limits a few percent around the reference rate until the ring closes.
    fn price_ring(&self, dice: &mut Dice, legs: &[Leg], kind: Kind, value: u64) -> Option<Vec<Offer>> {
        for _ in 0..50 {
            let mut offers = vec![];
            for &leg in legs {
                let own = (value * dice.between(80, 160) / 100).clamp(VALUE_CENTS.0, VALUE_CENTS.1);
                let limit = dice.between(960_000, 1_018_000);
                offers.push(self.offer(dice, leg, kind, own, limit));
            }
            let floors: Vec<_> = offers.iter().map(|offer| floor_ppm(offer.limit_ppm())).collect();
            if closes(&floors) {
                return Some(offers);
            }
        }
        None
    }

    pub(crate) fn offer(&self, dice: &mut Dice, leg: Leg, kind: Kind, value: u64, limit: u64) -> Offer {
        let (give, want) = (table(leg.give), table(leg.want));
        let give_qty = round_significant(give.quantity_for(value.into()), 3).max(1);
        let asked = give.value_cents(give_qty) * u128::from(limit) / u128::from(PPM);
        let want_qty = round_significant(want.quantity_for(asked), 4).max(1);
        let divisible = !dice.chance(6);
        let min_fill = match (divisible, dice.chance(50)) {
            (false, _) => give_qty,
            (true, true) => 0,
            (true, false) => round_significant(give_qty * dice.between(5, 20) / 100, 2),
        };
        let place = self.company(leg.company).place;
        Offer {
            company: leg.company,
            give: leg.give,
            give_qty,
            want: leg.want,
            want_qty,
            divisible,
            min_fill,
            kind,
            joins_indicative: kind == Kind::Indicative || dice.chance(40),
            incoterm: if place.sea { Incoterm::Fob } else { Incoterm::Fca },
            place: place.locode,
            lifetime_days: dice.pick(&[7, 14, 21, 30, 45, 60]),
        }
    }
}

/// A value in US cents; small offers are more frequent than large ones.
fn draw_value(dice: &mut Dice) -> u64 {
    let root = dice.below(1_000);
    VALUE_CENTS.0 + (VALUE_CENTS.1 - VALUE_CENTS.0) / 1_000_000 * root * root
}

fn companies_of(seed: u64, count: usize) -> Vec<Company> {
    let mut dice = Dice::new(seed, Purpose::Companies, 0);
    let mut countries: Vec<&'static Country> = COUNTRIES.iter().collect();
    dice.shuffle(&mut countries);
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    let mut companies: Vec<_> = (0..count)
        .map(|at| {
            let country = countries[at % countries.len()];
            let gives = some_of(&mut dice, country.exports, (2, 3));
            let wants = some_of(&mut dice, country.imports, (3, 4));
            invent(&mut dice, country, gives, wants, &mut names, &mut numbers)
        })
        .collect();
    // Whoever joins later finds somebody who gives, and somebody who wants, any good of the table.
    for good in GOODS {
        let hs4 = good.hs4;
        ensure(&mut dice, &mut companies, hs4, |country| country.exports, |company| &mut company.gives);
        ensure(&mut dice, &mut companies, hs4, |country| country.imports, |company| &mut company.wants);
    }
    companies
}

/// Adds a good to the list of one company whose country trades it, if no company has it yet.
fn ensure(
    dice: &mut Dice,
    companies: &mut [Company],
    hs4: &'static str,
    of_country: impl Fn(&Country) -> &'static [&'static str],
    of_company: impl Fn(&mut Company) -> &mut Vec<&'static str>,
) {
    if companies.iter_mut().any(|company| of_company(company).contains(&hs4)) {
        return;
    }
    let mut able: Vec<_> =
        companies.iter_mut().filter(|company| of_country(company.country).contains(&hs4)).collect();
    if !able.is_empty() {
        let chosen = dice.index(able.len());
        of_company(able[chosen]).push(hs4);
    }
}

fn some_of(dice: &mut Dice, goods: &[&'static str], (low, high): (u64, u64)) -> Vec<&'static str> {
    let mut goods = goods.to_vec();
    dice.shuffle(&mut goods);
    let count = dice.between(low, high);
    goods.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    goods
}

fn invent(
    dice: &mut Dice,
    country: &'static Country,
    gives: Vec<&'static str>,
    wants: Vec<&'static str>,
    names: &mut BTreeSet<String>,
    numbers: &mut BTreeSet<String>,
) -> Company {
    let place = &country.places[dice.index(country.places.len())];
    let mut words: Vec<_> = gives.iter().flat_map(|hs4| trade_words(hs4)).collect();
    dice.shuffle(&mut words);
    let plain = words.iter().map(|word| format!("{} {word}", place.city));
    let numbered = (2_u32..).map(|number| format!("{} {} {number}", place.city, words[0]));
    let name = plain
        .chain(numbered)
        .find(|name| !TAKEN_NAMES.contains(&name.as_str()) && !names.contains(name))
        .expect("the numbered names never end");
    names.insert(name.clone());
    let registration_number = loop {
        let number = format!("{}-{:06}", country.alpha2, dice.between(100_000, 999_999));
        if numbers.insert(number.clone()) {
            break number;
        }
    };
    let lei = dice.chance(65).then(|| {
        let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let own: String = (0..12).map(|_| char::from(dice.pick(letters))).collect();
        lei_with_check_digits(&format!("DEMO00{own}")).expect("eighteen letters and digits")
    });
    Company { name, registration_number, country, place, lei, gives, wants }
}
