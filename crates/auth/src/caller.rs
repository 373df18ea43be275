//! The authenticated caller of a request.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The role of a caller. Serialised in upper case, for instance `PLATFORM_ADMIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Administers one tenant.
    Admin,
    /// Places orders with any active tenant.
    Customer,
    /// Administers the platform.
    PlatformAdmin,
    /// A service of the platform.
    Service,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [
        Self::Admin,
        Self::Customer,
        Self::PlatformAdmin,
        Self::Service,
    ];

    /// Returns the serialised role, as in tokens and databases.
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

/// The error of parsing a [`Role`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown role; expected ADMIN, CUSTOMER, PLATFORM_ADMIN or SERVICE")]
pub struct ParseRoleError;

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(ParseRoleError)
    }
}

ids::uuid_id!(
    /// The id of a user or service.
    UserId
);

impl UserId {
    /// Returns the stable id of the service `name` (`UUIDv5`).
    pub fn for_service(name: &str) -> Self {
        Self(Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("tenantry:service:{name}").as_bytes(),
        ))
    }
}

/// The tenant of a tenant administrator, from the token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallerTenant {
    /// The tenant's id.
    pub id: Uuid,
    /// The tenant's canonical code.
    pub code: String,
}

/// The authenticated caller of a request. As a handler argument, it proves that the request had a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id; for a service [`UserId::for_service`].
    pub user_id: UserId,
    /// The user's e-mail address, normalised.
    pub email: String,
    /// The role.
    pub role: Role,
    /// The tenant; present exactly for [`Role::Admin`].
    pub tenant: Option<CallerTenant>,
    /// The name of the service; present exactly for [`Role::Service`].
    pub service: Option<String>,
}

impl Caller {
    /// Creates a customer.
    pub fn customer(user_id: UserId, email: impl Into<String>) -> Self {
        Self {
            user_id,
            email: email.into(),
            role: Role::Customer,
            tenant: None,
            service: None,
        }
    }

    /// Creates a platform administrator.
    pub fn platform_admin(user_id: UserId, email: impl Into<String>) -> Self {
        Self {
            role: Role::PlatformAdmin,
            ..Self::customer(user_id, email)
        }
    }

    /// Creates a tenant administrator.
    pub fn admin(user_id: UserId, email: impl Into<String>, tenant: CallerTenant) -> Self {
        Self {
            role: Role::Admin,
            tenant: Some(tenant),
            ..Self::customer(user_id, email)
        }
    }

    /// Creates the caller for the service `name`.
    pub fn service(name: &str) -> Self {
        Self {
            role: Role::Service,
            service: Some(name.to_owned()),
            ..Self::customer(
                UserId::for_service(name),
                format!("{name}@service.tenantry"),
            )
        }
    }

    /// Returns whether the caller is an administrator of the tenant with this id.
    pub fn is_admin_of(&self, tenant: Uuid) -> bool {
        self.role == Role::Admin && self.tenant.as_ref().is_some_and(|own| own.id == tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_round_trip_through_text() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!("admin".parse::<Role>(), Err(ParseRoleError));
    }

    #[test]
    fn the_id_of_a_service_is_stable() {
        assert_eq!(UserId::for_service("order"), UserId::for_service("order"));
        assert_ne!(UserId::for_service("order"), UserId::for_service("billing"));
    }
}
