use events::order::{ProductCreated, ProductDeleted, ProductUpdated};
use serde_json::{Value, json};

use crate::shop::{PRODUCT, Stage, id_of};

fn names(list: &Value) -> Vec<&str> {
    let rows = list["data"].as_array().expect("a list");
    rows.iter()
        .map(|row| row["name"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn a_product_is_created_read_changed_and_deleted() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    let body = json!({"name": " Anvil ", "description": "heavy", "price": {"amount": 1999, "currency": "EUR"}, "stock": 5});

    let answer = shop.admin.post(&shop.products(), body).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(answer.headers["etag"], "\"1\"");
    let made = answer.expect(201);
    let id = id_of(&made);
    assert_eq!(location, format!("{}/{id}", shop.products()));
    assert_eq!(
        (made["name"].as_str(), made["version"].as_i64()),
        (Some("Anvil"), Some(1))
    );
    assert_eq!(shop.admin.get(&location).await.expect(200), made);

    let patch = json!({"description": null, "price": {"amount": 2500, "currency": "EUR"}});
    let changed = shop.admin.patch(&location, patch).await;
    assert_eq!(changed.headers["etag"], "\"2\"");
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["name"], &changed["stock"]),
        (&json!("Anvil"), &json!(5))
    );
    assert_eq!(
        (&changed["description"], &changed["price"]["amount"]),
        (&json!(null), &json!(2500))
    );

    assert_eq!(shop.admin.delete(&location).await.status, 204);
    assert_eq!(shop.admin.get(&location).await.status, 404);
    assert_eq!(shop.admin.delete(&location).await.status, 404);
    let refused = shop.customer().orders(&shop, id, 1).await;
    assert_eq!(refused.status, 404);

    stage.log.wait_for_single::<ProductCreated>(id).await;
    stage.log.wait_for_single::<ProductUpdated>(id).await;
    let gone = stage.log.wait_for_single::<ProductDeleted>(id).await;
    assert_eq!(gone.envelope.sequence, 3);
}

#[tokio::test]
async fn a_change_on_an_old_version_is_refused() {
    let shop = Stage::shared().await.shop().await;
    let path = format!("{}/{}", shop.products(), shop.sells("Anvil", 5).await);
    let at = |version: &str| shop.admin.header("if-match", version);

    at("\"1\"")
        .patch(&path, json!({"stock": 6}))
        .await
        .expect(200);

    for stale in ["\"1\"", "1", "\"7\""] {
        let refused = at(stale).patch(&path, json!({"stock": 7})).await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (412, "/problems/stale")
        );
        assert_eq!(at(stale).delete(&path).await.status, 412);
    }
    assert_eq!(shop.admin.get(&path).await.expect(200)["stock"], 6);
    at("*").patch(&path, json!({"stock": 8})).await.expect(200);
    assert_eq!(at("\"3\"").delete(&path).await.status, 204);
}

#[tokio::test]
async fn of_two_changes_on_one_version_one_is_made() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let path = format!("{}/{anvil}", shop.products());
    let first = shop.admin.header("if-match", "\"1\"");

    let (six, seven) = (
        first.patch(&path, json!({"stock": 6})),
        first.patch(&path, json!({"stock": 7})),
    );
    let both = async { tokio::join!(six, seven) };
    let (one, two) = shop.meeting(PRODUCT, anvil, 2, both).await;

    assert_eq!(crate::shop::statuses(&[one, two]), [200, 412]);
}

#[tokio::test]
async fn products_are_searched_sorted_and_leafed_through() {
    let shop = Stage::shared().await.shop().await;
    for (name, amount) in [
        ("Anvil", 30),
        ("anvil 50%", 10),
        ("Rope", 20),
        ("Ro_pe", 40),
    ] {
        let body =
            json!({"name": name, "price": {"amount": amount, "currency": "EUR"}, "stock": 1});
        shop.admin.post(&shop.products(), body).await.expect(201);
    }
    let ann = shop.customer().client;
    let list = async |query: &str| {
        ann.get(&format!("{}{query}", shop.products()))
            .await
            .expect(200)
    };

    assert_eq!(
        names(&list("").await),
        ["Ro_pe", "Rope", "anvil 50%", "Anvil"]
    );
    assert_eq!(
        names(&list("?sort=createdAt").await),
        ["Anvil", "anvil 50%", "Rope", "Ro_pe"]
    );
    assert_eq!(
        names(&list("?sort=price").await),
        ["anvil 50%", "Rope", "Anvil", "Ro_pe"]
    );
    assert_eq!(
        names(&list("?sort=-price").await),
        ["Ro_pe", "Anvil", "Rope", "anvil 50%"]
    );
    assert_eq!(
        names(&list("?search=ANVIL&sort=price").await),
        ["anvil 50%", "Anvil"]
    );
    // Wildcards of SQL mean themselves.
    assert_eq!(names(&list("?search=50%25").await), ["anvil 50%"]);
    assert_eq!(names(&list("?search=o_p").await), ["Ro_pe"]);
    assert_eq!(names(&list("?search=%5C").await), Vec::<&str>::new());

    let first = list("?sort=price&per_page=3").await;
    assert_eq!(first["meta"], json!({"page": 1, "perPage": 3, "total": 4}));
    assert_eq!(first["links"]["prev"], json!(null));
    let next = first["links"]["next"].as_str().unwrap();
    let second = ann.get(next).await.expect(200);
    assert_eq!(names(&second), ["Ro_pe"]);
    assert_eq!(second["links"]["next"], json!(null));
    let back = second["links"]["prev"].as_str().unwrap();
    assert_eq!(ann.get(back).await.expect(200)["data"], first["data"]);
    assert_eq!(names(&list("?page=9").await), Vec::<&str>::new());
}

#[tokio::test]
async fn a_deleted_products_orders_go_on() {
    let shop = Stage::shared().await.shop().await;
    let anvil = shop.sells("Anvil", 5).await;
    let (kept, dropped) = (
        shop.customer().gets(&shop, anvil, 1).await,
        shop.customer().gets(&shop, anvil, 1).await,
    );
    shop.admin
        .delete(&format!("{}/{anvil}", shop.products()))
        .await;

    shop.bills(kept).await;
    shop.admin
        .post(
            &format!("{}/payment-received", shop.order_path(kept)),
            json!({}),
        )
        .await
        .expect(200);
    shop.admin
        .post(&format!("{}/cancel", shop.order_path(dropped)), json!({}))
        .await
        .expect(200);

    assert_eq!(shop.pieces(anvil).await, (4, 0));
}
