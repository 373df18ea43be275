//! `event_snapshots`: a cache of aggregate states.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_snapshots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub aggregate_type: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub aggregate_id: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub fold: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// The time of the latest event in the state.
    pub occurred_at: TimeDateTimeWithTimeZone,
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Json,
    pub taken_at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}
