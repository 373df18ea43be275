//! Who may read what.

use auth::{Caller, UserId};
use uuid::Uuid;

use crate::fixture::{Fixture, order_created};

#[tokio::test]
async fn each_reads_their_own_and_nothing_else() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let (acme, other) = (house.tenant().await, house.tenant().await);
    let (order, ann) = (Uuid::now_v7(), Uuid::now_v7());
    house
        .publish(&acme, order, 1, &order_created(acme.code(), order, ann))
        .await;
    house.wait_for(1).await;

    let identity = house.world.identity();
    let customer = |id| identity.token(&Caller::customer(UserId::from(id), "ann@example.org"));
    let aggregate = format!("/api/aggregates/order/{order}");
    let merged = format!("/api/aggregates/email/{order}");
    let events = format!("/api/events?aggregate=order&aggregateId={order}");
    let all = "/api/events".to_owned();
    let of_acme = format!("/api/events?tenant={}", acme.tenant.id.0);
    let asked = [&aggregate, &merged, &events, &all, &of_acme];
    let expected = [
        (
            "landlord",
            identity.platform_admin().1,
            [200, 404, 200, 200, 200],
        ),
        (
            "service",
            identity.service("analytics").1,
            [200, 404, 200, 200, 200],
        ),
        (
            "admin",
            identity.admin_of(&acme).1,
            [200, 404, 200, 200, 200],
        ),
        (
            "other admin",
            identity.admin_of(&other).1,
            [404, 404, 200, 200, 404],
        ),
        ("buyer", customer(ann), [200, 404, 200, 400, 400]),
        (
            "other customer",
            customer(Uuid::now_v7()),
            [404, 404, 404, 400, 400],
        ),
    ];
    for (who, token, statuses) in expected {
        let client = Fixture::stranger(&app).with_token(token);
        for (path, status) in asked.iter().zip(statuses) {
            let reply = client.get(path).await;
            assert_eq!(reply.status, status, "{who} {path}: {}", reply.text);
        }
    }
    let other_admin = Fixture::stranger(&app).with_token(identity.admin_of(&other).1);
    for path in [&events, &all] {
        let body = other_admin.get(path).await.expect(200);
        assert_eq!(
            body["data"].as_array().unwrap().len(),
            0,
            "another tenant's events"
        );
    }
    for path in asked {
        assert_eq!(
            Fixture::stranger(&app).get(path).await.status,
            401,
            "{path}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn a_tenant_is_named_by_id_or_code() {
    let house = Fixture::build().await;
    let app = house.start().await;
    let acme = house.world.tenant(&["event_store"]).await;
    let order = Uuid::now_v7();
    house
        .publish(
            &acme,
            order,
            1,
            &order_created(acme.code(), order, Uuid::now_v7()),
        )
        .await;
    house.wait_for(1).await;
    let landlord = house.landlord(&app);

    for named in [acme.code().to_owned(), acme.tenant.id.0.to_string()] {
        let body = landlord
            .get(&format!("/api/events?tenant={named}"))
            .await
            .expect(200);
        assert_eq!(body["data"].as_array().unwrap().len(), 1, "{named}");
    }
    app.stop().await;
}
