//! Databases made behind the answers, whatever happens meanwhile.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use testkit::{Stack, TcpProxy, TestEnvironment, eventually};

use crate::house::{House, new_code, start, text, wish};

/// The database of a tenant of this world.
fn database(world: &TestEnvironment, code: &str) -> String {
    format!("{}tenant_{}", world.prefix(), code.replace('-', "_"))
}

async fn admits(world: &TestEnvironment, service: &str, code: &str) -> bool {
    let url = world.stack().database(service, &database(world, code));
    PgConnection::connect(&url).await.is_ok()
}

#[tokio::test]
async fn the_database_admits_the_services_that_belong_in_it_and_nobody_else() {
    let house = House::shared().await;
    let tenant = house.tenant().await;
    let begin = Instant::now();
    house.step(&tenant, 0, "DONE").await;
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
            admits(&house.world, service, &code).await,
            expected,
            "{service}"
        );
    }
}

/// A house whose one cluster is behind a gate.
async fn behind_a_gate() -> (House, TcpProxy) {
    let stack = Stack::from_env();
    let gate = TcpProxy::start(stack.postgres_address()).await;
    let cluster = stack.cluster("tenant");
    let through = cluster.replace(stack.postgres_address(), &gate.address().to_string());
    let clusters = format!("eu-1={through}");
    let world = TestEnvironment::on(stack, &["tenant"]).await;
    let house = House::of(world, &[("CLUSTERS", clusters.as_str())]).await;
    (house, gate)
}

#[tokio::test]
async fn a_cluster_that_is_away_is_shown_and_the_tenant_heals_when_it_is_back() {
    let (house, gate) = behind_a_gate().await;
    gate.disconnect();
    let tenant = house.tenant().await;
    let failed = house.once(&tenant, "FAILED").await;
    assert_eq!(failed["failure"], "cluster eu-1 cannot be reached");
    let step = house.step(&tenant, 0, "FAILED").await;
    assert_eq!(step["error"], "cluster eu-1 cannot be reached");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        house.told_of(&tenant).await,
        ["tenant.created", "tenant.database.failed"]
    );

    gate.resume();
    house.step(&tenant, 0, "DONE").await;
    house.admin_was_made(&tenant).await;
    house.step(&tenant, 3, "RUNNING").await;
    house.guide_was_sent(&tenant).await;
    let active = house.once(&tenant, "ACTIVE").await;
    assert!(active.get("failure").is_none());
    assert!(admits(&house.world, "order", &text(&tenant, "code")).await);
    assert_eq!(house.told_of(&tenant).await[2], "tenant.database.created");
}

#[tokio::test]
async fn a_database_left_half_made_by_a_crash_is_completed() {
    let house = House::shared().await;
    let code = new_code();
    let mut role = PgConnection::connect(&house.world.stack().cluster("tenant"))
        .await
        .expect("connects");
    let statement = format!(
        "CREATE DATABASE {} TEMPLATE {}template ALLOW_CONNECTIONS false",
        database(&house.world, &code),
        house.world.prefix()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut role)
        .await
        .expect("made");
    assert!(!admits(&house.world, "order", &code).await);
    let tenant = house
        .landlord()
        .post("/api/tenants", wish(&code))
        .await
        .expect(202);
    house.step(&tenant, 0, "DONE").await;
    assert!(admits(&house.world, "order", &code).await);
}

#[tokio::test]
async fn replicas_share_the_work_and_none_is_done_twice() {
    let (house, gate) = behind_a_gate().await;
    gate.disconnect();
    let second = start(&house.world, &[]).await;
    let mut tenants = Vec::new();
    for _ in 0..8 {
        tenants.push(house.tenant().await);
    }
    for tenant in &tenants {
        // The second replica has its own way to the cluster.
        house.step(tenant, 0, "DONE").await;
        assert!(admits(&house.world, "order", &text(tenant, "code")).await);
    }
    for tenant in &tenants {
        let told = house.told_of(tenant).await;
        let made = told
            .iter()
            .filter(|ty| *ty == "tenant.database.created")
            .count();
        assert_eq!(made, 1, "{told:?}");
    }
    second.stop().await;
}

#[tokio::test]
async fn work_whose_worker_died_is_taken_over_when_its_lease_has_run_out() {
    let (house, gate) = behind_a_gate().await;
    gate.disconnect();
    let tenant = house.tenant().await;
    house.once(&tenant, "FAILED").await;
    let pool = house.world.platform_pool("tenant").await;
    // As if somebody had claimed it and died.
    eventually("the claim", || async {
        let claimed = sqlx::query(
            "UPDATE provisioning SET next_attempt_at = now() + interval '2 seconds' WHERE next_attempt_at > now()",
        );
        let done = claimed.execute(&pool).await.expect("claims");
        (done.rows_affected() == 1).then_some(())
    })
    .await;
    gate.resume();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(
        house.steps(&tenant).await[0]["state"],
        "FAILED",
        "it is left alone"
    );
    house.step(&tenant, 0, "DONE").await;
}

#[tokio::test]
async fn what_one_replica_works_on_is_left_alone_by_the_others() {
    let house = House::with(&[]).await;
    let second = start(&house.world, &[]).await;
    let code = new_code();
    // Whoever makes this database waits for us.
    let mut ours = PgConnection::connect(&house.world.stack().cluster("tenant"))
        .await
        .expect("connects");
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('provisioning of ' || $1, 0))")
        .bind(database(&house.world, &code))
        .execute(&mut ours)
        .await
        .expect("locks");
    let tenant = house
        .landlord()
        .post("/api/tenants", wish(&code))
        .await
        .expect(202);
    let pool = house.world.platform_pool("tenant").await;
    let tries = async || -> i32 {
        let tries = sqlx::query_scalar("SELECT attempts FROM provisioning");
        tries.fetch_one(&pool).await.expect("counts")
    };
    eventually("somebody at work", || async {
        (tries().await == 1).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tries().await, 1);
    ours.close().await.expect("lets go");
    house.step(&tenant, 0, "DONE").await;
    second.stop().await;
}
