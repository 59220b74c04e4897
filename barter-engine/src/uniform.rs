//! Uniform mode: at one price per asset a ring moves one value around, and offers of one pair differ by nothing but
//! size, party and minimum.
//!
//! So offers of one pair are one [lane](lanes), and what is to pass over which rings of lanes is [planned](plan): a linear
//! programme over rings that [layered search](walks) finds, with minimums decided step by step by what the offers of a lane
//! [can come to](levels). The plan is [packed](packing) into rings of offers in several manners, put into whole units, and
//! the best is kept; what it leaves is planned anew. In the end rings are [exchanged](exchange) for better ones. The
//! potentials of the largest [circulation](crate::circulation), which knows no limit on the length of rings, are the
//! certificate's duals, with the prices of lanes where these prove more.

mod exchange;
mod lanes;
mod levels;
mod packing;
mod plan;
pub(crate) mod prices;
mod walks;

use crate::clear::{Stage, Watch};
use crate::fill::Fill;
use crate::pool::{Candidate, Pool};
use crate::scene::{Scene, float};
use exchange::Exchange;
use lanes::Lanes;
use packing::Packing;
use plan::Planner;
use std::collections::BTreeMap;
use walks::Reach;

/// All offers together come to at most so many value units.
const WHOLE: f64 = 1e15;

/// The share of an offer that stays out of the plan, for rounding, if it has many units and may be filled in part.
const SPARE: f64 = 0.000_2;

/// Offers of fewer units spare none of them.
const MANY_UNITS: u128 = 2_000;

/// How often what the rings leave is planned and packed once more.
const PASSES: usize = 2;

/// Offers of fewer than so many pieces lead in [`Manner::Leads`], by turns.
const COARSE: [u64; 2] = [2, 4];

/// Books of more offers are packed in one manner alone: each takes long.
const MANY: usize = 40_000;

/// How a plan becomes rings of offers. Which is best depends on the book.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What each offer gives is taken apart into short rings, whatever rings the plan had.
    Apart,
    /// The plan's rings, the largest first, and the rest taken apart.
    Follows,
    /// Offers that cannot be split into many pieces first, each in the ring that suits it best; then the plan's rings.
    Leads,
}

/// The offers' values in whole units, rounded down.
struct Values {
    caps: Vec<u64>,
    /// USD per value unit.
    unit: f64,
}

impl Values {
    fn new(scene: &Scene) -> Values {
        let total: f64 = scene.offers.iter().map(|offer| offer.cap).sum();
        let unit = (total / WHOLE).max(1e-9);
        let caps = scene.caps().into_iter().map(|cap| whole(cap / unit)).collect();
        Values { caps, unit }
    }

    /// The least that an offer gives if anything, a little more than its minimum so that rounding leaves that.
    fn least(&self, scene: &Scene, at: usize) -> u64 {
        let offer = &scene.offers[at];
        if offer.least_qty == 0 {
            return 0;
        }
        if offer.least_qty == offer.give_qty {
            return self.caps[at];
        }
        let needed = offer.least * 1.001 + 2.0 * scene.unit[offer.give as usize];
        whole(needed.min(offer.cap - spare(scene, at)) / self.unit).min(self.caps[at])
    }
}

/// What an offer keeps for rounding of what it could give, USD: nothing if it has few units, or if its minimum takes nearly
/// all it has.
fn spare(scene: &Scene, at: usize) -> f64 {
    let offer = &scene.offers[at];
    let spare = offer.cap * SPARE + 3.0 * scene.unit[offer.give as usize];
    if offer.give_qty < MANY_UNITS || offer.least * 1.001 + spare > offer.cap { 0.0 } else { spare }
}

fn whole(number: f64) -> u64 {
    u64::try_from(crate::exact::whole(number)).unwrap_or(u64::MAX)
}

/// The duals of uniform mode: the potentials of the largest circulation, minimums aside, in parts of
/// [`clearing::DUAL_WHOLE`].
pub(crate) fn duals(scene: &Scene) -> Vec<u64> {
    let lanes = Lanes::new(scene);
    let caps = Values::new(scene).caps;
    let caps: Vec<u64> = (0..lanes.all.len()).map(|lane| lanes.sum(lane, &caps)).collect();
    let potentials = plan::potentials(&lanes, &caps);
    potentials.into_iter().map(|dual| dual.saturating_mul(clearing::DUAL_WHOLE)).collect()
}

/// What a USD that passes over a lane counts, by the assets given and wanted, in parts of [`clearing::DUAL_WHOLE`].
pub(crate) type LaneDuals = BTreeMap<(u32, u32), u64>;

/// Clears `scene`, or betters an answer that another search found, and tells the lanes' duals of the programme that knows no minimums.
pub(crate) fn clear<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    pool: &mut Pool,
    duals: &mut LaneDuals,
    other: Option<Fill<'a>>,
) -> Fill<'a> {
    let (values, lanes) = (Values::new(scene), Lanes::new(scene));
    let mut round = Uniform { scene, values, lanes, options, prices: Vec::new() };
    let mut fill = Fill::new(scene);
    let large = scene.offers.len() > MANY;
    // The one that leads plans anew on the way, so it comes last.
    let mut manners =
        if large { vec![Manner::Follows] } else { vec![Manner::Apart, Manner::Follows, Manner::Leads] };
    for pass in 1..=PASSES {
        let (next, manner) = round.pass(&fill, &manners, pass, pool, duals);
        if next.value() > fill.value() {
            (fill, manners) = (next, vec![manner]);
        }
        options.tell(Stage::Volumes, pass, PASSES, fill.value());
        if pass < PASSES && options.stopped() {
            break;
        }
    }
    let earns: Vec<f64> = round.prices.iter().map(|price| 1.0 - price).collect();
    let reach = Reach::new(&round.lanes, &earns);
    let better = |mut fill: Fill<'a>| {
        Exchange::new(scene, &round.lanes, &round.prices, &reach, &mut fill).run(options);
        fill.grow();
        fill
    };
    let fill = better(fill);
    let other = other.map(better).filter(|other| other.value() >= fill.value());
    let best = other.unwrap_or(fill);
    (0..best.ids()).filter_map(|id| best.placed(id)).for_each(|placed| {
        pool.push(placed.ring);
    });
    best
}

/// A scene in uniform mode.
struct Uniform<'a, 'w> {
    scene: &'a Scene,
    values: Values,
    lanes: Lanes,
    options: &'w Watch<'w>,
    /// What a USD of each lane is worth before minimums are decided, at least 0.
    prices: Vec<f64>,
}

impl<'a> Uniform<'a, '_> {
    /// Plans over what `before` leaves, packs it in each of `manners`, and keeps the best.
    fn pass(
        &mut self,
        before: &Fill<'a>,
        manners: &[Manner],
        pass: usize,
        pool: &mut Pool,
        duals: &mut LaneDuals,
    ) -> (Fill<'a>, Manner) {
        let room = room(self.scene, &self.values, before);
        // Whoever gives anything, however little, is in a ring already.
        let given = |(at, room): (u32, &u64)| {
            if before.given(at) > 0 { (self.values.caps[at as usize] - room).max(1) } else { 0 }
        };
        let given: Vec<u64> = (0u32..).zip(&room).map(given).collect();
        let empty = Packing::new(self.scene, &self.lanes, &self.values, given);
        let mut planner = Planner::new(&self.lanes, &self.values, &empty.ranges(&room), pass == 1);
        planner.learn(self.options);
        if pass == 1 {
            *duals = planner.duals();
            self.prices = planner.first_prices();
        }
        planner.decide(self.options);
        planner.sift(empty.pieces(), self.options);
        let plan = planner.settle();
        let mut best: Option<(Fill<'a>, Manner)> = None;
        for &manner in manners {
            let mut packing = empty.clone();
            match manner {
                Manner::Apart => packing.allow(&plan.given),
                Manner::Follows => packing.follow(&plan),
                Manner::Leads => {
                    for pieces in COARSE {
                        packing.open(&room);
                        packing.lead(pieces, planner.prices());
                        planner.go_on(packing.over_lanes(), &packing.ranges(&room));
                    }
                    packing.follow(&planner.settle());
                }
            }
            packing.take_apart();
            // At first room is left for minimums to be met in whole units.
            if pass > 1 {
                packing.open(&room);
                packing.greedy();
            }
            let mut fill = before.clone();
            self.realise(&mut fill, &packing.rings(), pool);
            if best.as_ref().is_none_or(|(best, _)| fill.value() > best.value()) {
                best = Some((fill, manner));
            }
            if manner != Manner::Leads && manners.len() > 1 && self.options.stopped() {
                break;
            }
        }
        best.expect("there is a manner")
    }

    /// Puts rings into whole units, meets the minimums, and fills what rounding leaves.
    fn realise(&self, fill: &mut Fill<'a>, rings: &[(Candidate, u64)], pool: &mut Pool) {
        place(self.scene, &self.values, fill, rings);
        let lacks = |at: u32| {
            let offer = self.scene.offer(at);
            float(offer.least_qty - fill.given(at)) * self.scene.unit[offer.give as usize]
        };
        let mut short: Vec<(f64, u32)> = fill.short().into_iter().map(|at| (lacks(at), at)).collect();
        short.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, at) in short {
            fill.squeeze(at);
        }
        let mut distinct: Vec<Candidate> = rings.iter().map(|(ring, _)| *ring).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut of_offer = vec![Vec::new(); self.scene.offers.len()];
        for (at, ring) in (0u32..).zip(&distinct) {
            ring.offers().iter().for_each(|offer| of_offer[*offer as usize].push(at));
        }
        fill.save_minimums(&distinct, &of_offer);
        fill.grow();
        for ring in distinct {
            pool.push(ring);
        }
    }
}

/// Puts rings into whole units in the order in which they were packed: a ring then ends at most one offer, and where that is
/// one that gives all or none, it gives exactly what it still has.
fn place(scene: &Scene, values: &Values, fill: &mut Fill<'_>, rings: &[(Candidate, u64)]) {
    let mut coming = vec![0u32; scene.offers.len()];
    for (ring, _) in rings {
        ring.offers().iter().for_each(|at| coming[*at as usize] += 1);
    }
    for (ring, volume) in rings {
        let volume = to_float(*volume) * values.unit;
        let mut exactly: Option<(f64, usize)> = None;
        for (leg, at) in ring.offers().iter().enumerate() {
            coming[*at as usize] -= 1;
            let offer = scene.offer(*at);
            let unit = scene.unit[offer.give as usize];
            let ends = coming[*at as usize] == 0 && offer.least_qty == offer.give_qty;
            if ends && exactly.is_none_or(|(coarsest, _)| unit > coarsest) {
                exactly = Some((unit, leg));
            }
        }
        let exactly = exactly.map(|(_, leg)| (leg, fill.room(ring.offers()[leg])));
        if exactly.is_none() || fill.place(ring, volume, exactly, None).is_none() {
            fill.place(ring, volume, None, None);
        }
    }
}

fn to_float(value: u64) -> f64 {
    float(u128::from(value))
}

/// What each offer can still give, in value units.
fn room(scene: &Scene, values: &Values, fill: &Fill<'_>) -> Vec<u64> {
    (0u32..)
        .zip(&scene.offers)
        .map(|(at, offer)| {
            let (left, unit) = (fill.room(at), scene.unit[offer.give as usize] / values.unit);
            let cap =
                if left == offer.give_qty { values.caps[at as usize] } else { whole(float(left) * unit) };
            // What rounding needs is filled in the end.
            let spare = if left < MANY_UNITS { 0.0 } else { spare(scene, at as usize) };
            cap.saturating_sub(whole(spare / values.unit))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LaneDuals, Watch, clear};
    use crate::clear::Options;
    use crate::pool::Pool;
    use crate::scene::Scene;
    use clearing::{Amount, Answer, Asset, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Rules};
    use proptest::prelude::*;

    fn amount(units: u128) -> Amount {
        Amount::new(units).unwrap()
    }

    /// What is given, what is wanted, how much in cents, and whether in part, with a minimum, or all or none.
    fn offer() -> impl Strategy<Value = (u64, u64, u128, u8)> {
        (0u64..5, 0u64..4, 2_000u128..90_000, 0u8..4)
            .prop_map(|(give, other, cents, kind)| (give, (give + 1 + other) % 5, cents, kind))
    }

    /// Assets in units of a cent to forty dollars; the offers ask for what theirs is worth.
    fn book(offers: &[(u64, u64, u128, u8)]) -> Book {
        let cents = [1u128, 7, 130, 900, 4_000];
        let asset = |(key, cents): (u64, &u128)| Asset {
            key: AssetKey(key),
            decimals: 0,
            reference: format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap(),
        };
        let unit = |asset: u64| cents[usize::try_from(asset).unwrap()];
        let made = (0u64..).zip(offers).map(|(key, (give, want, worth, kind))| {
            let give_qty = (worth / unit(*give)).max(1);
            Offer {
                key: OfferKey(key),
                // No party stands on both sides of an asset.
                party: PartyKey([u8::try_from(key).unwrap(); 20]),
                give: AssetKey(*give),
                give_qty: amount(give_qty),
                want: AssetKey(*want),
                want_qty: amount((give_qty * unit(*give) * 9 / 10 / unit(*want)).max(1)),
                divisible: *kind > 0,
                min_fill: amount(if *kind == 1 { give_qty / 2 } else { 0 }),
                valid_from: 0,
                valid_until: 9,
            }
        });
        Book::new((0u64..).zip(&cents).map(asset).collect(), made.collect()).unwrap()
    }

    #[test]
    fn whoever_completes_a_ring_of_equal_worth_gives_all_but_what_rounding_takes() {
        let book = book(&[(0, 1, 90_000, 2), (1, 2, 90_000, 1), (2, 0, 90_000, 0)]);
        let rules = Rules { mode: Mode::Uniform, ..Rules::default() };
        let scene = Scene::new(&book, &rules, 1, &Prices::default());
        let options = Options::default();
        let fill = clear(&scene, &Watch::new(&options), &mut Pool::default(), &mut LaneDuals::new(), None);
        assert_eq!(fill.room(2), 0, "all or nothing");
        assert!(fill.value() > 2_695.0, "of three times 900 dollars: {}", fill.value());
    }

    proptest! {
        #[test]
        fn whenever_it_is_stopped_every_rule_is_kept_and_nobody_is_under_a_minimum(
            offers in prop::collection::vec(offer(), 0..80),
            stops_after in 0u32..40,
            threads in 1usize..3,
        ) {
            let book = book(&offers);
            let rules = Rules { mode: Mode::Uniform, ..Rules::default() };
            let scene = Scene::new(&book, &rules, 1, &Prices::default());
            let asked = std::sync::atomic::AtomicU32::new(0);
            let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= stops_after;
            let options = Options { stop: Some(&stop), ..Options::default() };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut rings = Pool::default();
            let fill = pool.install(|| clear(&scene, &Watch::new(&options), &mut rings, &mut LaneDuals::new(), None));
            prop_assert!(fill.short().is_empty());
            let answer = Answer { rings: fill.rings(&book), prices: Prices::default() };
            prop_assert_eq!(clearing::check(&book, &rules, 1, &answer).map(|_| ()), Ok(()));
            if stops_after > 0 {
                asked.store(0, std::sync::atomic::Ordering::Relaxed);
                let again = clear(&scene, &Watch::new(&options), &mut Pool::default(), &mut LaneDuals::new(), None);
                prop_assert_eq!(again.rings(&book), answer.rings, "on any number of threads");
            }
        }
    }
}
