//! Messages that cannot be processed go to the dead-letter topic.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Customer, TestTenant, catalogue::Products};
use crate::{
    Endpoints, Report,
    client::text,
    dead_letters::{find, publish},
    poll::poll,
};

const TOPIC: &str = "order.events";

pub(super) async fn publish_and_find(
    endpoints: &Endpoints,
    customer: &Customer,
    acme: &TestTenant,
    products: &Products,
    report: &mut Report,
) -> Result<()> {
    let garbage = format!("not an event {}", uuid::Uuid::new_v4());
    publish_record(endpoints, &acme.id, &garbage, &[]).await?;
    expect_dead_letter(endpoints, &garbage, report, "message that is not an event").await?;

    let without_tenant = format!("no tenant {}", uuid::Uuid::new_v4());
    let (id, subject) = (
        uuid::Uuid::now_v7().to_string(),
        uuid::Uuid::now_v7().to_string(),
    );
    let time =
        time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339)?;
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", &*id),
        ("ce_type", "order.created"),
        ("ce_source", "/journey"),
        ("ce_time", &*time),
        ("ce_subject", &*subject),
        ("content-type", "application/avro"),
    ];
    publish_record(endpoints, &subject, &without_tenant, &headers).await?;
    expect_dead_letter(
        endpoints,
        &without_tenant,
        report,
        "order.created without tenant context",
    )
    .await?;

    let api = customer.api.at(&endpoints.order);
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 1 }] });
    let order = api
        .post(&format!("/api/orders/{}/create", acme.code), body)
        .await?
        .expect(201)?;
    let path = format!("/api/orders/{}/{}", acme.code, text(&order, "id")?);
    poll(
        "the payment request of an order placed after the invalid messages",
        || async {
            let order = api.get(&path).await?.expect(200)?;
            Ok((order["status"] == "WAITING_FOR_PAYMENT").then_some(()))
        },
    )
    .await?;
    report.passed("a later order is processed");
    Ok(())
}

async fn publish_record(
    endpoints: &Endpoints,
    key: &str,
    payload: &str,
    headers: &[(&str, &str)],
) -> Result<()> {
    publish(&endpoints.bus, TOPIC, key, payload.as_bytes(), headers).await
}

async fn expect_dead_letter(
    endpoints: &Endpoints,
    payload: &str,
    report: &mut Report,
    what: &str,
) -> Result<()> {
    let letters = poll(&format!("{what} in {TOPIC}.dlq"), || async {
        let letters = find(&endpoints.bus, TOPIC, payload.as_bytes()).await?;
        Ok((!letters.is_empty()).then_some(letters))
    })
    .await?;
    for letter in &letters {
        ensure!(
            letter.payload == payload.as_bytes(),
            "the payload was changed"
        );
        for header in [
            "dlq-original-topic",
            "dlq-original-offset",
            "dlq-group",
            "dlq-error",
            "dlq-error-class",
            "dlq-attempts",
        ] {
            ensure!(
                letter.headers.contains_key(header),
                "the dead letter has no header {header}: {:?}",
                letter.headers
            );
        }
    }
    let reason = letters[0]
        .headers
        .get("dlq-error")
        .map_or("", String::as_str);
    report.passed(format!(
        "{what} → {TOPIC}.dlq: “{}”",
        reason.chars().take(80).collect::<String>()
    ));
    Ok(())
}
