//! Money as integer minor units of an ISO 4217 currency: 1999 `EUR` is 19.99 euro. Never floating point, and every
//! sum is checked: what would overflow or mix currencies is an error, not another amount.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Currency([u8; 3]);

/// Text that is no currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("should be an ISO 4217 code of three upper-case letters, such as EUR")]
pub struct NotACurrency;

impl Currency {
    /// The code.
    ///
    /// # Panics
    /// Never: it was made of letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of ASCII letters")
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(NotACurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = NotACurrency;

    fn try_from(text: String) -> Result<Self, NotACurrency> {
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

/// An amount of one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: 1999 is 19.99 where the currency has two decimals.
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: Currency,
}

/// A sum that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are of different currencies.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
    /// The amount is larger than can be held.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// An amount in minor units of a currency that is still text, as in a database row or an event.
    ///
    /// # Errors
    /// `currency` is not an ISO 4217 code.
    pub fn parse(amount: i64, currency: &str) -> Result<Self, NotACurrency> {
        Ok(Self::new(amount, currency.parse()?))
    }

    /// This and `other` together.
    ///
    /// # Errors
    /// The currencies differ, or the sum cannot be held.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let amount = self
            .amount
            .checked_add(other.amount)
            .ok_or(MoneyError::TooLarge)?;
        Ok(Self { amount, ..self })
    }

    /// This, `count` times.
    ///
    /// # Errors
    /// The product cannot be held.
    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(count).ok_or(MoneyError::TooLarge)?;
        Ok(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    /// In minor units, because the number of decimals is the currency's: `1999 EUR (minor units)`.
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
        fn a_sum_is_exact_or_refused(a: i64, b: i64) {
            match eur(a).plus(eur(b)) {
                Ok(sum) => prop_assert_eq!(i128::from(sum.amount), i128::from(a) + i128::from(b)),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::TooLarge);
                    prop_assert!(i64::try_from(i128::from(a) + i128::from(b)).is_err());
                }
            }
        }

        #[test]
        fn a_multiple_is_exact_or_refused(a: i64, n: i64) {
            match eur(a).times(n) {
                Ok(product) => prop_assert_eq!(i128::from(product.amount), i128::from(a) * i128::from(n)),
                Err(_) => prop_assert!(i64::try_from(i128::from(a) * i128::from(n)).is_err()),
            }
        }

        #[test]
        fn only_three_capitals_are_a_currency(text in ".{0,5}") {
            let capitals = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            prop_assert_eq!(text.parse::<Currency>().is_ok(), capitals);
        }
    }

    #[test]
    fn an_amount_of_an_unknown_currency_is_not_parsed() {
        assert_eq!(Money::parse(1999, "EUR"), Ok(eur(1999)));
        assert_eq!(Money::parse(1999, "euro"), Err(NotACurrency));
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::new(1, "USD".parse().unwrap());
        assert!(matches!(eur(1).plus(dollar), Err(MoneyError::Mixed(..))));
    }

    #[test]
    fn json_is_amount_and_currency() {
        assert_eq!(
            serde_json::to_string(&eur(1999)).unwrap(),
            r#"{"amount":1999,"currency":"EUR"}"#
        );
        assert!(serde_json::from_str::<Money>(r#"{"amount":19.99,"currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"eur"}"#).is_err());
    }
}
