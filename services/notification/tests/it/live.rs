//! The live feed: audiences, resuming by cursor, exactly-once delivery, authentication.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use events::tenant::{TenantCreated, TenantStatus};
use serde_json::{Value, json};
use testkit::{TcpProxy, TestEnvironment};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, Order, QUIET_PERIOD},
    socket_client::Socket,
};

#[tokio::test]
async fn an_order_is_pushed_to_its_buyer_and_its_sellers_admins_only() {
    let fixture = Fixture::shared().await;
    let identity = fixture.world.identity();
    let (acme, globex) = (fixture.tenant().await, fixture.tenant().await);
    let (buyer, token) = identity.customer();
    let mut buyers = fixture.socket(&token, None).await;
    let mut admins = fixture.socket(&identity.admin_of(&acme).1, None).await;
    let mut colleagues = fixture.socket(&identity.admin_of(&acme).1, None).await;
    let mut outsiders = Vec::new();
    for (_, token) in [
        identity.customer(),
        identity.admin_of(&globex),
        identity.platform_admin(),
        identity.service("order"),
    ] {
        outsiders.push(fixture.socket(&token, None).await);
    }

    let order = Order::of(fixture, &acme, buyer.user_id.as_uuid());
    order.payment_requested().await;
    let seen = buyers.next().await;
    assert_eq!(seen["type"], "order.payment_requested");
    assert_eq!(seen["tenantCode"], acme.code());
    assert_eq!(seen["data"]["orderId"], order.id.to_string());
    assert!(
        seen["data"]["paymentLink"]
            .as_str()
            .unwrap()
            .contains("canary")
    );
    assert!(seen["time"].as_str().unwrap().ends_with('Z'));
    let mut fields: Vec<_> = seen.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["cursor", "data", "tenantCode", "time", "type"]);
    for socket in [&mut admins, &mut colleagues] {
        let seen = socket.next().await;
        assert_eq!(seen["data"]["orderId"], order.id.to_string());
        assert!(
            !seen.to_string().contains("canary"),
            "the payment link is for the buyer only: {seen}"
        );
    }
    for (index, outsider) in outsiders.iter_mut().enumerate() {
        assert_eq!(
            outsider.next_within(QUIET_PERIOD / 4).await,
            None,
            "outsider {index}"
        );
    }
}

#[tokio::test]
async fn resuming_with_a_cursor_delivers_exactly_the_missed_messages() {
    let fixture = Fixture::shared().await;
    let other = fixture.replica(&[]).await;
    let other = format!("http://{}", other.address());
    let tenant = fixture.tenant().await;
    let (buyer, token) = fixture.world.identity().customer();
    let order = Order::of(fixture, &tenant, buyer.user_id.as_uuid());

    order.created().await;
    // A socket without a cursor starts at the current end, so the first message must have arrived before it opens.
    let mut first = fixture.socket(&token, Some("0.0")).await;
    assert_eq!(first.types(1).await, ["order.created"]);
    let mut fresh = Socket::open(&other, &token, None).await;
    order.payment_requested().await;
    assert_eq!(first.types(1).await, ["order.payment_requested"]);
    assert_eq!(
        fresh.types(1).await,
        ["order.payment_requested"],
        "the other replica delivers it as well"
    );
    let cursor = first.cursor.clone().unwrap();
    drop(first);

    order.paid().await;
    order.completed().await;
    assert_eq!(fresh.types(2).await, ["order.paid", "order.completed"]);
    let mut again = Socket::open(&other, &token, Some(&cursor)).await;
    assert_eq!(again.types(2).await, ["order.paid", "order.completed"]);
    order.refunded().await;
    assert_eq!(again.types(1).await, ["order.refunded"]);
    assert_eq!(again.next_within(QUIET_PERIOD / 4).await, None);
    let mut all = fixture.socket(&token, Some("0.0")).await;
    let everything = [
        "order.created",
        "order.payment_requested",
        "order.paid",
        "order.completed",
        "order.refunded",
    ];
    assert_eq!(all.types(5).await, everything);
}

#[tokio::test]
async fn no_message_is_lost_or_repeated_while_sockets_reconnect_to_two_replicas() {
    const ORDERS: usize = 120;
    let fixture = Fixture::build(&[]).await;
    let other = fixture.replica(&[]).await;
    let urls = [fixture.url(), format!("http://{}", other.address())];
    let tenant = fixture.tenant().await;
    let (_, token) = fixture.world.identity().admin_of(&tenant);

    let buying = async {
        let mut ids = Vec::new();
        for _ in 0..ORDERS {
            let order = Order::of(&fixture, &tenant, Uuid::now_v7());
            order.cancelled().await;
            ids.push(order.id.to_string());
        }
        ids
    };
    let following = async {
        let mut seen: Vec<Value> = Vec::new();
        let mut cursor = "0.0".to_owned();
        for turn in 0.. {
            let mut socket = Socket::open(&urls[turn % 2], &token, Some(&cursor)).await;
            for _ in 0..=turn % 7 {
                seen.push(socket.next().await);
                if seen.len() == ORDERS {
                    return (seen, socket);
                }
            }
            cursor = socket.cursor.clone().unwrap();
        }
        unreachable!("the loop ends with the last order")
    };
    let (mut published, (seen, mut last)) = tokio::join!(buying, following);
    assert_eq!(last.next_within(QUIET_PERIOD).await, None);

    let position = |message: &Value| {
        message["cursor"]
            .as_str()
            .unwrap()
            .split_once('.')
            .unwrap()
            .1
            .parse::<i64>()
            .unwrap()
    };
    let positions: Vec<i64> = seen.iter().map(position).collect();
    assert_eq!(
        positions,
        (1..=i64::try_from(ORDERS).unwrap()).collect::<Vec<_>>()
    );
    let mut received: Vec<_> = seen
        .iter()
        .map(|message| message["data"]["orderId"].as_str().unwrap().to_owned())
        .collect();
    received.sort();
    published.sort();
    assert_eq!(received, published);
}

#[tokio::test]
async fn platform_admins_are_notified_of_a_new_tenant() {
    let fixture = Fixture::shared().await;
    let mut admin = fixture
        .socket(&fixture.world.identity().platform_admin().1, None)
        .await;
    let tenant = fixture.tenant().await;
    let event = TenantCreated {
        tenant_id: tenant.tenant.id.0,
        code: tenant.code().to_owned(),
        name: "Acme".to_owned(),
        region: "eu".to_owned(),
        cluster: None,
        package: "starter".to_owned(),
        billing_email: "billing@acme.example".to_owned(),
        status: TenantStatus::Provisioning,
        version: 1,
    };
    fixture
        .world
        .publish(&tenant, tenant.tenant.id, &event)
        .await;
    let message = admin.next().await;
    assert_eq!(message["type"], "tenant.created");
    assert_eq!(message["data"]["code"], tenant.code());
}

#[tokio::test]
async fn messages_arrive_without_redis() {
    let fixture = Fixture::build(&[("REDIS", "redis://127.0.0.1:1/0")]).await;
    let without = fixture.replica(&[("REDIS", "")]).await;
    let tenant = fixture.tenant().await;
    let (buyer, token) = fixture.world.identity().customer();
    let mut here = fixture.socket(&token, None).await;
    let mut there = Socket::open(&format!("http://{}", without.address()), &token, None).await;
    let order = Order::of(&fixture, &tenant, buyer.user_id.as_uuid());
    order.created().await;
    order.paid().await;
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.types(2).await, ["order.created", "order.paid"]);
    }
}

#[tokio::test]
async fn messages_arrive_while_redis_is_down_and_after_it_returns() {
    let redis = TestEnvironment::new(&[])
        .await
        .stack()
        .redis
        .replace("redis://", "");
    let (server, database) = redis.split_once('/').unwrap();
    let gate = TcpProxy::start(server).await;
    let fixture =
        Fixture::build(&[("REDIS", &format!("redis://{}/{database}", gate.address()))]).await;
    let tenant = fixture.tenant().await;
    let (buyer, token) = fixture.world.identity().customer();
    let mut socket = fixture.socket(&token, None).await;
    let order = Order::of(&fixture, &tenant, buyer.user_id.as_uuid());
    order.created().await;
    assert_eq!(socket.types(1).await, ["order.created"]);
    gate.disconnect();
    order.payment_requested().await;
    assert_eq!(socket.types(1).await, ["order.payment_requested"]);
    gate.resume();
    order.paid().await;
    assert_eq!(socket.types(1).await, ["order.paid"]);
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims(expires: u64) -> Value {
    json!({
        "sub": Uuid::now_v7(), "email": "ann@example.com", "role": "CUSTOMER", "iss": "tenantry",
        "aud": "tenantry-api", "iat": now() - 60, "exp": expires, "jti": Uuid::now_v7(),
    })
}

#[tokio::test]
async fn a_socket_without_a_valid_token_is_refused() {
    let fixture = Fixture::shared().await;
    let elsewhere = TestEnvironment::new(&[]).await;
    let identity = fixture.world.identity();
    let (_, good) = identity.customer();
    let url = fixture.url();
    assert_eq!(Socket::refused(&url, "", &[]).await, 401);
    assert_eq!(
        Socket::refused(&url, &format!("?access_token={good}"), &[]).await,
        401
    );
    let mut other_audience = claims(now() + 60);
    other_audience["aud"] = "elsewhere".into();
    let bad = [
        ("foreign", elsewhere.identity().customer().1),
        ("expired", identity.sign(&claims(now() - 30))),
        ("other audience", identity.sign(&other_audience)),
        ("nonsense", "nonsense".to_owned()),
    ];
    for (what, token) in bad {
        let offered = [("sec-websocket-protocol", format!("bearer, {token}"))];
        assert_eq!(Socket::refused(&url, "", &offered).await, 401, "{what}");
        assert_eq!(
            Socket::refused(&url, "", &[("authorization", format!("Bearer {token}"))]).await,
            401,
            "{what}"
        );
    }
    let accepted = Socket::try_open(&url, "", &[("authorization", format!("Bearer {good}"))]).await;
    assert!(
        accepted.is_ok(),
        "the header is accepted like the sub-protocol"
    );
    let offered = [("sec-websocket-protocol", format!("bearer, {good}"))];
    for query in [
        "?cursor=",
        "?cursor=1",
        "?cursor=-1.0",
        "?cursor=a.b",
        "?cursor=1.2.3",
        "?from=1",
    ] {
        assert_eq!(Socket::refused(&url, query, &offered).await, 400, "{query}");
    }
    let plain = fixture.client(&good).get("/api/notifications/ws").await;
    assert_eq!(plain.status, 400, "{}", plain.text);
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_expires() {
    let fixture = Fixture::shared().await;
    let token = fixture.world.identity().sign(&claims(now() + 3));
    let mut socket = fixture.socket(&token, None).await;
    let begun = Instant::now();
    assert_eq!(socket.close_code().await, Some(1008));
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn client_frames_are_ignored_and_one_that_is_too_large_closes_the_socket() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let (buyer, token) = fixture.world.identity().customer();
    let mut socket = fixture.socket(&token, None).await;
    socket
        .send(Message::text(r#"{"subscribe":"platform"}"#))
        .await;
    socket.send(Message::Ping(vec![1, 2, 3].into())).await;
    Order::of(fixture, &tenant, buyer.user_id.as_uuid())
        .paid()
        .await;
    assert_eq!(socket.types(1).await, ["order.paid"]);
    socket.send(Message::text("x".repeat(4096))).await;
    assert_eq!(socket.close_code().await, Some(1002));
}
