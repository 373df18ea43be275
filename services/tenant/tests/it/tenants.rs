//! `/api/tenants`.

use std::collections::BTreeSet;

use events::tenant::{TenantActivated, TenantCreated, TenantSuspended};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, new_code, tenant_request, text};

#[tokio::test]
async fn a_tenant_is_created_asynchronously_with_its_location() {
    let fixture = Fixture::shared().await;
    let code = new_code();
    let reply = fixture
        .service()
        .post("/api/tenants", tenant_request(&code))
        .await;
    assert_eq!(reply.headers["location"], format!("/api/tenants/{code}"));
    let tenant = reply.expect(202);
    assert_eq!(tenant["status"], "PROVISIONING");
    assert_eq!(tenant["version"], 1);
    assert_eq!(tenant["cluster"], "eu-1");

    let created = fixture
        .events
        .wait_for_single::<TenantCreated>(text(&tenant, "id"))
        .await;
    assert_eq!(created.envelope.partition_key, text(&tenant, "id"));
    assert_eq!(created.payload["billingEmail"], "billing@acme.example");
    assert_eq!(created.payload["status"], "PROVISIONING");
    let by_id = format!("/api/tenants/{}", text(&tenant, "id"));
    assert_eq!(
        fixture.platform_admin().get(&by_id).await.expect(200)["code"],
        code
    );
}

#[tokio::test]
async fn of_concurrent_requests_for_a_code_one_succeeds() {
    let fixture = Fixture::shared().await;
    let (code, platform_admin) = (new_code(), fixture.platform_admin());
    let requests = (0..20).map(|_| platform_admin.post("/api/tenants", tenant_request(&code)));
    let replies = futures::future::join_all(requests).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    let mut expected = vec![409; 20];
    expected[0] = 202;
    assert_eq!(statuses, expected);
    let refused = replies
        .iter()
        .find(|reply| reply.status == 409)
        .expect("one");
    assert_eq!(refused.problem(), "/problems/tenant-code-taken");
}

#[tokio::test]
async fn the_same_key_gives_the_same_tenant_and_another_body_is_refused() {
    let fixture = Fixture::shared().await;
    let platform_admin = fixture
        .platform_admin()
        .header("idempotency-key", &new_code());
    let body = tenant_request(&new_code());
    let first = platform_admin
        .post("/api/tenants", body.clone())
        .await
        .expect(202);
    fixture.wait_for_step(&first, 0, "DONE").await;
    let again = platform_admin.post("/api/tenants", body).await.expect(202);
    assert_eq!(first, again);
    let other = platform_admin
        .post("/api/tenants", tenant_request(&new_code()))
        .await;
    assert_eq!(other.status, 422);
    fixture
        .events
        .wait_for_single::<TenantCreated>(text(&first, "id"))
        .await;
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_the_field() {
    let fixture = Fixture::shared().await;
    let platform_admin = fixture.platform_admin();
    let with = |field: &str, value: Value| {
        let mut body = tenant_request(&new_code());
        body[field] = value;
        body
    };
    for (body, field) in [
        (with("code", json!("ACME")), "code"),
        (with("code", json!("ab")), "code"),
        (with("code", json!("orders")), "code"),
        (with("code", json!("a--b")), "code"),
        (
            with("code", json!("019f8d2e-aaaa-7000-8000-000000000000")),
            "code",
        ),
        (with("name", json!("")), "name"),
        (with("name", json!("a\u{0}b")), "name"),
        (with("region", json!("mars")), "region"),
        (with("region", json!("EU")), "region"),
        (with("package", json!(7)), "package"),
        (with("billingEmail", json!("nobody")), "billingEmail"),
        (with("status", json!("ACTIVE")), "status"),
        (json!({"code": new_code()}), "name"),
    ] {
        let reply = platform_admin.post("/api/tenants", body.clone()).await;
        assert_eq!(reply.problem(), "/problems/invalid-input", "{body}");
        assert_eq!(
            reply.body["errors"][0]["field"], field,
            "{body}: {}",
            reply.text
        );
        assert_eq!(reply.status, 400);
    }
}

#[tokio::test]
async fn each_route_is_authorized_by_role() {
    let fixture = Fixture::shared().await;
    let (own, other) = (fixture.tenant().await, fixture.tenant().await);
    let path = format!("/api/tenants/{}", text(&own, "code"));
    let callers = [
        ("anonymous", fixture.anonymous()),
        ("customer", fixture.customer()),
        ("other tenant's admin", fixture.admin_of(&other)),
        ("own admin", fixture.admin_of(&own)),
        ("service", fixture.service()),
        ("platform admin", fixture.platform_admin()),
    ];
    let suspend = format!("{path}/suspend");
    let activate = format!("{path}/activate");
    let onboarding = format!("{path}/onboarding");
    // A tenant that is being onboarded cannot be suspended or activated: 409 for authorized callers.
    let expectations = [
        (Method::GET, path.as_str(), [401, 404, 404, 200, 200, 200]),
        (
            Method::GET,
            onboarding.as_str(),
            [401, 404, 404, 200, 200, 200],
        ),
        (Method::GET, "/api/tenants", [401, 403, 403, 403, 403, 200]),
        (Method::POST, "/api/tenants", [401, 403, 403, 403, 400, 400]),
        (
            Method::POST,
            suspend.as_str(),
            [401, 403, 403, 403, 403, 409],
        ),
        (
            Method::POST,
            activate.as_str(),
            [401, 403, 403, 403, 403, 409],
        ),
        (
            Method::GET,
            "/api/tenants/unknown-tenant",
            [401, 404, 404, 404, 404, 404],
        ),
    ];
    for (method, path, expected) in expectations {
        for ((who, client), expected) in callers.iter().zip(expected) {
            let body = (method == Method::POST).then(|| "{}".to_owned());
            let reply = client.send(method.clone(), path, body).await;
            assert_eq!(
                reply.status, expected,
                "{who} {method} {path}: {}",
                reply.text
            );
            if expected == 404 {
                assert!(!reply.text.contains("billing@acme.example"));
            }
        }
    }
    // A hidden tenant and an unknown one give the same answer.
    let customer = fixture.customer();
    let hidden = customer.get(&path).await;
    let absent = customer.get("/api/tenants/unknown-tenant").await;
    assert_eq!(hidden.body["detail"], absent.body["detail"]);
}

#[tokio::test]
async fn other_spellings_of_a_code_or_id_are_unknown() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let (code, id) = (text(&tenant, "code"), text(&tenant, "id"));
    for spelling in [
        code.to_uppercase(),
        format!("{code}%20"),
        format!("%20{code}"),
        format!("{code}%00"),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("%7B{id}%7D"),
    ] {
        let reply = fixture
            .platform_admin()
            .get(&format!("/api/tenants/{spelling}"))
            .await;
        assert_eq!(reply.status, 404, "{spelling}");
    }
}

#[tokio::test]
async fn tenants_are_listed_by_page_status_and_text() {
    let fixture = Fixture::shared().await;
    let marker = new_code();
    let mut created = Vec::new();
    for n in 0..5 {
        let mut body = tenant_request(&new_code());
        body["name"] = json!(format!("Shop {marker} {n}"));
        created.push(
            fixture
                .platform_admin()
                .post("/api/tenants", body)
                .await
                .expect(202),
        );
    }
    let (mut seen, mut next) = (
        BTreeSet::new(),
        Some(format!("/api/tenants?search={marker}&per_page=2")),
    );
    let mut pages = 0;
    while let Some(path) = next {
        let page = fixture.platform_admin().get(&path).await.expect(200);
        assert_eq!(page["meta"]["total"], 5);
        let rows = page["data"].as_array().expect("rows");
        seen.extend(rows.iter().map(|row| text(row, "code")));
        next = page["links"]["next"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert_eq!(pages, 3);
    assert_eq!(seen, created.iter().map(|one| text(one, "code")).collect());

    let total = async |query: &str| {
        let path = format!("/api/tenants?search={}&{query}", marker.to_uppercase());
        fixture.platform_admin().get(&path).await.expect(200)["meta"]["total"].clone()
    };
    assert_eq!(total("page=1").await, 5, "upper or lower case");
    assert_eq!(total("status=SUSPENDED").await, 0);
    let wildcard = fixture
        .platform_admin()
        .get("/api/tenants?search=%25")
        .await
        .expect(200);
    assert_eq!(wildcard["meta"]["total"], 0, "no wildcards");
    for query in [
        "status=active",
        "page=0",
        "per_page=101",
        "colour=red",
        "search=%00",
    ] {
        let reply = fixture
            .platform_admin()
            .get(&format!("/api/tenants?{query}"))
            .await;
        assert_eq!(reply.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_tenant_is_suspended_and_activated_again() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.active_tenant().await;
    let path = format!("/api/tenants/{}", text(&tenant, "code"));
    let platform_admin = fixture.platform_admin();
    let act = async |what: &str, body: Option<&str>| {
        let path = format!("{path}/{what}");
        platform_admin
            .send(Method::POST, &path, body.map(str::to_owned))
            .await
    };
    let before = tenant["version"].as_i64().expect("a number");

    let stale = platform_admin.header("if-match", "\"1\"");
    let refused = stale
        .send(Method::POST, &format!("{path}/suspend"), None)
        .await;
    assert_eq!(refused.problem(), "/problems/precondition-failed");
    assert_eq!(refused.status, 412);

    let suspended = act("suspend", Some(r#"{"reason": "unpaid"}"#)).await;
    assert_eq!(suspended.headers["etag"], format!("\"{}\"", before + 1));
    assert_eq!(suspended.expect(200)["status"], "SUSPENDED");
    let again = act("suspend", None).await.expect(200);
    assert_eq!(again["version"], before + 1, "no change");
    let event = fixture
        .events
        .wait_for_single::<TenantSuspended>(text(&tenant, "id"))
        .await;
    assert_eq!(event.payload["reason"], "unpaid");
    assert_eq!(event.payload["status"], "SUSPENDED");
    assert!(event.envelope.user_id.is_some(), "the event names the user");

    let fresh = platform_admin.header("if-match", &format!("\"{}\"", before + 1));
    let reply = fresh
        .send(Method::POST, &format!("{path}/activate"), None)
        .await;
    assert_eq!(reply.expect(200)["status"], "ACTIVE");
    assert_eq!(act("activate", None).await.status, 200);
    assert_eq!(
        fixture
            .events
            .wait_for::<TenantActivated>(text(&tenant, "id"), 2)
            .await
            .len(),
        2
    );

    let nonsense = act("suspend", Some(r#"{"why": "x"}"#)).await;
    assert_eq!(nonsense.status, 400);
}

#[tokio::test]
async fn concurrent_suspensions_publish_one_event() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.active_tenant().await;
    let path = format!("/api/tenants/{}/suspend", text(&tenant, "code"));
    let platform_admin = fixture.platform_admin();
    let requests = (0..20).map(|_| platform_admin.post(&path, json!({})));
    for reply in futures::future::join_all(requests).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    fixture
        .events
        .wait_for_single::<TenantSuspended>(text(&tenant, "id"))
        .await;
    fixture.event_types(&tenant).await;
}
