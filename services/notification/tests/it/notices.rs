//! One's own notices over HTTP.

use events::notification::InAppCreated;
use serde_json::{Value, json};
use testkit::{Client, eventually};
use uuid::Uuid;

use crate::house::{House, Order};

/// The first page, once the list holds so many.
async fn notices(client: &Client, total: i64) -> Value {
    eventually(&format!("{total} notices"), || async {
        let page = client.get("/api/notifications").await.expect(200);
        (page["meta"]["total"] == total).then_some(page)
    })
    .await
}

#[tokio::test]
async fn every_step_of_an_order_is_in_its_buyers_list_newest_first() {
    let house = House::shared().await;
    let (caller, token) = house.world.identity().customer();
    let client = house.client(&token);
    let tenant = house.tenant().await;
    let order = Order::of(house, &tenant, caller.user_id.as_uuid());
    order.created().await;
    order.payment_requested().await;
    order.paid().await;
    let last = order.expired().await;
    for _ in 0..3 {
        order.expired_again(last).await;
    }
    let page = notices(&client, 4).await;
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
    let event = house
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
async fn a_notice_is_read_by_its_owner_alone_and_once() {
    let house = House::shared().await;
    let (caller, token) = house.world.identity().customer();
    let client = house.client(&token);
    let tenant = house.tenant().await;
    Order::of(house, &tenant, caller.user_id.as_uuid())
        .paid()
        .await;
    let notice = notices(&client, 1).await["data"][0].clone();
    assert!(notice.get("readAt").is_none());
    let path = format!("/api/notifications/{}/read", notice["id"].as_str().unwrap());

    let (_, other) = house.world.identity().customer();
    let (_, admin) = house.world.identity().admin_of(&tenant);
    for stranger in [other, admin] {
        assert_eq!(
            house
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
async fn who_asks_wrongly_is_told_so() {
    let house = House::shared().await;
    let (_, token) = house.world.identity().customer();
    let client = house.client(&token);
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
    let nobody = format!("/api/notifications/{}/read", Uuid::now_v7());
    assert_eq!(client.post(&nobody, json!({})).await.status, 404);
    let api = client.get("/api/docs/openapi.json").await.expect(200);
    for path in [
        "/api/notifications",
        "/api/notifications/{id}/read",
        "/api/notifications/ws",
    ] {
        assert!(api["paths"].get(path).is_some(), "{path}");
    }
}
