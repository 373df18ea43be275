//! What services ask for.

use serde_json::json;

use crate::house::{house, secret_of};

#[tokio::test]
async fn a_service_proves_its_name_and_gets_a_token() {
    let house = house().await;
    let ask = async |service: &str, secret: &str| {
        house
            .stranger()
            .post(
                "/api/auth/service-token",
                json!({ "service": service, "secret": secret }),
            )
            .await
    };
    let answer = ask("order", &secret_of("order")).await.expect(200);
    let order = house
        .stranger()
        .with_token(answer["access_token"].as_str().unwrap());
    let ann = house.customer().await;
    assert_eq!(
        order.get(&format!("/api/users/{}", ann.id())).await.status,
        200
    );

    for (service, secret) in [
        ("order", secret_of("billing")),
        ("order", String::new()),
        ("order", "zz".repeat(32)),
    ] {
        let refused = ask(service, &secret).await;
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (401, "/problems/wrong-secret")
        );
        assert!(secret.is_empty() || !refused.text.contains(&secret));
    }
    assert_eq!(ask("Order ", &secret_of("order")).await.status, 400);
}

#[tokio::test]
async fn the_published_keys_are_those_that_sign() {
    let house = house().await;
    let answer = house.stranger().get("/.well-known/jwks.json").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    let keys = answer.expect(200);
    let verifier = auth::Verifier::with_keys(&serde_json::from_value(keys.clone()).unwrap());
    let ann = house.customer().await;
    assert_eq!(
        verifier
            .verify_cached(ann.client.token().unwrap())
            .unwrap()
            .email,
        ann.email
    );
    assert!(keys["keys"][0].get("d").is_none());
}
