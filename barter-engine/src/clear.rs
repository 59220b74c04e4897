//! Clears a book: candidates, volumes, whole units, proof.

use crate::bound;
use crate::choose::{Plan, choose};
use crate::dive::dive;
use crate::fill::Fill;
use crate::lots;
use crate::master::{Bounds, Master};
use crate::pool::{Candidate, Found, Limits, Pool};
use crate::reasons::{self, Unfilled};
use crate::scene::{Scene, float};
use crate::search::{every, search};
use crate::uniform::{self, LaneDuals};
use crate::volumes::Column;
use clearing::{Answer, Book, Duals, Fault, Mode, Prices, Report, Rules, UsdValue};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the rings are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Candidates priced by a linear programme, improved by neighbourhoods.
    #[default]
    Columns,
    /// The most valuable ring that fits, again and again: quick, and a baseline.
    Greedy,
}

/// How much work is spent. Work is counted, never timed, so the answer does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// For a solver inside of a node: some hundred milliseconds for two thousand offers.
    Quick,
    /// The default.
    #[default]
    Thorough,
}

/// How far a clearing is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Steps done of this stage.
    pub done: usize,
    /// Steps of this stage.
    pub of: usize,
    /// The value in sight, USD; a guess until the end.
    pub value_usd: f64,
}

/// The stages of a clearing, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding rings and pricing them.
    Rings,
    /// Improving the volumes.
    Volumes,
    /// Proving a bound and finding reasons.
    Certificate,
}

impl Stage {
    /// The stage in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Rings => "finding rings",
            Stage::Volumes => "choosing volumes",
            Stage::Certificate => "proving",
        }
    }
}

/// How to clear.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// How the rings are chosen.
    pub algorithm: Algorithm,
    /// How much work is spent.
    pub effort: Effort,
    /// Asked between steps; `true` ends the search with what there is. The engine itself reads no clock.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
    /// Asked between steps: the share of the time limit that is used up, or 0 if there is none. Each stage of a search over a
    /// large book then ends in time for those after it; [`Options::stop`] alone ends all of them at once.
    pub spent: Option<&'a (dyn Fn() -> f64 + Sync)>,
    /// Told between steps.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    /// Leaves out bound and reasons, for callers that only want rings; the bound is then what all offers are worth.
    pub rings_only: bool,
    /// Uniform mode only: looks within the band for prices that clear more than the references do, and takes them if they
    /// do. Value is counted at the references either way; the bound is that of the answer's prices.
    pub search_prices: bool,
    /// How much each offer speaks for the rings that it is in, in parts per million by its place in [`Book::offers`], from one to
    /// [`MOST_WEIGHT_PPM`](clearing::signing::MOST_WEIGHT_PPM): above all the likelihood that its party stands by it. Missing
    /// weights are [`CERTAIN_PPM`](clearing::signing::CERTAIN_PPM), as of binding offers. Where rings compete, each counts its
    /// value times the product over its legs. The value that is reported stays the true one, and the bound is that of the
    /// problem without weights, so it holds for whatever is chosen.
    pub weights_ppm: &'a [u32],
}

/// The options of one clearing, and whether a limit that the user set has cut something short.
pub(crate) struct Watch<'a> {
    options: &'a Options<'a>,
    cut: AtomicBool,
}

impl<'a> Deref for Watch<'a> {
    type Target = Options<'a>;

    fn deref(&self) -> &Options<'a> {
        self.options
    }
}

impl<'a> Watch<'a> {
    pub(crate) fn new(options: &'a Options<'a>) -> Watch<'a> {
        Watch { options, cut: AtomicBool::new(false) }
    }

    /// Whether to end with what there is. Asked only where there is more to do: a yes is remembered.
    pub(crate) fn stopped(&self) -> bool {
        let stopped = self.options.stop.is_some_and(|stop| stop());
        self.cut.fetch_or(stopped, Ordering::Relaxed);
        stopped
    }

    /// Whether a stage that should be over at this share of the time has to end. A yes is remembered, as above.
    pub(crate) fn late(&self, share: f64) -> bool {
        let late = self.options.spent.is_some_and(|spent| spent() >= share);
        self.cut.fetch_or(late, Ordering::Relaxed);
        late || self.stopped()
    }

    /// The share of a time limit that is used up; 0 without one.
    pub(crate) fn used(&self) -> f64 {
        self.options.spent.map_or(0.0, |spent| spent())
    }

    /// The step of `steps` to go on with after `step`: the next one, or, of a stage that began at the share `from` of a time limit and is
    /// to be over at the share `to`, the one that is due. Only the last one is never left out.
    pub(crate) fn next(&self, step: usize, steps: usize, (from, to): (f64, f64)) -> usize {
        let passed =
            if self.stopped() { 1.0 } else { (self.used() - from) / (to - from).max(f64::MIN_POSITIVE) };
        let passed = passed.clamp(0.0, 1.0);
        let due = crate::exact::whole(passed * float(steps as u128));
        let due = usize::try_from(due).unwrap_or(steps).min(steps.saturating_sub(1));
        self.cut.fetch_or(due > step + 1, Ordering::Relaxed);
        due.max(step + 1)
    }

    /// Whether a limit has cut something short so far.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, stage: Stage, done: usize, of: usize, value_usd: f64) {
        if let Some(progress) = self.options.progress {
            progress(Progress { stage, done, of, value_usd });
        }
    }
}

/// An answer with its certificate.
#[derive(Clone, Debug)]
pub struct Clearing {
    /// The rings, proved by [`clearing::check`].
    pub answer: Answer,
    /// What they amount to.
    pub report: Report,
    /// No answer under these rules is worth more.
    pub bound: UsdValue,
    /// With them anybody proves a bound by [`clearing::bound`]. Empty when only rings were asked for.
    pub duals: Duals,
    /// Why each valid offer that gives nothing does so, by offer.
    pub unfilled: Vec<Unfilled>,
    /// What the search did.
    pub stats: Stats,
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Offers valid at the time that can be in a ring by their floor.
    pub live_offers: usize,
    /// Candidate rings looked at.
    pub candidates: usize,
    /// Whether every possible ring was among them.
    pub every_ring: bool,
    /// Whether a limit of the user's ([`Options::stop`], [`Options::spent`]) cut any stage short.
    pub stopped: bool,
}

/// Clears `book` at `now` (epoch seconds).
///
/// The answer is proved before it is returned. It depends on the book, the rules, `now` and the effort only, unless
/// `stop` ended the search.
#[must_use]
pub fn clear(book: &Book, rules: &Rules, now: u64, options: &Options<'_>) -> Clearing {
    let watch = &Watch::new(options);
    let at_references = clear_at(book, rules, now, watch, Prices::default());
    if rules.mode != Mode::Uniform || !options.search_prices {
        return at_references;
    }
    let prices = uniform::prices::search(book, rules, now, &|| watch.stopped());
    if prices.as_slice().is_empty() {
        let stats = Stats { stopped: watch.was_cut(), ..at_references.stats };
        return Clearing { stats, ..at_references };
    }
    let found = clear_at(book, rules, now, watch, prices);
    let mut best = if found.report.value > at_references.report.value { found } else { at_references };
    best.stats.stopped = watch.was_cut();
    best
}

fn clear_at(book: &Book, rules: &Rules, now: u64, options: &Watch<'_>, prices: Prices) -> Clearing {
    let mut scene = Scene::new(book, rules, now, &prices);
    scene.weigh(options.weights_ppm);
    if !options.rings_only {
        scene.close(book, rules, now, &prices);
    }
    let mut stats = Stats { live_offers: scene.offers.len(), ..Stats::default() };
    let mut pool = Pool::default();
    let mut lanes = LaneDuals::new();
    let fill = match options.algorithm {
        Algorithm::Columns => columns(&scene, options, &mut pool, &mut stats, &mut lanes),
        Algorithm::Greedy => {
            let mut fill = Fill::new(&scene);
            greedy(&scene, options, &mut fill, &mut pool);
            fill
        }
    };
    stats.candidates = pool.rings.len();
    stats.stopped = options.was_cut();
    let (answer, report) = prove(book, rules, now, fill.rings(book), prices);
    let worth = float(report.value.floor_to(6).unwrap_or(u128::MAX)) / 1e6;
    options.tell(Stage::Certificate, 0, 1, worth);
    let (bound, duals) = if options.rings_only {
        let everything = if answer.prices.as_slice().is_empty() {
            bound::everything(&scene)
        } else {
            clearing::bound(book, rules, now, &answer.prices, &Duals::default())
        };
        (everything, Duals::default())
    } else {
        let every_ring = stats.every_ring.then_some(&pool.rings[..]);
        certify(&scene, book, rules, now, &answer.prices, every_ring, lanes)
    };
    let use_of = |at| reasons::Use { gives: fill.given(at) > 0, has_room: fill.room(at) > 0 };
    let unfilled = if options.rings_only { Vec::new() } else { reasons::unfilled(book, &scene, use_of, now) };
    options.tell(Stage::Certificate, 1, 1, worth);
    Clearing { answer, bound: bound.max(report.value), duals, report, unfilled, stats }
}

/// Proves the rings; whatever the check refused (which would be a defect of the search) is left out.
fn prove(
    book: &Book,
    rules: &Rules,
    now: u64,
    mut rings: Vec<clearing::Ring>,
    prices: Prices,
) -> (Answer, Report) {
    loop {
        let answer = Answer { rings: std::mem::take(&mut rings), prices: prices.clone() };
        let faults = match clearing::check(book, rules, now, &answer) {
            Ok(report) => return (answer, report),
            Err(faults) => faults,
        };
        debug_assert!(false, "the search made a faulty answer: {faults:?}");
        let faulty = |at: usize, ring: &clearing::Ring| {
            faults.iter().any(|fault| match *fault {
                Fault::OverFilled { offer }
                | Fault::PartlyFilled { offer }
                | Fault::UnderMinimum { offer }
                | Fault::LotSplit { offer } => ring.legs.iter().any(|leg| leg.offer == offer),
                Fault::Legs { ring, .. }
                | Fault::UnknownOffer { ring, .. }
                | Fault::OfferTwice { ring, .. }
                | Fault::AssetTwice { ring, .. }
                | Fault::GivesNothing { ring, .. }
                | Fault::WrongAsset { ring, .. }
                | Fault::SelfDelivery { ring, .. }
                | Fault::NotValid { ring, .. }
                | Fault::LimitBroken { ring, .. }
                | Fault::BelowFloor { ring, .. }
                | Fault::UnequalShares { ring }
                | Fault::NotLive { ring, .. }
                | Fault::UnequalValues { ring }
                | Fault::RoughLeg { ring, .. } => ring == at,
                Fault::UnknownPrice(_)
                | Fault::PricesUnordered(_)
                | Fault::PriceOutsideBand(_)
                | Fault::PricesNotAllowed => true,
            })
        };
        let mut at = 0;
        rings = answer.rings;
        rings.retain(|ring| {
            at += 1;
            !faulty(at - 1, ring)
        });
    }
}

/// The best of the bounds that apply, and the duals behind it; `every_ring` are all rings of the book, if they were seen. Only the bound over every ring of a small book may be better
/// than what the duals prove.
fn certify(
    scene: &Scene,
    book: &Book,
    rules: &Rules,
    now: u64,
    prices: &Prices,
    every_ring: Option<&[Candidate]>,
    lanes: LaneDuals,
) -> (UsdValue, Duals) {
    /// Up to so many rings the programme over all of them is quickly solved.
    const EVERY_RING: usize = 1_500;
    // About equal work for every book; small ones converge slowly for their size.
    let rounds = (30_000_000 / scene.offers.len().max(1)).clamp(500, 10_000);
    let proven = |duals: Duals| (clearing::bound(book, rules, now, prices, &duals), duals);
    let of_assets = |assets| proven(Duals { assets, lanes: BTreeMap::new() });
    let lower = |one: (UsdValue, Duals), two: (UsdValue, Duals)| if two.0 < one.0 { two } else { one };
    let mut best = if scene.mode == Mode::Uniform {
        of_assets(uniform::duals(scene))
    } else {
        of_assets(bound::any_rates(scene, book, rounds))
    };
    if scene.mode == Mode::Uniform && scene.offers.len() <= FEW {
        // Where units are large, limits may bind before equal values do.
        best = lower(best, of_assets(bound::any_rates(scene, book, rounds)));
    }
    if !lanes.is_empty() {
        let key = |asset: u32| book.assets()[asset as usize].key;
        let lanes = lanes.into_iter().map(|((give, want), dual)| ((key(give), key(want)), dual)).collect();
        let assets = best.1.assets.clone();
        best = lower(best, proven(Duals { assets, lanes }));
    }
    // The programme over every ring counts at the batch's prices, which must then be the references.
    if let Some(rings) = every_ring.filter(|rings| rings.len() <= EVERY_RING)
        && prices.as_slice().is_empty()
        && scene.mode != Mode::Lots
        && let Some(bound) = bound::every_ring(scene, book, rings)
    {
        best.0 = best.0.min(bound::usd(bound));
    }
    best
}

/// Uniform books of more offers are cleared as circulations alone.
const FEW: usize = 2_000;

fn columns<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    pool: &mut Pool,
    stats: &mut Stats,
    lanes: &mut LaneDuals,
) -> Fill<'a> {
    if scene.mode == Mode::Uniform && scene.offers.len() > FEW {
        return uniform::clear(scene, options, pool, lanes, None);
    }
    let fill = search_columns(scene, options, pool, stats);
    if scene.mode == Mode::Uniform {
        return uniform::clear(scene, options, pool, lanes, Some(fill));
    }
    fill
}

/// Passes over every ring between two settings of prices.
const PASSES: usize = 6;

/// Finds every ring, if there are few enough, and chooses among them; dives otherwise.
fn search_columns<'a>(scene: &'a Scene, options: &Watch<'_>, pool: &mut Pool, stats: &mut Stats) -> Fill<'a> {
    let plan = Plan::new(scene.offers.len(), options.effort);
    let mut master = Master::default();
    let mut columns: Vec<Column> = Vec::new();
    let rings = if scene.mode == Mode::Lots {
        // Rings of lots begin at every offer, not at every asset: as many of each would fill the memory.
        let (rings_per_start, steps_per_start) =
            (plan.first.rings_per_start.min(4_000), plan.first.steps_per_start.min(100_000));
        let (rings, found) = lots::search(scene, &Limits { rings_per_start, steps_per_start, ..plan.first });
        stats.every_ring = found == Found::All;
        rings
    } else if let Some(rings) = every(scene, &plan.first) {
        stats.every_ring = true;
        rings
    } else {
        return dive(scene, options, pool);
    };
    for ring in rings {
        if pool.push(ring) {
            columns.push(Column::new(scene, &ring));
        }
    }
    let bounds = Bounds {
        most: scene.offers.iter().map(|offer| offer.cap).collect(),
        least: vec![0.0; scene.offers.len()],
    };
    master.solve(&columns, &vec![false; columns.len()], &bounds, plan.settings, PASSES);
    let levels = columns.iter().zip(&master.levels);
    let value: f64 = levels.map(|(column, level)| column.value * level).sum();
    options.tell(Stage::Rings, 1, 1, value);
    let fill = choose(scene, options, &plan, &columns, &master);
    finish(scene, options, fill, pool, stats)
}

/// Fills what is left with rings over what is left.
fn finish<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    mut fill: Fill<'a>,
    pool: &mut Pool,
    stats: &mut Stats,
) -> Fill<'a> {
    if !stats.every_ring && !options.was_cut() {
        greedy(scene, options, &mut fill, pool);
    }
    fill
}

fn greedy(scene: &Scene, options: &Watch<'_>, fill: &mut Fill<'_>, pool: &mut Pool) {
    // Rounds without end would be no stop rule; a handful leaves little.
    let rounds = if scene.offers.len() > 40_000 { 2 } else { 6 };
    let limits = Limits { rings: 100_000, rings_per_start: 200, steps_per_start: 10_000, uses: 20 };
    for _ in 0..rounds {
        if options.stopped() {
            return;
        }
        let spent = f64::NEG_INFINITY;
        let weights: Vec<f64> = (0u32..)
            .zip(&scene.offers)
            .map(|(at, offer)| {
                // A nearly empty offer only makes splinters.
                if fill.room(at) * 1_000 > offer.give_qty { 1.0 } else { spent }
            })
            .collect();
        let rings = if scene.mode == Mode::Lots {
            lots::search_free(scene, &limits, &|at| fill.given(at) == 0).0
        } else {
            search(scene, &weights, &limits).0
        };
        let inserted = fill.insert_all(&rings);
        rings.into_iter().for_each(|ring| {
            pool.push(ring);
        });
        if inserted == 0 {
            return;
        }
    }
}
