//! The types of columns: exact amounts that sort as text, and integers that never wrap.

use std::fmt;

use clearing::Amount;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;

/// The digits of the largest u128.
const DIGITS: usize = 39;

/// An exact amount as one text of 39 digits with leading zeros: exact and sortable in both databases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct PaddedAmount(String);

impl PaddedAmount {
    /// The amount.
    #[must_use]
    pub fn get(&self) -> u128 {
        self.0.parse().expect("39 digits that came from a u128")
    }

    /// The amount as a quantity of an asset; amounts that no asset can have become the largest one.
    #[must_use]
    pub fn amount(&self) -> Amount {
        Amount::new(self.get()).unwrap_or(Amount::MAX)
    }
}

impl From<u128> for PaddedAmount {
    fn from(value: u128) -> PaddedAmount {
        PaddedAmount(format!("{value:0DIGITS$}"))
    }
}

impl From<Amount> for PaddedAmount {
    fn from(value: Amount) -> PaddedAmount {
        PaddedAmount::from(value.get())
    }
}

impl fmt::Display for PaddedAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Text that is no padded amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 39 digits that fit 128 bits")]
pub struct PaddedAmountError;

impl TryFrom<String> for PaddedAmount {
    type Error = PaddedAmountError;
    fn try_from(text: String) -> Result<PaddedAmount, PaddedAmountError> {
        let plain = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        match plain.then(|| text.parse::<u128>()) {
            Some(Ok(_)) => Ok(PaddedAmount(text)),
            _ => Err(PaddedAmountError),
        }
    }
}

impl<DB: Backend> FromSql<Text, DB> for PaddedAmount
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(PaddedAmount::try_from(String::from_sql(bytes)?)?)
    }
}

impl<DB: Backend> ToSql<Text, DB> for PaddedAmount
where
    String: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// A height, a time in milliseconds, a count: as the signed integer that SQL has. What does not fit (a date
/// beyond all reason) becomes the largest one.
#[must_use]
pub fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// [`integer`] for lengths.
#[must_use]
pub fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The exact sum of amounts; the largest u128 should it ever not fit.
#[must_use]
pub fn sum<'a>(amounts: impl IntoIterator<Item = &'a PaddedAmount>) -> u128 {
    amounts.into_iter().fold(0u128, |sum, amount| sum.saturating_add(amount.get()))
}

/// Does nothing but show that any text is read as an amount or refused.
pub fn fuzz_padded_amount(bytes: &[u8]) {
    if let Ok(amount) = PaddedAmount::try_from(String::from_utf8_lossy(bytes).into_owned()) {
        assert_eq!(PaddedAmount::from(amount.get()), amount, "39 digits name one number");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_sort_as_text_as_they_do_as_numbers() {
        let numbers = [0, 1, 9, 10, 99, 100, 10u128.pow(27), u128::MAX];
        let texts: Vec<PaddedAmount> = numbers.map(PaddedAmount::from).to_vec();
        assert!(texts.is_sorted());
        assert_eq!(texts.iter().map(PaddedAmount::get).collect::<Vec<_>>(), numbers);
    }

    #[test]
    fn text_that_is_no_padded_amount_is_refused() {
        let long = "4".repeat(39);
        for text in ["", "7", "-00000000000000000000000000000000000007", long.as_str()] {
            assert_eq!(PaddedAmount::try_from(text.to_owned()), Err(PaddedAmountError), "{text}");
        }
    }
}
