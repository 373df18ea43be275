//! What is answered: events, and states at any moment.

use serde_json::{Value, json};
use time::{Duration, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::world::{order_created, order_paid, payment_requested, with_world};

#[tokio::test]
async fn an_order_is_shown_now_at_a_version_and_as_of_a_time() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        let (tenant, order, buyer) = (world.tenant("acme"), Uuid::now_v7(), Uuid::now_v7());
        world
            .publish(&tenant, order, 1, &order_created(&tenant, order, buyer))
            .await;
        let second = world
            .publish(&tenant, order, 2, &payment_requested(&tenant, order, buyer))
            .await;
        let third = world
            .publish(&tenant, order, 3, &order_paid(&tenant, order, buyer))
            .await;
        world.wait_for(3).await;
        let landlord = world.landlord();
        let show = async |query: &str| {
            world
                .get(
                    &app,
                    &landlord,
                    &format!("/api/aggregates/order/{order}{query}"),
                )
                .await
        };

        let (status, now) = show("").await;
        assert_eq!(status, 200, "{now}");
        let micros = third.time.microsecond() * 1000;
        let updated = third.time.replace_nanosecond(micros).unwrap();
        let expected = json!({
            "id": order,
            "tenantCode": "acme",
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
            "updatedAt": updated.format(&Rfc3339).unwrap(),
            "version": 3,
        });
        assert_eq!(now["state"], expected);
        assert_eq!(
            (&now["version"], &now["complete"]),
            (&json!(3), &json!(true))
        );
        assert_eq!(now["lastEvent"]["id"], json!(third.id));

        let status_at = |body: Value| body["state"]["status"].clone();
        assert_eq!(status_at(show("?version=1").await.1), "CREATED");
        assert_eq!(status_at(show("?version=2").await.1), "WAITING_FOR_PAYMENT");
        let micros = second.time.microsecond() * 1000;
        let then = second.time.replace_nanosecond(micros).unwrap();
        let as_of =
            |time: time::OffsetDateTime| format!("?as_of={}", time.format(&Rfc3339).unwrap());
        assert_eq!(status_at(show(&as_of(then)).await.1), "WAITING_FOR_PAYMENT");
        assert_eq!(show(&as_of(then - Duration::hours(1))).await.0, 404);

        assert_eq!(show("?version=0").await.0, 400);
        assert_eq!(show("?version=1&as_of=2025-01-01T00:00:00Z").await.0, 400);
        assert_eq!(show("?as_of=yesterday").await.0, 400);
        assert_eq!(show("?unknown=1").await.0, 400);
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn events_are_found_by_each_filter_and_page_by_cursor() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        let (tenant, other, buyer) = (world.tenant("acme"), world.tenant("other"), Uuid::now_v7());
        let (order, elsewhere) = (Uuid::now_v7(), Uuid::now_v7());
        let first = world
            .publish(&tenant, order, 1, &order_created(&tenant, order, buyer))
            .await;
        world
            .publish(&tenant, order, 2, &payment_requested(&tenant, order, buyer))
            .await;
        world
            .publish(
                &other,
                elsewhere,
                1,
                &order_created(&other, elsewhere, buyer),
            )
            .await;
        world.wait_for(3).await;
        let landlord = world.landlord();
        let find = async |query: &str| {
            let (status, body) = world
                .get(&app, &landlord, &format!("/api/events?{query}"))
                .await;
            assert_eq!(status, 200, "{body}");
            body
        };
        let found = |body: Value| body["data"].as_array().unwrap().len();

        assert_eq!(found(find("").await), 3);
        assert_eq!(found(find(&format!("tenant={}", tenant.id)).await), 2);
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
            let (_, page) = world.get(&app, &landlord, &path).await;
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
            assert_eq!(
                world
                    .get(&app, &landlord, &format!("/api/events?{wrong}"))
                    .await
                    .0,
                400,
                "{wrong}"
            );
        }
        app.stop().await;
    })
    .await;
}
