//! The live book, indexed for quotes and kept up to date offer by offer.
//!
//! Offers stand by pair of assets, best rate first, and pairs by what they bring, per asset on both sides. Per asset and
//! number of steps an upper bound of what any chain of offers can gain from there steers the search of [`crate::quote`]:
//! exact when the market is made, raised as offers come, and made anew once many have gone.

use crate::scene::float;
use clearing::{Asset, AssetKey, Book, BookError, Offer, OfferKey, PartyKey, Ratio, Rules};
use std::collections::{BTreeMap, BTreeSet};

/// The steps that bounds look ahead: a chain has at most five offers, the first and the last of which are looked at.
pub(crate) const AHEAD: usize = 3;

/// After so many bests have gone, bounds are made anew.
const STALE: usize = 512;

/// Why an offer cannot stand in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// It makes no sense, or its key is taken.
    #[error(transparent)]
    Book(#[from] BookError),
    /// Its party has a live offer on the other side of one of its assets.
    #[error("the party of offer {0} has a live offer on the other side of one of its assets")]
    Crossing(OfferKey),
}

/// An offer as the search sees it: floats guess, `floor` proves.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) offer: Offer,
    /// The least received per unit given at which it settles, exactly.
    pub(crate) floor: Ratio,
    pub(crate) give: u32,
    pub(crate) want: u32,
}

/// One offer of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stand {
    /// USD given per USD received, at its floor.
    pub(crate) factor: f64,
    /// Smallest units given per smallest unit received, at its floor.
    pub(crate) rate: f64,
    /// The most that it gives.
    pub(crate) most: f64,
    /// The least that it gives if anything.
    pub(crate) least: f64,
    /// Its place among the entries.
    pub(crate) slot: u32,
    /// Its offer.
    pub(crate) key: OfferKey,
}

/// The offers of one pair as a step from one asset to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// The factor of the pair's best offer.
    pub(crate) factor: f64,
    /// The asset at the other end.
    pub(crate) to: u32,
    /// The pair.
    pub(crate) pair: u32,
}

/// Lanes of each asset in one direction, best first, and what chains can gain in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) lanes: Vec<Vec<Lane>>,
    /// Per number of steps less one, per asset: no chain of so many steps or fewer gains more.
    pub(crate) gain: [Vec<f64>; AHEAD],
    /// The largest of each.
    pub(crate) most: [f64; AHEAD],
}

/// A live book made ready for quotes: made once, kept up to date with [`Market::insert`], [`Market::remove`] and
/// [`Market::advance`].
///
/// Rates are those of ring mode: each offer trades at its floor, the larger of its limit and the band's edge under the
/// reference, because no ring settles under that.
#[derive(Clone, Debug)]
pub struct Market {
    /// The assets, without offers.
    pub(crate) assets: Book,
    pub(crate) rules: Rules,
    pub(crate) now: u64,
    /// USD per smallest unit.
    pub(crate) unit: Vec<f64>,
    pub(crate) entries: Vec<Option<Entry>>,
    pub(crate) pairs: Vec<Vec<Stand>>,
    /// From what is wanted to what is given, and back.
    pub(crate) sides: [Side; 2],
    free: Vec<u32>,
    places: BTreeMap<OfferKey, u32>,
    numbers: BTreeMap<(u32, u32), u32>,
    /// Live offers of a party that give an asset, and that want it.
    stands: BTreeMap<(PartyKey, AssetKey), [u32; 2]>,
    ends: BTreeSet<(u64, OfferKey)>,
    begins: BTreeSet<(u64, OfferKey)>,
    waiting: BTreeMap<OfferKey, Offer>,
    snapshot: u128,
    gone: usize,
}

impl Market {
    /// Readies the offers of `book` that are valid at `now` (epoch seconds); later ones wait for [`Market::advance`]. The
    /// mode of `rules` is not looked at. Where offers of one party stand on both sides of an asset, the older stands.
    #[must_use]
    pub fn new(book: &Book, rules: &Rules, now: u64) -> Market {
        let assets = Book::new(book.assets().to_vec(), Vec::new()).expect("the assets of a book are a book");
        let count = assets.assets().len();
        let side = || Side {
            lanes: vec![Vec::new(); count],
            gain: std::array::from_fn(|_| vec![1.0; count]),
            most: [1.0; AHEAD],
        };
        let unit = assets.assets().iter().map(per_unit).collect();
        let mut market = Market {
            assets,
            rules: *rules,
            now,
            unit,
            entries: Vec::with_capacity(book.offers().len()),
            pairs: Vec::new(),
            sides: [side(), side()],
            free: Vec::new(),
            places: BTreeMap::new(),
            numbers: BTreeMap::new(),
            stands: BTreeMap::new(),
            ends: BTreeSet::new(),
            begins: BTreeSet::new(),
            waiting: BTreeMap::new(),
            snapshot: name_of(book.assets(), rules),
            gone: 0,
        };
        for offer in book.offers() {
            if offer.valid_from > now {
                market.wait(offer);
            } else if now < offer.valid_until && market.crossing(offer).is_ok() {
                let (pair, stand) = market.enter(offer);
                market.pairs[pair as usize].push(stand);
            }
        }
        for stands in &mut market.pairs {
            stands.sort_by(order);
        }
        for (&(want, give), &pair) in &market.numbers {
            let Some(best) = market.pairs[pair as usize].first() else { continue };
            market.sides[0].lanes[want as usize].push(Lane { factor: best.factor, to: give, pair });
            market.sides[1].lanes[give as usize].push(Lane { factor: best.factor, to: want, pair });
        }
        for side in &mut market.sides {
            side.lanes.iter_mut().for_each(|lanes| lanes.sort_by_key(position));
        }
        market.bound();
        market
    }

    /// Names all that a quote depends on but the time: the live offers, the references and the rules. The same for the same
    /// ones, whatever came and went before. No protection against somebody who looks for two books of one name.
    #[must_use]
    pub fn snapshot(&self) -> u128 {
        self.snapshot
    }

    /// The time at which the market stands, epoch seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The live offers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no offer is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The live offer of this key.
    #[must_use]
    pub fn offer(&self, key: OfferKey) -> Option<&Offer> {
        self.places.get(&key).map(|&slot| &self.entry(slot).offer)
    }

    /// Takes an offer in; one that is not yet valid waits, one that has ended is left out.
    ///
    /// # Errors
    /// A [`MarketError`], in the order of its variants; the market is unchanged.
    pub fn insert(&mut self, offer: &Offer) -> Result<(), MarketError> {
        self.assets.admits(offer)?;
        if self.places.contains_key(&offer.key) || self.waiting.contains_key(&offer.key) {
            return Err(BookError::DuplicateOffer(offer.key).into());
        }
        self.crossing(offer)?;
        if offer.valid_from > self.now {
            self.wait(offer);
        } else if self.now < offer.valid_until {
            self.put(offer);
        }
        Ok(())
    }

    /// Takes an offer out; whether it was there.
    pub fn remove(&mut self, key: OfferKey) -> bool {
        if let Some(slot) = self.places.get(&key).copied() {
            self.take(slot);
            return true;
        }
        let waited = self.waiting.remove(&key);
        waited.is_some_and(|offer| self.begins.remove(&(offer.valid_from, key)))
    }

    /// Goes on to `now`: offers that have ended go, those that have begun come, unless their party has come to stand on the
    /// other side meanwhile. Time does not go back.
    pub fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some(&(_, key)) = self.ends.first().filter(|(until, _)| *until <= self.now) {
            self.remove(key);
        }
        while let Some(&(from, key)) = self.begins.first().filter(|(from, _)| *from <= self.now) {
            self.begins.remove(&(from, key));
            let offer = self.waiting.remove(&key).expect("what begins waits");
            if self.now < offer.valid_until && self.crossing(&offer).is_ok() {
                self.put(&offer);
            }
        }
    }

    pub(crate) fn entry(&self, slot: u32) -> &Entry {
        self.entries[slot as usize].as_ref().expect("a stand's entry is there")
    }

    /// Where an asset stands.
    pub(crate) fn place(&self, asset: AssetKey) -> Option<u32> {
        self.assets.asset_index(asset).map(small)
    }

    /// One minus the band.
    pub(crate) fn kept(&self) -> f64 {
        1.0 - f64::from(self.rules.band.ppm()) / 1e6
    }

    /// The most offers of a chain: with who asks they are a ring.
    pub(crate) fn longest(&self) -> usize {
        usize::from(self.rules.max_assets).clamp(2, clearing::MAX_LEGS) - 1
    }

    fn wait(&mut self, offer: &Offer) {
        self.begins.insert((offer.valid_from, offer.key));
        self.waiting.insert(offer.key, *offer);
    }

    pub(crate) fn crossing(&self, offer: &Offer) -> Result<(), MarketError> {
        let other = |asset, side: usize| {
            self.stands.get(&(offer.party, asset)).is_some_and(|stands| stands[side] > 0)
        };
        if other(offer.give, 1) || other(offer.want, 0) {
            return Err(MarketError::Crossing(offer.key));
        }
        Ok(())
    }

    /// Makes an entry; the pair it belongs to and how it stands there.
    fn enter(&mut self, offer: &Offer) -> (u32, Stand) {
        let place = |asset| self.place(asset).expect("the assets of an admitted offer are there");
        let (give, want) = (place(offer.give), place(offer.want));
        let floor = clearing::floor(&self.assets, &self.rules, offer).expect("its assets are there");
        let wide = |number: ruint::aliases::U256| f64::from(number);
        let rate = wide(floor.den()) / wide(floor.num());
        let entry = Some(Entry { offer: *offer, floor, give, want });
        let slot = if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = entry;
            slot
        } else {
            self.entries.push(entry);
            small(self.entries.len() - 1)
        };
        self.places.insert(offer.key, slot);
        self.ends.insert((offer.valid_until, offer.key));
        self.stands.entry((offer.party, offer.give)).or_default()[0] += 1;
        self.stands.entry((offer.party, offer.want)).or_default()[1] += 1;
        self.snapshot = self.snapshot.wrapping_add(name(offer));
        let next = small(self.pairs.len());
        let pair = *self.numbers.entry((want, give)).or_insert(next);
        if pair == next {
            self.pairs.push(Vec::new());
        }
        let factor = rate * self.unit[give as usize] / self.unit[want as usize];
        let (most, least) = (float(offer.give_qty.get()), float(offer.least_fill().get()));
        (pair, Stand { factor, rate, most, least, slot, key: offer.key })
    }

    fn put(&mut self, offer: &Offer) {
        let (pair, stand) = self.enter(offer);
        let stands = &mut self.pairs[pair as usize];
        let before = stands.first().map(|best| best.factor);
        let at = stands.partition_point(|other| order(other, &stand).is_lt());
        stands.insert(at, stand);
        self.settle(pair, stand.slot, before);
    }

    fn take(&mut self, slot: u32) {
        let entry = self.entries[slot as usize].take().expect("a stand's entry is there");
        let Entry { offer, give, want, .. } = entry;
        let pair = self.numbers[&(want, give)];
        let stands = &mut self.pairs[pair as usize];
        let before = stands.first().map(|best| best.factor);
        stands.retain(|stand| stand.slot != slot);
        self.lanes(pair, (want, give), before);
        self.places.remove(&offer.key);
        self.ends.remove(&(offer.valid_until, offer.key));
        for (asset, side) in [(offer.give, 0), (offer.want, 1)] {
            let stands = self.stands.get_mut(&(offer.party, asset)).expect("it was counted when it came");
            stands[side] -= 1;
            if *stands == [0, 0] {
                self.stands.remove(&(offer.party, asset));
            }
        }
        self.snapshot = self.snapshot.wrapping_sub(name(&offer));
        self.free.push(slot);
    }

    fn settle(&mut self, pair: u32, slot: u32, before: Option<f64>) {
        let (give, want) = (self.entry(slot).give, self.entry(slot).want);
        if self.lanes(pair, (want, give), before) {
            let factor = self.pairs[pair as usize][0].factor;
            self.raise(0, want, give, factor);
            self.raise(1, give, want, factor);
        }
    }

    /// Moves the lanes of a pair whose best was `before` to where they belong; whether the best has become better.
    fn lanes(&mut self, pair: u32, (want, give): (u32, u32), before: Option<f64>) -> bool {
        let after = self.pairs[pair as usize].first().map(|best| best.factor);
        if before == after {
            return false;
        }
        for (side, (from, to)) in [(want, give), (give, want)].into_iter().enumerate() {
            let lanes = &mut self.sides[side].lanes[from as usize];
            if let Some(factor) = before {
                let old = Lane { factor, to, pair };
                let at = lanes.binary_search_by(|lane| position(lane).cmp(&position(&old)));
                lanes.remove(at.expect("a pair with offers has its lanes"));
            }
            if let Some(factor) = after {
                let new = Lane { factor, to, pair };
                let at = lanes.partition_point(|lane| position(lane) < position(&new));
                lanes.insert(at, new);
            }
        }
        let better = after > before;
        if !better {
            self.gone += 1;
            if self.gone >= STALE {
                self.bound();
            }
        }
        better
    }

    /// Makes the bounds anew.
    fn bound(&mut self) {
        self.gone = 0;
        for side in &mut self.sides {
            for steps in 0..AHEAD {
                let before =
                    if steps == 0 { vec![1.0; side.lanes.len()] } else { side.gain[steps - 1].clone() };
                let gain = side.lanes.iter().map(|lanes| {
                    let best = lanes.iter().map(|lane| lane.factor * before[lane.to as usize]);
                    best.fold(1.0, f64::max)
                });
                side.gain[steps] = gain.collect();
                side.most[steps] = side.gain[steps].iter().copied().fold(1.0, f64::max);
            }
        }
    }

    /// Raises the bounds of one direction for a lane that has become better.
    fn raise(&mut self, side: usize, from: u32, to: u32, factor: f64) {
        let mut raised: Vec<(usize, u32)> = Vec::new();
        for steps in 0..AHEAD {
            let rest = if steps == 0 { 1.0 } else { self.sides[side].gain[steps - 1][to as usize] };
            if self.lift(side, steps, from, factor * rest) {
                raised.push((steps, from));
            }
        }
        while let Some((steps, asset)) = raised.pop() {
            let next = steps + 1;
            if next == AHEAD {
                continue;
            }
            let rest = self.sides[side].gain[steps][asset as usize];
            for at in 0..self.sides[1 - side].lanes[asset as usize].len() {
                let lane = self.sides[1 - side].lanes[asset as usize][at];
                if self.lift(side, next, lane.to, lane.factor * rest) {
                    raised.push((next, lane.to));
                }
            }
        }
    }

    fn lift(&mut self, side: usize, steps: usize, asset: u32, gain: f64) -> bool {
        let Side { gain: gains, most, .. } = &mut self.sides[side];
        let held = &mut gains[steps][asset as usize];
        if gain <= *held {
            return false;
        }
        *held = gain;
        most[steps] = most[steps].max(gain);
        true
    }
}

/// USD per smallest unit, for guessing.
fn per_unit(asset: &Asset) -> f64 {
    let places = i32::from(asset.reference.scale()) + i32::from(asset.decimals);
    float(asset.reference.mantissa()) / 10f64.powi(places)
}

/// Better rates first, then larger offers, then older ones.
fn order(a: &Stand, b: &Stand) -> std::cmp::Ordering {
    b.factor.total_cmp(&a.factor).then(b.most.total_cmp(&a.most)).then(a.key.cmp(&b.key))
}

/// Where a lane belongs: positive floats sort as their bits do.
fn position(lane: &Lane) -> (std::cmp::Reverse<u64>, u32) {
    (std::cmp::Reverse(lane.factor.to_bits()), lane.to)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a book has fewer than 2^32 assets and offers")
}

/// The part of a snapshot's name that references and rules give: all rates come from them.
fn name_of(assets: &[Asset], rules: &Rules) -> u128 {
    let mut name = Name::new();
    name.take(&rules.band.ppm().to_le_bytes());
    name.take(&[rules.max_assets]);
    for asset in assets {
        name.take(&asset.key.0.to_le_bytes());
        name.take(&[asset.decimals, asset.reference.scale()]);
        name.take(&asset.reference.mantissa().to_le_bytes());
    }
    name.0
}

/// An offer's share of the snapshot's name.
fn name(offer: &Offer) -> u128 {
    let mut name = Name::new();
    name.take(&offer.key.0.to_le_bytes());
    name.take(&offer.party.0);
    name.take(&offer.give.0.to_le_bytes());
    name.take(&offer.give_qty.get().to_le_bytes());
    name.take(&offer.want.0.to_le_bytes());
    name.take(&offer.want_qty.get().to_le_bytes());
    name.take(&[u8::from(offer.divisible)]);
    name.take(&offer.min_fill.get().to_le_bytes());
    name.take(&offer.valid_until.to_le_bytes());
    name.0
}

/// FNV-1a over 128 bits.
struct Name(u128);

impl Name {
    const fn new() -> Name {
        Name(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
