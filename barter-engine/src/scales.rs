//! Fills a large book from its largest offers down: at each scale only offers that can still give so much take part, each
//! ring found moves about that much at least, and the next scale is smaller.
//!
//! The any-rates programme says how much each offer is to give and what a USD of it is worth; rings are then drawn over
//! what is planned, the least surplus lost first. A ring ends one of its offers, so all rings together are about as many
//! as offers; and what is large, which needs many partners, finds them before they are spoken for. What each scale
//! leaves is planned anew for the next. All of this is greedy, but it looks at each ring once: a book of hundreds
//! of thousands of offers is filled in the time that a programme over their rings would take to begin.

use crate::clear::{Stage, Watch};
use crate::fill::Fill;
use crate::flow;
use crate::gaps;
use crate::labels::{self, Breadth};
use crate::pool::{Candidate, Pool};
use crate::scene::{Scene, TINY, float};

/// Each scale is the last one over this.
const STEP: f64 = 3.0;

/// Scales, at most.
const SCALES: usize = 12;

/// The first scale leaves this part of the offers above it.
const ABOVE: usize = 200;

/// What is left in offers smaller than the last scale is this share of all.
const BELOW: f64 = 0.002;

/// Assets whose rings are searched before any is placed.
const BATCH: usize = 24;

/// A scale is swept again while a sweep brings this share of what its first did, and of all.
const WORTH: f64 = 0.25;
const NOTHING: f64 = 1e-4;

/// Sweeps of one scale, at most.
const SWEEPS: usize = 3;

/// An offer that has begun and not reached its minimum earns so much more per USD.
const BEGUN: f64 = 0.02;

/// Offers that the plan gives up to this part of their minimum are left out.
const HALF: f64 = 0.5;

/// Offers that the plan fills to this part are filled wholly.
const NEARLY: f64 = 0.97;

/// A minimum is planned with this much more, so that rounding leaves it.
const MARGIN: f64 = 1.01;

/// What rings may lose per USD at the prices of the plan; at first, and when all minimums are met.
const LOSS: f64 = 0.3;
const LAST_LOSS: f64 = 0.6;

/// Iterations of the plan for what a scale leaves, as a part of the first plan's.
const REPLANNED: usize = 4;

/// The shares of a time limit by which all is filled, and until which rings are cut for gaps and any rings searched for them; what
/// is left then is filled by the last one.
const FILLED: f64 = 0.35;
const CUT: f64 = 0.6;
const CLOSED: f64 = 0.75;
const FILLED_AGAIN: f64 = 0.85;

/// Steps of progress once the plan is filled: gaps under minimums closed, rings grown, what is left filled.
const STEPS: usize = 3;

/// Clears `scene`, planning in `rounds` iterations.
pub(crate) fn clear<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    rounds: usize,
    breadth: &Breadth,
    pool: &mut Pool,
) -> Fill<'a> {
    let mut scales = Scales::new(scene, options, Breadth { least: -LOSS, ..*breadth }, FILLED);
    scales.plan(rounds);
    scales.fill(Serve::Anybody, rounds / REPLANNED);
    let narrow = Breadth { rings: 1, least: 0.0, ..*breadth };
    gaps::close(scene, options, &narrow, &mut scales.fill, &scales.weights, (CUT, CLOSED));
    options.tell(Stage::Volumes, 1, STEPS, scales.fill.value());
    scales.fill.grow();
    options.tell(Stage::Volumes, 2, STEPS, scales.fill.value());
    scales.breadth.least = -LAST_LOSS;
    scales.by = FILLED_AGAIN;
    scales.open();
    scales.fill(Serve::Firmly, 0);
    scales.fill.grow();
    options.tell(Stage::Volumes, STEPS, STEPS, scales.fill.value());
    for (ring, _) in scales.fill.volumes() {
        pool.push(ring);
    }
    scales.fill
}

/// Whom a ring may run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serve {
    /// Everybody: some will not reach their minimum.
    Anybody,
    /// Those who have their minimum or reach it with this ring.
    Firmly,
}

/// A book being filled.
struct Scales<'a, 'o> {
    scene: &'a Scene,
    options: &'o Watch<'o>,
    fill: Fill<'a>,
    /// What a USD of each offer earns in a ring.
    weights: Vec<f64>,
    /// What each offer is still to give, USD.
    left: Vec<f64>,
    /// The offers that give and want the same, by both, those that ask most first.
    alike: Vec<Vec<u32>>,
    /// By offer, its place in `alike`.
    kind: Vec<u32>,
    /// Labels and rings of a search.
    breadth: Breadth,
    /// The share of a time limit by which all is filled.
    by: f64,
}

impl<'a, 'o> Scales<'a, 'o> {
    /// Nothing is planned yet. A time limit ends the filling at the share `by` of it.
    fn new(scene: &'a Scene, options: &'o Watch<'o>, breadth: Breadth, by: f64) -> Scales<'a, 'o> {
        let offers = scene.offers.len();
        let mut order: Vec<u32> = (0u32..).take(offers).collect();
        let pair = |at: u32| (scene.offer(at).give, scene.offer(at).want);
        order.sort_by(|a, b| {
            let (x, y) = (scene.offer(*a), scene.offer(*b));
            pair(*a).cmp(&pair(*b)).then(y.floor.total_cmp(&x.floor)).then(a.cmp(b))
        });
        let alike: Vec<Vec<u32>> = order.chunk_by(|a, b| pair(*a) == pair(*b)).map(<[u32]>::to_vec).collect();
        let mut kind = vec![0; offers];
        for (place, alike) in (0u32..).zip(&alike) {
            alike.iter().for_each(|at| kind[*at as usize] = place);
        }
        Scales {
            scene,
            options,
            fill: Fill::new(scene),
            alike,
            kind,
            weights: vec![0.0; offers],
            left: vec![0.0; offers],
            breadth,
            by,
        }
    }

    /// What an offer can still give, USD.
    fn room(&self, at: u32) -> f64 {
        float(self.fill.room(at)) * self.scene.unit[self.scene.offer(at).give as usize]
    }

    /// Plans what each offer is still to give, by the any-rates programme over what is left.
    fn plan(&mut self, rounds: usize) {
        let scene = self.scene;
        let floors: Vec<f64> = scene.offers.iter().map(|offer| offer.floor).collect();
        let rooms: Vec<f64> = (0u32..).take(floors.len()).map(|at| self.room(at)).collect();
        let any = flow::any_rates(scene, &floors, &rooms, rounds);
        for (at, offer) in (0u32..).zip(&scene.offers) {
            let place = at as usize;
            self.weights[place] = 1.0 - flow::margin(scene, place, offer.floor, &any.prices).max(0.0);
            let planned = any.filled[place] * rooms[place];
            let needs = if self.fill.given(at) >= offer.least_qty {
                0.0
            } else {
                offer.least * MARGIN - (offer.cap - rooms[place])
            };
            self.left[place] = if any.filled[place] > NEARLY {
                rooms[place]
            } else if planned >= needs {
                planned
            } else if planned < needs * HALF {
                0.0
            } else {
                needs.min(rooms[place])
            };
        }
    }

    /// Plans with all that is left of each offer.
    fn open(&mut self) {
        for at in (0u32..).take(self.left.len()) {
            self.left[at as usize] = self.room(at);
        }
    }

    /// Fills down to the smallest scale that matters; between scales, what is left is planned anew in `rounds`, if any.
    fn fill(&mut self, serve: Serve, rounds: usize) {
        let mut sizes: Vec<f64> = self.left.iter().copied().filter(|left| *left > 0.0).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = sizes.iter().sum();
        let Some(&first) = sizes.get(sizes.len() / ABOVE) else { return };
        let mut rest = total;
        let last = sizes.iter().copied().find(|size| {
            rest -= size;
            rest <= BELOW * total
        });
        let last = last.unwrap_or(first);
        let mut size = first;
        for scale in 0..SCALES {
            let mut most = 0.0f64;
            for _ in 0..SWEEPS {
                if self.options.late(self.by) {
                    return;
                }
                let added = self.sweep(size, serve);
                most = most.max(added);
                if added <= most * WORTH || added <= total * NOTHING {
                    break;
                }
            }
            self.options.tell(Stage::Rings, scale + 1, SCALES, self.fill.value());
            if size <= last {
                break;
            }
            if rounds > 0 {
                self.plan(rounds);
            }
            size = (size / STEP).max(last);
        }
    }

    /// Whether an offer takes part at a scale.
    fn serves(&self, at: u32, size: f64, serve: Serve) -> bool {
        if self.left[at as usize] < size {
            return false;
        }
        let (offer, given) = (self.scene.offer(at), self.fill.given(at));
        serve == Serve::Anybody
            || given >= offer.least_qty
            || float(given) * self.scene.unit[offer.give as usize] + size >= offer.least
    }

    /// Looks for rings through every offer of a scale, asset by asset, and places them. Returns the value added, USD.
    fn sweep(&mut self, size: f64, serve: Serve) -> f64 {
        let mut added = 0.0;
        let homes: Vec<u32> = (0u32..)
            .zip(&self.scene.givers)
            .filter(|(_, givers)| givers.iter().any(|at| self.serves(*at, size, serve)))
            .map(|(home, _)| home)
            .collect();
        for homes in homes.chunks(BATCH) {
            if self.options.late(self.by) {
                break;
            }
            let weight = |(at, weight): (u32, &f64)| {
                let begun = (1..self.scene.offer(at).least_qty).contains(&self.fill.given(at));
                match self.serves(at, size, serve) {
                    true if begun => weight + BEGUN,
                    true => *weight,
                    false => f64::NEG_INFINITY,
                }
            };
            let weights: Vec<f64> = (0u32..).zip(&self.weights).map(weight).collect();
            let rings = labels::search_from(self.scene, &weights, &self.breadth, homes);
            let mut order: Vec<(f64, Candidate)> =
                rings.iter().map(|ring| (self.most(ring), *ring)).filter(|(most, _)| *most >= size).collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (_, ring) in order {
                let mut next = Some(ring);
                while let Some(ring) = next {
                    let value = self.place(&ring, size, serve);
                    added += value;
                    next = if value > 0.0 { self.relieve(&ring, size, serve) } else { None };
                }
            }
        }
        added
    }

    /// The ring with others that give and want the same in place of those who no longer take part at this scale, if the
    /// floors still allow it.
    fn relieve(&self, ring: &Candidate, size: f64, serve: Serve) -> Option<Candidate> {
        let scene = self.scene;
        let mut legs = [0; 6];
        let legs = &mut legs[..ring.offers().len()];
        legs.copy_from_slice(ring.offers());
        let mut log: f64 = legs.iter().map(|at| scene.offer(*at).log_floor).sum();
        for leg in 0..legs.len() {
            let old = legs[leg];
            if self.serves(old, size, serve) {
                continue;
            }
            let others = log - scene.offer(old).log_floor;
            let (before, after) = (legs[(leg + legs.len() - 1) % legs.len()], legs[(leg + 1) % legs.len()]);
            let neighbours = [scene.offer(before).party, scene.offer(after).party];
            let fits = |at: &&u32| {
                let offer = scene.offer(**at);
                others + offer.log_floor <= TINY
                    && !neighbours.contains(&offer.party)
                    && self.serves(**at, size, serve)
            };
            legs[leg] = *self.alike[self.kind[old as usize] as usize].iter().find(fits)?;
            log = others + scene.offer(legs[leg]).log_floor;
        }
        (log <= TINY).then(|| Candidate::new(legs))
    }

    /// The most that a ring may carry, USD per share.
    fn most(&self, ring: &Candidate) -> f64 {
        let (shares, _) = ring.shares(self.scene);
        let room = ring.offers().iter().zip(shares).map(|(at, share)| self.left[*at as usize] / share);
        room.fold(f64::INFINITY, f64::min)
    }

    /// Places a ring if it still carries `size`, and if whole units keep what `serve` asks; returns its value.
    fn place(&mut self, ring: &Candidate, size: f64, serve: Serve) -> f64 {
        let volume = self.most(ring);
        if volume < size {
            return 0.0;
        }
        let Some(id) = self.fill.place(ring, volume, None, None) else { return 0.0 };
        let is_short = |at: &u32| self.fill.given(*at) < self.scene.offer(*at).least_qty;
        if serve == Serve::Firmly && ring.offers().iter().any(is_short) {
            self.fill.take_back(id);
            return 0.0;
        }
        let gives = self.fill.placed(id).map_or([0; 6], |placed| placed.gives);
        let mut value = 0.0;
        for (at, gives) in ring.offers().iter().zip(gives) {
            let worth = float(gives) * self.scene.unit[self.scene.offer(*at).give as usize];
            let left = &mut self.left[*at as usize];
            *left = (*left - worth).max(0.0);
            value += worth;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use clearing::{
        Amount, Answer, Asset, AssetKey, Book, Mode, Offer, OfferKey, PartyKey, Prices, Rules, check,
    };

    const NOW: u64 = 1_800_000_000;

    fn amount(units: u64) -> Amount {
        Amount::new(u128::from(units)).expect("small")
    }

    /// Four hundred offers over nine assets, of sizes from a hundred to ten million dollars; half have a minimum, some
    /// give all or none.
    fn book(seed: u64, turn: usize) -> Book {
        let mut state = seed;
        let mut below = |many: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % many
        };
        let cents = [100, 250, 1_300, 4, 7_000, 3_100, 800, 60, 12];
        let assets = (1..).zip(cents).map(|(key, cents)| Asset {
            key: AssetKey(key),
            decimals: 0,
            reference: format!("{}.{:02}", cents / 100, cents % 100).parse().expect("a price"),
        });
        let offers: Vec<Offer> = (1..=400)
            .map(|key| {
                let give = below(9);
                let want = (give + 1 + below(8)) % 9;
                let worth = 10_000 * 10u64.pow(u32::try_from(below(5)).expect("small")) * (1 + below(10));
                let place = |at: u64| usize::try_from(at).expect("small");
                let gives = (worth / cents[place(give)]).max(1);
                let wants = (worth / 1_000 * (970 + below(40)) / cents[place(want)]).max(1);
                let mut party = [0; 20];
                party[..8].copy_from_slice(&below(300).to_be_bytes());
                Offer {
                    key: OfferKey(key),
                    party: PartyKey(party),
                    give: AssetKey(give + 1),
                    give_qty: amount(gives),
                    want: AssetKey(want + 1),
                    want_qty: amount(wants),
                    divisible: below(8) > 0,
                    min_fill: amount(if below(2) == 0 { gives / 2 } else { 0 }),
                    valid_from: 0,
                    valid_until: NOW + 1,
                }
            })
            .collect();
        // Nobody may give what he wants elsewhere.
        let mut kept: Vec<Offer> = Vec::new();
        for offer in offers {
            let clash = |other: &Offer| {
                other.party == offer.party && (other.give == offer.want || other.want == offer.give)
            };
            if !kept.iter().any(clash) {
                kept.push(offer);
            }
        }
        let many = kept.len();
        kept.rotate_left(turn % many);
        Book::new(assets.collect(), kept).expect("a book")
    }

    #[test]
    fn books_filled_by_scales_keep_every_rule_alike_in_any_order_and_on_any_number_of_threads() {
        for seed in 0..12 {
            for mode in [Mode::Ring, Mode::Uniform] {
                let rules = Rules { mode, ..Rules::default() };
                let run = |turn: usize, threads: usize| {
                    let book = book(seed, turn);
                    let scene = Scene::new(&book, &rules, NOW, &Prices::default());
                    let threads =
                        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                    let options = Options::default();
                    let breadth = Breadth { labels: 2, rings: 1, least: 0.002 };
                    let fill = threads.install(|| {
                        clear(&scene, &Watch::new(&options), 500, &breadth, &mut Pool::default())
                    });
                    fill.rings(&book)
                };
                let rings = run(0, 1);
                assert_eq!(rings, run(37, 2), "seed {seed}, {mode}");
                let answer = Answer { rings, prices: Prices::default() };
                let report = check(&book(seed, 0), &rules, NOW, &answer);
                let report = report.unwrap_or_else(|faults| panic!("seed {seed}, {mode}: {faults:?}"));
                assert!(report.value.floor_to(0).is_some_and(|usd| usd > 100_000), "seed {seed}, {mode}");
            }
        }
    }
}
