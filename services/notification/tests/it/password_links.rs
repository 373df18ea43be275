//! Password links: their tokens come from the user service and appear in the e-mail only.

use events::{
    Timestamp,
    user::{PasswordPurpose, Role, UserCreated, UserTokenCreated},
};
use serde_json::json;
use testkit::eventually;
use uuid::Uuid;

use crate::fixture::Fixture;

async fn invited(fixture: &Fixture) -> (Uuid, String) {
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
    fixture.world.publish_platform(user_id, &event).await;
    (user_id, email)
}

async fn forgot(fixture: &Fixture) -> (Uuid, String) {
    let user_id = Uuid::now_v7();
    let email = format!("{user_id}@example.com");
    let event = UserTokenCreated {
        user_id,
        email: email.clone(),
        purpose: PasswordPurpose::PasswordReset,
        expires_at: Timestamp::now(),
    };
    fixture.world.publish_platform(user_id, &event).await;
    (user_id, email)
}

#[tokio::test]
async fn an_invitation_contains_a_link_whose_token_appears_nowhere_else() {
    let fixture = Fixture::shared().await;
    let (user, email) = invited(fixture).await;
    let mail = fixture.mail_to(&email, 1).await.remove(0);
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
        fixture.users.requests(user),
        [json!({ "userId": user, "purpose": "INVITATION" })]
    );

    eventually("the body is emptied", || async {
        let kept: String = sqlx::query_scalar("SELECT body FROM email WHERE user_id = $1")
            .bind(user)
            .fetch_one(&fixture.database().await)
            .await
            .unwrap();
        kept.is_empty().then_some(())
    })
    .await;
    fixture.log.read_to_end().await;
    for event in fixture.log.events() {
        assert!(
            !event.payload.to_string().contains("s3cret"),
            "{}",
            event.payload
        );
    }
}

#[tokio::test]
async fn a_forgotten_password_is_answered_with_a_link() {
    let fixture = Fixture::shared().await;
    let (user, email) = forgot(fixture).await;
    let mail = fixture.mail_to(&email, 1).await.remove(0);
    assert!(mail.contains("Subject: Set a new password"), "{mail}");
    assert!(
        mail.contains("http://tenantry.test/reset-password?token=s3cret-"),
        "{mail}"
    );
    assert_eq!(
        fixture.users.requests(user),
        [json!({ "userId": user, "purpose": "PASSWORD_RESET" })]
    );
}

#[tokio::test]
async fn an_invitation_waits_for_an_unavailable_user_service() {
    let fixture = Fixture::build(&[]).await;
    fixture.users.answer_with(503);
    let (user, email) = invited(&fixture).await;
    eventually("more than one token request", || async {
        (fixture.users.requests(user).len() > 1).then_some(())
    })
    .await;
    assert!(fixture.mail_so_far(&email).is_empty());
    fixture.users.answer_with(200);
    fixture.mail_to(&email, 1).await;
    assert_eq!(fixture.world.record_count("user.events.dlq").await, 0);
}

#[tokio::test]
async fn a_user_who_does_not_expect_a_link_gets_none() {
    let fixture = Fixture::build(&[]).await;
    fixture.users.answer_with(409);
    let (user, email) = forgot(&fixture).await;
    eventually("a token request", || async {
        (!fixture.users.requests(user).is_empty()).then_some(())
    })
    .await;
    fixture.users.answer_with(200);
    let (_, other) = forgot(&fixture).await;
    fixture.mail_to(&other, 1).await;
    assert!(fixture.mail_so_far(&email).is_empty());
    assert_eq!(fixture.world.record_count("user.events.dlq").await, 0);
}
