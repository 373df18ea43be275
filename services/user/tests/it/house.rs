//! A running user service that the tests share, and the people in it.

use std::{cell::RefCell, env, process, sync::LazyLock};

use auth::{Caller, CallerTenant, Issuer, derive_service_secret, generate_key_pem};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use service::Running;
use testkit::{Client, World, on_shared_runtime};
use tokio::sync::OnceCell;
use user_service::{App, settings::UserSettings};
use uuid::Uuid;

use crate::tenant_service::TenantStandIn;

pub const PASSWORD: &str = "correct horse battery";
pub const LANDLORD: &str = "landlord@tenantry.localhost";
pub const MASTER: &str = "the master secret of a test";

static KEY: LazyLock<String> = LazyLock::new(generate_key_pem);

/// The service and what surrounds it.
pub struct House {
    pub world: World,
    pub tenants: TenantStandIn,
    issuer: Issuer,
    url: String,
}

/// The house that all tests share: their people and tenants have names of their own.
pub async fn house() -> &'static House {
    static HOUSE: OnceCell<House> = OnceCell::const_new();
    HOUSE.get_or_init(House::build).await
}

impl House {
    /// A house of the test's own.
    pub async fn build() -> Self {
        let world = World::new(&["user"]).await;
        let tenants = TenantStandIn::start().await;
        let running = start(&world, &tenants).await;
        let url = format!("http://{}", running.address());
        Self {
            world,
            tenants,
            url,
            issuer: Issuer::from_pem(&KEY).unwrap(),
        }
    }

    /// One more replica.
    pub async fn replica(&self) -> Running {
        start(&self.world, &self.tenants).await
    }

    /// Somebody without a token. A client is slow to make and belongs to one test's runtime, which has a thread of its own:
    /// there is one a thread.
    pub fn stranger(&self) -> Client {
        thread_local! {
            static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
        }
        let known = CLIENT.take().filter(|client| client.base() == self.url);
        let client = known.unwrap_or_else(|| Client::new(&self.url, None));
        CLIENT.set(Some(client.clone()));
        client
    }

    /// Somebody with a token, whether or not there is such a user.
    pub fn with_token_of(&self, caller: &Caller) -> Client {
        self.stranger()
            .with_token(self.issuer.issue(caller).unwrap().access_token)
    }

    /// A service, with a token of its own.
    pub fn service(&self, name: &str) -> Client {
        self.with_token_of(&Caller::service(name))
    }

    /// Logs in.
    pub async fn log_in(&self, email: &str, password: &str) -> Client {
        let body = json!({ "email": email, "password": password });
        let answer = self
            .stranger()
            .post("/api/auth/login", body)
            .await
            .expect(200);
        self.stranger()
            .with_token(answer["access_token"].as_str().unwrap())
    }

    /// The landlord, logged in.
    pub async fn landlord(&self) -> Client {
        self.log_in(LANDLORD, PASSWORD).await
    }

    /// A new customer, logged in.
    pub async fn customer(&self) -> Person {
        let email = address();
        let body = json!({ "email": email, "password": PASSWORD, "name": "Ann" });
        let user = self
            .stranger()
            .post("/api/auth/register", body)
            .await
            .expect(201);
        Person {
            client: self.log_in(&email, PASSWORD).await,
            email,
            user,
        }
    }

    /// The admin of a new tenant, which the service knows as active, logged in.
    pub async fn admin(&self) -> Person {
        let (email, code) = (address(), code("t"));
        let body = admin_wish(&email, &code);
        let user = self
            .landlord()
            .await
            .post("/api/users", body)
            .await
            .expect(201);
        let person = Person {
            client: self.log_in(&email, PASSWORD).await,
            email,
            user,
        };
        self.set_status(&person, "ACTIVE", 2).await;
        person
    }

    /// Lets the service know the status of an admin's tenant.
    pub async fn set_status(&self, admin: &Person, status: &str, version: i64) {
        let facts = self.tenants.facts(admin.tenant_code(), status, version);
        let facts: tenancy::TenantSnapshot = serde_json::from_value(facts).unwrap();
        self.world
            .set_status("user", &facts.clone().into(), facts.status, version)
            .await;
        // The service's own copy may be half a second old.
        tokio::time::sleep(tenancy::Directory::CACHE_TTL).await;
    }
}

async fn start(world: &World, tenants: &TenantStandIn) -> Running {
    let name = format!(
        "tenantry-user-{}-{}.pem",
        process::id(),
        Uuid::new_v4().simple()
    );
    let signing_key_file = env::temp_dir().join(name);
    std::fs::write(&signing_key_file, &*KEY).unwrap();
    let own = UserSettings {
        signing_key_file: signing_key_file.clone(),
        service_master: MASTER.into(),
        landlord_email: LANDLORD.to_owned(),
        landlord_password: PASSWORD.into(),
    };
    let settings = world.settings_with("user", &[("TENANT_URL", tenants.url())]);
    let running = on_shared_runtime(App::start(settings, own))
        .await
        .expect("the user service starts");
    std::fs::remove_file(signing_key_file).unwrap();
    running
}

/// Somebody with an account.
pub struct Person {
    pub client: Client,
    pub email: String,
    pub user: Value,
}

impl Person {
    pub fn id(&self) -> &str {
        self.user["id"].as_str().unwrap()
    }

    pub fn tenant_id(&self) -> Uuid {
        self.user["tenantId"].as_str().unwrap().parse().unwrap()
    }

    pub fn tenant_code(&self) -> &str {
        self.user["tenantCode"].as_str().unwrap()
    }

    /// Who they are, as their token says.
    pub fn tenant(&self) -> CallerTenant {
        CallerTenant {
            id: self.tenant_id(),
            code: self.tenant_code().to_owned(),
        }
    }
}

/// An address nobody has.
pub fn address() -> String {
    format!("{}@example.com", Uuid::new_v4().simple())
}

/// A tenant code nobody has.
pub fn code(prefix: &str) -> String {
    format!("{prefix}{}", &Uuid::new_v4().simple().to_string()[..12])
}

/// The body that makes an admin together with their tenant.
pub fn admin_wish(email: &str, code: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Boss", "role": "ADMIN", "tenantCode": code })
}

/// The secret of a service.
pub fn secret_of(service: &str) -> String {
    derive_service_secret(&MASTER.into(), service)
        .expose_secret()
        .to_owned()
}
