//! Amounts of money as integer minor units of an ISO 4217 currency: 1999 `EUR` is 19.99 euro.
//!
//! Arithmetic is exact and checked: an overflow or a mix of currencies is an error.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Currency([u8; 3]);

/// The error of parsing a [`Currency`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("should be an ISO 4217 code of three upper-case letters, such as EUR")]
pub struct ParseCurrencyError;

impl Currency {
    /// Returns the code.
    ///
    /// # Panics
    /// Never, because the code consists of ASCII letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency code consists of ASCII letters")
    }
}

impl FromStr for Currency {
    type Err = ParseCurrencyError;

    fn from_str(text: &str) -> Result<Self, ParseCurrencyError> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(ParseCurrencyError),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = ParseCurrencyError;

    fn try_from(text: String) -> Result<Self, ParseCurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: 1999 is 19.99 in a currency with two decimals.
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Currency,
}

/// The error of an arithmetic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts have different currencies.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// Creates an amount in minor units.
    #[must_use]
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Creates an amount from a currency code as text, as in a database row or an event.
    ///
    /// # Errors
    /// `currency` is not an ISO 4217 code.
    pub fn parse(amount: i64, currency: &str) -> Result<Self, ParseCurrencyError> {
        Ok(Self::new(amount, currency.parse()?))
    }

    /// Adds two amounts of the same currency.
    ///
    /// # Errors
    /// The currencies differ, or the sum overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let amount = self
            .amount
            .checked_add(other.amount)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// Multiplies the amount by a factor.
    ///
    /// # Errors
    /// The product overflows.
    pub fn checked_mul(self, factor: i64) -> Result<Self, MoneyError> {
        let amount = self
            .amount
            .checked_mul(factor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    /// Formats the amount in minor units, because the number of decimals depends on the currency: `1999 EUR (minor units)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (minor units)", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(amount: i64) -> Money {
        Money::new(amount, "EUR".parse().unwrap())
    }

    proptest! {
        #[test]
        fn a_sum_is_exact_or_an_error(a: i64, b: i64) {
            match eur(a).checked_add(eur(b)) {
                Ok(sum) => prop_assert_eq!(i128::from(sum.amount), i128::from(a) + i128::from(b)),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::Overflow);
                    prop_assert!(i64::try_from(i128::from(a) + i128::from(b)).is_err());
                }
            }
        }

        #[test]
        fn a_product_is_exact_or_an_error(a: i64, n: i64) {
            match eur(a).checked_mul(n) {
                Ok(product) => prop_assert_eq!(i128::from(product.amount), i128::from(a) * i128::from(n)),
                Err(_) => prop_assert!(i64::try_from(i128::from(a) * i128::from(n)).is_err()),
            }
        }

        #[test]
        fn a_currency_is_three_upper_case_letters(text in ".{0,5}") {
            let valid = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            prop_assert_eq!(text.parse::<Currency>().is_ok(), valid);
        }
    }

    #[test]
    fn an_amount_of_an_unknown_currency_is_not_parsed() {
        assert_eq!(Money::parse(1999, "EUR"), Ok(eur(1999)));
        assert_eq!(Money::parse(1999, "euro"), Err(ParseCurrencyError));
    }

    #[test]
    fn adding_different_currencies_is_an_error() {
        let dollar = Money::new(1, "USD".parse().unwrap());
        assert!(matches!(
            eur(1).checked_add(dollar),
            Err(MoneyError::CurrencyMismatch(..))
        ));
    }

    #[test]
    fn json_has_amount_and_currency() {
        assert_eq!(
            serde_json::to_string(&eur(1999)).unwrap(),
            r#"{"amount":1999,"currency":"EUR"}"#
        );
        assert!(serde_json::from_str::<Money>(r#"{"amount":19.99,"currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"eur"}"#).is_err());
    }
}
