use serde_json::{Value, json};
use tenancy::TenantStatus;

use crate::shop::{Shop, Stage};

fn ids(list: &Value) -> Vec<String> {
    let rows = list["data"].as_array().expect("a list");
    rows.iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn two_shops() -> (&'static Stage, Shop, Shop) {
    let stage = Stage::shared().await;
    (stage, stage.shop().await, stage.shop().await)
}

#[tokio::test]
async fn a_buyer_leafs_through_their_orders_over_two_tenants() {
    let (_, acme, globex) = two_shops().await;
    let (anvil, rope) = (
        acme.sells("Anvil", 50).await,
        globex.sells("Rope", 50).await,
    );
    let (ann, bob) = (acme.customer(), acme.customer());
    let mut placed = Vec::new();
    for n in 0..7 {
        let (shop, product) = if n % 2 == 0 {
            (&acme, anvil)
        } else {
            (&globex, rope)
        };
        placed.push(ann.gets(shop, product, 1).await.to_string());
        bob.gets(shop, product, 1).await;
    }
    placed.reverse();

    let first = ann.client.get("/api/orders?per_page=3").await.expect(200);
    assert_eq!(first["meta"], json!({"page": 1, "perPage": 3, "total": 7}));
    assert_eq!(first["unavailable"], json!(null));
    let mut seen = ids(&first);
    let mut next = first["links"]["next"].clone();
    while let Some(path) = next.as_str() {
        let page = ann.client.get(path).await.expect(200);
        seen.extend(ids(&page));
        next = page["links"]["next"].clone();
    }

    assert_eq!(seen, placed, "newest first, each once");
    let codes: Vec<_> = first["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["tenantCode"].clone())
        .collect();
    assert_eq!(codes, [acme.code(), globex.code(), acme.code()]);
}

#[tokio::test]
async fn a_tenant_whose_database_is_away_is_named_and_the_others_are_listed() {
    let (stage, acme, globex) = two_shops().await;
    let (anvil, rope) = (acme.sells("Anvil", 5).await, globex.sells("Rope", 5).await);
    let ann = acme.customer();
    ann.gets(&acme, anvil, 1).await;
    let at_globex = ann.gets(&globex, rope, 1).await;

    stage.world.close_database(&acme.tenant).await;
    let listed = ann.client.get("/api/orders").await.expect(200);
    assert_eq!(ids(&listed), [at_globex.to_string()]);
    assert_eq!(listed["unavailable"], json!([acme.code()]));

    stage.world.reopen_database(&acme.tenant).await;
    testkit::eventually("both tenants' orders", || async {
        let listed = ann.client.get("/api/orders").await.expect(200);
        (ids(&listed).len() == 2 && listed["unavailable"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_suspended_tenants_orders_are_not_listed() {
    let (stage, acme, globex) = two_shops().await;
    let (anvil, rope) = (acme.sells("Anvil", 5).await, globex.sells("Rope", 5).await);
    let ann = acme.customer();
    ann.gets(&acme, anvil, 1).await;
    let at_globex = ann.gets(&globex, rope, 1).await;

    stage
        .world
        .set_status("order", &acme.tenant.tenant, TenantStatus::Suspended, 2)
        .await;

    testkit::eventually("only the active tenant's orders", || async {
        let listed = ann.client.get("/api/orders").await.expect(200);
        (ids(&listed) == [at_globex.to_string()]).then_some(())
    })
    .await;
}
