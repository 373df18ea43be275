use events::order::{OrderCreated, OrderExpired, ProductStockChanged};
use serde_json::json;
use testkit::eventually;

use crate::shop::{Shop, Stage, start, url};

#[tokio::test]
async fn an_unpaid_order_expires_and_its_stock_returns() {
    let stage = Stage::shared().await;
    let hasty = start(stage.world.settings("order"), 1).await;
    let shop = Shop::open(&stage.world, url(&hasty)).await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 2).await;

    shop.order_becomes(order, "EXPIRED").await;

    assert_eq!(shop.pieces(anvil).await, (5, 0));
    stage.log.wait_for_single::<OrderExpired>(order).await;
    let moves = stage.log.wait_for::<ProductStockChanged>(anvil, 2).await;
    assert_eq!(moves.len(), 2);
    assert_eq!(moves[1].payload["reason"], "order_expired");
    let path = format!("{}/payment-received", shop.order_path(order));
    assert_eq!(
        shop.admin.post(&path, json!({})).await.problem(),
        "/problems/order-status"
    );
    hasty.stop().await;
}

#[tokio::test]
async fn a_paid_order_does_not_expire() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 1).await;
    shop.bills(order).await;
    let path = format!("{}/payment-received", shop.order_path(order));
    shop.admin.post(&path, json!({})).await.expect(200);

    sqlx::query("UPDATE \"order\".customer_order SET expires_at = now()")
        .execute(&shop.database)
        .await
        .unwrap();
    let platform = stage.world.platform_pool("order").await;
    sqlx::query("UPDATE order_deadline SET due_at = now() WHERE order_id = $1")
        .bind(order)
        .execute(&platform)
        .await
        .unwrap();
    eventually("the deadline to be seen to", || async {
        let sql = "SELECT count(*) FROM order_deadline WHERE order_id = $1";
        let left: i64 = sqlx::query_scalar(sql)
            .bind(order)
            .fetch_one(&platform)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;

    assert_eq!(shop.order(order).await["status"], "PAID");
    assert_eq!(shop.pieces(anvil).await, (4, 0));
}

/// The deadline is written before the order commits; one that comes in between must not be dropped for it.
#[tokio::test]
async fn an_order_that_took_longer_than_its_deadline_still_expires() {
    let stage = Stage::shared().await;
    let hasty = start(stage.world.settings("order"), 1).await;
    let shop = Shop::open(&stage.world, url(&hasty)).await;
    let anvil = shop.sells("Anvil", 5).await;
    let platform = stage.world.platform_pool("order").await;

    // Someone holds the product while the order's deadline comes.
    let mut holder = shop.database.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM \"order\".product WHERE id = $1 FOR UPDATE")
        .bind(anvil)
        .execute(&mut *holder)
        .await
        .unwrap();
    let ann = shop.customer();
    let held_up = async {
        eventually("the deadline to be claimed", || async {
            let claimed: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM order_deadline WHERE tenant_id = $1 AND due_at > now() + interval '5 seconds'",
            )
            .bind(shop.tenant.tenant.id)
            .fetch_one(&platform)
            .await
            .unwrap();
            (claimed == 1).then_some(())
        })
        .await;
        holder.rollback().await.unwrap();
    };
    let (answer, ()) = tokio::join!(ann.orders(&shop, anvil, 1), held_up);

    let order = crate::shop::id_of(&answer.expect(201));
    stage.log.wait_for_single::<OrderCreated>(order).await;
    shop.order_is_stored_as(order, "EXPIRED").await;
    assert_eq!(shop.pieces(anvil).await, (5, 0));
    hasty.stop().await;
}
