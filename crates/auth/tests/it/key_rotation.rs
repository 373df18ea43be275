//! Key rotation and outages of the user service.

use std::time::Duration;

use auth::{AuthError, Caller, Issuer, JwkSet, RefreshPolicy, UserId, Verifier, generate_key_pem};
use futures::future::join_all;

use crate::stub_user_service::StubUserService;

const QUICK: RefreshPolicy = RefreshPolicy {
    min_interval: Duration::from_millis(300),
    initial_interval: Duration::from_millis(100),
    max_age: Duration::from_millis(600),
};

fn ann() -> Caller {
    Caller::customer(UserId::generate(), "ann@example.com")
}

fn token(issuer: &Issuer) -> String {
    issuer.issue(&ann()).unwrap().access_token
}

/// Waits up to ten seconds until a token of `issuer` is valid.
async fn verified_soon(verifier: &Verifier, issuer: &Issuer) {
    let good = async {
        while verifier.verify(&token(issuer)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), good)
        .await
        .expect("the new key is fetched after the interval");
}

#[tokio::test]
async fn the_previous_and_the_next_key_are_valid() {
    let (old, new) = (generate_key_pem(), generate_key_pem());
    let before = Issuer::from_pem(&format!("{old}{new}")).unwrap();
    let after = Issuer::from_pem(&format!("{new}{old}")).unwrap();
    assert_ne!(
        token(&before).split('.').next(),
        token(&after).split('.').next()
    );
    for verifier in [before.verifier(), after.verifier()] {
        assert!(verifier.verify_cached(&token(&before)).is_ok());
        assert!(verifier.verify_cached(&token(&after)).is_ok());
    }
    let without_old = Issuer::from_pem(&new).unwrap().verifier();
    assert!(without_old.verify_cached(&token(&before)).is_err());
}

#[tokio::test]
async fn keys_are_fetched_once_and_cached_during_an_outage() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = StubUserService::start(issuer.jwks());
    let verifier = Verifier::new(&users.url);
    let token = token(&issuer);
    let responses = join_all((0..50).map(|_| verifier.verify(&token))).await;
    assert!(responses.iter().all(Result::is_ok));
    assert_eq!(users.requests(), 1, "single flight");

    users.stop().await;
    assert!(verifier.verify(&token).await.is_ok());

    // Unknown keys cause at most one fetch per interval.
    let forged = Issuer::from_pem(&generate_key_pem())
        .unwrap()
        .issue(&ann())
        .unwrap()
        .access_token;
    let responses = join_all((0..50).map(|_| verifier.verify(&forged))).await;
    assert!(
        responses
            .iter()
            .all(|response| matches!(response, Err(AuthError::Invalid(_))))
    );
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_per_interval() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = StubUserService::start(issuer.jwks());
    let verifier = Verifier::new(&users.url);
    assert!(verifier.refresh().await);
    for _ in 0..20 {
        let forged = token(&Issuer::from_pem(&generate_key_pem()).unwrap());
        assert!(verifier.verify(&forged).await.is_err());
    }
    assert_eq!(users.requests(), 1);
    assert!(verifier.verify(&token(&issuer)).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_fetched_after_the_interval() {
    let (old, new) = (generate_key_pem(), generate_key_pem());
    let before = Issuer::from_pem(&old).unwrap();
    let after = Issuer::from_pem(&format!("{new}{old}")).unwrap();
    let users = StubUserService::start(before.jwks());
    let verifier = Verifier::with_refresh_policy(&users.url, QUICK);
    assert!(verifier.verify(&token(&before)).await.is_ok());
    users.respond_with(200, after.jwks());
    assert!(
        verifier.verify(&token(&after)).await.is_err(),
        "the interval has not passed"
    );

    verified_soon(&verifier, &after).await;
    assert!(verifier.verify(&token(&before)).await.is_ok());
}

#[tokio::test]
async fn a_removed_key_becomes_invalid() {
    let (old, new) = (
        Issuer::from_pem(&generate_key_pem()).unwrap(),
        Issuer::from_pem(&generate_key_pem()).unwrap(),
    );
    let both = JwkSet {
        keys: [old.jwks().keys.clone(), new.jwks().keys.clone()].concat(),
    };
    let users = StubUserService::start(&both);
    let verifier = Verifier::with_refresh_policy(&users.url, QUICK);
    assert!(verifier.verify(&token(&old)).await.is_ok());
    users.respond_with(200, new.jwks());

    tokio::time::sleep(QUICK.max_age).await;
    assert!(
        verifier.verify(&token(&old)).await.is_ok(),
        "the refresh is in the background"
    );
    for _ in 0..100 {
        if verifier.verify(&token(&old)).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(verifier.verify(&token(&old)).await.is_err());
    assert!(verifier.verify(&token(&new)).await.is_ok());
}

#[tokio::test]
async fn an_invalid_key_set_does_not_replace_cached_keys() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = StubUserService::start(&JwkSet { keys: vec![] });
    let verifier = Verifier::with_refresh_policy(&users.url, QUICK);
    assert_eq!(
        verifier.verify(&token(&issuer)).await,
        Err(AuthError::KeysUnavailable)
    );
    assert_eq!(
        verifier.verify_cached(&token(&issuer)),
        Err(AuthError::KeysUnavailable)
    );

    tokio::time::sleep(QUICK.initial_interval).await;
    users.respond_with(200, issuer.jwks());
    assert!(verifier.refresh().await);
    for (status, body) in [
        (200, "nonsense".to_owned()),
        (500, String::new()),
        (200, "x".repeat(200_000)),
    ] {
        users.respond_with(status, &body);
        tokio::time::sleep(QUICK.min_interval).await;
        assert!(verifier.refresh().await);
        assert!(verifier.verify(&token(&issuer)).await.is_ok());
    }
}
