//! Valuations in USD: prices per whole unit and exact sums.

use crate::Amount;
use borsh::{BorshDeserialize, BorshSerialize, io};
use ruint::aliases::U256;
use std::{fmt, iter::Sum, str::FromStr};

/// The most decimal places of an asset.
pub const MAX_DECIMALS: u8 = 18;

/// Decimal places of a [`UsdValue`]: twelve of the price and eighteen of the asset.
const VALUE_SCALE: u8 = 30;

/// An exact decimal price, USD per whole unit of an asset: `mantissa / 10^scale`, above 0 and at most 10^12, with
/// at most twelve decimal places. Trailing zeros are dropped, so equal prices are equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize)]
pub struct Price {
    mantissa: u128,
    scale: u8,
}

/// Why a price is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not a plain decimal number such as `14982.05`.
    #[error("not a plain decimal number")]
    NotANumber,
    /// Zero.
    #[error("price is zero")]
    Zero,
    /// More than 10^12 USD per whole unit.
    #[error("price exceeds 10^12 USD")]
    TooLarge,
    /// More than twelve decimal places.
    #[error("price has more than {} decimal places", Price::MAX_SCALE)]
    TooPrecise,
}

impl Price {
    /// The most decimal places of a price.
    pub const MAX_SCALE: u8 = 12;

    /// The price `mantissa / 10^scale`.
    ///
    /// # Errors
    /// [`PriceError::Zero`], [`PriceError::TooPrecise`], [`PriceError::TooLarge`].
    pub fn new(mut mantissa: u128, mut scale: u8) -> Result<Price, PriceError> {
        if mantissa == 0 {
            return Err(PriceError::Zero);
        }
        while scale > 0 && mantissa.is_multiple_of(10) {
            mantissa /= 10;
            scale -= 1;
        }
        if scale > Price::MAX_SCALE {
            return Err(PriceError::TooPrecise);
        }
        if mantissa > 10u128.pow(12 + u32::from(scale)) {
            return Err(PriceError::TooLarge);
        }
        Ok(Price { mantissa, scale })
    }

    /// The digits without the point.
    #[must_use]
    pub const fn mantissa(self) -> u128 {
        self.mantissa
    }

    /// The number of decimal places, 0 to 12.
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// What one smallest unit is worth when the asset has `decimals` (at most 18) places.
    #[must_use]
    pub fn per_smallest_unit(self, decimals: u8) -> UsdValue {
        let places = VALUE_SCALE - self.scale - decimals.min(MAX_DECIMALS);
        UsdValue(U256::from(self.mantissa) * U256::from(10u128.pow(u32::from(places)))) // at most 10^42
    }

    /// What `amount` is worth when the asset has `decimals` (at most 18) places. Exact.
    #[must_use]
    pub fn value_of(self, amount: Amount, decimals: u8) -> UsdValue {
        self.per_smallest_unit(decimals).times(amount)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, &self.mantissa.to_string(), usize::from(self.scale))
    }
}

impl FromStr for Price {
    type Err = PriceError;

    /// Reads a plain decimal: digits with at most one point, at most 40 characters, no sign, no exponent.
    fn from_str(text: &str) -> Result<Price, PriceError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || text.ends_with('.') || text.len() > 40 || !plain(whole) || !plain(part) {
            return Err(PriceError::NotANumber);
        }
        let part = part.trim_end_matches('0');
        if part.len() > usize::from(Price::MAX_SCALE) {
            return Err(PriceError::TooPrecise);
        }
        let mut mantissa = 0u128;
        for digit in whole.bytes().chain(part.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(u128::from(digit - b'0')))
                .ok_or(PriceError::TooLarge)?;
        }
        Price::new(mantissa, u8::try_from(part.len()).map_err(|_| PriceError::TooPrecise)?)
    }
}

impl BorshDeserialize for Price {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Price> {
        let (mantissa, scale) = <(u128, u8)>::deserialize_reader(reader)?;
        let price = Price::new(mantissa, scale).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        if price.scale != scale {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "price has trailing zeros"));
        }
        Ok(price)
    }
}

/// An exact value: an integer number of 10^-30 USD, below 2^256 (about 10^47 USD). Values are compared exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdValue(U256);

impl UsdValue {
    /// Nothing.
    pub const ZERO: UsdValue = UsdValue(U256::ZERO);

    /// The sum, or `None` above 2^256.
    #[must_use]
    pub fn checked_add(self, other: UsdValue) -> Option<UsdValue> {
        self.0.checked_add(other.0).map(UsdValue)
    }

    /// The difference, or zero if `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: UsdValue) -> UsdValue {
        UsdValue(self.0.saturating_sub(other.0))
    }

    /// The number of 10^-30 USD.
    #[must_use]
    pub const fn raw(self) -> U256 {
        self.0
    }

    /// The value of `raw` times 10^-30 USD.
    #[must_use]
    pub const fn from_raw(raw: U256) -> UsdValue {
        UsdValue(raw)
    }

    /// The value in units of 10^-`places` USD (places at most 30), rounded down; `None` above 2^128.
    #[must_use]
    pub fn floor_to(self, places: u8) -> Option<u128> {
        let cut = 10u128.pow(u32::from(VALUE_SCALE - places.min(VALUE_SCALE)));
        u128::try_from(self.0 / U256::from(cut)).ok()
    }

    /// Shows exactly `places` decimal places (at most 30), rounded down: `118.24`.
    #[must_use]
    pub fn display(self, places: u8) -> String {
        let places = places.min(VALUE_SCALE);
        let cut = U256::from(10u128.pow(u32::from(VALUE_SCALE - places)));
        let digits = format!("{:0>width$}", (self.0 / cut).to_string(), width = usize::from(places) + 1);
        let (whole, part) = digits.split_at(digits.len() - usize::from(places));
        if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
    }

    pub(crate) fn times(self, amount: Amount) -> UsdValue {
        // Only called on the worth of one smallest unit: 10^42 * 10^27 is below 2^256.
        UsdValue(self.0 * U256::from(amount.get()))
    }
}

impl Sum for UsdValue {
    /// The sum, which stays at 2^256 - 1 when it would pass it (10^7 legs of the largest value do not).
    fn sum<I: Iterator<Item = UsdValue>>(values: I) -> UsdValue {
        values.fold(UsdValue::ZERO, |sum, value| UsdValue(sum.0.saturating_add(value.0)))
    }
}

impl fmt::Display for UsdValue {
    /// All digits, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.display(VALUE_SCALE);
        f.write_str(exact.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl BorshSerialize for UsdValue {
    /// 32 bytes, little endian.
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0.to_le_bytes::<32>())
    }
}

impl BorshDeserialize for UsdValue {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<UsdValue> {
        Ok(UsdValue(U256::from_le_bytes::<32>(<[u8; 32]>::deserialize_reader(reader)?)))
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, digits: &str, places: usize) -> fmt::Result {
    if places == 0 {
        return f.write_str(digits);
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = padded.split_at(padded.len() - places);
    write!(f, "{whole}.{part}")
}
