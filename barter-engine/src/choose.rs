//! Chooses among candidates: real volumes from several dice, joined, then whole units, until both agree.

use crate::clear::{Effort, Options, Stage, Stats};
use crate::fill::Fill;
use crate::pdhg::Master;
use crate::pool::{Candidate, Limits};
use crate::scene::{Scene, float};
use crate::volumes::{Column, Dice, Summit, Volumes};
use clearing::Mode;
use rayon::prelude::*;

/// How much work each stage gets for a book of some size. All of it is counted, none timed.
pub(crate) struct Plan {
    /// Limits of the search for every ring there is.
    pub(crate) first: Limits,
    /// Iterations of the programme over them.
    pub(crate) iterations: usize,
    /// Neighbourhoods per start.
    neighbourhoods: usize,
    /// Nodes per small programme.
    nodes: u64,
    /// Simplex iterations per start, over all of its small programmes.
    pivots: u64,
    /// How often volumes are set anew after whole units refused some.
    lessons: usize,
    /// From how many different dice the volumes of a small pool are chosen.
    starts: u64,
}

/// Up to so many columns a pool is small: all of them are decided on, from several dice.
const SMALL_POOL: usize = 4_000;

impl Plan {
    pub(crate) fn new(offers: usize, effort: Effort) -> Plan {
        let quick = effort == Effort::Quick;
        let first = Limits {
            rings: if quick { 4_000 } else { 20_000 },
            rings_per_start: 4_000,
            steps_per_start: if quick { 20_000 } else { 100_000 },
            uses: u32::MAX,
        };
        let (neighbourhoods, lessons) = match offers {
            0..=4_000 => (400, 8),
            4_001..=40_000 => (40, 1),
            _ => (20, 1),
        };
        Plan {
            first,
            iterations: 2_000,
            neighbourhoods: if quick { 60 } else { neighbourhoods },
            nodes: if quick { 40 } else { 100 },
            pivots: if quick { 3_000 } else { 60_000 },
            lessons: if quick { 3 } else { lessons },
            starts: if quick { 2 } else { 4 },
        }
    }
}

/// The candidates worth deciding on: those the programme uses, and those it nearly would.
fn promising(columns: &[Column], master: &Master) -> Vec<Candidate> {
    if columns.len() <= SMALL_POOL {
        return columns.iter().map(|column| column.ring).collect();
    }
    let mut ranked: Vec<(bool, f64, Candidate)> = columns
        .iter()
        .zip(&master.levels)
        .map(|(column, level)| {
            let legs = column.ring.offers().iter().zip(column.shares);
            let cost: f64 = legs.map(|(at, share)| share * master.prices[*at as usize]).sum();
            (*level > 1e-3, (column.value - cost) / column.value, column.ring)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let used = ranked.iter().filter(|(used, ..)| *used).count();
    ranked.truncate(SMALL_POOL.max(used + used / 2));
    ranked.into_iter().map(|(.., ring)| ring).collect()
}

/// Improves volumes by small neighbourhoods, as many as planned.
fn neighbourhoods(
    options: &Options<'_>,
    plan: &Plan,
    many: usize,
    volumes: &mut Volumes<'_>,
    dice: &mut Dice,
) {
    /// Neighbourhoods between two looks at `stop`.
    const BATCH: usize = 20;
    volumes.pivots = 0;
    let mut summit = Summit::default();
    let batches = many.div_ceil(BATCH);
    for batch in 0..batches {
        if volumes.pivots >= plan.pivots || options.stopped() {
            break;
        }
        let heat = HEAT * (1.0 - 1.25 * batch as f64 / batches as f64).max(0.0);
        let heat = if volumes.columns.len() <= TINY_POOL { 0.0 } else { heat };
        let changed = volumes.search(BATCH, NEIGHBOURHOOD, plan.nodes, heat, &mut summit, dice);
        options.tell(Stage::Volumes, (batch + 1) * BATCH, many, volumes.value());
        if volumes.columns.is_empty() || (volumes.columns.len() <= TINY_POOL && changed == 0) {
            break;
        }
    }
    volumes.climb(summit);
}

/// About so many active rings and candidates are set free together.
const NEIGHBOURHOOD: (usize, usize) = (8, 200);

/// How far values are blurred at first.
const HEAT: f64 = 0.2;

/// Up to so many columns, one small programme sees all of them.
const TINY_POOL: usize = 200;

/// Chooses rings and whole units for them.
pub(crate) fn choose<'a>(
    scene: &'a Scene,
    options: &Options<'_>,
    plan: &Plan,
    columns: &[Column],
    master: &Master,
    stats: &mut Stats,
) -> Fill<'a> {
    let mut first = Fill::new(scene);
    let wanted = columns.iter().zip(&master.levels).filter(|(_, level)| **level > 1e-4);
    first.place_all(wanted.map(|(column, level)| (column.ring, column.most * level)).collect());
    let rings: Vec<Candidate> = columns.iter().map(|column| column.ring).collect();
    first.meet_minimums();
    first.insert_all(&rings);
    let mut volumes = Volumes::new(scene, &promising(columns, master));
    let lumpy = scene.offers.iter().filter(|offer| offer.least_qty > 0).count();
    // Where minimums rule, the programme's vertex is no guide and starting at nothing ends higher.
    if lumpy * 4 < scene.offers.len() || volumes.columns.len() > SMALL_POOL {
        volumes.start_from(&first.volumes());
    }
    let starts = if volumes.columns.len() <= SMALL_POOL { plan.starts } else { 1 };
    let chosen: Vec<Volumes<'a>> = (0..starts)
        .into_par_iter()
        .map(|start| {
            let mut volumes = volumes.clone();
            neighbourhoods(options, plan, plan.neighbourhoods, &mut volumes, &mut Dice(start));
            volumes
        })
        .collect();
    let others: Vec<Vec<(Candidate, f64)>> = chosen.iter().map(Volumes::chosen).collect();
    let Some(mut volumes) = chosen.into_iter().max_by(|a, b| a.value().total_cmp(&b.value())) else {
        return first;
    };
    if others.len() > 1 {
        volumes.merge(&others, 10 * plan.nodes);
        neighbourhoods(options, plan, plan.neighbourhoods / 2, &mut volumes, &mut Dice(starts));
    }
    stats.stopped = stats.stopped || options.stopped();
    let mut dice = Dice(u64::MAX);
    let mut best = first;
    for lesson in 1..=plan.lessons {
        let mut fill = Fill::new(scene);
        let mut failed = fill.place_all(volumes.chosen());
        fill.mend();
        let mut short = Vec::new();
        for at in fill.short() {
            let offer = scene.offer(at);
            let lacks = float(offer.least_qty - fill.given(at)) * scene.unit[offer.give as usize];
            let mut rings = fill.rings_of(at);
            match (rings.next(), rings.next()) {
                // A lone ring that does not come to the very unit of all or none never will.
                (Some(ring), None) if offer.least_qty == offer.give_qty => failed.push(ring),
                _ => short.push((at, lacks)),
            }
        }
        fill.meet_minimums();
        if scene.mode != Mode::Lots {
            fill.grow();
        }
        fill.insert_all(&rings);
        if fill.value() > best.value() {
            best = fill;
        }
        if (failed.is_empty() && short.is_empty()) || lesson == plan.lessons || options.stopped() {
            break;
        }
        volumes.learn(&failed, &short, plan.nodes, &mut dice);
        neighbourhoods(options, plan, plan.neighbourhoods / 4, &mut volumes, &mut dice);
    }
    best
}
