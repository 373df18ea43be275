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
    /// The user forgot it.
    PasswordReset,
    /// The user was invited and has none yet.
    Invitation,
}

impl Purpose {
    /// How long the secret is valid.
    pub const fn life(self) -> Duration {
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

/// The secret in a mail: 256 random bits. Stored only as its hash.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 64)]
pub struct Secret(SecretString);

/// SHA-256 of a [`Secret`]. Guessing 256 random bits needs no slow hash to prevent it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl Secret {
    /// A new secret.
    pub fn draw() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()).into())
    }

    /// What is stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The text, for the one answer that carries it.
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
            Err("should be the token of the mail")
        }
    }
}

impl SecretHash {
    /// The bytes, for the database.
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
    fn every_secret_is_another_and_reads_back() {
        let (one, other) = (Secret::draw(), Secret::draw());
        assert!(one.hash() != other.hash());
        assert_eq!(one.expose().len(), 43);
        assert!(Secret::try_from(one.expose().to_owned()).unwrap().hash() == one.hash());
        assert!(!format!("{one:?}").contains(one.expose()));
    }
}
