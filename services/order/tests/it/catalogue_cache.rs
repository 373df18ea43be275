//! Cached reads are never older than the last answered write, through whichever replica they come.

use serde_json::{Value, json};
use testkit::Client;

use crate::shop::{Shop, Stage, start, url};

/// Every way in which the catalogue is read.
const READS: [&str; 6] = [
    "",
    "?page=1",
    "?sort=price",
    "?sort=-name&per_page=5",
    "?search=anv",
    "/one",
];

async fn read(client: &Client, shop: &Shop, product: &str, how: &str) -> Value {
    let how = if how == "/one" {
        format!("/{product}")
    } else {
        how.to_owned()
    };
    client
        .get(&format!("{}{how}", shop.products()))
        .await
        .expect(200)
}

/// The product's stock as this read shows it.
fn stock(answer: &Value) -> Option<i64> {
    let row = answer.get("data").map_or(Some(answer), |rows| rows.get(0));
    row.and_then(|row| row["stock"].as_i64())
}

#[tokio::test]
async fn reads_are_new_after_every_write_through_either_replica() {
    let stage = Stage::shared().await;
    let replica = start(stage.world.settings("order"), 900).await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 100).await.to_string();
    let here = shop.customer().client;
    let there = Client::new(url(&replica), here.token().map(str::to_owned));
    let admin_there = Client::new(url(&replica), shop.admin.token().map(str::to_owned));
    let path = format!("{}/{anvil}", shop.products());

    for round in 0..10 {
        let expected = 100 + round;
        let writer = if round % 2 == 0 {
            &shop.admin
        } else {
            &admin_there
        };
        writer
            .patch(&path, json!({"stock": expected}))
            .await
            .expect(200);
        for how in READS {
            for reader in [&here, &there, &here] {
                let answer = read(reader, &shop, &anvil, how).await;
                assert_eq!(
                    stock(&answer),
                    Some(expected),
                    "round {round}, {how:?}, {}",
                    reader.base()
                );
            }
        }
    }
    shop.admin.delete(&path).await;
    for reader in [&here, &there] {
        assert_eq!(reader.get(&path).await.status, 404);
        assert_eq!(read(reader, &shop, &anvil, "").await["data"], json!([]));
    }
    replica.stop().await;
}

#[tokio::test]
async fn orders_payments_and_cancellations_show_in_the_catalogue_at_once() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();
    let shown = async || {
        let product = shop.product(anvil).await;
        let list = ann.client.get(&shop.products()).await.expect(200);
        assert_eq!(list["data"][0]["stock"], product["stock"]);
        (
            product["stock"].as_i64().unwrap(),
            product["reserved"].as_i64().unwrap(),
        )
    };
    assert_eq!(shown().await, (10, 0));
    let order = ann.gets(&shop, anvil, 3).await;
    assert_eq!(shown().await, (7, 3));
    ann.client
        .post(&format!("{}/cancel", shop.order_path(order)), json!({}))
        .await
        .expect(200);
    assert_eq!(shown().await, (10, 0));
    let order = ann.gets(&shop, anvil, 1).await;
    shop.bills(order).await;
    shop.admin
        .post(
            &format!("{}/payment-received", shop.order_path(order)),
            json!({}),
        )
        .await
        .expect(200);
    assert_eq!(shown().await, (9, 0));
}

#[tokio::test]
async fn concurrent_readers_and_a_writer_never_leave_an_old_page_behind() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 1).await.to_string();
    let reader = shop.customer().client;
    let path = format!("{}/{anvil}", shop.products());
    for stock_now in 2..30 {
        let write = shop.admin.patch(&path, json!({"stock": stock_now}));
        let reads = futures::future::join_all(READS.map(|how| read(&reader, &shop, &anvil, how)));
        let (written, _) = tokio::join!(write, reads);
        written.expect(200);
        for how in READS {
            assert_eq!(
                stock(&read(&reader, &shop, &anvil, how).await),
                Some(stock_now),
                "{how:?}"
            );
        }
    }
}

#[tokio::test]
async fn code_and_id_are_one_tenant_with_one_pool_and_other_spellings_are_nobody() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let ann = shop.customer().client;
    let (code, id) = (shop.code().to_owned(), shop.tenant.tenant.id.to_string());

    let by_code = ann
        .get(&format!("/api/{code}/products/{anvil}"))
        .await
        .expect(200);
    let by_id = ann
        .get(&format!("/api/{id}/products/{anvil}"))
        .await
        .expect(200);
    assert_eq!(by_code, by_id);
    let by_id = format!("/api/{id}/products/{anvil}");
    shop.admin
        .patch(&by_id, json!({"stock": 4}))
        .await
        .expect(200);
    assert_eq!(shop.product(anvil).await["stock"], 4);

    let mut spellings = vec![
        code.to_uppercase(),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
    ];
    spellings.extend([
        format!("%20{code}"),
        format!("{code}%20"),
        format!("{code}%2e"),
        format!("{code}-"),
    ]);
    for spelling in &spellings {
        let answer = ann.get(&format!("/api/{spelling}/products")).await;
        assert_eq!(answer.status, 404, "{spelling}: {}", answer.text);
        let header = ann
            .header("x-tenant-id", spelling)
            .get(&shop.products())
            .await;
        assert!(
            header.status == 404 || spelling.starts_with('%'),
            "{spelling}: {}",
            header.text
        );
    }
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'order'";
    let connections = shop.count(sql).await;
    assert!(
        (1..=4).contains(&connections),
        "{connections} connections of one tenant's pool"
    );
}
