//! Names taken from requests and settings: region, cluster, package.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The text is not `[a-z][a-z0-9-]{0,31}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {what} is 1 to 32 characters of a-z, 0-9 and hyphen, beginning with a letter")]
pub struct ParseNameError {
    what: &'static str,
}

fn parse(what: &'static str, text: &str) -> Result<Arc<str>, ParseNameError> {
    let fits = (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if fits {
        Ok(text.into())
    } else {
        Err(ParseNameError { what })
    }
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, ParseNameError> {
                parse($what, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseNameError;

            fn try_from(text: String) -> Result<Self, ParseNameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

slug!(
    /// The region of a tenant's data, such as `eu`. A region has one or more clusters.
    Region,
    "region"
);
slug!(
    /// A `PostgreSQL` cluster, such as `eu-1`.
    ClusterName,
    "cluster"
);
slug!(
    /// The package that a tenant pays for, such as `starter`.
    Package,
    "package"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_slugs() {
        assert!("eu".parse::<Region>().is_ok());
        assert!("eu-west-1".parse::<ClusterName>().is_ok());
        for bad in [
            "",
            "EU",
            "1",
            "-",
            "e u",
            "e_u",
            "x23456789012345678901234567890123",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad:?}");
        }
    }
}
