use events::order::{OrderCompleted, OrderPaid, OrderPaymentRequested};
use serde_json::json;
use uuid::Uuid;

use crate::shop::{ORDER, Stage, statuses};

#[tokio::test]
async fn a_requested_payment_makes_the_order_wait_with_its_link() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 1).await;

    let payment = shop.bills(order).await;

    let waiting = shop.order(order).await;
    assert_eq!(waiting["paymentId"], json!(payment));
    assert_eq!(
        waiting["paymentLink"],
        json!(format!("http://tenantry.test/pay/{payment}"))
    );
    assert_eq!(waiting["version"], 2);
    let told = stage
        .log
        .wait_for_single::<OrderPaymentRequested>(order)
        .await;
    assert_eq!(told.envelope.sequence, 2);
}

#[tokio::test]
async fn a_payment_sells_the_pieces_and_its_repeated_notices_change_nothing() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 2).await;
    let payment = shop.bills(order).await;
    let (asked, paid) = (
        shop.payment_requested(order, payment),
        shop.payment_succeeded(order, payment),
    );
    let parts = shop.parts(payment);

    let first = shop.world.publish_parts(parts.clone(), &paid).await;
    let done = shop.order_becomes(order, "PAID").await;
    assert_eq!(shop.pieces(anvil).await, (3, 0));

    // The same event again, and other events that say the same.
    shop.world.publish_parts(parts, &paid).await;
    let again = shop.world.publish(&shop.tenant, payment, &paid).await;
    let late = shop.world.publish(&shop.tenant, payment, &asked).await;
    shop.handled(&[first, again, late]).await;

    assert_eq!(shop.order(order).await, done);
    assert_eq!(shop.pieces(anvil).await, (3, 0));
    stage.log.wait_for_single::<OrderPaid>(order).await;
    stage
        .log
        .wait_for_single::<OrderPaymentRequested>(order)
        .await;
}

#[tokio::test]
async fn simultaneous_notices_of_a_payment_take_the_stock_once() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    for _ in 0..5 {
        let ann = shop.customer();
        let order = ann.gets(&shop, anvil, 1).await;
        let payment = shop.bills(order).await;
        let paid = shop.payment_succeeded(order, payment);
        let path = format!("{}/payment-received", shop.order_path(order));

        // Other subjects, so other lanes: the notices really meet.
        let all = async {
            tokio::join!(
                shop.world.publish(&shop.tenant, payment, &paid),
                shop.world.publish(&shop.tenant, Uuid::now_v7(), &paid),
                shop.admin.post(&path, json!({})),
                ann.client.post(&path, json!({})),
            )
        };
        let (one, two, by_seller, by_buyer) = shop.meeting(ORDER, order, 4, all).await;

        assert_eq!(statuses(&[by_seller, by_buyer]), [200, 200]);
        shop.handled(&[one, two]).await;
        assert_eq!(shop.order(order).await["status"], "PAID");
        stage.log.wait_for_single::<OrderPaid>(order).await;
    }
    assert_eq!(shop.pieces(anvil).await, (0, 0));
}

#[tokio::test]
async fn an_order_is_completed_only_when_paid_and_only_with_one_transaction() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let ann = shop.customer();
    let order = ann.gets(&shop, anvil, 1).await;
    let path = format!("{}/complete", shop.order_path(order));
    let with = |transaction: &str| json!({"transaction_id": transaction});

    let early = ann.client.post(&path, with("t-1")).await;
    assert_eq!(
        (early.status.as_u16(), early.problem()),
        (409, "/problems/order-status")
    );
    shop.bills(order).await;
    let early = shop.admin.post(&path, with("t-1")).await;
    assert_eq!(
        (early.status.as_u16(), early.problem()),
        (409, "/problems/order-status")
    );

    let received = format!("{}/payment-received", shop.order_path(order));
    ann.client.post(&received, json!({})).await.expect(200);
    let (by_buyer, by_seller) = (
        ann.client.post(&path, with("t-1")),
        shop.admin.post(&path, with("t-1")),
    );
    let both = async { tokio::join!(by_buyer, by_seller) };
    let (one, two) = shop.meeting(ORDER, order, 2, both).await;
    let done = one.expect(200);
    assert_eq!(done, two.expect(200));
    assert_eq!(done["status"], "COMPLETE");
    assert_eq!(done["transaction_id"], json!(null));
    assert_eq!(done["transactionId"], "t-1");

    let other = ann.client.post(&path, with("t-2")).await;
    assert_eq!(
        (other.status.as_u16(), other.problem()),
        (409, "/problems/other-transaction")
    );
    assert_eq!(shop.order(order).await, done);
    stage.log.wait_for_single::<OrderCompleted>(order).await;
}

#[tokio::test]
async fn a_buyer_records_a_payment_with_the_test_gateway_only() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let ann = shop.customer();
    let order = ann.gets(&shop, anvil, 1).await;
    let path = format!("{}/payment-received", shop.order_path(order));
    let early = shop.admin.post(&path, json!({})).await;
    assert_eq!(
        (early.status.as_u16(), early.problem()),
        (409, "/problems/order-status")
    );

    let payment = Uuid::now_v7();
    let mut asked = shop.payment_requested(order, payment);
    "stripe".clone_into(&mut asked.gateway);
    shop.world.publish(&shop.tenant, payment, &asked).await;
    shop.order_becomes(order, "WAITING_FOR_PAYMENT").await;

    assert_eq!(ann.client.post(&path, json!({})).await.status, 403);
    assert_eq!(shop.order(order).await["status"], "WAITING_FOR_PAYMENT");
    let (_, token) = shop.world.identity().service("billing");
    let paid = shop.admin.with_token(token).post(&path, json!({})).await;
    assert_eq!(paid.expect(200)["status"], "PAID");
}

#[tokio::test]
async fn another_payment_is_dead_lettered_and_the_next_event_goes_on() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let (order, next) = (
        shop.customer().gets(&shop, anvil, 1).await,
        shop.customer().gets(&shop, anvil, 1).await,
    );
    shop.bills(order).await;

    let other = Uuid::now_v7();
    let wrong = shop.payment_succeeded(order, other);
    shop.world.publish(&shop.tenant, other, &wrong).await;
    shop.bills(next).await;

    assert_eq!(shop.order(order).await["status"], "WAITING_FOR_PAYMENT");
    assert_eq!(shop.pieces(anvil).await, (3, 2));
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_sells_nothing() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let order = shop.customer().gets(&shop, anvil, 1).await;
    let payment = shop.bills(order).await;
    let path = format!("{}/cancel", shop.order_path(order));
    shop.admin.post(&path, json!({})).await.expect(200);

    let paid = shop.payment_succeeded(order, payment);
    let event = shop.world.publish(&shop.tenant, payment, &paid).await;
    shop.handled(&[event]).await;

    assert_eq!(shop.order(order).await["status"], "CANCELLED");
    assert_eq!(shop.pieces(anvil).await, (5, 0));
}
