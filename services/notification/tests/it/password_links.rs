//! Links that let somebody set a password: their secrets come from the user service, and go nowhere but into the mail.

use events::{
    Timestamp,
    user::{PasswordPurpose, Role, UserCreated, UserTokenCreated},
};
use serde_json::json;
use testkit::eventually;
use uuid::Uuid;

use crate::house::House;

async fn invited(house: &House) -> (Uuid, String) {
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserCreated {
        user_id,
        email: email.clone(),
        name: "Ann".to_owned(),
        role: Role::Admin,
        tenant_id: Some(Uuid::now_v7()),
        tenant_code: Some("acme".to_owned()),
        invited: true,
    };
    house.world.publish_platform(user_id, &event).await;
    (user_id, email)
}

async fn forgot(house: &House) -> (Uuid, String) {
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserTokenCreated {
        user_id,
        email: email.clone(),
        purpose: PasswordPurpose::PasswordReset,
        expires_at: Timestamp::now(),
    };
    house.world.publish_platform(user_id, &event).await;
    (user_id, email)
}

#[tokio::test]
async fn an_invitation_carries_a_link_and_nothing_else_carries_its_secret() {
    let house = House::shared().await;
    let (user, email) = invited(house).await;
    let mail = house.mail_to(&email, 1).await.remove(0);
    assert!(
        mail.contains("Subject: You are invited to Tenantry"),
        "{mail}"
    );
    assert!(
        mail.contains("http://tenantry.test/reset-password?token=s3cret-"),
        "{mail}"
    );
    assert!(
        mail.contains("POST http://tenantry.test/api/auth/reset-password"),
        "{mail}"
    );
    assert!(mail.contains("2031-02-03 04:05 UTC"), "{mail}");
    assert_eq!(
        house.users.wishes(user),
        [json!({ "userId": user, "purpose": "INVITATION" })]
    );

    eventually("nothing of the text is kept", || async {
        let kept: String = sqlx::query_scalar("SELECT body FROM email WHERE user_id = $1")
            .bind(user)
            .fetch_one(&house.database().await)
            .await
            .unwrap();
        kept.is_empty().then_some(())
    })
    .await;
    house.log.read_to_end().await;
    for event in house.log.events() {
        assert!(
            !event.payload.to_string().contains("s3cret"),
            "{}",
            event.payload
        );
    }
}

#[tokio::test]
async fn a_forgotten_password_gets_a_link() {
    let house = House::shared().await;
    let (user, email) = forgot(house).await;
    let mail = house.mail_to(&email, 1).await.remove(0);
    assert!(mail.contains("Subject: Set a new password"), "{mail}");
    assert!(
        mail.contains("http://tenantry.test/reset-password?token=s3cret-"),
        "{mail}"
    );
    assert_eq!(
        house.users.wishes(user),
        [json!({ "userId": user, "purpose": "PASSWORD_RESET" })]
    );
}

#[tokio::test]
async fn an_invitation_waits_for_a_user_service_that_is_away() {
    let house = House::build(&[]).await;
    house.users.answers(503);
    let (user, email) = invited(&house).await;
    eventually(
        "more tries than an event gets before it is dead",
        || async { (house.users.wishes(user).len() > 1).then_some(()) },
    )
    .await;
    assert!(house.mail_so_far(&email).is_empty());
    house.users.answers(200);
    house.mail_to(&email, 1).await;
    assert_eq!(house.world.record_count("user.events.dlq").await, 0);
}

#[tokio::test]
async fn who_waits_for_no_link_any_more_gets_none() {
    let house = House::build(&[]).await;
    house.users.answers(409);
    let (user, email) = forgot(&house).await;
    eventually("it was asked", || async {
        (!house.users.wishes(user).is_empty()).then_some(())
    })
    .await;
    house.users.answers(200);
    let (_, other) = forgot(&house).await;
    house.mail_to(&other, 1).await;
    assert!(house.mail_so_far(&email).is_empty());
    assert_eq!(house.world.record_count("user.events.dlq").await, 0);
}
