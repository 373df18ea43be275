//! The tenant aggregate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenancy::{ClusterName, Package, Region, TenantCode, TenantId, TenantStatus};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BillingEmail, Change, Onboarding, Step, StepProgress, TenantName, onboarding::NextAction,
};

/// The request for a new tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTenant {
    /// Its unique code.
    pub code: TenantCode,
    /// Its display name.
    pub name: TenantName,
    /// The region of its data.
    pub region: Region,
    /// The package it pays for.
    pub package: Package,
    /// The e-mail address for invoices and the first invitation.
    pub billing_email: BillingEmail,
}

/// The first admin of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// The user.
    pub id: Uuid,
    /// The e-mail address that receives the setup guide.
    pub email: String,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its display name.
    pub name: TenantName,
    /// The region of its data.
    pub region: Region,
    /// The cluster of its database.
    pub cluster: ClusterName,
    /// The package it pays for.
    pub package: Package,
    /// The e-mail address for invoices.
    pub billing_email: BillingEmail,
    /// Its status.
    pub status: TenantStatus,
    /// Incremented by each change; the sequence number of its events.
    pub version: i64,
    /// The reason of the status `FAILED`.
    pub failure: Option<String>,
    /// Its settings by name.
    pub settings: BTreeMap<String, String>,
    /// Its first admin.
    pub admin: Option<Admin>,
    /// Its onboarding.
    pub onboarding: Onboarding,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// A change that the tenant's status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant that is {from} cannot become {to}")]
pub struct InvalidTransition {
    /// The present status.
    pub from: TenantStatus,
    /// The requested status.
    pub to: TenantStatus,
}

/// The settings of every new tenant.
const DEFAULT_SETTINGS: [(&str, &str); 3] =
    [("currency", "EUR"), ("locale", "en"), ("timezone", "UTC")];

impl Tenant {
    /// A new tenant on `cluster`, with [`Change::Created`] applied.
    pub fn create(request: NewTenant, cluster: ClusterName, now: OffsetDateTime) -> Self {
        Self {
            id: TenantId::generate(),
            code: request.code,
            name: request.name,
            region: request.region,
            cluster,
            package: request.package,
            billing_email: request.billing_email,
            status: TenantStatus::Provisioning,
            version: 1,
            failure: None,
            settings: BTreeMap::new(),
            admin: None,
            onboarding: Onboarding::default(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The change after the database was created; `None` if it was recorded before.
    pub fn database_created(&self) -> Option<Change> {
        self.onboarding
            .database_ready
            .is_none()
            .then_some(Change::DatabaseCreated)
    }

    /// The change after repeated failures to create the database; `None` if it was recorded before.
    pub fn database_failed(&self, reason: String) -> Option<Change> {
        (self.status == TenantStatus::Provisioning && self.onboarding.database_ready.is_none())
            .then_some(Change::DatabaseFailed { reason })
    }

    /// Records its first admin; later ones are ignored.
    pub fn record_admin(&mut self, admin: Admin, now: OffsetDateTime) {
        if self.admin.is_none() {
            self.admin = Some(admin);
            self.onboarding.admin_ready = Some(now);
            self.updated_at = now;
        }
    }

    /// Records that the setup guide was sent.
    pub fn record_guide_sent(&mut self, now: OffsetDateTime) {
        if self.onboarding.guide_sent.is_none() {
            self.onboarding.guide_sent = Some(now);
            self.onboarding.guide_failure = None;
            self.updated_at = now;
        }
    }

    /// Records that the setup guide could not be sent, unless it was sent before.
    pub fn record_guide_failure(&mut self, reason: String, now: OffsetDateTime) {
        if self.onboarding.guide_sent.is_none() {
            self.onboarding.guide_failure = Some(reason);
            self.updated_at = now;
        }
    }

    /// The next change of its onboarding, unless that waits for another service or is complete.
    pub fn next_onboarding_change(&self) -> Option<Change> {
        if self.onboarding.completed.is_some() && self.status == TenantStatus::Provisioning {
            return Some(Change::Activated);
        }
        match (self.onboarding.next_action()?, &self.admin) {
            (NextAction::RequestAdmin, _) => Some(Change::SetupAdminUser),
            (NextAction::ConfigureSettings, _) => {
                let named = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                let settings = DEFAULT_SETTINGS.into_iter().map(named).collect();
                Some(Change::ConfigureSettings { settings })
            }
            (NextAction::RequestGuide, Some(admin)) => Some(Change::SendSetupGuide(admin.clone())),
            (NextAction::RequestGuide, None) => None,
            (NextAction::Complete, _) => Some(Change::OnboardingCompleted),
        }
    }

    /// The change that suspends it; `None` if it is suspended already.
    ///
    /// # Errors
    /// It is not active.
    pub fn suspend(&self, reason: Option<String>) -> Result<Option<Change>, InvalidTransition> {
        self.to_status(TenantStatus::Suspended, Change::Suspended { reason })
    }

    /// The change that activates it again; `None` if it is active already.
    ///
    /// # Errors
    /// It is not suspended. A tenant that is being onboarded becomes active by its onboarding only.
    pub fn activate(&self) -> Result<Option<Change>, InvalidTransition> {
        if self.status == TenantStatus::Provisioning {
            return Err(InvalidTransition {
                from: self.status,
                to: TenantStatus::Active,
            });
        }
        self.to_status(TenantStatus::Active, Change::Activated)
    }

    fn to_status(
        &self,
        to: TenantStatus,
        change: Change,
    ) -> Result<Option<Change>, InvalidTransition> {
        match self.status {
            from if from == to => Ok(None),
            from if from.can_become(to) => Ok(Some(change)),
            from => Err(InvalidTransition { from, to }),
        }
    }

    /// Applies a change and increments the version.
    pub fn apply(&mut self, change: &Change, now: OffsetDateTime) {
        self.version += 1;
        self.updated_at = now;
        let onboarding = &mut self.onboarding;
        match change {
            Change::Created => {}
            Change::DatabaseCreated => {
                onboarding.database_ready = Some(now);
                self.failure = None;
                self.status = TenantStatus::Provisioning;
            }
            Change::DatabaseFailed { reason } => {
                self.failure = Some(reason.clone());
                self.status = TenantStatus::Failed;
            }
            Change::SetupAdminUser => onboarding.admin_requested = Some(now),
            Change::ConfigureSettings { settings } => {
                onboarding.settings = Some(now);
                self.settings.clone_from(settings);
            }
            Change::SendSetupGuide(_) => onboarding.guide_requested = Some(now),
            Change::OnboardingCompleted => onboarding.completed = Some(now),
            Change::Activated => self.status = TenantStatus::Active,
            Change::Suspended { .. } => self.status = TenantStatus::Suspended,
        }
    }

    /// The onboarding by step; `database_error` is the last error of creating its database.
    pub fn progress(&self, database_error: Option<&str>) -> [StepProgress; 5] {
        let onboarding = &self.onboarding;
        [
            StepProgress::new(
                Step::DatabaseReady,
                Some(self.created_at),
                onboarding.database_ready,
            )
            .with_error(
                database_error.or(self.failure.as_deref()),
                self.status == TenantStatus::Failed,
            ),
            StepProgress::new(
                Step::AdminUserSetUp,
                onboarding.admin_requested,
                onboarding.admin_ready,
            ),
            StepProgress::new(Step::SettingsConfigured, None, onboarding.settings),
            StepProgress::new(
                Step::SetupGuideSent,
                onboarding.guide_requested,
                onboarding.guide_sent,
            )
            .with_error(onboarding.guide_failure.as_deref(), true),
            StepProgress::new(Step::Active, onboarding.guide_sent, onboarding.completed),
        ]
    }
}

#[cfg(test)]
mod tests;
