//! From real volumes to whole smallest units: quantities that hold every limit and floor exactly.
//!
//! Where units are coarse and little surplus is to be shared, few volumes of a ring hold at all. Of the 250 rings of an
//! optimum in reals of the synthetic book `s1k_sparse`, whose units are worth up to 203 USD, 43 hold at none of the sixty
//! volumes below. Rings that hold at some volume could still come to 99.98 % of that optimum; the best answer in whole
//! units that a mixed-integer programme found in twenty minutes is 99.61 % of it.

use crate::pool::Candidate;
use crate::scene::{Scene, float};
use clearing::Mode;
use ruint::Uint;
use ruint::aliases::{U256, U512};

/// What each leg gives, in smallest units.
pub(crate) type Quantities = [u128; 6];

/// How many volumes below the wanted one are tried before a ring is given up.
const TRIES: u128 = 24;

/// Finds quantities near `volume` (USD per share) that keep every rule within one ring and give at most `room`.
/// With `exactly`, that leg gives that quantity; otherwise the leg `leader`, if any, is followed closest.
pub(crate) fn realise(
    scene: &Scene,
    ring: &Candidate,
    volume: f64,
    room: &Quantities,
    exactly: Option<(usize, u128)>,
    leader: Option<usize>,
) -> Option<Quantities> {
    let legs = ring.offers().len();
    if room[..legs].contains(&0) {
        return None;
    }
    let (shares, _) = ring.shares(scene);
    let price = |leg: usize| scene.unit[scene.offer(ring.offers()[leg]).give as usize];
    let wanted = |leg: usize| volume * shares[leg] / price(leg);
    // The leg whose smallest unit is worth most moves in steps, the others follow.
    let coarse = (0..legs).max_by(|a, b| (price(*a) / shares[*a]).total_cmp(&(price(*b) / shares[*b])))?;
    // A leg that is to be emptied leads, so that nothing is left over.
    let full = (0..legs)
        .filter(|leg| wanted(*leg) >= float(room[*leg]) * (1.0 - 1e-6))
        .max_by(|a, b| (price(*a) / shares[*a]).total_cmp(&(price(*b) / shares[*b])));
    let mut leads: Vec<(usize, u128, u128)> = Vec::with_capacity(3);
    if let Some((leg, quantity)) = exactly {
        leads.push((leg, quantity, 1));
    } else {
        if let Some(leader) = leader {
            leads.push((leader, whole(wanted(leader).round()).min(room[leader]), 2));
        }
        if let Some(full) = full {
            leads.push((full, room[full], 4));
        }
        let from = whole(wanted(coarse) * (1.0 + 1e-9)).min(room[coarse]);
        leads.push((coarse, from, TRIES));
    }
    for (lead, from, tries) in leads {
        let below = (0..tries).map_while(|step| from.checked_sub(step).filter(|q| *q > 0));
        // Where nothing smaller holds, a little more might.
        let more = if tries == TRIES && scene.offers.len() <= FEW { TRIES_ABOVE } else { 0 };
        let above = from + 1..=room[lead].min(from + more);
        for quantity in below.chain(above) {
            let found = match scene.mode {
                Mode::Uniform => equal_values(scene, ring, lead, quantity, room),
                _ => equal_shares(scene, ring, lead, quantity, room, &shares),
            };
            if let Some(found) = found
                && exactly.is_none_or(|(leg, quantity)| found[leg] == quantity)
            {
                return Some(found);
            }
        }
    }
    None
}

/// How many volumes above it are tried where none below will do.
const TRIES_ABOVE: u128 = 3;

/// Books of up to so many offers have few rings to choose from, and each is worth more care. In larger ones others take
/// its place.
pub(crate) const FEW: usize = 4_000;

/// The whole part of a float that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, which is meant")]
pub(crate) fn whole(number: f64) -> u128 {
    number.max(0.0) as u128
}

/// Uniform mode: everybody gives what is worth the same at the references, rounded down.
fn equal_values(
    scene: &Scene,
    ring: &Candidate,
    lead: usize,
    quantity: u128,
    room: &Quantities,
) -> Option<Quantities> {
    let unit = |leg: usize| scene.exact_unit[scene.offer(ring.offers()[leg]).give as usize];
    let value = unit(lead) * U256::from(quantity);
    let mut found = [0; 6];
    for (leg, _) in ring.offers().iter().enumerate() {
        found[leg] = u128::try_from(value / unit(leg)).ok()?;
        if found[leg] == 0 || found[leg] > room[leg] {
            return None;
        }
    }
    limits_hold(scene, ring, &found).then_some(found)
}

/// Uniform mode: whether one value stands for what every leg gives, and every limit holds.
pub(crate) fn values_hold(scene: &Scene, ring: &Candidate, found: &Quantities) -> bool {
    let unit = |leg: usize| scene.exact_unit[scene.offer(ring.offers()[leg]).give as usize];
    let legs = 0..ring.offers().len();
    // From the highest value that a leg gives to the lowest that is too much for one.
    let low = legs.clone().map(|leg| unit(leg) * U256::from(found[leg])).max();
    let high = legs.map(|leg| unit(leg) * (U256::from(found[leg]) + U256::from(1))).min();
    low < high && limits_hold(scene, ring, found)
}

/// Whether every leg receives at least its limit.
pub(crate) fn limits_hold(scene: &Scene, ring: &Candidate, found: &Quantities) -> bool {
    let legs = ring.offers().len();
    ring.offers().iter().enumerate().all(|(leg, at)| {
        let offer = scene.offer(*at);
        let (gives, receives) = (found[leg], found[(leg + 1) % legs]);
        U256::from(receives) * U256::from(offer.give_qty) >= U256::from(gives) * U256::from(offer.want_qty)
    })
}

/// Ring mode: equal shares of the surplus, within one smallest unit, led by one leg's quantity.
fn equal_shares(
    scene: &Scene,
    ring: &Candidate,
    lead: usize,
    quantity: u128,
    room: &Quantities,
    shares: &[f64; 6],
) -> Option<Quantities> {
    let legs = ring.offers().len();
    let mut ideal = [0u128; 6];
    let price = |leg: usize| scene.unit[scene.offer(ring.offers()[leg]).give as usize];
    let scale = float(quantity) * price(lead) / shares[lead];
    let largest = (0..legs).map(|leg| scale * shares[leg] / price(leg)).fold(0.0, f64::max);
    if largest < FLOATS_SUFFICE {
        for (leg, ideal) in ideal.iter_mut().enumerate().take(legs) {
            *ideal = whole((scale * shares[leg] / price(leg)).round());
        }
        ideal[lead] = quantity;
    } else {
        ideal = wide_shares(scene, ring, lead, quantity)?;
    }
    for (ideal, room) in ideal.iter_mut().zip(room).take(legs) {
        *ideal = (*ideal).clamp(1, (*room).max(1));
    }
    let mut found = settle(scene, ring, lead, &ideal, room)?;
    // One more unit where it still fits: worth having when a unit is a lorry.
    for _ in 0..2 {
        for leg in 0..legs {
            if found[leg] < room[leg] && leg != lead {
                found[leg] += 1;
                if !shares_hold(scene, ring, &found) {
                    found[leg] -= 1;
                }
            }
        }
    }
    Some(found)
}

/// Below this many units the rounding errors of floats are far below one unit.
const FLOATS_SUFFICE: f64 = 1e12;

/// Rounds `ideal` to quantities that hold, leaving the lead alone.
fn settle(
    scene: &Scene,
    ring: &Candidate,
    lead: usize,
    ideal: &Quantities,
    room: &Quantities,
) -> Option<Quantities> {
    if (0..ring.offers().len()).all(|leg| ideal[leg] <= room[leg]) && shares_hold(scene, ring, ideal) {
        return Some(*ideal);
    }
    // Walk against the deliveries: each leg gives at most what its receipt allows at its floor.
    let legs = ring.offers().len();
    let mut lowered = *ideal;
    let mut leg = lead;
    for _ in 1..legs {
        let before = (leg + legs - 1) % legs;
        let floor = scene.offer(ring.offers()[before]).exact?;
        let most: Uint<512, 8> = U256::from(lowered[leg]).widening_mul(floor.den());
        let most = most / U512::from(floor.num());
        let most = u128::try_from(most).unwrap_or(u128::MAX);
        lowered[before] = lowered[before].min(most);
        leg = before;
    }
    let fits = lowered.iter().zip(room).take(legs).all(|(gives, room)| (1..=*room).contains(gives));
    if fits && shares_hold(scene, ring, &lowered) {
        return Some(lowered);
    }
    // Coarse units: look one unit around, highest sum of quantities first by construction of the order.
    if (0..legs).all(|leg| ideal[leg] > COARSE) {
        return None;
    }
    let others: Vec<usize> = (0..legs).filter(|leg| *leg != lead).collect();
    let many = 3usize.pow(u32::try_from(others.len()).ok()?);
    let mut best: Option<(f64, Quantities)> = None;
    for code in 0..many {
        let mut tried = *ideal;
        let mut code = code;
        for &leg in &others {
            tried[leg] = match code % 3 {
                0 => ideal[leg] + 1,
                1 => ideal[leg],
                _ => ideal[leg].saturating_sub(1),
            };
            code /= 3;
        }
        let fits = (0..legs).all(|leg| (1..=room[leg]).contains(&tried[leg]));
        if fits {
            let worth: f64 = (0..legs)
                .map(|leg| float(tried[leg]) * scene.unit[scene.offer(ring.offers()[leg]).give as usize])
                .sum();
            if best.is_none_or(|(most, _)| worth > most) && shares_hold(scene, ring, &tried) {
                best = Some((worth, tried));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// Quantities up to this are looked at one by one.
const COARSE: u128 = 2_000;

/// Whether every floor holds and the improvements agree within one smallest unit, exactly as the check demands.
pub(crate) fn shares_hold(scene: &Scene, ring: &Candidate, found: &Quantities) -> bool {
    let legs = ring.offers().len();
    if let Some(clear) = clearly_hold(scene, ring, found) {
        return clear;
    }
    // The greatest lower end and the least upper end of the improvements, as fractions.
    let mut most: Option<(U256, U256)> = None;
    let mut least: Option<(U256, U256)> = None;
    let below = |a: &(U256, U256), b: &(U256, U256)| {
        let left: U512 = a.0.widening_mul(b.1);
        let right: U512 = b.0.widening_mul(a.1);
        left < right
    };
    for (leg, at) in ring.offers().iter().enumerate() {
        let Some(floor) = scene.offer(*at).exact else { return false };
        let (gives, receives) = (U256::from(found[leg]), U256::from(found[(leg + 1) % legs]));
        let one = U256::from(1);
        let (num, den) = (floor.num(), floor.den());
        if receives * den < gives * num {
            return false;
        }
        let low = (receives.saturating_sub(one) * den, (gives + one) * num);
        let high = ((receives + one) * den, gives.saturating_sub(one).max(one) * num);
        if most.as_ref().is_none_or(|most| below(most, &low)) {
            most = Some(low);
        }
        if least.as_ref().is_none_or(|least| below(&high, least)) {
            least = Some(high);
        }
    }
    match (most, least) {
        (Some(most), Some(least)) => !below(&least, &most),
        _ => false,
    }
}

/// What [`shares_hold`] says, where floats leave no doubt.
fn clearly_hold(scene: &Scene, ring: &Candidate, found: &Quantities) -> Option<bool> {
    /// Far more than what rounding may cost a product of a few floats.
    const DOUBT: f64 = 1e-10;
    let legs = ring.offers().len();
    let (mut slack, mut most, mut least) = (f64::INFINITY, 0.0f64, f64::INFINITY);
    for (leg, at) in ring.offers().iter().enumerate() {
        let rate = scene.offer(*at).rate;
        let (gives, receives) = (float(found[leg]), float(found[(leg + 1) % legs]));
        slack = slack.min(receives / (gives * rate));
        most = most.max((receives - 1.0) / ((gives + 1.0) * rate));
        least = least.min((receives + 1.0) / ((gives - 1.0).max(1.0) * rate));
    }
    if slack < 1.0 - DOUBT || most > least * (1.0 + DOUBT) {
        return Some(false);
    }
    (slack > 1.0 + DOUBT && most < least * (1.0 - DOUBT)).then_some(true)
}

type Wide = Uint<1024, 16>;

/// Binary places of the wide fixed-point numbers.
const PLACES: usize = 140;

/// The ideal quantities in fixed point, for amounts beyond the reach of floats.
fn wide_shares(scene: &Scene, ring: &Candidate, lead: usize, quantity: u128) -> Option<Quantities> {
    let legs = ring.offers().len();
    let one = Wide::from(1) << PLACES;
    // Floors in value: USD asked per USD given.
    let mut floors = [Wide::ZERO; 6];
    let mut product = one;
    for (leg, at) in ring.offers().iter().enumerate() {
        let offer = scene.offer(*at);
        let exact = offer.exact?;
        let num = Wide::from(exact.num()) * Wide::from(scene.exact_unit[offer.want as usize]);
        let den = Wide::from(exact.den()) * Wide::from(scene.exact_unit[offer.give as usize]);
        floors[leg] = (num << PLACES) / den;
        product = (product * floors[leg]) >> PLACES;
    }
    if product.is_zero() {
        return None;
    }
    // 1 / product, raised to fit a whole root: (x * 2^(P*k))^(1/k) = x^(1/k) * 2^P.
    let inverse = (one << PLACES) / product;
    let slack = (inverse << (PLACES * (legs - 1))).root(legs);
    let mut ideal = [0; 6];
    ideal[lead] = quantity;
    let lead_unit = Wide::from(scene.exact_unit[scene.offer(ring.offers()[lead]).give as usize]);
    // The lead's worth in fixed point; each next leg gives what this one receives.
    let mut worth = (Wide::from(quantity) * lead_unit) << PLACES;
    let mut leg = lead;
    for _ in 1..legs {
        worth = (((worth * floors[leg]) >> PLACES) * slack) >> PLACES;
        leg = (leg + 1) % legs;
        let unit = Wide::from(scene.exact_unit[scene.offer(ring.offers()[leg]).give as usize]);
        let rounded = (worth + ((unit << PLACES) >> 1)) / (unit << PLACES);
        ideal[leg] = u128::try_from(rounded).ok()?;
    }
    Some(ideal)
}
