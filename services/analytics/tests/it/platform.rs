//! The figures over all tenants.

use analytics_service::domain::Status::{Cancelled, Complete, Created, Paid, WaitingForPayment};
use event_bus::EventParts;
use events::{
    tenant::{TenantActivated, TenantCreated, TenantStatus},
    user::{Role, UserCreated, UserLoginFailed, UserLoginSucceeded, UserRegistered},
};
use serde_json::json;
use testkit::{TestTenant, eventually};
use uuid::Uuid;

use crate::world::{Analytics, Ordered, tenant_ref};

#[tokio::test]
async fn the_platform_adds_up_what_all_tenants_and_users_did() {
    let analytics = Analytics::alone().await;
    let (one, two) = (analytics.tenant().await, analytics.tenant().await);
    let (ann, bob, eve) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());

    tenants_come(&analytics, &one, &two).await;
    users_come_and_log_in(&analytics, ann, bob).await;
    let completed =
        Ordered::of(&one, ann, 30_00, "EUR").steps([Created, WaitingForPayment, Paid, Complete]);
    let paid = Ordered::of(&two, eve, 12_00, "EUR").steps([Created, WaitingForPayment, Paid]);
    let cancelled = Ordered::of(&two, eve, 9_00, "USD").steps([Created, Cancelled]);
    for step in completed.iter().chain(&paid).chain(&cancelled) {
        analytics.tell(&step.forgotten()).await;
        analytics.tell(step).await;
    }

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
    // Two of each step of an order, three of tenants, two users, five logins.
    eventually("all events to be handled", || async {
        let handled: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM inbox WHERE consumer = 'analytics-platform-consumer'",
        )
        .fetch_one(&pool)
        .await
        .expect("the inbox can be counted");
        (handled == 18 + 3 + 2 + 5).then_some(())
    })
    .await;
    assert_eq!(analytics.platform_report().await, expected);
}

async fn tenants_come(analytics: &Analytics, one: &TestTenant, two: &TestTenant) {
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
        twice(analytics, tenant_parts(tenant), &created).await;
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
    twice(analytics, tenant_parts(one), &activated).await;
}

async fn users_come_and_log_in(analytics: &Analytics, ann: Uuid, bob: Uuid) {
    let registered = UserRegistered {
        user_id: ann,
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
    };
    twice(analytics, parts(ann), &registered).await;
    let created = UserCreated {
        user_id: bob,
        email: "bob@example.com".to_owned(),
        name: "Bob".to_owned(),
        role: Role::Customer,
        tenant_id: None,
        tenant_code: None,
        invited: false,
    };
    twice(analytics, parts(bob), &created).await;
    for user_id in [ann, bob, bob] {
        let login = UserLoginSucceeded {
            user_id,
            role: Role::Customer,
            tenant_id: None,
            tenant_code: None,
        };
        twice(analytics, parts(user_id), &login).await;
    }
    for user_id in [Some(ann), None] {
        let failed = UserLoginFailed {
            user_id,
            reason: "wrong_credentials".to_owned(),
        };
        twice(
            analytics,
            parts(user_id.unwrap_or_else(Uuid::now_v7)),
            &failed,
        )
        .await;
    }
}

async fn twice<E: event_bus::Event>(analytics: &Analytics, parts: EventParts, event: &E) {
    analytics.world.publish_parts(parts.clone(), event).await;
    analytics.world.publish_parts(parts, event).await;
}

fn parts(subject: Uuid) -> EventParts {
    EventParts::new("/tenantry/user", subject).sequence(1)
}

fn tenant_parts(tenant: &TestTenant) -> EventParts {
    EventParts::new("/tenantry/tenant", tenant.tenant.id)
        .sequence(1)
        .tenant(tenant_ref(tenant))
}
