//! Volumes for books with more rings than can be looked at: rings are found as prices ask for them, minimums are
//! decided on the way down, and what whole units refuse is tried again over what is left.

use crate::clear::{Effort, Stage, Watch};
use crate::exact::realise;
use crate::fill::Fill;
use crate::flow;
use crate::labels::{self, Breadth};
use crate::local::{Local, Reach};
use crate::master::Bounds;
use crate::pool::{Candidate, Pool};
use crate::ration::Ration;
use crate::scales;
use crate::scene::{Live, Scene};
use crate::volumes::ceiling;
use crate::whole::place;

/// How much work a book of some size gets. All of it is counted, none timed.
pub(crate) struct Depth {
    /// Iterations of the any-rates programme.
    flow: usize,
    /// How often rings from every asset are searched before minimums are decided.
    cycles: usize,
    /// In how many parts: prices are set anew after each, for most rings could be found from several assets, and those of
    /// one part tell what the next should look for.
    parts: usize,
    /// Settings of prices per part, and per step of the programme.
    glances: usize,
    settings: usize,
    /// Columns that lose more than this per USD rest between two settings: in large books four of five, which would hardly
    /// move.
    rests: f64,
    /// Steps over which minimums are decided.
    steps: usize,
    /// Steps over which the last ones give in.
    yields: usize,
    /// How often whole units may ask for another plan, and one more.
    lessons: usize,
    /// How often what is left is cleared again.
    again: usize,
    /// How often whole units are improved by neighbourhoods.
    polish: usize,
    /// The breadth of searches.
    breadth: Breadth,
}

impl Depth {
    pub(crate) fn new(offers: usize, effort: Effort) -> Depth {
        let quick = effort == Effort::Quick;
        let (cycles, labels, rings, again) = match offers {
            0..=4_000 => (30, 6, 3, 8),
            4_001..=40_000 => (8, 2, 2, 6),
            _ => (6, 2, 1, 2),
        };
        Depth {
            flow: if offers > 40_000 { 500 } else { 1_000 },
            cycles: if quick { cycles / 2 } else { cycles },
            parts: if offers > 4_000 { 8 } else { 1 },
            glances: if offers > 4_000 { 4 } else { 12 },
            settings: 12,
            rests: if offers > 4_000 { 0.005 } else { 0.05 },
            steps: if quick { 8 } else { 12 },
            yields: if quick { 4 } else { 8 },
            lessons: if quick || offers > 4_000 { 2 } else { 5 },
            again: if quick { 3 } else { again },
            polish: match offers {
                0..=4_000 if !quick => 3,
                4_001..=40_000 if !quick => 1,
                _ => 0,
            },
            breadth: Breadth { labels, rings, least: 0.002 },
        }
    }
}

/// The first search takes rings that lose up to this per USD at the prices of the any-rates programme, which lets none
/// earn anything.
const FIRST_LOSS: f64 = 0.03;

/// The shares of a time limit by which rings are found, minimums decided, the last ones given up, volumes whole, gaps under
/// minimums closed, and all improved: what is left is for the proof. Gaps have the most time to spare, for those that stay open
/// take the most along.
const SEARCHED: f64 = 0.4;
const DECIDED: f64 = 0.56;
const YIELDED: f64 = 0.6;
pub(crate) const PLACED: f64 = 0.7;
pub(crate) const CLOSED: f64 = 0.93;
const POLISHED_BY: f64 = 0.9;

/// A plan that changes by no more than this share from one cycle to the next has settled.
const SETTLED: f64 = 5e-4;

/// Whole units are improved around so many offers, those that have most left.
const POLISHED: usize = 3_000;

/// The neighbourhoods of that.
const POLISH: Reach = Reach { drop: 10, others: 80, each: 10, nodes: 20 };

/// Clears `scene`.
pub(crate) fn dive<'a>(scene: &'a Scene, options: &Watch<'_>, pool: &mut Pool) -> Fill<'a> {
    let depth = Depth::new(scene.offers.len(), options.effort);
    if scene.offers.len() > MANY {
        return scales::clear(scene, options, depth.flow, &depth.breadth, pool);
    }
    let floors: Vec<f64> = scene.offers.iter().map(|offer| offer.floor).collect();
    let caps: Vec<f64> = scene.offers.iter().map(|offer| offer.cap).collect();
    let any = flow::any_rates(scene, &floors, &caps, depth.flow);
    let prices = (0..floors.len()).map(|at| flow::margin(scene, at, floors[at], &any.prices).max(0.0));
    let mut ration = Ration::new(scene, prices.collect(), depth.rests);
    let mut fill = Fill::new(scene);
    let (mut rings, mut prices) = (Vec::new(), Vec::new());
    let homes = homes(scene, depth.parts);
    for pass in 0..=depth.again {
        let first = pass == 0;
        ration.bounds(bounds(scene, &fill), needs(scene, &fill));
        let cycles = if first { depth.cycles } else { 1 };
        let rounds = cycles * homes.len();
        let (mut new, mut planned) = (0, 0.0);
        for round in 0..rounds {
            let part = round % homes.len();
            let least = if first && round == part { -FIRST_LOSS } else { depth.breadth.least };
            let breadth = Breadth { least, ..depth.breadth };
            new += ration.add(&labels::search_from(scene, &ration.weights(), &breadth, &homes[part]));
            ration.solve(depth.glances);
            let value = ration.value();
            options.tell(Stage::Rings, round + 1, rounds, fill.value() + value);
            if first && round == 0 && scene.offers.len() > SCALED && options.used() > HURRIED {
                return scales::clear(scene, options, depth.flow, &depth.breadth, pool);
            }
            if first && options.late(SEARCHED) {
                break;
            }
            if part + 1 == homes.len() {
                ration.forget(0.3);
                let more = (value - std::mem::replace(&mut planned, value)).abs();
                if std::mem::take(&mut new) == 0 || more <= value * SETTLED {
                    break;
                }
            }
        }
        if first {
            rings = ration.rings();
            prices = ration.prices().to_vec();
        }
        let steps = if first { depth.steps } else { depth.steps / 2 };
        let from = options.used();
        let mut step = 0;
        while step < steps {
            ration.decide(step, steps);
            if step > 0 {
                let breadth = Breadth { rings: 1, ..depth.breadth };
                let part = &homes[step % homes.len()];
                ration.add(&labels::search_from(scene, &ration.weights(), &breadth, part));
                ration.forget(0.3);
            }
            ration.solve(depth.settings);
            step = options.next(step, steps, (from, DECIDED));
        }
        ration.forget(0.1);
        for _ in 0..if first { depth.yields } else { depth.yields / 2 } {
            if options.late(YIELDED) {
                break;
            }
            ration.give_in();
            ration.solve(2 * depth.settings);
            ration.round(0.5);
            ration.sift();
        }
        ration.solve(2 * depth.settings);
        let before = fill.value();
        let lessons = if first { depth.lessons } else { 1 };
        fill = place(scene, options, &depth.breadth, lessons, &mut ration, &fill);
        options.tell(Stage::Volumes, pass + 1, depth.again + 1, fill.value());
        if (!first && fill.value() <= before * 1.0005) || (pass < depth.again && options.late(PLACED)) {
            break;
        }
    }
    let mut local = Local::new(fill, scene, &rings, &prices);
    for _ in 0..depth.polish {
        let seeds = local.seeds(POLISHED);
        let improved = local.improve(&seeds, &POLISH, &|| options.late(POLISHED_BY));
        options.tell(Stage::Volumes, depth.again + 1, depth.again + 1, local.fill.value());
        if improved == 0 {
            break;
        }
    }
    rings.into_iter().for_each(|ring| {
        pool.push(ring);
    });
    local.fill
}

/// Books of more offers are filled scale by scale, without a programme over their rings.
const MANY: usize = 40_000;

/// Books of more offers are filled that way too if a time limit is too short for the programme: if the first prices and the first
/// part of the first search use up this share of it.
const SCALED: usize = 4_000;
const HURRIED: f64 = 0.16;

/// The assets that somebody gives, in parts that are spread evenly over them.
fn homes(scene: &Scene, parts: usize) -> Vec<Vec<u32>> {
    let giving = (0u32..).zip(&scene.givers).filter(|(_, givers)| !givers.is_empty());
    let giving: Vec<u32> = giving.map(|(home, _)| home).collect();
    let part = |part| giving.iter().skip(part).step_by(parts).copied().collect();
    (0..parts.min(giving.len()).max(1)).map(part).collect()
}

/// What the programme may use of each offer, given what is filled.
fn bounds(scene: &Scene, fill: &Fill<'_>) -> Bounds {
    let most = (0u32..).zip(&scene.offers).map(|(at, offer)| usable(scene, offer, fill.given(at))).collect();
    Bounds { most, least: vec![0.0; scene.offers.len()] }
}

/// What each offer needs in the programme if anything, given what is filled.
fn needs(scene: &Scene, fill: &Fill<'_>) -> Vec<f64> {
    (0u32..)
        .zip(&scene.offers)
        .map(|(at, offer)| if fill.given(at) > 0 { 0.0 } else { needed(scene, offer) })
        .collect()
}

/// The share of an offer that stays out of the plan, for rounding; what is not needed is filled in the end.
const SPARE: f64 = 0.004;

/// Offers of fewer units are counted out one by one: a spare share would be a whole unit.
const FEW_UNITS: u128 = 1_000;

/// The most that an offer plans with beyond what it gives.
fn usable(scene: &Scene, offer: &Live, given: u128) -> f64 {
    let taken = crate::scene::float(given) * scene.unit[offer.give as usize];
    let left = offer.cap - taken;
    if offer.least_qty == offer.give_qty || offer.give_qty < FEW_UNITS {
        // Nearly nothing is nothing. What is planned beyond all is cut off again; what were missing would be hard to
        // find.
        let beyond = if offer.least_qty == offer.give_qty { 1.0 + 2.0 * SPARE } else { 1.0 };
        return if left < 0.5 * scene.unit[offer.give as usize] { 0.0 } else { left * beyond };
    }
    let planned = ceiling(scene, offer).min((offer.cap * (1.0 - SPARE)).max(offer.least)) - taken;
    if planned < offer.cap * SPARE { 0.0 } else { planned }
}

/// The least that an offer plans with, so that rounding leaves its minimum.
fn needed(scene: &Scene, offer: &Live) -> f64 {
    if offer.least_qty == offer.give_qty {
        return offer.least * (1.0 + SPARE);
    }
    if offer.give_qty < FEW_UNITS {
        return offer.least;
    }
    if offer.least_qty == 0 {
        return 0.0;
    }
    let unit = scene.unit[offer.give as usize];
    (offer.least * (1.0 + 2.0 * SPARE) + 2.0 * unit).min(usable(scene, offer, 0))
}

/// Whether whole units near `level` keep the rules within the ring.
pub(crate) fn realisable(scene: &Scene, ring: &Candidate, level: f64) -> bool {
    let mut rooms = [0; 6];
    for (room, at) in rooms.iter_mut().zip(ring.offers()) {
        *room = scene.offer(*at).give_qty;
    }
    realise(scene, ring, level, &rooms, None, None).is_some()
}
