//! An order that expires unpaid.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Customer, TestTenant, catalogue::Products, stock};
use crate::{Endpoints, Report, client::text, poll::poll_within, web_socket::LiveMessages};

pub(super) async fn let_expire(
    endpoints: &Endpoints,
    customer: &Customer,
    acme: &TestTenant,
    products: &Products,
    live: &mut LiveMessages,
    report: &mut Report,
) -> Result<()> {
    let api = customer.api.at(&endpoints.order);
    let body = json!({ "items": [{ "productId": products.rocket, "quantity": 3 }] });
    let order = api
        .post(&format!("/api/orders/{}/create", acme.code), body.clone())
        .await?
        .expect(201)?;
    let id = text(&order, "id")?.to_owned();
    ensure!(
        stock(endpoints, &customer.api, acme, &products.rocket).await? == 0,
        "not all pieces are reserved"
    );
    api.post(&format!("/api/orders/{}/create", acme.code), body)
        .await?
        .expect(409)?;
    report.passed("stock exhausted: another order rejected (409)");

    let path = format!("/api/orders/{}/{id}", acme.code);
    poll_within(
        Duration::from_mins(2),
        "the unpaid order to expire",
        || async {
            let order = api.get(&path).await?.expect(200)?;
            Ok((order["status"] == "EXPIRED").then_some(()))
        },
    )
    .await?;
    live.next("order.expired", |message| {
        message["type"] == "order.expired" && message.to_string().contains(&id)
    })
    .await?;
    report.passed("unpaid → EXPIRED, received over the WebSocket");
    let back = stock(endpoints, &customer.api, acme, &products.rocket).await?;
    ensure!(back == 3, "stock after the expiry is {back} instead of 3");
    report.passed("reserved stock released");
    Ok(())
}
