//! What a ring means to those in it: who gives what to whom, at which rate, how that compares with what they asked and with
//! the references, and which rules it was proved to keep.
//!
//! Everything is an exact integer or an exact [`Ratio`]; whoever shows one names its rounding. A ring that breaks a rule has
//! no explanation, only faults.

use clearing::{
    Amount, Answer, Asset, Book, Fault, Mode, Offer, PartyKey, Prices, Ratio, Ring, Rules, UsdValue,
};
use ruint::aliases::U256;

/// A ring explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What each party does, in the order of the ring. Each leg is one shipment.
    pub legs: Vec<ExplainedLeg>,
    /// What all that is given is worth at the references.
    pub value: UsdValue,
    /// From this second (epoch) on at least one of the offers is no longer valid.
    pub valid_until: u64,
    /// The rules that the ring was proved to keep.
    pub checks: Vec<Check>,
}

/// What one party does in a ring. Rates are whole units received per whole unit given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedLeg {
    /// The offer: who makes it, on which terms, until when.
    pub offer: Offer,
    /// What it gives.
    pub gives: Parcel,
    /// Who receives that: the party of the leg before.
    pub to: PartyKey,
    /// What it receives.
    pub receives: Parcel,
    /// Who gives that: the party of the leg after.
    pub from: PartyKey,
    /// The rate achieved.
    pub rate: Ratio,
    /// The lowest rate that its offer accepts.
    pub limit: Ratio,
    /// The rate at the reference prices.
    pub reference: Ratio,
    /// What it does better than its limit, as `rate / limit`: at least one.
    pub over_limit: Ratio,
    /// What it does better than the references, as `rate / reference`: under one where it gives more than it receives.
    pub over_reference: Ratio,
    /// In ring mode what it does better than its floor, the larger of its limit and what the band asks: at least one, and
    /// the same for all legs within one smallest unit.
    pub over_floor: Option<Ratio>,
}

/// So much of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The asset.
    pub asset: Asset,
    /// How much of it, in smallest units.
    pub quantity: Amount,
}

impl Parcel {
    /// Whole units with all decimals of the asset.
    #[must_use]
    pub fn display(&self) -> String {
        self.quantity.display(self.asset.decimals)
    }

    /// What it is worth at the reference. Exact.
    #[must_use]
    pub fn value(&self) -> UsdValue {
        self.asset.reference.value_of(self.quantity, self.asset.decimals)
    }
}

/// A rule that a ring was proved to keep, in the order in which they are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Two to six legs, none of an offer twice, and (but for whole lots) none of an asset twice.
    Shape,
    /// Each receives exactly what the next one gives, in the asset that it wants: nothing is left over.
    Conservation,
    /// Nobody delivers to himself.
    OtherParty,
    /// Every offer is valid at the batch's moment.
    Deadlines,
    /// Each receives at least its limit, in integers.
    Limits,
    /// Ring mode: nobody receives less than the band around the references allows.
    Band,
    /// Ring mode: everybody does better than his floor by the same factor, within one smallest unit.
    EqualShares,
    /// Uniform mode: each limit holds at the batch prices.
    BatchPrices,
    /// Uniform mode: all legs are worth the same at the batch prices, within one smallest unit.
    EqualValues,
    /// Over all rings of the batch, offers give no more than they hold, at least their minimum, and all or nothing where
    /// they say so. Proved of whole answers only.
    Quantities,
}

impl Check {
    /// The rule's name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Check::Shape => "shape",
            Check::Conservation => "conservation",
            Check::OtherParty => "other party",
            Check::Deadlines => "deadlines",
            Check::Limits => "limits",
            Check::Band => "band",
            Check::EqualShares => "equal shares",
            Check::BatchPrices => "batch prices",
            Check::EqualValues => "equal values",
            Check::Quantities => "quantities",
        }
    }

    /// The rules that a ring by itself is proved to keep in a mode.
    #[must_use]
    pub const fn of_a_ring(mode: Mode) -> &'static [Check] {
        use Check::{
            Band, BatchPrices, Conservation, Deadlines, EqualShares, EqualValues, Limits, OtherParty, Shape,
        };
        match mode {
            Mode::Ring => &[Shape, Conservation, OtherParty, Deadlines, Limits, Band, EqualShares],
            Mode::Uniform => &[Shape, Conservation, OtherParty, Deadlines, Limits, BatchPrices, EqualValues],
            Mode::Lots => &[Shape, Conservation, OtherParty, Deadlines, Limits],
        }
    }
}

/// Proves one ring by itself and explains it. `prices` are those of the batch that it belongs to, `now` its moment.
///
/// # Errors
/// What is wrong with it, see [`clearing::check_ring`].
pub fn explain_ring(
    book: &Book,
    rules: &Rules,
    now: u64,
    prices: &Prices,
    ring: &Ring,
) -> Result<Explanation, Vec<Fault>> {
    clearing::check_ring(book, rules, now, ring, prices)?;
    Ok(explained(book, rules, ring, Check::of_a_ring(rules.mode).to_vec()))
}

/// Proves an answer and explains its rings, in its order.
///
/// # Errors
/// What is wrong with it, see [`clearing::check`].
pub fn explain_answer(
    book: &Book,
    rules: &Rules,
    now: u64,
    answer: &Answer,
) -> Result<Vec<Explanation>, Vec<Fault>> {
    clearing::check(book, rules, now, answer)?;
    let checks = [Check::of_a_ring(rules.mode), &[Check::Quantities]].concat();
    Ok(answer.rings.iter().map(|ring| explained(book, rules, ring, checks.clone())).collect())
}

/// Explains a ring that has been proved.
fn explained(book: &Book, rules: &Rules, ring: &Ring, checks: Vec<Check>) -> Explanation {
    let offers: Vec<&Offer> = ring
        .legs
        .iter()
        .map(|leg| book.offer(leg.offer).expect("a proved ring names offers of the book"))
        .collect();
    let asset = |key| *book.asset(key).expect("a book holds the assets of its offers");
    let count = offers.len();
    let legs = (0..count)
        .map(|at| {
            let (offer, next) = (offers[at], (at + 1) % count);
            let gives = Parcel { asset: asset(offer.give), quantity: ring.legs[at].give };
            let receives = Parcel { asset: asset(offer.want), quantity: ring.legs[next].give };
            let floor = match rules.mode {
                Mode::Ring => clearing::floor(book, rules, offer),
                Mode::Uniform | Mode::Lots => None,
            };
            let (got, paid) = (wide(receives.quantity), wide(gives.quantity));
            let (want, give) = (wide(offer.want_qty), wide(offer.give_qty));
            let price = |parcel: &Parcel| parcel.asset.reference.per_smallest_unit(0).raw();
            ExplainedLeg {
                offer: *offer,
                to: offers[(at + count - 1) % count].party,
                from: offers[next].party,
                rate: in_whole_units(&gives, got, &receives, paid),
                limit: in_whole_units(&gives, want, &receives, give),
                reference: ratio(price(&gives), price(&receives)),
                over_limit: ratio(got * give, paid * want),
                over_reference: ratio(receives.value().raw(), gives.value().raw()),
                over_floor: floor.map(|floor| ratio(got * floor.den(), paid * floor.num())),
                gives,
                receives,
            }
        })
        .collect();
    Explanation {
        legs,
        value: clearing::ring_value(book, ring),
        valid_until: offers.iter().map(|offer| offer.valid_until).min().unwrap_or_default(),
        checks,
    }
}

/// `received / given` smallest units as whole units: 10^27 * 10^18 at most on either side.
fn in_whole_units(gives: &Parcel, received: U256, receives: &Parcel, given: U256) -> Ratio {
    ratio(received * ten_to(gives.asset.decimals), given * ten_to(receives.asset.decimals))
}

fn ratio(num: U256, den: U256) -> Ratio {
    Ratio::new(num, den).expect("offers and legs of a proved ring give and want more than nothing")
}

fn wide(amount: Amount) -> U256 {
    U256::from(amount.get())
}

fn ten_to(decimals: u8) -> U256 {
    U256::from(10u128.pow(u32::from(decimals)))
}
