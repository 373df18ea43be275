//! JSON views.

use auth::{IssuedToken, Role};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::User;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The user's id.
    pub id: Uuid,
    /// The address to log in with.
    pub email: String,
    /// The display name.
    pub name: String,
    /// `ADMIN`, `CUSTOMER` or `PLATFORM_ADMIN`.
    #[schema(value_type = String)]
    pub role: Role,
    /// The tenant of an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The code of that tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_code: Option<String>,
    /// The time of creation.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The time of the last change.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Increases by one with each change.
    pub version: i64,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let tenant = user.membership.tenant();
        Self {
            id: user.id.as_uuid(),
            role: user.membership.role(),
            tenant_id: tenant.map(|tenant| tenant.id.0),
            tenant_code: tenant.map(|tenant| tenant.code.as_str().to_owned()),
            email: user.email.into(),
            name: user.name.into(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            version: user.version,
        }
    }
}

/// An access token.
#[derive(Serialize, ToSchema)]
pub struct BearerToken {
    /// The token, for `Authorization: Bearer`.
    pub access_token: String,
    /// Seconds until the token expires.
    pub expires_in: u64,
    /// `Bearer`.
    pub token_type: &'static str,
}

impl From<IssuedToken> for BearerToken {
    fn from(issued: IssuedToken) -> Self {
        Self {
            access_token: issued.access_token,
            expires_in: issued.expires_in,
            token_type: "Bearer",
        }
    }
}
