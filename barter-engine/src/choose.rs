//! Chooses among candidates: all of them at once as far as that goes, then real volumes from several dice, joined,
//! then whole units, until both agree.

use crate::branch::Budget;
use crate::clear::{Effort, Stage, Watch};
use crate::dive::realisable;
use crate::fill::Fill;
use crate::local::{Local, Reach};
use crate::master::Master;
use crate::pool::{Candidate, Limits};
use crate::scene::{Scene, float};
use crate::volumes::{Column, Dice, Summit, Volumes};
use clearing::Mode;
use rayon::prelude::*;

/// How much work each stage gets for a book of some size. All of it is counted, none timed.
pub(crate) struct Plan {
    /// Limits of the search for every ring there is.
    pub(crate) first: Limits,
    /// Settings of prices of the programme over them.
    pub(crate) settings: usize,
    /// How often all candidates of a small pool are decided on at once. Each time knows what the last one found, and
    /// leaves out what cannot better it.
    settles: usize,
    /// Neighbourhoods per start.
    neighbourhoods: usize,
    /// Nodes per small programme.
    nodes: usize,
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
        // Where every ring can be seen, the choice among them is nearly exact; where not, trying is lost work.
        let (rings, rings_per_start, steps_per_start) = match offers {
            _ if quick => (4_000, 4_000, 20_000),
            0..=4_000 => (25_000, 25_000, 5_000_000),
            _ => (20_000, 4_000, 10_000),
        };
        let first = Limits { rings, rings_per_start, steps_per_start, uses: u32::MAX };
        let (neighbourhoods, lessons) = match offers {
            0..=4_000 => (400, 8),
            4_001..=40_000 => (40, 1),
            _ => (20, 1),
        };
        Plan {
            first,
            settings: 60,
            settles: if quick { 1 } else { 2 },
            neighbourhoods: if quick { 60 } else { neighbourhoods },
            nodes: if quick { 40 } else { 100 },
            pivots: if quick { 3_000 } else { 60_000 },
            lessons: if quick { 3 } else { lessons },
            starts: if quick { 2 } else { 4 },
        }
    }

    fn budget(&self, nodes: usize) -> Budget {
        Budget { nodes, work: NEAR_WORK, cuts: 0 }
    }
}

/// The candidates worth deciding on: those the programme uses, and those it nearly would.
fn promising(scene: &Scene, columns: &[Column], master: &Master) -> Vec<Candidate> {
    if columns.len() <= SMALL_POOL {
        return columns.iter().map(|column| column.ring).collect();
    }
    let mut ranked: Vec<(bool, f64, Candidate)> = columns
        .iter()
        .zip(&master.levels)
        .map(|(column, level)| {
            let legs = column.ring.offers().iter().zip(column.shares);
            let cost: f64 = legs.map(|(at, share)| share * master.prices[*at as usize]).sum();
            (*level > 1e-3 * column.most, (column.value - cost) / column.value, column.ring)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    ranked.into_iter().map(|(.., ring)| ring).filter(|ring| is_whole(scene, ring)).take(SMALL_POOL).collect()
}

/// Whether whole units keep the rules within the ring at about the largest volume of it, or at half of that.
fn is_whole(scene: &Scene, ring: &Candidate) -> bool {
    let most = Column::new(scene, ring).most;
    scene.mode == Mode::Lots || realisable(scene, ring, most) || realisable(scene, ring, 0.5 * most)
}

/// Improves volumes by small neighbourhoods, as many as planned.
fn neighbourhoods(options: &Watch<'_>, plan: &Plan, many: usize, volumes: &mut Volumes<'_>, dice: &mut Dice) {
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
        let changed = volumes.search(BATCH, NEIGHBOURHOOD, plan.budget(plan.nodes), heat, &mut summit, dice);
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

/// From this share of the programme without minimums on, little is left to be found by neighbourhoods in reals.
const NEARLY_ALL: f64 = 0.98;

/// The neighbourhoods in which whole units are improved, and how often.
const POLISH: Reach = Reach { drop: 10, others: 80, each: 10, nodes: 20 };
const POLISHES: usize = 3;

/// The work of deciding on all candidates at once, some tenths of a second, and on a neighbourhood.
const ALL: Budget = Budget { nodes: 60, work: 1_800_000_000, cuts: 20 };
const NEAR_WORK: u64 = 600_000_000;

/// Up to so many columns, one small programme sees all of them.
const TINY_POOL: usize = 200;

/// Chooses rings and whole units for them.
pub(crate) fn choose<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    plan: &Plan,
    columns: &[Column],
    master: &Master,
) -> Fill<'a> {
    let mut first = Fill::new(scene);
    let wanted = columns.iter().zip(&master.levels).filter(|(column, level)| **level > 1e-4 * column.most);
    first.place_all(wanted.map(|(column, level)| (column.ring, *level)).collect());
    let rings: Vec<Candidate> = columns.iter().map(|column| column.ring).collect();
    first.meet_minimums();
    first.insert_all(&rings);
    let mut volumes = Volumes::new(scene, &promising(scene, columns, master));
    let lumpy = scene.offers.iter().filter(|offer| offer.least_qty > 0).count();
    // Where minimums rule, the programme's vertex is no guide and starting at nothing ends higher.
    if lumpy * 4 < scene.offers.len() || volumes.columns.len() > SMALL_POOL {
        volumes.start_from(&first.volumes());
    }
    let mut proven = false;
    for _ in 0..plan.settles {
        proven = proven || volumes.settle(ALL);
        options.tell(Stage::Volumes, 0, plan.neighbourhoods, volumes.value());
    }
    let planned: f64 = columns.iter().zip(&master.levels).map(|(column, level)| column.value * level).sum();
    if !proven && volumes.value() < planned * NEARLY_ALL {
        volumes = neighbours(options, plan, volumes);
    }
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
        volumes.learn(&failed, &short, plan.budget(plan.nodes), &mut dice);
        if lesson <= plan.settles && !failed.is_empty() {
            proven = volumes.settle(ALL);
        }
        if !proven && volumes.value() < planned * NEARLY_ALL {
            neighbourhoods(options, plan, plan.neighbourhoods / 4, &mut volumes, &mut dice);
        }
    }
    if scene.mode == Mode::Lots {
        return best;
    }
    let near: Vec<Candidate> = volumes.columns.iter().map(|column| column.ring).collect();
    let mut local = Local::new(best, scene, &near, &master.prices);
    for _ in 0..POLISHES {
        let seeds = local.seeds(scene.offers.len());
        if options.stopped() || local.improve(&seeds, &POLISH, &|| options.stopped()) == 0 {
            break;
        }
    }
    local.fill
}

/// Improves volumes by neighbourhoods from several dice, and joins what they find.
fn neighbours<'a>(options: &Watch<'_>, plan: &Plan, volumes: Volumes<'a>) -> Volumes<'a> {
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
    let best = chosen.into_iter().max_by(|a, b| a.value().total_cmp(&b.value()));
    let mut volumes = best.unwrap_or(volumes);
    if others.len() > 1 {
        volumes.merge(&others, plan.budget(10 * plan.nodes));
        neighbourhoods(options, plan, plan.neighbourhoods / 2, &mut volumes, &mut Dice(starts));
    }
    volumes
}
