//! Runs the example as documented.

use std::{env, process::Stdio, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

use crate::test_env::variable;

#[tokio::test]
async fn the_example_sends_one_e_mail_despite_a_duplicate_event() {
    let test = env::current_exe().expect("the path of the test binary");
    let profile = test.parent().and_then(|deps| deps.parent());
    let example = profile
        .expect("the profile directory")
        .join("examples/outbox");
    // `cargo test` builds examples, `cargo test --test it` alone does not.
    assert!(example.exists(), "run `cargo build --examples` first");
    let name = format!("t{}_example", &Uuid::new_v4().simple().to_string()[..10]);
    let server = variable("TENANTRY_POSTGRES_ADMIN");
    let mut admin = PgConnection::connect(&server)
        .await
        .expect("PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await
        .expect("the database is created");
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");

    let running = Command::new(example)
        .env("TENANTRY_DATABASE", format!("{server}/{name}"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(Duration::from_mins(1), running).await;
    let output = ended
        .expect("the example ends within a minute")
        .expect("the example starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );

    assert!(stdout.contains("duplicate event skipped"), "{stdout}");
    assert!(
        stdout.contains("e-mails for the order: 1, unpublished events: 0"),
        "{stdout}"
    );
}
