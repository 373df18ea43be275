use events::order::OrderPaid;
use testkit::{TestEnvironment, private::Service};
use uuid::Uuid;

use super::{
    Acknowledged,
    checker::{Verdict, verdict},
    shops_stubbornly,
};
use crate::shop::Shop;

async fn open() -> (TestEnvironment, Service, Shop) {
    let world = TestEnvironment::new(&["order"]).await;
    let service = Service::start(
        env!("CARGO_BIN_EXE_order-service"),
        world.variables("order"),
    )
    .await;
    let shop = Shop::open(&world, service.url()).await;
    (world, service, shop)
}

#[tokio::test]
async fn a_service_killed_again_and_again_under_load_loses_and_repeats_nothing() {
    let (world, mut service, shop) = open().await;
    let anvil = shop.sells("Anvil", 1000).await;
    let noted = Acknowledged::default();

    let buyers = futures::future::join_all(
        (0..4).map(|_| shops_stubbornly(shop.customer(), &shop, anvil, 25, &noted)),
    );
    let killer = async {
        for count in [7, 23, 41, 60, 82] {
            noted.reach(count).await;
            service.kill();
            service.restart().await;
        }
    };
    tokio::join!(buyers, killer);

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    // Keys were sent again and again: each made one order.
    assert_eq!(shop.pieces(anvil).await, (900, 100));
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".customer_order")
            .await,
        100
    );
}

#[tokio::test]
async fn payments_take_effect_once_while_the_service_is_killed() {
    let (world, mut service, shop) = open().await;
    let anvil = shop.sells("Anvil", 1000).await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(shop.customer().gets(&shop, anvil, 1).await);
    }

    for (n, order) in orders.iter().enumerate() {
        let payment = Uuid::now_v7();
        world
            .publish(
                &shop.tenant,
                payment,
                &shop.payment_requested(*order, payment),
            )
            .await;
        for _ in 0..2 {
            world
                .publish(
                    &shop.tenant,
                    payment,
                    &shop.payment_succeeded(*order, payment),
                )
                .await;
        }
        if n % 10 == 9 {
            shop.order_is_stored_as(orders[n - 5], "PAID").await;
            service.kill();
            service.restart().await;
        }
    }
    for order in &orders {
        shop.order_is_stored_as(*order, "PAID").await;
    }

    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &orders).await, Verdict::default());
    let mut paid: Vec<Uuid> = Vec::new();
    for seen in log.events() {
        if seen.envelope.event_type == <OrderPaid as event_bus::Event>::TYPE
            && !paid.contains(&seen.envelope.id)
        {
            paid.push(seen.envelope.id);
        }
    }
    assert_eq!(paid.len(), 30);
    assert_eq!(shop.pieces(anvil).await, (970, 0));
    assert_eq!(world.record_count("billing.events.dlq").await, 0);
}

#[tokio::test]
async fn sigterm_under_load_loses_no_answered_order_and_leaves_nothing_unpublished() {
    let (world, mut service, shop) = open().await;
    let anvil = shop.sells("Anvil", 1000).await;
    let noted = Acknowledged::default();

    let buyers = futures::future::join_all((0..4).map(|_| async {
        let buyer = shop.customer();
        // Until it is gone.
        while let Some(answer) = buyer.tries_to_order(&shop, anvil).await {
            match answer.status.as_u16() {
                201 => noted.note(crate::shop::id_of(&answer.body)),
                503 => {}
                _ => panic!("{}: {}", answer.status, answer.text),
            }
        }
    }));
    let terminator = async {
        noted.reach(20).await;
        service.terminate().await
    };
    let ((), ended_well) = tokio::join!(async { drop(buyers.await) }, terminator);

    assert!(ended_well, "{}", service.log());
    assert_eq!(shop.count("SELECT count(*) FROM \"order\".outbox").await, 0);
    let log = world.log("order.events");
    assert_eq!(verdict(&shop, &log, &noted.all()).await, Verdict::default());
    let stored = shop
        .count("SELECT count(*) FROM \"order\".customer_order")
        .await;
    assert_eq!(shop.pieces(anvil).await, (1000 - stored, stored));
}
