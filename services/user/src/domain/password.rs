//! Password types: chosen, submitted and hashed. Their `Debug` output is redacted.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EmailAddress;

const MIN_LENGTH: usize = 12;
const MAX_LENGTH: usize = 128;

/// Why a new password is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short or too long.
    #[error("should be {MIN_LENGTH} to {MAX_LENGTH} characters")]
    Length,
    /// Equal to the user's e-mail address.
    #[error("should not be the e-mail address")]
    Email,
}

/// A new password: 12 to 128 characters.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Checks the password against the user's e-mail address.
    ///
    /// # Errors
    /// [`WeakPassword::Email`]: it equals the address.
    pub fn allowed_for(&self, user: &EmailAddress) -> Result<(), WeakPassword> {
        let same = self
            .0
            .expose_secret()
            .trim()
            .eq_ignore_ascii_case(user.as_str());
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
        if (MIN_LENGTH..=MAX_LENGTH).contains(&text.chars().count()) {
            Ok(Self(text.into()))
        } else {
            Err(WeakPassword::Length)
        }
    }
}

/// A password submitted to log in. One longer than any valid password is rejected before it is hashed.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, max_length = 128)]
pub struct SubmittedPassword(SecretString);

impl SubmittedPassword {
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl TryFrom<String> for SubmittedPassword {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() <= MAX_LENGTH {
            Ok(Self(text.into()))
        } else {
            Err("should be at most 128 characters")
        }
    }
}

/// A stored password: an Argon2id hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a stored PHC string.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! redacted_debug {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
redacted_debug!(NewPassword, SubmittedPassword, PasswordHash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_has_a_minimum_length_and_is_not_the_address() {
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
    fn debug_output_does_not_contain_the_password() {
        let shown = format!(
            "{:?} {:?} {:?}",
            NewPassword::try_from("correct horse battery".to_owned()).unwrap(),
            SubmittedPassword::try_from("correct horse battery".to_owned()).unwrap(),
            PasswordHash::new("correct horse battery".to_owned()),
        );
        assert!(!shown.contains("horse"));
    }
}
