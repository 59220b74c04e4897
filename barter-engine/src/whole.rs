//! From a plan in reals to whole units, with every minimum met.
//!
//! An offer that a plan leaves a little under its minimum cannot simply be left out: its rings are others' minimums,
//! and one gap would open the next until little is left. So gaps are closed first by new rings over what others
//! have to spare; the plan hears which offers stay short and is made anew; and of the last ones those give up that
//! leave the least damage.

use crate::clear::Watch;
use crate::dive::{CLOSED, PLACED};
use crate::exact::whole;
use crate::fill::Fill;
use crate::gaps;
use crate::labels::{self, Breadth};
use crate::local::{Local, Reach};
use crate::pool::Candidate;
use crate::ration::Ration;
use crate::scene::{Scene, float};

/// What an offer short of its minimum may cost, per USD that it could give, when plans are compared.
const AT_STAKE: f64 = 2.0;

/// What an offer short of its minimum may cost, per USD that it gives, when offers are compared that might give up.
const DAMAGE: f64 = 3.0;

/// Up to so many offers are compared before one gives up; of more, a third does.
const COMPARED: usize = 4;

/// Turns of giving up, by the size of the book: each costs a search. Whoever is short then gives up without one.
const fn turns(offers: usize) -> usize {
    match offers {
        0..=4_000 => 400,
        _ => 60,
    }
}

/// How often gaps are searched anew after some were closed.
const SEARCHES: usize = 3;

/// Rings looked at per offer that could close a gap.
const RINGS: usize = 12;

/// Neighbourhoods of growing reach, in which offers under their minimum are repaired.
const REPAIRS: [Reach; 2] = [
    Reach { drop: 30, others: 100, each: 8, nodes: 30 },
    Reach { drop: 100, others: 300, each: 8, nodes: 60 },
];

/// In larger books gaps are closed one by one instead, for each neighbourhood is a programme.
const REPAIRED: usize = 4_000;

/// Puts the plan into whole units on top of `fill`. The plan may be made anew up to `lessons` times.
pub(crate) fn place<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    breadth: &Breadth,
    lessons: usize,
    ration: &mut Ration<'_>,
    fill: &Fill<'a>,
) -> Fill<'a> {
    let mut best: Option<(f64, Fill<'a>)> = None;
    for lesson in 1..=lessons {
        let mut placed = fill.clone();
        put(ration, &mut placed);
        placed.mend();
        for _ in 0..SEARCHES {
            if options.late(PLACED) {
                break;
            }
            let short = placed.short().len();
            // Another search is worth it only where the last one closed many gaps.
            if complete(scene, &mut placed, breadth, Closing::Anybody) * 4 <= short {
                break;
            }
        }
        let short = placed.short();
        let lacks: Vec<(u32, f64)> = short
            .iter()
            .map(|at| (*at, 1.0 - float(placed.given(*at)) / float(scene.offer(*at).least_qty)))
            .collect();
        let at_stake: f64 = short.iter().map(|at| scene.offer(*at).cap).sum();
        let score = placed.value() - AT_STAKE * at_stake;
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, placed));
        }
        if lacks.is_empty() || lesson == lessons || options.late(0.8 * PLACED) {
            break;
        }
        ration.learn(&lacks);
    }
    let placed = best.map_or_else(|| fill.clone(), |(_, placed)| placed);
    let rings = ration.rings();
    let mut placed = meet_minimums(scene, options, breadth, placed, &rings, ration.prices());
    placed.insert_all(&rings);
    if placed.value() > fill.value() { placed } else { fill.clone() }
}

/// Brings every offer to its minimum or to nothing, with `rings` to choose from; `prices` say what a USD of each offer is
/// worth.
fn meet_minimums<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    breadth: &Breadth,
    mut placed: Fill<'a>,
    rings: &[Candidate],
    prices: &[f64],
) -> Fill<'a> {
    if scene.offers.len() > REPAIRED {
        let worth: Vec<f64> = prices.iter().map(|price| 1.0 - price).collect();
        let narrow = Breadth { labels: 2, rings: 1, least: 0.0 };
        gaps::close(scene, options, &narrow, &mut placed, &worth, (CLOSED, CLOSED));
    } else if !placed.short().is_empty() {
        let mut local = Local::new(placed, scene, rings, prices);
        local.repair(&REPAIRS, &|| options.late(0.9 * CLOSED));
        placed = local.fill;
    }
    give_up(scene, options, breadth, &mut placed);
    let mut of_offer = vec![Vec::new(); scene.offers.len()];
    for (at, ring) in (0u32..).zip(rings) {
        ring.offers().iter().for_each(|offer| of_offer[*offer as usize].push(at));
    }
    placed.save_minimums(rings, &of_offer);
    placed.grow();
    placed
}

/// Places the rings of the plan; minimums are looked at later.
fn put(ration: &Ration<'_>, fill: &mut Fill<'_>) {
    let mut wanted = Vec::new();
    for (column, level, steps) in ration.chosen() {
        match steps {
            Some((leg, unit)) => {
                let units = whole((level / unit).round());
                fill.place(&column.ring, level * (1.0 + 1e-9), Some((leg, units)), None);
            }
            None => wanted.push((column.ring, level)),
        }
    }
    fill.place_all(wanted);
}

/// What an offer lacks of its minimum, USD.
fn lack(scene: &Scene, fill: &Fill<'_>, at: u32) -> f64 {
    let offer = scene.offer(at);
    float(offer.least_qty.saturating_sub(fill.given(at))) * scene.unit[offer.give as usize]
}

/// Who closes the rings that are looked for through offers under their minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Everybody who gives what one of them gives: more rings that help several of them.
    Anybody,
    /// They themselves: far fewer rings, and far sooner found.
    Short,
}

/// Brings offers under their minimum to it, by new rings over what others have to spare. Returns how many got there.
pub(crate) fn complete(scene: &Scene, fill: &mut Fill<'_>, breadth: &Breadth, closing: Closing) -> usize {
    let short = fill.short();
    let mut order: Vec<(f64, u32)> = short.iter().map(|at| (lack(scene, fill, *at), *at)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let Some(&(usual, _)) = order.get(order.len() / 2) else { return 0 };
    // Who has much to spare is asked first.
    let mut weights: Vec<f64> = (0u32..)
        .zip(&scene.offers)
        .map(|(at, offer)| {
            let open = fill.given(at) > 0 || offer.least_qty == 0;
            let room = float(fill.room(at)) * scene.unit[offer.give as usize];
            if open && fill.room(at) > 2 && room > usual * 0.01 {
                room / (room + usual)
            } else {
                f64::NEG_INFINITY
            }
        })
        .collect();
    short.iter().for_each(|at| weights[*at as usize] = 2.0);
    let mut homes: Vec<u32> = short.iter().map(|at| scene.offer(*at).give).collect();
    homes.sort_unstable();
    homes.dedup();
    let breadth = Breadth { rings: RINGS, least: 0.0, ..*breadth };
    let rings = match closing {
        Closing::Anybody => labels::search_from(scene, &weights, &breadth, &homes),
        Closing::Short => {
            let mut own = vec![f64::NEG_INFINITY; weights.len()];
            short.iter().for_each(|at| own[*at as usize] = weights[*at as usize]);
            labels::search_closed_by(scene, &weights, &own, &breadth, &homes)
        }
    };
    let mut of_short = vec![Vec::new(); short.len()];
    for (place, ring) in (0u32..).zip(&rings) {
        for at in ring.offers() {
            if let Ok(which) = short.binary_search(at) {
                of_short[which].push(place);
            }
        }
    }
    let reached = |(_, at): &(f64, u32)| {
        short.binary_search(at).is_ok_and(|which| fill.top_up(*at, &rings, &of_short[which]))
    };
    order.iter().copied().filter(reached).count()
}

/// Lets offers under their minimum give up, and closes the gaps that this leaves, until none is under its minimum
/// or the turns are over.
fn give_up(scene: &Scene, options: &Watch<'_>, breadth: &Breadth, fill: &mut Fill<'_>) {
    let given = |fill: &Fill<'_>, at: u32| float(fill.given(at)) * scene.unit[scene.offer(at).give as usize];
    let empty = |fill: &mut Fill<'_>, at: u32| {
        for id in fill.ids_of(at).to_vec() {
            fill.take_back(id);
        }
    };
    for _ in 0..turns(scene.offers.len()) {
        let mut short = fill.short();
        if short.is_empty() || options.late(CLOSED) {
            return;
        }
        if short.len() > COMPARED {
            short.sort_by(|a, b| given(fill, *a).total_cmp(&given(fill, *b)).then(a.cmp(b)));
            short.truncate(short.len().div_ceil(3));
            short.into_iter().for_each(|at| empty(fill, at));
            complete(scene, fill, breadth, Closing::Anybody);
            continue;
        }
        let mut best: Option<(f64, u32)> = None;
        for at in short {
            fill.attempt();
            empty(fill, at);
            complete(scene, fill, breadth, Closing::Anybody);
            let at_stake: f64 = fill.short().into_iter().map(|other| given(fill, other)).sum();
            let score = fill.value() - DAMAGE * at_stake;
            fill.undo();
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, at));
            }
        }
        if let Some((_, at)) = best {
            empty(fill, at);
            complete(scene, fill, breadth, Closing::Anybody);
        }
    }
}
