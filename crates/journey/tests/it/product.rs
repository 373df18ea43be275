//! The whole product in an isolated environment.

use std::{collections::HashMap, path::PathBuf};

use journey::Endpoints;
use testkit::{
    TestEnvironment,
    private::{Service, free_port},
};

/// Name, binary and database of each service. The user and tenant services come first, because others call them.
const SERVICES: [(&str, &str, &str); 7] = [
    ("user", "user-service", "user"),
    ("tenant", "tenant-service", "tenant"),
    ("order", "order-service", "order"),
    ("billing", "billing-service", "billing"),
    ("notification", "notification-service", "notification"),
    ("analytics", "analytics-service", "analytics"),
    ("event-store", "event-store-projector", "event_store"),
];
const MASTER: &str = "the journey's service master";
const PLATFORM_ADMIN: (&str, &str) = ("landlord@example.com", "the journey's landlord 1");

/// Seven running services.
pub struct Product {
    world: TestEnvironment,
    services: HashMap<&'static str, Service>,
    dir: PathBuf,
}

impl Product {
    /// Starts all services.
    pub async fn start() -> Self {
        let databases = SERVICES.map(|(_, _, database)| database);
        let world = TestEnvironment::new(&databases).await;
        let dir = std::env::temp_dir().join(format!("tenantry-journey-{}", world.prefix()));
        std::fs::create_dir_all(dir.join("mail")).expect("the directory is writable");
        let key = dir.join("signing-key.pem");
        std::fs::write(&key, auth::generate_key_pem()).expect("the directory is writable");

        let ports = SERVICES.map(|_| free_port());
        let url = |name: &str| {
            let index = SERVICES
                .iter()
                .position(|(known, ..)| *known == name)
                .expect("a service");
            format!("http://127.0.0.1:{}", ports[index])
        };
        let binaries = PathBuf::from(
            std::env::var("TENANTRY_BINARIES").expect("`make test` sets TENANTRY_BINARIES"),
        );
        let mut services = HashMap::new();
        for ((name, binary, database), port) in SERVICES.into_iter().zip(ports) {
            let mut variables = world.variables(database);
            let secret = auth::derive_service_secret(&MASTER.to_owned().into(), name);
            let own = [
                ("USER_URL", url("user")),
                ("TENANT_URL", url("tenant")),
                ("JWKS_URL", format!("{}/.well-known/jwks.json", url("user"))),
                ("PUBLIC_URL", url("billing")),
                (
                    "SERVICE_SECRET",
                    secrecy::ExposeSecret::expose_secret(&secret).to_owned(),
                ),
                ("SERVICE_MASTER", MASTER.to_owned()),
                ("SIGNING_KEY_FILE", key.display().to_string()),
                ("LANDLORD_EMAIL", PLATFORM_ADMIN.0.to_owned()),
                ("LANDLORD_PASSWORD", PLATFORM_ADMIN.1.to_owned()),
                ("MAIL_DIR", dir.join("mail").display().to_string()),
                ("ORDER_PAYMENT_TTL_SECONDS", "12".to_owned()),
            ];
            variables.extend(own.map(|(name, value)| (format!("TENANTRY_{name}"), value)));
            services.insert(
                name,
                Service::start_on(port, binaries.join(binary), variables).await,
            );
        }
        Self {
            world,
            services,
            dir,
        }
    }

    /// Returns the endpoints of the services.
    pub fn endpoints(&self) -> Endpoints {
        let url = |name: &str| self.services[name].url();
        Endpoints {
            user: url("user"),
            tenant: url("tenant"),
            order: url("order"),
            notification: url("notification"),
            analytics: url("analytics"),
            event_store: url("event-store"),
            mail_dir: self.dir.join("mail"),
            bus: self.world.bus(),
            platform_admin_email: PLATFORM_ADMIN.0.to_owned(),
            platform_admin_password: PLATFORM_ADMIN.1.to_owned(),
        }
    }

    /// Kills all services with SIGKILL and restarts them.
    pub async fn kill_and_restart(&mut self) {
        for service in self.services.values_mut() {
            service.kill();
        }
        for (name, ..) in SERVICES {
            self.services
                .get_mut(name)
                .expect("the service was started")
                .restart()
                .await;
        }
    }

    /// Returns the latest warnings and errors of the services, for the message of a failed test.
    pub fn warnings(&self) -> String {
        let mut all = String::new();
        for (name, service) in &self.services {
            let log = service.log();
            let lines: Vec<&str> = log
                .lines()
                .filter(|line| {
                    line.contains("\"WARN\"")
                        || line.contains("\"ERROR\"")
                        || line.contains("panicked")
                })
                .collect();
            for line in lines.iter().rev().take(8).rev() {
                let line: String = line.chars().take(400).collect();
                all.extend([name, ": ", &line, "\n"]);
            }
        }
        all
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // A leftover directory does no harm.
        let _ignored = std::fs::remove_dir_all(&self.dir);
    }
}
