//! Who may read what.

use uuid::Uuid;

use crate::world::{order_created, with_world};

#[tokio::test]
async fn each_reads_their_own_and_nothing_else() {
    with_world(async |world| {
        world.create_topics().await;
        let app = world.start().await;
        let (acme, other) = (world.tenant("acme"), world.tenant("other"));
        let (order, ann) = (Uuid::now_v7(), Uuid::now_v7());
        world
            .publish(&acme, order, 1, &order_created(&acme, order, ann))
            .await;
        world.wait_for(1).await;

        let aggregate = format!("/api/aggregates/order/{order}");
        let merged = format!("/api/aggregates/email/{order}");
        let events = format!("/api/events?aggregate=order&aggregateId={order}");
        let all = "/api/events".to_owned();
        let of_acme = format!("/api/events?tenant={}", acme.id);
        let asked = [&aggregate, &merged, &events, &all, &of_acme];
        let expected = [
            (world.landlord(), [200, 404, 200, 200, 200]),
            (
                auth::Caller::service("analytics"),
                [200, 404, 200, 200, 200],
            ),
            (world.admin_of(&acme), [200, 404, 200, 200, 200]),
            (world.admin_of(&other), [404, 404, 200, 200, 404]),
            (world.customer(ann), [200, 404, 200, 400, 400]),
            (world.customer(Uuid::now_v7()), [404, 404, 404, 400, 400]),
        ];
        for (caller, statuses) in &expected {
            for (path, status) in asked.iter().zip(statuses) {
                let (found, body) = world.get(&app, caller, path).await;
                assert_eq!(found, *status, "{:?} {path}: {body}", caller.role);
            }
        }
        for path in [&events, &all] {
            let (_, body) = world.get(&app, &world.admin_of(&other), path).await;
            assert_eq!(
                body["data"].as_array().unwrap().len(),
                0,
                "another tenant's events"
            );
        }
        for path in asked {
            assert_eq!(world.get_without_token(&app, path).await, 401, "{path}");
        }
        app.stop().await;
    })
    .await;
}
