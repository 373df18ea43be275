//! `event_store`: written by `COPY`, read through this entity.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_store")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub position: i64,
    pub event_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub event_type: String,
    #[sea_orm(column_type = "Text")]
    pub aggregate_type: String,
    #[sea_orm(column_type = "Text")]
    pub aggregate_id: String,
    /// Of the aggregate, after the event; 0 for events that change no version.
    pub version: i64,
    pub tenant_id: Option<Uuid>,
    pub correlation_id: Uuid,
    pub occurred_at: TimeDateTimeWithTimeZone,
    pub recorded_at: TimeDateTimeWithTimeZone,
    #[sea_orm(column_type = "Text")]
    pub topic: String,
    pub partition: i32,
    pub log_offset: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    /// The whole envelope.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
}

impl ActiveModelBehavior for ActiveModel {}
