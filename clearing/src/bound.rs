use crate::check::ROUGH_LEG;
use crate::lanes::Lanes;
use crate::reach::{self, Size};
use crate::{AssetKey, Band, Book, Mode, Offer, OfferKey, Prices, Ratio, Rules, UsdValue, floor};
use ruint::aliases::{U256, U512};
use std::collections::{BTreeMap, BTreeSet};

/// Duals are counted in so many parts of a USD per USD.
pub const DUAL_WHOLE: u64 = 1_000_000_000;

/// The largest dual: a million USD per USD.
pub const MAX_DUAL: u64 = 1_000_000 * DUAL_WHOLE;

const KNOWN: &str = "a book holds the assets of its offers";

/// The numbers from which [`bound`] proves what no clearing can pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duals {
    /// A number per asset of the book, in its order, in parts of [`DUAL_WHOLE`]. Missing ones are zero.
    pub assets: Vec<u64>,
    /// Uniform mode: what a USD that passes over a lane counts, by the asset given and that wanted, in parts of
    /// [`DUAL_WHOLE`]. Missing ones are zero; where there are none at all, they follow from the assets' numbers.
    pub lanes: BTreeMap<(AssetKey, AssetKey), u64>,
}

/// An upper bound on the value of every answer that keeps the rules: with `prices` in uniform mode, whatever the rates in
/// the other modes. Duals above [`MAX_DUAL`] count as that. Whatever the numbers, the bound holds; good ones make it tight.
///
/// Weak duality: what is given of an asset is received by those who want it, so adding `dual * (given - received)` per
/// asset changes nothing. What an offer can then be worth, by itself and at the most favourable rate that the rules leave
/// it, is the closed form `most given * max(0, 1 + dual[give] - rate * dual[want])`, and the bound is the sum of it.
/// In ring mode the rate is the offer's floor, in lots its limit, both in USD per USD at the references.
///
/// In uniform mode every leg of a ring stands for the ring's common value, at most one smallest unit above what it
/// gives; `rate` is one and the most given is counted with these units: one, or one for every hundred that are given,
/// since no leg of an offer in several rings is smaller (rings of equal values need none). The bound at the offers' limits
/// holds too and needs no units.
///
/// Nor does uniform mode need the numbers to be differences of its assets': any number per lane will do that no ring
/// earns more than. So a third bound takes the lanes' numbers, moves each by what the best closed walk of a ring's length
/// through it earns beyond them per lane, and counts what the lanes' offers can give at that. The lowest of the three is taken.
///
/// Exact integers, rounded up.
#[must_use]
pub fn bound(book: &Book, rules: &Rules, now: u64, prices: &Prices, duals: &Duals) -> UsdValue {
    let (live, lanes) = reachable_with(book, rules, now, prices, &duals.assets);
    let sum = |worth: &dyn Fn(&Seen<'_>) -> U512| live.iter().fold(U512::ZERO, |sum, seen| sum + worth(seen));
    let sum = match rules.mode {
        Mode::Ring => sum(&|seen| {
            let floor = floor(book, rules, seen.offer).expect(KNOWN);
            seen.at_rate(floor.num(), floor.den())
        }),
        Mode::Lots => sum(&|seen| seen.at_limit()),
        Mode::Uniform => {
            let by_lanes = lanes.and_then(|lanes| by_lanes(book, &lanes, &live, &duals.lanes));
            let by_assets = sum(&|seen| seen.at_limit()).min(sum(&|seen| seen.at_one_price()));
            by_lanes.map_or(by_assets, |by_lanes| by_lanes.min(by_assets))
        }
    };
    // The parts of DUAL_WHOLE go, rounded up once.
    let whole = sum.div_ceil(U512::from(DUAL_WHOLE));
    UsdValue::from_raw(U256::saturating_from(whole))
}

/// The offers that can be in a ring, as far as their validity, their limits, and what others can pass on say; with `prices`
/// in uniform mode. No answer holds another one, and [`bound`] counts no other.
#[must_use]
pub fn reachable(book: &Book, rules: &Rules, now: u64, prices: &Prices) -> BTreeSet<OfferKey> {
    let (live, _) = reachable_with(book, rules, now, prices, &[]);
    live.into_iter().map(|seen| seen.offer.key).collect()
}

/// The same with duals, and the lanes that were looked at, if they were.
fn reachable_with<'a>(
    book: &'a Book,
    rules: &Rules,
    now: u64,
    prices: &Prices,
    duals: &[u64],
) -> (Vec<Seen<'a>>, Option<Lanes>) {
    let references: Vec<U256> =
        book.assets().iter().map(|asset| asset.reference.per_smallest_unit(asset.decimals).raw()).collect();
    let mut units = references.clone();
    if rules.mode == Mode::Uniform {
        for (key, price) in prices.as_slice() {
            if let Some(at) = book.asset_index(*key) {
                units[at] = price.per_smallest_unit(book.assets()[at].decimals).raw();
            }
        }
    }
    let mut live = Vec::new();
    for offer in book.offers().iter().filter(|offer| offer.is_valid_at(now)) {
        let place = |key| book.asset_index(key).expect(KNOWN);
        let (give, want) = (place(offer.give), place(offer.want));
        let dual = |asset: usize| duals.get(asset).map_or(0, |dual| *dual.min(&MAX_DUAL));
        let seen = Seen {
            offer,
            ends: (give, want),
            give: units[give],
            want: units[want],
            reference: references[give],
            give_dual: U512::from(dual(give)),
            want_dual: U512::from(dual(want)),
        };
        let hopeful = match rules.mode {
            Mode::Uniform => seen.is_live(),
            Mode::Ring => !is_hopeless(rules, &seen, &floor(book, rules, offer).expect(KNOWN)),
            Mode::Lots => true,
        };
        if hopeful {
            live.push(seen);
        }
    }
    // Lots may leave value behind on the way round, as much as their limits allow.
    let kept = match rules.mode {
        Mode::Uniform => Band::WHOLE_PPM,
        Mode::Ring => Band::WHOLE_PPM - rules.band.ppm(),
        Mode::Lots => return (live, None),
    };
    let ends: Vec<(usize, usize)> = live.iter().map(|seen| seen.ends).collect();
    let lanes = Lanes::new(rules.max_assets, &ends);
    if let Some(lanes) = &lanes {
        let sizes: Vec<Size> = live.iter().map(|seen| seen.size(lanes)).collect();
        let mut open = reach::reachable(lanes, &sizes, kept).into_iter();
        live.retain(|_| open.next().unwrap_or(true));
    }
    (live, lanes)
}

/// The bound by what a USD of common value over each lane counts, in parts of [`DUAL_WHOLE`]; `None` where a price is so
/// far below its reference that this says nothing.
///
/// What is given for a USD of common value is worth `reference / price`. If every ring's lanes count at least as much together as
/// that comes to, then all that is given is worth at most what passes over the lanes times what they count. The numbers given, or
/// those that follow from the assets', need not be so; moving each lane's by the most that a closed walk through it earns
/// beyond them per lane makes them so: a walk of k lanes that earns e beyond them gets at least k times e / k. Lanes that
/// have numbers to spare give them up in the same way, and lanes in no ring count nothing.
fn by_lanes(
    book: &Book,
    lanes: &Lanes,
    live: &[Seen<'_>],
    given: &BTreeMap<(AssetKey, AssetKey), u64>,
) -> Option<U512> {
    let lane_of = |seen: &Seen<'_>| {
        let (give, want) = seen.ends;
        lanes.find(give, want).expect("there is a lane of every live offer")
    };
    let published = given.values().any(|dual| *dual > 0);
    let mut counts = vec![0i64; lanes.len()];
    let mut earns = vec![None; lanes.len()];
    for seen in live {
        let lane = lane_of(seen);
        let worth = seen.worth()?;
        let key = |place: usize| book.assets()[place].key;
        let count = if published {
            given.get(&(key(seen.ends.0), key(seen.ends.1))).map_or(0, |count| *count.min(&MAX_DUAL))
        } else {
            seen.count(worth)
        };
        counts[lane] = i64::try_from(count).ok()?;
        earns[lane] = Some(worth - counts[lane]);
    }
    let moves = lanes.best_means(&earns);
    let total = live.iter().filter_map(|seen| {
        let lane = lane_of(seen);
        let count = u64::try_from(counts[lane] + moves[lane]?).unwrap_or(0);
        Some(seen.at_margin(U512::from(count) * U512::from(seen.give)))
    });
    Some(total.fold(U512::ZERO, |sum, one| sum + one))
}

/// An offer with the prices and duals of its assets.
struct Seen<'a> {
    offer: &'a Offer,
    give: U256,
    want: U256,
    reference: U256,
    give_dual: U512,
    want_dual: U512,
    /// The assets given and wanted, as places in the book.
    ends: (usize, usize),
}

impl Seen<'_> {
    /// The most that the offer adds, when it receives at least `num / den` units per unit given, in parts of
    /// [`DUAL_WHOLE`]. Numbers stay below 2^512: 10^27 given of 10^42 at duals of 10^15.
    fn at_rate(&self, num: U256, den: U256) -> U512 {
        let qty = U512::from(self.offer.give_qty.get());
        let up = U512::from(DUAL_WHOLE) * U512::from(self.reference) + self.give_dual * U512::from(self.give);
        // A unit given brings at least num / den units, each of this weight; rounded down, in favour of the bound.
        let weight = self.want_dual * U512::from(self.want);
        let down = wide_share(weight, num, den);
        qty * up.saturating_sub(down)
    }

    /// Whether the limit holds at the prices.
    fn is_live(&self) -> bool {
        let (give_qty, want_qty) = (self.offer.give_qty.get(), self.offer.want_qty.get());
        U512::from(self.want) * U512::from(want_qty) <= U512::from(self.give) * U512::from(give_qty)
    }

    /// The most that the offer adds at its limit.
    fn at_limit(&self) -> U512 {
        self.at_rate(U256::from(self.offer.want_qty.get()), U256::from(self.offer.give_qty.get()))
    }

    /// The most that it adds where every leg stands for its ring's common value.
    fn at_one_price(&self) -> U512 {
        let up = U512::from(DUAL_WHOLE) * U512::from(self.reference) + self.give_dual * U512::from(self.give);
        self.at_margin(up.saturating_sub(self.want_dual * U512::from(self.give)))
    }

    /// The same where a unit's worth of common value counts `margin`. Each unit that a leg falls short of the common value
    /// takes its reference off.
    fn at_margin(&self, margin: U512) -> U512 {
        let own = U512::from(DUAL_WHOLE) * U512::from(self.reference);
        let short = U512::from(self.short());
        U512::from(self.offer.give_qty.get()) * margin + short * margin.saturating_sub(own)
    }

    /// By so many units at most all legs together fall short of the common value.
    fn short(&self) -> u128 {
        (self.offer.give_qty.get() / ROUGH_LEG).max(1)
    }

    /// What is given for a USD of common value is worth at the reference, in parts of [`DUAL_WHOLE`], rounded up; `None`
    /// above [`MAX_DUAL`].
    fn worth(&self) -> Option<i64> {
        let own = U512::from(DUAL_WHOLE) * U512::from(self.reference);
        let worth = u64::try_from(own.div_ceil(U512::from(self.give))).ok()?;
        (worth <= MAX_DUAL).then(|| i64::try_from(worth).ok()).flatten()
    }

    /// What a USD of common value counts by the assets' duals.
    fn count(&self, worth: i64) -> u64 {
        let up = U512::from(worth.unsigned_abs()) + self.give_dual;
        u64::try_from(up.saturating_sub(self.want_dual)).unwrap_or(MAX_DUAL)
    }

    /// What common value can pass, and must if any does, in millionths of a USD.
    fn size(&self, lanes: &Lanes) -> Size {
        let (give, want) = self.ends;
        let micro = U512::from(10u128.pow(24));
        let value = |units: u128| U512::from(self.give) * U512::from(units);
        let narrow = |value: U512| u128::try_from(value).unwrap_or(u128::MAX);
        Size {
            lane: lanes.find(give, want).expect("there is a lane of every live offer"),
            most: narrow(value(self.offer.give_qty.get() + self.short()).div_ceil(micro)),
            least: narrow(value(self.offer.least_fill().get()) / micro),
        }
    }
}

/// `weight * num / den`, rounded down; 2^512 - 1 if it is more.
fn wide_share(weight: U512, num: U256, den: U256) -> U512 {
    type Wide = ruint::Uint<768, 12>;
    let share = Wide::from(weight) * Wide::from(num) / Wide::from(den);
    U512::saturating_from(share)
}

/// Whether the offer asks more than all others of the longest ring can leave it: `floor * (1 - band)^(legs - 1)` above
/// one at the references.
fn is_hopeless(rules: &Rules, seen: &Seen<'_>, floor: &Ratio) -> bool {
    type Wide = ruint::Uint<768, 12>;
    let others = usize::from(rules.max_assets).clamp(2, crate::MAX_LEGS) - 1;
    let kept = Wide::from(crate::Band::WHOLE_PPM - rules.band.ppm());
    let whole = Wide::from(crate::Band::WHOLE_PPM);
    let (mut asked, mut left) =
        (Wide::from(floor.num()) * Wide::from(seen.want), Wide::from(floor.den()) * Wide::from(seen.give));
    for _ in 0..others {
        asked *= kept;
        left *= whole;
    }
    asked > left
}
