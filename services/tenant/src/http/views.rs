//! Response bodies.

use serde::Serialize;
use tenancy::TenantStatus;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Step, StepProgress, StepState, Tenant};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    pub id: Uuid,
    /// Its unique code, used in paths.
    #[schema(example = "acme")]
    pub code: String,
    /// Its display name.
    pub name: String,
    /// The region of its data.
    #[schema(example = "eu")]
    pub region: String,
    /// The `PostgreSQL` cluster of its database.
    #[schema(example = "eu-1")]
    pub cluster: String,
    /// The package it pays for.
    #[schema(example = "starter")]
    pub package: String,
    /// The e-mail address for invoices.
    pub billing_email: String,
    /// PROVISIONING, ACTIVE, SUSPENDED, DELETED or FAILED.
    #[schema(value_type = String, example = "ACTIVE")]
    pub status: TenantStatus,
    /// The reason of the status FAILED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Incremented by each change.
    pub version: i64,
    /// When it was created.
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

/// The progress of a tenant's onboarding.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnboardingView {
    /// The tenant's code.
    #[schema(example = "acme")]
    pub code: String,
    /// The tenant's status.
    #[schema(value_type = String, example = "PROVISIONING")]
    pub status: TenantStatus,
    /// The steps in order.
    pub steps: Vec<StepView>,
}

/// One step of an onboarding.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// The step.
    pub step: Step,
    /// Its state.
    pub state: StepState,
    /// When it started.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(nullable = false)]
    pub started_at: Option<OffsetDateTime>,
    /// When it finished.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(nullable = false)]
    pub finished_at: Option<OffsetDateTime>,
    /// The last error, if the step is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

impl OnboardingView {
    /// The onboarding of `tenant`.
    pub fn new(tenant: Tenant, progress: impl IntoIterator<Item = StepProgress>) -> Self {
        Self {
            code: tenant.code.into(),
            status: tenant.status,
            steps: progress.into_iter().map(StepView::from).collect(),
        }
    }
}

impl From<StepProgress> for StepView {
    fn from(progress: StepProgress) -> Self {
        Self {
            step: progress.step,
            state: progress.state,
            started_at: progress.started,
            finished_at: progress.finished,
            error: progress.error,
        }
    }
}
