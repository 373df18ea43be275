//! A customer registers, opens a WebSocket and places an order.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Customer, TestTenant, catalogue::Products, register, stock};
use crate::{
    Endpoints, Report,
    client::{Client, text},
    mail::mail_to,
    poll::poll,
    web_socket::LiveMessages,
};

pub(super) async fn order(
    endpoints: &Endpoints,
    platform_admin: &Client,
    acme: &TestTenant,
    products: &Products,
    report: &mut Report,
) -> Result<(Customer, LiveMessages, Value)> {
    let customer = register(endpoints, "Carla").await?;
    report.passed("POST /api/auth/register; login succeeds");
    mail_to(&endpoints.mail_dir, &customer.email, "elcome").await?;
    report.passed("welcome e-mail received");
    audited(endpoints, platform_admin, &customer).await?;
    report.passed("audit.action.performed recorded for the registration");

    let token = customer.api.token().unwrap_or_default();
    let live = LiveMessages::open(&endpoints.notification, token).await?;
    report.passed("WebSocket opened");

    let api = customer.api.at(&endpoints.order);
    let path = format!("/api/orders/{}/create", acme.code);
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 2 }] });
    let keyed = api.header("idempotency-key", &uuid::Uuid::new_v4().to_string());
    let first = keyed.post(&path, body.clone()).await?.expect(201)?;
    let again = keyed.post(&path, body.clone()).await?.expect(201)?;
    ensure!(
        first == again,
        "the same idempotency key returned two responses:\n{first}\n{again}"
    );
    ensure!(
        first["total"] == json!({ "amount": 3998, "currency": "EUR" }),
        "the total is not 2 × 1999 = 3998: {first}"
    );
    let own = api.get("/api/orders").await?.expect(200)?;
    ensure!(
        own["meta"]["total"] == 1,
        "the same idempotency key created more than one order: {own}"
    );
    report.passed("two requests with the same Idempotency-Key: one order, same response");
    let other = json!({ "items": [{ "productId": products.anvil, "quantity": 3 }] });
    keyed.post(&path, other).await?.expect(422)?;
    report.passed("same Idempotency-Key with another body rejected (422)");
    let left = stock(endpoints, &customer.api, acme, &products.anvil).await?;
    ensure!(left == 8, "stock after reserving 2 of 10 is {left}");
    report.passed("stock reserved: 2 of 10");
    Ok((customer, live, first))
}

async fn audited(
    endpoints: &Endpoints,
    platform_admin: &Client,
    customer: &Customer,
) -> Result<()> {
    let store = platform_admin.at(&endpoints.event_store);
    let path = format!(
        "/api/events?type=user.registered&aggregate=user&aggregateId={}",
        customer.id
    );
    let registered = poll("user.registered in the event store", || async {
        let events = store.get(&path).await?.expect(200)?;
        Ok(events["data"]
            .as_array()
            .and_then(|events| events.first().cloned()))
    })
    .await?;
    let correlation = text(&registered, "correlationId")?;
    let path = format!("/api/events?type=audit.action.performed&correlation={correlation}");
    poll("the audit entry of the registration", || async {
        let events = store.get(&path).await?.expect(200)?;
        Ok(events["data"]
            .as_array()
            .is_some_and(|events| !events.is_empty())
            .then_some(()))
    })
    .await
}
