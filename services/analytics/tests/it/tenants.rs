//! The figures of one tenant.

use analytics_service::domain::Status::{Complete, Created, Expired, Paid, WaitingForPayment};
use serde_json::json;
use sqlx::PgPool;
use testkit::{TestTenant, eventually};
use uuid::Uuid;

use crate::world::{Analytics, Ordered, shared};

#[tokio::test]
async fn totals_agree_with_the_events_however_often_and_in_whatever_order_they_come() {
    let analytics = shared().await;
    let (tenant, other) = (analytics.tenant().await, analytics.tenant().await);
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let completed =
        Ordered::of(&tenant, ann, 19_99, "EUR").steps([Created, WaitingForPayment, Paid, Complete]);
    let paid = Ordered::of(&tenant, ann, 5_00, "EUR").steps([Created, WaitingForPayment, Paid]);
    let expired =
        Ordered::of(&tenant, bob, 7_00, "USD").steps([Created, WaitingForPayment, Expired]);
    let elsewhere = Ordered::of(&other, bob, 1_00, "CHF").steps([Created]);

    let [placed, waiting, money_came, handed_over] = &completed;
    for step in [
        placed,
        placed,
        waiting,
        money_came,
        placed,
        money_came,
        handed_over,
    ] {
        analytics.tell(step).await;
    }
    let [placed, waiting, money_came] = &paid;
    for step in [money_came, money_came, placed, waiting] {
        analytics.tell(step).await;
    }
    let [placed, waiting, late] = &expired;
    for step in [placed, waiting, waiting, late] {
        analytics.tell(step).await;
    }
    analytics.tell(&elsewhere[0]).await;

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

    // Even when no inbox remembers them, as in a rebuild over what is there, and backwards.
    let again = completed.iter().chain(&paid).chain(&expired);
    for step in again.rev() {
        analytics.tell(&step.forgotten()).await;
    }
    all_handled(analytics, &tenant, 20).await;
    assert_eq!(analytics.report(&tenant).await, expected);
}

#[tokio::test]
async fn a_tenant_without_orders_has_zeros() {
    let analytics = shared().await;
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

/// Waits until the tenant's database has taken that many distinct events.
async fn all_handled(analytics: &Analytics, tenant: &TestTenant, events: i64) {
    let url = analytics
        .world
        .stack()
        .database("analytics", &tenant.database);
    let pool = PgPool::connect(&url)
        .await
        .expect("the tenant's database answers");
    eventually(&format!("{events} events to be handled"), || async {
        let handled: i64 = sqlx::query_scalar("SELECT count(*) FROM analytics.inbox")
            .fetch_one(&pool)
            .await
            .expect("the inbox can be counted");
        (handled == events).then_some(())
    })
    .await;
}
