//! `subscription`, in the platform database.

use sea_orm::entity::prelude::*;
use tenancy::TenantId;

use crate::domain::SubscriptionId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SubscriptionId,
    #[sea_orm(unique)]
    pub tenant_id: TenantId,
    /// The package's code.
    #[sea_orm(column_type = "Text")]
    pub package: String,
    pub trial_ends_at: TimeDateTimeWithTimeZone,
    pub current_period_end: TimeDateTimeWithTimeZone,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}
