//! Table `users`.

use auth::UserId;
use sea_orm::entity::prelude::*;
use tenancy::TenantId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub role: String,
    pub tenant_id: Option<TenantId>,
    #[sea_orm(column_type = "Text")]
    pub tenant_code: Option<String>,
    /// `None` until an invitation was accepted.
    #[sea_orm(column_type = "Text")]
    pub password_hash: Option<String>,
    pub version: i64,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}
