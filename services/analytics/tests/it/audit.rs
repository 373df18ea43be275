//! Actions of humans are audited once; those of services are not audited.

use analytics_service::domain::OrderStatus::Created;
use auth::UserId;
use event_bus::{Event, EventParts};
use events::{
    audit::ActionPerformed,
    order::ProductStockChanged,
    user::{UserLoginFailed, UserRegistered},
};
use serde_json::json;
use uuid::Uuid;

use crate::world::{Analytics, TestOrder, shared_service, tenant_ref};

#[tokio::test]
async fn each_action_of_a_human_is_audited_once_and_events_of_services_are_not() {
    let analytics = shared_service().await;
    let world = &analytics.world;
    let tenant = analytics.tenant().await;
    let ann = UserId::generate().as_uuid();

    // By services: without a user, and with a service account.
    let stock = ProductStockChanged {
        product_id: Uuid::now_v7(),
        stock: 1,
        reserved: 0,
        reason: "order_expired".to_owned(),
        order_id: None,
    };
    let about = EventParts::new("/tenantry/order", stock.product_id).tenant(tenant_ref(&tenant));
    let without_user = world.publish_parts(about.clone(), &stock).await;
    let service_account = UserId::for_service("billing").as_uuid();
    let of_service = EventParts {
        id: Uuid::now_v7(),
        ..about
    }
    .user(service_account);
    let by_service = world.publish_parts(of_service, &stock).await;
    let failed = UserLoginFailed {
        user_id: None,
        reason: "wrong_credentials".to_owned(),
    };
    let of_unknown_user = world.publish_platform(Uuid::now_v7(), &failed).await;

    // By a human, on two topics, delivered more than once.
    let [mut placed] = TestOrder::new(&tenant, ann, 1_00, "EUR").events([Created]);
    placed.parts = placed.parts.user(ann);
    analytics.publish(&placed).await;
    analytics.publish(&placed).await;
    let registered = UserRegistered {
        user_id: ann,
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
    };
    let parts = EventParts::new("/tenantry/user", ann).user(ann);
    world.publish_parts(parts.clone(), &registered).await;
    world.publish_parts(parts.clone(), &registered).await;

    let log = world.log(ActionPerformed::TOPIC);
    let published = log
        .wait_for_single::<ActionPerformed>(placed.parts.id)
        .await;
    assert_eq!(published.envelope.tenant, Some(tenant_ref(&tenant)));
    assert_eq!(published.envelope.causation_id, Some(placed.parts.id));
    assert_eq!(
        published.envelope.correlation_id,
        placed.parts.correlation_id
    );
    assert_eq!(published.payload["actorId"], json!(ann));
    assert_eq!(published.payload["action"], "order.created");
    assert_eq!(published.payload["resource"], "order");
    assert_eq!(published.payload["resourceId"], placed.parts.subject);
    assert_eq!(published.payload["tenantId"], json!(tenant.tenant.id));
    let published = log.wait_for_single::<ActionPerformed>(parts.id).await;
    assert_eq!(published.envelope.tenant, None);
    assert_eq!(published.payload["action"], "user.registered");

    let not_audited = [without_user, by_service, of_unknown_user];
    eventually_handled(analytics, &not_audited).await;
    log.read_to_end().await;
    let seen = log.events();
    for event in not_audited {
        assert!(
            seen.iter()
                .all(|seen| seen.envelope.subject != event.to_string())
        );
    }
    let pool = world.platform_pool("analytics").await;
    let entries: Vec<Uuid> =
        sqlx::query_scalar("SELECT event_id FROM audit_entry WHERE event_id = ANY($1)")
            .bind([not_audited.as_slice(), &[placed.parts.id]].concat())
            .fetch_all(&pool)
            .await
            .expect("the audit trail can be read");
    assert_eq!(entries, [placed.parts.id]);
}

/// Waits until the audit has handled these events.
async fn eventually_handled(analytics: &Analytics, events: &[Uuid]) {
    let pool = analytics.world.platform_pool("analytics").await;
    testkit::eventually("the audit to handle all events", || async {
        let handled: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM inbox WHERE consumer = 'analytics-audit-consumer' AND event_id = ANY($1)",
        )
        .bind(events.to_vec())
        .fetch_one(&pool)
        .await
        .expect("the inbox can be counted");
        (handled == i64::try_from(events.len()).expect("a few")).then_some(())
    })
    .await;
}
