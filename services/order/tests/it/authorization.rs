//! Who may not come in does not, on every operation there is.

use std::time::{SystemTime, UNIX_EPOCH};

use events::tenant::TenantSuspended;
use futures::StreamExt;
use serde_json::{Value, json};
use tenancy::TenantStatus;
use testkit::{Client, Reply, TestEnvironment, eventually};
use uuid::Uuid;

use crate::{
    operations::{CANARY, Holdings, Operation},
    shop::{Shop, Stage},
};

/// What every customer may do at every active tenant. Whatever is not here is shut to them.
const OPEN_TO_CUSTOMERS: [&str; 4] = [
    "GET /api/orders",
    "GET /api/{tenantCode}/products",
    "GET /api/{tenantCode}/products/{id}",
    "POST /api/orders/{tenantCode}/create",
];

struct Scene {
    stage: &'static Stage,
    acme: Shop,
    globex: Shop,
    holdings: Holdings,
    operations: Vec<Operation>,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::shared().await;
        let (acme, globex) = (stage.shop().await, stage.shop().await);
        let holdings = Holdings::of(&acme).await;
        let operations = Operation::all(&acme.admin).await;
        Self {
            stage,
            acme,
            globex,
            holdings,
            operations,
        }
    }

    /// Nothing is told, nothing is done, and the refusal is one of these.
    async fn refuses(
        &self,
        who: &str,
        client: &Client,
        at: &str,
        operation: &Operation,
        expected: &[u16],
    ) -> Reply {
        let answer = operation.call(client, at, &self.holdings).await;
        let what = format!("{who}, {} at {at}: {}", operation.name(), answer.text);
        assert!(!answer.status.is_success(), "let in: {what}");
        assert!(
            expected.contains(&answer.status.as_u16()),
            "{}: {what}",
            answer.status
        );
        assert!(!answer.text.contains(CANARY), "told: {what}");
        assert!(answer.problem().starts_with("/problems/"), "{what}");
        answer
    }

    /// What there was is as it was.
    async fn untouched(&self) {
        assert_eq!(
            self.acme.order(self.holdings.order).await["status"],
            "WAITING_FOR_PAYMENT"
        );
        assert_eq!(self.acme.pieces(self.holdings.product).await, (999, 1));
        let product = self.acme.product(self.holdings.product).await;
        assert_eq!(
            (&product["name"], &product["version"]),
            (&json!(CANARY), &json!(2))
        );
        assert_eq!(
            self.acme
                .count("SELECT count(*) FROM \"order\".product")
                .await,
            1
        );
        assert_eq!(
            self.acme
                .count("SELECT count(*) FROM \"order\".customer_order")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn strangers_and_forged_tokens_are_refused_everywhere() {
    let scene = Scene::set().await;
    let elsewhere = TestEnvironment::new(&[]).await;
    let admin = scene.acme.admin.token().unwrap();
    let owner = scene.holdings.owner.client.token().unwrap();
    let mut forged = vec![
        ("nonsense", "nonsense".to_owned()),
        ("empty", String::new()),
    ];
    for (name, token) in [("admin", admin), ("owner", owner)] {
        let claims = claims_of(token);
        let with = |field: &str, value: Value| {
            let mut claims = claims.clone();
            claims[field] = value;
            scene.stage.world.identity().sign(&claims)
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        forged.push(("expired", with("exp", json!(now - 3600))));
        forged.push(("another audience", with("aud", json!("somewhere-else"))));
        forged.push(("another issuer", with("iss", json!("mallory"))));
        forged.push(("no expiry", with("exp", json!(null))));
        forged.push(("an unknown role", with("role", json!("ROOT"))));
        forged.push((
            "half a tenant",
            with(
                "tenantCode",
                json!(if name == "admin" {
                    Value::Null
                } else {
                    json!("acme")
                }),
            ),
        ));
        forged.push(("another key", elsewhere.identity().sign(&claims)));
        forged.push(("no signature", unsigned(&claims)));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = format!(
            "{}{}",
            if signature.starts_with('A') { "B" } else { "A" },
            &signature[1..]
        );
        forged.push(("a changed signature", format!("{signed}.{other}")));
    }
    for operation in &scene.operations {
        let stranger = scene.acme.admin.anonymous();
        scene
            .refuses(
                "a stranger",
                &stranger,
                scene.acme.code(),
                operation,
                &[401],
            )
            .await;
        for (what, token) in &forged {
            let client = scene.acme.admin.with_token(token.clone());
            scene
                .refuses(what, &client, scene.acme.code(), operation, &[401])
                .await;
        }
    }
    scene.untouched().await;
}

#[tokio::test]
async fn another_tenants_admin_is_refused_by_path_header_and_token() {
    let scene = Scene::set().await;
    let (acme, globex) = (&scene.acme, &scene.globex);
    let mallory = &globex.admin;
    let (acme_id, globex_id) = (
        acme.tenant.tenant.id.to_string(),
        globex.tenant.tenant.id.to_string(),
    );
    for operation in scene
        .operations
        .iter()
        .filter(|operation| operation.has_tenant())
    {
        for at in [acme.code(), &acme_id] {
            scene
                .refuses("by path", mallory, at, operation, &[403])
                .await;
            for own in [globex.code(), &globex_id] {
                let mixed = mallory.header("x-tenant-id", own);
                scene
                    .refuses(
                        "by path with their own header",
                        &mixed,
                        at,
                        operation,
                        &[400, 403],
                    )
                    .await;
            }
        }
        for victim in [acme.code(), &acme_id] {
            let mixed = mallory.header("x-tenant-id", victim);
            scene
                .refuses("by header", &mixed, globex.code(), operation, &[400, 403])
                .await;
        }
        let twice = mallory
            .header("x-tenant-id", globex.code())
            .header("x-tenant-id", acme.code());
        scene
            .refuses(
                "by two headers",
                &twice,
                globex.code(),
                operation,
                &[400, 403],
            )
            .await;
        if operation.has_id() {
            // In their own house there is no such thing.
            scene
                .refuses("by id alone", mallory, globex.code(), operation, &[404])
                .await;
        }
    }
    let own = mallory
        .header("x-tenant-id", &acme_id)
        .get("/api/orders")
        .await;
    assert!(!own.text.contains(CANARY));
    scene.untouched().await;
}

#[tokio::test]
async fn another_customer_is_refused_what_is_not_open_to_all() {
    let scene = Scene::set().await;
    let mallory = scene.acme.customer().client;
    for operation in &scene.operations {
        if !OPEN_TO_CUSTOMERS.contains(&operation.name().as_str()) {
            scene
                .refuses(
                    "another customer",
                    &mallory,
                    scene.acme.code(),
                    operation,
                    &[403, 404],
                )
                .await;
        }
    }
    assert!(!mallory.get("/api/orders").await.text.contains(CANARY));
    scene.untouched().await;
}

#[tokio::test]
async fn an_order_is_found_under_its_own_tenant_only() {
    let scene = Scene::set().await;
    let owner = &scene.holdings.owner.client;
    for operation in scene
        .operations
        .iter()
        .filter(|operation| operation.has_id())
    {
        scene
            .refuses(
                "its owner elsewhere",
                owner,
                scene.globex.code(),
                operation,
                &[403, 404],
            )
            .await;
    }
    scene.untouched().await;
}

#[tokio::test]
async fn a_header_that_contradicts_the_path_is_refused_to_everyone() {
    let scene = Scene::set().await;
    let globex = &scene.globex;
    for operation in scene
        .operations
        .iter()
        .filter(|operation| operation.has_tenant())
    {
        for client in [&scene.acme.admin, &scene.holdings.owner.client] {
            for other in [
                globex.code().to_owned(),
                globex.tenant.tenant.id.to_string(),
            ] {
                let mixed = client.header("x-tenant-id", &other);
                scene
                    .refuses("mixed", &mixed, scene.acme.code(), operation, &[400, 403])
                    .await;
            }
        }
    }
    let right = scene
        .acme
        .admin
        .header("x-tenant-id", &scene.acme.tenant.tenant.id.to_string());
    assert_eq!(right.get(&scene.acme.products()).await.status, 200);
    scene.untouched().await;
}

#[tokio::test]
async fn an_unknown_tenant_is_not_found() {
    let scene = Scene::set().await;
    for operation in scene
        .operations
        .iter()
        .filter(|operation| operation.has_tenant())
    {
        for at in ["no-such-tenant".to_owned(), Uuid::now_v7().to_string()] {
            for client in [&scene.acme.admin, &scene.holdings.owner.client] {
                scene
                    .refuses("unknown", client, &at, operation, &[403, 404])
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_on_every_operation_once_its_event_was_read() {
    let scene = Scene::set().await;
    let tenant = &scene.acme.tenant.tenant;
    let suspended = TenantSuspended {
        tenant_id: tenant.id.0,
        code: tenant.code.to_string(),
        name: tenant.name.clone(),
        region: tenant.region.to_string(),
        cluster: tenant.cluster.as_ref().map(ToString::to_string),
        package: tenant.package.to_string(),
        billing_email: "billing@acme.example".to_owned(),
        status: events::tenant::TenantStatus::Suspended,
        version: 2,
        reason: None,
    };
    scene
        .stage
        .world
        .publish(&scene.acme.tenant, tenant.id, &suspended)
        .await;
    eventually("the suspension to bite", || async {
        let answer = scene.acme.admin.get(&scene.acme.products()).await;
        (answer.status == 403).then_some(())
    })
    .await;

    for (client, admin) in [
        (&scene.acme.admin, true),
        (&scene.holdings.owner.client, false),
    ] {
        for operation in scene
            .operations
            .iter()
            .filter(|operation| operation.has_tenant())
        {
            let answer = scene
                .refuses("suspended", client, scene.acme.code(), operation, &[403])
                .await;
            // A role that may never do this hears of that first.
            let role = answer.problem() == "/problems/forbidden";
            assert!(
                role || answer.problem() == "/problems/tenant-suspended",
                "{}",
                answer.text
            );
            assert!(
                !role || admin == (operation.name() == "POST /api/orders/{tenantCode}/create"),
                "{}",
                operation.name()
            );
        }
    }

    scene
        .stage
        .world
        .set_status("order", tenant, TenantStatus::Active, 3)
        .await;
    eventually("the tenant to be served again", || async {
        let answer = scene.acme.admin.get(&scene.acme.products()).await;
        (answer.status == 200).then_some(())
    })
    .await;
    scene.untouched().await;
}

#[tokio::test]
async fn a_tenant_that_is_not_ready_is_asked_for_later() {
    let scene = Scene::set().await;
    let tenant = &scene.acme.tenant.tenant;
    for (version, status) in [(2, TenantStatus::Provisioning), (3, TenantStatus::Failed)] {
        scene
            .stage
            .world
            .set_status("order", tenant, status, version)
            .await;
        eventually("the new status", || async {
            let answer = scene.acme.admin.get(&scene.acme.products()).await;
            (answer.status == 503).then_some(())
        })
        .await;
        let operations = scene
            .operations
            .iter()
            .filter(|operation| operation.has_tenant());
        futures::stream::iter(operations)
            .for_each(|operation| async {
                let client = &scene.holdings.owner.client;
                let answer = scene
                    .refuses(
                        "not ready",
                        client,
                        scene.acme.code(),
                        operation,
                        &[403, 503],
                    )
                    .await;
                assert!(answer.status == 403 || answer.headers.contains_key("retry-after"));
            })
            .await;
    }
}

/// The proof that the attacks above were good requests: the right people are let in.
#[tokio::test]
async fn those_who_may_come_in() {
    let stage = Stage::shared().await;
    let shop = stage.shop().await;
    for operation in Operation::all(&shop.admin).await {
        let holdings = Holdings::of(&shop).await;
        let admin = operation.call(&shop.admin, shop.code(), &holdings).await;
        let owner = operation
            .call(&holdings.owner.client, shop.code(), &holdings)
            .await;
        let well = |answer: &Reply| [200, 201, 204, 409].contains(&answer.status.as_u16());
        assert!(
            well(&admin) || well(&owner),
            "{}: {} {}",
            operation.name(),
            admin.text,
            owner.text
        );
    }
}

fn claims_of(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims")
}

fn unsigned(claims: &Value) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        part(&json!({"alg": "none", "typ": "JWT"})),
        part(claims)
    )
}
