use serde_json::{Value, json};
use testkit::{Client, TestEnvironment, eventually, private::Redis};

use crate::shop::{Shop, start, url};

/// The stock as one product and as the list show it; never a 5xx.
async fn shows(reader: &Client, shop: &Shop, path: &str) -> [Value; 2] {
    let one = reader.get(path).await.expect(200);
    let list = reader.get(&shop.products()).await.expect(200);
    [one["stock"].clone(), list["data"][0]["stock"].clone()]
}

#[tokio::test]
async fn redis_killed_and_emptied_while_reading_and_writing_is_not_noticed() {
    let mut redis = Redis::start().await;
    let world = TestEnvironment::new(&["order"]).await;
    let with = [("REDIS", &*redis.url())];
    let service = start(world.settings_with("order", &with), 900).await;
    let replica = start(world.settings_with("order", &with), 900).await;
    let shop = Shop::open(&world, url(&service)).await;
    let anvil = shop.sells("Anvil", 1).await;
    let path = format!("{}/{anvil}", shop.products());
    let there = Client::new(url(&replica), shop.admin.token().map(str::to_owned));

    for round in 2..40 {
        match round {
            8 | 20 | 30 => redis.kill(),
            14 | 24 | 31 => redis.restart().await,
            _ => {}
        }
        shop.admin
            .patch(&path, json!({"stock": round}))
            .await
            .expect(200);
        for _ in 0..2 {
            let shown = shows(&shop.admin, &shop, &path).await;
            assert_eq!(shown, [json!(round), json!(round)], "round {round}");
        }
        // In the moment after its return Redis may answer this replica before the writer could tell it of the write.
        eventually("the other replica to show it too", || async {
            let shown = shows(&there, &shop, &path).await;
            (shown == [json!(round), json!(round)]).then_some(())
        })
        .await;
    }
    service.stop().await;
    replica.stop().await;
}

#[tokio::test]
async fn without_redis_the_service_starts_and_works() {
    let mut redis = Redis::start().await;
    redis.kill();
    let world = TestEnvironment::new(&["order"]).await;
    let service = start(
        world.settings_with("order", &[("REDIS", &redis.url())]),
        900,
    )
    .await;
    let shop = Shop::open(&world, url(&service)).await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 1).await;
    shop.bills(order).await;
    assert_eq!(shop.product(anvil).await["stock"], 4);
    service.stop().await;
}
