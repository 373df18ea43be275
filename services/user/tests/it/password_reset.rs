//! Password resets.

use events::user::{UserPasswordReset, UserTokenCreated};
use serde_json::{Value, json};
use testkit::{Client, Reply};

use crate::fixture::{Fixture, PASSWORD, address, fixture};

const NEW: &str = "another horse battery";

async fn request_reset(fixture: &Fixture, email: &str) {
    let answer = fixture
        .anonymous()
        .post("/api/auth/forgot-password", json!({ "email": email }))
        .await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
}

async fn mint(client: &Client, user: &str, purpose: &str) -> Reply {
    client
        .post(
            "/api/auth/password-tokens",
            json!({ "userId": user, "purpose": purpose }),
        )
        .await
}

async fn reset(fixture: &Fixture, token: &Value, password: &str) -> Reply {
    let body = json!({ "token": token, "newPassword": password });
    fixture
        .anonymous()
        .post("/api/auth/reset-password", body)
        .await
}

async fn login_status(fixture: &Fixture, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password });
    fixture
        .anonymous()
        .post("/api/auth/login", body)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_e_mail() {
    let fixture = fixture().await;
    let ann = fixture.customer().await;
    let log = fixture.world.log("user.events");
    request_reset(fixture, &ann.email).await;
    request_reset(fixture, &ann.email).await;
    let event = log.wait_for_single::<UserTokenCreated>(ann.id()).await;
    assert_eq!(event.payload["purpose"], "PASSWORD_RESET");
    assert_eq!(event.payload["email"], ann.email.as_str());

    let minted = mint(&fixture.service("notification"), ann.id(), "PASSWORD_RESET")
        .await
        .expect(200);
    assert!(minted["expiresAt"].is_string());
    let token = &minted["token"];
    let weak = reset(fixture, token, &ann.email).await;
    assert_eq!(
        (weak.status.as_u16(), &weak.body["errors"][0]["field"]),
        (400, &json!("newPassword"))
    );
    assert_eq!(reset(fixture, token, NEW).await.status, 204);

    assert_eq!(login_status(fixture, &ann.email, PASSWORD).await, 401);
    assert_eq!(login_status(fixture, &ann.email, NEW).await, 200);
    let again = reset(fixture, token, PASSWORD).await;
    assert_eq!(
        (again.status.as_u16(), again.problem()),
        (400, "/problems/token-not-good")
    );
    let event = log.wait_for_single::<UserPasswordReset>(ann.id()).await;
    assert_eq!(event.envelope.sequence, 2);

    let seen = format!("{:?}", log.events());
    assert!(
        !seen.contains(token.as_str().unwrap()) && !seen.contains(NEW),
        "no secret is published"
    );
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_answer_and_nothing_is_published() {
    let fixture = fixture().await;
    let nobody = address();
    request_reset(fixture, &nobody).await;
    let ann = fixture.customer().await;
    request_reset(fixture, &ann.email).await;
    let log = fixture.world.log("user.events");
    log.wait_for::<UserTokenCreated>(ann.id(), 1).await;
    log.read_to_end().await;
    assert!(!format!("{:?}", log.events()).contains(&nobody));
}

#[tokio::test]
async fn a_token_is_valid_once_under_concurrent_use() {
    let fixture = fixture().await;
    let ann = fixture.customer().await;
    request_reset(fixture, &ann.email).await;
    let token = mint(&fixture.service("notification"), ann.id(), "PASSWORD_RESET")
        .await
        .expect(200)["token"]
        .clone();
    let attempts = (0..8).map(|number| {
        let (token, password) = (token.clone(), format!("password number {number}"));
        async move {
            (
                reset(fixture, &token, &password).await.status.as_u16(),
                password,
            )
        }
    });
    let answers = futures::future::join_all(attempts).await;
    let winners: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 204)
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert_eq!(login_status(fixture, &ann.email, &winners[0].1).await, 200);
}

#[tokio::test]
async fn a_replaced_an_expired_and_an_unknown_token_are_rejected() {
    let fixture = fixture().await;
    let (ann, notification) = (fixture.customer().await, fixture.service("notification"));
    request_reset(fixture, &ann.email).await;
    let older = mint(&notification, ann.id(), "PASSWORD_RESET")
        .await
        .expect(200)["token"]
        .clone();
    let newer = mint(&notification, ann.id(), "PASSWORD_RESET")
        .await
        .expect(200)["token"]
        .clone();
    assert_ne!(older, newer);
    for token in [&older, &json!("made-up"), &json!("x".repeat(43))] {
        assert_eq!(
            reset(fixture, token, NEW).await.problem(),
            "/problems/token-not-good"
        );
    }
    let pool = fixture.world.platform_pool("user").await;
    let expire = "UPDATE password_token SET expires_at = now() - interval '1 second' WHERE user_id = $1::uuid";
    sqlx::query(expire)
        .bind(ann.id())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        reset(fixture, &newer, NEW).await.problem(),
        "/problems/token-not-good"
    );
    assert_eq!(
        mint(&notification, ann.id(), "PASSWORD_RESET").await.status,
        409
    );
    assert_eq!(login_status(fixture, &ann.email, PASSWORD).await, 200);
}

#[tokio::test]
async fn only_the_notification_service_gets_tokens_and_only_for_users_who_requested_one() {
    let fixture = fixture().await;
    let ann = fixture.customer().await;
    for client in [
        fixture.service("order"),
        fixture.landlord().await,
        ann.client.clone(),
    ] {
        assert_eq!(mint(&client, ann.id(), "PASSWORD_RESET").await.status, 403);
    }
    assert_eq!(
        mint(&fixture.anonymous(), ann.id(), "PASSWORD_RESET")
            .await
            .status,
        401
    );
    let notification = fixture.service("notification");
    for purpose in ["PASSWORD_RESET", "INVITATION"] {
        assert_eq!(
            mint(&notification, ann.id(), purpose).await.problem(),
            "/problems/not-waiting"
        );
    }
    assert_eq!(
        mint(
            &notification,
            &uuid::Uuid::now_v7().to_string(),
            "INVITATION"
        )
        .await
        .status,
        404
    );
    let answer = mint(&notification, ann.id(), "PARTY").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["errors"][0]["field"]),
        (400, &json!("purpose"))
    );
}
