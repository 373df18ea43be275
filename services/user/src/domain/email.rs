//! Normalised e-mail addresses.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An e-mail address: trimmed, lower case, ASCII, at most 254 characters. Two spellings of one address are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Email, max_length = 254)]
pub struct EmailAddress(String);

/// The text is not an e-mail address that this service accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("should be an e-mail address, such as ann@example.com")]
pub struct InvalidEmail;

impl EmailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id derived from the address (`UUIDv5`) that does not reveal it: the subject of failed logins with an unknown
    /// address.
    pub fn pseudonym(&self) -> Uuid {
        Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("mailto:{}", self.0).as_bytes(),
        )
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let fits = text.len() <= 254 && is_local_part(local) && is_domain(domain);
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidEmail)
        }
    }
}

/// A dot-atom of RFC 5322; quoted local parts are not accepted.
fn is_local_part(text: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.len() <= 64 && text.split('.').all(atom)
}

/// Host names with a dot: the same rule as for the tenant service's billing addresses.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<EmailAddress, InvalidEmail> {
        text.to_owned().try_into()
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        let ann = parse("ann@example.com").unwrap();
        assert_eq!(parse(" Ann@Example.COM\n").unwrap(), ann);
        assert_eq!(
            parse(" Ann@Example.COM\n").unwrap().pseudonym(),
            ann.pseudonym()
        );
        assert!(parse("landlord@tenantry.localhost").is_ok());
        assert!(parse("o'brien+shop@b.example").is_ok());
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "@",
            "a@",
            "a@localhost",
            "@b",
            "a b@c.de",
            "a@b@c",
            "a@b..c",
            "a..b@c.de",
            ".a@c.de",
            "a@-b.de",
            "a@b-.de",
            "a@b\r\nBcc: x@y.de",
            "a@b.de, c@d.de",
            "<a@b.de>",
            "\"a\"@b.de",
            "ä@b.de",
            "a@bü.de",
            "a@b.de\0",
            &long,
        ] {
            assert_eq!(parse(bad), Err(InvalidEmail), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_safe_in_a_header_and_stays_itself(text in ".{0,40}@.{0,40}") {
            if let Ok(address) = parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
                prop_assert_eq!(parse(address.as_str()), Ok(address));
            }
        }
    }
}
