//! The saga from the request to the first day.

use event_bus::EventParts;
use events::{
    notification::EmailSent,
    user::{Role, UserCreated},
};
use serde_json::Value;
use uuid::Uuid;

use crate::house::{House, id, text};

fn states(steps: &[Value]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|step| step["state"].as_str())
        .collect()
}

#[tokio::test]
async fn a_tenant_comes_to_life_step_by_step() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    house.step(&tenant, 1, "RUNNING").await;
    let steps = house.steps(&tenant).await;
    assert_eq!(
        states(&steps),
        ["DONE", "RUNNING", "PENDING", "PENDING", "PENDING"]
    );
    assert!(steps[0]["finishedAt"].is_string());

    let admin = house.admin_was_made(&tenant).await;
    house.step(&tenant, 3, "RUNNING").await;
    assert_eq!(house.now(&tenant).await["status"], "PROVISIONING");
    house.guide_was_sent(&tenant).await;
    let active = house.once(&tenant, "ACTIVE").await;
    assert_eq!(states(&house.steps(&tenant).await), ["DONE"; 5]);

    assert_eq!(
        house.told_of(&tenant).await,
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
    let seen = house.events.events();
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
    let (created, made) = (
        of_type("tenant.created"),
        of_type("tenant.database.created"),
    );
    assert_eq!(
        created.envelope.correlation_id,
        made.envelope.correlation_id
    );
    assert_eq!(of_type("tenant.activated").payload["status"], "ACTIVE");
}

#[tokio::test]
async fn what_is_told_twice_happens_once() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    house.step(&tenant, 1, "RUNNING").await;
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
        house.world.publish_parts(parts.clone(), &event).await;
    }
    house.admin_was_made(&tenant).await;
    house.step(&tenant, 3, "RUNNING").await;
    for _ in 0..3 {
        house.guide_was_sent(&tenant).await;
    }
    house.once(&tenant, "ACTIVE").await;
    // Something that is handled after all of it.
    let later = house.tenant().await;
    house.admin_was_made(&later).await;
    house.step(&later, 3, "RUNNING").await;
    house.guide_was_sent(&later).await;
    house.once(&later, "ACTIVE").await;
    assert_eq!(house.told_of(&tenant).await.len(), 7);
}

#[tokio::test]
async fn what_is_not_about_the_onboarding_changes_nothing() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    house.step(&tenant, 1, "RUNNING").await;
    let customer = UserCreated {
        user_id: Uuid::now_v7(),
        email: "ann@example.com".into(),
        name: "Ann".into(),
        role: Role::Customer,
        tenant_id: None,
        tenant_code: None,
        invited: false,
    };
    house
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
    house
        .world
        .publish_platform(welcome.email_id, &welcome)
        .await;
    house.active_tenant().await;
    assert_eq!(house.told_of(&tenant).await.len(), 3);
}

#[tokio::test]
async fn a_guide_that_cannot_be_sent_is_shown_and_may_still_arrive() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    house.admin_was_made(&tenant).await;
    house.step(&tenant, 3, "RUNNING").await;
    house
        .guide_could_not_be_sent(&tenant, "no such mailbox")
        .await;
    let step = house.step(&tenant, 3, "FAILED").await;
    assert_eq!(step["error"], "no such mailbox");
    house.guide_was_sent(&tenant).await;
    house.once(&tenant, "ACTIVE").await;
    assert_eq!(states(&house.steps(&tenant).await), ["DONE"; 5]);
}
