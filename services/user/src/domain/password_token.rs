//! Single-use secrets that let a user set a password without the old one.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use events::user::PasswordPurpose;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::Display;
use utoipa::ToSchema;

/// Why a password may be set without the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// The user forgot their password.
    PasswordReset,
    /// The user was invited and has no password yet.
    Invitation,
}

impl Purpose {
    /// How long the secret is valid.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::PasswordReset => Duration::from_hours(1),
            Self::Invitation => Duration::from_hours(24),
        }
    }
}

impl From<Purpose> for PasswordPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::PasswordReset => Self::PasswordReset,
            Purpose::Invitation => Self::Invitation,
        }
    }
}

/// The secret in an e-mail's link: 256 random bits. Only its hash is stored.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 64)]
pub struct Secret(SecretString);

/// SHA-256 of a [`Secret`]. A slow hash is not needed: 256 random bits cannot be guessed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl Secret {
    /// Generates a new secret.
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()).into())
    }

    /// The hash to store and to look up.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The secret as text, for the one response that carries it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (1..=64).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err("should be the token from the e-mail, 1 to 64 characters")
        }
    }
}

impl SecretHash {
    /// The hash's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_unique_and_parse_back() {
        let (one, other) = (Secret::generate(), Secret::generate());
        assert!(one.hash() != other.hash());
        assert_eq!(one.expose().len(), 43);
        assert!(Secret::try_from(one.expose().to_owned()).unwrap().hash() == one.hash());
        assert!(!format!("{one:?}").contains(one.expose()));
    }
}
