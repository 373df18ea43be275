//! Every operation with missing, forged and insufficient credentials, and with bad input.

use auth::{Caller, UserId};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::fixture;

const PUBLIC: [&str; 6] = [
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/forgot-password",
    "/api/auth/reset-password",
    "/api/auth/service-token",
    "/.well-known/jwks.json",
];

async fn operations() -> Vec<(Method, String, bool)> {
    let document = fixture()
        .await
        .anonymous()
        .get("/api/docs/openapi.json")
        .await
        .expect(200);
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let public = operation["security"] == serde_json::json!([{}]);
            assert_eq!(
                public,
                PUBLIC.contains(&path.as_str()),
                "{method} {path} declares its security"
            );
            found.push((method.to_uppercase().parse().unwrap(), path.clone(), public));
        }
    }
    found
}

#[tokio::test]
async fn the_openapi_document_lists_every_operation() {
    let found = operations().await;
    let paths: Vec<_> = found
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    for expected in [
        "POST /api/auth/register",
        "POST /api/auth/login",
        "GET /api/auth/profile",
        "POST /api/auth/forgot-password",
        "POST /api/auth/reset-password",
        "POST /api/auth/service-token",
        "POST /api/auth/password-tokens",
        "POST /api/users",
        "GET /api/users",
        "GET /api/users/{id}",
        "GET /api/users/{id}/database-status",
        "GET /.well-known/jwks.json",
    ] {
        assert!(
            paths.iter().any(|path| path == expected),
            "{expected} is not among {paths:?}"
        );
    }
    assert_eq!(paths.len(), 12);
}

#[tokio::test]
async fn requests_with_no_token_or_a_forged_token_are_rejected() {
    let fixture = fixture().await;
    let other_key = auth::Issuer::from_pem(&auth::generate_key_pem()).unwrap();
    let forged = other_key
        .issue(&Caller::platform_admin(UserId::generate(), "l@example.com"))
        .unwrap()
        .access_token;
    let none = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiUExBVEZPUk1fQURNSU4ifQ.";
    for (method, path, public) in operations().await {
        if public {
            continue;
        }
        let path = path.replace("{id}", &Uuid::now_v7().to_string());
        let clients = [
            fixture.anonymous(),
            fixture.anonymous().with_token(&*forged),
            fixture.anonymous().with_token(none),
        ];
        for client in clients {
            let answer = client
                .send(method.clone(), &path, Some("{}".to_owned()))
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.problem()),
                (401, "/problems/unauthenticated"),
                "{path}"
            );
        }
        let in_the_url = format!(
            "{path}?access_token={}",
            fixture.landlord().await.token().unwrap()
        );
        assert_eq!(
            fixture
                .anonymous()
                .send(method, &in_the_url, None)
                .await
                .status,
            401
        );
    }
}

#[tokio::test]
async fn bad_input_never_causes_a_server_error() {
    let fixture = fixture().await;
    let clients = [
        fixture.anonymous(),
        fixture.landlord().await,
        fixture.service("notification"),
    ];
    let bodies = [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "\"x\"",
        "1e999",
        "{\"email\":{}}",
        "{\"email\":\"\u{0}\"}",
        "{\"token\":\"\u{0}\"}",
        "{\"email\":\"a@b.de\",\"password\":\"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\",\"name\":\"x\"}",
        "{\"email\":\"c@b.de\",\"password\":\"correct horse battery\",\"name\":\"\\u0000\"}",
        "{\"userId\":\"00000000-0000-0000-0000-000000000000\",\"purpose\":\"INVITATION\"}",
    ];
    let ids = [
        "0",
        "%00",
        "..",
        "%2e%2e%2f",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "'%20OR%201=1",
    ];
    for (method, path, _) in operations().await {
        for client in &clients {
            for id in ids {
                let path = path.replace("{id}", id);
                for body in if method == Method::GET {
                    &bodies[..1]
                } else {
                    &bodies[..]
                } {
                    let answer = client
                        .send(method.clone(), &path, Some((*body).to_owned()))
                        .await;
                    assert!(
                        !answer.status.is_server_error(),
                        "{method} {path} {body}: {}",
                        answer.text
                    );
                    if answer.status.is_client_error() {
                        let problem: Value = answer.body.clone();
                        assert!(
                            answer.problem().starts_with("/problems/")
                                && problem["correlationId"].is_string()
                        );
                    }
                }
            }
        }
    }
}
