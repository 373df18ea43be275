//! Messages that cannot be processed.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Person, Shop, catalogue::Products};
use crate::{
    Places, Report,
    api::text,
    dead_letters::{find, put},
    until::until,
};

const TOPIC: &str = "order.events";

pub(super) async fn put_and_find(
    places: &Places,
    customer: &Person,
    acme: &Shop,
    products: &Products,
    report: &mut Report,
) -> Result<()> {
    let garbage = format!("not an event {}", uuid::Uuid::new_v4());
    put_record(places, &acme.id, &garbage, &[]).await?;
    set_aside(places, &garbage, report, "a message that is no event").await?;

    let lost = format!("no tenant {}", uuid::Uuid::new_v4());
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
    put_record(places, &subject, &lost, &headers).await?;
    set_aside(
        places,
        &lost,
        report,
        "an order.created without tenant context",
    )
    .await?;

    let api = customer.api.at(&places.order);
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 1 }] });
    let order = api
        .post(&format!("/api/orders/{}/create", acme.code), body)
        .await?
        .expect(201)?;
    let path = format!("/api/orders/{}/{}", acme.code, text(&order, "id")?);
    until(
        "an order behind the bad messages to be asked for its payment",
        || async {
            let order = api.get(&path).await?.expect(200)?;
            Ok((order["status"] == "WAITING_FOR_PAYMENT").then_some(()))
        },
    )
    .await?;
    report.saw("an order placed behind them goes its way");
    Ok(())
}

async fn put_record(
    places: &Places,
    key: &str,
    payload: &str,
    headers: &[(&str, &str)],
) -> Result<()> {
    put(&places.bus, TOPIC, key, payload.as_bytes(), headers).await
}

async fn set_aside(places: &Places, payload: &str, report: &mut Report, what: &str) -> Result<()> {
    let letters = until(&format!("{what} in {TOPIC}.dlq"), || async {
        let letters = find(&places.bus, TOPIC, payload.as_bytes()).await?;
        Ok((!letters.is_empty()).then_some(letters))
    })
    .await?;
    for letter in &letters {
        ensure!(
            letter.payload == payload.as_bytes(),
            "the bytes were changed"
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
                "a dead letter tells no {header}: {:?}",
                letter.headers
            );
        }
    }
    let reason = letters[0]
        .headers
        .get("dlq-error")
        .map_or("", String::as_str);
    report.saw(format!(
        "{what} → {TOPIC}.dlq: “{}”",
        reason.chars().take(80).collect::<String>()
    ));
    Ok(())
}
