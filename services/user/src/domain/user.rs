//! A user.

use auth::{Caller, CallerTenant, Role, UserId};
use events::user::{Role as EventRole, UserCreated, UserLoginSucceeded, UserRegistered};
use serde::{Deserialize, Serialize};
use tenancy::{TenantCode, TenantId};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::EmailAddress;

/// The tenant an admin belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTenant {
    /// Its id.
    pub id: TenantId,
    /// Its code.
    pub code: TenantCode,
}

/// What a user is; an admin without a tenant, or a customer with one, cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The landlord.
    PlatformAdmin,
    /// Orders from any active tenant.
    Customer,
    /// Runs one tenant.
    Admin(OwnTenant),
}

impl Standing {
    /// The role in tokens and on the wire.
    pub fn role(&self) -> Role {
        match self {
            Self::PlatformAdmin => Role::PlatformAdmin,
            Self::Customer => Role::Customer,
            Self::Admin(_) => Role::Admin,
        }
    }

    /// The tenant, of an admin.
    pub fn tenant(&self) -> Option<&OwnTenant> {
        match self {
            Self::Admin(tenant) => Some(tenant),
            Self::PlatformAdmin | Self::Customer => None,
        }
    }
}

/// A name shown to people: 1 to 200 characters, without control characters.
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
            Err("should be 1 to 200 characters on one line")
        }
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

/// A person who can log in, or will when they accept their invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The address they log in with.
    pub email: EmailAddress,
    /// Their name.
    pub name: UserName,
    /// What they are.
    pub standing: Standing,
    /// Grows by one with each change.
    pub version: i64,
    /// When they came.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When they last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl User {
    /// A new user, as of `now`.
    pub fn new(
        email: EmailAddress,
        name: UserName,
        standing: Standing,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: UserId::generate(),
            email,
            name,
            standing,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Who they are in a token.
    pub fn caller(&self) -> Caller {
        let email = self.email.as_str();
        match &self.standing {
            Standing::PlatformAdmin => Caller::platform_admin(self.id, email),
            Standing::Customer => Caller::customer(self.id, email),
            Standing::Admin(tenant) => {
                let tenant = CallerTenant {
                    id: tenant.id.0,
                    code: tenant.code.as_str().to_owned(),
                };
                Caller::admin(self.id, email, tenant)
            }
        }
    }

    /// The event that they registered themselves.
    pub fn registered(&self) -> UserRegistered {
        UserRegistered {
            user_id: self.id.as_uuid(),
            email: self.email.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
        }
    }

    /// The event that somebody else made them.
    pub fn created(&self, how: Made) -> UserCreated {
        UserCreated {
            user_id: self.id.as_uuid(),
            email: self.email.as_str().to_owned(),
            name: self.name.as_str().to_owned(),
            role: self.event_role(),
            tenant_id: self.standing.tenant().map(|tenant| tenant.id.0),
            tenant_code: self
                .standing
                .tenant()
                .map(|tenant| tenant.code.as_str().to_owned()),
            invited: how == Made::Invited,
        }
    }

    /// The event that they logged in.
    pub fn logged_in(&self) -> UserLoginSucceeded {
        UserLoginSucceeded {
            user_id: self.id.as_uuid(),
            role: self.event_role(),
            tenant_id: self.standing.tenant().map(|tenant| tenant.id.0),
            tenant_code: self
                .standing
                .tenant()
                .map(|tenant| tenant.code.as_str().to_owned()),
        }
    }

    fn event_role(&self) -> EventRole {
        match self.standing {
            Standing::PlatformAdmin => EventRole::PlatformAdmin,
            Standing::Customer => EventRole::Customer,
            Standing::Admin(_) => EventRole::Admin,
        }
    }
}

/// How a user who did not register themselves came by a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was chosen for them.
    WithPassword,
    /// They are to choose one by invitation.
    Invited,
}
