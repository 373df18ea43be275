//! Authorization of the reports.

use tenancy::TenantStatus;
use testkit::eventually;

use crate::world::shared_service;

#[tokio::test]
async fn only_the_tenants_own_admin_sees_its_report() {
    let analytics = shared_service().await;
    let (tenant, other) = (analytics.tenant().await, analytics.tenant().await);
    let identity = analytics.world.identity();
    let path = format!("/api/{}/analytics", tenant.code());

    assert_eq!(analytics.report(&tenant).await["totalOrders"], 0);

    let refused = [
        ("another tenant's admin", identity.admin_of(&other).1),
        ("a customer", identity.customer().1),
        ("the platform admin", identity.platform_admin().1),
        ("a service", identity.service("order").1),
    ];
    for (who, token) in refused {
        let reply = analytics.client(token).get(&path).await;
        assert_eq!((who, reply.status.as_u16()), (who, 403));
        assert_eq!(reply.problem(), "/problems/forbidden");
    }
    assert_eq!(analytics.stranger().get(&path).await.status, 401);
    let own_token_elsewhere = identity.admin_of(&other).1;
    let contradicting = analytics
        .client(own_token_elsewhere)
        .header("x-tenant-id", other.code());
    assert_ne!(contradicting.get(&path).await.status, 200);
}

#[tokio::test]
async fn only_the_platform_admin_sees_the_platform_report() {
    let analytics = shared_service().await;
    let tenant = analytics.tenant().await;
    let identity = analytics.world.identity();

    assert!(analytics.platform_report().await["totalOrders"].is_i64());

    for token in [
        identity.admin_of(&tenant).1,
        identity.customer().1,
        identity.service("order").1,
    ] {
        assert_eq!(
            analytics.client(token).get("/api/analytics").await.status,
            403
        );
    }
    assert_eq!(analytics.stranger().get("/api/analytics").await.status, 401);
}

#[tokio::test]
async fn the_report_of_a_suspended_tenant_is_forbidden() {
    let analytics = shared_service().await;
    let tenant = analytics.tenant().await;
    let client = analytics.client(analytics.world.identity().admin_of(&tenant).1);
    let path = format!("/api/{}/analytics", tenant.code());
    assert_eq!(analytics.report(&tenant).await["totalOrders"], 0);

    analytics
        .world
        .set_status("analytics", &tenant.tenant, TenantStatus::Suspended, 2)
        .await;

    eventually("the suspension to take effect", || async {
        let reply = client.get(&path).await;
        (reply.status == 403 && reply.problem() == "/problems/tenant-suspended").then_some(())
    })
    .await;
}
