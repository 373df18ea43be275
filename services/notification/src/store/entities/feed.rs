//! `feed`, in the platform database.

use sea_orm::entity::prelude::*;

use crate::domain::NotificationId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "feed")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub audience: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub cursor: i64,
    pub id: NotificationId,
    #[sea_orm(column_name = "type", column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub tenant_code: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    pub time: TimeDateTimeWithTimeZone,
    pub read_at: Option<TimeDateTimeWithTimeZone>,
}

impl ActiveModelBehavior for ActiveModel {}
