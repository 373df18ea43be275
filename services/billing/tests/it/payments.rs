//! Payments are requested, settled and refunded.

use events::billing::{PaymentRefunded, PaymentRequested, PaymentSucceeded};
use futures::future::join_all;
use uuid::Uuid;

use crate::shop::{Order, billing};

#[tokio::test]
async fn a_payment_is_requested_once_however_often_the_order_is_delivered() {
    let shop = billing().await.shop().await;
    let order = Order::new();
    let first = shop.publish_created(&order).await;
    for _ in 0..3 {
        shop.republish_created(&order, first).await;
    }
    let second = shop.publish_created(&order).await;
    let last = shop.publish_expired(&order).await;

    let requests = shop
        .count::<PaymentRequested>(&order, &[first, second, last])
        .await;

    assert_eq!(requests, 1);
    let request = &shop.published::<PaymentRequested>(&order)[0];
    assert_eq!(request.payload["gateway"], "test");
    assert_eq!(request.payload["amount"]["amount"], 1999);
    assert_eq!(request.payload["buyerId"], order.buyer.to_string());
    assert_eq!(request.envelope.sequence, 1);
    assert_eq!(request.envelope.causation_id, Some(first));
}

#[tokio::test]
async fn concurrent_presses_and_the_sellers_report_settle_once() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    // All of them wait for the lock before the first continues.
    let lock = shop.lock_payment(&order).await;

    let (presses, report, ()) = futures::join!(
        join_all((0..3).map(|_| payment.press())),
        shop.publish_paid(&order, payment.id),
        lock.release_when_awaited_by(3)
    );

    for press in presses {
        assert_eq!(press.status, 200, "{}", press.text);
    }
    let settled = shop.count::<PaymentSucceeded>(&order, &[report]).await;
    assert_eq!(settled, 1);
    assert_eq!(shop.status_of(&order).await, "SUCCEEDED");
    let listed = shop.payment_of(&order).await;
    assert_eq!(listed["version"], 2);
}

#[tokio::test]
async fn the_seller_records_a_payment_once() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let reports = [
        shop.publish_paid(&order, payment.id).await,
        shop.publish_paid(&order, payment.id).await,
    ];
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &reports).await, 1);
    let page = payment.open().await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<h1>Paid</h1>") && !page.text.contains("<form"));
}

#[tokio::test]
async fn a_payment_is_refunded_once_when_the_order_expires() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    assert_eq!(payment.press().await.status, 200);
    let ends = [
        shop.publish_expired(&order).await,
        shop.publish_expired(&order).await,
    ];

    assert_eq!(shop.count::<PaymentRefunded>(&order, &ends).await, 1);
    assert_eq!(shop.status_of(&order).await, "REFUNDED");
    let again = payment.press().await;
    assert_eq!(again.status, 200);
    assert!(again.text.contains("<h1>Refunded</h1>"));
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &[]).await, 1);
    let refund = &shop.published::<PaymentRefunded>(&order)[0];
    assert_eq!(refund.payload["amount"]["amount"], 1999);
    assert_eq!(refund.envelope.sequence, 3);
}

#[tokio::test]
async fn a_press_concurrent_with_the_end_of_the_order_keeps_no_money() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let lock = shop.lock_payment(&order).await;

    let (press, end, ()) = futures::join!(
        payment.press(),
        shop.publish_expired(&order),
        lock.release_when_awaited_by(2)
    );

    let settled = shop.count::<PaymentSucceeded>(&order, &[end]).await;
    let refunded = shop.published::<PaymentRefunded>(&order).len();
    let outcome = (press.status.as_u16(), settled, refunded);
    match shop.status_of(&order).await.as_str() {
        "REFUNDED" => assert_eq!(outcome, (200, 1, 1)),
        "CANCELLED" => assert_eq!(outcome, (409, 0, 0)),
        other => panic!("money is kept for an order that ended: {other}"),
    }
}

#[tokio::test]
async fn a_cancelled_order_can_no_longer_be_paid() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let cancelled = shop.publish_cancelled(&order).await;
    shop.handled(&[cancelled]).await;

    let pressed = payment.press().await;

    assert_eq!(pressed.status, 409);
    assert_eq!(shop.status_of(&order).await, "CANCELLED");
    let page = payment.open().await;
    assert!(page.text.contains("<h1>Cancelled</h1>") && !page.text.contains("<form"));
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &[]).await, 0);
    assert_eq!(shop.count::<PaymentRefunded>(&order, &[]).await, 0);
}

#[tokio::test]
async fn no_payment_is_requested_for_an_order_that_had_ended() {
    let shop = billing().await.shop().await;
    let order = Order::new();
    let events = [
        shop.publish_expired(&order).await,
        shop.publish_created(&order).await,
    ];
    assert_eq!(shop.count::<PaymentRequested>(&order, &events).await, 0);
    assert_eq!(shop.status_of(&order).await, "CANCELLED");
}

#[tokio::test]
async fn a_report_of_another_payment_settles_nothing() {
    let shop = billing().await.shop().await;
    let (order, _) = shop.ordered().await;
    shop.publish_paid(&order, Uuid::now_v7()).await;
    let ended = shop.publish_cancelled(&order).await;
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &[ended]).await, 0);
    assert_eq!(shop.status_of(&order).await, "CANCELLED");
}
