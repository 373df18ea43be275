//! Users and their memberships.

use auth::{Caller, CallerTenant, Role, UserId};
use events::user::{Role as EventRole, UserCreated, UserLoginSucceeded, UserRegistered};
use serde::{Deserialize, Serialize};
use tenancy::{TenantCode, TenantId};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::EmailAddress;

/// The tenant that an admin belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTenant {
    /// Its id.
    pub id: TenantId,
    /// Its code.
    pub code: TenantCode,
}

/// A user's role and, for an admin, the tenant. An admin without a tenant cannot be represented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// Operates the platform.
    PlatformAdmin,
    /// Orders from any active tenant; belongs to none.
    Customer,
    /// Administers one tenant.
    Admin(UserTenant),
}

impl Membership {
    /// The role, as in access tokens and JSON.
    pub fn role(&self) -> Role {
        match self {
            Self::PlatformAdmin => Role::PlatformAdmin,
            Self::Customer => Role::Customer,
            Self::Admin(_) => Role::Admin,
        }
    }

    /// The tenant of an admin.
    pub fn tenant(&self) -> Option<&UserTenant> {
        match self {
            Self::Admin(tenant) => Some(tenant),
            Self::PlatformAdmin | Self::Customer => None,
        }
    }
}

/// A display name: 1 to 200 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err("should be 1 to 200 characters without line breaks")
        }
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

/// A person who can log in, or can after accepting an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The address to log in with.
    pub email: EmailAddress,
    /// The display name.
    pub name: UserName,
    /// Role and tenant.
    pub membership: Membership,
    /// Increases by one with each change.
    pub version: i64,
    /// The time of creation.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The time of the last change.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl User {
    /// A new user with a generated id, created at `now`.
    pub fn new(
        email: EmailAddress,
        name: UserName,
        membership: Membership,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: UserId::generate(),
            email,
            name,
            membership,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The identity that the user's access tokens carry.
    pub fn caller(&self) -> Caller {
        let email = self.email.as_str();
        match &self.membership {
            Membership::PlatformAdmin => Caller::platform_admin(self.id, email),
            Membership::Customer => Caller::customer(self.id, email),
            Membership::Admin(tenant) => {
                let tenant = CallerTenant {
                    id: tenant.id.0,
                    code: tenant.code.as_str().to_owned(),
                };
                Caller::admin(self.id, email, tenant)
            }
        }
    }

    /// The event of a registration.
    pub fn registered(&self) -> UserRegistered {
        UserRegistered {
            user_id: self.id.as_uuid(),
            email: self.email.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
        }
    }

    /// The event of a creation by another user or by onboarding.
    pub fn created(&self, credential: InitialCredential) -> UserCreated {
        UserCreated {
            user_id: self.id.as_uuid(),
            email: self.email.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
            role: self.event_role(),
            tenant_id: self.membership.tenant().map(|tenant| tenant.id.0),
            tenant_code: self
                .membership
                .tenant()
                .map(|tenant| tenant.code.as_str().to_owned()),
            invited: credential == InitialCredential::Invitation,
        }
    }

    /// The event of a successful login.
    pub fn logged_in(&self) -> UserLoginSucceeded {
        UserLoginSucceeded {
            user_id: self.id.as_uuid(),
            role: self.event_role(),
            tenant_id: self.membership.tenant().map(|tenant| tenant.id.0),
            tenant_code: self
                .membership
                .tenant()
                .map(|tenant| tenant.code.as_str().to_owned()),
        }
    }

    fn event_role(&self) -> EventRole {
        match self.membership {
            Membership::PlatformAdmin => EventRole::PlatformAdmin,
            Membership::Customer => EventRole::Customer,
            Membership::Admin(_) => EventRole::Admin,
        }
    }
}

/// How a user who was created by others gets the first password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialCredential {
    /// Set by the creator.
    Password,
    /// Chosen by the user, who receives an invitation.
    Invitation,
}
