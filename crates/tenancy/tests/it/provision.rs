//! Making tenants' databases.

use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tenancy::provision::{ProvisionError, Provisioned};

use crate::world::{code, run, world};

#[tokio::test]
async fn a_clone_has_the_services_schemas_owned_by_them() {
    world(async |world| {
        assert_eq!(
            world.provisioner.create(&code("acme")).await.expect("made"),
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
                .expect("looks")
        );
    })
    .await;
}

#[tokio::test]
async fn making_it_again_completes_what_a_crash_left() {
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
            .expect("the service gets in");
        let once_more = world.provisioner.create(&code("acme")).await;
        assert_eq!(once_more.expect("no harm"), Provisioned::Completed);
    })
    .await;
}

#[tokio::test]
async fn replicas_at_once_make_one_database() {
    world(async |world| {
        let acme = code("acme");
        let made = futures::future::join_all((0..6).map(|_| world.provisioner.create(&acme))).await;
        let made: Vec<_> = made.into_iter().map(|one| one.expect("made")).collect();
        let created = made.iter().filter(|one| **one == Provisioned::Created);
        assert_eq!(created.count(), 1, "{made:?}");
        world
            .as_role("order", &format!("{}_acme", world.name))
            .await
            .expect("the service gets in");
    })
    .await;
}

#[tokio::test]
async fn a_template_in_use_is_waited_for() {
    world(async |world| {
        let template = format!("{}_template", world.name);
        let mut guest = world.as_role("order", &template).await.expect("its schema");
        let leave = async {
            run(&mut guest, "SELECT pg_sleep(6)".into()).await;
            guest.close().await.expect("closes");
        };
        let acme = code("acme");
        let (made, ()) = tokio::join!(world.provisioner.create(&acme), leave);
        assert_eq!(made.expect("made"), Provisioned::Created);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_database_is_gone_once_its_guests_have_left() {
    world(async |world| {
        world.tenant("acme").await;
        let acme = code("acme");
        let database = format!("{}_acme", world.name);
        let guest = world.as_role("order", &database).await.expect("connects");
        let outcome = world.provisioner.drop(&acme).await;
        assert!(matches!(outcome, Err(ProvisionError::InUse(_))));
        world.as_role("order", &database).await.expect_err("closed");
        guest.close().await.expect("leaves");
        world.provisioner.drop(&acme).await.expect("dropped");
        assert!(!world.provisioner.exists(&acme).await.expect("looks"));
        world.provisioner.drop(&acme).await.expect("no harm");
    })
    .await;
}

#[tokio::test]
async fn a_provisioner_that_may_signal_ends_the_connections_to_what_it_drops() {
    world(async |world| {
        world.tenant("acme").await;
        let grant = format!("GRANT pg_signal_backend TO {}_tenant", world.name);
        world.sql(grant).await;
        let database = format!("{}_acme", world.name);
        let _guest = world.as_role("order", &database).await.expect("connects");
        world
            .provisioner
            .drop(&code("acme"))
            .await
            .expect("dropped");
        assert!(
            !world
                .provisioner
                .exists(&code("acme"))
                .await
                .expect("looks")
        );
    })
    .await;
}

/// Prints what making a database costs beside a bare `CREATE DATABASE … TEMPLATE`.
#[tokio::test]
async fn making_a_database_costs_little_more_than_the_bare_statement() {
    world(async |world| {
        let n = &world.name;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
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
                .expect("made");
            ours.push(begin.elapsed());
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let (bare, ours) = (median(&mut bare), median(&mut ours));
        eprintln!("bare {bare:?}, ours {ours:?}");
        assert!(ours < bare * 3 + Duration::from_millis(100));
    })
    .await;
}
