//! The tenant and the changes it can go through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenancy::{ClusterName, Package, Region, TenantCode, TenantId, TenantStatus};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{BillingEmail, Change, Onboarding, Progress, Step, TenantName, onboarding::Next};

/// What is said of a tenant that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its unique code.
    pub code: TenantCode,
    /// Its name for people.
    pub name: TenantName,
    /// Where its data is to live.
    pub region: Region,
    /// What it pays for.
    pub package: Package,
    /// Where its bills and its first invitation go.
    pub billing_email: BillingEmail,
}

/// The admin of a tenant as far as its onboarding needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// The user.
    pub id: Uuid,
    /// Where the guide goes.
    pub email: String,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its name for people.
    pub name: TenantName,
    /// Where its data lives.
    pub region: Region,
    /// The cluster it is placed on.
    pub cluster: ClusterName,
    /// What it pays for.
    pub package: Package,
    /// Where its bills go.
    pub billing_email: BillingEmail,
    /// Where it is in its life.
    pub status: TenantStatus,
    /// Grows by one with each change; the sequence of its events.
    pub version: i64,
    /// Why it is `FAILED`.
    pub failure: Option<String>,
    /// Its settings by name.
    pub settings: BTreeMap<String, String>,
    /// Its first admin.
    pub admin: Option<Admin>,
    /// How far its onboarding has come.
    pub onboarding: Onboarding,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// The tenant is in no state for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant that is {from} cannot become {to}")]
pub struct Refused {
    /// What it is.
    pub from: TenantStatus,
    /// What it was to become.
    pub to: TenantStatus,
}

/// What every tenant begins with.
const DEFAULT_SETTINGS: [(&str, &str); 3] =
    [("currency", "EUR"), ("locale", "en"), ("timezone", "UTC")];

impl Tenant {
    /// A new tenant on `cluster`, after its first change, [`Change::Created`].
    pub fn create(draft: Draft, cluster: ClusterName, now: OffsetDateTime) -> Self {
        Self {
            id: TenantId::generate(),
            code: draft.code,
            name: draft.name,
            region: draft.region,
            cluster,
            package: draft.package,
            billing_email: draft.billing_email,
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

    /// The change that follows from the database being there; none the second time.
    pub fn database_is_there(&self) -> Option<Change> {
        self.onboarding
            .database_ready
            .is_none()
            .then_some(Change::DatabaseCreated)
    }

    /// The change that follows from the database not getting made; none if that is known.
    pub fn database_is_not_coming(&self, reason: String) -> Option<Change> {
        (self.status == TenantStatus::Provisioning && self.onboarding.database_ready.is_none())
            .then_some(Change::DatabaseFailed { reason })
    }

    /// Notes who administers it; the first one stays.
    pub fn note_admin(&mut self, admin: Admin, now: OffsetDateTime) {
        if self.admin.is_none() {
            self.admin = Some(admin);
            self.onboarding.admin_ready = Some(now);
            self.updated_at = now;
        }
    }

    /// Notes that the guide was sent.
    pub fn note_guide_sent(&mut self, now: OffsetDateTime) {
        if self.onboarding.guide_sent.is_none() {
            self.onboarding.guide_sent = Some(now);
            self.onboarding.guide_failure = None;
            self.updated_at = now;
        }
    }

    /// Notes that the guide could not be sent, unless it was.
    pub fn note_guide_failed(&mut self, reason: String, now: OffsetDateTime) {
        if self.onboarding.guide_sent.is_none() {
            self.onboarding.guide_failure = Some(reason);
            self.updated_at = now;
        }
    }

    /// The next change of its onboarding, if nothing has to come from elsewhere first.
    pub fn next_of_onboarding(&self) -> Option<Change> {
        if self.onboarding.completed.is_some() && self.status == TenantStatus::Provisioning {
            return Some(Change::Activated);
        }
        match (self.onboarding.advance()?, &self.admin) {
            (Next::AskForAdmin, _) => Some(Change::SetupAdminUser),
            (Next::ConfigureSettings, _) => {
                let named = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                let settings = DEFAULT_SETTINGS.into_iter().map(named).collect();
                Some(Change::ConfigureSettings { settings })
            }
            (Next::AskForGuide, Some(admin)) => Some(Change::SendSetupGuide(admin.clone())),
            (Next::AskForGuide, None) => None,
            (Next::Complete, _) => Some(Change::OnboardingCompleted),
        }
    }

    /// Refuses it everywhere from now on; no change if it is suspended already.
    ///
    /// # Errors
    /// It is not open for business.
    pub fn suspend(&self, reason: Option<String>) -> Result<Option<Change>, Refused> {
        self.to_status(TenantStatus::Suspended, Change::Suspended { reason })
    }

    /// Opens it for business again; no change if it is open already.
    ///
    /// # Errors
    /// It is not suspended: what is not ready yet becomes active by its onboarding alone.
    pub fn activate(&self) -> Result<Option<Change>, Refused> {
        if self.status == TenantStatus::Provisioning {
            return Err(Refused {
                from: self.status,
                to: TenantStatus::Active,
            });
        }
        self.to_status(TenantStatus::Active, Change::Activated)
    }

    fn to_status(&self, to: TenantStatus, change: Change) -> Result<Option<Change>, Refused> {
        match self.status {
            from if from == to => Ok(None),
            from if from.can_become(to) => Ok(Some(change)),
            from => Err(Refused { from, to }),
        }
    }

    /// Goes through a change: one version on.
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
            Change::SetupAdminUser => onboarding.admin_asked = Some(now),
            Change::ConfigureSettings { settings } => {
                onboarding.settings = Some(now);
                self.settings.clone_from(settings);
            }
            Change::SendSetupGuide(_) => onboarding.guide_asked = Some(now),
            Change::OnboardingCompleted => onboarding.completed = Some(now),
            Change::Activated => self.status = TenantStatus::Active,
            Change::Suspended { .. } => self.status = TenantStatus::Suspended,
        }
    }

    /// The onboarding step by step; `trouble` is the last error of making its database.
    pub fn progress(&self, trouble: Option<&str>) -> [Progress; 5] {
        let done = &self.onboarding;
        [
            Progress::of(Step::Database, Some(self.created_at), done.database_ready).troubled(
                trouble.or(self.failure.as_deref()),
                self.status == TenantStatus::Failed,
            ),
            Progress::of(Step::AdminUser, done.admin_asked, done.admin_ready),
            Progress::of(Step::Settings, None, done.settings),
            Progress::of(Step::SetupGuide, done.guide_asked, done.guide_sent)
                .troubled(done.guide_failure.as_deref(), true),
            Progress::of(Step::Activation, done.guide_sent, done.completed),
        ]
    }
}

#[cfg(test)]
#[path = "tenant_tests.rs"]
mod tests;
