//! Tenant-scoped cache keys.

use std::fmt::{Display, Write as _};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Maximum length of an argument in a key. Longer arguments are replaced by their SHA-256.
const MAX_ARGUMENT_BYTES: usize = 96;

/// The name of a resource or of an operation: lower-case letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name(&'static str);

impl Name {
    /// Creates a name. In a `const`, an invalid name is a compile error.
    ///
    /// # Panics
    /// If `name` is empty or contains another character.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a name must not be empty");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                bytes[at].is_ascii_lowercase()
                    || bytes[at].is_ascii_digit()
                    || matches!(bytes[at], b'-' | b'_'),
                "a name must contain only lower-case letters, digits, - and _"
            );
            at += 1;
        }
        Self(name)
    }

    /// Returns the name as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The key of an entry: `<tenant>:<resource>:<operation>[:args|user]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    tenant: Uuid,
    resource: Name,
    text: String,
}

impl CacheKey {
    /// Creates the key for the result of `operation` on `resource` that is shared by all callers of `tenant`. The tenant
    /// is identified by its id, because its code has several spellings.
    pub fn new(tenant: Uuid, resource: Name, operation: Name) -> Self {
        Self {
            tenant,
            resource,
            text: format!("{tenant}:{}:{}", resource.0, operation.0),
        }
    }

    /// Appends an argument, which is escaped. The order of arguments matters.
    #[must_use]
    pub fn arg(mut self, argument: impl Display) -> Self {
        self.text.push(':');
        escape(&mut self.text, &argument.to_string());
        self
    }

    /// Appends a user id. An argument cannot collide with it.
    #[must_use]
    pub fn user(mut self, user: impl Into<Uuid>) -> Self {
        let _ = write!(self.text, ":user={}", user.into());
        self
    }

    /// Returns the Redis key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the resource of the entry.
    pub fn resource(&self) -> Name {
        self.resource
    }

    /// Returns the Redis key of the resource's generation.
    pub(crate) fn generation(&self) -> String {
        generation_key(self.tenant, self.resource)
    }
}

/// The Redis key of a resource's generation. `#` is not a valid operation name, so no entry key collides with it.
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
    fn a_key_consists_of_its_parts() {
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
    #[should_panic(expected = "a name must contain only")]
    fn a_name_must_not_contain_a_separator() {
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
        fn an_argument_cannot_contain_a_separator(argument in ".{0,300}") {
            let key = key(&[argument]);
            prop_assert_eq!(key.as_str().matches(':').count(), 3);
            prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!key.as_str().contains('=') && key.as_str().len() < 400);
        }
    }
}
