//! Obtaining and renewing service tokens.

use std::time::Duration;

use auth::{ServiceTokenError, ServiceTokens};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::stub_user_service::StubUserService;

fn response(token: &str, expires_in: u64) -> Value {
    json!({ "access_token": token, "expires_in": expires_in, "token_type": "Bearer" })
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test]
async fn concurrent_calls_share_a_request_and_the_token_is_renewed_before_it_expires() {
    let users = StubUserService::start(&response("first", 4));
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    let all = join_all((0..50).map(|_| tokens.bearer())).await;
    assert!(all.iter().all(|token| token.as_deref() == Ok("first")));
    assert_eq!(users.requests(), 1);

    users.respond_with(200, &response("second", 4));
    sleep(1000).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("first"));
    sleep(1200).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("second"));
    assert_eq!(users.requests(), 2);
}

#[tokio::test]
async fn a_valid_token_is_used_during_an_outage() {
    let users = StubUserService::start(&response("first", 4));
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    assert!(tokens.bearer().await.is_ok());
    users.stop().await;
    sleep(2500).await;
    assert_eq!(tokens.bearer().await.as_deref(), Ok("first"));
    sleep(1600).await;
    assert!(matches!(
        tokens.bearer().await,
        Err(ServiceTokenError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_rejection_differs_from_an_outage_and_is_cached() {
    let users = StubUserService::start(&"no");
    users.respond_with(401, &"no");
    let tokens = ServiceTokens::new(&users.url, "order", "secret".into());
    let all = join_all((0..20).map(|_| tokens.bearer())).await;
    assert!(
        all.iter()
            .all(|token| *token == Err(ServiceTokenError::Rejected(401)))
    );
    assert_eq!(users.requests(), 1);
    sleep(600).await;
    users.respond_with(503, &"later");
    let error = tokens.bearer().await.unwrap_err();
    assert!(
        matches!(&error, ServiceTokenError::Unavailable(text) if !text.contains("secret")),
        "{error}"
    );
}
