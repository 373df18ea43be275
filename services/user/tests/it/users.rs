//! Creating, reading and listing users.

use auth::Caller;
use events::user::UserCreated;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::fixture::{PASSWORD, TestUser, address, code, fixture, new_admin};

#[tokio::test]
async fn an_admin_with_a_new_tenant_starts_its_provisioning() {
    let fixture = fixture().await;
    let (landlord, email, code) = (fixture.landlord().await, address(), code("t"));
    let answer = landlord.post("/api/users", new_admin(&email, &code)).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let user = answer.expect(201);
    assert_eq!(
        (&user["role"], &user["tenantCode"]),
        (&json!("ADMIN"), &json!(code))
    );
    assert_eq!(landlord.get(&location).await.expect(200), user);
    let requests = fixture.tenants.requests(&code);
    let request = json!({ "code": code, "name": "Boss", "region": "eu", "package": "starter", "billingEmail": email });
    assert_eq!(requests, [request]);

    let id = user["id"].as_str().unwrap();
    let event = fixture
        .world
        .log("user.events")
        .wait_for_single::<UserCreated>(id)
        .await;
    assert_eq!(
        event.payload,
        json!({ "userId": id, "email": email, "name": "Boss", "role": "ADMIN", "tenantId": user["tenantId"],
            "tenantCode": code, "invited": false })
    );

    let admin = TestUser {
        client: fixture.log_in(&email, PASSWORD).await,
        email,
        user,
    };
    let path = format!("/api/users/{}/database-status", admin.id());
    let status = admin.client.get(&path).await.expect(200);
    assert_eq!(
        status,
        json!({ "isDatabaseCreated": false, "status": "PROVISIONING" })
    );
    fixture.set_status(&admin, "ACTIVE", 5).await;
    let status = landlord.get(&path).await.expect(200);
    assert_eq!(
        status,
        json!({ "isDatabaseCreated": true, "status": "ACTIVE" })
    );

    let ann = fixture.customer().await;
    assert_eq!(ann.client.get(&path).await.status, 404);
    assert_eq!(
        landlord
            .get(&format!("/api/users/{}/database-status", ann.id()))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_same_answer_and_one_tenant() {
    let fixture = fixture().await;
    let (email, code) = (address(), code("t"));
    let landlord = fixture
        .landlord()
        .await
        .header("idempotency-key", &Uuid::new_v4().to_string());
    let first = landlord
        .post("/api/users", new_admin(&email, &code))
        .await
        .expect(201);
    let again = landlord
        .post("/api/users", new_admin(&email, &code))
        .await
        .expect(201);
    assert_eq!(first, again);
    assert_eq!(fixture.tenants.requests(&code).len(), 1);
    let other = landlord
        .post("/api/users", new_admin(&address(), &code))
        .await;
    assert_eq!(
        (other.status.as_u16(), other.problem()),
        (422, "/problems/idempotency-key-reused")
    );
}

#[tokio::test]
async fn no_user_is_created_when_the_tenant_is_not() {
    let fixture = fixture().await;
    let landlord = fixture.landlord().await;
    for (prefix, status, problem) in [
        ("taken", 409, "/problems/tenant-code-taken"),
        ("down", 503, "/problems/unavailable"),
    ] {
        let email = address();
        let answer = landlord
            .post("/api/users", new_admin(&email, &code(prefix)))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem()),
            (status, problem)
        );
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
        // The address is still free.
        assert_eq!(
            landlord
                .post("/api/users", new_admin(&email, &code("t")))
                .await
                .status,
            201
        );
    }
}

#[tokio::test]
async fn a_retry_with_the_same_key_recovers_a_lost_answer_of_the_tenant_service() {
    let fixture = fixture().await;
    let (email, code) = (address(), code("flaky"));
    let landlord = fixture
        .landlord()
        .await
        .header("idempotency-key", &Uuid::new_v4().to_string());
    assert_eq!(
        landlord
            .post("/api/users", new_admin(&email, &code))
            .await
            .status,
        503
    );
    let made = landlord
        .post("/api/users", new_admin(&email, &code))
        .await
        .expect(201);
    assert_eq!(
        made["tenantId"],
        fixture.tenants.tenant_json(&code, "PROVISIONING", 1)["id"]
    );
}

#[tokio::test]
async fn concurrent_requests_for_one_address_create_one_admin_and_one_tenant() {
    let fixture = fixture().await;
    let (landlord, email) = (fixture.landlord().await, address());
    let codes = [code("slow"), code("slow")];
    let (one, other) = tokio::join!(
        landlord.post("/api/users", new_admin(&email, &codes[0])),
        landlord.post("/api/users", new_admin(&email, &codes[1])),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let requested: usize = codes
        .iter()
        .map(|code| fixture.tenants.requests(code).len())
        .sum();
    assert_eq!(requested, 1, "no tenant was created without its admin");
}

#[tokio::test]
async fn a_tenants_admin_creates_admins_of_that_tenant_only() {
    let fixture = fixture().await;
    let (acme, globex) = (fixture.admin().await, fixture.admin().await);
    let request_with = |changes: Value| {
        let mut body =
            json!({ "email": address(), "password": PASSWORD, "name": "Second", "role": "ADMIN" });
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        body
    };
    for allowed in [
        json!({}),
        json!({ "tenantCode": acme.tenant_code() }),
        json!({ "tenantId": acme.tenant_id() }),
    ] {
        let second = acme
            .client
            .post("/api/users", request_with(allowed))
            .await
            .expect(201);
        assert_eq!(second["tenantId"], acme.user["tenantId"]);
    }
    for refused in [
        json!({ "tenantCode": globex.tenant_code() }),
        json!({ "tenantId": globex.tenant_id() }),
        json!({ "tenantCode": code("new") }),
        json!({ "role": "PLATFORM_ADMIN" }),
        json!({ "role": "CUSTOMER" }),
        json!({ "role": "SERVICE" }),
    ] {
        let answer = acme
            .client
            .post("/api/users", request_with(refused.clone()))
            .await;
        assert_eq!(answer.status, 403, "{refused}: {}", answer.text);
    }
    for other in [fixture.customer().await.client, fixture.service("order")] {
        assert_eq!(
            other
                .post("/api/users", request_with(json!({})))
                .await
                .status,
            403
        );
    }
    let contradiction = fixture
        .landlord()
        .await
        .post("/api/users", request_with(json!({})))
        .await;
    assert_eq!(contradiction.body["errors"][0]["field"], "tenantCode");
    let unknown = fixture
        .landlord()
        .await
        .post(
            "/api/users",
            request_with(json!({ "tenantId": Uuid::now_v7() })),
        )
        .await;
    assert_eq!(unknown.status, 404);
    for bad in ["ACME", "a", "admin", "a--b"] {
        let answer = fixture
            .landlord()
            .await
            .post("/api/users", request_with(json!({ "tenantCode": bad })))
            .await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["errors"][0]["field"]),
            (400, &json!("tenantCode"))
        );
    }
}

#[tokio::test]
async fn users_that_the_caller_may_not_see_are_not_found() {
    let fixture = fixture().await;
    let (acme, globex) = (fixture.admin().await, fixture.admin().await);
    let (ann, bob) = (fixture.customer().await, fixture.customer().await);
    let landlord = fixture.landlord().await;
    let sees = async |who: &TestUser, whom: &TestUser| {
        who.client
            .get(&format!("/api/users/{}", whom.id()))
            .await
            .status
            .as_u16()
    };
    for person in [&acme, &globex, &ann, &bob] {
        assert_eq!(
            landlord
                .get(&format!("/api/users/{}", person.id()))
                .await
                .status,
            200
        );
        assert_eq!(sees(person, person).await, 200);
        for other in [&acme, &globex, &ann, &bob] {
            assert_eq!(sees(person, other).await == 200, person.id() == other.id());
        }
    }
    assert_eq!(sees(&ann, &bob).await, 404);

    // A token of one tenant with a header that names another.
    let mixed = acme.client.header("x-tenant-id", globex.tenant_code());
    for path in [
        "/api/users".to_owned(),
        format!("/api/users/{}", globex.id()),
    ] {
        let answer = mixed.get(&path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.text.contains(&globex.email));
    }
    let mixed = mixed.post(
        "/api/users",
        json!({ "email": address(), "password": PASSWORD, "name": "x", "role": "ADMIN" }),
    );
    assert_eq!(mixed.await.status, 403);
}

#[tokio::test]
async fn a_tenants_admin_lists_the_tenants_users_and_the_platform_admin_all() {
    let fixture = fixture().await;
    let (acme, globex) = (fixture.admin().await, fixture.admin().await);
    let second = json!({ "email": address(), "password": PASSWORD, "name": "Grace_100% Hopper", "role": "ADMIN" });
    let second = acme.client.post("/api/users", second).await.expect(201);

    let own = acme.client.get("/api/users").await.expect(200);
    assert_eq!(own["meta"], json!({ "page": 1, "perPage": 20, "total": 2 }));
    assert_eq!(
        (&own["data"][0], &own["data"][1]["id"]),
        (&second, &acme.user["id"]),
        "newest first"
    );
    let paged = acme
        .client
        .get("/api/users?page=2&per_page=1")
        .await
        .expect(200);
    assert_eq!(paged["data"][0]["id"], acme.user["id"]);
    assert_eq!(paged["links"]["prev"], "/api/users?page=1&per_page=1");
    let found = async |client: &testkit::Client, text: &str| {
        client
            .get(&format!("/api/users?search={text}"))
            .await
            .expect(200)["meta"]["total"]
            .clone()
    };
    assert_eq!(found(&acme.client, "hOPPer").await, 1);
    assert_eq!(found(&acme.client, "Grace_100%25").await, 1);
    assert_eq!(
        found(&acme.client, "Grace%25Hopper").await,
        0,
        "a wildcard matches itself only"
    );
    assert_eq!(found(&acme.client, &globex.email).await, 0);
    assert_eq!(found(&globex.client, "Hopper").await, 0);
    let landlord = fixture.landlord().await;
    assert_eq!(found(&landlord, &globex.email).await, 1);
    let all = landlord.get("/api/users?per_page=1").await.expect(200);
    assert!(all["meta"]["total"].as_i64().unwrap() >= 4);

    for (query, field) in [
        ("search=ab", "search"),
        ("page=0", "page"),
        ("per_page=101", "per_page"),
        ("token=x", "token"),
    ] {
        let answer = landlord.get(&format!("/api/users?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["errors"][0]["field"]),
            (400, &json!(field)),
            "{query}"
        );
    }
    for other in [fixture.customer().await.client, fixture.service("order")] {
        assert_eq!(other.get("/api/users").await.status, 403);
    }
}

#[tokio::test]
async fn the_directory_follows_the_tenants_events() {
    let fixture = fixture().await;
    let admin = fixture.admin().await;
    let facts = fixture
        .tenants
        .tenant_json(admin.tenant_code(), "SUSPENDED", 9);
    let tenant: tenancy::TenantSnapshot = serde_json::from_value(facts.clone()).unwrap();
    let tenant = testkit::TestTenant {
        tenant: tenant.into(),
        database: String::new(),
    };
    let mut event = facts;
    event["tenantId"] = event["id"].take();
    let event: events::tenant::TenantSuspended = serde_json::from_value(event).unwrap();
    fixture
        .world
        .publish(&tenant, tenant.tenant.id, &event)
        .await;
    let path = format!("/api/users/{}/database-status", admin.id());
    let landlord = fixture.landlord().await;
    eventually("the suspension", || async {
        (landlord.get(&path).await.expect(200)["status"] == "SUSPENDED").then_some(())
    })
    .await;
    // A token of that tenant whose user does not exist, as of a removed admin.
    let removed = fixture.client_as(&Caller::admin(
        auth::UserId::generate(),
        "ghost@example.com",
        admin.tenant(),
    ));
    assert_eq!(
        removed.get("/api/users").await.problem(),
        "/problems/tenant-suspended"
    );
}
