//! The first admin of a new tenant.

use std::time::Duration;

use event_bus::{EventParts, TenantRef};
use events::{tenant::TenantOnboardingSetupAdminUser, user::UserCreated};
use serde_json::json;
use testkit::eventually;
use uuid::Uuid;

use crate::fixture::{Fixture, PASSWORD, address, code, fixture, new_admin};

struct NewTenant {
    id: Uuid,
    code: String,
    email: String,
}

impl NewTenant {
    fn new(email: &str) -> Self {
        Self {
            id: Uuid::now_v7(),
            code: code("t"),
            email: email.to_owned(),
        }
    }

    async fn publish_setup_event(&self, fixture: &Fixture, event_id: Uuid) {
        let event: TenantOnboardingSetupAdminUser = serde_json::from_value(json!({
            "tenantId": self.id, "code": self.code, "name": "Acme Inc.", "region": "eu", "cluster": "eu-1",
            "package": "starter", "billingEmail": self.email, "status": "PROVISIONING", "version": 3,
        }))
        .unwrap();
        let mut parts = EventParts::new("/tenantry/tenant", self.id)
            .sequence(3)
            .tenant(TenantRef {
                id: self.id,
                region: "eu".to_owned(),
            });
        parts.id = event_id;
        fixture.world.publish_parts(parts, &event).await;
    }

    async fn admins(&self, fixture: &Fixture) -> i64 {
        let pool = fixture.world.platform_pool("user").await;
        let count = "SELECT count(*) FROM users WHERE tenant_id = $1";
        sqlx::query_scalar(count)
            .bind(self.id)
            .fetch_one(&pool)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_first_admin_is_invited_once_and_sets_a_password() {
    let fixture = fixture().await;
    let tenant = NewTenant::new(&address());
    let event = Uuid::now_v7();
    tenant.publish_setup_event(fixture, event).await;
    tenant.publish_setup_event(fixture, event).await;
    tenant.publish_setup_event(fixture, Uuid::now_v7()).await;

    let log = fixture.world.log("user.events");
    let created = eventually("the invited admin", || async {
        log.events()
            .into_iter()
            .find(|seen| seen.payload["tenantId"] == json!(tenant.id))
    })
    .await;
    let id = created.envelope.subject.clone();
    log.wait_for_single::<UserCreated>(&id).await;
    assert_eq!(
        (&created.payload["invited"], &created.payload["role"]),
        (&json!(true), &json!("ADMIN"))
    );
    assert_eq!(created.payload["name"], "Acme Inc.");
    assert_eq!(created.envelope.causation_id, Some(event));
    assert_eq!(tenant.admins(fixture).await, 1);

    // No login is possible before the invitation is accepted.
    let login = json!({ "email": tenant.email, "password": PASSWORD });
    assert_eq!(
        fixture
            .anonymous()
            .post("/api/auth/login", login.clone())
            .await
            .status,
        401
    );
    let request = json!({ "userId": id, "purpose": "INVITATION" });
    let notification = fixture.service("notification");
    let minted = notification
        .post("/api/auth/password-tokens", request.clone())
        .await
        .expect(200);
    let reset = json!({ "token": minted["token"], "newPassword": PASSWORD });
    assert_eq!(
        fixture
            .anonymous()
            .post("/api/auth/reset-password", reset)
            .await
            .status,
        204
    );
    let admin = fixture.log_in(&tenant.email, PASSWORD).await;
    assert_eq!(
        admin.get("/api/auth/profile").await.expect(200)["tenantCode"],
        tenant.code.as_str()
    );
    assert_eq!(
        notification
            .post("/api/auth/password-tokens", request)
            .await
            .status,
        409,
        "invited once"
    );
}

#[tokio::test]
async fn an_admin_made_with_the_tenant_is_not_invited_again() {
    let fixture = fixture().await;
    let admin = fixture.admin().await;
    let tenant = NewTenant {
        id: admin.tenant_id(),
        code: admin.tenant_code().to_owned(),
        email: admin.email.clone(),
    };
    let other = NewTenant::new(&address());
    tenant.publish_setup_event(fixture, Uuid::now_v7()).await;
    let tenant = NewTenant {
        email: address(),
        ..tenant
    };
    tenant.publish_setup_event(fixture, Uuid::now_v7()).await;
    other.publish_setup_event(fixture, Uuid::now_v7()).await;
    eventually("the other tenant's admin", || async {
        (other.admins(fixture).await == 1).then_some(())
    })
    .await;
    // Keys are processed concurrently: waits longer than the other tenant's event took.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(tenant.admins(fixture).await, 1);
}

#[tokio::test]
async fn a_customer_does_not_become_an_admin_because_a_tenant_names_their_address() {
    let fixture = fixture().await;
    let (ann, boss) = (fixture.customer().await, fixture.admin().await);
    let dead_letters = fixture.world.log("tenant.events.dlq");
    for user in [&ann, &boss] {
        let tenant = NewTenant::new(&user.email);
        tenant.publish_setup_event(fixture, Uuid::now_v7()).await;
        eventually("the dead letter", || async {
            dead_letters
                .events()
                .into_iter()
                .find(|seen| seen.envelope.subject == tenant.id.to_string())
        })
        .await;
        assert_eq!(tenant.admins(fixture).await, 0);
        let again = fixture
            .landlord()
            .await
            .get(&format!("/api/users/{}", user.id()))
            .await
            .expect(200);
        assert_eq!(again, user.user);
    }
}

#[tokio::test]
async fn a_platform_admin_creates_the_admin_when_onboarding_stopped() {
    let fixture = fixture().await;
    // An existing tenant without an admin, because the address was taken.
    let (landlord, waiting) = (fixture.landlord().await, code("flaky"));
    assert_eq!(
        landlord
            .post("/api/users", new_admin(&address(), &waiting))
            .await
            .status,
        503
    );
    let id = fixture.tenants.tenant_json(&waiting, "PROVISIONING", 1)["id"].clone();
    let request = json!({ "email": address(), "password": PASSWORD, "name": "Boss", "role": "ADMIN", "tenantId": id });
    let admin = landlord.post("/api/users", request).await.expect(201);
    assert_eq!(
        (&admin["tenantId"], &admin["tenantCode"]),
        (&id, &json!(waiting))
    );
    let log = fixture.world.log("user.events");
    let event = log
        .wait_for_single::<UserCreated>(admin["id"].as_str().unwrap())
        .await;
    assert_eq!(event.payload["tenantId"], id);
}
