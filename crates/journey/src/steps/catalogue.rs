//! Products.

use anyhow::Result;
use serde_json::json;

use super::Shop;
use crate::{Places, Report, api::text};

/// The ids of the products: one to buy, one to let expire.
pub struct Products {
    pub anvil: String,
    pub rocket: String,
}

pub(super) async fn put_up(places: &Places, acme: &Shop, report: &mut Report) -> Result<Products> {
    let admin = acme.admin.at(&places.order);
    let path = format!("/api/{}/products", acme.code);
    let mut ids = Vec::new();
    for (name, price, stock) in [("Anvil", 1999, 10), ("Rocket skates", 24900, 3)] {
        let body = json!({ "name": name, "price": { "amount": price, "currency": "EUR" }, "stock": stock });
        let product = admin.post(&path, body).await?.expect(201)?;
        ids.push(text(&product, "id")?.to_owned());
        report.saw(format!("{name}: {price} minor units EUR, {stock} pieces"));
    }
    let listed = admin
        .get(&format!("{path}?search=rocket&sort=-price"))
        .await?
        .expect(200)?;
    anyhow::ensure!(
        listed["meta"]["total"] == 1,
        "the search finds one product: {listed}"
    );
    report.saw("the list is searched, sorted and paged");
    let rocket = ids.pop().unwrap_or_default();
    Ok(Products {
        anvil: ids.pop().unwrap_or_default(),
        rocket,
    })
}
