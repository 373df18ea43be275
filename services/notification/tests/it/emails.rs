//! E-mails: one for each event that is worth one, sent once, or given up and told.

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
    house::{A_WHILE, House, Order},
    mail_server::MailServer,
};

/// What was told of e-mails to this user, once it is so many events.
async fn told(house: &House, user: Uuid, event_type: &str, count: usize) -> Vec<PublishedEvent> {
    eventually_within(
        Duration::from_secs(40),
        &format!("{count} {event_type}"),
        || async {
            let all = house.log.events().into_iter();
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
    let house = House::shared().await;
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserRegistered {
        user_id,
        email: email.clone(),
        name: "Ann".to_owned(),
    };
    let parts = EventParts::new("/tenantry/user", user_id).sequence(1);
    for _ in 0..5 {
        house.world.publish_parts(parts.clone(), &event).await;
    }
    // Of the same user, so it is handled after all of them.
    let order = Order::of(house, &house.tenant().await, user_id)
        .expired()
        .await;
    assert!(!order.is_nil());
    let sent = told(house, user_id, "notification.email_sent", 2).await;
    tokio::time::sleep(A_WHILE).await;
    house.log.read_to_end().await;

    let welcomes = house.mail_so_far(&email);
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
    let requested = house.log.wait_for_single::<EmailRequested>(id).await;
    let sent = house.log.wait_for_single::<EmailSent>(id).await;
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
async fn a_user_who_was_made_with_a_password_is_welcomed() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
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
    house.world.publish_platform(user_id, &event).await;
    let mail = house.mail_to(&email, 1).await;
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
    assert!(house.users.wishes(user_id).is_empty());
}

#[tokio::test]
async fn the_setup_guide_goes_to_the_admin_and_is_told_with_its_tenant() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
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
    house.world.publish(&tenant, id, &event).await;
    let sent = told(house, admin_user_id, "notification.email_sent", 1)
        .await
        .remove(0);
    assert_eq!(sent.payload["template"], "setup_guide");
    assert_eq!(sent.payload["tenantId"], id.to_string());
    assert_eq!(sent.payload["tenantCode"], tenant.code());
    assert_eq!(sent.envelope.tenant.as_ref().unwrap().id, id);
    let mail = house.mail_so_far(&admin_email);
    assert!(
        mail[0].contains(&format!("/api/{}/products", tenant.code())),
        "{}",
        mail[0]
    );
}

#[tokio::test]
async fn a_buyer_is_written_to_when_it_is_to_be_paid_complete_or_over() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    let buyer = Uuid::now_v7();
    let order = Order::of(house, &tenant, buyer);
    order.created().await;
    order.payment_requested().await;
    order.paid().await;
    order.completed().await;
    order.expired().await;
    told(house, buyer, "notification.email_sent", 3).await;
    let mail = house.mail_so_far(&order.email);
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
    // Links are secrets: nothing of the text is kept.
    let kept: Vec<String> = sqlx::query_scalar("SELECT body FROM email WHERE user_id = $1")
        .bind(buyer)
        .fetch_all(&house.database().await)
        .await
        .unwrap();
    assert_eq!(kept, ["", "", ""]);
}

#[tokio::test]
async fn two_replicas_send_each_email_once() {
    let house = House::build(&[]).await;
    let _other = house.replica(&[]).await;
    let mut people = Vec::new();
    for _ in 0..30 {
        people.push(house.registered().await);
    }
    for (user, _) in &people {
        told(&house, *user, "notification.email_sent", 1).await;
    }
    house.log.read_to_end().await;
    for (user, email) in &people {
        assert_eq!(
            told(&house, *user, "notification.email_sent", 1)
                .await
                .len(),
            1
        );
        assert_eq!(house.mail_so_far(email).len(), 1);
    }
    let attempts: Vec<i32> = sqlx::query_scalar("SELECT attempts FROM email")
        .fetch_all(&house.database().await)
        .await
        .unwrap();
    assert_eq!(attempts, vec![1; 30]);
}

#[tokio::test]
async fn a_mail_server_that_is_busy_is_tried_again_and_one_that_refuses_is_not() {
    let house = House::build(&[]).await;
    house.service.stop().await;
    let server = MailServer::refusing(&["451 busy with bob@example.com"]).await;
    let replica = house.replica_with_mail_server(&server.url).await;

    let (ann, _) = house.registered().await;
    let sent = told(&house, ann, "notification.email_sent", 1)
        .await
        .remove(0);
    let id = sent.payload["emailId"].as_str().unwrap();
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert!(
        taken[0].contains(&format!("Message-ID: <{id}@tenantry.test>")),
        "{}",
        taken[0]
    );

    replica.stop().await;
    let server = MailServer::refusing(&["550 no such user bob@example.com"; 5]).await;
    let _replica = house.replica_with_mail_server(&server.url).await;
    let (bob, _) = house.registered().await;
    let failed = told(&house, bob, "notification.email_failed", 1)
        .await
        .remove(0);
    let id = failed.payload["emailId"].as_str().unwrap().to_owned();
    house.log.wait_for_single::<EmailFailed>(&id).await;
    assert_eq!(failed.payload["template"], "welcome");
    assert_eq!(failed.payload["reason"], "the mail server answers 550");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn an_address_that_is_none_is_given_up_and_stops_nobody() {
    let house = House::shared().await;
    let user_id = Uuid::now_v7();
    let event = UserRegistered {
        user_id,
        email: "not an address".to_owned(),
        name: "Ann".to_owned(),
    };
    house.world.publish_platform(user_id, &event).await;
    let failed = told(house, user_id, "notification.email_failed", 1)
        .await
        .remove(0);
    assert_eq!(failed.payload["reason"], "the address is no e-mail address");
    let (_, email) = house.registered().await;
    house.mail_to(&email, 1).await;
}

#[tokio::test]
async fn a_claimed_email_comes_back_when_its_sender_died() {
    let house = House::build(&[]).await;
    let database = house.database().await;
    let (user, email) = house.registered().await;
    told(&house, user, "notification.email_sent", 1).await;
    // As if somebody had claimed it and died two minutes ago, between sending and noting.
    sqlx::query(
        "UPDATE email SET state = 'REQUESTED', attempts = 1, next_attempt_at = now() - interval '1 second',
         subject = 'Welcome once more', body = 'Again.' WHERE user_id = $1",
    )
    .bind(user)
    .execute(&database)
    .await
    .unwrap();
    eventually("the e-mail again, in the same file", || async {
        let mail = house.mail_so_far(&email);
        (mail.len() == 1 && mail[0].contains("Welcome once more")).then_some(())
    })
    .await;
}
