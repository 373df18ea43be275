//! What is answered: events, and states at any moment.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::fixture::{Fixture, order_created, order_paid, payment_requested};

/// As the store holds it: to the microsecond.
fn stored(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(time.microsecond() * 1000).unwrap()
}

#[tokio::test]
async fn an_order_is_shown_now_at_a_version_and_as_of_a_time() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let acme = house.tenant().await;
    let (code, order, buyer) = (acme.code(), Uuid::now_v7(), Uuid::now_v7());
    house
        .publish(&acme, order, 1, &order_created(code, order, buyer))
        .await;
    let second = house
        .publish(&acme, order, 2, &payment_requested(code, order, buyer))
        .await;
    let third = house
        .publish(&acme, order, 3, &order_paid(code, order, buyer))
        .await;
    house.wait_for(3).await;
    let landlord = house.landlord(&app);
    let show = async |query: &str| {
        landlord
            .get(&format!("/api/aggregates/order/{order}{query}"))
            .await
    };

    let now = show("").await.expect(200);
    let expected = json!({
        "id": order,
        "tenantCode": code,
        "status": "PAID",
        "items": [{
            "productId": Uuid::from_u128(4),
            "name": "Anvil",
            "quantity": 2,
            "unitPrice": {"amount": 1999, "currency": "EUR"},
            "total": {"amount": 3998, "currency": "EUR"},
        }],
        "total": {"amount": 3998, "currency": "EUR"},
        "paymentId": Uuid::from_u128(5),
        "paymentLink": "http://pay/5",
        "createdAt": "2025-11-21T01:48:12Z",
        "updatedAt": stored(third.time).format(&Rfc3339).unwrap(),
        "version": 3,
    });
    assert_eq!(now["state"], expected);
    assert_eq!(
        (&now["version"], &now["complete"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(now["lastEvent"]["id"], json!(third.id));

    let status_at = async |query: &str| show(query).await.expect(200)["state"]["status"].clone();
    assert_eq!(status_at("?version=1").await, "CREATED");
    assert_eq!(status_at("?version=2").await, "WAITING_FOR_PAYMENT");
    let as_of = |time: OffsetDateTime| format!("?as_of={}", time.format(&Rfc3339).unwrap());
    let then = stored(second.time);
    assert_eq!(status_at(&as_of(then)).await, "WAITING_FOR_PAYMENT");
    assert_eq!(show(&as_of(then - Duration::hours(1))).await.status, 404);

    for wrong in [
        "?version=0",
        "?version=1&as_of=2025-01-01T00:00:00Z",
        "?as_of=then",
        "?what=1",
    ] {
        assert_eq!(
            show(wrong).await.problem(),
            "/problems/invalid-input",
            "{wrong}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn events_are_found_by_each_filter_and_page_by_cursor() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let (acme, other, buyer) = (house.tenant().await, house.tenant().await, Uuid::now_v7());
    let (order, elsewhere) = (Uuid::now_v7(), Uuid::now_v7());
    let first = house
        .publish(&acme, order, 1, &order_created(acme.code(), order, buyer))
        .await;
    house
        .publish(
            &acme,
            order,
            2,
            &payment_requested(acme.code(), order, buyer),
        )
        .await;
    house
        .publish(
            &other,
            elsewhere,
            1,
            &order_created(other.code(), elsewhere, buyer),
        )
        .await;
    house.wait_for(3).await;
    let landlord = house.landlord(&app);
    let find = async |query: &str| {
        landlord
            .get(&format!("/api/events?{query}"))
            .await
            .expect(200)
    };
    let found = |body: Value| body["data"].as_array().unwrap().len();

    assert_eq!(found(find("").await), 3);
    assert_eq!(
        found(find(&format!("tenant={}", acme.tenant.id.0)).await),
        2
    );
    assert_eq!(found(find("type=order.created").await), 2);
    assert_eq!(
        found(find(&format!("aggregate=order&aggregateId={order}")).await),
        2
    );
    assert_eq!(
        found(find(&format!("correlation={}", first.correlation_id)).await),
        1
    );
    assert_eq!(found(find("to=2025-01-01T00:00:00Z").await), 0);
    assert_eq!(found(find("from=2025-01-01T00:00:00Z").await), 3);

    let event = &find("type=order.created&per_page=1").await["data"][0];
    assert_eq!(event["type"], "order.created");
    assert_eq!(
        event["data"]["createdAt"], "2025-11-21T01:48:12Z",
        "times are readable"
    );

    let mut seen = Vec::new();
    let mut path = "/api/events?per_page=2".to_owned();
    loop {
        let page = landlord.get(&path).await.expect(200);
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["id"].clone()),
        );
        let Some(next) = page["links"]["next"].as_str() else {
            break;
        };
        path = next.to_owned();
    }
    assert_eq!(seen.len(), 3);

    for wrong in [
        "per_page=0",
        "per_page=501",
        "from=then",
        "correlation=x",
        "what=else",
    ] {
        let reply = landlord.get(&format!("/api/events?{wrong}")).await;
        assert_eq!(reply.problem(), "/problems/invalid-input", "{wrong}");
    }
    app.stop().await;
}
