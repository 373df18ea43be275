//! `customer_order`, in the tenant's database.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::domain::{Item, OrderId, PaymentId};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    pub buyer_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub buyer_email: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub items: Items,
    /// In minor units of `currency`.
    pub total: i64,
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    pub payment_id: Option<PaymentId>,
    #[sea_orm(column_type = "Text")]
    pub payment_link: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub payment_gateway: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub transaction_id: Option<String>,
    pub created_at: TimeDateTimeWithTimeZone,
    pub expires_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
    pub version: i64,
}

/// The order's lines as JSON; they never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct Items(pub Vec<Item>);

impl ActiveModelBehavior for ActiveModel {}
