//! What no answer can be worth, from one number per asset.

use crate::{Book, Mode, Offer, Prices, Rules, UsdValue, floor};
use ruint::aliases::{U256, U512};

/// Duals are counted in so many parts of a USD per USD.
pub const DUAL_WHOLE: u64 = 1_000_000_000;

/// The largest dual: a million USD per USD.
pub const MAX_DUAL: u64 = 1_000_000 * DUAL_WHOLE;

/// Smallest units of which one leg of several holds at least so many in uniform mode, unless all legs are worth the
/// same; see [`check`](crate::check).
const ROUGH_LEG: u128 = 100;

/// An upper bound on the value of every answer that keeps the rules: with `prices` in uniform mode, whatever the rates in
/// the other modes. `duals` hold a number per asset of the book, in its order, in parts of [`DUAL_WHOLE`]; missing ones are
/// zero, those above [`MAX_DUAL`] count as that. Whatever the numbers, the bound holds; good ones make it tight.
///
/// Weak duality: what is given of an asset is received by those who want it, so adding `dual * (given - received)` per
/// asset changes nothing. What an offer can then be worth, by itself and at the most favourable rate that the rules leave
/// it, is the closed form `most given * max(0, 1 + dual[give] - rate * dual[want])`, and the bound is the sum of it.
/// In ring mode the rate is the offer's floor, in lots its limit, both in USD per USD at the references.
///
/// In uniform mode every leg of a ring stands for the ring's common value, at most one smallest unit above what it
/// gives; `rate` is one and the most given is counted with these units: one, or one for every hundred that are given,
/// since no leg of an offer in several rings is smaller (rings of equal values need none). The bound at the offers' limits
/// holds too and needs no units; the lower of the two is taken.
///
/// Exact integers, rounded up.
#[must_use]
pub fn bound(book: &Book, rules: &Rules, now: u64, prices: &Prices, duals: &[u64]) -> UsdValue {
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
    let (mut by_rate, mut by_value) = (U512::ZERO, U512::ZERO);
    for offer in book.offers().iter().filter(|offer| offer.is_valid_at(now)) {
        let place = |key| book.asset_index(key).expect("a book holds the assets of its offers");
        let (give, want) = (place(offer.give), place(offer.want));
        let dual = |asset: usize| duals.get(asset).map_or(0, |dual| *dual.min(&MAX_DUAL));
        let seen = Seen {
            offer,
            give: units[give],
            want: units[want],
            reference: references[give],
            give_dual: U512::from(dual(give)),
            want_dual: U512::from(dual(want)),
        };
        match rules.mode {
            Mode::Uniform if !seen.is_live() => {}
            Mode::Ring => {
                let floor = floor(book, rules, offer).expect("a book holds the assets of its offers");
                if is_hopeless(rules, &seen, floor.num(), floor.den()) {
                    continue;
                }
                by_rate += seen.at_rate(floor.num(), floor.den());
            }
            Mode::Uniform | Mode::Lots => {
                by_rate += seen.at_rate(U256::from(offer.want_qty.get()), U256::from(offer.give_qty.get()));
                by_value += seen.at_one_price();
            }
        }
    }
    let sum = if rules.mode == Mode::Uniform { by_rate.min(by_value) } else { by_rate };
    // The parts of DUAL_WHOLE go, rounded up once.
    let whole = sum.div_ceil(U512::from(DUAL_WHOLE));
    UsdValue::from_raw(U256::saturating_from(whole))
}

/// An offer with the prices and duals of its assets.
struct Seen<'a> {
    offer: &'a Offer,
    give: U256,
    want: U256,
    reference: U256,
    give_dual: U512,
    want_dual: U512,
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

    /// The same where every leg stands for its ring's common value.
    fn at_one_price(&self) -> U512 {
        let give_qty = self.offer.give_qty.get();
        // A unit of common value adds this, and each unit that a leg falls short of it takes its reference off.
        let own = U512::from(DUAL_WHOLE) * U512::from(self.reference);
        let up = own + self.give_dual * U512::from(self.give);
        let margin = up.saturating_sub(self.want_dual * U512::from(self.give));
        let short = U512::from((give_qty / ROUGH_LEG).max(1));
        U512::from(give_qty) * margin + short * margin.saturating_sub(own)
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
fn is_hopeless(rules: &Rules, seen: &Seen<'_>, num: U256, den: U256) -> bool {
    type Wide = ruint::Uint<768, 12>;
    let others = usize::from(rules.max_assets).clamp(2, crate::MAX_LEGS) - 1;
    let kept = Wide::from(crate::Band::WHOLE_PPM - rules.band.ppm());
    let whole = Wide::from(crate::Band::WHOLE_PPM);
    let (mut asked, mut left) =
        (Wide::from(num) * Wide::from(seen.want), Wide::from(den) * Wide::from(seen.give));
    for _ in 0..others {
        asked *= kept;
        left *= whole;
    }
    asked > left
}
