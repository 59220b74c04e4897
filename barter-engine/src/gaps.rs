//! Closes gaps under minimums in large books. An offer that gives less than its minimum is brought to it by new
//! rings, over what others have left and over what is taken from rings whose other offers give more than they need.
//! Of those that stay short, the ones that leave the least damage give up; the gaps that this opens are closed alike.
//!
//! Giving up alone would not end: whoever gives all or nothing falls with any one of its rings, and takes all of
//! them along. But most offers have far more than their minimum, so most gaps can be closed, and then it ends soon.

use crate::clear::Watch;
use crate::fill::Fill;
use crate::labels::{self, Breadth};
use crate::pool::Candidate;
use crate::scene::{Scene, float};
use crate::whole::{Closing, complete};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Gaps of one search are up to so many times the smallest: all have to fit into what others have.
const SPAN: f64 = 10.0;
const CLOSE_SPAN: f64 = 4.0;

/// Of so few that are short, gaps are looked at more closely.
const FEW: usize = 250;

/// The breadth of searches, and where few are short. Rings may weigh little: a minimum is at stake.
const BREADTH: Breadth = Breadth { labels: 4, rings: 12, least: -1.0 };
const CLOSE_BREADTH: Breadth = Breadth { labels: 8, rings: 40, least: -1.0 };

/// What an offer that is short weighs in a search of rings for it.
const WANTED: f64 = 2.0;

/// What an offer weighs less that has room only once its rings are cut, and more that is short itself.
const CUT: f64 = 0.3;
const SHORT: f64 = 0.3;

/// A ring brings at least this share of a gap.
const PART: f64 = 0.15;

/// Searches over what others have left alone, before anybody's rings are cut; another one follows while this part of the
/// gaps was closed.
const SEARCHES: usize = 2;
const CLOSED: usize = 8;

/// Turns of giving up after which no more rings are searched; in each, one of so many that are short gives up.
const TURNS: usize = 40;
const GIVES_UP: usize = 3;

/// What is at stake per USD given by those whom giving up leaves short.
const DAMAGE: f64 = 3.0;

/// Brings every offer to its minimum or to nothing. `worth` says what a USD of each offer earns in a ring. From the share `by` of a
/// time limit on nobody's rings are cut, and from the share `until` on no more rings are searched: who is short then gives up.
pub(crate) fn close<'a>(
    scene: &'a Scene,
    options: &Watch<'_>,
    breadth: &Breadth,
    fill: &mut Fill<'a>,
    worth: &[f64],
    (by, until): (f64, f64),
) {
    fill.mend();
    for turn in 0.. {
        let searches = turn < TURNS && !options.late(until);
        for _ in 0..if searches { SEARCHES } else { 0 } {
            let short = fill.short().len();
            if complete(scene, fill, breadth, Closing::Short) * CLOSED <= short {
                break;
            }
        }
        let mut gaps = Gaps { scene, fill, worth };
        if searches {
            gaps.sweep(options, by);
        }
        if !gaps.give_up() {
            return;
        }
        if !searches {
            fill.mend();
        }
    }
}

/// A fill some of whose offers are under their minimum.
struct Gaps<'f, 'a> {
    scene: &'a Scene,
    fill: &'f mut Fill<'a>,
    worth: &'f [f64],
}

impl Gaps<'_, '_> {
    fn usd(&self, at: u32, units: u128) -> f64 {
        float(units) * self.scene.unit[self.scene.offer(at).give as usize]
    }

    /// What an offer has left, USD.
    fn room(&self, at: u32) -> f64 {
        self.usd(at, self.fill.room(at))
    }

    /// What an offer lacks of its minimum, units.
    fn lack(&self, at: u32) -> u128 {
        self.scene.offer(at).least_qty.saturating_sub(self.fill.given(at))
    }

    /// What an offer gives beyond its minimum, units.
    fn spare(&self, at: u32) -> u128 {
        self.fill.given(at).saturating_sub(self.scene.offer(at).least_qty)
    }

    /// The volume of a ring placed, and how much of it can go without anybody but `asker` coming short.
    fn loose(&self, id: usize, asker: u32) -> (f64, f64) {
        let Some(placed) = self.fill.placed(id) else { return (0.0, 0.0) };
        let (shares, _) = placed.ring.shares(self.scene);
        let volume = self.usd(placed.ring.offers()[0], placed.gives[0]);
        let legs = placed.ring.offers().iter().zip(placed.gives).zip(shares);
        let others = legs.filter(|((at, _), _)| **at != asker);
        let mut whole = true;
        let mut most = volume;
        for ((at, gives), share) in others {
            let spare = self.spare(*at);
            whole &= gives <= spare || gives == self.fill.given(*at);
            most = most.min(self.usd(*at, spare) / share);
        }
        (volume, if whole { volume } else { most })
    }

    /// About what an offer could have, USD: what it has left, and what can go of its rings.
    fn within_reach(&self, at: u32) -> f64 {
        self.room(at) + self.fill.ids_of(at).iter().map(|id| self.loose(*id, at).1).sum::<f64>()
    }

    /// Closes gaps, the smallest first.
    fn sweep(&mut self, options: &Watch<'_>, by: f64) {
        let short = self.fill.short();
        let mut order: Vec<(f64, u32)> =
            short.into_iter().map(|at| (self.usd(at, self.lack(at)), at)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (span, breadth) = if order.len() <= FEW { (CLOSE_SPAN, CLOSE_BREADTH) } else { (SPAN, BREADTH) };
        let mut rest = &order[..];
        while let Some(&(least, _)) = rest.first() {
            if options.late(by) {
                return;
            }
            let most = least.max(1.0) * span;
            let (batch, after) = rest.split_at(rest.partition_point(|(lack, _)| *lack <= most).max(1));
            self.close(batch, &breadth);
            rest = after;
        }
    }

    /// Tries to close the gaps of `batch`, the largest of which is the last.
    fn close(&mut self, batch: &[(f64, u32)], breadth: &Breadth) {
        let scene = self.scene;
        let size = batch.last().map_or(0.0, |(lack, _)| *lack);
        let this = &*self;
        let weights: Vec<f64> =
            (0..scene.offers.len()).into_par_iter().map(|at| this.weight(at, size)).collect();
        let mut own = vec![f64::NEG_INFINITY; weights.len()];
        batch.iter().for_each(|(_, at)| own[*at as usize] = WANTED);
        let mut homes: Vec<u32> = batch.iter().map(|(_, at)| scene.offer(*at).give).collect();
        homes.sort_unstable();
        homes.dedup();
        let rings = labels::search_closed_by(scene, &weights, &own, breadth, &homes);
        let mut of_short: BTreeMap<u32, Vec<Candidate>> = BTreeMap::new();
        for ring in rings {
            for at in ring.offers().iter().filter(|at| own[**at as usize].is_finite()) {
                of_short.entry(*at).or_default().push(ring);
            }
        }
        for (_, at) in batch {
            if let Some(rings) = of_short.get(at)
                && self.fill.is_short(*at)
            {
                self.reach(*at, rings);
            }
        }
    }

    /// What an offer weighs in a ring that closes gaps of up to `size`, USD.
    fn weight(&self, place: usize, size: f64) -> f64 {
        let at = u32::try_from(place).expect("a book has fewer than 2^32 offers");
        let (offer, given) = (self.scene.offer(at), self.fill.given(at));
        let (worth, room) = (self.worth[place], self.room(at));
        let opens = given == 0 && offer.least > size * PART;
        if room >= size && !opens {
            if self.fill.is_short(at) { worth + SHORT } else { worth }
        } else if given > 0 && !self.fill.is_short(at) && offer.cap >= size && self.within_reach(at) >= size {
            worth - CUT
        } else {
            f64::NEG_INFINITY
        }
    }

    /// Brings an offer to its minimum over `rings`, or leaves all as it was.
    fn reach(&mut self, at: u32, rings: &[Candidate]) {
        let mut order: Vec<(f64, &Candidate)> =
            rings.iter().map(|ring| (self.fill.most(ring), ring)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        self.fill.attempt();
        for (_, ring) in order {
            self.bring(at, ring);
            if !self.fill.is_short(at) {
                break;
            }
        }
        if !self.fill.is_short(at) || self.fill.enlarge(at) {
            self.fill.keep();
        } else {
            self.fill.undo();
        }
    }

    /// Adds a ring of what `at` lacks, or of a part of it, once the others have room.
    fn bring(&mut self, at: u32, ring: &Candidate) {
        let Some(leg) = ring.offers().iter().position(|other| *other == at) else { return };
        let (shares, _) = ring.shares(self.scene);
        let lacks = self.lack(at);
        let needed = self.usd(at, lacks) / shares[leg] * (1.0 + 1e-6);
        let most = |other: u32, share: f64| {
            // Nobody begins who would then be short.
            if self.fill.given(other) == 0 && self.scene.offer(other).least > needed * share {
                return 0.0;
            }
            let room = self.room(other);
            let enough = room >= needed * share || other == at;
            if enough { room / share } else { self.within_reach(other) / share }
        };
        let legs = || ring.offers().iter().copied().zip(shares);
        let volume = legs().map(|(other, share)| most(other, share)).fold(needed, f64::min);
        if volume < needed * PART
            || !legs().all(|(other, share)| other == at || self.make_room(other, volume * share, ring))
        {
            return;
        }
        let exactly = |fill: &mut Fill<'_>, quantity: u128| {
            quantity <= fill.room(at) && fill.place(ring, needed, Some((leg, quantity)), None).is_some()
        };
        if volume < needed || !(lacks..=lacks + 2).any(|quantity| exactly(self.fill, quantity)) {
            self.fill.place(ring, volume, None, Some(leg));
        }
    }

    /// Cuts rings of an offer until it has `wanted` left, USD; not `ring` itself. Returns whether it has.
    fn make_room(&mut self, at: u32, wanted: f64, ring: &Candidate) -> bool {
        if self.room(at) >= wanted {
            return true;
        }
        let unit = self.scene.unit[self.scene.offer(at).give as usize];
        let mut own: Vec<(f64, usize)> =
            self.fill.ids_of(at).iter().map(|id| (self.loose(*id, at).1, *id)).collect();
        own.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, id) in own {
            let missing = wanted - self.room(at);
            if missing <= 0.0 {
                break;
            }
            let (volume, loose) = self.loose(id, at);
            let Some(old) = self.fill.placed(id).copied().filter(|old| loose > 0.0 && old.ring != *ring)
            else {
                continue;
            };
            let (shares, _) = old.ring.shares(self.scene);
            let leg = old.ring.offers().iter().position(|other| *other == at).unwrap_or(0);
            let less = (missing + 2.0 * unit) / shares[leg];
            self.fill.take_back(id);
            if less < loose {
                self.fill.place(&old.ring, volume - less, None, None);
            } else if loose < volume {
                self.fill.place(&old.ring, (volume - loose) * (1.0 + 1e-6), None, None);
            }
            if old.ring.offers().iter().any(|other| *other != at && self.fill.is_short(*other)) {
                return false;
            }
        }
        self.room(at) >= wanted
    }

    /// Lets a part of the offers that are short give up, those first that leave the least damage. Returns whether there
    /// were any.
    fn give_up(&mut self) -> bool {
        let mut order: Vec<(f64, u32)> =
            self.fill.short().into_iter().map(|at| (self.damage(at), at)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(order.len().div_ceil(GIVES_UP));
        for (_, at) in &order {
            for id in self.fill.ids_of(*at).to_vec() {
                self.fill.take_back(id);
            }
        }
        !order.is_empty()
    }

    /// What is lost when an offer gives up, USD, and what is at stake with those who then are short.
    fn damage(&self, at: u32) -> f64 {
        let rings = self.fill.ids_of(at).iter().filter_map(|id| self.fill.placed(*id));
        let legs = rings.flat_map(|placed| placed.ring.offers().iter().copied().zip(placed.gives));
        let cost = |(other, gives): (u32, u128)| {
            let given = self.fill.given(other);
            let falls =
                other != at && gives > self.spare(other) && gives < given && !self.fill.is_short(other);
            self.usd(other, gives) + if falls { DAMAGE * self.usd(other, given) } else { 0.0 }
        };
        legs.map(cost).sum()
    }
}
