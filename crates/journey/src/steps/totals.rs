//! What customer and admins read.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Person, Shop};
use crate::{
    Places, Report,
    api::{Api, number, text},
    until::until,
};

pub(super) async fn read(
    places: &Places,
    landlord: &Api,
    customer: &Person,
    acme: &Shop,
    globex: &Shop,
    report: &mut Report,
) -> Result<()> {
    let body = json!({ "name": "Portable hole", "price": { "amount": 500, "currency": "EUR" }, "stock": 5 });
    let product = globex
        .admin
        .at(&places.order)
        .post(&format!("/api/{}/products", globex.code), body)
        .await?
        .expect(201)?;
    let api = customer.api.at(&places.order);
    let body = json!({ "items": [{ "productId": text(&product, "id")?, "quantity": 1 }] });
    api.post(&format!("/api/orders/{}/create", globex.code), body)
        .await?
        .expect(201)?;

    let own = api
        .get("/api/orders?page=1&per_page=10")
        .await?
        .expect(200)?;
    let orders = own["data"].as_array().cloned().unwrap_or_default();
    let at = |code: &str| {
        orders
            .iter()
            .filter(|order| order["tenantCode"] == *code)
            .count()
    };
    ensure!(
        own["meta"]["total"] == 3 && at(&acme.code) == 2 && at(&globex.code) == 1,
        "two orders at {} and one at {}: {own}",
        acme.code,
        globex.code
    );
    report.saw(format!(
        "she lists 3 orders over {} and {}",
        acme.code, globex.code
    ));

    let path = format!("/api/{}/analytics", acme.code);
    let totals = until("the figures to agree with the orders made", || async {
        let figures = acme
            .admin
            .at(&places.analytics)
            .get(&path)
            .await?
            .expect(200)?;
        ensure!(
            figures["status"] == "success",
            "figures come with status success: {figures}"
        );
        let agree = figures["data"]["totalOrders"] == 2
            && figures["data"]["totalRevenue"] == json!({ "amount": 3998, "currency": "EUR" })
            && number(&figures, "/data/activeUsers")? >= 1;
        Ok(agree.then_some(figures))
    })
    .await?;
    report.saw(format!(
        "{}'s admin sees {} orders, revenue {} minor units, {} active users: they agree",
        acme.code,
        totals["data"]["totalOrders"],
        number(&totals, "/data/totalRevenue/amount")?,
        totals["data"]["activeUsers"]
    ));
    let platform = landlord
        .at(&places.analytics)
        .get("/api/analytics")
        .await?
        .expect(200)?;
    report.saw(format!(
        "the landlord sees {} orders on the platform",
        number(&platform, "/data/totalOrders")?
    ));
    Ok(())
}
