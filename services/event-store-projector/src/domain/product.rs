//! A product of a tenant's catalogue.

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::{
    Money,
    order::{ProductCreated, ProductDeleted, ProductStockChanged, ProductUpdated},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Life, Shown, begun, read, shown};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    id: Uuid,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    price: Money,
    stock: i64,
    reserved: i64,
    deleted: bool,
    #[serde(flatten)]
    life: Life,
}

/// A product: what it is, what it costs, what is left of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ProductFold(Option<Product>);

impl Fold for ProductFold {
    const NAME: &'static str = "product/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        if event_type == ProductCreated::TYPE {
            let event: ProductCreated = read(payload)?;
            self.0 = Some(Product {
                id: event.product_id,
                name: event.name,
                description: event.description,
                price: event.price,
                stock: event.stock,
                reserved: event.reserved,
                deleted: false,
                life: Life::begin(envelope),
            });
            return Ok(());
        }
        let product = begun(&mut self.0, ProductCreated::TYPE)?;
        match event_type {
            ProductUpdated::TYPE => {
                let event: ProductUpdated = read(payload)?;
                product.name = event.name;
                product.description = event.description;
                product.price = event.price;
                product.stock = event.stock;
                product.reserved = event.reserved;
            }
            ProductStockChanged::TYPE => {
                let event: ProductStockChanged = read(payload)?;
                product.stock = event.stock;
                product.reserved = event.reserved;
            }
            ProductDeleted::TYPE => product.deleted = true,
            _ => {}
        }
        product.life.go_on(envelope);
        Ok(())
    }
}

impl Shown for ProductFold {
    fn view(&self) -> Option<Value> {
        shown(self.0.as_ref())
    }
}
