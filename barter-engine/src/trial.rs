//! Tries an offer against the live book at once, without clearing the batch again; and says which offers would bring
//! what somebody wants.

use crate::fill::Fill;
use crate::market::{Market, MarketError};
use crate::pool::Candidate;
use crate::quote::{Ask, Path, Strict, Walk, Wish};
use crate::scene::Scene;
use clearing::{
    Amount, Answer, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Ring, Rules, UsdValue,
};
use ruint::aliases::U256;

/// The paths that a trial looks for.
const PATHS: usize = 4;

/// What an offer would do if the batch closed now with nobody else coming or going. Others compete for the same offers, so
/// the batch may do otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The rings that it would close, in whole units, as they would settle.
    pub rings: Vec<Ring>,
    /// What it would give in them.
    pub gives: Amount,
    /// What it would receive.
    pub receives: Amount,
    /// What these rings are worth at the references, over all their legs.
    pub value: UsdValue,
    /// Where no ring closes: the chain of offers that comes nearest, if any leads from what it gives to what it wants.
    pub near: Option<Near>,
}

/// A chain of offers that an offer asks too much for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The chain and what it carries.
    pub path: Path,
    /// The most that the offer could want for all that it gives; zero where the chain brings less than the band allows.
    pub want_qty: Amount,
    /// By how much it asks more than that, in parts per million.
    pub ppm: u64,
    /// Whether the chain takes as much as the offer gives at least: its minimum, or everything where it is all or none; but
    /// for what rounding to whole units takes off.
    pub enough: bool,
}

/// An offer that would close a ring now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it would give at least and receive, with the offers in between.
    pub path: Path,
    /// What is received over what is given, both at the references, in parts per million.
    pub rate_ppm: u64,
}

impl Market {
    /// What `offer` would do now; other offers of its party are left aside.
    ///
    /// # Errors
    /// A [`MarketError`] if the market would refuse it.
    pub fn try_offer(&self, offer: &Offer) -> Result<Trial, MarketError> {
        self.assets.admits(offer)?;
        self.crossing(offer)?;
        let place = |asset| self.place(asset).expect("an admitted offer's assets are there");
        let ask = Ask {
            send: offer.give,
            receive: offer.want,
            amount: offer.give_qty,
            strict: Strict::Send,
            paths: PATHS,
            party: Some(offer.party),
        };
        let ends = (place(offer.give), place(offer.want));
        let limit = (U256::from(offer.want_qty.get()), U256::from(offer.give_qty.get()));
        let wish = Wish::new(self, &ask, ends, Some(limit));
        let walks = wish.best(PATHS);
        let rings = if walks.is_empty() { Vec::new() } else { self.close(offer, &walks) };
        let mut trial =
            Trial { rings, gives: Amount::ZERO, receives: Amount::ZERO, value: UsdValue::ZERO, near: None };
        for ring in &trial.rings {
            let at = ring.legs.iter().position(|leg| leg.offer == offer.key).unwrap_or_default();
            let sum = |a: Amount, b| a.checked_add(b).unwrap_or(Amount::MAX);
            trial.gives = sum(trial.gives, ring.legs[at].give);
            trial.receives = sum(trial.receives, ring.legs[(at + 1) % ring.legs.len()].give);
            for leg in &ring.legs {
                let asset = self.offer(leg.offer).unwrap_or(offer).give;
                let worth =
                    self.assets.asset(asset).map(|asset| asset.reference.value_of(leg.give, asset.decimals));
                trial.value = worth.and_then(|worth| trial.value.checked_add(worth)).unwrap_or(trial.value);
            }
        }
        if trial.rings.is_empty() {
            trial.near = self.near(&ask, ends, offer);
        }
        Ok(trial)
    }

    /// Rings over these chains in turn, in whole units and with equal shares, proved.
    fn close(&self, offer: &Offer, walks: &[Walk]) -> Vec<Ring> {
        let mut offers: Vec<Offer> =
            walks.iter().flat_map(|walk| &walk.slots).map(|slot| self.entry(*slot).offer).collect();
        offers.push(Offer { valid_from: self.now, valid_until: u64::MAX, ..*offer });
        offers.sort_by_key(|offer| offer.key);
        offers.dedup_by_key(|offer| offer.key);
        let used = |key| offers.iter().any(|offer| offer.give == key || offer.want == key);
        let assets = self.assets.assets().iter().filter(|asset| used(asset.key)).copied().collect();
        let Ok(book) = Book::new(assets, offers) else { return Vec::new() };
        let rules = Rules { mode: Mode::Ring, ..self.rules };
        let scene = Scene::new(&book, &rules, self.now, &Prices::default());
        let place = |key: OfferKey| {
            let index = book.offer_index(key)?;
            (0u32..).zip(&scene.offers).find(|(_, live)| live.index == index).map(|(at, _)| at)
        };
        let mut fill = Fill::new(&scene);
        for walk in walks {
            // Each delivers to the one before it: against the direction in which a chain is walked.
            let others = walk.slots.iter().rev().map(|slot| place(self.entry(*slot).offer.key));
            let legs: Option<Vec<u32>> = std::iter::once(place(offer.key)).chain(others).collect();
            let Some(mut legs) = legs else { continue };
            let first = (0..legs.len()).min_by_key(|leg| scene.offer(legs[*leg]).give).unwrap_or_default();
            legs.rotate_left(first);
            fill.insert(&Candidate::new(&legs));
        }
        let answer = Answer { rings: fill.rings(&book), ..Answer::default() };
        if clearing::check(&book, &rules, self.now, &answer).is_ok() { answer.rings } else { Vec::new() }
    }

    fn near(&self, ask: &Ask, ends: (u32, u32), offer: &Offer) -> Option<Near> {
        let anything = Wish::new(self, ask, ends, None).at_any_rate();
        let walk = anything.best(1).into_iter().next()?;
        let all = |units: u128| Amount::new(units).unwrap_or(Amount::MAX);
        let bearable = all(walk.receive()).mul_div_floor(offer.give_qty.get(), walk.send()).ok()?;
        let scaled = |floor: clearing::Ratio| {
            crate::quote::scaled(offer.give_qty.get(), floor.num(), floor.den(), true)
        };
        let least = scaled(clearing::floor(&self.assets, &self.rules, offer)?);
        // What the band alone asks, however modest the offer.
        let modest = Offer { want_qty: Amount::new(1).ok()?, ..*offer };
        let banded = scaled(clearing::floor(&self.assets, &self.rules, &modest)?) > bearable.get();
        let over = U256::from(least.saturating_sub(bearable.get())) * U256::from(1_000_000)
            / U256::from(bearable.get().max(1));
        let path = self.path(&walk);
        // A chain takes a little less than it could, because each asset passes in whole units.
        let rounding: u128 =
            path.amounts.iter().skip(1).map(|passed| walk.send().div_ceil(passed.get().max(1))).sum();
        Some(Near {
            path,
            want_qty: if banded { Amount::ZERO } else { bearable },
            ppm: u64::try_from(over).unwrap_or(u64::MAX),
            enough: walk.send().saturating_add(rounding) >= offer.least_fill().get(),
        })
    }

    /// The offers that would bring `amount` of `want` now, at most `most` of them, the best rate at the references first.
    /// Every other asset is tried that a chain of offers leads from.
    #[must_use]
    pub fn suggest(
        &self,
        want: AssetKey,
        amount: Amount,
        party: Option<PartyKey>,
        most: usize,
    ) -> Vec<Suggestion> {
        let Some(goal) = self.place(want) else { return Vec::new() };
        let mut reach = vec![0.0f64; self.unit.len()];
        reach[goal as usize] = 1.0;
        for _ in 0..self.longest() {
            let before = reach.clone();
            for (asset, lanes) in self.sides[0].lanes.iter().enumerate() {
                let best =
                    lanes.iter().map(|lane| lane.factor * before[lane.to as usize]).fold(0.0, f64::max);
                reach[asset] = reach[asset].max(best);
            }
        }
        let mut order: Vec<u32> = (0u32..).take(reach.len()).filter(|at| *at != goal).collect();
        order.retain(|at| reach[*at as usize] > 0.0);
        order.sort_by(|a, b| reach[*b as usize].total_cmp(&reach[*a as usize]).then(a.cmp(b)));
        // Some of the best reach nobody in this quantity.
        order.truncate(most.saturating_mul(3));
        let mut suggestions: Vec<Suggestion> = order
            .into_iter()
            .filter_map(|send| {
                let send = self.assets.assets()[send as usize].key;
                let ask = Ask { send, receive: want, amount, strict: Strict::Receive, paths: 1, party };
                let path = self.quote(&ask).ok()?.paths.into_iter().next()?;
                let value = |key, amount| {
                    let asset = self.assets.asset(key)?;
                    Some(asset.reference.value_of(amount, asset.decimals).raw())
                };
                let rate = value(want, path.receive)?.checked_mul(U256::from(1_000_000))?;
                let rate_ppm = u64::try_from(rate.checked_div(value(send, path.send)?)?).unwrap_or(u64::MAX);
                Some(Suggestion { path, rate_ppm })
            })
            .collect();
        // The whole of what is wanted first, then the best rate, then fewer deliveries.
        suggestions.sort_by_key(|s| {
            (std::cmp::Reverse((s.path.receive, s.rate_ppm)), s.path.offers.len(), s.path.assets.clone())
        });
        suggestions.truncate(most);
        suggestions
    }
}
