use events::order::OrderCreated;
use futures::future::join_all;
use serde_json::json;

use crate::shop::{Stage, id_of, items, statuses};

#[tokio::test]
async fn the_same_key_gives_one_order_and_the_same_answer() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();

    let first = ann.orders_with_key("k-1", &shop, anvil, 2).await;
    let again = ann.orders_with_key("k-1", &shop, anvil, 2).await;

    assert_eq!(first.headers["location"], again.headers["location"]);
    let (first, again) = (first.expect(201), again.expect(201));
    assert_eq!(first, again);
    assert_eq!(shop.pieces(anvil).await, (8, 2));
    stage
        .log
        .wait_for_single::<OrderCreated>(id_of(&first))
        .await;
}

#[tokio::test]
async fn the_first_answer_stays_when_the_order_has_moved_on() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();
    let first = ann
        .orders_with_key("k-1", &shop, anvil, 2)
        .await
        .expect(201);
    shop.bills(id_of(&first)).await;

    let again = ann
        .orders_with_key("k-1", &shop, anvil, 2)
        .await
        .expect(201);

    assert_eq!(first, again);
}

#[tokio::test]
async fn the_same_key_with_another_wish_is_refused() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();
    ann.orders_with_key("k-1", &shop, anvil, 2)
        .await
        .expect(201);

    let other = ann.orders_with_key("k-1", &shop, anvil, 3).await;

    assert_eq!(other.status, 422);
    assert_eq!(other.problem(), "/problems/idempotency-key-reused");
    assert_eq!(shop.pieces(anvil).await, (8, 2));
}

#[tokio::test]
async fn a_key_belongs_to_one_caller() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let (ann, bob) = (shop.customer(), shop.customer());

    let of_ann = ann
        .orders_with_key("k-1", &shop, anvil, 1)
        .await
        .expect(201);
    let of_bob = bob
        .orders_with_key("k-1", &shop, anvil, 1)
        .await
        .expect(201);

    assert_ne!(of_ann["id"], of_bob["id"]);
}

#[tokio::test]
async fn simultaneous_calls_with_one_key_make_one_order() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();

    let calls = (0..8).map(|_| ann.orders_with_key("k-1", &shop, anvil, 1));
    let answers = join_all(calls).await;

    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert!(!made.is_empty());
    assert!(made.iter().all(|answer| answer.body == made[0].body));
    for refused in refused {
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert_eq!(refused.problem(), "/problems/request-in-progress");
    }
    assert_eq!(shop.pieces(anvil).await, (9, 1));
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".customer_order")
            .await,
        1
    );
}

#[tokio::test]
async fn a_key_means_the_same_by_the_tenants_code_and_by_its_id() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();
    let by_code = ann
        .orders_with_key("k-1", &shop, anvil, 1)
        .await
        .expect(201);

    let path = format!("/api/orders/{}/create", shop.tenant.tenant.id);
    let keyed = ann.client.header("idempotency-key", "k-1");
    let by_id = keyed.post(&path, items(anvil, 1)).await.expect(201);

    assert_eq!(by_code, by_id);
    assert_eq!(shop.pieces(anvil).await, (9, 1));
}

#[tokio::test]
async fn a_refused_call_does_not_use_its_key_up() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 1).await;
    let ann = shop.customer();
    let refused = ann.orders_with_key("k-1", &shop, anvil, 2).await;
    assert_eq!(refused.status, 409);

    let more = json!({"stock": 2});
    let product = format!("{}/{anvil}", shop.products());
    shop.admin.patch(&product, more).await.expect(200);

    ann.orders_with_key("k-1", &shop, anvil, 2)
        .await
        .expect(201);
}

#[tokio::test]
async fn a_product_is_created_once_for_its_key() {
    let shop = Stage::shared().await.shop().await;
    let keyed = shop.admin.header("idempotency-key", "p-1");
    let body = json!({"name": "Anvil", "price": {"amount": 1, "currency": "EUR"}, "stock": 1});

    let path = shop.products();
    let answers = join_all((0..4).map(|_| keyed.post(&path, body.clone()))).await;

    let well = |status: &u16| [201, 409].contains(status);
    assert!(statuses(&answers).iter().all(well), "{answers:?}");
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".product").await,
        1
    );
}
