//! The search of the band for prices at which more circulates.
//!
//! An offer is live where its limit holds, so a price decides who takes part: a higher one calls those who give the asset,
//! a lower one those who want it. What circulates at given prices is bounded by its potentials (see
//! [`circulation`](crate::circulation)); with the neighbours' held, a price and a potential of one asset are worth a sum over
//! its own offers, which is looked up at every price where an offer comes or goes. A part of the assets moves at a time,
//! the circulation is found anew, and what clears less is taken back: the value never falls below that of the references.

use crate::circulation::{self, Arc};
use crate::scene::float;
use clearing::{Amount, Book, Price, Prices, Rules};

/// Prices move in parts per million of the reference.
const PARTS: i64 = 1_000_000;

/// Moves that are tried.
const ROUNDS: usize = 240;

/// Offers of a book times moves: about so many are looked at.
const LOOKS: usize = 8_000_000;

/// One part in so many of the assets moves at a time.
const PARTIES: u64 = 6;

/// So many potentials are looked at, from below the lowest of the neighbours up.
const LEVELS: usize = 15;

/// No unit of an offer is worth more than this to its asset.
const HIGHEST: i64 = 12;

/// All offers together come to at most so many value units.
const WHOLE: f64 = 1e15;

/// An offer that can be live within the band.
struct Candidate {
    give: u32,
    want: u32,
    /// The least price of `give`, in parts, at a price of one of `want`.
    ratio: f64,
    cap: i64,
}

struct Market {
    offers: Vec<Candidate>,
    /// The offers that give or want each asset.
    of: Vec<Vec<u32>>,
    /// The widest move, in parts.
    band: i64,
}

impl Market {
    fn new(book: &Book, rules: &Rules, now: u64) -> Market {
        let units: Vec<f64> = book
            .assets()
            .iter()
            .map(|asset| {
                float(asset.reference.mantissa())
                    / 10f64.powi(i32::from(asset.reference.scale()) + i32::from(asset.decimals))
            })
            .collect();
        let place = |key| book.asset_index(key).expect("a book holds the assets of its offers");
        let usd = |at: usize, amount: Amount| units[at] * float(amount.get());
        let total: f64 = book.offers().iter().map(|offer| usd(place(offer.give), offer.give_qty)).sum();
        let unit = (total / WHOLE).max(1e-9);
        let band = i64::from(rules.band.ppm());
        let highest = to_float(PARTS + band) / to_float((PARTS - band).max(1));
        let mut market = Market { offers: Vec::new(), of: vec![Vec::new(); units.len()], band };
        for offer in book.offers().iter().filter(|offer| offer.is_valid_at(now)) {
            let (give, want) = (place(offer.give), place(offer.want));
            let worth = usd(give, offer.give_qty);
            let ratio = usd(want, offer.want_qty) / worth;
            if ratio > highest {
                continue;
            }
            let at = u32::try_from(market.offers.len()).expect("a book has fewer than 2^32 offers");
            market.of[give].push(at);
            market.of[want].push(at);
            let small = |asset: usize| u32::try_from(asset).expect("a book has fewer than 2^32 assets");
            market.offers.push(Candidate {
                give: small(give),
                want: small(want),
                ratio,
                cap: i64::try_from(crate::exact::whole(worth / unit)).unwrap_or(0),
            });
        }
        market
    }

    /// The least price of the asset given, in parts, at which an offer is live.
    fn least(&self, offer: &Candidate, moves: &[i64]) -> i64 {
        ceil(offer.ratio * to_float(PARTS + moves[offer.want as usize])) - PARTS
    }

    /// The highest price of the asset wanted at which an offer is live.
    fn most(&self, offer: &Candidate, moves: &[i64]) -> i64 {
        ceil(to_float(PARTS + moves[offer.give as usize]) / offer.ratio * (1.0 - 1e-9)) - 1 - PARTS
    }

    fn is_live(&self, offer: &Candidate, moves: &[i64]) -> bool {
        self.least(offer, moves) <= moves[offer.give as usize]
    }

    /// What circulates at these prices, and its potentials.
    fn circulate(&self, moves: &[i64]) -> (i64, Vec<i64>) {
        let arcs: Vec<Arc<i64>> = self
            .offers
            .iter()
            .filter(|offer| self.is_live(offer, moves))
            .map(|offer| Arc { from: offer.give, to: offer.want, cap: offer.cap })
            .collect();
        let found = circulation::largest(self.of.len(), &arcs);
        let potentials = found.potentials.iter().map(|p| i64::try_from(*p).unwrap_or(i64::MAX)).collect();
        (found.flow.iter().sum(), potentials)
    }

    /// The best move of `asset`, the others' moves and potentials held: what it can take part in is the least, over its own
    /// potential, of what its offers are worth.
    fn best(&self, asset: usize, moves: &[i64], potentials: &[i64]) -> i64 {
        // Where offers come, or go for prices above.
        let mut events: Vec<(i64, u32, bool)> = Vec::new();
        let base = self.of[asset]
            .iter()
            .map(|at| {
                let offer = &self.offers[*at as usize];
                potentials[if offer.give as usize == asset { offer.want } else { offer.give } as usize]
            })
            .min()
            .unwrap_or(0)
            - 2;
        let mut worth = [0i64; LEVELS];
        let levels = |offer: &Candidate, gives: bool, worth: &mut [i64; LEVELS], sign: i64| {
            for (level, worth) in (0i64..).zip(worth) {
                let own = base + level;
                let margin = if gives {
                    1 + own - potentials[offer.want as usize]
                } else {
                    1 + potentials[offer.give as usize] - own
                };
                *worth += sign * offer.cap.saturating_mul(margin.clamp(0, HIGHEST));
            }
        };
        for &at in &self.of[asset] {
            let offer = &self.offers[at as usize];
            if offer.give as usize == asset {
                let from = self.least(offer, moves);
                if from <= -self.band {
                    levels(offer, true, &mut worth, 1);
                } else if from <= self.band {
                    events.push((from, at, true));
                }
            } else {
                let until = self.most(offer, moves);
                if until >= -self.band {
                    levels(offer, false, &mut worth, 1);
                    if until < self.band {
                        events.push((until + 1, at, false));
                    }
                }
            }
        }
        events.sort_unstable();
        let least = |worth: &[i64; LEVELS]| worth.iter().copied().min().unwrap_or(0);
        // Of equal worths the price nearest to the reference.
        let mut best = (i64::MIN, 0, 0);
        let mut consider = |from: i64, until: i64, worth: i64| {
            let near = 0i64.clamp(from, until);
            let rank = (worth, -near.abs(), near);
            if rank > best {
                best = rank;
            }
        };
        let mut from = -self.band;
        for chunk in events.chunk_by(|a, b| a.0 == b.0) {
            if chunk[0].0 > from {
                consider(from, chunk[0].0 - 1, least(&worth));
            }
            from = chunk[0].0;
            for &(_, at, comes) in chunk {
                levels(&self.offers[at as usize], comes, &mut worth, if comes { 1 } else { -1 });
            }
        }
        consider(from, self.band, least(&worth));
        best.2
    }
}

#[expect(clippy::cast_precision_loss, reason = "for guessing only")]
fn to_float(parts: i64) -> f64 {
    parts as f64
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, which is meant")]
fn ceil(number: f64) -> i64 {
    number.ceil() as i64
}

/// Prices within the band at which the largest circulation is worth more than at the references, as far as the search sees;
/// assets that stay at their reference are left out.
pub(crate) fn search(book: &Book, rules: &Rules, now: u64, stop: &dyn Fn() -> bool) -> Prices {
    let market = Market::new(book, rules, now);
    // Which moves a price can make exactly: with at most twelve decimal places.
    let exact = |asset: usize, by: i64| {
        let reference = book.assets()[asset].reference;
        let parts = u128::try_from(PARTS + by).ok()?;
        Price::new(reference.mantissa().checked_mul(parts)?, reference.scale() + 6).ok()
    };
    let mut moves = vec![0i64; market.of.len()];
    let (mut value, mut potentials) = market.circulate(&moves);
    let rounds = (LOOKS / market.offers.len().max(1)).clamp(12, ROUNDS);
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..rounds {
        if stop() {
            break;
        }
        let mut tried = moves.clone();
        for asset in 0..tried.len() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random.is_multiple_of(PARTIES) && !market.of[asset].is_empty() {
                let by = market.best(asset, &tried, &potentials);
                if exact(asset, by).is_some() {
                    tried[asset] = by;
                }
            }
        }
        let (found, next) = market.circulate(&tried);
        if found >= value {
            (value, potentials, moves) = (found, next, tried);
        }
    }
    let searched = (0..moves.len()).filter(|asset| moves[*asset] != 0);
    Prices::new(
        searched.filter_map(|at| exact(at, moves[at]).map(|price| (book.assets()[at].key, price))).collect(),
    )
}
