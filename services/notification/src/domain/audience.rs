//! Who sees a message of the feed.

use std::{fmt, str::FromStr};

use auth::{Caller, Role, UserId};
use tenancy::TenantId;

/// Everyone who sees the same messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// One person.
    User(UserId),
    /// The admins of one tenant.
    Tenant(TenantId),
    /// The landlord.
    Platform,
}

/// Text that names no audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an audience is user:<id>, tenant:<id> or platform")]
pub struct NoAudience;

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
    type Err = NoAudience;

    fn from_str(text: &str) -> Result<Self, NoAudience> {
        match text.split_once(':') {
            None if text == "platform" => Ok(Self::Platform),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| NoAudience),
            Some(("tenant", id)) => id.parse().map(Self::Tenant).map_err(|_| NoAudience),
            _ => Err(NoAudience),
        }
    }
}

/// The audiences that one caller belongs to: their own, and at most one that they share with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audiences {
    /// The caller alone.
    pub own: Audience,
    /// The admins of the caller's tenant, or the landlord.
    pub shared: Option<Audience>,
}

impl Audiences {
    /// What this caller may see, and nothing else: a tenant's messages only its admins, the platform's only the
    /// landlord.
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

    /// Both, the own one first.
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
    fn an_audience_reads_back_as_it_is_written() {
        for audience in [
            Audience::User(UserId::generate()),
            Audience::Tenant(TenantId::generate()),
            Audience::Platform,
        ] {
            assert_eq!(audience.to_string().parse(), Ok(audience));
        }
        for text in ["", "user:", "user:x", "platform:", "tenant", "everyone"] {
            assert_eq!(text.parse::<Audience>(), Err(NoAudience), "{text}");
        }
    }

    #[test]
    fn only_admins_and_the_landlord_share_an_audience() {
        let user = UserId::generate();
        let tenant = Uuid::now_v7();
        let shared = |caller: Caller| Audiences::of(&caller).shared;
        let place = CallerTenant {
            id: tenant,
            code: "acme".to_owned(),
        };
        assert_eq!(
            shared(Caller::admin(user, "a@b.example", place)),
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
