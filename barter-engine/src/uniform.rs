//! Uniform mode: at one price per asset a ring moves one value around, and offers of one pair differ by nothing but
//! size, party and minimum.
//!
//! What the assets pass on is a [circulation](crate::circulation) of value; the largest one is found exactly, without a
//! limit on the length of rings, and its potentials are the certificate's duals. Offers that it leaves under their
//! minimum are left out and it is found anew, until there are none. What is found then is packed into rings of at most so
//! many assets, and the rings are put into whole units.

mod packing;
pub(crate) mod prices;

use crate::circulation::{self, Arc};
use crate::clear::{Stage, Watch};
use crate::fill::Fill;
use crate::pool::{Candidate, Pool};
use crate::scene::{Scene, float};
use packing::Packing;

/// A circulation of value over the live offers.
struct Flow {
    /// What each live offer gives, in value units.
    given: Vec<u64>,
    /// A number per asset that proves that no more circulates.
    potentials: Vec<u64>,
}

/// All offers together come to at most so many value units.
const WHOLE: f64 = 1e15;

/// At most so many attempts at minimums; fewer for large books, where each takes long.
const ATTEMPTS: usize = 60;

/// The share of an offer that stays out of the plan, for rounding, if it has many units and may be filled in part.
const SPARE: f64 = 0.000_2;

/// Offers of fewer units spare none of them.
const MANY_UNITS: u128 = 2_000;

/// How often offers under their minimum are brought to it or withdrawn.
const MENDS: usize = 12;

/// How often what the rings leave is packed once more.
const PASSES: usize = 4;

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
        let caps = scene.offers.iter().map(|offer| whole(offer.cap / unit)).collect();
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
        let unit = scene.unit[offer.give as usize];
        let spared =
            if offer.give_qty < MANY_UNITS { offer.cap } else { offer.cap * (1.0 - SPARE) - 3.0 * unit };
        whole(needed.min(spared) / self.unit).min(self.caps[at])
    }
}

fn whole(number: f64) -> u64 {
    u64::try_from(crate::exact::whole(number)).unwrap_or(u64::MAX)
}

/// The largest circulation under `caps`.
fn circulate(scene: &Scene, caps: &[u64]) -> Flow {
    let narrow = |cap: u64| i64::try_from(cap).expect("all offers come to less than 2^63 value units");
    let arcs: Vec<Arc<i64>> = scene
        .offers
        .iter()
        .zip(caps)
        .map(|(offer, cap)| Arc { from: offer.give, to: offer.want, cap: narrow(*cap) })
        .collect();
    let found = circulation::largest(scene.unit.len(), &arcs);
    let wide = |flow: i64| u64::try_from(flow).expect("no arc carries less than nothing");
    Flow { given: found.flow.into_iter().map(wide).collect(), potentials: found.potentials }
}

/// The duals of uniform mode: the potentials of the largest circulation, minimums aside, in parts of
/// [`clearing::DUAL_WHOLE`].
pub(crate) fn duals(scene: &Scene) -> Vec<u64> {
    let potentials = circulate(scene, &Values::new(scene).caps).potentials;
    potentials.into_iter().map(|dual| dual.saturating_mul(clearing::DUAL_WHOLE)).collect()
}

/// Clears `scene`.
pub(crate) fn clear<'a>(scene: &'a Scene, options: &Watch<'_>, pool: &mut Pool) -> Fill<'a> {
    let values = Values::new(scene);
    let mut fill = Fill::new(scene);
    for pass in 0..PASSES {
        let room = room(scene, &values, &fill);
        let given = (0u32..)
            .zip(&room)
            .map(|(at, room)| if fill.given(at) > 0 { (values.caps[at as usize] - room).max(1) } else { 0 });
        let mut packing = Packing::new(scene, &values, given.collect());
        if pass == 0 {
            let flow = with_minimums(scene, &values, &mut room.clone(), &fill);
            packing.take_apart(&flow);
        }
        packing.open(&room);
        for _ in 0..MENDS {
            packing.top_up();
            if packing.withdraw() == 0 {
                break;
            }
        }
        packing.greedy();
        let rings = packing.rings();
        let before = fill.value();
        place(scene, &values, &mut fill, &rings);
        let mut distinct: Vec<Candidate> = rings.into_iter().map(|(ring, _)| ring).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut of_offer = vec![Vec::new(); scene.offers.len()];
        for (at, ring) in (0u32..).zip(&distinct) {
            ring.offers().iter().for_each(|offer| of_offer[*offer as usize].push(at));
        }
        fill.save_minimums(&distinct, &of_offer);
        fill.grow();
        for ring in distinct {
            pool.push(ring);
        }
        options.tell(Stage::Volumes, pass + 1, PASSES, fill.value());
        if fill.value() <= before * (1.0 + 1e-5) || (pass + 1 < PASSES && options.stopped()) {
            break;
        }
    }
    fill
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
            let spare = if offer.least_qty == offer.give_qty || left < MANY_UNITS {
                0
            } else {
                whole(2.0 * unit + float(left) * unit * SPARE)
            };
            cap.saturating_sub(spare)
        })
        .collect()
}

/// The largest circulation in which every offer gives nothing or its minimum, found by leaving out what is short.
fn with_minimums(scene: &Scene, values: &Values, caps: &mut [u64], fill: &Fill<'_>) -> Vec<u64> {
    let least: Vec<u64> = (0u32..)
        .take(caps.len())
        .map(|at| if fill.given(at) > 0 { 0 } else { values.least(scene, at as usize) })
        .collect();
    let attempts = (500_000 / caps.len().max(1)).clamp(12, ATTEMPTS);
    for attempt in 1..=attempts {
        let mut flow = circulate(scene, caps);
        concentrate(scene, caps, &mut flow);
        let is_short = |at: &usize| (1..least[*at]).contains(&flow.given[*at]);
        let mut short: Vec<usize> = (0..caps.len()).filter(is_short).collect();
        if short.is_empty() {
            return flow.given;
        }
        // Those who are furthest from their minimum go first; in the end all of them.
        let lack = |at: usize| to_float(flow.given[at]) / to_float(least[at]);
        short.sort_by(|a, b| lack(*a).total_cmp(&lack(*b)).then(b.cmp(a)));
        let going = if attempt * 4 > attempts * 3 { short.len() } else { short.len().div_ceil(6) };
        for at in &short[..going] {
            caps[*at] = 0;
        }
    }
    let mut flow = circulate(scene, caps);
    concentrate(scene, caps, &mut flow);
    flow.given
}

/// Moves the circulation, at the same worth, to where the offers that give a part form no circles: fewer offers than
/// assets then stand between nothing and all.
fn concentrate(scene: &Scene, caps: &[u64], flow: &mut Flow) {
    const NONE: u32 = u32::MAX;
    let nodes = scene.unit.len();
    // A forest of offers that give a part: each asset's parent, and the offer between.
    let mut parent = vec![NONE; nodes];
    let mut by = vec![NONE; nodes];
    let mut mark = vec![NONE; nodes];
    for at in 0..caps.len() {
        if flow.given[at] == 0 || flow.given[at] == caps[at] {
            continue;
        }
        let (give, want) = (scene.offers[at].give, scene.offers[at].want);
        let stamp = u32::try_from(at).expect("a book has fewer than 2^32 offers");
        let mut top = give;
        mark[top as usize] = stamp;
        while parent[top as usize] != NONE {
            top = parent[top as usize];
            mark[top as usize] = stamp;
        }
        let mut meet = want;
        while mark[meet as usize] != stamp && parent[meet as usize] != NONE {
            meet = parent[meet as usize];
        }
        if mark[meet as usize] != stamp {
            hang(&mut parent, &mut by, give, want, stamp);
            continue;
        }
        // The circle: the offer gives from `give` to `want`; the tree leads back from `want` to `give`.
        let mut circle: Vec<(usize, bool)> = vec![(at, true)];
        let climb = |start: u32, upwards: bool, circle: &mut Vec<(usize, bool)>| {
            let mut node = start;
            while node != meet {
                let offer = by[node as usize] as usize;
                circle.push((offer, (scene.offers[offer].give == node) == upwards));
                node = parent[node as usize];
            }
        };
        climb(want, true, &mut circle);
        climb(give, false, &mut circle);
        // Two offers of one pair are told apart by the ends of their tree edge, which `climb` knows.
        let up = circle.iter().map(
            |&(offer, along)| {
                if along { caps[offer] - flow.given[offer] } else { flow.given[offer] }
            },
        );
        let down = circle.iter().map(
            |&(offer, along)| {
                if along { flow.given[offer] } else { caps[offer] - flow.given[offer] }
            },
        );
        let (up, down) = (up.min().unwrap_or(0), down.min().unwrap_or(0));
        let (step, forwards) = if up <= down { (up, true) } else { (down, false) };
        for &(offer, along) in &circle {
            if along == forwards {
                flow.given[offer] += step;
            } else {
                flow.given[offer] -= step;
            }
        }
        // Offers that no longer give a part leave the forest.
        for end in [want, give] {
            let mut node = end;
            while node != meet {
                let (above, offer) = (parent[node as usize], by[node as usize] as usize);
                if flow.given[offer] == 0 || flow.given[offer] == caps[offer] {
                    (parent[node as usize], by[node as usize]) = (NONE, NONE);
                }
                node = above;
            }
        }
        if flow.given[at] != 0 && flow.given[at] != caps[at] {
            hang(&mut parent, &mut by, give, want, stamp);
        }
    }
}

/// Hangs the tree of `low` from `high` by `offer`, after turning it so that `low` is its root.
fn hang(parent: &mut [u32], by: &mut [u32], low: u32, high: u32, offer: u32) {
    let (mut node, mut above, mut through) = (low, high, offer);
    while node != u32::MAX {
        let (next, old) = (parent[node as usize], by[node as usize]);
        (parent[node as usize], by[node as usize]) = (above, through);
        (above, through, node) = (node, old, next);
    }
}
