//! Keys that cannot leave their tenant.

use std::fmt::{Display, Write as _};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A longer argument is put into the key as its SHA-256.
const MAX_ARGUMENT_BYTES: usize = 96;

/// The name of a resource or of an operation: lower-case letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name(&'static str);

impl Name {
    /// A name; as a `const` a wrong one does not compile.
    ///
    /// # Panics
    /// If `name` is empty or holds another character.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a name has at least one character");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                bytes[at].is_ascii_lowercase()
                    || bytes[at].is_ascii_digit()
                    || matches!(bytes[at], b'-' | b'_'),
                "a name holds lower-case letters, digits, - and _"
            );
            at += 1;
        }
        Self(name)
    }

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The place of one entry: `<tenant>:<resource>:<operation>[:args|user]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    tenant: Uuid,
    resource: Name,
    text: String,
}

impl CacheKey {
    /// What `operation` on `resource` answers for everybody of `tenant`. The tenant is given by its id, never by one of
    /// the spellings of its code.
    pub fn new(tenant: Uuid, resource: Name, operation: Name) -> Self {
        Self {
            tenant,
            resource,
            text: format!("{tenant}:{}:{}", resource.0, operation.0),
        }
    }

    /// Narrows the entry to one argument, in any text. The order of arguments matters.
    #[must_use]
    pub fn arg(mut self, argument: impl Display) -> Self {
        self.text.push(':');
        escape(&mut self.text, &argument.to_string());
        self
    }

    /// Narrows the entry to one user. No argument can be mistaken for a user.
    #[must_use]
    pub fn user(mut self, user: impl Into<Uuid>) -> Self {
        let _ = write!(self.text, ":user={}", user.into());
        self
    }

    /// The key as Redis sees it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The resource the entry belongs to.
    pub fn resource(&self) -> Name {
        self.resource
    }

    /// Where the generation of the entry's resource is kept.
    pub(crate) fn generation(&self) -> String {
        generation_key(self.tenant, self.resource)
    }
}

/// No operation can be called `#`, so no entry can be mistaken for a generation.
pub(crate) fn generation_key(tenant: Uuid, resource: Name) -> String {
    format!("{tenant}:{}:#", resource.0)
}

fn escape(into: &mut String, argument: &str) {
    if argument.len() > MAX_ARGUMENT_BYTES {
        into.push('~');
        into.push_str(&hex::encode(Sha256::digest(argument)));
        return;
    }
    for byte in argument.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORDERS: Name = Name::new("orders");
    const LIST: Name = Name::new("list");

    fn key(arguments: &[String]) -> CacheKey {
        arguments
            .iter()
            .fold(CacheKey::new(Uuid::nil(), ORDERS, LIST), CacheKey::arg)
    }

    #[test]
    fn a_key_reads_like_its_parts() {
        let key = CacheKey::new(Uuid::nil(), ORDERS, LIST)
            .arg(2)
            .arg("a:b")
            .user(Uuid::max());
        assert_eq!(
            key.as_str(),
            "00000000-0000-0000-0000-000000000000:orders:list:2:a%3ab:user=ffffffff-ffff-ffff-ffff-ffffffffffff"
        );
    }

    #[test]
    #[should_panic(expected = "a name holds")]
    fn a_name_holds_no_separator() {
        Name::new("a:b");
    }

    proptest! {
        #[test]
        fn different_arguments_have_different_keys(
            one in prop::collection::vec(".{0,120}", 0..4),
            other in prop::collection::vec(".{0,120}", 0..4),
        ) {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }

        #[test]
        fn no_argument_leaves_its_place(argument in ".{0,300}") {
            let key = key(&[argument]);
            prop_assert_eq!(key.as_str().matches(':').count(), 3);
            prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!key.as_str().contains('=') && key.as_str().len() < 400);
        }
    }
}
