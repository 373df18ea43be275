//! Keys come and go; the user service is away at times.

use std::time::Duration;

use auth::{AuthError, Caller, Issuer, JwkSet, Pace, UserId, Verifier, generate_key_pem};
use futures::future::join_all;

use crate::server::UserService;

const QUICK: Pace = Pace {
    unknown_key: Duration::from_millis(300),
    no_key: Duration::from_millis(100),
    old: Duration::from_millis(600),
};

fn ann() -> Caller {
    Caller::customer(UserId::generate(), "ann@example.com")
}

fn token(issuer: &Issuer) -> String {
    issuer.issue(&ann()).unwrap().access_token
}

/// Waits until a token of `issuer` is good, for ten seconds at most.
async fn verified_soon(verifier: &Verifier, issuer: &Issuer) {
    let good = async {
        while verifier.verify(&token(issuer)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), good)
        .await
        .expect("the new key is found after the pause");
}

#[tokio::test]
async fn the_previous_and_the_next_key_are_good_too() {
    let (old, new) = (generate_key_pem(), generate_key_pem());
    let before = Issuer::from_pem(&format!("{old}{new}")).unwrap();
    let after = Issuer::from_pem(&format!("{new}{old}")).unwrap();
    assert_ne!(
        token(&before).split('.').next(),
        token(&after).split('.').next()
    );
    for verifier in [before.verifier(), after.verifier()] {
        assert!(verifier.check(&token(&before)).is_ok());
        assert!(verifier.check(&token(&after)).is_ok());
    }
    let without_old = Issuer::from_pem(&new).unwrap().verifier();
    assert!(without_old.check(&token(&before)).is_err());
}

#[tokio::test]
async fn keys_are_asked_for_once_and_kept_while_the_user_service_is_away() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = UserService::start(issuer.jwks());
    let verifier = Verifier::new(&users.url);
    let token = token(&issuer);
    let answers = join_all((0..50).map(|_| verifier.verify(&token))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(users.questions(), 1, "single flight");

    users.stop().await;
    assert!(verifier.verify(&token).await.is_ok());

    // A flood of unknown keys asks at most every ten seconds.
    let forged = Issuer::from_pem(&generate_key_pem())
        .unwrap()
        .issue(&ann())
        .unwrap()
        .access_token;
    let answers = join_all((0..50).map(|_| verifier.verify(&forged))).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(AuthError::Invalid(_))))
    );
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_question_in_ten_seconds() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = UserService::start(issuer.jwks());
    let verifier = Verifier::new(&users.url);
    assert!(verifier.refresh().await);
    for _ in 0..20 {
        let forged = token(&Issuer::from_pem(&generate_key_pem()).unwrap());
        assert!(verifier.verify(&forged).await.is_err());
    }
    assert_eq!(users.questions(), 1);
    assert!(verifier.verify(&token(&issuer)).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_found_after_the_pause() {
    let (old, new) = (generate_key_pem(), generate_key_pem());
    let before = Issuer::from_pem(&old).unwrap();
    let after = Issuer::from_pem(&format!("{new}{old}")).unwrap();
    let users = UserService::start(before.jwks());
    let verifier = Verifier::with_pace(&users.url, QUICK);
    assert!(verifier.verify(&token(&before)).await.is_ok());
    users.answers(200, after.jwks());
    assert!(
        verifier.verify(&token(&after)).await.is_err(),
        "asked a moment ago"
    );

    verified_soon(&verifier, &after).await;
    assert!(verifier.verify(&token(&before)).await.is_ok());
}

#[tokio::test]
async fn a_key_that_was_taken_away_stops_working() {
    let (old, new) = (
        Issuer::from_pem(&generate_key_pem()).unwrap(),
        Issuer::from_pem(&generate_key_pem()).unwrap(),
    );
    let both = JwkSet {
        keys: [old.jwks().keys.clone(), new.jwks().keys.clone()].concat(),
    };
    let users = UserService::start(&both);
    let verifier = Verifier::with_pace(&users.url, QUICK);
    assert!(verifier.verify(&token(&old)).await.is_ok());
    users.answers(200, new.jwks());

    tokio::time::sleep(QUICK.old).await;
    assert!(
        verifier.verify(&token(&old)).await.is_ok(),
        "the check that finds the set old does not wait"
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
async fn nonsense_and_emptiness_replace_no_key() {
    let issuer = Issuer::from_pem(&generate_key_pem()).unwrap();
    let users = UserService::start(&JwkSet { keys: vec![] });
    let verifier = Verifier::with_pace(&users.url, QUICK);
    assert_eq!(
        verifier.verify(&token(&issuer)).await,
        Err(AuthError::KeysUnavailable)
    );
    assert_eq!(
        verifier.check(&token(&issuer)),
        Err(AuthError::KeysUnavailable)
    );

    tokio::time::sleep(QUICK.no_key).await;
    users.answers(200, issuer.jwks());
    assert!(verifier.refresh().await);
    for (status, body) in [
        (200, "nonsense".to_owned()),
        (500, String::new()),
        (200, "x".repeat(200_000)),
    ] {
        users.answers(status, &body);
        tokio::time::sleep(QUICK.unknown_key).await;
        assert!(verifier.refresh().await);
        assert!(verifier.verify(&token(&issuer)).await.is_ok());
    }
}
