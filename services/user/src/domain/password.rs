//! Passwords: what is accepted, what is compared, what is stored. None of these types shows what it holds.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EmailAddress;

const LEAST: usize = 12;
const MOST: usize = 128;

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short or too long.
    #[error("should be {LEAST} to {MOST} characters")]
    Length,
    /// It is the e-mail address.
    #[error("should not be the e-mail address")]
    Email,
}

/// A password somebody chooses: 12 to 128 characters.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Whether `owner` may choose it.
    ///
    /// # Errors
    /// [`WeakPassword::Email`]: it is the owner's address.
    pub fn allowed_for(&self, owner: &EmailAddress) -> Result<(), WeakPassword> {
        let same = self
            .0
            .expose_secret()
            .trim()
            .eq_ignore_ascii_case(owner.as_str());
        if same {
            Err(WeakPassword::Email)
        } else {
            Ok(())
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl TryFrom<String> for NewPassword {
    type Error = WeakPassword;

    fn try_from(text: String) -> Result<Self, WeakPassword> {
        if (LEAST..=MOST).contains(&text.chars().count()) {
            Ok(Self(text.into()))
        } else {
            Err(WeakPassword::Length)
        }
    }
}

/// A password somebody claims to have. Longer ones than can be chosen are refused before any work is done.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, max_length = 128)]
pub struct GivenPassword(SecretString);

impl GivenPassword {
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl TryFrom<String> for GivenPassword {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() <= MOST {
            Ok(Self(text.into()))
        } else {
            Err("is longer than any password")
        }
    }
}

/// What is stored of a password: an Argon2id hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as it is stored.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! hidden {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
hidden!(NewPassword, GivenPassword, PasswordHash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_is_long_enough_and_not_the_address() {
        let chosen = |text: &str| NewPassword::try_from(text.to_owned());
        assert_eq!(chosen("eleven char").unwrap_err(), WeakPassword::Length);
        assert_eq!(chosen(&"x".repeat(129)).unwrap_err(), WeakPassword::Length);
        assert!(chosen("twelve chars").is_ok() && chosen(&"ü".repeat(128)).is_ok());
        let ann = EmailAddress::try_from("ann@example.com".to_owned()).unwrap();
        assert_eq!(
            chosen("Ann@Example.com").unwrap().allowed_for(&ann),
            Err(WeakPassword::Email)
        );
        assert_eq!(
            chosen("correct horse battery").unwrap().allowed_for(&ann),
            Ok(())
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = format!(
            "{:?} {:?} {:?}",
            NewPassword::try_from("correct horse battery".to_owned()).unwrap(),
            GivenPassword::try_from("correct horse battery".to_owned()).unwrap(),
            PasswordHash::new("correct horse battery".to_owned()),
        );
        assert!(!shown.contains("horse"));
    }
}
