//! The order is paid and completed.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Customer, PlacedOrder, TestTenant, catalogue::Products};
use crate::{
    Endpoints, Report,
    client::{number, text},
    mail::mail_to,
    poll::poll,
    web_socket::LiveMessages,
};

pub(super) async fn pay(
    endpoints: &Endpoints,
    customer: &Customer,
    acme: &TestTenant,
    products: &Products,
    live: &mut LiveMessages,
    created: Value,
    report: &mut Report,
) -> Result<PlacedOrder> {
    let id = text(&created, "id")?.to_owned();
    let api = customer.api.at(&endpoints.order);
    let path = format!("/api/orders/{}/{id}", acme.code);
    let waiting = poll("the payment request of the billing service", || async {
        let order = api.get(&path).await?.expect(200)?;
        Ok((order["status"] == "WAITING_FOR_PAYMENT").then_some(order))
    })
    .await?;
    let link = text(&waiting, "paymentLink")?;
    text(&waiting, "paymentId")?;
    report.passed(format!(
        "payment requested: {}",
        link.split('?').next().unwrap_or(link)
    ));
    live.next("order.payment_requested", |message| {
        message["type"] == "order.payment_requested" && message.to_string().contains(&id)
    })
    .await?;
    report.passed("payment request received over the WebSocket");
    mail_to(&endpoints.mail_dir, &customer.email, "/api/billing/pay/").await?;
    report.passed("payment request received by e-mail");

    let complete = json!({ "transaction_id": format!("tx-{id}") });
    api.post(&format!("{path}/complete"), complete.clone())
        .await?
        .expect(409)?;
    report.passed("completing the unpaid order rejected (409)");
    let paid = api
        .post(&format!("{path}/payment-received"), json!({}))
        .await?
        .expect(200)?;
    ensure!(paid["status"] == "PAID", "the order is not PAID: {paid}");
    let again = api
        .post(&format!("{path}/payment-received"), json!({}))
        .await?
        .expect(200)?;
    ensure!(
        again["version"] == paid["version"],
        "the second payment notification changed the order: {again}"
    );
    let product = api
        .get(&format!("/api/{}/products/{}", acme.code, products.anvil))
        .await?
        .expect(200)?;
    ensure!(
        number(&product, "/stock")? == 8 && number(&product, "/reserved")? == 0,
        "two pieces are not sold exactly once: {product}"
    );
    report.passed("payment received → PAID; stock reduced once");

    let done = api
        .post(&format!("{path}/complete"), complete)
        .await?
        .expect(200)?;
    ensure!(
        done["status"] == "COMPLETE",
        "the order is not COMPLETE: {done}"
    );
    live.next("order.completed", |message| {
        message["type"] == "order.completed" && message.to_string().contains(&id)
    })
    .await?;
    mail_to(&endpoints.mail_dir, &customer.email, &format!("tx-{id}")).await?;
    report.passed(
        "completed with a transaction_id → COMPLETE; confirmed over the WebSocket and by e-mail",
    );
    Ok(PlacedOrder {
        id,
        order: done,
        waiting,
    })
}
