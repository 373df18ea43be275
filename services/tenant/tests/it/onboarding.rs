//! The onboarding saga.

use event_bus::EventParts;
use events::{
    notification::EmailSent,
    user::{Role, UserCreated},
};
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{Fixture, id, text};

fn states(steps: &[Value]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|step| step["state"].as_str())
        .collect()
}

#[tokio::test]
async fn a_tenant_is_onboarded_step_by_step() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    fixture.wait_for_step(&tenant, 1, "RUNNING").await;
    let steps = fixture.steps(&tenant).await;
    assert_eq!(
        states(&steps),
        ["DONE", "RUNNING", "PENDING", "PENDING", "PENDING"]
    );
    assert!(steps[0]["finishedAt"].is_string());

    let admin = fixture.publish_admin_created(&tenant).await;
    fixture.wait_for_step(&tenant, 3, "RUNNING").await;
    assert_eq!(fixture.read(&tenant).await["status"], "PROVISIONING");
    fixture.publish_guide_sent(&tenant).await;
    let active = fixture.wait_for_status(&tenant, "ACTIVE").await;
    assert_eq!(states(&fixture.steps(&tenant).await), ["DONE"; 5]);

    assert_eq!(
        fixture.event_types(&tenant).await,
        [
            "tenant.created",
            "tenant.database.created",
            "tenant.onboarding.setup_admin_user",
            "tenant.onboarding.configure_settings",
            "tenant.onboarding.send_setup_guide",
            "tenant.onboarding.completed",
            "tenant.activated",
        ]
    );
    assert_eq!(active["version"], 7);
    let seen = fixture.events.events();
    let of_type = |ty: &str| {
        let mine = |seen: &&testkit::PublishedEvent| {
            seen.envelope.event_type == ty && seen.envelope.subject == text(&tenant, "id")
        };
        seen.iter().find(mine).expect(ty).clone()
    };
    let guide = of_type("tenant.onboarding.send_setup_guide");
    assert_eq!(guide.payload["adminUserId"], admin.user_id.to_string());
    assert_eq!(guide.payload["adminEmail"], admin.email);
    let settings = of_type("tenant.onboarding.configure_settings");
    assert_eq!(settings.payload["settings"]["currency"], "EUR");
    let (created, database) = (
        of_type("tenant.created"),
        of_type("tenant.database.created"),
    );
    assert_eq!(
        created.envelope.correlation_id,
        database.envelope.correlation_id
    );
    assert_eq!(of_type("tenant.activated").payload["status"], "ACTIVE");
}

#[tokio::test]
async fn duplicate_events_take_effect_once() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    fixture.wait_for_step(&tenant, 1, "RUNNING").await;
    let event = UserCreated {
        user_id: Uuid::now_v7(),
        email: "boss@example.com".into(),
        name: "Boss".into(),
        role: Role::Admin,
        tenant_id: Some(id(&tenant)),
        tenant_code: Some(text(&tenant, "code")),
        invited: true,
    };
    let parts = EventParts::new("/tenantry/test", event.user_id).sequence(1);
    for _ in 0..3 {
        fixture.world.publish_parts(parts.clone(), &event).await;
    }
    fixture.publish_admin_created(&tenant).await;
    fixture.wait_for_step(&tenant, 3, "RUNNING").await;
    for _ in 0..3 {
        fixture.publish_guide_sent(&tenant).await;
    }
    fixture.wait_for_status(&tenant, "ACTIVE").await;
    // Events that are handled after all of the above.
    let later = fixture.tenant().await;
    fixture.publish_admin_created(&later).await;
    fixture.wait_for_step(&later, 3, "RUNNING").await;
    fixture.publish_guide_sent(&later).await;
    fixture.wait_for_status(&later, "ACTIVE").await;
    assert_eq!(fixture.event_types(&tenant).await.len(), 7);
}

#[tokio::test]
async fn events_unrelated_to_the_onboarding_change_nothing() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    fixture.wait_for_step(&tenant, 1, "RUNNING").await;
    let customer = UserCreated {
        user_id: Uuid::now_v7(),
        email: "ann@example.com".into(),
        name: "Ann".into(),
        role: Role::Customer,
        tenant_id: None,
        tenant_code: None,
        invited: false,
    };
    fixture
        .world
        .publish_platform(customer.user_id, &customer)
        .await;
    let welcome = EmailSent {
        email_id: Uuid::now_v7(),
        template: "welcome".into(),
        user_id: None,
        tenant_id: Some(id(&tenant)),
        tenant_code: Some(text(&tenant, "code")),
    };
    fixture
        .world
        .publish_platform(welcome.email_id, &welcome)
        .await;
    fixture.active_tenant().await;
    assert_eq!(fixture.event_types(&tenant).await.len(), 3);
}

#[tokio::test]
async fn a_guide_failure_is_shown_until_the_guide_is_sent() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    fixture.publish_admin_created(&tenant).await;
    fixture.wait_for_step(&tenant, 3, "RUNNING").await;
    fixture
        .publish_guide_failed(&tenant, "no such mailbox")
        .await;
    let step = fixture.wait_for_step(&tenant, 3, "FAILED").await;
    assert_eq!(step["error"], "no such mailbox");
    fixture.publish_guide_sent(&tenant).await;
    fixture.wait_for_status(&tenant, "ACTIVE").await;
    assert_eq!(states(&fixture.steps(&tenant).await), ["DONE"; 5]);
}
