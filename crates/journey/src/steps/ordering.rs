//! A customer registers, listens and orders.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Person, Shop, catalogue::Products, register, stock};
use crate::{
    Places, Report,
    api::{Api, text},
    live::Live,
    mail::mail_to,
    until::until,
};

pub(super) async fn order(
    places: &Places,
    landlord: &Api,
    acme: &Shop,
    products: &Products,
    report: &mut Report,
) -> Result<(Person, Live, Value)> {
    let customer = register(places, "Carla").await?;
    report.saw("POST /api/auth/register; she logs in");
    mail_to(&places.mail_dir, &customer.email, "elcome").await?;
    report.saw("the welcome mail is there");
    audited(places, landlord, &customer).await?;
    report.saw("the audit shows audit.action.performed for her registration");

    let token = customer.api.token().unwrap_or_default();
    let live = Live::open(&places.notification, token).await?;
    report.saw("the WebSocket is open");

    let api = customer.api.at(&places.order);
    let path = format!("/api/orders/{}/create", acme.code);
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 2 }] });
    let keyed = api.header("idempotency-key", &uuid::Uuid::new_v4().to_string());
    let first = keyed.post(&path, body.clone()).await?.expect(201)?;
    let again = keyed.post(&path, body.clone()).await?.expect(201)?;
    ensure!(
        first == again,
        "the same key gave two answers:\n{first}\n{again}"
    );
    ensure!(
        first["total"] == json!({ "amount": 3998, "currency": "EUR" }),
        "2 × 1999 is 3998: {first}"
    );
    let own = api.get("/api/orders").await?.expect(200)?;
    ensure!(
        own["meta"]["total"] == 1,
        "the same key made more than one order: {own}"
    );
    report.saw("ordered twice with one Idempotency-Key: one order, the same answer");
    let other = json!({ "items": [{ "productId": products.anvil, "quantity": 3 }] });
    keyed.post(&path, other).await?.expect(422)?;
    report.saw("the same key with another body is refused (422)");
    let left = stock(places, &customer.api, acme, &products.anvil).await?;
    ensure!(left == 8, "2 of 10 pieces are reserved, {left} are left");
    report.saw("2 of 10 pieces are reserved");
    Ok((customer, live, first))
}

async fn audited(places: &Places, landlord: &Api, customer: &Person) -> Result<()> {
    let store = landlord.at(&places.event_store);
    let path = format!(
        "/api/events?type=user.registered&aggregate=user&aggregateId={}",
        customer.id
    );
    let registered = until("user.registered in the event store", || async {
        let events = store.get(&path).await?.expect(200)?;
        Ok(events["data"]
            .as_array()
            .and_then(|events| events.first().cloned()))
    })
    .await?;
    let correlation = text(&registered, "correlationId")?;
    let path = format!("/api/events?type=audit.action.performed&correlation={correlation}");
    until("the audit entry of the registration", || async {
        let events = store.get(&path).await?.expect(200)?;
        Ok(events["data"]
            .as_array()
            .is_some_and(|events| !events.is_empty())
            .then_some(()))
    })
    .await
}
