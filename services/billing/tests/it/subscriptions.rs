//! Packages, and tenants that subscribe to them.

use event_bus::{EventParts, TenantRef};
use events::{
    billing::SubscriptionStarted,
    tenant::{TenantCreated, TenantStatus},
};
use testkit::eventually;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::shop::{Shop, billing};

fn created(shop: &Shop, package: &str) -> TenantCreated {
    let tenant = &shop.tenant.tenant;
    TenantCreated {
        tenant_id: tenant.id.0,
        code: tenant.code.to_string(),
        name: tenant.name.clone(),
        region: tenant.region.to_string(),
        cluster: None,
        package: package.to_owned(),
        billing_email: "billing@example.com".to_owned(),
        status: TenantStatus::Provisioning,
        version: 1,
    }
}

#[tokio::test]
async fn a_new_tenant_gets_one_subscription_with_a_trial() {
    let shop = billing().await.shop().await;
    let (world, tenant) = (&shop.billing.world, &shop.tenant.tenant);
    let event = created(&shop, "business");
    let first = world.publish(&shop.tenant, tenant.id, &event).await;
    let mut again = EventParts::new("/tenantry/test", tenant.id).tenant(TenantRef {
        id: tenant.id.0,
        region: tenant.region.to_string(),
    });
    again.id = first;
    world.publish_parts(again, &event).await;
    let last = world.publish(&shop.tenant, tenant.id, &event).await;

    let pool = world.platform_pool("billing").await;
    eventually("both events to be handled", || async {
        let handled: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM inbox WHERE consumer = 'billing-subscription-consumer' AND event_id = ANY($1)",
        )
        .bind([first, last].as_slice())
        .fetch_one(&pool)
        .await
        .expect("the inbox can be read");
        let published = shop.billing.published::<SubscriptionStarted>("tenantId", tenant.id.0);
        (handled == 2 && !published.is_empty()).then_some(())
    })
    .await;
    shop.billing.log.read_to_end().await;
    let published = shop
        .billing
        .published::<SubscriptionStarted>("tenantId", tenant.id.0);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].payload["package"], "business");
    let tenant_ref = published[0]
        .envelope
        .tenant
        .as_ref()
        .expect("the event has a tenant");
    assert_eq!(tenant_ref.id, tenant.id.0);

    let path = format!("/api/{}/billing/subscription", tenant.code);
    let subscription = shop.admin().get(&path).await.expect(200);
    assert_eq!(subscription["id"], published[0].envelope.subject);
    assert_eq!(subscription["package"], "business");
    assert_eq!(subscription["status"], "TRIAL");
    let ends = subscription["trialEndsAt"].as_str().expect("a time");
    let ends = OffsetDateTime::parse(ends, &Rfc3339).expect("a time");
    let left = ends - OffsetDateTime::now_utc();
    assert!(
        left > Duration::days(13) && left <= Duration::days(14),
        "{left}"
    );
}

#[tokio::test]
async fn a_tenant_without_a_subscription_gets_not_found() {
    let shop = billing().await.shop().await;
    let path = format!("/api/{}/billing/subscription", shop.tenant.code());
    let answer = shop.admin().get(&path).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.problem(), "/problems/not-found");
}

#[tokio::test]
async fn everyone_with_a_token_sees_the_packages() {
    let billing = billing().await;
    let (_, token) = billing.world.identity().customer();
    let stranger = billing.stranger();
    assert_eq!(stranger.get("/api/billing/packages").await.status, 401);

    let packages = stranger
        .with_token(token)
        .get("/api/billing/packages")
        .await
        .expect(200);

    let rows = packages["data"].as_array().expect("rows");
    let codes: Vec<_> = rows
        .iter()
        .map(|row| row["code"].as_str().expect("a code"))
        .collect();
    assert_eq!(codes, ["starter", "business", "enterprise"]);
    assert_eq!(
        rows[0]["price"],
        serde_json::json!({ "amount": 1900, "currency": "EUR" })
    );
    assert_eq!(rows[0]["limits"]["users"], 5);
    assert!(
        rows[2]["limits"].get("users").is_none(),
        "absent means unlimited"
    );
    assert_eq!(rows[0]["modules"][0], "CATALOGUE");
}

#[tokio::test]
async fn the_openapi_document_has_every_path_and_payment_pages_need_no_token() {
    let document = billing()
        .await
        .stranger()
        .get("/api/docs/openapi.json")
        .await
        .expect(200);
    let paths = document["paths"].as_object().expect("paths");
    for path in [
        "/api/billing/packages",
        "/api/{tenantCode}/billing/subscription",
        "/api/{tenantCode}/billing/payments",
    ] {
        assert!(
            paths[path]["get"]["security"].is_null(),
            "{path} needs a token"
        );
    }
    let page = &paths["/api/billing/pay/{tenantCode}/{paymentId}"];
    for method in ["get", "post"] {
        assert_eq!(
            page[method]["security"],
            serde_json::json!([{}]),
            "{method}"
        );
    }
}
