//! Writes what each ring of an answer means to those in it.

use super::writer::{USD_PLACES, write_file};
use super::{FileError, NamedBook};
use crate::explanation::{Check, ExplainedLeg, Explanation, Parcel};
use clearing::{OfferKey, UsdValue};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Decimal places of rates in files, rounded down.
pub const RATE_PLACES: u8 = 12;

/// Decimal places of gains in files, which are shares, rounded down: `0.012345` is 1.2345 %.
pub const GAIN_PLACES: u8 = 6;

/// What the ring at this place of an answer, from 0, is called in files.
#[must_use]
pub fn ring_name(at: usize) -> String {
    format!("R{:06}", at.saturating_add(1))
}

#[derive(Serialize)]
struct Ring<'a> {
    ring_id: String,
    value_usd: String,
    shipments: usize,
    valid_until: u64,
    checks: Vec<&'static str>,
    legs: Vec<Leg<'a>>,
}

#[derive(Serialize)]
struct Leg<'a> {
    pos: usize,
    offer_id: &'a str,
    party: &'a str,
    gives: Goods<'a>,
    to: &'a str,
    receives: Goods<'a>,
    from: &'a str,
    rate: String,
    limit: String,
    reference_rate: String,
    gain_over_limit: String,
    gain_over_reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gain_over_floor: Option<String>,
    valid_until: u64,
    offered: String,
    least: String,
    given_in_all: String,
}

#[derive(Serialize)]
struct Goods<'a> {
    asset: &'a str,
    units: String,
    quantity: String,
    value_usd: String,
}

/// Writes `rings.json`: an array with one ring per line, in the order of the answer.
///
/// # Errors
/// [`Reason::Io`](super::Reason::Io).
pub fn write_explanations(path: &Path, book: &NamedBook, rings: &[Explanation]) -> Result<(), FileError> {
    let mut given: BTreeMap<OfferKey, u128> = BTreeMap::new();
    for leg in rings.iter().flat_map(|ring| &ring.legs) {
        *given.entry(leg.offer.key).or_default() += leg.gives.quantity.get();
    }
    write_file(path, |file| {
        for (at, ring) in rings.iter().enumerate() {
            file.write_all(if at == 0 { b"[\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *file, &shown(book, &given, at, ring))?;
        }
        file.write_all(if rings.is_empty() { b"[]\n" } else { b"\n]\n" })
    })
}

fn shown<'a>(
    book: &'a NamedBook,
    given: &BTreeMap<OfferKey, u128>,
    at: usize,
    ring: &Explanation,
) -> Ring<'a> {
    let usd = |value: UsdValue| value.display(USD_PLACES);
    let goods = |parcel: &Parcel| Goods {
        asset: book.asset_name(parcel.asset.key),
        units: parcel.quantity.to_string(),
        quantity: parcel.display(),
        value_usd: usd(parcel.value()),
    };
    let leg = |(pos, leg): (usize, &ExplainedLeg)| Leg {
        pos,
        offer_id: book.offer_name(leg.offer.key),
        party: book.party_name(leg.offer.party),
        gives: goods(&leg.gives),
        to: book.party_name(leg.to),
        receives: goods(&leg.receives),
        from: book.party_name(leg.from),
        rate: leg.rate.display(RATE_PLACES),
        limit: leg.limit.display(RATE_PLACES),
        reference_rate: leg.reference.display(RATE_PLACES),
        gain_over_limit: leg.over_limit.display_gain(GAIN_PLACES),
        gain_over_reference: leg.over_reference.display_gain(GAIN_PLACES),
        gain_over_floor: leg.over_floor.as_ref().map(|gain| gain.display_gain(GAIN_PLACES)),
        valid_until: leg.offer.valid_until,
        offered: leg.offer.give_qty.to_string(),
        least: leg.offer.least_fill().to_string(),
        given_in_all: given.get(&leg.offer.key).copied().unwrap_or_default().to_string(),
    };
    Ring {
        ring_id: ring_name(at),
        value_usd: usd(ring.value),
        shipments: ring.legs.len(),
        valid_until: ring.valid_until,
        checks: ring.checks.iter().copied().map(Check::name).collect(),
        legs: ring.legs.iter().enumerate().map(leg).collect(),
    }
}
