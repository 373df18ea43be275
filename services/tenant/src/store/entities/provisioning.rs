//! `provisioning`, in the platform database.

use sea_orm::entity::prelude::*;
use tenancy::TenantId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provisioning")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
    /// Incremented by each lease.
    pub attempts: i32,
    /// When the row is due; now by default.
    pub next_attempt_at: TimeDateTimeWithTimeZone,
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// Correlation id of the request that created the tenant.
    pub correlation_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
