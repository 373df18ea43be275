//! The changes of a tenant, and the events that tell of them.

use std::collections::{BTreeMap, HashMap};

use events::tenant::{
    TenantActivated, TenantCreated, TenantDatabaseCreated, TenantDatabaseFailed,
    TenantOnboardingCompleted, TenantOnboardingConfigureSettings, TenantOnboardingSendSetupGuide,
    TenantOnboardingSetupAdminUser, TenantStatus as Status, TenantSuspended,
};
use tenancy::TenantStatus;

use super::{Admin, Tenant};

/// One change of a tenant: a version, an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was asked for.
    Created,
    /// Its database is ready.
    DatabaseCreated,
    /// Its database could not be made so far.
    DatabaseFailed {
        /// What failed.
        reason: String,
    },
    /// An admin is asked for.
    SetupAdminUser,
    /// It got its default settings.
    ConfigureSettings {
        /// By name.
        settings: BTreeMap<String, String>,
    },
    /// The guide is to be sent to its admin.
    SendSetupGuide(Admin),
    /// The onboarding is complete.
    OnboardingCompleted,
    /// It is open for business.
    Activated,
    /// It is refused everywhere.
    Suspended {
        /// Why, where that was said.
        reason: Option<String>,
    },
}

/// A change that happened, as the event of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named like the event it holds")]
pub enum Happened {
    Created(TenantCreated),
    DatabaseCreated(TenantDatabaseCreated),
    DatabaseFailed(TenantDatabaseFailed),
    SetupAdminUser(TenantOnboardingSetupAdminUser),
    ConfigureSettings(TenantOnboardingConfigureSettings),
    SendSetupGuide(TenantOnboardingSendSetupGuide),
    OnboardingCompleted(TenantOnboardingCompleted),
    Activated(TenantActivated),
    Suspended(TenantSuspended),
}

/// An event with the snapshot of a tenant that every event of a tenant carries, and its own fields.
macro_rules! event {
    ($tenant:expr, $type:ident { $($field:ident: $value:expr),* }) => {
        $type {
            tenant_id: $tenant.id.0,
            code: $tenant.code.to_string(),
            name: $tenant.name.as_str().to_owned(),
            region: $tenant.region.to_string(),
            cluster: Some($tenant.cluster.to_string()),
            package: $tenant.package.to_string(),
            billing_email: $tenant.billing_email.as_str().to_owned(),
            status: status($tenant.status),
            version: $tenant.version,
            $($field: $value),*
        }
    };
}

impl Happened {
    /// What is told of `change`, of which `tenant` is the outcome.
    pub fn to(tenant: &Tenant, change: Change) -> Self {
        match change {
            Change::Created => Self::Created(event!(tenant, TenantCreated {})),
            Change::DatabaseCreated => {
                Self::DatabaseCreated(event!(tenant, TenantDatabaseCreated {}))
            }
            Change::DatabaseFailed { reason } => {
                Self::DatabaseFailed(event!(tenant, TenantDatabaseFailed { reason: reason }))
            }
            Change::SetupAdminUser => {
                Self::SetupAdminUser(event!(tenant, TenantOnboardingSetupAdminUser {}))
            }
            Change::ConfigureSettings { settings } => {
                let settings: HashMap<String, String> = settings.into_iter().collect();
                Self::ConfigureSettings(event!(
                    tenant,
                    TenantOnboardingConfigureSettings { settings: settings }
                ))
            }
            Change::SendSetupGuide(admin) => Self::SendSetupGuide(event!(
                tenant,
                TenantOnboardingSendSetupGuide {
                    admin_user_id: admin.id,
                    admin_email: admin.email
                }
            )),
            Change::OnboardingCompleted => {
                Self::OnboardingCompleted(event!(tenant, TenantOnboardingCompleted {}))
            }
            Change::Activated => Self::Activated(event!(tenant, TenantActivated {})),
            Change::Suspended { reason } => {
                Self::Suspended(event!(tenant, TenantSuspended { reason: reason }))
            }
        }
    }
}

fn status(status: TenantStatus) -> Status {
    match status {
        TenantStatus::Provisioning => Status::Provisioning,
        TenantStatus::Active => Status::Active,
        TenantStatus::Suspended => Status::Suspended,
        TenantStatus::Deleted => Status::Deleted,
        TenantStatus::Failed => Status::Failed,
    }
}
