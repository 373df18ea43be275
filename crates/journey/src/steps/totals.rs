//! Order lists and analytics.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Customer, TestTenant};
use crate::{
    Endpoints, Report,
    client::{Client, number, text},
    poll::poll,
};

pub(super) async fn read(
    endpoints: &Endpoints,
    platform_admin: &Client,
    customer: &Customer,
    acme: &TestTenant,
    globex: &TestTenant,
    report: &mut Report,
) -> Result<()> {
    let body = json!({ "name": "Portable hole", "price": { "amount": 500, "currency": "EUR" }, "stock": 5 });
    let product = globex
        .admin
        .at(&endpoints.order)
        .post(&format!("/api/{}/products", globex.code), body)
        .await?
        .expect(201)?;
    let api = customer.api.at(&endpoints.order);
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
        "the list does not have two orders of {} and one of {}: {own}",
        acme.code,
        globex.code
    );
    report.passed(format!(
        "customer lists 3 orders of {} and {}",
        acme.code, globex.code
    ));

    let path = format!("/api/{}/analytics", acme.code);
    let totals = poll("the analytics to include all orders", || async {
        let figures = acme
            .admin
            .at(&endpoints.analytics)
            .get(&path)
            .await?
            .expect(200)?;
        ensure!(
            figures["status"] == "success",
            "analytics without status success: {figures}"
        );
        let agree = figures["data"]["totalOrders"] == 2
            && figures["data"]["totalRevenue"] == json!({ "amount": 3998, "currency": "EUR" })
            && number(&figures, "/data/activeUsers")? >= 1;
        Ok(agree.then_some(figures))
    })
    .await?;
    report.passed(format!(
        "analytics of {}: {} orders, revenue {} EUR cents, {} active users",
        acme.code,
        totals["data"]["totalOrders"],
        number(&totals, "/data/totalRevenue/amount")?,
        totals["data"]["activeUsers"]
    ));
    let platform = platform_admin
        .at(&endpoints.analytics)
        .get("/api/analytics")
        .await?
        .expect(200)?;
    report.passed(format!(
        "analytics of the platform: {} orders",
        number(&platform, "/data/totalOrders")?
    ));
    Ok(())
}
