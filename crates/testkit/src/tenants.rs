//! Tenants of an environment.

use tenancy::{
    Directory, Tenant, TenantCode, TenantId, TenantSnapshot, TenantStatus, provision::Provisioner,
};
use uuid::Uuid;

use crate::{
    TestEnvironment, databases,
    environment::{CLUSTER, REGION},
};

/// An active tenant with a database.
#[derive(Clone, Debug)]
pub struct TestTenant {
    /// The tenant as known to the services.
    pub tenant: Tenant,
    /// The name of its database.
    pub database: String,
}

impl TestTenant {
    /// Returns the tenant's code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.tenant.code.as_str()
    }
}

impl TestEnvironment {
    /// Creates an active tenant with a database cloned from the template, known to `services`. Start the services first,
    /// because they migrate the template.
    pub async fn tenant(&self, services: &[&str]) -> TestTenant {
        let code = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        let code: TenantCode = code.parse().expect("a valid code");
        let provisioner = Provisioner::new(
            &self.stack.cluster("tenant"),
            format!("{}template", self.prefix),
            format!("{}tenant_", self.prefix),
        )
        .expect("the URL of the cluster is valid");
        provisioner
            .create(&code)
            .await
            .expect("the template is cloned");
        let tenant = Tenant {
            id: TenantId(Uuid::now_v7()),
            code: code.clone(),
            name: format!("Tenant {code}"),
            region: REGION.parse().expect("a valid region"),
            cluster: Some(CLUSTER.parse().expect("a valid cluster")),
            package: "starter".parse().expect("a valid package"),
            status: TenantStatus::Active,
            version: 1,
        };
        for service in services {
            self.set_status(service, &tenant, TenantStatus::Active, 1)
                .await;
        }
        TestTenant {
            tenant,
            database: provisioner.database(&code),
        }
    }

    /// Sets a tenant's status in a service's copy of the tenant directory, as after the event.
    pub async fn set_status(
        &self,
        service: &str,
        tenant: &Tenant,
        status: TenantStatus,
        version: i64,
    ) {
        let facts: TenantSnapshot = serde_json::from_value(serde_json::json!({
            "tenantId": tenant.id, "code": tenant.code, "name": tenant.name, "region": tenant.region,
            "cluster": tenant.cluster, "package": tenant.package,
            "billingEmail": format!("billing@{}.example", tenant.code), "status": status,
            "version": version,
        }))
        .expect("valid tenant facts");
        let url = self.stack.database(service, &self.database(service));
        let mut conn = databases::connect(&url).await;
        Directory::apply(&database::Session::new(&mut conn), &facts)
            .await
            .expect("the directory applies the facts");
    }

    /// Closes a tenant's database: terminates its connections and rejects new ones, as if its server were unavailable.
    pub async fn close_database(&self, tenant: &TestTenant) {
        let database = &tenant.database;
        let mut admin = databases::connect(&self.stack.postgres_admin).await;
        databases::run(
            &mut admin,
            &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"),
        )
        .await;
        databases::run(
            &mut admin,
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
        )
        .await;
    }

    /// Accepts connections to a tenant's database again.
    pub async fn reopen_database(&self, tenant: &TestTenant) {
        let mut admin = databases::connect(&self.stack.postgres_admin).await;
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", tenant.database);
        databases::run(&mut admin, &sql).await;
    }
}
