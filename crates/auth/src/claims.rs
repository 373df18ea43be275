//! The claims of an access token and their conversion to and from a caller.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AuthError, Caller, CallerTenant, Role, UserId};

/// The only accepted issuer (`iss`).
pub const ISSUER: &str = "tenantry";
/// The only accepted audience (`aud`).
pub const AUDIENCE: &str = "tenantry-api";

/// The claims of an access token. Types are strict: a timestamp as a string or fraction, or an issuer as a list, is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The id of the user or service.
    pub sub: UserId,
    /// The user's e-mail address.
    pub email: String,
    /// The caller's role.
    pub role: Role,
    /// The code of an admin's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_code: Option<String>,
    /// The id of an admin's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// The name of a calling service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Expiry, in seconds since the Unix epoch.
    pub exp: u64,
    /// Time of issue, in seconds since the Unix epoch.
    pub iat: u64,
    /// The id of the token.
    pub jti: Uuid,
}

impl Claims {
    /// Creates the claims of `caller`, issued at `iat` with a lifetime in seconds.
    pub(crate) fn for_caller(caller: &Caller, iat: u64, lifetime: u64) -> Self {
        Self {
            sub: caller.user_id,
            email: caller.email.clone(),
            role: caller.role,
            tenant_code: caller.tenant.as_ref().map(|tenant| tenant.code.clone()),
            tenant_id: caller.tenant.as_ref().map(|tenant| tenant.id),
            service: caller.service.clone(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: iat + lifetime,
            iat,
            jti: Uuid::now_v7(),
        }
    }
}

impl TryFrom<Claims> for Caller {
    type Error = AuthError;

    /// Rejects claims that lack a claim required by the role, or have one that the role must not have.
    fn try_from(claims: Claims) -> Result<Self, AuthError> {
        let tenant = match (claims.tenant_id, claims.tenant_code) {
            (Some(id), Some(code)) => Some(CallerTenant { id, code }),
            (None, None) => None,
            _ => return Err(AuthError::Invalid("the tenant claims are incomplete")),
        };
        match (claims.role, &tenant, &claims.service) {
            (Role::Admin, Some(_), None)
            | (Role::Customer | Role::PlatformAdmin, None, None)
            | (Role::Service, None, Some(_)) => {}
            _ => return Err(AuthError::Invalid("the claims do not match the role")),
        }
        Ok(Self {
            user_id: claims.sub,
            email: claims.email,
            role: claims.role,
            tenant,
            service: claims.service,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_complete_claims_that_match_the_role_are_a_caller(
            role in prop::sample::select(Role::ALL.to_vec()),
            code in prop::option::of("[a-z]{3,8}"),
            id in prop::option::of(any::<u128>().prop_map(Uuid::from_u128)),
            service in prop::option::of("[a-z]{3,8}"),
        ) {
            let fits = match role {
                Role::Admin => code.is_some() && id.is_some() && service.is_none(),
                Role::Service => code.is_none() && id.is_none() && service.is_some(),
                Role::Customer | Role::PlatformAdmin => code.is_none() && id.is_none() && service.is_none(),
            };
            let base = Claims::for_caller(&Caller::customer(UserId::generate(), "a@b.example"), 1, 1);
            let claims = Claims { role, tenant_code: code, tenant_id: id, service, ..base };
            let caller = Caller::try_from(claims.clone());
            prop_assert_eq!(caller.is_ok(), fits);
            if let Ok(caller) = caller {
                let again = Claims { jti: claims.jti, ..Claims::for_caller(&caller, 1, 1) };
                prop_assert_eq!(again, claims);
            }
        }
    }
}
