//! Forgotten passwords.

use events::user::{UserPasswordReset, UserTokenCreated};
use serde_json::{Value, json};
use testkit::{Client, Reply};

use crate::house::{House, PASSWORD, address, house};

const NEW: &str = "another horse battery";

async fn forget(house: &House, email: &str) {
    let answer = house
        .stranger()
        .post("/api/auth/forgot-password", json!({ "email": email }))
        .await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
}

async fn mint(asker: &Client, user: &str, purpose: &str) -> Reply {
    asker
        .post(
            "/api/auth/password-tokens",
            json!({ "userId": user, "purpose": purpose }),
        )
        .await
}

async fn reset(house: &House, token: &Value, password: &str) -> Reply {
    let body = json!({ "token": token, "newPassword": password });
    house
        .stranger()
        .post("/api/auth/reset-password", body)
        .await
}

async fn login_status(house: &House, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password });
    house
        .stranger()
        .post("/api/auth/login", body)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_mail() {
    let house = house().await;
    let ann = house.customer().await;
    let log = house.world.log("user.events");
    forget(house, &ann.email).await;
    forget(house, &ann.email).await;
    let event = log.shows_once::<UserTokenCreated>(ann.id()).await;
    assert_eq!(event.payload["purpose"], "PASSWORD_RESET");
    assert_eq!(event.payload["email"], ann.email.as_str());

    let minted = mint(&house.service("notification"), ann.id(), "PASSWORD_RESET")
        .await
        .expect(200);
    assert!(minted["expiresAt"].is_string());
    let token = &minted["token"];
    let weak = reset(house, token, &ann.email).await;
    assert_eq!(
        (weak.status.as_u16(), &weak.body["errors"][0]["field"]),
        (400, &json!("newPassword"))
    );
    assert_eq!(reset(house, token, NEW).await.status, 204);

    assert_eq!(login_status(house, &ann.email, PASSWORD).await, 401);
    assert_eq!(login_status(house, &ann.email, NEW).await, 200);
    let again = reset(house, token, PASSWORD).await;
    assert_eq!(
        (again.status.as_u16(), again.problem()),
        (400, "/problems/token-not-good")
    );
    let event = log.shows_once::<UserPasswordReset>(ann.id()).await;
    assert_eq!(event.envelope.sequence, 2);

    let seen = format!("{:?}", log.so_far());
    assert!(
        !seen.contains(token.as_str().unwrap()) && !seen.contains(NEW),
        "no secret in the log"
    );
}

#[tokio::test]
async fn an_unknown_address_is_answered_the_same_and_nothing_happens() {
    let house = house().await;
    let nobody = address();
    forget(house, &nobody).await;
    let ann = house.customer().await;
    forget(house, &ann.email).await;
    let log = house.world.log("user.events");
    log.of::<UserTokenCreated>(ann.id(), 1).await;
    log.to_its_end().await;
    assert!(!format!("{:?}", log.so_far()).contains(&nobody));
}

#[tokio::test]
async fn a_token_is_good_once_however_many_use_it_at_once() {
    let house = house().await;
    let ann = house.customer().await;
    forget(house, &ann.email).await;
    let token = mint(&house.service("notification"), ann.id(), "PASSWORD_RESET")
        .await
        .expect(200)["token"]
        .clone();
    let tries = (0..8).map(|number| {
        let (token, password) = (token.clone(), format!("password number {number}"));
        async move {
            (
                reset(house, &token, &password).await.status.as_u16(),
                password,
            )
        }
    });
    let answers = futures::future::join_all(tries).await;
    let winners: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 204)
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert_eq!(login_status(house, &ann.email, &winners[0].1).await, 200);
}

#[tokio::test]
async fn an_older_an_expired_and_a_made_up_token_are_refused() {
    let house = house().await;
    let (ann, notification) = (house.customer().await, house.service("notification"));
    forget(house, &ann.email).await;
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
            reset(house, token, NEW).await.problem(),
            "/problems/token-not-good"
        );
    }
    let pool = house.world.platform_pool("user").await;
    let expire = "UPDATE password_token SET expires_at = now() - interval '1 second' WHERE user_id = $1::uuid";
    sqlx::query(expire)
        .bind(ann.id())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(
        reset(house, &newer, NEW).await.problem(),
        "/problems/token-not-good"
    );
    assert_eq!(
        mint(&notification, ann.id(), "PASSWORD_RESET").await.status,
        409
    );
    assert_eq!(login_status(house, &ann.email, PASSWORD).await, 200);
}

#[tokio::test]
async fn only_the_mail_writer_gets_tokens_and_only_for_those_who_wait_for_one() {
    let house = house().await;
    let ann = house.customer().await;
    for asker in [
        house.service("order"),
        house.landlord().await,
        ann.client.clone(),
    ] {
        assert_eq!(mint(&asker, ann.id(), "PASSWORD_RESET").await.status, 403);
    }
    assert_eq!(
        mint(&house.stranger(), ann.id(), "PASSWORD_RESET")
            .await
            .status,
        401
    );
    let notification = house.service("notification");
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
