//! The live feed: who sees what, when, and exactly once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use events::tenant::{TenantCreated, TenantStatus};
use serde_json::{Value, json};
use testkit::{TcpProxy, TestEnvironment};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{
    house::{A_WHILE, House, Order},
    sockets::Socket,
};

#[tokio::test]
async fn an_order_is_told_live_to_its_buyer_and_to_its_sellers_admins_and_to_nobody_else() {
    let house = House::shared().await;
    let people = house.world.identity();
    let (acme, globex) = (house.tenant().await, house.tenant().await);
    let (buyer, token) = people.customer();
    let mut buyers = house.socket(&token, None).await;
    let mut admins = house.socket(&people.admin_of(&acme).1, None).await;
    let mut colleagues = house.socket(&people.admin_of(&acme).1, None).await;
    let mut outsiders = Vec::new();
    for (_, token) in [
        people.customer(),
        people.admin_of(&globex),
        people.platform_admin(),
        people.service("order"),
    ] {
        outsiders.push(house.socket(&token, None).await);
    }

    let order = Order::of(house, &acme, buyer.user_id.as_uuid());
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
            "the payment link is the buyer's alone: {seen}"
        );
    }
    for (index, outsider) in outsiders.iter_mut().enumerate() {
        assert_eq!(
            outsider.next_within(A_WHILE / 4).await,
            None,
            "outsider {index}"
        );
    }
}

#[tokio::test]
async fn who_comes_back_with_a_cursor_gets_exactly_what_was_missed() {
    let house = House::shared().await;
    let other = house.replica(&[]).await;
    let other = format!("http://{}", other.address());
    let tenant = house.tenant().await;
    let (buyer, token) = house.world.identity().customer();
    let order = Order::of(house, &tenant, buyer.user_id.as_uuid());

    order.created().await;
    // A socket without a cursor starts at now, so the past must have arrived to be past.
    let mut first = house.socket(&token, Some("0.0")).await;
    assert_eq!(first.types(1).await, ["order.created"]);
    let mut fresh = Socket::open(&other, &token, None).await;
    order.payment_requested().await;
    assert_eq!(first.types(1).await, ["order.payment_requested"]);
    assert_eq!(
        fresh.types(1).await,
        ["order.payment_requested"],
        "the other replica tells it as well"
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
    assert_eq!(again.next_within(A_WHILE / 4).await, None);
    let mut all = house.socket(&token, Some("0.0")).await;
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
async fn no_gap_and_no_double_while_sockets_come_and_go_on_two_replicas() {
    const ORDERS: usize = 120;
    let house = House::build(&[]).await;
    let other = house.replica(&[]).await;
    let urls = [house.url(), format!("http://{}", other.address())];
    let tenant = house.tenant().await;
    let (_, token) = house.world.identity().admin_of(&tenant);

    let buying = async {
        let mut ids = Vec::new();
        for _ in 0..ORDERS {
            let order = Order::of(&house, &tenant, Uuid::now_v7());
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
        unreachable!("it ends with the last order")
    };
    let (mut told, (seen, mut last)) = tokio::join!(buying, following);
    assert_eq!(last.next_within(A_WHILE).await, None);

    let place = |message: &Value| {
        message["cursor"]
            .as_str()
            .unwrap()
            .split_once('.')
            .unwrap()
            .1
            .parse::<i64>()
            .unwrap()
    };
    let places: Vec<i64> = seen.iter().map(place).collect();
    assert_eq!(
        places,
        (1..=i64::try_from(ORDERS).unwrap()).collect::<Vec<_>>()
    );
    let mut heard: Vec<_> = seen
        .iter()
        .map(|message| message["data"]["orderId"].as_str().unwrap().to_owned())
        .collect();
    heard.sort();
    told.sort();
    assert_eq!(heard, told);
}

#[tokio::test]
async fn the_landlord_hears_of_a_new_tenant() {
    let house = House::shared().await;
    let mut landlord = house
        .socket(&house.world.identity().platform_admin().1, None)
        .await;
    let tenant = house.tenant().await;
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
    house.world.publish(&tenant, tenant.tenant.id, &event).await;
    let told = landlord.next().await;
    assert_eq!(told["type"], "tenant.created");
    assert_eq!(told["data"]["code"], tenant.code());
}

#[tokio::test]
async fn without_redis_messages_arrive_all_the_same() {
    let house = House::build(&[("REDIS", "redis://127.0.0.1:1/0")]).await;
    let without = house.replica(&[("REDIS", "")]).await;
    let tenant = house.tenant().await;
    let (buyer, token) = house.world.identity().customer();
    let mut here = house.socket(&token, None).await;
    let mut there = Socket::open(&format!("http://{}", without.address()), &token, None).await;
    let order = Order::of(&house, &tenant, buyer.user_id.as_uuid());
    order.created().await;
    order.paid().await;
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.types(2).await, ["order.created", "order.paid"]);
    }
}

#[tokio::test]
async fn redis_may_go_and_come_back() {
    let redis = TestEnvironment::new(&[])
        .await
        .stack()
        .redis
        .replace("redis://", "");
    let (server, database) = redis.split_once('/').unwrap();
    let gate = TcpProxy::start(server).await;
    let house = House::build(&[("REDIS", &format!("redis://{}/{database}", gate.address()))]).await;
    let tenant = house.tenant().await;
    let (buyer, token) = house.world.identity().customer();
    let mut socket = house.socket(&token, None).await;
    let order = Order::of(&house, &tenant, buyer.user_id.as_uuid());
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
async fn a_socket_without_a_good_token_is_refused() {
    let house = House::shared().await;
    let elsewhere = TestEnvironment::new(&[]).await;
    let identity = house.world.identity();
    let (_, good) = identity.customer();
    let url = house.url();
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
    let let_in = Socket::try_open(&url, "", &[("authorization", format!("Bearer {good}"))]).await;
    assert!(let_in.is_ok(), "a header is as good as a sub-protocol");
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
    let plain = house.client(&good).get("/api/notifications/ws").await;
    assert_eq!(plain.status, 400, "{}", plain.text);
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let house = House::shared().await;
    let token = house.world.identity().sign(&claims(now() + 3));
    let mut socket = house.socket(&token, None).await;
    let begun = Instant::now();
    assert_eq!(socket.end().await, Some(1008));
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn what_a_client_says_changes_nothing_and_too_much_of_it_ends_the_socket() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    let (buyer, token) = house.world.identity().customer();
    let mut socket = house.socket(&token, None).await;
    socket
        .send(Message::text(r#"{"subscribe":"platform"}"#))
        .await;
    socket.send(Message::Ping(vec![1, 2, 3].into())).await;
    Order::of(house, &tenant, buyer.user_id.as_uuid())
        .paid()
        .await;
    assert_eq!(socket.types(1).await, ["order.paid"]);
    socket.send(Message::text("x".repeat(4096))).await;
    assert_eq!(socket.end().await, Some(1002));
}
