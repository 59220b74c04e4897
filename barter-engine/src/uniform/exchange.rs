//! Rings exchanged for better ones, in whole units: an offer with something left takes what it needs for a ring from rings
//! that give way, and what these leave finds its way anew. What is not worth more in the end is undone.

use super::lanes::Lanes;
use super::walks::{Layers, Reach};
use crate::clear::Watch;
use crate::fill::Fill;
use crate::pool::Candidate;
use crate::scene::{Scene, float};
use clearing::ROUGH_LEG;
use std::collections::BTreeSet;

/// What a leg loses per USD if another ring has to give way for it.
const GIVES_WAY: f64 = 0.1;

/// The volumes that an offer tries, as parts of what it has left.
const PARTS: [f64; 4] = [1.0, 0.5, 0.25, 0.1];

/// The same of those who look for rings after others gave way.
const LEADS: [f64; 2] = [1.0, 0.5];

/// Offers that are left less than this part of an exchange's volume do not look for rings in it.
const LITTLE: f64 = 0.03;

/// An offer leads a ring if that earns this part of the offer's price, beyond what the others of the ring cost.
const EARNS: f64 = 0.5;

/// Of a lane so many offers are asked which of their rings could give way, and each looks at so many of its rings.
const ASKED: usize = 32;
const RINGS: usize = 16;

/// Looks at lanes and offers that all exchanges may take together, per offer.
const LOOKS: u64 = 8_000;

/// A round of exchanges that gains less than this share of the value is the last one.
const ROUND_GAINS: f64 = 1e-3;

/// Changes worth less, USD, are undone: the floats that count them are no finer in very large books.
const LEAST_GAIN: f64 = 0.01;

/// The share of the user's time limit by which exchanges end.
const EXCHANGED: f64 = 0.9;

/// An offer as its lane sees it. All amounts are USD.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Seat {
    offer: u32,
    /// What it can still give; nothing if the ring it is in allows no other.
    left: f64,
    /// What it must give beyond what it does, if anything more.
    lacks: f64,
    /// Whether it is in no ring.
    alone: bool,
}

/// The work space of exchanges over one fill.
pub(super) struct Exchange<'a, 'f> {
    scene: &'a Scene,
    lanes: &'f Lanes,
    fill: &'f mut Fill<'a>,
    /// What a USD that passes over each lane is worth elsewhere, at least 0.
    prices: &'f [f64],
    reach: &'f Reach,
    /// All offers, lane by lane.
    seats: Vec<Seat>,
    /// Where the seats of each lane begin, and after the last lane their end.
    first: Vec<usize>,
    /// The seat of each offer, and its lane.
    seat_of: Vec<(usize, usize)>,
    /// By lane, no seat has more left than this, and no offer has more in all.
    most_left: Vec<f64>,
    most: Vec<f64>,
    layers: Layers,
    /// What each lane earns in the search of this number.
    memo: Vec<(u64, Option<f64>)>,
    search: u64,
    looks: u64,
}

/// What was done in one exchange.
#[derive(Default)]
struct Change {
    /// The offers of all rings put and taken.
    touched: Vec<u32>,
    /// The value of the rings put, less that of those taken.
    gain: f64,
}

impl<'a, 'f> Exchange<'a, 'f> {
    pub(super) fn new(
        scene: &'a Scene,
        lanes: &'f Lanes,
        prices: &'f [f64],
        reach: &'f Reach,
        fill: &'f mut Fill<'a>,
    ) -> Exchange<'a, 'f> {
        let (mut seats, mut first) = (Vec::with_capacity(scene.offers.len()), vec![0]);
        let mut seat_of = vec![(0, 0); scene.offers.len()];
        for (at, lane) in lanes.all.iter().enumerate() {
            for offer in &lane.offers {
                seat_of[*offer as usize] = (seats.len(), at);
                seats.push(Seat { offer: *offer, ..Seat::default() });
            }
            first.push(seats.len());
        }
        let cap = |at: &u32| scene.offer(*at).cap;
        let most = lanes.all.iter().map(|lane| lane.offers.iter().map(cap).fold(0.0, f64::max)).collect();
        let count = lanes.all.len();
        let mut exchange = Exchange {
            scene,
            lanes,
            fill,
            prices,
            reach,
            seats,
            first,
            seat_of,
            most_left: vec![0.0; count],
            most,
            layers: Layers::new(lanes),
            memo: vec![(0, None); count],
            search: 0,
            looks: LOOKS.saturating_mul(scene.offers.len() as u64),
        };
        (0u32..).take(scene.offers.len()).for_each(|at| exchange.refresh(at));
        exchange
    }

    /// Exchanges rings for better ones until little is gained.
    pub(super) fn run(&mut self, options: &Watch<'_>) {
        loop {
            let mut gained = 0.0;
            let mut targets: Vec<(f64, u32)> = (0u32..)
                .zip(&self.seat_of)
                .map(|(at, (_, lane))| (self.left(at) * self.prices[*lane], at))
                .filter(|(worth, _)| *worth > LEAST_GAIN)
                .collect();
            targets.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (_, at) in targets {
                if self.looks == 0 || options.late(EXCHANGED) {
                    return;
                }
                self.looks -= 1;
                gained += self.exchange(at);
            }
            if gained <= self.fill.value() * ROUND_GAINS {
                return;
            }
        }
    }

    /// Tries to bring in what an offer has left. Returns what that gains.
    fn exchange(&mut self, at: u32) -> f64 {
        for part in PARTS {
            self.fill.attempt();
            let mut change = Change::default();
            let bettered = self.bring_in(at, part, &mut change)
                && change.gain > LEAST_GAIN
                && change.touched.iter().all(|at| !self.fill.is_short(*at));
            if bettered {
                self.fill.keep();
                return change.gain;
            }
            self.fill.undo();
            change.touched.into_iter().for_each(|at| self.refresh(at));
        }
        0.0
    }

    /// Puts a ring of a part of what the offer has left, whatever it takes, and then rings of what that leaves.
    fn bring_in(&mut self, at: u32, part: f64, change: &mut Change) -> bool {
        // A rest that cannot be in a ring beside others is joined to the smallest of them.
        let (seat, lane) = self.seat_of[at as usize];
        if !self.seats[seat].alone && self.seats[seat].left < self.rough(lane) {
            let smallest = self.rings(at).into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            smallest.into_iter().for_each(|(_, id)| self.take(id, change));
        }
        let volume = self.seats[seat].left * part;
        if self.costs(lane, &self.seats[seat], volume).is_none() {
            return false;
        }
        let Some(way) = self.way(at, volume, true) else { return false };
        let Some((offers, taken)) = self.pick(at, &way, volume, true) else { return false };
        taken.into_iter().for_each(|id| self.take(id, change));
        if !self.put(&offers, volume, change) {
            return false;
        }
        // Who has fewest units left finds least.
        let units = |at: &u32| (self.left(*at) / self.unit(self.seat_of[*at as usize].1), *at);
        let mut leads: Vec<(f64, u32)> = change.touched.iter().map(units).collect();
        leads.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        leads.dedup_by_key(|lead| lead.1);
        for (_, at) in leads {
            if self.left(at) > volume * LITTLE {
                self.lead(at, change);
            }
        }
        true
    }

    /// Rings through an offer, over what others have left.
    fn lead(&mut self, at: u32, change: &mut Change) {
        let (seat, lane) = self.seat_of[at as usize];
        for part in LEADS {
            let volume = self.seats[seat].left * part;
            if self.costs(lane, &self.seats[seat], volume).is_none() {
                return;
            }
            if let Some(way) = self.way(at, volume, false)
                && let Some((offers, _)) = self.pick(at, &way, volume, false)
            {
                self.put(&offers, volume, change);
            }
        }
    }

    fn left(&self, at: u32) -> f64 {
        self.seats[self.seat_of[at as usize].0].left
    }

    /// The value of a smallest unit of what a lane gives.
    fn unit(&self, lane: usize) -> f64 {
        self.scene.unit[self.lanes.all[lane].give as usize]
    }

    /// The least that an offer of several rings gives in each.
    fn rough(&self, lane: usize) -> f64 {
        float(ROUGH_LEG) * self.unit(lane)
    }

    /// Looks at an offer anew.
    fn refresh(&mut self, at: u32) {
        let (seat, lane) = self.seat_of[at as usize];
        let (unit, offer) = (self.unit(lane), self.scene.offer(at));
        let left = if self.fill.is_rough(at) { 0.0 } else { float(self.fill.room(at)) * unit };
        let lacks = float(offer.least_qty.saturating_sub(self.fill.given(at))) * unit;
        let before = self.seats[seat].left;
        self.seats[seat] = Seat { offer: at, left, lacks, alone: self.fill.ids_of(at).is_empty() };
        if left >= self.most_left[lane] {
            self.most_left[lane] = left;
        } else if before >= self.most_left[lane] {
            let seats = &self.seats[self.first[lane]..self.first[lane + 1]];
            self.most_left[lane] = seats.iter().map(|seat| seat.left).fold(0.0, f64::max);
        }
    }

    /// What an offer loses of its use, per USD of a ring of `volume` that it serves; `None` if it cannot.
    fn costs(&self, lane: usize, seat: &Seat, volume: f64) -> Option<f64> {
        let rough = self.rough(lane);
        let serves = volume <= seat.left * (1.0 + 1e-9)
            && volume >= self.unit(lane) * (1.0 - 1e-9)
            && volume >= seat.lacks * (1.0 - 1e-9)
            && (volume >= rough || seat.alone);
        let ends = volume < rough || seat.left - volume < rough;
        serves.then(|| if ends { (seat.left / volume).max(1.0) } else { 1.0 })
    }

    /// What a lane earns per USD of a ring of `volume`. Where no offer has enough left, rings may have to give way.
    fn earns(&self, lane: usize, volume: f64, give_way: bool, looks: &mut u64) -> Option<f64> {
        let mut least = f64::INFINITY;
        if volume <= self.most_left[lane] * (1.0 + 1e-9) {
            for seat in &self.seats[self.first[lane]..self.first[lane + 1]] {
                *looks += 1;
                least = least.min(self.costs(lane, seat, volume).unwrap_or(f64::INFINITY));
                if least <= 1.0 {
                    break;
                }
            }
        }
        if least < f64::INFINITY {
            return Some(1.0 - self.prices[lane] * least);
        }
        let possible = give_way && volume <= self.most[lane] && volume >= self.unit(lane);
        possible.then(|| 1.0 - self.prices[lane] - GIVES_WAY)
    }

    /// The lanes of the best way back from what an offer wants to what it gives.
    fn way(&mut self, at: u32, volume: f64, give_way: bool) -> Option<Vec<usize>> {
        self.search += 1;
        let lane = self.seat_of[at as usize].1;
        let mut layers = std::mem::take(&mut self.layers);
        let mut memo = std::mem::take(&mut self.memo);
        let mut looks = 0;
        let earns = |lane: usize| {
            looks += 1;
            let known = &mut memo[lane];
            if known.0 != self.search {
                *known = (self.search, self.earns(lane, volume, give_way, &mut looks));
            }
            known.1
        };
        let least = EARNS * self.prices[lane].min(1.0) - 1.0;
        let found = layers.good_way(self.lanes, lane, self.prices, self.reach, least, earns);
        self.looks = self.looks.saturating_sub(looks);
        (self.layers, self.memo) = (layers, memo);
        found
    }

    /// The offers of a ring over `way`, none beside another of its party, and the rings that have to give way for them.
    fn pick(
        &mut self,
        lead: u32,
        way: &[usize],
        volume: f64,
        give_way: bool,
    ) -> Option<(Vec<u32>, BTreeSet<usize>)> {
        let party = |at: u32| self.scene.offer(at).party;
        let (mut offers, mut taken) = (vec![lead], BTreeSet::new());
        let mut looks = 0;
        for (leg, &lane) in way.iter().enumerate() {
            let last = (leg + 1 == way.len()).then(|| party(lead));
            let before = party(offers[leg]);
            let seats = &self.seats[self.first[lane]..self.first[lane + 1]];
            looks += seats.len() as u64;
            let strangers = seats.iter().filter(|seat| {
                let own = party(seat.offer);
                own != before && Some(own) != last
            });
            let serving = strangers.clone().filter_map(|seat| {
                self.costs(lane, seat, volume).map(|costs| (costs, seat.left, seat.offer))
            });
            let best =
                serving.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            if let Some((_, _, at)) = best {
                offers.push(at);
                continue;
            }
            if !give_way {
                return None;
            }
            let (_, at, ids) = strangers
                .filter(|seat| {
                    let offer = self.scene.offer(seat.offer);
                    offer.cap >= volume && offer.least <= volume
                })
                .take(ASKED)
                .filter_map(|seat| self.giving_way(seat.offer, volume))
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
            taken.extend(ids);
            offers.push(at);
        }
        self.looks = self.looks.saturating_sub(looks);
        Some((offers, taken))
    }

    /// The rings that an offer leaves to serve `volume`, and what it gave in them.
    fn giving_way(&self, at: u32, volume: f64) -> Option<(f64, u32, Vec<usize>)> {
        let (seat, lane) = self.seat_of[at as usize];
        let mut rings = self.rings(at);
        rings.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let lacks = volume - self.seats[seat].left;
        let alone = volume < self.rough(lane) || self.fill.is_rough(at);
        if !alone && let Some(ring) = rings.iter().find(|ring| ring.0 >= lacks) {
            return Some((ring.0, at, vec![ring.1]));
        }
        let (mut sum, mut taken) = (0.0, Vec::new());
        while alone || sum < lacks {
            let Some((gives, id)) = rings.pop() else { break };
            sum += gives;
            taken.push(id);
        }
        (alone || sum >= lacks).then_some((sum, at, taken))
    }

    /// The rings of an offer and what it gives in each.
    fn rings(&self, at: u32) -> Vec<(f64, usize)> {
        let unit = self.unit(self.seat_of[at as usize].1);
        let gives = |id: &usize| {
            let placed = self.fill.placed(*id)?;
            let leg = placed.ring.offers().iter().position(|other| *other == at)?;
            Some((float(placed.gives[leg]) * unit, *id))
        };
        self.fill.ids_of(at).iter().take(RINGS).filter_map(gives).collect()
    }

    fn take(&mut self, id: usize, change: &mut Change) {
        change.gain -= self.fill.worth_of(id);
        if let Some(placed) = self.fill.take_back(id) {
            change.touched.extend(placed.ring.offers());
            placed.ring.offers().iter().for_each(|at| self.refresh(*at));
        }
    }

    /// Puts a ring of about `volume`; the first of the offers gives exactly what it has left if it gives all or nothing.
    fn put(&mut self, offers: &[u32], volume: f64, change: &mut Change) -> bool {
        let lead = self.scene.offer(offers[0]);
        let whole = lead.least_qty == lead.give_qty;
        let first = (0..offers.len()).min_by_key(|leg| self.scene.offer(offers[*leg]).give).unwrap_or(0);
        let mut ring = offers.to_vec();
        ring.rotate_left(first);
        let leg = (offers.len() - first) % offers.len();
        let exactly = whole.then(|| (leg, self.fill.room(offers[0])));
        let Some(id) = self.fill.place(&Candidate::new(&ring), volume, exactly, None) else { return false };
        change.gain += self.fill.worth_of(id);
        change.touched.extend(offers);
        offers.iter().for_each(|at| self.refresh(*at));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Lanes;
    use super::super::walks::Reach;
    use super::Exchange;
    use crate::clear::{Options, Watch};
    use crate::fill::Fill;
    use crate::pool::Candidate;
    use crate::scene::Scene;
    use clearing::{Amount, Answer, Asset, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Rules};
    use proptest::prelude::*;

    fn rules() -> Rules {
        Rules { mode: Mode::Uniform, ..Rules::default() }
    }

    /// Offers of assets whose units are worth a dollar each: what is given, what is wanted, how much, the least.
    fn book(offers: &[(u64, u64, u128, u128)]) -> Book {
        let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "1".parse().unwrap() };
        let amount = |units| Amount::new(units).unwrap();
        let made = (0u64..).zip(offers).map(|(key, (give, want, units, least))| Offer {
            key: OfferKey(key),
            party: PartyKey([u8::try_from(key).unwrap(); 20]),
            give: AssetKey(*give),
            give_qty: amount(*units),
            want: AssetKey(*want),
            want_qty: amount(*units),
            divisible: least < units,
            min_fill: amount(if least < units { *least } else { 0 }),
            valid_from: 0,
            valid_until: 9,
        });
        Book::new((0..5).map(asset).collect(), made.collect()).unwrap()
    }

    /// Exchanges over what `rings` of offers fill, in this order; returns the value before and after.
    fn exchange(book: &Book, rings: &[Vec<u32>], price: f64) -> (f64, f64) {
        let scene = Scene::new(book, &rules(), 1, &Prices::default());
        let lanes = Lanes::new(&scene);
        let prices = vec![price; lanes.all.len()];
        let reach = Reach::new(&lanes, &vec![1.0 - price; lanes.all.len()]);
        let mut fill = Fill::new(&scene);
        for ring in rings {
            fill.insert(&Candidate::new(ring));
        }
        let before = fill.value();
        let mut exchange = Exchange::new(&scene, &lanes, &prices, &reach, &mut fill);
        exchange.run(&Watch::new(&Options::default()));
        let seats = exchange.seats;
        assert_eq!(
            seats,
            Exchange::new(&scene, &lanes, &prices, &reach, &mut fill).seats,
            "known as they are"
        );
        assert!(fill.short().is_empty());
        let answer = Answer { rings: fill.rings(book), prices: Prices::default() };
        assert_eq!(clearing::check(book, &rules(), 1, &answer).map(|_| ()), Ok(()));
        (before, fill.value())
    }

    #[test]
    fn who_gives_all_or_nothing_takes_the_ring_of_who_gives_less() {
        let book = book(&[(0, 1, 1_000, 0), (1, 0, 400, 0), (1, 0, 1_000, 1_000)]);
        assert_eq!(exchange(&book, &[vec![0, 1]], 0.5), (800.0, 2_000.0));
    }

    #[test]
    fn who_gave_way_finds_another_ring() {
        // The second leaves the first to the third, closes a ring with the last two, and a rest stays between the first two.
        let book =
            book(&[(0, 1, 1_000, 0), (1, 0, 1_000, 0), (1, 0, 900, 900), (0, 2, 800, 0), (2, 1, 800, 0)]);
        assert_eq!(exchange(&book, &[vec![0, 1]], 0.5), (2_000.0, 1_800.0 + 2_400.0 + 200.0));
    }

    #[test]
    fn nobody_gives_way_for_less() {
        let book = book(&[(0, 1, 1_000, 1_000), (1, 0, 1_000, 1_000), (1, 0, 900, 0)]);
        assert_eq!(exchange(&book, &[vec![0, 1]], 0.5), (2_000.0, 2_000.0));
    }

    proptest! {
        #[test]
        fn no_exchange_loses_anything_or_breaks_a_rule(
            offers in prop::collection::vec((0u64..5, 0u64..4, 1u128..3_000, 0u128..4), 2..60),
            pairs in prop::collection::vec((0usize..60, 0usize..60), 0..60),
            price in 0.0f64..1.0,
        ) {
            let offers: Vec<_> = offers
                .into_iter()
                .map(|(give, other, units, quarters)| (give, (give + 1 + other) % 5, units, units * quarters / 3))
                .collect();
            let two = |(a, b): (usize, usize)| {
                let (x, y) = (offers.get(a)?, offers.get(b)?);
                (x.0 < y.0 && (x.0, x.1) == (y.1, y.0))
                    .then(|| vec![u32::try_from(a).unwrap(), u32::try_from(b).unwrap()])
            };
            let rings: Vec<Vec<u32>> = pairs.into_iter().filter_map(two).collect();
            let (before, after) = exchange(&book(&offers), &rings, price);
            prop_assert!(after >= before, "{before} to {after}");
        }
    }
}
