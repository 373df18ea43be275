//! Authorization, payment links and payment pages.

use events::tenant::{TenantStatus, TenantSuspended};
use testkit::{Reply, eventually};
use uuid::Uuid;

use crate::shop::billing;

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let value = reply.headers.get(name);
    value
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .expect("text")
}

#[tokio::test]
async fn a_payment_page_shows_amount_seller_and_order_and_is_not_cached() {
    let shop = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;

    let page = payment.open().await;

    assert_eq!(page.status, 200);
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    for part in [
        "19.99 EUR",
        &shop.tenant.tenant.name,
        &order.id.to_string(),
        "<form method=\"post\">",
        "<button type=\"submit\">",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("<script"));
    assert_eq!(header(&page, "cache-control"), "no-store");
    assert_eq!(header(&page, "referrer-policy"), "no-referrer");
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none';"));
    let paid = payment.press().await;
    assert!(paid.text.contains("<h1>Paid</h1>"), "{}", paid.text);
    assert_eq!(header(&paid, "cache-control"), "no-store");
}

#[tokio::test]
async fn a_forged_link_is_not_found() {
    let shop = billing().await.shop().await;
    let other = billing().await.shop().await;
    let (order, payment) = shop.ordered().await;
    let (_, second) = shop.ordered().await;
    let (path, token) = payment.path.split_once("?token=").expect("a token");
    let (_, second_token) = second.path.split_once("?token=").expect("a token");
    let other_tenant = path.replace(shop.tenant.code(), other.tenant.code());
    let mut altered = token.to_owned();
    altered.replace_range(..1, if token.starts_with('0') { "1" } else { "0" });

    for forged in [
        path.to_owned(),
        format!("{path}?token="),
        format!("{path}?token={altered}"),
        format!("{path}?token={}", &token[..62]),
        format!("{path}?token={second_token}"),
        format!("{other_tenant}?token={token}"),
        format!(
            "{}?token={token}",
            path.replace(&payment.id.to_string(), &Uuid::now_v7().to_string())
        ),
        format!(
            "{}?token={token}",
            path.replace(shop.tenant.code(), "no-such-shop")
        ),
        format!(
            "{}?token={token}",
            path.replace(&payment.id.to_string(), "x")
        ),
    ] {
        let stranger = billing().await.stranger();
        assert_eq!(stranger.get(&forged).await.status, 404, "GET {forged}");
        let pressed = stranger.send(reqwest::Method::POST, &forged, None).await;
        assert_eq!(pressed.status, 404, "POST {forged}");
    }
    assert_eq!(shop.status_of(&order).await, "PENDING");
}

#[tokio::test]
async fn a_suspended_seller_accepts_no_payments() {
    let shop = billing().await.shop().await;
    let (_, payment) = shop.ordered().await;
    let tenant = &shop.tenant.tenant;
    let suspended = TenantSuspended {
        tenant_id: tenant.id.0,
        code: tenant.code.to_string(),
        name: tenant.name.clone(),
        region: tenant.region.to_string(),
        cluster: tenant.cluster.as_ref().map(ToString::to_string),
        package: tenant.package.to_string(),
        billing_email: "billing@example.com".to_owned(),
        status: TenantStatus::Suspended,
        version: 2,
        reason: None,
    };
    let world = &shop.billing.world;
    world.publish(&shop.tenant, tenant.id, &suspended).await;

    eventually("the suspension to take effect", || async {
        (payment.open().await.status == 403).then_some(())
    })
    .await;
    assert_eq!(payment.press().await.status, 403);
}

#[tokio::test]
async fn only_the_tenants_own_admin_sees_its_payments_and_subscription() {
    let shop = billing().await.shop().await;
    let other = billing().await.shop().await;
    let identity = billing().await.world.identity();
    let stranger = billing().await.stranger();
    let customer = stranger.with_token(identity.customer().1);
    let platform_admin = stranger.with_token(identity.platform_admin().1);
    for resource in ["payments", "subscription"] {
        let path = format!("/api/{}/billing/{resource}", shop.tenant.code());
        assert_eq!(stranger.get(&path).await.status, 401);
        assert_eq!(customer.get(&path).await.status, 403);
        assert_eq!(platform_admin.get(&path).await.status, 403);
        assert_eq!(other.admin().get(&path).await.status, 403);
        assert_eq!(
            other
                .admin()
                .header("x-tenant-id", shop.tenant.code())
                .get(&path)
                .await
                .status,
            403
        );
    }
}

#[tokio::test]
async fn payments_are_listed_by_page_newest_first() {
    let shop = billing().await.shop().await;
    let (first, _) = shop.ordered().await;
    let (second, payment) = shop.ordered().await;
    let path = format!("/api/{}/billing/payments", shop.tenant.code());

    let page = shop
        .admin()
        .get(&format!("{path}?per_page=1"))
        .await
        .expect(200);

    assert_eq!(page["meta"]["total"], 2);
    assert_eq!(page["data"][0]["id"], payment.id.to_string());
    assert_eq!(page["data"][0]["orderId"], second.id.to_string());
    assert_eq!(page["data"][0]["status"], "PENDING");
    assert_eq!(page["data"][0]["amount"]["currency"], "EUR");
    let next = page["links"]["next"].as_str().expect("a second page");
    let page = shop.admin().get(next).await.expect(200);
    assert_eq!(page["data"][0]["orderId"], first.id.to_string());
    let refused = shop.admin().get(&format!("{path}?color=red")).await;
    assert_eq!(refused.status, 400);
}
