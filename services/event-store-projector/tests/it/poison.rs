//! What cannot be stored is put aside, once, and holds nothing up.

use testkit::{TcpProxy, eventually};
use uuid::Uuid;

use crate::fixture::{Fixture, order_created, order_paid};

/// Key, headers, value.
type Poison<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [u8]);

#[tokio::test]
async fn poison_becomes_one_dead_letter_each_and_holds_nothing_up() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let acme = house.tenant().await;
    let (code, order, buyer) = (acme.code(), Uuid::now_v7(), Uuid::now_v7());
    let (key, id, subject) = (
        acme.tenant.id.0.to_string(),
        Uuid::now_v7().to_string(),
        order.to_string(),
    );
    let envelope = |event_type: &'static str, content: &'static str| {
        vec![
            ("ce_specversion", "1.0"),
            ("ce_id", &id),
            ("ce_type", event_type),
            ("ce_source", "/somebody"),
            ("ce_time", "2025-11-21T06:00:00Z"),
            ("ce_subject", &subject),
            ("ce_tenantid", &key),
            ("ce_region", "eu"),
            ("ce_sequence", "1"),
            ("content-type", content),
        ]
    };
    let (avro, json) = ("application/avro", "application/json");
    let poison: [Poison<'_>; 6] = [
        (&key, vec![], b"no envelope"),
        (
            &key,
            envelope("order.created", avro),
            b"\0\x7f\xff\xff\xffx",
        ),
        (
            &key,
            envelope("order.created", json),
            br#"{"of":"another type"}"#,
        ),
        (
            &key,
            envelope("order.unheard_of", json),
            br#"["no object"]"#,
        ),
        (
            &key,
            envelope("order.unheard_of", json),
            br#"{"a":"b\u0000"}"#,
        ),
        ("another key", envelope("order.created", json), b"{}"),
    ];
    for (key, headers, payload) in &poison {
        house
            .publish_raw("order.events", key, headers, payload)
            .await;
    }
    house
        .publish(&acme, order, 1, &order_created(code, order, buyer))
        .await;
    house
        .publish(&acme, order, 1, &order_paid(code, order, buyer))
        .await; // also says 1
    house
        .publish(&acme, order, 2, &order_paid(code, order, buyer))
        .await;
    house.wait_for(2).await;

    let letters = eventually("seven dead letters", || async {
        let letters = house.dead_letters("order.events").await;
        (letters.len() >= 7).then_some(letters)
    })
    .await;

    let mut classes: Vec<_> = letters
        .iter()
        .map(|letter| letter.header("dlq-error-class"))
        .collect();
    classes.sort_unstable();
    let expected =
        "context undecodable undecodable undecodable unstorable unstorable version_taken";
    assert_eq!(classes.join(" "), expected, "{letters:?}");
    let bare = letters
        .iter()
        .find(|letter| letter.payload == b"no envelope")
        .unwrap();
    assert_eq!(bare.header("dlq-original-topic"), "order.events");
    assert_eq!(bare.header("dlq-group"), "event-store-projector-consumer");
    eventually("offsets behind all nine records", || async {
        (house.offsets().await == 9).then_some(())
    })
    .await;

    app.stop().await;
    let again = house.start().await;
    house
        .publish(&acme, order, 3, &order_paid(code, order, buyer))
        .await;
    house.wait_for(3).await;
    assert_eq!(
        house.dead_letters("order.events").await.len(),
        7,
        "put aside twice"
    );
    again.stop().await;
}

/// An aggregate whose first event went astray is no error of the store's, and says what is missing.
#[tokio::test]
async fn a_history_without_its_beginning_is_told() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let acme = house.tenant().await;
    let order = Uuid::now_v7();
    house
        .publish(
            &acme,
            order,
            2,
            &order_paid(acme.code(), order, Uuid::now_v7()),
        )
        .await;
    house.wait_for(1).await;

    let reply = house
        .landlord(&app)
        .get(&format!("/api/aggregates/order/{order}"))
        .await;

    assert_eq!(
        (reply.status.as_u16(), reply.problem()),
        (409, "/problems/history-incomplete")
    );
    app.stop().await;
}

#[tokio::test]
async fn while_the_registry_is_away_nothing_is_put_aside_and_then_everything_is_stored() {
    let house = Fixture::build().await;
    let registry = &house.world.stack().registry;
    let (server, path) = registry
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let gate = TcpProxy::start(server).await;
    gate.disconnect();
    let behind_the_gate = format!("http://{}/{path}", gate.address());
    let app = house.start_with(&[("REGISTRY", &behind_the_gate)]).await;
    let acme = house.tenant().await;
    let order = Uuid::now_v7();
    house
        .publish(
            &acme,
            order,
            1,
            &order_created(acme.code(), order, Uuid::now_v7()),
        )
        .await;

    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(house.stored().await, 0);
    assert!(house.dead_letters("order.events").await.is_empty());

    gate.resume();
    house.wait_for(1).await;
    assert!(house.dead_letters("order.events").await.is_empty());
    app.stop().await;
}
