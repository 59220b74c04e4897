//! The answer: rings, the rules they follow, and the batch prices of uniform mode.

use crate::{Amount, AssetKey, OfferKey, Price};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// The most legs that any rules allow a ring.
pub const MAX_LEGS: usize = 6;

/// One leg of a ring: what an offer gives in it. It receives what the next leg gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Leg {
    /// The offer.
    pub offer: OfferKey,
    /// What it gives, in smallest units of its give asset, above 0.
    pub give: Amount,
}

/// Two to six legs; each receives what the next gives, the last what the first gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Ring {
    /// The legs in order.
    pub legs: Vec<Leg>,
}

/// How rates come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Mode {
    /// Each ring shares its surplus equally above the floors of its legs.
    Ring,
    /// One published price per asset for the whole batch.
    Uniform,
    /// Whole lots only.
    Lots,
}

impl Mode {
    /// The mode's name in files and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Ring => "ring",
            Mode::Uniform => "uniform",
            Mode::Lots => "lots",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The fairness band around the reference, in parts per million, at most a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Band(u32);

impl Band {
    /// Two per cent, the default.
    pub const DEFAULT: Band = Band(20_000);
    /// One whole in parts per million.
    pub const WHOLE_PPM: u32 = 1_000_000;

    /// A band of `ppm` parts per million.
    ///
    /// # Errors
    /// [`RulesError::BandTooWide`] above a whole.
    pub const fn from_ppm(ppm: u32) -> Result<Band, RulesError> {
        if ppm > Band::WHOLE_PPM { Err(RulesError::BandTooWide) } else { Ok(Band(ppm)) }
    }

    /// Parts per million.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }
}

impl BorshDeserialize for Band {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Band> {
        Band::from_ppm(u32::deserialize_reader(reader)?)
            .map_err(|e| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, e))
    }
}

impl std::str::FromStr for Band {
    type Err = RulesError;

    /// Reads a decimal share of at most six places, `0.02`.
    fn from_str(text: &str) -> Result<Band, RulesError> {
        let ppm = Amount::parse_decimal(text, 6).map_err(|_| RulesError::BandNotADecimal)?.get();
        Band::from_ppm(u32::try_from(ppm).map_err(|_| RulesError::BandTooWide)?)
    }
}

/// Why rules are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A band above the whole.
    #[error("the band is wider than 1")]
    BandTooWide,
    /// Not a decimal share with at most six places.
    #[error("the band is not a decimal share with at most six places, such as 0.02")]
    BandNotADecimal,
}

/// The rules of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// How rates come about.
    pub mode: Mode,
    /// The fairness band; lots mode ignores it.
    pub band: Band,
    /// The most legs of a ring, 2 to [`MAX_LEGS`]; a larger number counts as that.
    pub max_assets: u8,
}

impl Default for Rules {
    /// Ring mode, two per cent, six assets.
    fn default() -> Rules {
        Rules { mode: Mode::Ring, band: Band::DEFAULT, max_assets: 6 }
    }
}

/// Batch prices of uniform mode; an asset that is not listed trades at its reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Prices(Vec<(AssetKey, Price)>);

impl Prices {
    /// Takes prices per whole unit. Of two prices for one asset [`crate::check`] makes a fault.
    #[must_use]
    pub fn new(mut prices: Vec<(AssetKey, Price)>) -> Prices {
        prices.sort_by_key(|(key, _)| *key);
        Prices(prices)
    }

    /// The prices, by asset if they were made by [`Prices::new`].
    #[must_use]
    pub fn as_slice(&self) -> &[(AssetKey, Price)] {
        &self.0
    }
}

/// A clearing that somebody proposes.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// The rings.
    pub rings: Vec<Ring>,
    /// Batch prices, in uniform mode only; empty means the references.
    pub prices: Prices,
}
