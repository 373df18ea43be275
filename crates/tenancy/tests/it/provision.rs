//! Creating and dropping tenant databases.

use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tenancy::provision::{ProvisionError, Provisioned};

use crate::world::{code, run, world};

#[tokio::test]
async fn a_clone_has_the_services_schemas_owned_by_them() {
    world(async |world| {
        assert_eq!(
            world
                .provisioner
                .create(&code("acme"))
                .await
                .expect("created"),
            Provisioned::Created
        );
        let mut conn = world.as_admin(&format!("{}_acme", world.name)).await;
        let owners: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT schemaname::text, tablename::text, tableowner::text FROM pg_tables \
             WHERE tablename = 'secret' ORDER BY 1",
        )
        .fetch_all(&mut conn)
        .await
        .expect("lists");
        let owned = |service: &str| {
            (
                service.to_owned(),
                "secret".to_owned(),
                format!("{}_{service}", world.name),
            )
        };
        assert_eq!(owners, [owned("billing"), owned("order")]);
        assert!(
            world
                .provisioner
                .exists(&code("acme"))
                .await
                .expect("queries")
        );
    })
    .await;
}

#[tokio::test]
async fn creating_it_again_completes_what_a_crash_left() {
    world(async |world| {
        let n = &world.name;
        world
            .sql(format!(
                "CREATE DATABASE {n}_acme OWNER {n}_tenant TEMPLATE {n}_template ALLOW_CONNECTIONS false"
            ))
            .await;
        let again = world.provisioner.create(&code("acme")).await;
        assert_eq!(again.expect("completed"), Provisioned::Completed);
        world
            .as_role("order", &format!("{n}_acme"))
            .await
            .expect("the service connects");
        let once_more = world.provisioner.create(&code("acme")).await;
        assert_eq!(once_more.expect("is idempotent"), Provisioned::Completed);
    })
    .await;
}

#[tokio::test]
async fn concurrent_replicas_create_one_database() {
    world(async |world| {
        let acme = code("acme");
        let created =
            futures::future::join_all((0..6).map(|_| world.provisioner.create(&acme))).await;
        let outcomes: Vec<_> = created
            .into_iter()
            .map(|one| one.expect("created"))
            .collect();
        let created = outcomes.iter().filter(|one| **one == Provisioned::Created);
        assert_eq!(created.count(), 1, "{outcomes:?}");
        world
            .as_role("order", &format!("{}_acme", world.name))
            .await
            .expect("the service connects");
    })
    .await;
}

#[tokio::test]
async fn a_template_in_use_is_waited_for() {
    world(async |world| {
        let template = format!("{}_template", world.name);
        let mut conn = world.as_role("order", &template).await.expect("its schema");
        let close_later = async {
            run(&mut conn, "SELECT pg_sleep(6)".into()).await;
            conn.close().await.expect("closes");
        };
        let acme = code("acme");
        let (created, ()) = tokio::join!(world.provisioner.create(&acme), close_later);
        assert_eq!(created.expect("created"), Provisioned::Created);
    })
    .await;
}

#[tokio::test]
async fn a_database_is_dropped_once_its_connections_are_closed() {
    world(async |world| {
        world.tenant("acme").await;
        let acme = code("acme");
        let database = format!("{}_acme", world.name);
        let conn = world.as_role("order", &database).await.expect("connects");
        let outcome = world.provisioner.delete(&acme).await;
        assert!(matches!(outcome, Err(ProvisionError::InUse(_))));
        world.as_role("order", &database).await.expect_err("closed");
        conn.close().await.expect("closes");
        world.provisioner.delete(&acme).await.expect("dropped");
        assert!(!world.provisioner.exists(&acme).await.expect("queries"));
        world
            .provisioner
            .delete(&acme)
            .await
            .expect("is idempotent");
    })
    .await;
}

#[tokio::test]
async fn a_provisioner_that_may_signal_terminates_the_connections_to_a_dropped_database() {
    world(async |world| {
        world.tenant("acme").await;
        let grant = format!("GRANT pg_signal_backend TO {}_tenant", world.name);
        world.sql(grant).await;
        let database = format!("{}_acme", world.name);
        let _conn = world.as_role("order", &database).await.expect("connects");
        world
            .provisioner
            .delete(&code("acme"))
            .await
            .expect("dropped");
        assert!(
            !world
                .provisioner
                .exists(&code("acme"))
                .await
                .expect("queries")
        );
    })
    .await;
}

/// Prints the time to create a database beside that of a bare `CREATE DATABASE … TEMPLATE`.
#[tokio::test]
async fn creating_a_database_takes_little_longer_than_the_bare_statement() {
    world(async |world| {
        let n = &world.name;
        let (mut bare, mut provisioned) = (Vec::new(), Vec::new());
        for round in 0..5 {
            let mut conn = world.as_admin("postgres").await;
            let begin = Instant::now();
            run(
                &mut conn,
                format!("CREATE DATABASE {n}_bare{round} TEMPLATE {n}_template"),
            )
            .await;
            bare.push(begin.elapsed());
            let begin = Instant::now();
            world
                .provisioner
                .create(&code(&format!("acme{round}")))
                .await
                .expect("created");
            provisioned.push(begin.elapsed());
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let (bare, provisioned) = (median(&mut bare), median(&mut provisioned));
        eprintln!("bare {bare:?}, provisioned {provisioned:?}");
        assert!(provisioned < bare * 3 + Duration::from_millis(100));
    })
    .await;
}
