//! What clients see of a tenant.

use serde::Serialize;
use tenancy::TenantStatus;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Progress, Step, StepState, Tenant};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    pub id: Uuid,
    /// Its unique code, used in paths.
    #[schema(example = "acme")]
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Where its data lives.
    #[schema(example = "eu")]
    pub region: String,
    /// The `PostgreSQL` cluster it is placed on.
    #[schema(example = "eu-1")]
    pub cluster: String,
    /// What it pays for.
    #[schema(example = "starter")]
    pub package: String,
    /// Where its bills go.
    pub billing_email: String,
    /// PROVISIONING, ACTIVE, SUSPENDED, DELETED or FAILED.
    #[schema(value_type = String, example = "ACTIVE")]
    pub status: TenantStatus,
    /// Why it is FAILED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.0,
            code: tenant.code.into(),
            name: tenant.name.into(),
            region: tenant.region.into(),
            cluster: tenant.cluster.into(),
            package: tenant.package.into(),
            billing_email: tenant.billing_email.into(),
            status: tenant.status,
            failure: tenant.failure,
            version: tenant.version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

/// How far a tenant's onboarding has come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnboardingView {
    /// The tenant's code.
    #[schema(example = "acme")]
    pub code: String,
    /// The tenant's status.
    #[schema(value_type = String, example = "PROVISIONING")]
    pub status: TenantStatus,
    /// Its steps, in their order.
    pub steps: Vec<StepView>,
}

/// One step of an onboarding.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Which.
    pub step: StepName,
    /// How far.
    pub state: StateName,
    /// Since when it is under way.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(nullable = false)]
    pub started_at: Option<OffsetDateTime>,
    /// Since when it is done.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(nullable = false)]
    pub finished_at: Option<OffsetDateTime>,
    /// What went wrong, the last time something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

/// A step of an onboarding by name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepName {
    /// The database is made.
    DatabaseReady,
    /// There is an admin.
    AdminUserSetUp,
    /// The default settings are written.
    SettingsConfigured,
    /// The guide is sent to the admin.
    SetupGuideSent,
    /// The tenant is open for business.
    Active,
}

/// How far a step is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateName {
    /// Its turn has not come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// It could not be done so far; `error` says why.
    Failed,
}

impl OnboardingView {
    /// The onboarding of `tenant`.
    pub fn new(tenant: Tenant, progress: impl IntoIterator<Item = Progress>) -> Self {
        Self {
            code: tenant.code.into(),
            status: tenant.status,
            steps: progress.into_iter().map(StepView::from).collect(),
        }
    }
}

impl From<Progress> for StepView {
    fn from(progress: Progress) -> Self {
        Self {
            step: match progress.step {
                Step::Database => StepName::DatabaseReady,
                Step::AdminUser => StepName::AdminUserSetUp,
                Step::Settings => StepName::SettingsConfigured,
                Step::SetupGuide => StepName::SetupGuideSent,
                Step::Activation => StepName::Active,
            },
            state: match progress.state {
                StepState::Pending => StateName::Pending,
                StepState::Running => StateName::Running,
                StepState::Done => StateName::Done,
                StepState::Failed => StateName::Failed,
            },
            started_at: progress.started,
            finished_at: progress.finished,
            error: progress.error,
        }
    }
}
