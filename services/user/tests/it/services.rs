//! Endpoints for other services.

use serde_json::json;

use crate::fixture::{fixture, secret_of};

#[tokio::test]
async fn a_service_gets_a_token_with_its_secret_only() {
    let fixture = fixture().await;
    let request_token = async |service: &str, secret: &str| {
        fixture
            .anonymous()
            .post(
                "/api/auth/service-token",
                json!({ "service": service, "secret": secret }),
            )
            .await
    };
    let answer = request_token("order", &secret_of("order"))
        .await
        .expect(200);
    let order = fixture
        .anonymous()
        .with_token(answer["access_token"].as_str().unwrap());
    let ann = fixture.customer().await;
    assert_eq!(
        order.get(&format!("/api/users/{}", ann.id())).await.status,
        200
    );

    for (service, secret) in [
        ("order", secret_of("billing")),
        ("order", String::new()),
        ("order", "zz".repeat(32)),
    ] {
        let refused = request_token(service, &secret).await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (401, "/problems/wrong-secret")
        );
        assert!(secret.is_empty() || !refused.text.contains(&secret));
    }
    assert_eq!(
        request_token("Order ", &secret_of("order")).await.status,
        400
    );
}

#[tokio::test]
async fn the_published_keys_verify_issued_tokens() {
    let fixture = fixture().await;
    let answer = fixture.anonymous().get("/.well-known/jwks.json").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    let keys = answer.expect(200);
    let verifier = auth::Verifier::with_keys(&serde_json::from_value(keys.clone()).unwrap());
    let ann = fixture.customer().await;
    assert_eq!(
        verifier
            .verify_cached(ann.client.token().unwrap())
            .unwrap()
            .email,
        ann.email
    );
    assert!(keys["keys"][0].get("d").is_none());
}
