use testkit::{Reply, TestEnvironment};
use uuid::Uuid;

use crate::shop::{Shop, items, start, url};

fn come_back_later(answer: &Reply) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.problem(), "/problems/unavailable");
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn with_a_tenants_database_away_its_events_wait_and_the_others_notice_nothing() {
    let world = TestEnvironment::new(&["order"]).await;
    let service = start(world.settings("order"), 900).await;
    let acme = Shop::open(&world, url(&service)).await;
    let globex = Shop::open(&world, url(&service)).await;
    let (anvil, rope) = (
        acme.sells("Anvil", 500).await,
        globex.sells("Rope", 500).await,
    );
    let mut orders = Vec::new();
    for _ in 0..20 {
        orders.push(acme.customer().gets(&acme, anvil, 1).await);
    }
    acme.published_everything().await;

    world.close_database(&acme.tenant).await;
    let ann = acme.customer();
    come_back_later(&ann.tries_to_order(&acme, anvil).await.expect("an answer"));
    come_back_later(&acme.admin.get(&acme.order_path(orders[0])).await);
    let cancel = format!("{}/cancel", acme.order_path(orders[0]));
    come_back_later(&acme.admin.post(&cancel, items(anvil, 1)).await);
    let mut payments = Vec::new();
    for order in &orders {
        let payment = Uuid::now_v7();
        world
            .publish(
                &acme.tenant,
                payment,
                &acme.payment_requested(*order, payment),
            )
            .await;
        world
            .publish(
                &acme.tenant,
                payment,
                &acme.payment_succeeded(*order, payment),
            )
            .await;
        payments.push(payment);
    }
    for _ in 0..10 {
        let order = globex.customer().gets(&globex, rope, 1).await;
        globex.bills(order).await;
    }
    globex.published_everything().await;
    for topic in ["order.events.dlq", "billing.events.dlq"] {
        assert_eq!(world.record_count(topic).await, 0, "{topic}");
    }

    world.reopen_database(&acme.tenant).await;
    for order in &orders {
        acme.order_is_stored_as(*order, "PAID").await;
    }
    assert_eq!(acme.pieces(anvil).await, (480, 0));
    ann.gets(&acme, anvil, 1).await;
    acme.published_everything().await;
    for topic in ["order.events.dlq", "billing.events.dlq"] {
        assert_eq!(world.record_count(topic).await, 0, "{topic}");
    }
    service.stop().await;
}

#[tokio::test]
async fn an_order_whose_tenant_is_away_at_its_deadline_expires_later() {
    let world = TestEnvironment::new(&["order"]).await;
    let service = start(world.settings("order"), 1).await;
    let acme = Shop::open(&world, url(&service)).await;
    let anvil = acme.sells("Anvil", 5).await;
    let order = acme.customer().gets(&acme, anvil, 1).await;
    world.close_database(&acme.tenant).await;
    let platform = world.platform_pool("order").await;
    testkit::eventually("the deadline to be tried", || async {
        let sql = "SELECT count(*) FROM order_deadline WHERE order_id = $1 AND due_at > now() + interval '5 seconds'";
        let tried: i64 = sqlx::query_scalar(sql).bind(order).fetch_one(&platform).await.unwrap();
        (tried == 1).then_some(())
    })
    .await;

    world.reopen_database(&acme.tenant).await;

    acme.order_is_stored_as(order, "EXPIRED").await;
    assert_eq!(acme.pieces(anvil).await, (5, 0));
    service.stop().await;
}
