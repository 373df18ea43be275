//! `tenant`, in the platform database.

use std::collections::BTreeMap;

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};
use tenancy::TenantId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TenantId,
    #[sea_orm(column_type = "Text", unique)]
    pub code: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub region: String,
    #[sea_orm(column_type = "Text")]
    pub cluster: String,
    #[sea_orm(column_type = "Text")]
    pub package: String,
    #[sea_orm(column_type = "Text")]
    pub billing_email: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub version: i64,
    #[sea_orm(column_type = "Text")]
    pub failure: Option<String>,
    /// Empty by default.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: TenantSettings,
    pub database_ready_at: Option<TimeDateTimeWithTimeZone>,
    pub admin_asked_at: Option<TimeDateTimeWithTimeZone>,
    pub admin_ready_at: Option<TimeDateTimeWithTimeZone>,
    pub admin_user_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub admin_email: Option<String>,
    pub settings_at: Option<TimeDateTimeWithTimeZone>,
    pub guide_asked_at: Option<TimeDateTimeWithTimeZone>,
    pub guide_sent_at: Option<TimeDateTimeWithTimeZone>,
    #[sea_orm(column_type = "Text")]
    pub guide_failure: Option<String>,
    pub completed_at: Option<TimeDateTimeWithTimeZone>,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
}

/// The tenant's settings by name, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct TenantSettings(pub BTreeMap<String, String>);

impl ActiveModelBehavior for ActiveModel {}
