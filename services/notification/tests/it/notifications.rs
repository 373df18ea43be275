//! A user's own notifications over HTTP.

use events::notification::InAppCreated;
use serde_json::{Value, json};
use testkit::{Client, eventually};
use uuid::Uuid;

use crate::fixture::{Fixture, Order};

/// The first page, once the list has `total` rows.
async fn notifications(client: &Client, total: i64) -> Value {
    eventually(&format!("{total} notifications"), || async {
        let page = client.get("/api/notifications").await.expect(200);
        (page["meta"]["total"] == total).then_some(page)
    })
    .await
}

#[tokio::test]
async fn a_buyers_list_has_every_step_of_an_order_newest_first() {
    let fixture = Fixture::shared().await;
    let (caller, token) = fixture.world.identity().customer();
    let client = fixture.client(&token);
    let tenant = fixture.tenant().await;
    let order = Order::of(fixture, &tenant, caller.user_id.as_uuid());
    order.created().await;
    order.payment_requested().await;
    order.paid().await;
    let last = order.expired().await;
    for _ in 0..3 {
        order.expired_again(last).await;
    }
    let page = notifications(&client, 4).await;
    let types: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "order.expired",
            "order.paid",
            "order.payment_requested",
            "order.created"
        ]
    );
    let newest = &page["data"][0];
    assert_eq!(newest["tenantCode"], tenant.code());
    assert_eq!(newest["data"]["orderId"], order.id.to_string());
    assert_eq!(newest["data"]["status"], "EXPIRED");
    assert_eq!(
        newest["data"]["total"],
        json!({ "amount": 3998, "currency": "EUR" })
    );
    assert_eq!(newest["data"]["notificationId"], newest["id"]);
    let event = fixture
        .log
        .wait_for_single::<InAppCreated>(newest["id"].as_str().unwrap())
        .await;
    assert_eq!(event.payload["userId"], caller.user_id.to_string());
    assert_eq!(event.payload["cause"], "order.expired");

    let second = client
        .get("/api/notifications?page=2&per_page=3")
        .await
        .expect(200);
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["data"][0]["type"], "order.created");
    assert_eq!(
        second["links"]["prev"],
        "/api/notifications?page=1&per_page=3"
    );
}

#[tokio::test]
async fn only_the_owner_can_mark_a_notification_read_and_the_first_time_stays() {
    let fixture = Fixture::shared().await;
    let (caller, token) = fixture.world.identity().customer();
    let client = fixture.client(&token);
    let tenant = fixture.tenant().await;
    Order::of(fixture, &tenant, caller.user_id.as_uuid())
        .paid()
        .await;
    let notification = notifications(&client, 1).await["data"][0].clone();
    assert!(notification.get("readAt").is_none());
    let path = format!(
        "/api/notifications/{}/read",
        notification["id"].as_str().unwrap()
    );

    let (_, other) = fixture.world.identity().customer();
    let (_, admin) = fixture.world.identity().admin_of(&tenant);
    for stranger in [other, admin] {
        assert_eq!(
            fixture
                .client(&stranger)
                .post(&path, json!({}))
                .await
                .problem(),
            "/problems/not-found"
        );
    }
    assert_eq!(client.anonymous().post(&path, json!({})).await.status, 401);

    let read = client.post(&path, json!({})).await.expect(200);
    assert!(read["readAt"].is_string());
    assert_eq!(client.post(&path, json!({})).await.expect(200), read);
    assert_eq!(
        client.get("/api/notifications").await.expect(200)["data"][0],
        read
    );
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let fixture = Fixture::shared().await;
    let (_, token) = fixture.world.identity().customer();
    let client = fixture.client(&token);
    assert_eq!(
        client.anonymous().get("/api/notifications").await.status,
        401
    );
    for query in ["page=0", "per_page=101", "user=1"] {
        let answer = client.get(&format!("/api/notifications?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem()),
            (400, "/problems/invalid-input"),
            "{query}"
        );
    }
    let unknown = format!("/api/notifications/{}/read", Uuid::now_v7());
    assert_eq!(client.post(&unknown, json!({})).await.status, 404);
    let api = client.get("/api/docs/openapi.json").await.expect(200);
    for path in [
        "/api/notifications",
        "/api/notifications/{id}/read",
        "/api/notifications/ws",
    ] {
        assert!(api["paths"].get(path).is_some(), "{path}");
    }
}
