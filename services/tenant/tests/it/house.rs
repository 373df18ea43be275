//! A running tenant service and the people who talk to it. Only this file knows settings and tokens.

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
    settings::{Pace, TenantSettings},
};
use testkit::{Client, Log, World, eventually, on_shared_runtime};
use tokio::{runtime::Handle, sync::OnceCell};
use uuid::Uuid;

/// A world with one tenant service.
pub struct House {
    pub world: World,
    pub events: Log,
    running: Running,
}

/// A pace for tests: two quick tries, then failed.
pub fn quick() -> Pace {
    Pace {
        tries_until_failed: 2,
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_millis(400),
        idle: Duration::from_millis(100),
        ..Pace::default()
    }
}

/// Starts a tenant service of this world, with some variables changed.
pub async fn start(world: &World, changed: &[(&str, &str)]) -> Running {
    let settings = world.settings_with("tenant", changed);
    let regions = Pairs::try_from("eu=eu-1".to_owned()).expect("pairs");
    let own = TenantSettings {
        regions,
        pace: quick(),
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

impl House {
    /// The house that tests share which do not disturb each other.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<House> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::with(&[])).await
    }

    /// A house of one's own, with some variables changed.
    pub async fn with(changed: &[(&str, &str)]) -> Self {
        let world = World::new(&["tenant"]).await;
        Self::of(world, changed).await
    }

    /// The tenant service of this world.
    pub async fn of(world: World, changed: &[(&str, &str)]) -> Self {
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

    pub fn landlord(&self) -> Client {
        self.client(self.world.identity().platform_admin().1)
    }

    pub fn machine(&self) -> Client {
        self.client(self.world.identity().service("user").1)
    }

    pub fn customer(&self) -> Client {
        self.client(self.world.identity().customer().1)
    }

    pub fn stranger(&self) -> Client {
        Client::new(self.url(), None)
    }

    /// The admin of a tenant, as the tenant service shows it.
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

    /// A tenant that was just asked for.
    pub async fn tenant(&self) -> Value {
        self.landlord()
            .post("/api/tenants", wish(&new_code()))
            .await
            .expect(202)
    }

    /// The tenant as it is now.
    pub async fn now(&self, tenant: &Value) -> Value {
        let path = format!("/api/tenants/{}", text(tenant, "code"));
        self.landlord().get(&path).await.expect(200)
    }

    /// The tenant once it has this status.
    pub async fn once(&self, tenant: &Value, status: &str) -> Value {
        eventually(status, || async {
            let now = self.now(tenant).await;
            (now["status"] == status).then_some(now)
        })
        .await
    }

    /// The steps of the tenant's onboarding by their states.
    pub async fn steps(&self, tenant: &Value) -> Vec<Value> {
        let path = format!("/api/tenants/{}/onboarding", text(tenant, "code"));
        let shown = self.landlord().get(&path).await.expect(200);
        shown["steps"].as_array().expect("steps").clone()
    }

    /// Waits until the step at this place has this state; yields it.
    pub async fn step(&self, tenant: &Value, place: usize, state: &str) -> Value {
        eventually(&format!("step {place} {state}"), || async {
            let step = self.steps(tenant).await.swap_remove(place);
            (step["state"] == state).then_some(step)
        })
        .await
    }

    /// The user service has made an admin; yields the event.
    pub async fn admin_was_made(&self, tenant: &Value) -> UserCreated {
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

    /// The notification service has sent the guide.
    pub async fn guide_was_sent(&self, tenant: &Value) {
        let event = EmailSent {
            email_id: Uuid::now_v7(),
            template: "setup_guide".into(),
            user_id: None,
            tenant_id: Some(id(tenant)),
            tenant_code: Some(text(tenant, "code")),
        };
        self.world.publish_platform(event.email_id, &event).await;
    }

    /// The notification service could not send the guide.
    pub async fn guide_could_not_be_sent(&self, tenant: &Value, reason: &str) {
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

    /// A tenant that has come to life.
    pub async fn active_tenant(&self) -> Value {
        let tenant = self.tenant().await;
        self.admin_was_made(&tenant).await;
        self.step(&tenant, 3, "RUNNING").await;
        self.guide_was_sent(&tenant).await;
        self.once(&tenant, "ACTIVE").await
    }

    /// The types of the tenant's events in the order of their sequence, once the log has been read to its end.
    pub async fn told_of(&self, tenant: &Value) -> Vec<String> {
        self.events.to_its_end().await;
        let subject = text(tenant, "id");
        let of_tenant = self.events.so_far().into_iter();
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

/// The body of a request for a tenant.
pub fn wish(code: &str) -> Value {
    json!({
        "code": code, "name": "Acme Ltd", "region": "eu", "package": "starter",
        "billingEmail": "billing@acme.example",
    })
}

/// A code nobody has.
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
