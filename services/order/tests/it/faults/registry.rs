use testkit::{TcpProxy, TestEnvironment};

use super::{
    Acknowledged,
    checker::{Verdict, verdict},
};
use crate::shop::{Shop, start, url};

#[tokio::test]
async fn with_the_registry_away_orders_are_accepted_and_told_when_it_is_back() {
    let world = TestEnvironment::new(&["order"]).await;
    let (scheme, rest) = world.stack().registry.split_once("://").expect("a URL");
    let (address, path) = rest.split_once('/').expect("a path");
    let gate = TcpProxy::start(address).await;
    gate.disconnect();
    let registry = format!("{scheme}://{}/{path}", gate.address());
    let service = start(
        world.settings_with("order", &[("REGISTRY", &registry)]),
        900,
    )
    .await;
    let shop = Shop::open(&world, url(&service)).await;
    let anvil = shop.sells("Anvil", 100).await;
    let noted = Acknowledged::default();

    for _ in 0..10 {
        noted.note(shop.customer().gets(&shop, anvil, 1).await);
    }
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".outbox").await,
        21
    );
    assert_eq!(world.record_count("order.events").await, 0);
    gate.resume();

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    service.stop().await;
}
