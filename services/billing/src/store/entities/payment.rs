//! `payment`, in the tenant's database.

use sea_orm::entity::prelude::*;

use crate::domain::{OrderId, PaymentId};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentId,
    #[sea_orm(unique)]
    pub order_id: OrderId,
    pub buyer_id: Uuid,
    /// In minor units of `currency`.
    pub amount: i64,
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text")]
    pub gateway: String,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}
