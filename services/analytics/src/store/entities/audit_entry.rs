//! `audit_entry`, in the platform database.

use sea_orm::entity::prelude::*;
use tenancy::TenantId;

use crate::domain::EventId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: EventId,
    pub actor_id: Uuid,
    /// The event's type.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    #[sea_orm(column_type = "Text")]
    pub resource: String,
    #[sea_orm(column_type = "Text")]
    pub resource_id: String,
    pub tenant_id: Option<TenantId>,
    pub correlation_id: Uuid,
    pub at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}
