//! What cannot be stored is put aside, once, and holds nothing up.

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::world::{eventually, order_created, order_paid, parts, with_world};

#[tokio::test]
async fn poison_becomes_one_dead_letter_each_and_holds_nothing_up() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        let (tenant, order, buyer) = (world.tenant("acme"), Uuid::now_v7(), Uuid::now_v7());
        let key = tenant.id.to_string();
        let (id, subject, tenant_id) = (
            Uuid::now_v7().to_string(),
            order.to_string(),
            tenant.id.to_string(),
        );
        let envelope = |event_type: &'static str, content: &'static str| {
            vec![
                ("ce_specversion", "1.0"),
                ("ce_id", &id),
                ("ce_type", event_type),
                ("ce_source", "/somebody"),
                ("ce_time", "2025-11-21T06:00:00Z"),
                ("ce_subject", &subject),
                ("ce_tenantid", &tenant_id),
                ("ce_region", "eu"),
                ("ce_sequence", "1"),
                ("content-type", content),
            ]
        };
        let (avro, json) = ("application/avro", "application/json");
        let poison: [(&str, Vec<(&str, &str)>, &[u8]); 6] = [
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
            world
                .publish_raw("order.events", key, headers, payload)
                .await;
        }
        world
            .publish(&tenant, order, 1, &order_created(&tenant, order, buyer))
            .await;
        world
            .publish(&tenant, order, 1, &order_paid(&tenant, order, buyer))
            .await; // also says 1
        world
            .publish(&tenant, order, 2, &order_paid(&tenant, order, buyer))
            .await;
        world.wait_for(2).await;

        let letters = eventually("seven dead letters", async || {
            let letters = world.dead_letters("order.events").await;
            (letters.len() >= 7).then_some(letters)
        })
        .await;

        let mut classes: Vec<_> = letters
            .iter()
            .map(|letter| letter.header("dlq-error-class"))
            .collect();
        classes.sort_unstable();
        assert_eq!(
            classes,
            [
                "context",
                "undecodable",
                "undecodable",
                "undecodable",
                "unstorable",
                "unstorable",
                "version_taken"
            ],
            "{letters:?}"
        );
        let bare = letters
            .iter()
            .find(|letter| letter.payload == b"no envelope")
            .unwrap();
        assert_eq!(bare.header("dlq-original-topic"), "order.events");
        assert_eq!(bare.header("dlq-group"), "event-store-projector-consumer");

        eventually("offsets behind all nine records", async || {
            (world.offsets().await == 9).then_some(())
        })
        .await;
        app.stop().await;
        let again = world.start().await;
        world
            .publish(&tenant, order, 3, &order_paid(&tenant, order, buyer))
            .await;
        world.wait_for(3).await;
        assert_eq!(
            world.dead_letters("order.events").await.len(),
            7,
            "nothing is put aside twice"
        );
        again.stop().await;
    })
    .await;
}

/// An aggregate whose first event went astray is no error of the store's, and says what is missing.
#[tokio::test]
async fn a_history_without_its_beginning_is_told() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        let (tenant, order, buyer) = (world.tenant("acme"), Uuid::now_v7(), Uuid::now_v7());
        world
            .publish(&tenant, order, 2, &order_paid(&tenant, order, buyer))
            .await;
        world.wait_for(1).await;

        let (status, body) = world
            .get(
                &app,
                &world.landlord(),
                &format!("/api/aggregates/order/{order}"),
            )
            .await;

        assert_eq!(
            (status, &body["type"]),
            (409, &json!("/problems/history-incomplete"))
        );
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn while_the_registry_is_away_nothing_is_put_aside_and_then_everything_is_stored() {
    with_world(async |world| {
        world.create_topics().await;
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        drop(door);
        let real = world.bus.registry_url.strip_prefix("http://").unwrap();
        let (real, path) = real.split_once('/').unwrap();
        let app = world
            .start_with_registry(&format!("http://{address}/{path}"))
            .await;
        let (tenant, order, buyer) = (world.tenant("acme"), Uuid::now_v7(), Uuid::now_v7());
        let mut parts = parts(&tenant, order, 1);
        parts.source = "/test".to_owned();
        world
            .producer
            .publish(parts, &order_created(&tenant, order, buyer))
            .await
            .unwrap();

        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(world.stored().await, 0);
        assert!(world.dead_letters("order.events").await.is_empty());

        let door = TcpListener::bind(address).await.unwrap();
        let real = real.to_owned();
        let forward = tokio::spawn(async move {
            while let Ok((mut inside, _)) = door.accept().await {
                let mut outside = TcpStream::connect(&real).await.unwrap();
                tokio::spawn(async move {
                    tokio::io::copy_bidirectional(&mut inside, &mut outside).await
                });
            }
        });
        world.wait_for(1).await;
        assert!(world.dead_letters("order.events").await.is_empty());
        forward.abort();
        app.stop().await;
    })
    .await;
}
