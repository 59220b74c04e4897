//! A book seen for the search: live offers only, dense numbers, floats for guessing and exact floors for proving.

use clearing::signing::{CERTAIN_PPM, MOST_WEIGHT_PPM};
use clearing::{Amount, Book, Mode, Offer, Price, Prices, Ratio, Rules};
use std::collections::BTreeMap;

/// A live offer.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Its place in [`Book::offers`].
    pub(crate) index: usize,
    /// Its party, numbered by first appearance.
    pub(crate) party: u32,
    /// The asset given, as a place in [`Book::assets`].
    pub(crate) give: u32,
    /// The asset wanted, as a place in [`Book::assets`].
    pub(crate) want: u32,
    /// The floor relative to the reference rate: USD asked per USD given.
    pub(crate) floor: f64,
    /// The natural logarithm of `floor`.
    pub(crate) log_floor: f64,
    /// The most that it gives, in USD.
    pub(crate) cap: f64,
    /// The least that it gives if anything, in USD.
    pub(crate) least: f64,
    /// The most that it gives.
    pub(crate) give_qty: u128,
    /// The least that it gives if anything.
    pub(crate) least_qty: u128,
    /// What it wants for all.
    pub(crate) want_qty: u128,
    /// The floor in smallest units, as near as a float comes.
    pub(crate) rate: f64,
    /// The exact floor in smallest units, in ring mode.
    pub(crate) exact: Option<Ratio>,
    /// How much it speaks for its rings; one is neutral.
    pub(crate) weight: f64,
}

/// The live part of a book under one set of rules.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) mode: Mode,
    /// The most legs of a ring, 2 to 6.
    pub(crate) longest: usize,
    /// One minus the band.
    pub(crate) kept: f64,
    /// USD per smallest unit of each asset, at the batch's prices.
    pub(crate) unit: Vec<f64>,
    /// The same exactly, in 10^-30 USD.
    pub(crate) exact_unit: Vec<ruint::aliases::U256>,
    /// The live offers in the order of the book.
    pub(crate) offers: Vec<Live>,
    /// The live offers that give each asset, cheapest floor first.
    pub(crate) givers: Vec<Vec<u32>>,
    /// The live offers by what they want, what they give, and their floor.
    pub(crate) by_pair: Vec<u32>,
    /// Whether every weight is neutral.
    pub(crate) unweighted: bool,
    /// Which live offers can be in a ring, as far as the bound knows; all until somebody [asks](Scene::close).
    pub(crate) open: Vec<bool>,
}

/// The largest deviation that float arithmetic may cause in a product of six floors.
pub(crate) const TINY: f64 = 1e-12;

/// The nearest float; for guessing only.
#[expect(clippy::cast_precision_loss, reason = "for guessing only")]
pub(crate) fn float(number: u128) -> f64 {
    // Nearly all quantities are narrow, and those convert in one instruction.
    u64::try_from(number).map_or_else(|_| wide(number), |narrow| narrow as f64)
}

/// Out of the way, or it would be worked out for narrow numbers too.
#[cold]
#[inline(never)]
#[expect(clippy::cast_precision_loss, reason = "for guessing only")]
fn wide(number: u128) -> f64 {
    number as f64
}

impl Scene {
    /// Sees `book` at `now`, in uniform mode at `prices` where they differ from the references. Offers that no ring can hold by their floor alone are left out.
    pub(crate) fn new(book: &Book, rules: &Rules, now: u64, prices: &Prices) -> Scene {
        let longest = usize::from(rules.max_assets).clamp(2, clearing::MAX_LEGS);
        let kept = 1.0 - f64::from(rules.band.ppm()) / 1e6;
        let mut counted: Vec<Price> = book.assets().iter().map(|asset| asset.reference).collect();
        for (key, price) in prices.as_slice() {
            if let Some(at) = book.asset_index(*key) {
                counted[at] = *price;
            }
        }
        let exact_unit: Vec<_> = book
            .assets()
            .iter()
            .zip(&counted)
            .map(|(asset, price)| price.per_smallest_unit(asset.decimals).raw())
            .collect();
        let unit: Vec<f64> = book
            .assets()
            .iter()
            .zip(&counted)
            .map(|(asset, price)| {
                float(price.mantissa()) / 10f64.powi(i32::from(price.scale()) + i32::from(asset.decimals))
            })
            .collect();
        let mut scene = Scene {
            mode: rules.mode,
            longest,
            kept,
            givers: vec![Vec::new(); unit.len()],
            by_pair: Vec::new(),
            unit,
            exact_unit,
            offers: Vec::new(),
            unweighted: true,
            open: Vec::new(),
        };
        let mut parties: BTreeMap<[u8; 20], u32> = BTreeMap::new();
        for (index, offer) in book.offers().iter().enumerate() {
            if !offer.is_valid_at(now) {
                continue;
            }
            let Some(live) = scene.live(book, rules, index, offer) else { continue };
            let next = u32::try_from(parties.len()).expect("a book has fewer than 2^32 parties");
            let party = *parties.entry(offer.party.0).or_insert(next);
            scene.offers.push(Live { party, ..live });
        }
        scene.open = vec![true; scene.offers.len()];
        for (at, offer) in (0u32..).zip(&scene.offers) {
            scene.givers[offer.give as usize].push(at);
        }
        scene.by_pair = (0u32..).take(scene.offers.len()).collect();
        scene.by_pair.sort_by(|a, b| {
            let (x, y) = (&scene.offers[*a as usize], &scene.offers[*b as usize]);
            (x.want, x.give).cmp(&(y.want, y.give)).then(x.floor.total_cmp(&y.floor)).then(a.cmp(b))
        });
        for givers in &mut scene.givers {
            givers.sort_by(|a, b| {
                let (x, y) = (&scene.offers[*a as usize], &scene.offers[*b as usize]);
                x.floor.total_cmp(&y.floor).then(a.cmp(b))
            });
        }
        scene
    }

    /// Closes the offers that the bound leaves out: no answer can hold them.
    pub(crate) fn close(&mut self, book: &Book, rules: &Rules, now: u64, prices: &Prices) {
        let reachable = clearing::reachable(book, rules, now, prices);
        let open = |live: &Live| reachable.contains(&book.offers()[live.index].key);
        self.open = self.offers.iter().map(open).collect();
    }

    /// The most that each offer gives, in USD; nothing where it is closed.
    pub(crate) fn caps(&self) -> Vec<f64> {
        let caps = self.offers.iter().zip(&self.open);
        caps.map(|(offer, open)| if *open { offer.cap } else { 0.0 }).collect()
    }

    /// Takes in how much offers speak for their rings; see [`Options::weights_ppm`](crate::Options::weights_ppm).
    pub(crate) fn weigh(&mut self, weights_ppm: &[u32]) {
        for live in &mut self.offers {
            let ppm = weights_ppm.get(live.index).copied().unwrap_or(CERTAIN_PPM).clamp(1, MOST_WEIGHT_PPM);
            live.weight = f64::from(ppm) / f64::from(CERTAIN_PPM);
            self.unweighted &= ppm == CERTAIN_PPM;
        }
    }

    fn live(&self, book: &Book, rules: &Rules, index: usize, offer: &Offer) -> Option<Live> {
        let place = |key| book.asset_index(key).expect("a book holds the assets of its offers");
        let (give, want) = (place(offer.give), place(offer.want));
        let wide = |amount: Amount| ruint::aliases::U256::from(amount.get());
        let limit =
            self.unit[want] * float(offer.want_qty.get()) / (self.unit[give] * float(offer.give_qty.get()));
        let mut exact = None;
        let floor = match self.mode {
            Mode::Ring => {
                exact = clearing::floor(book, rules, offer);
                let highest = self.kept.powi(1 - i32::try_from(self.longest).expect("at most six"));
                let floor = limit.max(self.kept);
                (floor <= highest * (1.0 + TINY)).then_some(floor)?
            }
            Mode::Uniform => {
                let asked = self.exact_unit[want] * wide(offer.want_qty);
                (asked <= self.exact_unit[give] * wide(offer.give_qty)).then_some(1.0)?
            }
            Mode::Lots => limit,
        };
        let least = if self.mode == Mode::Lots { offer.give_qty } else { offer.least_fill() };
        let small = |key: usize| u32::try_from(key).expect("a book has fewer than 2^32 assets");
        Some(Live {
            index,
            party: 0,
            give: small(give),
            want: small(want),
            floor,
            log_floor: floor.max(1e-300).ln(),
            cap: self.unit[give] * float(offer.give_qty.get()),
            least: self.unit[give] * float(least.get()),
            give_qty: offer.give_qty.get(),
            least_qty: least.get(),
            want_qty: offer.want_qty.get(),
            rate: floor * self.unit[give] / self.unit[want],
            exact,
            weight: 1.0,
        })
    }

    pub(crate) fn offer(&self, at: u32) -> &Live {
        &self.offers[at as usize]
    }
}
