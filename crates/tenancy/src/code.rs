//! The code of a tenant: its name in paths, headers and the name of its database.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Segments of the API's own paths, which are not available as codes.
const RESERVED: &[&str] = &[
    "admin",
    "aggregates",
    "analytics",
    "api",
    "api-keys",
    "auth",
    "billing",
    "docs",
    "events",
    "files",
    "health",
    "metrics",
    "notifications",
    "orders",
    "products",
    "projections",
    "templates",
    "tenants",
    "users",
    "webhooks",
];

/// A tenant's unique code: a slug of 3–40 characters, `[a-z][a-z0-9-]*[a-z0-9]`, without `--`, not a segment of the
/// API's paths and not the text of a UUID (the API accepts ids and codes in the same places).
///
/// Each code has exactly one spelling: parsing never trims or changes case, so `ACME` is an error rather than `acme`.
/// Pools and caches that are keyed by a code therefore have one key per tenant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantCode(Arc<str>);

/// The text is not a tenant code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseTenantCodeError {
    /// Shorter than 3 or longer than 40 characters.
    #[error("a tenant code has 3 to 40 characters")]
    Length,
    /// A character that is not allowed, or not allowed there.
    #[error(
        "a tenant code is made of a-z, 0-9 and single hyphens, begins with a letter and ends with a letter or digit"
    )]
    Characters,
    /// A segment of the API's own paths, or the text of a UUID.
    #[error("this tenant code is reserved")]
    Reserved,
}

impl TenantCode {
    /// The minimum length in characters.
    pub const MIN_LENGTH: usize = 3;
    /// The maximum length in characters.
    pub const MAX_LENGTH: usize = 40;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantCode {
    type Err = ParseTenantCodeError;

    fn from_str(text: &str) -> Result<Self, ParseTenantCodeError> {
        let bytes = text.as_bytes();
        if !(Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&bytes.len()) {
            return Err(ParseTenantCodeError::Length);
        }
        let slug = bytes
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let starts = bytes.first().is_some_and(u8::is_ascii_lowercase);
        let ends = bytes.last().is_some_and(|b| *b != b'-');
        if !slug || !starts || !ends || text.contains("--") {
            return Err(ParseTenantCodeError::Characters);
        }
        if RESERVED.contains(&text) || Uuid::try_parse(text).is_ok() {
            return Err(ParseTenantCodeError::Reserved);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for TenantCode {
    type Error = ParseTenantCodeError;

    fn try_from(text: String) -> Result<Self, ParseTenantCodeError> {
        text.parse()
    }
}

impl From<TenantCode> for String {
    fn from(code: TenantCode) -> Self {
        code.0.as_ref().to_owned()
    }
}

impl fmt::Display for TenantCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantCode({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_have_one_spelling() {
        for good in [
            "acme",
            "a1b",
            "acme-eu-2",
            "x23456789012345678901234567890123456789a",
        ] {
            assert_eq!(
                good.parse::<TenantCode>().map(String::from),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "ACME",
            " acme",
            "acme ",
            "acme\n",
            "ac",
            "1acme",
            "-acme",
            "acme-",
            "a--b",
            "acme_eu",
            "äcme",
            "acme.eu",
            "a/b",
            "",
            "x234567890123456789012345678901234567890a",
            "acme%20",
            "acme\0",
            "ａｃｍｅ",
        ] {
            assert!(bad.parse::<TenantCode>().is_err(), "{bad:?}");
        }
        for reserved in RESERVED
            .iter()
            .copied()
            .chain(["abcdefab-1234-7abc-8def-1234567890ab"])
        {
            assert_eq!(
                reserved.parse::<TenantCode>(),
                Err(ParseTenantCodeError::Reserved)
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_kept_as_it_is(text in any::<String>()) {
            if let Ok(code) = text.parse::<TenantCode>() {
                prop_assert_eq!(code.as_str(), text);
            }
        }

        #[test]
        fn what_is_accepted_follows_the_grammar(text in "[a-zA-Z0-9_-]{0,45}") {
            let expected = (3..=40).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !text.contains("--")
                && !RESERVED.contains(&text.as_str())
                && Uuid::try_parse(&text).is_err();
            prop_assert_eq!(text.parse::<TenantCode>().is_ok(), expected);
        }

        #[test]
        fn other_spellings_are_refused(code in "[a-z][a-z0-9]{2,39}") {
            prop_assert!(code.to_uppercase().parse::<TenantCode>().is_err());
            let padded = format!(" {code}");
            prop_assert!(padded.parse::<TenantCode>().is_err());
        }

        #[test]
        fn json_keeps_the_code(code in "[a-z][a-z0-9]{2,30}x-1") {
            let code: TenantCode = code.parse().expect("follows the grammar");
            let json = serde_json::to_string(&code).expect("a string");
            prop_assert_eq!(serde_json::from_str::<TenantCode>(&json).expect("the same"), code);
        }
    }
}
