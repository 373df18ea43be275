use testkit::{
    Stack, TestEnvironment,
    private::{Kafka, Service},
};

use super::{
    Acknowledged,
    checker::{Verdict, last_reserved, verdict},
    kafka_is_given_up, shops_stubbornly,
};
use crate::shop::{Shop, start, url};

async fn world_of_its_own() -> (Kafka, TestEnvironment) {
    let kafka = Kafka::start().await;
    let stack = Stack {
        kafka: kafka.bootstrap(),
        ..Stack::from_env()
    };
    let world = TestEnvironment::on(stack, &["order"]).await;
    (kafka, world)
}

#[tokio::test]
async fn with_kafka_away_orders_are_accepted_and_all_is_told_when_it_returns() {
    let (mut kafka, world) = world_of_its_own().await;
    let service = start(world.settings("order"), 900).await;
    let shop = Shop::open(&world, url(&service)).await;
    let anvil = shop.sells("Anvil", 1000).await;
    let noted = Acknowledged::default();
    for _ in 0..5 {
        noted.note(shop.customer().gets(&shop, anvil, 1).await);
    }

    kafka.kill();
    for _ in 0..30 {
        noted.note(shop.customer().gets(&shop, anvil, 1).await);
    }
    kafka_is_given_up(&shop).await;
    assert!(shop.count("SELECT count(*) FROM \"order\".outbox").await >= 60);
    kafka.restart().await;

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    assert_eq!(shop.pieces(anvil).await, (965, 35));
    assert_eq!(last_reserved(&log, anvil), Some(35));
    // Its consumers are back as well.
    shop.bills(noted.all()[0]).await;
    service.stop().await;
}

#[tokio::test]
async fn a_broker_killed_again_and_again_under_load_loses_and_repeats_nothing() {
    let (mut kafka, world) = world_of_its_own().await;
    let service = start(world.settings("order"), 900).await;
    let shop = Shop::open(&world, url(&service)).await;
    let anvil = shop.sells("Anvil", 1000).await;
    let noted = Acknowledged::default();

    let buyers = futures::future::join_all(
        (0..3).map(|_| shops_stubbornly(shop.customer(), &shop, anvil, 30, &noted)),
    );
    let killer = async {
        for count in [10, 40] {
            noted.reach(count).await;
            kafka.kill();
            noted.reach(count + 20).await;
            kafka_is_given_up(&shop).await;
            kafka.restart().await;
        }
    };
    tokio::join!(buyers, killer);

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    assert_eq!(shop.pieces(anvil).await, (910, 90));
    service.stop().await;
}

/// With the broker away every commit is followed by no publication: the kill falls right between them.
#[tokio::test]
async fn a_service_killed_between_commit_and_publication_loses_and_repeats_nothing() {
    let (mut kafka, world) = world_of_its_own().await;
    let mut service = Service::start(
        env!("CARGO_BIN_EXE_order-service"),
        world.variables("order"),
    )
    .await;
    let shop = Shop::open(&world, service.url()).await;
    let anvil = shop.sells("Anvil", 1000).await;
    shop.published_everything().await;
    let noted = Acknowledged::default();

    kafka.kill();
    for _ in 0..20 {
        noted.note(shop.customer().gets(&shop, anvil, 1).await);
    }
    kafka_is_given_up(&shop).await;
    service.kill();
    let waiting = shop.count("SELECT count(*) FROM \"order\".outbox").await;
    assert_eq!(waiting, 40, "an event of each order and of its stock");
    kafka.restart().await;
    service.restart().await;

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    assert_eq!(shop.pieces(anvil).await, (980, 20));
    assert_eq!(last_reserved(&log, anvil), Some(20));
}
