//! `email`, in the platform database.

use auth::UserId;
use sea_orm::entity::prelude::*;
use tenancy::TenantId;

use crate::domain::EmailId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailId,
    #[sea_orm(column_type = "Text")]
    pub template: String,
    #[sea_orm(column_type = "Text")]
    pub recipient: String,
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    /// Emptied when the e-mail was sent or given up.
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub user_id: Option<UserId>,
    pub tenant_id: Option<TenantId>,
    #[sea_orm(column_type = "Text")]
    pub tenant_code: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub region: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub attempts: i32,
    pub next_attempt_at: TimeDateTimeWithTimeZone,
    #[sea_orm(column_type = "Text")]
    pub failure: Option<String>,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}
