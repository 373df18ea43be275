//! Login.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use events::user::{UserLoginFailed, UserLoginSucceeded};
use serde_json::{Value, json};
use testkit::Reply;
use user_service::domain::EmailAddress;

use crate::fixture::{Fixture, PASSWORD, address, fixture};

async fn try_login(fixture: &Fixture, email: &str, password: &str) -> Reply {
    fixture
        .anonymous()
        .post(
            "/api/auth/login",
            json!({ "email": email, "password": password }),
        )
        .await
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_identifies_the_user_and_the_login_is_published() {
    let fixture = fixture().await;
    let (customer, admin) = (fixture.customer().await, fixture.admin().await);

    let answer = try_login(fixture, &customer.email.to_uppercase(), PASSWORD)
        .await
        .expect(200);
    assert_eq!(
        (&answer["expires_in"], &answer["token_type"]),
        (&json!(900), &json!("Bearer"))
    );
    let token_claims = claims(answer["access_token"].as_str().unwrap());
    assert_eq!(
        (&token_claims["sub"], &token_claims["role"]),
        (&customer.user["id"], &json!("CUSTOMER"))
    );
    assert_eq!(
        (&token_claims["iss"], &token_claims["aud"]),
        (&json!("tenantry"), &json!("tenantry-api"))
    );
    assert!(token_claims.get("tenantCode").is_none());

    let token_claims = claims(admin.client.token().unwrap());
    assert_eq!(
        (&token_claims["role"], &token_claims["tenantCode"]),
        (&json!("ADMIN"), &admin.user["tenantCode"])
    );
    assert_eq!(
        (&token_claims["tenantId"], &token_claims["email"]),
        (&admin.user["tenantId"], &json!(admin.email))
    );

    let events = fixture
        .world
        .log("user.events")
        .wait_for::<UserLoginSucceeded>(admin.id(), 1)
        .await;
    assert_eq!(events[0].payload["role"], "ADMIN");
    assert_eq!(events[0].payload["tenantCode"], admin.user["tenantCode"]);
    assert_eq!(events[0].envelope.user_id.unwrap().to_string(), admin.id());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let fixture = fixture().await;
    let (ann, nobody) = (fixture.customer().await, address());
    let answers = [
        try_login(fixture, &ann.email, "a wrong password").await,
        try_login(fixture, &nobody, "a wrong password").await,
        try_login(fixture, &ann.email, "").await,
    ];
    for answer in &answers {
        assert_eq!(
            (answer.status.as_u16(), answer.problem()),
            (401, "/problems/wrong-credentials")
        );
        assert!(
            answer.headers["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer")
        );
        assert_eq!(answer.body["detail"], answers[0].body["detail"]);
    }

    let log = fixture.world.log("user.events");
    let known = log.wait_for::<UserLoginFailed>(ann.id(), 2).await;
    assert_eq!(
        known[0].payload,
        json!({ "userId": ann.id(), "reason": "wrong_credentials" })
    );
    let pseudonym = EmailAddress::try_from(nobody.clone()).unwrap().pseudonym();
    let unknown = log.wait_for::<UserLoginFailed>(pseudonym, 1).await;
    assert_eq!(
        unknown[0].payload,
        json!({ "userId": null, "reason": "wrong_credentials" })
    );
    assert!(
        unknown[0].envelope.user_id.is_none(),
        "a failed login names no acting user"
    );
    assert!(!format!("{unknown:?}").contains(&nobody));
}

#[tokio::test]
async fn an_unknown_address_takes_as_long_as_a_known_one() {
    let fixture = fixture().await;
    let ann = fixture.customer().await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        for (email, times) in [(&ann.email, &mut known), (&address(), &mut unknown)] {
            let began = Instant::now();
            assert_eq!(
                try_login(fixture, email, "a wrong password").await.status,
                401
            );
            times.push(began.elapsed());
        }
    }
    known.sort_unstable();
    unknown.sort_unstable();
    let (known, unknown) = (known[4], unknown[4]);
    assert!(
        known > Duration::from_millis(5) && unknown > known / 3 && known > unknown / 3,
        "{known:?} {unknown:?}"
    );
}

#[tokio::test]
async fn the_admin_of_a_suspended_tenant_cannot_log_in() {
    let fixture = fixture().await;
    let admin = fixture.admin().await;
    fixture.set_status(&admin, "SUSPENDED", 3).await;
    let answer = try_login(fixture, &admin.email, PASSWORD).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem()),
        (403, "/problems/tenant-suspended")
    );
    // A wrong password does not reveal the suspension.
    assert_eq!(
        try_login(fixture, &admin.email, "a wrong password")
            .await
            .status,
        401
    );
    // A token from before the suspension gives no access to the tenant's users.
    let list = admin.client.get("/api/users").await;
    assert_eq!(
        (list.status.as_u16(), list.problem()),
        (403, "/problems/tenant-suspended")
    );
    fixture.set_status(&admin, "ACTIVE", 4).await;
    assert_eq!(try_login(fixture, &admin.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_burst_of_logins_is_answered_and_does_not_delay_other_requests() {
    let fixture = fixture().await;
    let ann = fixture.customer().await;
    let burst = (0..200).map(|_| try_login(fixture, &ann.email, "a wrong password"));
    let burst = futures::future::join_all(burst);
    let others = async {
        let mut times = Vec::new();
        for _ in 0..21 {
            let began = Instant::now();
            assert_eq!(ann.client.get("/api/auth/profile").await.status, 200);
            times.push(began.elapsed());
        }
        times.sort_unstable();
        times[10]
    };
    let (answers, others) = tokio::join!(burst, others);
    for answer in &answers {
        match answer.status.as_u16() {
            401 => {}
            503 => assert!(answer.headers.contains_key("retry-after")),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(
        answers.iter().any(|answer| answer.status == 503),
        "the queue is bounded"
    );
    assert!(
        answers.iter().any(|answer| answer.status == 401),
        "the queue is served"
    );
    assert!(others < Duration::from_secs(1), "{others:?}");
}
