//! `product`, in the tenant's database.

use sea_orm::entity::prelude::*;

use crate::domain::ProductId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    /// In minor units of `currency`.
    pub price: i64,
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    pub stock: i64,
    pub reserved: i64,
    pub version: i64,
    pub created_at: TimeDateTimeWithTimeZone,
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Deleted products stay for the orders that hold pieces of them.
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
}

impl ActiveModelBehavior for ActiveModel {}
