use events::order::{OrderCancelled, OrderCreated, ProductStockChanged};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::shop::{ORDER, PRODUCT, Stage, create_path, patiently, statuses};

#[tokio::test]
async fn an_order_is_created_told_of_once_and_its_stock_reserved() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 10).await;
    let ann = shop.customer();

    let answer = ann.orders(&shop, anvil, 3).await;

    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let order = answer.expect(201);
    let id: Uuid = order["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(location, shop.order_path(id));
    assert_eq!(order["status"], "CREATED");
    assert_eq!(order["tenantCode"], shop.code());
    assert_eq!(order["total"], json!({"amount": 5997, "currency": "EUR"}));
    let item = json!({"productId": anvil, "name": "Anvil", "quantity": 3,
        "unitPrice": {"amount": 1999, "currency": "EUR"}, "total": {"amount": 5997, "currency": "EUR"}});
    assert_eq!(order["items"], json!([item]));
    assert_eq!(ann.client.get(&location).await.expect(200), order);
    assert_eq!(shop.pieces(anvil).await, (7, 3));

    let told = stage.log.wait_for_single::<OrderCreated>(id).await;
    assert_eq!(told.payload["buyerId"], json!(ann.id));
    assert_eq!(told.payload["total"]["amount"], 5997);
    assert_eq!(told.envelope.sequence, 1);
    assert_eq!(told.envelope.user_id, Some(ann.id));
    assert_eq!(
        told.envelope.tenant.as_ref().unwrap().id,
        shop.tenant.tenant.id.0
    );
    let moved = stage
        .log
        .wait_for_single::<ProductStockChanged>(anvil)
        .await;
    assert_eq!(moved.payload["stock"], 7);
}

#[tokio::test]
async fn the_last_piece_goes_to_one_of_two_buyers() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 1).await;
    let (ann, bob) = (shop.customer(), shop.customer());

    let both = async { tokio::join!(ann.orders(&shop, anvil, 1), bob.orders(&shop, anvil, 1)) };
    let answers: [_; 2] = shop.meeting(PRODUCT, anvil, 2, both).await.into();

    assert_eq!(statuses(&answers), [201, 409]);
    let refused = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!(refused.problem(), "/problems/out-of-stock");
    assert_eq!(shop.pieces(anvil).await, (0, 1));
}

#[tokio::test]
async fn five_pieces_go_to_five_of_twenty_buyers() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let buyers: Vec<_> = (0..20).map(|_| shop.customer()).collect();

    let all = join_all(buyers.iter().map(|buyer| buyer.orders(&shop, anvil, 1)));
    let answers = shop.meeting(PRODUCT, anvil, 4, all).await;

    assert_eq!(
        statuses(&answers),
        [[201; 5].as_slice(), &[409; 15]].concat()
    );
    assert_eq!(shop.pieces(anvil).await, (0, 5));
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".customer_order")
            .await,
        5
    );
}

#[tokio::test]
async fn buyers_of_the_same_products_in_other_orders_do_not_deadlock() {
    let shop = Stage::shared().await.shop().await;
    let (anvil, rope) = (
        shop.sells("Anvil", 100).await,
        shop.sells("Rope", 100).await,
    );
    let line = |product| json!({"productId": product, "quantity": 1});
    let there = json!({"items": [line(anvil), line(rope)]});
    let back = json!({"items": [line(rope), line(anvil)]});
    let ann = shop.customer();
    let path = create_path(&shop);

    let wishes = (0..16).map(|n| if n % 2 == 0 { &there } else { &back });
    let all = join_all(
        wishes.map(|items| patiently(async || ann.client.post(&path, items.clone()).await)),
    );
    let answers = shop.meeting(PRODUCT, rope, 4, all).await;

    assert_eq!(statuses(&answers), [201; 16]);
    assert_eq!(shop.pieces(anvil).await, (84, 16));
    assert_eq!(shop.pieces(rope).await, (84, 16));
}

#[tokio::test]
async fn a_refused_order_leaves_nothing_behind() {
    let shop = Stage::shared().await.shop().await;
    let (anvil, rope) = (shop.sells("Anvil", 5).await, shop.sells("Rope", 1).await);
    shop.published_everything().await;
    let ann = shop.customer();
    let path = create_path(&shop);
    let line = |product, quantity| json!({"productId": product, "quantity": quantity});

    let short = json!({"items": [line(anvil, 2), line(rope, 2)]});
    let refused = ann.client.post(&path, short).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem()),
        (409, "/problems/out-of-stock")
    );
    let unknown = json!({"items": [line(anvil, 2), line(Uuid::now_v7(), 1)]});
    assert_eq!(ann.client.post(&path, unknown).await.status, 404);

    assert_eq!(shop.pieces(anvil).await, (5, 0));
    assert_eq!(shop.pieces(rope).await, (1, 0));
    assert_eq!(
        shop.count("SELECT count(*) FROM \"order\".customer_order")
            .await,
        0
    );
    assert_eq!(shop.count("SELECT count(*) FROM \"order\".outbox").await, 0);
    let own = ann.client.get("/api/orders").await.expect(200);
    assert_eq!(own["meta"]["total"], 0);
}

#[tokio::test]
async fn an_order_keeps_its_prices_and_products_of_two_currencies_do_not_mix() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let ann = shop.customer();
    let order = ann.gets(&shop, anvil, 1).await;

    let product = format!("{}/{anvil}", shop.products());
    let dear = json!({"price": {"amount": 9999, "currency": "EUR"}});
    shop.admin.patch(&product, dear).await.expect(200);
    assert_eq!(shop.order(order).await["total"]["amount"], 1999);

    let yen = json!({"name": "Sake", "price": {"amount": 900, "currency": "JPY"}, "stock": 5});
    let sake = shop.admin.post(&shop.products(), yen).await.expect(201);
    let mixed = json!({"items": [{"productId": anvil, "quantity": 1}, {"productId": sake["id"], "quantity": 1}]});
    let refused = ann.client.post(&create_path(&shop), mixed).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem()),
        (400, "/problems/invalid-input")
    );
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back_once() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let ann = shop.customer();
    let order = ann.gets(&shop, anvil, 2).await;
    let path = format!("{}/cancel", shop.order_path(order));

    let (by_buyer, by_seller) = (
        ann.client.post(&path, json!({})),
        shop.admin.post(&path, json!({})),
    );
    let both = async { tokio::join!(by_buyer, by_seller) };
    let (once, again) = shop.meeting(ORDER, order, 2, both).await;

    assert_eq!(statuses(&[once, again]), [200, 200]);
    assert_eq!(shop.pieces(anvil).await, (5, 0));
    assert_eq!(shop.order(order).await["status"], "CANCELLED");
    stage.log.wait_for_single::<OrderCancelled>(order).await;
}

#[tokio::test]
async fn another_customer_is_told_of_no_order() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let (ann, bob) = (shop.customer(), shop.customer());
    let order = ann.gets(&shop, anvil, 1).await;
    let path = shop.order_path(order);

    assert_eq!(bob.client.get(&path).await.status, 404);
    assert_eq!(
        bob.client
            .post(&format!("{path}/cancel"), json!({}))
            .await
            .status,
        404
    );
    assert_eq!(shop.order(order).await["status"], "CREATED");
    assert_eq!(
        bob.client.get("/api/orders").await.expect(200)["data"],
        json!([])
    );
}
