//! Who may see and make whom.

use auth::{Caller, Role, UserId};
use tenancy::{TenantCode, TenantId};

use super::{OwnTenant, Standing};

/// Whose users somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Everybody's.
    Everybody,
    /// Those of one tenant, and oneself.
    Tenant(TenantId, UserId),
    /// Only oneself.
    Oneself(UserId),
}

/// What kind of user is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The role.
    pub role: Role,
    /// Code of the tenant that an admin is for; new, if the landlord asks.
    pub tenant_code: Option<TenantCode>,
    /// Id of the tenant that is there already.
    pub tenant_id: Option<TenantId>,
}

/// How a wish can be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The user belongs to the platform, or to the caller's own tenant.
    Plain(Standing),
    /// An admin of a tenant that has to be looked up.
    InTenant(TenantId),
    /// An admin whose tenant is to be made.
    WithNewTenant(TenantCode),
}

/// Why a wish is not met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller may not.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The wish contradicts itself.
    #[error("{field}: {message}")]
    Contradiction {
        /// Where.
        field: &'static str,
        /// What would be right.
        message: &'static str,
    },
}

/// Decides how `caller` may have a user made.
///
/// # Errors
/// [`Refusal`]: the caller may not, or the wish contradicts itself.
pub fn plan_creation(caller: &Caller, wish: Wish) -> Result<Creation, Refusal> {
    let contradiction = |field, message| Err(Refusal::Contradiction { field, message });
    match (caller.role, &caller.tenant) {
        (Role::PlatformAdmin, _) => match (wish.role, wish.tenant_code, wish.tenant_id) {
            (Role::Service, ..) => contradiction("role", "services are no users"),
            (Role::Admin, Some(code), None) => Ok(Creation::WithNewTenant(code)),
            (Role::Admin, None, Some(id)) => Ok(Creation::InTenant(id)),
            (Role::Admin, ..) => contradiction(
                "tenantCode",
                "an ADMIN needs either the tenantCode of a new tenant or the tenantId of an existing one",
            ),
            (Role::Customer, None, None) => Ok(Creation::Plain(Standing::Customer)),
            (Role::PlatformAdmin, None, None) => Ok(Creation::Plain(Standing::PlatformAdmin)),
            (Role::Customer | Role::PlatformAdmin, ..) => {
                contradiction("tenantCode", "only an ADMIN has a tenant")
            }
        },
        (Role::Admin, Some(own)) => {
            let code = own
                .code
                .parse::<TenantCode>()
                .map_err(|_| Refusal::NotAllowed("your tenant has no code"))?;
            let inside = wish.tenant_code.is_none_or(|wished| wished == code)
                && wish.tenant_id.is_none_or(|wished| wished.0 == own.id);
            if wish.role == Role::Admin && inside {
                Ok(Creation::Plain(Standing::Admin(OwnTenant {
                    id: TenantId(own.id),
                    code,
                })))
            } else {
                Err(Refusal::NotAllowed(
                    "a tenant's admin makes admins of that tenant only",
                ))
            }
        }
        _ => Err(Refusal::NotAllowed("only admins make users")),
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
    fn each_caller_makes_whom_they_may_and_nobody_else() {
        let acme = CallerTenant {
            id: Uuid::now_v7(),
            code: "acme".to_owned(),
        };
        let own = Standing::Admin(OwnTenant {
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
                        Wish {
                            role,
                            tenant_code: tenant_code.clone(),
                            tenant_id,
                        },
                    );
                    let expected = match (caller.role, role, number) {
                        (Role::PlatformAdmin, Role::Admin, 1 | 2) => {
                            Some(Creation::WithNewTenant(tenant_code.unwrap()))
                        }
                        (Role::PlatformAdmin, Role::Admin, 3 | 4) => {
                            Some(Creation::InTenant(tenant_id.unwrap()))
                        }
                        (Role::PlatformAdmin, Role::Customer, 0) => {
                            Some(Creation::Plain(Standing::Customer))
                        }
                        (Role::PlatformAdmin, Role::PlatformAdmin, 0) => {
                            Some(Creation::Plain(Standing::PlatformAdmin))
                        }
                        (Role::Admin, Role::Admin, 0 | 1 | 3 | 5) => {
                            Some(Creation::Plain(own.clone()))
                        }
                        _ => None,
                    };
                    assert_eq!(
                        plan.ok(),
                        expected,
                        "{} makes {role}, case {number}",
                        caller.role
                    );
                }
            }
        }
    }
}
