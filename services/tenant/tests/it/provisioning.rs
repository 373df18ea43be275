//! Provisioning of tenant databases and its failures.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use testkit::{Stack, TcpProxy, TestEnvironment, eventually};

use crate::fixture::{Fixture, new_code, start, tenant_request, text};

/// The database of a tenant of this world.
fn database(world: &TestEnvironment, code: &str) -> String {
    format!("{}tenant_{}", world.prefix(), code.replace('-', "_"))
}

async fn admits(world: &TestEnvironment, service: &str, code: &str) -> bool {
    let url = world.stack().database(service, &database(world, code));
    PgConnection::connect(&url).await.is_ok()
}

#[tokio::test]
async fn the_database_admits_exactly_the_services_with_tenant_schemas() {
    let fixture = Fixture::shared().await;
    let tenant = fixture.tenant().await;
    let begin = Instant::now();
    fixture.wait_for_step(&tenant, 0, "DONE").await;
    eprintln!("request to ready database: {:?}", begin.elapsed());
    let code = text(&tenant, "code");
    for (service, expected) in [
        ("order", true),
        ("billing", true),
        ("analytics", true),
        ("tenant", false),
        ("user", false),
        ("notification", false),
        ("event_store", false),
    ] {
        assert_eq!(
            admits(&fixture.world, service, &code).await,
            expected,
            "{service}"
        );
    }
}

/// A fixture whose only cluster is reached through a gate.
async fn with_gated_cluster() -> (Fixture, TcpProxy) {
    let stack = Stack::from_env();
    let gate = TcpProxy::start(stack.postgres_address()).await;
    let cluster = stack.cluster("tenant");
    let through = cluster.replace(stack.postgres_address(), &gate.address().to_string());
    let clusters = format!("eu-1={through}");
    let world = TestEnvironment::on(stack, &["tenant"]).await;
    let fixture = Fixture::of(world, &[("CLUSTERS", clusters.as_str())]).await;
    (fixture, gate)
}

#[tokio::test]
async fn an_unavailable_cluster_is_shown_and_the_tenant_recovers_with_it() {
    let (fixture, gate) = with_gated_cluster().await;
    gate.disconnect();
    let tenant = fixture.tenant().await;
    let failed = fixture.wait_for_status(&tenant, "FAILED").await;
    assert_eq!(failed["failure"], "cluster eu-1 cannot be reached");
    let step = fixture.wait_for_step(&tenant, 0, "FAILED").await;
    assert_eq!(step["error"], "cluster eu-1 cannot be reached");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        fixture.event_types(&tenant).await,
        ["tenant.created", "tenant.database.failed"]
    );

    gate.resume();
    fixture.wait_for_step(&tenant, 0, "DONE").await;
    fixture.publish_admin_created(&tenant).await;
    fixture.wait_for_step(&tenant, 3, "RUNNING").await;
    fixture.publish_guide_sent(&tenant).await;
    let active = fixture.wait_for_status(&tenant, "ACTIVE").await;
    assert!(active.get("failure").is_none());
    assert!(admits(&fixture.world, "order", &text(&tenant, "code")).await);
    assert_eq!(
        fixture.event_types(&tenant).await[2],
        "tenant.database.created"
    );
}

#[tokio::test]
async fn a_database_left_incomplete_by_a_crash_is_completed() {
    let fixture = Fixture::shared().await;
    let code = new_code();
    let mut role = PgConnection::connect(&fixture.world.stack().cluster("tenant"))
        .await
        .expect("connects");
    let statement = format!(
        "CREATE DATABASE {} TEMPLATE {}template ALLOW_CONNECTIONS false",
        database(&fixture.world, &code),
        fixture.world.prefix()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut role)
        .await
        .expect("made");
    assert!(!admits(&fixture.world, "order", &code).await);
    let tenant = fixture
        .platform_admin()
        .post("/api/tenants", tenant_request(&code))
        .await
        .expect(202);
    fixture.wait_for_step(&tenant, 0, "DONE").await;
    assert!(admits(&fixture.world, "order", &code).await);
}

#[tokio::test]
async fn replicas_share_the_work_without_duplicates() {
    let (fixture, gate) = with_gated_cluster().await;
    gate.disconnect();
    let second = start(&fixture.world, &[]).await;
    let mut tenants = Vec::new();
    for _ in 0..8 {
        tenants.push(fixture.tenant().await);
    }
    for tenant in &tenants {
        // The second replica reaches the cluster directly.
        fixture.wait_for_step(tenant, 0, "DONE").await;
        assert!(admits(&fixture.world, "order", &text(tenant, "code")).await);
    }
    for tenant in &tenants {
        let types = fixture.event_types(tenant).await;
        let created = types
            .iter()
            .filter(|ty| *ty == "tenant.database.created")
            .count();
        assert_eq!(created, 1, "{types:?}");
    }
    second.stop().await;
}

#[tokio::test]
async fn the_work_of_a_crashed_replica_is_taken_over_after_its_lease() {
    let (fixture, gate) = with_gated_cluster().await;
    gate.disconnect();
    let tenant = fixture.tenant().await;
    fixture.wait_for_status(&tenant, "FAILED").await;
    let pool = fixture.world.platform_pool("tenant").await;
    // As after a crash of a replica that held the lease.
    eventually("the lease", || async {
        let lease = sqlx::query(
            "UPDATE provisioning SET next_attempt_at = now() + interval '2 seconds' WHERE next_attempt_at > now()",
        );
        let done = lease.execute(&pool).await.expect("leases");
        (done.rows_affected() == 1).then_some(())
    })
    .await;
    gate.resume();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(
        fixture.steps(&tenant).await[0]["state"],
        "FAILED",
        "the lease has not run out"
    );
    fixture.wait_for_step(&tenant, 0, "DONE").await;
}

#[tokio::test]
async fn work_leased_by_one_replica_is_not_leased_by_others() {
    let fixture = Fixture::with(&[]).await;
    let second = start(&fixture.world, &[]).await;
    let code = new_code();
    // The replica that creates this database waits for this lock.
    let mut blocker = PgConnection::connect(&fixture.world.stack().cluster("tenant"))
        .await
        .expect("connects");
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('provisioning of ' || $1, 0))")
        .bind(database(&fixture.world, &code))
        .execute(&mut blocker)
        .await
        .expect("locks");
    let tenant = fixture
        .platform_admin()
        .post("/api/tenants", tenant_request(&code))
        .await
        .expect(202);
    let pool = fixture.world.platform_pool("tenant").await;
    let attempts = async || -> i32 {
        let attempts = sqlx::query_scalar("SELECT attempts FROM provisioning");
        attempts.fetch_one(&pool).await.expect("counts")
    };
    eventually("the first attempt", || async {
        (attempts().await == 1).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(attempts().await, 1);
    blocker.close().await.expect("closes");
    fixture.wait_for_step(&tenant, 0, "DONE").await;
    second.stop().await;
}
