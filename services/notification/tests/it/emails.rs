//! E-mails: one per event, delivered or failed with a published event.

use std::time::Duration;

use event_bus::EventParts;
use events::{
    notification::{EmailFailed, EmailRequested, EmailSent},
    tenant::{TenantOnboardingSendSetupGuide, TenantStatus},
    user::{Role, UserCreated, UserRegistered},
};
use testkit::{PublishedEvent, eventually, eventually_within};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, Order, QUIET_PERIOD},
    stub_mail_server::StubMailServer,
};

/// The events of this type about the user's e-mails, once there are at least `count`.
async fn email_events(
    fixture: &Fixture,
    user: Uuid,
    event_type: &str,
    count: usize,
) -> Vec<PublishedEvent> {
    eventually_within(
        Duration::from_secs(40),
        &format!("{count} {event_type}"),
        || async {
            let all = fixture.log.events().into_iter();
            let found: Vec<_> = all
                .filter(|seen| {
                    seen.envelope.event_type == event_type
                        && seen.payload["userId"] == user.to_string()
                })
                .collect();
            (found.len() >= count).then_some(found)
        },
    )
    .await
}

#[tokio::test]
async fn an_event_makes_one_email_however_often_it_is_delivered() {
    let fixture = Fixture::shared().await;
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserRegistered {
        user_id,
        email: email.clone(),
        name: "Ann".to_owned(),
    };
    let parts = EventParts::new("/tenantry/user", user_id).sequence(1);
    for _ in 0..5 {
        fixture.world.publish_parts(parts.clone(), &event).await;
    }
    // An event about the same user: handled after all of the repeated ones.
    let order = Order::of(fixture, &fixture.tenant().await, user_id)
        .expired()
        .await;
    assert!(!order.is_nil());
    let sent = email_events(fixture, user_id, "notification.email_sent", 2).await;
    tokio::time::sleep(QUIET_PERIOD).await;
    fixture.log.read_to_end().await;

    let welcomes = fixture.mail_so_far(&email);
    let welcomes: Vec<_> = welcomes
        .iter()
        .filter(|text| text.contains("Subject: Welcome to Tenantry"))
        .collect();
    assert_eq!(welcomes.len(), 1);
    let welcome = sent
        .iter()
        .find(|seen| seen.payload["template"] == "welcome")
        .unwrap();
    let id = welcome.payload["emailId"].as_str().unwrap();
    assert!(
        welcomes[0].contains(&format!("Message-ID: <{id}@tenantry.test>\r\n")),
        "{}",
        welcomes[0]
    );
    assert!(welcomes[0].contains("Hello Ann,"), "{}", welcomes[0]);
    let requested = fixture.log.wait_for_single::<EmailRequested>(id).await;
    let sent = fixture.log.wait_for_single::<EmailSent>(id).await;
    assert_eq!(requested.envelope.causation_id, Some(parts.id));
    assert_eq!(sent.envelope.correlation_id, parts.correlation_id);
    for event in [requested, sent] {
        assert!(
            !event.payload.to_string().contains("@example.com"),
            "an address is in {}",
            event.payload
        );
    }
}

#[tokio::test]
async fn a_user_created_with_a_password_gets_a_welcome_email() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserCreated {
        user_id,
        email: email.clone(),
        name: "Bob".to_owned(),
        role: Role::Admin,
        tenant_id: Some(tenant.tenant.id.0),
        tenant_code: Some(tenant.code().to_owned()),
        invited: false,
    };
    fixture.world.publish_platform(user_id, &event).await;
    let mail = fixture.mail_to(&email, 1).await;
    assert!(
        mail[0].contains("Subject: Welcome to Tenantry"),
        "{}",
        mail[0]
    );
    assert!(
        mail[0].contains(&format!("You administer the tenant {}.", tenant.code())),
        "{}",
        mail[0]
    );
    assert!(fixture.users.requests(user_id).is_empty());
}

#[tokio::test]
async fn the_setup_guide_goes_to_the_admin_and_its_event_names_the_tenant() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let (admin_user_id, id) = (Uuid::now_v7(), tenant.tenant.id.0);
    let admin_email = format!("{admin_user_id}@example.com");
    let event = TenantOnboardingSendSetupGuide {
        tenant_id: id,
        code: tenant.code().to_owned(),
        name: "Acme".to_owned(),
        region: "eu".to_owned(),
        cluster: Some("eu-1".to_owned()),
        package: "starter".to_owned(),
        billing_email: admin_email.clone(),
        status: TenantStatus::Provisioning,
        version: 4,
        admin_user_id,
        admin_email: admin_email.clone(),
    };
    fixture.world.publish(&tenant, id, &event).await;
    let sent = email_events(fixture, admin_user_id, "notification.email_sent", 1)
        .await
        .remove(0);
    assert_eq!(sent.payload["template"], "setup_guide");
    assert_eq!(sent.payload["tenantId"], id.to_string());
    assert_eq!(sent.payload["tenantCode"], tenant.code());
    assert_eq!(sent.envelope.tenant.as_ref().unwrap().id, id);
    let mail = fixture.mail_so_far(&admin_email);
    assert!(
        mail[0].contains(&format!("/api/{}/products", tenant.code())),
        "{}",
        mail[0]
    );
}

#[tokio::test]
async fn a_buyer_gets_an_email_when_payment_is_due_and_when_the_order_is_complete_or_expired() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let buyer = Uuid::now_v7();
    let order = Order::of(fixture, &tenant, buyer);
    order.created().await;
    order.payment_requested().await;
    order.paid().await;
    order.completed().await;
    order.expired().await;
    email_events(fixture, buyer, "notification.email_sent", 3).await;
    let mail = fixture.mail_so_far(&order.email);
    assert_eq!(mail.len(), 3);
    let about = |words: &str| {
        mail.iter()
            .find(|text| text.contains(words))
            .unwrap_or_else(|| panic!("{mail:?}"))
    };
    let due = about("39.98 EUR to pay");
    assert!(
        due.contains(&format!(
            "http://tenantry.test/pay/{}?token=canary",
            order.id
        )),
        "{due}"
    );
    assert!(about("is complete").contains("tx-1"));
    assert!(about("has expired").contains(&order.id.to_string()));
    // Links are secrets: the body is emptied.
    let kept: Vec<String> = sqlx::query_scalar("SELECT body FROM email WHERE user_id = $1")
        .bind(buyer)
        .fetch_all(&fixture.database().await)
        .await
        .unwrap();
    assert_eq!(kept, ["", "", ""]);
}

#[tokio::test]
async fn two_replicas_send_each_email_once() {
    let fixture = Fixture::build(&[]).await;
    let _other = fixture.replica(&[]).await;
    let mut users = Vec::new();
    for _ in 0..30 {
        users.push(fixture.registered().await);
    }
    for (user, _) in &users {
        email_events(&fixture, *user, "notification.email_sent", 1).await;
    }
    fixture.log.read_to_end().await;
    for (user, email) in &users {
        assert_eq!(
            email_events(&fixture, *user, "notification.email_sent", 1)
                .await
                .len(),
            1
        );
        assert_eq!(fixture.mail_so_far(email).len(), 1);
    }
    let attempts: Vec<i32> = sqlx::query_scalar("SELECT attempts FROM email")
        .fetch_all(&fixture.database().await)
        .await
        .unwrap();
    assert_eq!(attempts, vec![1; 30]);
}

#[tokio::test]
async fn a_transient_refusal_is_retried_and_a_permanent_one_is_not() {
    let fixture = Fixture::build(&[]).await;
    fixture.service.stop().await;
    let server = StubMailServer::refusing(&["451 busy with bob@example.com"]).await;
    let replica = fixture.replica_with_mail_server(&server.url).await;

    let (ann, _) = fixture.registered().await;
    let sent = email_events(&fixture, ann, "notification.email_sent", 1)
        .await
        .remove(0);
    let id = sent.payload["emailId"].as_str().unwrap();
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 1);
    assert!(
        accepted[0].contains(&format!("Message-ID: <{id}@tenantry.test>")),
        "{}",
        accepted[0]
    );

    replica.stop().await;
    let server = StubMailServer::refusing(&["550 no such user bob@example.com"; 5]).await;
    let _replica = fixture.replica_with_mail_server(&server.url).await;
    let (bob, _) = fixture.registered().await;
    let failed = email_events(&fixture, bob, "notification.email_failed", 1)
        .await
        .remove(0);
    let id = failed.payload["emailId"].as_str().unwrap().to_owned();
    fixture.log.wait_for_single::<EmailFailed>(&id).await;
    assert_eq!(failed.payload["template"], "welcome");
    assert_eq!(failed.payload["reason"], "the mail server answers 550");
    assert!(server.accepted().is_empty());
}

#[tokio::test]
async fn an_invalid_address_fails_without_blocking_other_emails() {
    let fixture = Fixture::shared().await;
    let user_id = Uuid::now_v7();
    let event = UserRegistered {
        user_id,
        email: "not an address".to_owned(),
        name: "Ann".to_owned(),
    };
    fixture.world.publish_platform(user_id, &event).await;
    let failed = email_events(fixture, user_id, "notification.email_failed", 1)
        .await
        .remove(0);
    assert_eq!(failed.payload["reason"], "the address is no e-mail address");
    let (_, email) = fixture.registered().await;
    fixture.mail_to(&email, 1).await;
}

#[tokio::test]
async fn a_leased_email_is_sent_again_when_its_sender_died() {
    let fixture = Fixture::build(&[]).await;
    let database = fixture.database().await;
    let (user, email) = fixture.registered().await;
    email_events(&fixture, user, "notification.email_sent", 1).await;
    // As if a replica had leased it two minutes ago and died between sending and recording.
    sqlx::query(
        "UPDATE email SET state = 'REQUESTED', attempts = 1, next_attempt_at = now() - interval '1 second',
         subject = 'Welcome once more', body = 'Again.' WHERE user_id = $1",
    )
    .bind(user)
    .execute(&database)
    .await
    .unwrap();
    eventually("the e-mail is sent again, to the same file", || async {
        let mail = fixture.mail_so_far(&email);
        (mail.len() == 1 && mail[0].contains("Welcome once more")).then_some(())
    })
    .await;
}
