//! Quantities of one asset.

use borsh::{BorshDeserialize, BorshSerialize, io};
use ruint::aliases::U256;
use std::{fmt, str::FromStr};

/// A quantity in an asset's smallest unit, 0 to 10^27 ([`Amount::MAX`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Amount(u128);

/// Why a quantity is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// More than 10^27 smallest units.
    #[error("amount exceeds 10^27 smallest units")]
    TooLarge,
    /// A subtraction went below zero.
    #[error("amount would fall below zero")]
    Negative,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The text is no number: digits, and for whole units at most one point.
    #[error("not a plain number")]
    NotANumber,
    /// The text has more decimal places than the asset.
    #[error("more than {decimals} decimal places")]
    TooPrecise {
        /// The asset's decimal places.
        decimals: u8,
    },
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);
    /// 10^27 smallest units, the most that one supply can hold.
    pub const MAX: Amount = Amount(1_000_000_000_000_000_000_000_000_000);

    /// Takes `units` smallest units.
    ///
    /// # Errors
    /// [`AmountError::TooLarge`] above [`Amount::MAX`].
    pub const fn new(units: u128) -> Result<Amount, AmountError> {
        if units > Amount::MAX.0 { Err(AmountError::TooLarge) } else { Ok(Amount(units)) }
    }

    /// The number of smallest units.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`AmountError::TooLarge`] above [`Amount::MAX`].
    pub const fn checked_add(self, other: Amount) -> Result<Amount, AmountError> {
        // Both are at most 10^27, so the sum of the integers cannot wrap.
        Amount::new(self.0 + other.0)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`AmountError::Negative`] if `other` is larger.
    pub const fn checked_sub(self, other: Amount) -> Result<Amount, AmountError> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Ok(Amount(rest)),
            None => Err(AmountError::Negative),
        }
    }

    /// `self * numerator / denominator`, rounded down: the remainder stays with the payer.
    ///
    /// # Errors
    /// [`AmountError::DivisionByZero`], [`AmountError::TooLarge`].
    pub fn mul_div_floor(self, numerator: u128, denominator: u128) -> Result<Amount, AmountError> {
        self.mul_div(numerator, denominator, false)
    }

    /// `self * numerator / denominator`, rounded up: the payer makes up the remainder.
    ///
    /// # Errors
    /// [`AmountError::DivisionByZero`], [`AmountError::TooLarge`].
    pub fn mul_div_ceil(self, numerator: u128, denominator: u128) -> Result<Amount, AmountError> {
        self.mul_div(numerator, denominator, true)
    }

    fn mul_div(self, numerator: u128, denominator: u128, up: bool) -> Result<Amount, AmountError> {
        if denominator == 0 {
            return Err(AmountError::DivisionByZero);
        }
        let product = U256::from(self.0) * U256::from(numerator); // 90 + 128 bits
        let (quotient, rest) = product.div_rem(U256::from(denominator));
        let quotient = if up && !rest.is_zero() { quotient + U256::from(1) } else { quotient };
        Amount::new(u128::try_from(quotient).map_err(|_| AmountError::TooLarge)?)
    }

    /// Shows whole units with exactly `decimals` places: 118240 with 3 places is `118.240`.
    #[must_use]
    pub fn display(self, decimals: u8) -> String {
        let digits = self.0.to_string();
        let places = usize::from(decimals);
        if places == 0 {
            return digits;
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, part) = padded.split_at(padded.len() - places);
        format!("{whole}.{part}")
    }

    /// Reads whole units with at most `decimals` places: `118.24` with 3 places is 118240.
    ///
    /// # Errors
    /// [`AmountError::NotANumber`], [`AmountError::TooPrecise`], [`AmountError::TooLarge`].
    pub fn parse_decimal(text: &str, decimals: u8) -> Result<Amount, AmountError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if text.contains('.') && part.is_empty() {
            return Err(AmountError::NotANumber);
        }
        let part = if part.len() > usize::from(decimals) { part.trim_end_matches('0') } else { part };
        if part.len() > usize::from(decimals) {
            return Err(if part.bytes().all(|b| b.is_ascii_digit()) {
                AmountError::TooPrecise { decimals }
            } else {
                AmountError::NotANumber
            });
        }
        if whole.is_empty() {
            return Err(AmountError::NotANumber);
        }
        Amount::from_digits(
            whole
                .bytes()
                .chain(part.bytes())
                .chain(std::iter::repeat_n(b'0', usize::from(decimals) - part.len())),
        )
    }

    fn from_digits(digits: impl Iterator<Item = u8>) -> Result<Amount, AmountError> {
        let mut units = 0u128;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(AmountError::NotANumber);
            }
            units = units * 10 + u128::from(digit - b'0'); // at most 10^28 here
            if units > Amount::MAX.0 {
                return Err(AmountError::TooLarge);
            }
        }
        Ok(Amount(units))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads the integer number of smallest units: digits only, no sign.
    fn from_str(text: &str) -> Result<Amount, AmountError> {
        if text.is_empty() {
            return Err(AmountError::NotANumber);
        }
        Amount::from_digits(text.bytes())
    }
}

impl TryFrom<u128> for Amount {
    type Error = AmountError;

    fn try_from(units: u128) -> Result<Amount, AmountError> {
        Amount::new(units)
    }
}

impl From<Amount> for u128 {
    fn from(amount: Amount) -> u128 {
        amount.0
    }
}

impl BorshDeserialize for Amount {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Amount> {
        Amount::new(u128::deserialize_reader(reader)?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}
