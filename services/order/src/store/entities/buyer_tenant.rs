//! `buyer_tenant`, in the platform database.

use sea_orm::entity::prelude::*;
use tenancy::TenantId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "buyer_tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub buyer_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: TenantId,
}

impl ActiveModelBehavior for ActiveModel {}
