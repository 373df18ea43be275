//! `order_deadline`, in the platform database.

use sea_orm::entity::prelude::*;
use tenancy::TenantId;

use crate::domain::OrderId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_deadline")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    pub tenant_id: TenantId,
    pub due_at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}
