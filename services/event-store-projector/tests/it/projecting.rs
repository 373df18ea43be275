//! Each event is in the store once, whatever happens to the projector.

use std::time::Duration;

use event_bus::admin::Admin;
use testkit::{TcpProxy, eventually};

use crate::fixture::Fixture;

/// Rows, and the offsets summed up, at one moment. As long as every record is a storable event, they are equal.
async fn rows_and_offsets(house: &Fixture) -> (i64, i64) {
    const BOTH: &str = "SELECT (SELECT count(*) FROM event_store),
        (SELECT coalesce(sum(next_offset), 0)::bigint FROM projection_offset)";
    let both = sqlx::query_as(BOTH).fetch_one(&house.database).await;
    let (rows, offsets) = both.unwrap_or_default(); // before the first start there are no tables
    assert_eq!(rows, offsets, "rows and offsets disagree");
    (rows, offsets)
}

/// In the store, every event is where the log has it, and the offsets stand behind the last of each partition.
async fn agrees_with_the_log(house: &Fixture, events: i64) {
    house.wait_for(events).await;
    let places = "SELECT count(DISTINCT (topic, partition, log_offset)) FROM event_store";
    let places: i64 = sqlx::query_scalar(places)
        .fetch_one(&house.database)
        .await
        .unwrap();
    assert_eq!(places, events, "two rows of one record");
    assert_eq!(rows_and_offsets(house).await, (events, events));
}

#[tokio::test]
async fn a_killed_projector_loses_and_repeats_nothing() {
    let house = Fixture::build().await;
    Fixture::publish_orders(&house.world.bus(), 40_000).await;
    let mut before = 0;
    for _ in 0..4 {
        let mut projector = house.start_process();
        // Killed in the middle of the batch after the first.
        before = eventually("progress", || async {
            let (rows, _) = rows_and_offsets(&house).await;
            (rows > before).then_some(rows)
        })
        .await;
        projector.kill().await.unwrap();
        rows_and_offsets(&house).await;
    }
    assert!(before < 40_000, "killed too late to prove anything");
    let app = house.start().await;
    agrees_with_the_log(&house, 40_000).await;
    app.stop().await;
}

#[tokio::test]
async fn a_lost_database_connection_interrupts_and_loses_nothing() {
    const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'event-store'";

    let house = Fixture::build().await;
    let app = house.start().await;
    Fixture::publish_orders(&house.world.bus(), 20_000).await;
    let mut cuts = 0;
    while rows_and_offsets(&house).await.0 < 20_000 && cuts < 20 {
        sqlx::query(CUT).execute(&house.database).await.unwrap();
        cuts += 1;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    agrees_with_the_log(&house, 20_000).await;
    app.stop().await;
}

#[tokio::test]
async fn a_lost_broker_is_waited_for() {
    let house = Fixture::build().await;
    let app = house.start().await;
    Fixture::publish_orders(&house.world.bus(), 100).await;
    house.wait_for(100).await;
    // The broker tells clients its own address, so it cannot be put behind a gate: its absence at the start is tried.
    let gate = TcpProxy::start(house.world.stack().kafka.clone()).await;
    app.stop().await;
    gate.disconnect();
    let app = house
        .start_with(&[("KAFKA", &gate.address().to_string())])
        .await;
    Fixture::publish_orders(&house.world.bus(), 100).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(house.stored().await, 100);

    gate.resume();
    agrees_with_the_log(&house, 200).await;
    app.stop().await;
}

#[tokio::test]
async fn of_two_replicas_one_leads_and_the_other_takes_over() {
    /// Holders of the lead's lock; its upper half spells `proj`.
    const LEADERS: &str = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE locktype = 'advisory' AND d.datname = current_database() AND granted AND classid = 1886547818";

    let house = Fixture::build().await;
    let bus = house.world.bus();
    let leaders = async || -> i64 {
        sqlx::query_scalar(LEADERS)
            .fetch_one(&house.database)
            .await
            .unwrap()
    };
    let first = house.start().await;
    Fixture::publish_orders(&bus, 500).await;
    house.wait_for(500).await;
    let second = house.start().await;
    Fixture::publish_orders(&bus, 500).await;
    house.wait_for(1000).await;
    assert_eq!(leaders().await, 1);

    first.stop().await;
    Fixture::publish_orders(&bus, 500).await;
    agrees_with_the_log(&house, 1500).await;
    assert_eq!(leaders().await, 1);
    second.stop().await;
}

#[tokio::test]
async fn topics_that_appear_later_are_read_from_their_beginning() {
    let house = Fixture::build().await;
    let mut bus = house.world.bus();
    bus.topic_prefix.push_str("later_");
    let app = house
        .start_with(&[("TOPIC_PREFIX", &bus.topic_prefix)])
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Fixture::create_topics(&bus).await;
    Fixture::publish_orders(&bus, 10).await;
    agrees_with_the_log(&house, 10).await;
    app.stop().await;
}

#[tokio::test]
async fn kafka_can_show_how_far_the_store_is() {
    let house = Fixture::build().await;
    let bus = house.world.bus();
    let app = house.start().await;
    Fixture::publish_orders(&bus, 100).await;
    house.wait_for(100).await;
    eventually("committed offsets", || async {
        let admin = Admin::new(&bus, Duration::from_secs(10));
        let lag = admin.lag("event-store-projector-consumer").await.unwrap();
        let committed: i64 = lag.iter().map(|lag| lag.committed).sum();
        (committed == 100).then_some(())
    })
    .await;
    app.stop().await;
}
