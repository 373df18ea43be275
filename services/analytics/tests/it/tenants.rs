//! The report on one tenant.

use analytics_service::domain::OrderStatus::{Complete, Created, Expired, Paid, WaitingForPayment};
use serde_json::json;
use sqlx::PgPool;
use testkit::{TestTenant, eventually};
use uuid::Uuid;

use crate::world::{Analytics, TestOrder, shared_service};

#[tokio::test]
async fn totals_agree_with_the_events_whatever_their_order_and_number_of_deliveries() {
    let analytics = shared_service().await;
    let (tenant, other) = (analytics.tenant().await, analytics.tenant().await);
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let completed = TestOrder::new(&tenant, ann, 19_99, "EUR").events([
        Created,
        WaitingForPayment,
        Paid,
        Complete,
    ]);
    let paid = TestOrder::new(&tenant, ann, 5_00, "EUR").events([Created, WaitingForPayment, Paid]);
    let expired =
        TestOrder::new(&tenant, bob, 7_00, "USD").events([Created, WaitingForPayment, Expired]);
    let of_other_tenant = TestOrder::new(&other, bob, 1_00, "CHF").events([Created]);

    let [placed, waiting, was_paid, was_completed] = &completed;
    for event in [
        placed,
        placed,
        waiting,
        was_paid,
        placed,
        was_paid,
        was_completed,
    ] {
        analytics.publish(event).await;
    }
    let [placed, waiting, was_paid] = &paid;
    for event in [was_paid, was_paid, placed, waiting] {
        analytics.publish(event).await;
    }
    let [placed, waiting, late] = &expired;
    for event in [placed, waiting, waiting, late] {
        analytics.publish(event).await;
    }
    analytics.publish(&of_other_tenant[0]).await;

    let expected = json!({
        "totalOrders": 3,
        "totalRevenue": {"amount": 24_99, "currency": "EUR"},
        "revenueByCurrency": [{"amount": 24_99, "currency": "EUR"}, {"amount": 0, "currency": "USD"}],
        "ordersByStatus": {
            "CREATED": 0, "WAITING_FOR_PAYMENT": 0, "PAID": 1, "COMPLETE": 1, "CANCELLED": 0, "EXPIRED": 1, "REFUNDED": 0,
        },
        "funnel": {"created": 3, "paid": 2, "completed": 1},
        "activeUsers": 2,
    });
    all_handled(analytics, &tenant, 10).await;
    assert_eq!(analytics.report(&tenant).await, expected);
    all_handled(analytics, &other, 1).await;
    assert_eq!(analytics.report(&other).await["totalOrders"], 1);

    // With new ids that no inbox holds, as in a rebuild over existing facts, and in reverse order.
    let all = completed.iter().chain(&paid).chain(&expired);
    for event in all.rev() {
        analytics.publish(&event.with_new_id()).await;
    }
    all_handled(analytics, &tenant, 20).await;
    assert_eq!(analytics.report(&tenant).await, expected);
}

#[tokio::test]
async fn a_tenant_without_orders_has_zeros() {
    let analytics = shared_service().await;
    let tenant = analytics.tenant().await;

    let report = analytics.report(&tenant).await;

    assert_eq!(report["totalOrders"], 0);
    assert_eq!(
        report["totalRevenue"],
        json!({"amount": 0, "currency": "EUR"})
    );
    assert_eq!(report["revenueByCurrency"], json!([]));
    assert_eq!(report["activeUsers"], 0);
}

/// Waits until the inbox of the tenant's database holds this many events.
async fn all_handled(analytics: &Analytics, tenant: &TestTenant, events: i64) {
    let url = analytics
        .world
        .stack()
        .database("analytics", &tenant.database);
    let pool = PgPool::connect(&url)
        .await
        .expect("the tenant's database is reachable");
    eventually(&format!("{events} events to be handled"), || async {
        let handled: i64 = sqlx::query_scalar("SELECT count(*) FROM analytics.inbox")
            .fetch_one(&pool)
            .await
            .expect("the inbox can be counted");
        (handled == events).then_some(())
    })
    .await;
}
