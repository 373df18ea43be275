//! Which users a caller may see and create.

use auth::{Caller, Role, UserId};
use tenancy::{TenantCode, TenantId};

use super::{Membership, UserTenant};

/// The users that a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// All users.
    All,
    /// The users of one tenant, and the caller.
    TenantAndSelf(TenantId, UserId),
    /// Only the caller.
    SelfOnly(UserId),
}

/// The role and tenant that a request to create a user names.
#[derive(Clone, Debug)]
pub struct RequestedMembership {
    /// The role.
    pub role: Role,
    /// Code of an admin's tenant: a new tenant's if the caller is a platform admin, else the caller's own.
    pub tenant_code: Option<TenantCode>,
    /// Id of an existing tenant.
    pub tenant_id: Option<TenantId>,
}

/// How a requested user is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationPlan {
    /// Nothing else is needed: the user belongs to the platform or to the caller's own tenant.
    Ready(Membership),
    /// An admin of an existing tenant, which is still to be looked up.
    InExistingTenant(TenantId),
    /// An admin whose tenant has to be created first.
    WithNewTenant(TenantCode),
}

/// Why a user is not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreationError {
    /// The caller is not allowed to create this user.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The request's fields contradict each other.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as in the request's JSON.
        field: &'static str,
        /// What is expected of it.
        message: &'static str,
    },
}

/// Decides whether and how `caller` may create the requested user.
///
/// # Errors
/// [`CreationError`]: the caller is not allowed to, or the request contradicts itself.
pub fn plan_creation(
    caller: &Caller,
    requested: RequestedMembership,
) -> Result<CreationPlan, CreationError> {
    let invalid = |field, message| Err(CreationError::Invalid { field, message });
    match (caller.role, &caller.tenant) {
        (Role::PlatformAdmin, _) => {
            match (requested.role, requested.tenant_code, requested.tenant_id) {
                (Role::Service, ..) => {
                    invalid("role", "should be ADMIN, CUSTOMER or PLATFORM_ADMIN")
                }
                (Role::Admin, Some(code), None) => Ok(CreationPlan::WithNewTenant(code)),
                (Role::Admin, None, Some(id)) => Ok(CreationPlan::InExistingTenant(id)),
                (Role::Admin, ..) => invalid(
                    "tenantCode",
                    "an ADMIN needs either the tenantCode of a new tenant or the tenantId of an existing one",
                ),
                (Role::Customer, None, None) => Ok(CreationPlan::Ready(Membership::Customer)),
                (Role::PlatformAdmin, None, None) => {
                    Ok(CreationPlan::Ready(Membership::PlatformAdmin))
                }
                (Role::Customer | Role::PlatformAdmin, ..) => {
                    invalid("tenantCode", "only an ADMIN has a tenant")
                }
            }
        }
        (Role::Admin, Some(own)) => {
            let code = own
                .code
                .parse::<TenantCode>()
                .map_err(|_| CreationError::NotAllowed("your tenant has no code"))?;
            let inside = requested
                .tenant_code
                .is_none_or(|requested| requested == code)
                && requested
                    .tenant_id
                    .is_none_or(|requested| requested.0 == own.id);
            if requested.role == Role::Admin && inside {
                Ok(CreationPlan::Ready(Membership::Admin(UserTenant {
                    id: TenantId(own.id),
                    code,
                })))
            } else {
                Err(CreationError::NotAllowed(
                    "an ADMIN can only create admins of the own tenant",
                ))
            }
        }
        _ => Err(CreationError::NotAllowed(
            "only ADMIN and PLATFORM_ADMIN can create users",
        )),
    }
}

#[cfg(test)]
mod tests {
    use auth::CallerTenant;
    use uuid::Uuid;

    use super::*;

    fn code(text: &str) -> TenantCode {
        text.parse().unwrap()
    }

    #[test]
    fn each_caller_creates_only_the_users_they_are_allowed_to() {
        let acme = CallerTenant {
            id: Uuid::now_v7(),
            code: "acme".to_owned(),
        };
        let own = Membership::Admin(UserTenant {
            id: TenantId(acme.id),
            code: code("acme"),
        });
        let callers = [
            Caller::platform_admin(UserId::generate(), "l@x.de"),
            Caller::admin(UserId::generate(), "a@x.de", acme.clone()),
            Caller::customer(UserId::generate(), "c@x.de"),
            Caller::service("order"),
        ];
        let tenants = [
            (None, None),
            (Some(code("acme")), None),
            (Some(code("globex")), None),
            (None, Some(TenantId(acme.id))),
            (None, Some(TenantId::generate())),
            (Some(code("acme")), Some(TenantId(acme.id))),
        ];
        for caller in &callers {
            for role in Role::ALL {
                for (number, (tenant_code, tenant_id)) in tenants.clone().into_iter().enumerate() {
                    let plan = plan_creation(
                        caller,
                        RequestedMembership {
                            role,
                            tenant_code: tenant_code.clone(),
                            tenant_id,
                        },
                    );
                    let expected = match (caller.role, role, number) {
                        (Role::PlatformAdmin, Role::Admin, 1 | 2) => {
                            Some(CreationPlan::WithNewTenant(tenant_code.unwrap()))
                        }
                        (Role::PlatformAdmin, Role::Admin, 3 | 4) => {
                            Some(CreationPlan::InExistingTenant(tenant_id.unwrap()))
                        }
                        (Role::PlatformAdmin, Role::Customer, 0) => {
                            Some(CreationPlan::Ready(Membership::Customer))
                        }
                        (Role::PlatformAdmin, Role::PlatformAdmin, 0) => {
                            Some(CreationPlan::Ready(Membership::PlatformAdmin))
                        }
                        (Role::Admin, Role::Admin, 0 | 1 | 3 | 5) => {
                            Some(CreationPlan::Ready(own.clone()))
                        }
                        _ => None,
                    };
                    assert_eq!(
                        plan.ok(),
                        expected,
                        "{} creates {role}, case {number}",
                        caller.role
                    );
                }
            }
        }
    }
}
