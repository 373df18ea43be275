//! Orders are asked to be paid, paid, and paid back.

use events::billing::{PaymentRefunded, PaymentRequested, PaymentSucceeded};
use futures::future::join_all;
use uuid::Uuid;

use crate::shop::{Order, billing};

#[tokio::test]
async fn an_order_is_asked_to_be_paid_once_however_often_it_is_heard_of() {
    let shop = billing().await.shop().await;
    let order = Order::new();
    let first = shop.says_created(&order).await;
    for _ in 0..3 {
        shop.says_created_again(&order, first).await;
    }
    let second = shop.says_created(&order).await;
    let last = shop.says_expired(&order).await;

    let requests = shop
        .count::<PaymentRequested>(&order, &[first, second, last])
        .await;

    assert_eq!(requests, 1);
    let request = &shop.said::<PaymentRequested>(&order)[0];
    assert_eq!(request.payload["gateway"], "test");
    assert_eq!(request.payload["amount"]["amount"], 1999);
    assert_eq!(request.payload["buyerId"], order.buyer.to_string());
    assert_eq!(request.envelope.sequence, 1);
    assert_eq!(request.envelope.causation_id, Some(first));
}

#[tokio::test]
async fn presses_and_the_sellers_notice_at_the_same_moment_settle_once() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    // All of them have begun before the first can go on.
    let held = shop.hold(&order).await;

    let (presses, notice, ()) = futures::join!(
        join_all((0..3).map(|_| payment.press())),
        shop.says_paid(&order, payment.id),
        held.release_when_awaited_by(3)
    );

    for press in presses {
        assert_eq!(press.status, 200, "{}", press.text);
    }
    let settled = shop.count::<PaymentSucceeded>(&order, &[notice]).await;
    assert_eq!(settled, 1);
    assert_eq!(shop.status_of(&order).await, "SUCCEEDED");
    let listed = shop.payment_of(&order).await;
    assert_eq!(listed["version"], 2);
}

#[tokio::test]
async fn the_seller_records_a_payment_once() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let notices = [
        shop.says_paid(&order, payment.id).await,
        shop.says_paid(&order, payment.id).await,
    ];
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &notices).await, 1);
    let page = payment.open().await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<h1>Paid</h1>") && !page.text.contains("<form"));
}

#[tokio::test]
async fn what_was_paid_goes_back_once_when_the_order_expires() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    assert_eq!(payment.press().await.status, 200);
    let ends = [
        shop.says_expired(&order).await,
        shop.says_expired(&order).await,
    ];

    assert_eq!(shop.count::<PaymentRefunded>(&order, &ends).await, 1);
    assert_eq!(shop.status_of(&order).await, "REFUNDED");
    let again = payment.press().await;
    assert_eq!(again.status, 200);
    assert!(again.text.contains("<h1>Refunded</h1>"));
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &[]).await, 1);
    let refund = &shop.said::<PaymentRefunded>(&order)[0];
    assert_eq!(refund.payload["amount"]["amount"], 1999);
    assert_eq!(refund.envelope.sequence, 3);
}

#[tokio::test]
async fn a_press_and_the_end_of_the_order_at_the_same_moment_keep_no_money() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let held = shop.hold(&order).await;

    let (press, end, ()) = futures::join!(
        payment.press(),
        shop.says_expired(&order),
        held.release_when_awaited_by(2)
    );

    let settled = shop.count::<PaymentSucceeded>(&order, &[end]).await;
    let refunded = shop.said::<PaymentRefunded>(&order).len();
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
    let cancelled = shop.says_cancelled(&order).await;
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
async fn an_order_that_had_ended_is_not_asked_to_be_paid() {
    let shop = billing().await.shop().await;
    let order = Order::new();
    let events = [
        shop.says_expired(&order).await,
        shop.says_created(&order).await,
    ];
    assert_eq!(shop.count::<PaymentRequested>(&order, &events).await, 0);
    assert_eq!(shop.status_of(&order).await, "CANCELLED");
}

#[tokio::test]
async fn the_notice_of_another_payment_settles_nothing() {
    let shop = billing().await.shop().await;
    let (order, _) = shop.ordered().await;
    shop.says_paid(&order, Uuid::now_v7()).await;
    let ended = shop.says_cancelled(&order).await;
    assert_eq!(shop.count::<PaymentSucceeded>(&order, &[ended]).await, 0);
    assert_eq!(shop.status_of(&order).await, "CANCELLED");
}
