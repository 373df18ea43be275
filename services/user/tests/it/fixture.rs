//! A running user service with a stub of the tenant service, and its test users.

use std::{cell::RefCell, env, process, sync::LazyLock};

use auth::{Caller, CallerTenant, Issuer, derive_service_secret, generate_key_pem};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use service::Running;
use testkit::{Client, TestEnvironment, on_shared_runtime};
use tokio::sync::OnceCell;
use user_service::{App, settings::UserSettings};
use uuid::Uuid;

use crate::stub_tenant_service::StubTenantService;

pub const PASSWORD: &str = "correct horse battery";
pub const LANDLORD: &str = "landlord@tenantry.localhost";
pub const MASTER: &str = "the master secret of a test";

static KEY: LazyLock<String> = LazyLock::new(generate_key_pem);

/// The service and its surroundings.
pub struct Fixture {
    pub world: TestEnvironment,
    pub tenants: StubTenantService,
    issuer: Issuer,
    url: String,
}

/// The fixture that all tests share; each test creates users and tenants with unique names.
pub async fn fixture() -> &'static Fixture {
    static FIXTURE: OnceCell<Fixture> = OnceCell::const_new();
    FIXTURE.get_or_init(Fixture::build).await
}

impl Fixture {
    /// Starts a fixture for one test.
    pub async fn build() -> Self {
        let world = TestEnvironment::new(&["user"]).await;
        let tenants = StubTenantService::start().await;
        let running = start(&world, &tenants).await;
        let url = format!("http://{}", running.address());
        Self {
            world,
            tenants,
            url,
            issuer: Issuer::from_pem(&KEY).unwrap(),
        }
    }

    /// Starts another replica of the service.
    pub async fn replica(&self) -> Running {
        start(&self.world, &self.tenants).await
    }

    /// A client without a token. Building a client is slow, and a client belongs to the runtime of one test, which has its
    /// own thread: one client per thread is kept.
    pub fn anonymous(&self) -> Client {
        thread_local! {
            static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
        }
        let known = CLIENT.take().filter(|client| client.base() == self.url);
        let client = known.unwrap_or_else(|| Client::new(&self.url, None));
        CLIENT.set(Some(client.clone()));
        client
    }

    /// A client with a token of `caller`; the user need not exist.
    pub fn client_as(&self, caller: &Caller) -> Client {
        self.anonymous()
            .with_token(self.issuer.issue(caller).unwrap().access_token)
    }

    /// A client with a service's token.
    pub fn service(&self, name: &str) -> Client {
        self.client_as(&Caller::service(name))
    }

    /// Logs in and returns a client with the token.
    pub async fn log_in(&self, email: &str, password: &str) -> Client {
        let body = json!({ "email": email, "password": password });
        let answer = self
            .anonymous()
            .post("/api/auth/login", body)
            .await
            .expect(200);
        self.anonymous()
            .with_token(answer["access_token"].as_str().unwrap())
    }

    /// The landlord, logged in.
    pub async fn landlord(&self) -> Client {
        self.log_in(LANDLORD, PASSWORD).await
    }

    /// A new customer, logged in.
    pub async fn customer(&self) -> TestUser {
        let email = address();
        let body = json!({ "email": email, "password": PASSWORD, "name": "Ann" });
        let user = self
            .anonymous()
            .post("/api/auth/register", body)
            .await
            .expect(201);
        TestUser {
            client: self.log_in(&email, PASSWORD).await,
            email,
            user,
        }
    }

    /// The admin of a new active tenant, logged in.
    pub async fn admin(&self) -> TestUser {
        let (email, code) = (address(), code("t"));
        let body = new_admin(&email, &code);
        let user = self
            .landlord()
            .await
            .post("/api/users", body)
            .await
            .expect(201);
        let admin = TestUser {
            client: self.log_in(&email, PASSWORD).await,
            email,
            user,
        };
        self.set_status(&admin, "ACTIVE", 2).await;
        admin
    }

    /// Sets the status of an admin's tenant in the service's directory.
    pub async fn set_status(&self, admin: &TestUser, status: &str, version: i64) {
        let facts = self
            .tenants
            .tenant_json(admin.tenant_code(), status, version);
        let facts: tenancy::TenantSnapshot = serde_json::from_value(facts).unwrap();
        self.world
            .set_status("user", &facts.clone().into(), facts.status, version)
            .await;
        // Waits until the service's cached copy has expired.
        tokio::time::sleep(tenancy::Directory::CACHE_TTL).await;
    }
}

async fn start(world: &TestEnvironment, tenants: &StubTenantService) -> Running {
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

/// A user with an account and a client with their token.
pub struct TestUser {
    pub client: Client,
    pub email: String,
    pub user: Value,
}

impl TestUser {
    pub fn id(&self) -> &str {
        self.user["id"].as_str().unwrap()
    }

    pub fn tenant_id(&self) -> Uuid {
        self.user["tenantId"].as_str().unwrap().parse().unwrap()
    }

    pub fn tenant_code(&self) -> &str {
        self.user["tenantCode"].as_str().unwrap()
    }

    /// The tenant as in the user's token.
    pub fn tenant(&self) -> CallerTenant {
        CallerTenant {
            id: self.tenant_id(),
            code: self.tenant_code().to_owned(),
        }
    }
}

/// A new unique address.
pub fn address() -> String {
    format!("{}@example.com", Uuid::new_v4().simple())
}

/// A new unique tenant code.
pub fn code(prefix: &str) -> String {
    format!("{prefix}{}", &Uuid::new_v4().simple().to_string()[..12])
}

/// The request body that creates an admin together with a tenant.
pub fn new_admin(email: &str, code: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Boss", "role": "ADMIN", "tenantCode": code })
}

/// The secret of a service.
pub fn secret_of(service: &str) -> String {
    derive_service_secret(&MASTER.into(), service)
        .expose_secret()
        .to_owned()
}
