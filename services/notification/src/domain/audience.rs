//! The groups of users that see the same messages.

use std::{fmt, str::FromStr};

use auth::{Caller, Role, UserId};
use tenancy::TenantId;

/// The users who see a message of the feed. Written `user:<id>`, `tenant:<id>` or `platform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// One user.
    User(UserId),
    /// The admins of one tenant.
    Tenant(TenantId),
    /// The platform's administrators.
    Platform,
}

/// The text is not an [`Audience`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid audience, should be user:<id>, tenant:<id> or platform")]
pub struct ParseAudienceError;

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Tenant(id) => write!(f, "tenant:{id}"),
            Self::Platform => f.write_str("platform"),
        }
    }
}

impl FromStr for Audience {
    type Err = ParseAudienceError;

    fn from_str(text: &str) -> Result<Self, ParseAudienceError> {
        match text.split_once(':') {
            None if text == "platform" => Ok(Self::Platform),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| ParseAudienceError),
            Some(("tenant", id)) => id.parse().map(Self::Tenant).map_err(|_| ParseAudienceError),
            _ => Err(ParseAudienceError),
        }
    }
}

/// The audiences of one caller: their own, and at most one that they share with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audiences {
    /// The caller alone.
    pub own: Audience,
    /// The admins of the caller's tenant, or the platform's administrators.
    pub shared: Option<Audience>,
}

impl Audiences {
    /// The audiences that this caller may see: a tenant's messages are for its admins only, the platform's for platform
    /// administrators only.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let shared = match (caller.role, &caller.tenant) {
            (Role::Admin, Some(tenant)) => Some(Audience::Tenant(TenantId(tenant.id))),
            (Role::PlatformAdmin, _) => Some(Audience::Platform),
            (Role::Admin | Role::Customer | Role::Service, _) => None,
        };
        Self {
            own: Audience::User(caller.user_id),
            shared,
        }
    }

    /// Both audiences, the caller's own first.
    pub fn iter(&self) -> impl Iterator<Item = Audience> {
        std::iter::once(self.own).chain(self.shared)
    }
}

#[cfg(test)]
mod tests {
    use auth::CallerTenant;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn text_round_trips() {
        for audience in [
            Audience::User(UserId::generate()),
            Audience::Tenant(TenantId::generate()),
            Audience::Platform,
        ] {
            assert_eq!(audience.to_string().parse(), Ok(audience));
        }
        for text in ["", "user:", "user:x", "platform:", "tenant", "everyone"] {
            assert_eq!(text.parse::<Audience>(), Err(ParseAudienceError), "{text}");
        }
    }

    #[test]
    fn only_admins_and_platform_admins_share_an_audience() {
        let user = UserId::generate();
        let tenant = Uuid::now_v7();
        let shared = |caller: Caller| Audiences::of(&caller).shared;
        let caller_tenant = CallerTenant {
            id: tenant,
            code: "acme".to_owned(),
        };
        assert_eq!(
            shared(Caller::admin(user, "a@b.example", caller_tenant)),
            Some(Audience::Tenant(TenantId(tenant)))
        );
        assert_eq!(
            shared(Caller::platform_admin(user, "a@b.example")),
            Some(Audience::Platform)
        );
        assert_eq!(shared(Caller::customer(user, "a@b.example")), None);
        assert_eq!(shared(Caller::service("order")), None);
    }
}
