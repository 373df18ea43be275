//! Each event is in the store once, whatever happens to the projector.

use std::time::Duration;

use event_bus::OutboundRecord;
use uuid::Uuid;

use crate::world::{World, eventually, order_created, parts, with_world};

/// Publishes orders of many tenants.
async fn publish_orders(world: &World, count: usize) {
    let tenants: Vec<_> = (0..10)
        .map(|n| world.tenant(&format!("tenant-{n}")))
        .collect();
    let mut records = Vec::with_capacity(count);
    for tenant in tenants.iter().cycle().take(count) {
        let order = Uuid::now_v7();
        let event = order_created(tenant, order, Uuid::now_v7());
        records.push(OutboundRecord::of(parts(tenant, order, 1), &event).unwrap());
    }
    for result in world.producer.publish_batch(&records).await {
        result.unwrap();
    }
}

/// In the store, every event is where the log has it, and the offsets stand behind the last of each partition.
async fn agrees_with_the_log(world: &World, events: i64) {
    world.wait_for(events).await;
    let places: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT (topic, partition, log_offset)) FROM event_store",
    )
    .fetch_one(&world.database)
    .await
    .unwrap();
    assert_eq!(places, events, "two rows of one record");
    let ahead: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM event_store e JOIN projection_offset o USING (topic, partition)
         WHERE e.log_offset >= o.next_offset",
    )
    .fetch_one(&world.database)
    .await
    .unwrap();
    assert_eq!(ahead, 0, "rows beyond the offsets");
    assert_eq!(world.offsets().await, events);
}

#[tokio::test]
async fn a_killed_projector_loses_and_repeats_nothing() {
    with_world(async |world| {
        world.create_topics().await;
        for round in 0..6_u64 {
            let mut projector = world.start_process();
            publish_orders(world, 2000).await;
            tokio::time::sleep(Duration::from_millis(300 + 150 * round)).await;
            projector.kill().await.unwrap();
        }
        let app = world.start().await;
        agrees_with_the_log(world, 12_000).await;
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_database_connection_interrupts_and_loses_nothing() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        for _ in 0..5 {
            publish_orders(world, 1000).await;
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'event-store'",
            )
            .execute(&world.database)
            .await
            .unwrap();
        }
        agrees_with_the_log(world, 5000).await;
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_replicas_one_leads_and_the_other_takes_over() {
    with_world(async |world| {
        world.create_topics().await;
        let first = world.start().await;
        publish_orders(world, 500).await;
        world.wait_for(500).await;
        let second = world.start().await;
        let leaders = async || -> i64 {
            sqlx::query_scalar("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE locktype = 'advisory' AND d.datname = current_database() AND granted AND classid = 1886547818")
                .fetch_one(&world.database)
                .await
                .unwrap()
        };
        publish_orders(world, 500).await;
        world.wait_for(1000).await;
        assert_eq!(leaders().await, 1);

        first.stop().await;
        publish_orders(world, 500).await;
        agrees_with_the_log(world, 1500).await;
        assert_eq!(leaders().await, 1);
        second.stop().await;
    })
    .await;
}

#[tokio::test]
async fn topics_that_appear_later_are_read_from_their_beginning() {
    with_world(async |world| {
        let app = world.start().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.create_topics().await;
        publish_orders(world, 10).await;
        agrees_with_the_log(world, 10).await;
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn kafka_can_show_how_far_the_store_is() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        publish_orders(world, 100).await;
        world.wait_for(100).await;
        let admin = event_bus::admin::Admin::new(&world.bus, Duration::from_secs(10));
        eventually("committed offsets", async || {
            let lag = admin.lag("event-store-projector-consumer").await.unwrap();
            let committed: i64 = lag.iter().map(|lag| lag.committed).sum();
            (committed == 100).then_some(())
        })
        .await;
        app.stop().await;
    })
    .await;
}
