//! The token a service calls others with.

use std::time::Duration;

use auth::{ServiceTokenError, ServiceTokens};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::server::UserService;

fn answer(token: &str, expires_in: u64) -> Value {
    json!({ "access_token": token, "expires_in": expires_in, "token_type": "Bearer" })
}

async fn later(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test]
async fn many_callers_ask_once_and_the_token_is_renewed_before_its_end() {
    let users = UserService::start(&answer("first", 4));
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    let all = join_all((0..50).map(|_| tokens.bearer())).await;
    assert!(all.iter().all(|token| token.as_deref() == Ok("first")));
    assert_eq!(users.questions(), 1);

    users.answers(200, &answer("second", 4));
    later(1000).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("first"));
    later(1200).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("second"));
    assert_eq!(users.questions(), 2);
}

#[tokio::test]
async fn a_good_token_outlives_an_outage_of_the_user_service() {
    let users = UserService::start(&answer("first", 4));
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    assert!(tokens.bearer().await.is_ok());
    users.stop().await;
    later(2500).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("first"));
    later(1600).await;
    assert!(matches!(
        tokens.bearer().await,
        Err(ServiceTokenError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_refusal_is_told_from_an_outage_and_asks_no_storm() {
    let users = UserService::start(&"no");
    users.answers(401, &"no");
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    let all = join_all((0..20).map(|_| tokens.bearer())).await;
    assert!(
        all.iter()
            .all(|token| *token == Err(ServiceTokenError::Refused(401)))
    );
    assert_eq!(users.questions(), 1);
    later(600).await;
    users.answers(503, &"later");
    let error = tokens.bearer().await.unwrap_err();
    assert!(
        matches!(&error, ServiceTokenError::Unavailable(text) if !text.contains("secret")),
        "{error}"
    );
}
