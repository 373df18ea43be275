//! The changes of a tenant and their events.

use std::collections::{BTreeMap, HashMap};

use events::tenant::{
    TenantActivated, TenantCreated, TenantDatabaseCreated, TenantDatabaseFailed,
    TenantOnboardingCompleted, TenantOnboardingConfigureSettings, TenantOnboardingSendSetupGuide,
    TenantOnboardingSetupAdminUser, TenantStatus as Status, TenantSuspended,
};
use tenancy::TenantStatus;

use super::{Admin, Tenant};

/// A change of a tenant. Each increments the version and publishes one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was created.
    Created,
    /// Its database was created.
    DatabaseCreated,
    /// Its database could not be created so far.
    DatabaseFailed {
        /// The reason.
        reason: String,
    },
    /// The user service is requested to create an admin.
    SetupAdminUser,
    /// It received its default settings.
    ConfigureSettings {
        /// By name.
        settings: BTreeMap<String, String>,
    },
    /// The notification service is requested to send the setup guide to the admin.
    SendSetupGuide(Admin),
    /// Its onboarding was completed.
    OnboardingCompleted,
    /// It was activated.
    Activated,
    /// It was suspended.
    Suspended {
        /// The reason, if one was given.
        reason: Option<String>,
    },
}

/// The event of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the event it holds")]
pub enum TenantEvent {
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

/// Builds an event from the snapshot of the tenant, which every event carries, and the event's own fields.
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

impl TenantEvent {
    /// The event of `change`, after it was applied to `tenant`.
    pub fn new(tenant: &Tenant, change: Change) -> Self {
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
