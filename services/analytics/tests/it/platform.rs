//! The report over all tenants.

use analytics_service::domain::OrderStatus::{
    Cancelled, Complete, Created, Paid, WaitingForPayment,
};
use event_bus::EventParts;
use events::{
    tenant::{TenantActivated, TenantCreated, TenantStatus},
    user::{Role, UserCreated, UserLoginFailed, UserLoginSucceeded, UserRegistered},
};
use serde_json::json;
use sqlx::PgPool;
use testkit::{TestTenant, eventually};
use uuid::Uuid;

use crate::world::{Analytics, TestOrder, tenant_ref};

const GROUP: &str = "analytics-platform-consumer";

#[tokio::test]
async fn the_platform_report_covers_all_tenants_and_users() {
    let analytics = Analytics::start().await;
    let (one, two) = (analytics.tenant().await, analytics.tenant().await);
    let (ann, bob, eve) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());

    let completed = TestOrder::new(&one, ann, 30_00, "EUR").events([
        Created,
        WaitingForPayment,
        Paid,
        Complete,
    ]);
    let paid = TestOrder::new(&two, eve, 12_00, "EUR").events([Created, WaitingForPayment, Paid]);
    let cancelled = TestOrder::new(&two, eve, 9_00, "USD").events([Created, Cancelled]);
    let events: Vec<_> = completed.iter().chain(&paid).chain(&cancelled).collect();
    let publish_all = async || {
        publish_tenants(&analytics, &one, &two).await;
        publish_users_and_logins(&analytics, [ann, bob, eve]).await;
        for event in &events {
            analytics.publish(event).await;
        }
    };

    let expected = json!({
        "totalOrders": 3,
        "totalRevenue": {"amount": 42_00, "currency": "EUR"},
        "revenueByCurrency": [{"amount": 42_00, "currency": "EUR"}, {"amount": 0, "currency": "USD"}],
        "ordersByStatus": {
            "CREATED": 0, "WAITING_FOR_PAYMENT": 0, "PAID": 1, "COMPLETE": 1, "CANCELLED": 1, "EXPIRED": 0, "REFUNDED": 0,
        },
        "funnel": {"created": 3, "paid": 2, "completed": 1},
        "activeUsers": 3,
        "newTenants": 2,
        "activatedTenants": 1,
        "users": 2,
        "logins": 3,
        "failedLogins": 2,
    });
    let pool = analytics.world.platform_pool("analytics").await;
    publish_all().await;
    publish_all().await;
    all_handled(&pool).await;
    assert_eq!(analytics.platform_report().await, expected);

    // Without inbox rows, as in a rebuild over existing facts.
    sqlx::query("DELETE FROM inbox WHERE consumer = $1")
        .bind(GROUP)
        .execute(&pool)
        .await
        .expect("the inbox can be emptied");
    publish_all().await;
    all_handled(&pool).await;
    assert_eq!(analytics.platform_report().await, expected);
}

/// Waits until the inbox holds nine order, three tenant, two user and five login events.
async fn all_handled(pool: &PgPool) {
    eventually("all events to be handled", || async {
        let handled: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox WHERE consumer = $1")
            .bind(GROUP)
            .fetch_one(pool)
            .await
            .expect("the inbox can be counted");
        (handled == 9 + 3 + 2 + 5).then_some(())
    })
    .await;
}

async fn publish_tenants(analytics: &Analytics, one: &TestTenant, two: &TestTenant) {
    for tenant in [one, two] {
        let facts = &tenant.tenant;
        let created = TenantCreated {
            tenant_id: facts.id.0,
            code: facts.code.to_string(),
            name: facts.name.clone(),
            region: facts.region.to_string(),
            cluster: facts.cluster.as_ref().map(ToString::to_string),
            package: facts.package.to_string(),
            billing_email: "billing@example.com".to_owned(),
            status: TenantStatus::Provisioning,
            version: 1,
        };
        analytics
            .world
            .publish_parts(tenant_parts(tenant, 1), &created)
            .await;
    }
    let facts = &one.tenant;
    let activated = TenantActivated {
        tenant_id: facts.id.0,
        code: facts.code.to_string(),
        name: facts.name.clone(),
        region: facts.region.to_string(),
        cluster: facts.cluster.as_ref().map(ToString::to_string),
        package: facts.package.to_string(),
        billing_email: "billing@example.com".to_owned(),
        status: TenantStatus::Active,
        version: 2,
    };
    analytics
        .world
        .publish_parts(tenant_parts(one, 2), &activated)
        .await;
}

async fn publish_users_and_logins(analytics: &Analytics, [ann, bob, eve]: [Uuid; 3]) {
    let registered = UserRegistered {
        user_id: ann,
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
    };
    analytics
        .world
        .publish_parts(parts(ann, 1), &registered)
        .await;
    let created = UserCreated {
        user_id: bob,
        email: "bob@example.com".to_owned(),
        name: "Bob".to_owned(),
        role: Role::Customer,
        tenant_id: None,
        tenant_code: None,
        invited: false,
    };
    analytics.world.publish_parts(parts(bob, 1), &created).await;
    for (user_id, nth) in [(ann, 2), (bob, 2), (bob, 3)] {
        let login = UserLoginSucceeded {
            user_id,
            role: Role::Customer,
            tenant_id: None,
            tenant_code: None,
        };
        analytics
            .world
            .publish_parts(parts(user_id, nth), &login)
            .await;
    }
    for (subject, user_id) in [(ann, Some(ann)), (eve, None)] {
        let failed = UserLoginFailed {
            user_id,
            reason: "wrong_credentials".to_owned(),
        };
        analytics
            .world
            .publish_parts(parts(subject, 4), &failed)
            .await;
    }
}

/// The `nth` event about `subject`, with the same id each time.
fn parts(subject: Uuid, nth: u8) -> EventParts {
    let id = Uuid::new_v5(&subject, &[nth]);
    EventParts {
        id,
        ..EventParts::new("/tenantry/test", subject).sequence(nth.into())
    }
}

fn tenant_parts(tenant: &TestTenant, nth: u8) -> EventParts {
    parts(tenant.tenant.id.0, nth).tenant(tenant_ref(tenant))
}
