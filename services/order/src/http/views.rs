//! Request and response bodies.

use money::Money;
use serde::{Deserialize, Deserializer, Serialize};
use tenancy::TenantCode;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::{
    Description, Item, NewProduct, Order, OrderId, PaymentId, Price, Product, ProductId,
    ProductName, ProductPatch, RequestedItems, Status, Stock,
};

/// A product to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProduct {
    name: ProductName,
    description: Option<Description>,
    price: Price,
    stock: Stock,
}

impl From<CreateProduct> for NewProduct {
    fn from(body: CreateProduct) -> Self {
        Self {
            name: body.name,
            description: body.description,
            price: body.price,
            stock: body.stock,
        }
    }
}

/// Changes to a product; absent fields stay, and a `description` of null removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three cases"
)]
pub struct UpdateProduct {
    name: Option<ProductName>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<Description>>,
    price: Option<Price>,
    stock: Option<Stock>,
}

/// Distinguishes null from absent.
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three cases"
)]
fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Description>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<UpdateProduct> for ProductPatch {
    fn from(body: UpdateProduct) -> Self {
        Self {
            name: body.name,
            description: body.description,
            price: body.price,
            stock: body.stock,
        }
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductView {
    id: ProductId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Money,
    /// Stock that can be sold.
    stock: i64,
    /// Stock reserved for unpaid orders.
    reserved: i64,
    version: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            name: product.name,
            description: product.description,
            price: product.price,
            stock: product.stock,
            reserved: product.reserved,
            version: product.version,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

/// An order to be placed: 1 to 100 lines, each of a different product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOrder {
    #[schema(value_type = Vec<crate::domain::Line>, min_items = 1, max_items = 100)]
    pub(super) items: RequestedItems,
}

/// The transaction that completes an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteOrder {
    pub(super) transaction_id: TransactionId,
}

/// The id of an external transaction: 1 to 200 characters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub struct TransactionId(pub(super) String);

impl TryFrom<String> for TransactionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        if (1..=200).contains(&text.chars().count()) && !text.contains('\0') {
            Ok(Self(text.to_owned()))
        } else {
            Err("should be 1 to 200 characters")
        }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    id: OrderId,
    #[schema(value_type = String)]
    tenant_code: TenantCode,
    status: Status,
    items: Vec<Item>,
    total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    version: i64,
}

impl OrderView {
    /// An order of this tenant.
    pub fn new(tenant_code: &TenantCode, order: Order) -> Self {
        let (payment_id, payment_link) = order
            .payment
            .map(|payment| (payment.id, payment.link))
            .unzip();
        Self {
            id: order.id,
            tenant_code: tenant_code.clone(),
            status: order.status,
            items: order.items,
            total: order.total,
            payment_id,
            payment_link,
            transaction_id: order.transaction_id,
            created_at: order.created_at,
            updated_at: order.updated_at,
            version: order.version,
        }
    }
}
