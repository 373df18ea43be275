//! The person or machine behind a request.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a caller may do at all. Upper case on the wire (`PLATFORM_ADMIN`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Runs one tenant, and acts inside it only.
    Admin,
    /// Orders from any active tenant.
    Customer,
    /// The landlord of the platform.
    PlatformAdmin,
    /// A machine of the platform.
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Admin,
        Self::Customer,
        Self::PlatformAdmin,
        Self::Service,
    ];

    /// The role as it is written on the wire and in databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Customer => "CUSTOMER",
            Self::PlatformAdmin => "PLATFORM_ADMIN",
            Self::Service => "SERVICE",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such role; known are ADMIN, CUSTOMER, PLATFORM_ADMIN, SERVICE")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

ids::uuid_id!(
    /// The id of a user or of a machine of the platform.
    UserId
);

impl UserId {
    /// The id under which the service `name` acts: always the same (`UUIDv5`).
    pub fn of_service(name: &str) -> Self {
        Self(Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("tenantry:service:{name}").as_bytes(),
        ))
    }
}

/// The tenant an admin belongs to, as the token says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerTenant {
    /// The tenant's id.
    pub id: Uuid,
    /// The tenant's code, canonical.
    pub code: String,
}

/// Who is calling. As an argument of a handler it is the proof that the request carried a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id; for a machine [`UserId::of_service`].
    pub user_id: UserId,
    /// The user's e-mail address, normalised.
    pub email: String,
    /// What the caller may do at all.
    pub role: Role,
    /// The caller's tenant: present exactly for [`Role::Admin`].
    pub tenant: Option<CallerTenant>,
    /// The calling service's name: present exactly for [`Role::Service`].
    pub service: Option<String>,
}

impl Caller {
    /// A customer.
    pub fn customer(user_id: UserId, email: impl Into<String>) -> Self {
        Self {
            user_id,
            email: email.into(),
            role: Role::Customer,
            tenant: None,
            service: None,
        }
    }

    /// The landlord.
    pub fn platform_admin(user_id: UserId, email: impl Into<String>) -> Self {
        Self {
            role: Role::PlatformAdmin,
            ..Self::customer(user_id, email)
        }
    }

    /// The admin of one tenant.
    pub fn admin(user_id: UserId, email: impl Into<String>, tenant: CallerTenant) -> Self {
        Self {
            role: Role::Admin,
            tenant: Some(tenant),
            ..Self::customer(user_id, email)
        }
    }

    /// The service `name`.
    pub fn service(name: &str) -> Self {
        Self {
            role: Role::Service,
            service: Some(name.to_owned()),
            ..Self::customer(UserId::of_service(name), format!("{name}@service.tenantry"))
        }
    }

    /// Whether the caller is an admin of the tenant with this id.
    pub fn administers(&self, tenant: Uuid) -> bool {
        self.role == Role::Admin && self.tenant.as_ref().is_some_and(|own| own.id == tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_back_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!("admin".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn a_service_always_has_the_same_id() {
        assert_eq!(UserId::of_service("order"), UserId::of_service("order"));
        assert_ne!(UserId::of_service("order"), UserId::of_service("billing"));
    }
}
