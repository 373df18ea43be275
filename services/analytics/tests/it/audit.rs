//! What people did is told once; what machines did is not.

use analytics_service::domain::Status::Created;
use auth::UserId;
use event_bus::{Event, EventParts};
use events::{
    audit::ActionPerformed,
    order::ProductStockChanged,
    user::{UserLoginFailed, UserRegistered},
};
use serde_json::json;
use uuid::Uuid;

use crate::world::{Analytics, Ordered, shared, tenant_ref};

#[tokio::test]
async fn each_personal_act_is_audited_exactly_once_and_machine_made_events_are_not() {
    let analytics = shared().await;
    let world = &analytics.world;
    let tenant = analytics.tenant().await;
    let ann = UserId::generate().as_uuid();

    // By machines: of its own accord, and in its own name.
    let stock = ProductStockChanged {
        product_id: Uuid::now_v7(),
        stock: 1,
        reserved: 0,
        reason: "order_expired".to_owned(),
        order_id: None,
    };
    let about = EventParts::new("/tenantry/order", stock.product_id).tenant(tenant_ref(&tenant));
    let by_nobody = world.publish_parts(about.clone(), &stock).await;
    let machine = UserId::of_service("billing").as_uuid();
    let in_its_name = EventParts {
        id: Uuid::now_v7(),
        ..about
    }
    .user(machine);
    let by_a_machine = world.publish_parts(in_its_name, &stock).await;
    let failed = UserLoginFailed {
        user_id: None,
        reason: "wrong_credentials".to_owned(),
    };
    let by_a_stranger = world.publish_platform(Uuid::now_v7(), &failed).await;

    // By a person, on two topics, delivered more than once.
    let [mut placed] = Ordered::of(&tenant, ann, 1_00, "EUR").steps([Created]);
    placed.parts = placed.parts.user(ann);
    analytics.tell(&placed).await;
    analytics.tell(&placed).await;
    let registered = UserRegistered {
        user_id: ann,
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
    };
    let parts = EventParts::new("/tenantry/user", ann).user(ann);
    world.publish_parts(parts.clone(), &registered).await;
    world.publish_parts(parts.clone(), &registered).await;

    let log = world.log(ActionPerformed::TOPIC);
    let told = log.shows_once::<ActionPerformed>(placed.parts.id).await;
    assert_eq!(told.envelope.tenant, Some(tenant_ref(&tenant)));
    assert_eq!(told.envelope.causation_id, Some(placed.parts.id));
    assert_eq!(told.envelope.correlation_id, placed.parts.correlation_id);
    assert_eq!(told.payload["actorId"], json!(ann));
    assert_eq!(told.payload["action"], "order.created");
    assert_eq!(told.payload["resource"], "order");
    assert_eq!(told.payload["resourceId"], placed.parts.subject);
    assert_eq!(told.payload["tenantId"], json!(tenant.tenant.id));
    let told = log.shows_once::<ActionPerformed>(parts.id).await;
    assert_eq!(told.envelope.tenant, None);
    assert_eq!(told.payload["action"], "user.registered");

    let machines = [by_nobody, by_a_machine, by_a_stranger];
    eventually_handled(analytics, &machines).await;
    log.to_its_end().await;
    let seen = log.so_far();
    for event in machines {
        assert!(
            seen.iter()
                .all(|seen| seen.envelope.subject != event.to_string())
        );
    }
    let pool = world.platform_pool("analytics").await;
    let entries: Vec<Uuid> =
        sqlx::query_scalar("SELECT event_id FROM audit_entry WHERE event_id = ANY($1)")
            .bind([machines.as_slice(), &[placed.parts.id]].concat())
            .fetch_all(&pool)
            .await
            .expect("the trail can be read");
    assert_eq!(entries, [placed.parts.id]);
}

/// Waits until the audit has looked at these events.
async fn eventually_handled(analytics: &Analytics, events: &[Uuid]) {
    let pool = analytics.world.platform_pool("analytics").await;
    testkit::eventually("the audit to have looked at all", || async {
        let looked_at: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM inbox WHERE consumer = 'analytics-audit-consumer' AND event_id = ANY($1)",
        )
        .bind(events.to_vec())
        .fetch_one(&pool)
        .await
        .expect("the inbox can be counted");
        (looked_at == i64::try_from(events.len()).expect("a few")).then_some(())
    })
    .await;
}
