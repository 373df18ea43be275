//! Validated texts: the name of a tenant and its billing address.

use serde::{Deserialize, Serialize};

/// An invalid text, with the expected format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(&'static str);

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                let check: fn(&str) -> Result<(), InvalidText> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

text!(
    /// A tenant's display name: 1 to 200 characters, no control characters, no space at either end.
    TenantName,
    |text| {
        let length = text.chars().count();
        if (1..=200).contains(&length) && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(())
        } else {
            Err(InvalidText("should be 1 to 200 characters on one line, without space around"))
        }
    }
);

text!(
    /// An e-mail address: something before and a domain after one `@`, in visible ASCII, at most 254 characters.
    BillingEmail,
    |text| {
        let address = text.len() <= 254
            && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&b))
            && text.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len())
                    && !domain.contains('@')
                    && domain.split('.').count() > 1
                    && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
            });
        if address { Ok(()) } else { Err(InvalidText("should be an e-mail address")) }
    }
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_email_addresses_are_accepted() {
        let ok = |text: &str| BillingEmail::try_from(text.to_owned()).is_ok();
        for good in ["a@b.example", "first.last+tag@sub.domain.example"] {
            assert!(ok(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@@b.example",
            "a b@c.example",
            "a@b..example",
            "a@-b.example",
            "a@b.example\r\nBcc: c@d.example",
            "<a@b.example>",
            "ä@b.example",
        ] {
            assert!(!ok(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_name_holds_a_control_character(text in any::<String>()) {
            if let Ok(name) = TenantName::try_from(text) {
                prop_assert!(!name.as_str().chars().any(char::is_control));
                prop_assert_eq!(name.as_str().trim(), name.as_str());
            }
        }
    }
}
