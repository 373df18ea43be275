//! A running tenant service and its clients. Only this file knows settings and tokens.

use std::time::Duration;

use auth::{Caller, CallerTenant, UserId};
use events::{
    notification::{EmailFailed, EmailSent},
    user::{Role, UserCreated},
};
use serde_json::{Value, json};
use service::{Running, settings::Pairs};
use tenant_service::{
    App,
    settings::{ProvisioningSettings, TenantSettings},
};
use testkit::{Client, TestEnvironment, TopicLog, eventually, on_shared_runtime};
use tokio::{runtime::Handle, sync::OnceCell};
use uuid::Uuid;

/// A test world with one tenant service.
pub struct Fixture {
    pub world: TestEnvironment,
    pub events: TopicLog,
    running: Running,
}

/// Provisioning settings for tests: short pauses, marked as failed after two attempts.
pub fn short_pauses() -> ProvisioningSettings {
    ProvisioningSettings {
        attempts_until_failed: 2,
        initial_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_millis(400),
        poll_interval: Duration::from_millis(100),
        ..ProvisioningSettings::default()
    }
}

/// Starts a tenant service in this world, with some variables changed.
pub async fn start(world: &TestEnvironment, changed: &[(&str, &str)]) -> Running {
    let settings = world.settings_with("tenant", changed);
    let regions = Pairs::try_from("eu=eu-1".to_owned()).expect("pairs");
    let own = TenantSettings {
        regions,
        provisioning: short_pauses(),
    };
    on_shared_runtime(async move {
        let runtime = Handle::current();
        let starting = tokio::task::spawn_blocking(move || {
            runtime.block_on(App::start(settings, own)).expect("starts")
        });
        starting.await.expect("starts")
    })
    .await
}

impl Fixture {
    /// The fixture shared by tests that do not affect each other.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Fixture> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::with(&[])).await
    }

    /// A private fixture, with some variables changed.
    pub async fn with(changed: &[(&str, &str)]) -> Self {
        let world = TestEnvironment::new(&["tenant"]).await;
        Self::of(world, changed).await
    }

    /// A tenant service in this world.
    pub async fn of(world: TestEnvironment, changed: &[(&str, &str)]) -> Self {
        let running = start(&world, changed).await;
        let events = world.log("tenant.events");
        Self {
            world,
            events,
            running,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    pub fn platform_admin(&self) -> Client {
        self.client(self.world.identity().platform_admin().1)
    }

    pub fn service(&self) -> Client {
        self.client(self.world.identity().service("user").1)
    }

    pub fn customer(&self) -> Client {
        self.client(self.world.identity().customer().1)
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.url(), None)
    }

    /// An admin of this tenant.
    pub fn admin_of(&self, tenant: &Value) -> Client {
        let of = CallerTenant {
            id: id(tenant),
            code: text(tenant, "code"),
        };
        let caller = Caller::admin(UserId::generate(), "boss@example.com", of);
        self.client(self.world.identity().token(&caller))
    }

    fn client(&self, token: String) -> Client {
        self.world.client(self.url(), token)
    }

    /// A new tenant.
    pub async fn tenant(&self) -> Value {
        self.platform_admin()
            .post("/api/tenants", tenant_request(&new_code()))
            .await
            .expect(202)
    }

    /// The present state of the tenant.
    pub async fn read(&self, tenant: &Value) -> Value {
        let path = format!("/api/tenants/{}", text(tenant, "code"));
        self.platform_admin().get(&path).await.expect(200)
    }

    /// Waits until the tenant has this status; returns it.
    pub async fn wait_for_status(&self, tenant: &Value, status: &str) -> Value {
        eventually(status, || async {
            let tenant = self.read(tenant).await;
            (tenant["status"] == status).then_some(tenant)
        })
        .await
    }

    /// The steps of the tenant's onboarding.
    pub async fn steps(&self, tenant: &Value) -> Vec<Value> {
        let path = format!("/api/tenants/{}/onboarding", text(tenant, "code"));
        let shown = self.platform_admin().get(&path).await.expect(200);
        shown["steps"].as_array().expect("steps").clone()
    }

    /// Waits until the step at this index has this state; returns it.
    pub async fn wait_for_step(&self, tenant: &Value, index: usize, state: &str) -> Value {
        eventually(&format!("step {index} {state}"), || async {
            let step = self.steps(tenant).await.swap_remove(index);
            (step["state"] == state).then_some(step)
        })
        .await
    }

    /// Publishes that the user service created an admin; returns the event.
    pub async fn publish_admin_created(&self, tenant: &Value) -> UserCreated {
        let event = UserCreated {
            user_id: Uuid::now_v7(),
            email: "boss@example.com".into(),
            name: "Boss".into(),
            role: Role::Admin,
            tenant_id: Some(id(tenant)),
            tenant_code: Some(text(tenant, "code")),
            invited: true,
        };
        self.world.publish_platform(event.user_id, &event).await;
        event
    }

    /// Publishes that the notification service sent the guide.
    pub async fn publish_guide_sent(&self, tenant: &Value) {
        let event = EmailSent {
            email_id: Uuid::now_v7(),
            template: "setup_guide".into(),
            user_id: None,
            tenant_id: Some(id(tenant)),
            tenant_code: Some(text(tenant, "code")),
        };
        self.world.publish_platform(event.email_id, &event).await;
    }

    /// Publishes that the notification service could not send the guide.
    pub async fn publish_guide_failed(&self, tenant: &Value, reason: &str) {
        let event = EmailFailed {
            email_id: Uuid::now_v7(),
            template: "setup_guide".into(),
            user_id: None,
            tenant_id: Some(id(tenant)),
            tenant_code: Some(text(tenant, "code")),
            reason: reason.into(),
        };
        self.world.publish_platform(event.email_id, &event).await;
    }

    /// A tenant whose onboarding is complete.
    pub async fn active_tenant(&self) -> Value {
        let tenant = self.tenant().await;
        self.publish_admin_created(&tenant).await;
        self.wait_for_step(&tenant, 3, "RUNNING").await;
        self.publish_guide_sent(&tenant).await;
        self.wait_for_status(&tenant, "ACTIVE").await
    }

    /// The types of the tenant's events by sequence, once the log has been read to its end.
    pub async fn event_types(&self, tenant: &Value) -> Vec<String> {
        self.events.read_to_end().await;
        let subject = text(tenant, "id");
        let of_tenant = self.events.events().into_iter();
        let mut seen: Vec<_> = of_tenant
            .filter(|seen| seen.envelope.subject == subject)
            .collect();
        let in_log: Vec<u64> = seen.iter().map(|seen| seen.envelope.sequence).collect();
        seen.sort_by_key(|seen| seen.envelope.sequence);
        let sequence: Vec<u64> = seen.iter().map(|seen| seen.envelope.sequence).collect();
        assert_eq!(in_log, sequence, "in order, each once");
        assert!(
            sequence.iter().copied().eq(1..=sequence.len() as u64),
            "{sequence:?}"
        );
        seen.into_iter()
            .map(|seen| seen.envelope.event_type.clone())
            .collect()
    }
}

/// The body of a request to create a tenant.
pub fn tenant_request(code: &str) -> Value {
    json!({
        "code": code, "name": "Acme Ltd", "region": "eu", "package": "starter",
        "billingEmail": "billing@acme.example",
    })
}

/// A code that no tenant has.
pub fn new_code() -> String {
    format!("a-{}", &Uuid::new_v4().simple().to_string()[..12])
}

pub fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} in {value}"))
        .to_owned()
}

pub fn id(tenant: &Value) -> Uuid {
    text(tenant, "id").parse().expect("an id")
}
