//! A tenant administrator creates products.

use anyhow::Result;
use serde_json::json;

use super::TestTenant;
use crate::{Endpoints, Report, client::text};

/// The ids of the products: one to buy, one for the order that expires.
pub struct Products {
    pub anvil: String,
    pub rocket: String,
}

pub(super) async fn create_products(
    endpoints: &Endpoints,
    acme: &TestTenant,
    report: &mut Report,
) -> Result<Products> {
    let admin = acme.admin.at(&endpoints.order);
    let path = format!("/api/{}/products", acme.code);
    let mut ids = Vec::new();
    for (name, price, stock) in [("Anvil", 1999, 10), ("Rocket skates", 24900, 3)] {
        let body = json!({ "name": name, "price": { "amount": price, "currency": "EUR" }, "stock": stock });
        let product = admin.post(&path, body).await?.expect(201)?;
        ids.push(text(&product, "id")?.to_owned());
        report.passed(format!("created {name}: {price} EUR cents, stock {stock}"));
    }
    let listed = admin
        .get(&format!("{path}?search=rocket&sort=-price"))
        .await?
        .expect(200)?;
    anyhow::ensure!(
        listed["meta"]["total"] == 1,
        "the search does not find one product: {listed}"
    );
    report.passed("the product list can be searched, sorted and paged");
    let rocket = ids.pop().unwrap_or_default();
    Ok(Products {
        anvil: ids.pop().unwrap_or_default(),
        rocket,
    })
}
