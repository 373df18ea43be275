//! The example, as whoever reads the README runs it.

use std::{env, process::Stdio, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

use crate::world::variable;

#[tokio::test]
async fn the_shop_commits_publishes_and_mails_once() {
    let test = env::current_exe().expect("a test has a place");
    let profile = test.parent().and_then(|deps| deps.parent());
    let example = profile.expect("above deps").join("examples/outbox");
    // `cargo test` builds examples, `cargo test --test it` alone does not.
    assert!(example.exists(), "first `cargo build --examples`");
    let name = format!("t{}_example", &Uuid::new_v4().simple().to_string()[..10]);
    let server = variable("TENANTRY_POSTGRES_ADMIN");
    let mut admin = PgConnection::connect(&server)
        .await
        .expect("PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await
        .expect("a database");
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");

    let running = Command::new(example)
        .env("TENANTRY_DATABASE", format!("{server}/{name}"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(Duration::from_mins(1), running).await;
    let output = ended.expect("it ends by itself").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );

    assert!(said.contains("came again, nothing to do"), "{said}");
    assert!(
        said.contains("mails for the order: 1, events left in the outbox: 0"),
        "{said}"
    );
}
