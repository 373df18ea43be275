//! Registration of customers.

use events::user::UserRegistered;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::fixture::{PASSWORD, address, fixture};

fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Ann" })
}

#[tokio::test]
async fn a_customer_registers_logs_in_and_sees_their_profile() {
    let fixture = fixture().await;
    let email = address();
    let answer = fixture
        .anonymous()
        .post("/api/auth/register", registration(&email.to_uppercase()))
        .await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let user = answer.expect(201);
    assert_eq!(user["email"], email.as_str(), "normalised");
    assert_eq!(
        (&user["role"], &user["name"], &user["version"]),
        (&json!("CUSTOMER"), &json!("Ann"), &json!(1))
    );
    assert!(user.get("tenantId").is_none() && user.get("password").is_none());

    let ann = fixture.log_in(&email, PASSWORD).await;
    assert_eq!(ann.get("/api/auth/profile").await.expect(200), user);
    assert_eq!(ann.get(&location).await.expect(200), user);

    let id = user["id"].as_str().unwrap();
    let event = fixture
        .world
        .log("user.events")
        .wait_for_single::<UserRegistered>(id)
        .await;
    assert_eq!(
        event.payload,
        json!({ "userId": id, "email": email, "name": "Ann" })
    );
    assert_eq!(event.envelope.sequence, 1);
    assert_eq!(
        event.envelope.user_id.unwrap().to_string(),
        id,
        "the user acts on their own behalf"
    );
}

#[tokio::test]
async fn an_address_has_one_account_under_concurrency_and_in_any_spelling() {
    let fixture = fixture().await;
    let email = address();
    let spellings = [
        email.clone(),
        email.to_uppercase(),
        format!(" {email} "),
        email.clone(),
        email.clone(),
    ];
    let client = fixture.anonymous();
    let answers = join_all(
        spellings
            .iter()
            .map(|email| client.post("/api/auth/register", registration(email))),
    )
    .await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (refused.status.as_u16(), refused.problem()),
            (409, "/problems/email-taken")
        );
    }
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let client = fixture().await.anonymous();
    let good = registration(&address());
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (field, body) in [
        ("email", with("email", json!("nobody"))),
        ("email", with("email", json!("a@b.de\r\nBcc: c@d.de"))),
        ("email", with("email", json!(null))),
        ("password", with("password", json!("short"))),
        ("password", with("password", json!("x".repeat(129)))),
        ("password", with("password", good["email"].clone())),
        ("name", with("name", json!(" "))),
        ("name", with("name", json!("a\nb"))),
        ("role", with("role", json!("PLATFORM_ADMIN"))),
        ("tenantCode", with("tenantCode", json!("acme"))),
        ("email", json!({ "password": PASSWORD, "name": "Ann" })),
    ] {
        let answer = client.post("/api/auth/register", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.problem(), "/problems/invalid-input");
        assert_eq!(
            answer.body["errors"][0]["field"], field,
            "{body}: {}",
            answer.text
        );
        assert!(!answer.text.contains(PASSWORD));
    }
}
