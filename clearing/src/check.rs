//! The exact check of an answer.

use crate::{Amount, Answer, AssetKey, Book, MAX_LEGS, Mode, Offer, OfferKey, Ratio, Ring, Rules, UsdValue};
use ruint::aliases::U256;
use std::collections::{BTreeMap, BTreeSet};

/// At most so many faults are reported.
pub const MAX_FAULTS: usize = 64;

/// In uniform mode an offer of several rings has legs of at least so many smallest units, or rings of exactly equal
/// values.
pub const ROUGH_LEG: u128 = 100;

/// What a correct answer amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The sum over legs of reference price times quantity given.
    pub value: UsdValue,
    /// The number of legs.
    pub legs: usize,
    /// What each offer gives over all rings.
    pub given: BTreeMap<OfferKey, Amount>,
}

/// One breach of the rules. `ring` is the position of the ring in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A batch price of an asset that the book does not hold.
    #[error("asset {0} has a batch price but is not in the book")]
    UnknownPrice(AssetKey),
    /// Two batch prices, or prices out of order.
    #[error("batch prices are not in order at asset {0}")]
    PricesUnordered(AssetKey),
    /// A batch price outside of the band around the reference.
    #[error("the batch price of asset {0} leaves the band")]
    PriceOutsideBand(AssetKey),
    /// Batch prices where the mode has none.
    #[error("only uniform mode has batch prices")]
    PricesNotAllowed,
    /// Too few or too many legs.
    #[error("ring {ring} has {legs} legs")]
    Legs {
        /// The ring.
        ring: usize,
        /// Its number of legs.
        legs: usize,
    },
    /// An offer that the book does not hold.
    #[error("ring {ring} names offer {offer}, which is not in the book")]
    UnknownOffer {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// An offer twice in a ring.
    #[error("ring {ring} uses offer {offer} twice")]
    OfferTwice {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// An asset twice in a ring.
    #[error("ring {ring} gives asset {asset} twice")]
    AssetTwice {
        /// The ring.
        ring: usize,
        /// The asset.
        asset: AssetKey,
    },
    /// A leg that gives nothing.
    #[error("ring {ring}: offer {offer} gives nothing")]
    GivesNothing {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// A leg that receives another asset than it wants.
    #[error("ring {ring}: offer {offer} does not get the asset that it wants")]
    WrongAsset {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// A party that would deliver to itself.
    #[error("ring {ring}: the party of offer {offer} delivers to itself")]
    SelfDelivery {
        /// The ring.
        ring: usize,
        /// The offer that receives.
        offer: OfferKey,
    },
    /// An offer that is not valid at the batch's time.
    #[error("ring {ring}: offer {offer} is not valid now")]
    NotValid {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// Less received than the limit asks.
    #[error("ring {ring}: offer {offer} receives less than its limit")]
    LimitBroken {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// Less received than the band around the reference allows.
    #[error("ring {ring}: offer {offer} receives less than the band allows")]
    BelowFloor {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// The surplus is not shared equally within one smallest unit.
    #[error("ring {ring}: its improvement is not shared equally")]
    UnequalShares {
        /// The ring.
        ring: usize,
    },
    /// The offer's limit does not hold at the batch prices.
    #[error("ring {ring}: the limit of offer {offer} does not hold at the batch prices")]
    NotLive {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// No common value within one smallest unit of every leg.
    #[error("ring {ring}: its legs differ in value")]
    UnequalValues {
        /// The ring.
        ring: usize,
    },
    /// A small leg of unequal value beside another ring of the same offer.
    #[error(
        "ring {ring}: offer {offer} has a leg under {ROUGH_LEG} smallest units of unequal value beside another ring"
    )]
    RoughLeg {
        /// The ring.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// More given than offered.
    #[error("offer {offer} gives more than it offers")]
    OverFilled {
        /// The offer.
        offer: OfferKey,
    },
    /// An all-or-none offer filled in part.
    #[error("offer {offer} is all or none and filled in part")]
    PartlyFilled {
        /// The offer.
        offer: OfferKey,
    },
    /// Less given than the offer's minimum.
    #[error("offer {offer} is filled under its minimum")]
    UnderMinimum {
        /// The offer.
        offer: OfferKey,
    },
    /// A lot that is split or in two rings.
    #[error("offer {offer} is a lot that is split or in two rings")]
    LotSplit {
        /// The offer.
        offer: OfferKey,
    },
}

/// Proves `answer` against `book` under `rules` at `now` (epoch seconds).
///
/// # Errors
/// The faults found, at most [`MAX_FAULTS`]: of the prices, then of the rings in order, then of the offers by key.
pub fn check(book: &Book, rules: &Rules, now: u64, answer: &Answer) -> Result<Report, Vec<Fault>> {
    let mut faults = Vec::new();
    let units = unit_prices(book, rules, answer, &mut faults);
    let mut given: BTreeMap<OfferKey, (u128, u32)> = BTreeMap::new();
    let mut rough: Vec<(usize, OfferKey, Amount)> = Vec::new();
    let mut value = UsdValue::ZERO;
    let mut legs = 0;
    for (at, ring) in answer.rings.iter().enumerate() {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        legs += ring.legs.len();
        let Some(found) = find_legs(book, rules, at, ring, &mut faults) else { continue };
        prove_ring(book, rules, now, at, &found, &units, &mut faults);
        let priced = rules.mode == Mode::Uniform && {
            let worth = |&(at, give): &(usize, Amount)| units[give_index(book, at)].times(give);
            found.windows(2).any(|pair| worth(&pair[0]) != worth(&pair[1]))
        };
        for &(index, give) in &found {
            let offer = &book.offers()[index];
            let entry = given.entry(offer.key).or_default();
            entry.0 = entry.0.saturating_add(give.get());
            entry.1 += 1;
            value = [value, reference_value(book, offer, give)].into_iter().sum();
            if priced && give.get() < ROUGH_LEG {
                rough.push((at, offer.key, give));
            }
        }
    }
    for (&key, &(sum, rings)) in &given {
        let Some(offer) = book.offer(key) else { continue };
        if sum > offer.give_qty.get() {
            faults.push(Fault::OverFilled { offer: key });
        } else if rules.mode == Mode::Lots {
            if rings > 1 || sum != offer.give_qty.get() {
                faults.push(Fault::LotSplit { offer: key });
            }
        } else if !offer.divisible && sum != offer.give_qty.get() {
            faults.push(Fault::PartlyFilled { offer: key });
        } else if sum < offer.min_fill.get() {
            faults.push(Fault::UnderMinimum { offer: key });
        }
    }
    for (ring, offer, _) in rough {
        if given.get(&offer).is_some_and(|(_, rings)| *rings > 1) {
            faults.push(Fault::RoughLeg { ring, offer });
        }
    }
    if !faults.is_empty() {
        faults.truncate(MAX_FAULTS);
        return Err(faults);
    }
    let given = given
        .into_iter()
        .map(|(key, (sum, _))| (key, Amount::new(sum).expect("no offer gives more than an amount")))
        .collect();
    Ok(Report { value, legs, given })
}

/// Proves one ring by itself: everything but what concerns an offer over several rings. `prices` are those of the
/// answer that it belongs to.
///
/// # Errors
/// The ring's faults, with 0 for its position.
pub fn check_ring(
    book: &Book,
    rules: &Rules,
    now: u64,
    ring: &Ring,
    prices: &crate::Prices,
) -> Result<UsdValue, Vec<Fault>> {
    let mut faults = Vec::new();
    let answer = Answer { rings: Vec::new(), prices: prices.clone() };
    let units = unit_prices(book, rules, &answer, &mut faults);
    if let Some(found) = find_legs(book, rules, 0, ring, &mut faults) {
        prove_ring(book, rules, now, 0, &found, &units, &mut faults);
    }
    if faults.is_empty() { Ok(ring_value(book, ring)) } else { Err(faults) }
}

/// What a ring is worth at the reference prices; legs that the book does not know count nothing.
#[must_use]
pub fn ring_value(book: &Book, ring: &Ring) -> UsdValue {
    ring.legs
        .iter()
        .filter_map(|leg| book.offer(leg.offer).map(|offer| reference_value(book, offer, leg.give)))
        .sum()
}

/// The least that `offer` must receive per smallest unit given in ring mode: the larger of its limit and
/// (1 - band) times the reference rate, exactly. `None` if the book lacks one of its assets.
#[must_use]
pub fn floor(book: &Book, rules: &Rules, offer: &Offer) -> Option<Ratio> {
    let give = book.asset(offer.give)?;
    let want = book.asset(offer.want)?;
    let limit = Ratio::of(U256::from(offer.want_qty.get()), U256::from(offer.give_qty.get()));
    let kept = crate::Band::WHOLE_PPM - rules.band.ppm();
    let banded = Ratio::of(
        give.reference.per_smallest_unit(give.decimals).raw() * U256::from(kept),
        want.reference.per_smallest_unit(want.decimals).raw() * U256::from(crate::Band::WHOLE_PPM),
    );
    Some(limit.max(banded))
}

fn give_index(book: &Book, offer: usize) -> usize {
    book.asset_index(book.offers()[offer].give).expect("a book holds the assets of its offers")
}

fn reference_value(book: &Book, offer: &Offer, give: Amount) -> UsdValue {
    book.asset(offer.give).map_or(UsdValue::ZERO, |asset| asset.reference.value_of(give, asset.decimals))
}

/// The batch's price of one smallest unit per asset, in the book's order.
fn unit_prices(book: &Book, rules: &Rules, answer: &Answer, faults: &mut Vec<Fault>) -> Vec<UsdValue> {
    if rules.mode != Mode::Uniform {
        if !answer.prices.as_slice().is_empty() {
            faults.push(Fault::PricesNotAllowed);
        }
        return Vec::new();
    }
    let mut units: Vec<UsdValue> =
        book.assets().iter().map(|asset| asset.reference.per_smallest_unit(asset.decimals)).collect();
    let mut last = None;
    for &(key, price) in answer.prices.as_slice() {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        if last.is_some_and(|last| key <= last) {
            faults.push(Fault::PricesUnordered(key));
            continue;
        }
        last = Some(key);
        let Some(at) = book.asset_index(key) else {
            faults.push(Fault::UnknownPrice(key));
            continue;
        };
        let reference = units[at].raw();
        let unit = price.per_smallest_unit(book.assets()[at].decimals);
        let apart = unit.raw().abs_diff(reference);
        if apart * U256::from(crate::Band::WHOLE_PPM) > reference * U256::from(rules.band.ppm()) {
            faults.push(Fault::PriceOutsideBand(key));
        }
        units[at] = unit;
    }
    units
}

/// Resolves the legs to offers' places in the book; `None` if the ring's shape is wrong.
fn find_legs(
    book: &Book,
    rules: &Rules,
    at: usize,
    ring: &Ring,
    faults: &mut Vec<Fault>,
) -> Option<Vec<(usize, Amount)>> {
    let legs = ring.legs.len();
    if !(2..=usize::from(rules.max_assets).min(MAX_LEGS)).contains(&legs) {
        faults.push(Fault::Legs { ring: at, legs });
        return None;
    }
    let before = faults.len();
    let mut offers = BTreeSet::new();
    let mut assets = BTreeSet::new();
    let mut found = Vec::with_capacity(legs);
    for leg in &ring.legs {
        let Some(index) = book.offer_index(leg.offer) else {
            faults.push(Fault::UnknownOffer { ring: at, offer: leg.offer });
            continue;
        };
        let give = book.offers()[index].give;
        if !offers.insert(leg.offer) {
            faults.push(Fault::OfferTwice { ring: at, offer: leg.offer });
        } else if !assets.insert(give) && rules.mode != Mode::Lots {
            faults.push(Fault::AssetTwice { ring: at, asset: give });
        }
        found.push((index, leg.give));
    }
    (faults.len() == before).then_some(found)
}

fn prove_ring(
    book: &Book,
    rules: &Rules,
    now: u64,
    at: usize,
    found: &[(usize, Amount)],
    units: &[UsdValue],
    faults: &mut Vec<Fault>,
) {
    let one = U256::from(1);
    let wide = |amount: Amount| U256::from(amount.get());
    let before = faults.len();
    let mut least: Option<Ratio> = None; // the least upper end of the legs' improvements
    let mut most: Option<Ratio> = None; // the greatest lower end
    for (pos, &(index, gives)) in found.iter().enumerate() {
        let offer = &book.offers()[index];
        let (next_index, receives) = found[(pos + 1) % found.len()];
        let next = &book.offers()[next_index];
        let (ring, key) = (at, offer.key);
        if gives.is_zero() {
            faults.push(Fault::GivesNothing { ring, offer: key });
            continue;
        }
        if offer.want != next.give {
            faults.push(Fault::WrongAsset { ring, offer: key });
            continue;
        }
        if offer.party == next.party {
            faults.push(Fault::SelfDelivery { ring, offer: key });
        }
        if !offer.is_valid_at(now) {
            faults.push(Fault::NotValid { ring, offer: key });
        }
        if wide(receives) * wide(offer.give_qty) < wide(gives) * wide(offer.want_qty) {
            faults.push(Fault::LimitBroken { ring, offer: key });
        }
        match rules.mode {
            Mode::Lots => {}
            Mode::Uniform => {
                let (give, want) = (give_index(book, index), give_index(book, next_index));
                if units[want].times(offer.want_qty) > units[give].times(offer.give_qty) {
                    faults.push(Fault::NotLive { ring, offer: key });
                }
            }
            Mode::Ring => {
                let floor = floor(book, rules, offer).expect("a book holds the assets of its offers");
                // Products stay below 10^76: amounts 10^27, floors 10^48 over 10^48.
                let improvement = |num: U256, den: U256| Ratio::of(num * floor.den(), den * floor.num());
                let (nq, q) = (wide(receives), wide(gives));
                if Ratio::of(nq, q) < floor {
                    faults.push(Fault::BelowFloor { ring, offer: key });
                }
                let low = improvement(nq.saturating_sub(one), q + one);
                let high = improvement(nq + one, (q - one).max(one));
                most = Some(most.map_or(low, |m| m.max(low)));
                least = Some(least.map_or(high, |l| l.min(high)));
            }
        }
    }
    if faults.len() > before {
        return;
    }
    if let (Some(most), Some(least)) = (most, least)
        && most > least
    {
        faults.push(Fault::UnequalShares { ring: at });
    }
    if rules.mode == Mode::Uniform {
        let unit = |index: usize| units[give_index(book, index)].raw();
        let from = found.iter().map(|&(index, give)| unit(index) * wide(give)).max();
        let below = found.iter().map(|&(index, give)| unit(index) * (wide(give) + one)).min();
        if from >= below {
            faults.push(Fault::UnequalValues { ring: at });
        }
    }
}
