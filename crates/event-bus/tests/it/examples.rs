//! The examples, as whoever reads the README runs them.

use std::{env, path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;
use uuid::Uuid;

/// Cargo builds examples beside the tests: `target/debug/deps/it-…`, `target/debug/examples/…`.
fn built(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test has a place");
    let profile = test.parent().and_then(|deps| deps.parent());
    let example = profile.expect("above deps").join("examples").join(name);
    // `cargo test` builds examples, `cargo test --test it` alone does not.
    assert!(example.exists(), "first `cargo build --examples`");
    example
}

/// Runs an example to its end; what it printed.
async fn run(name: &str, prefix: &str) -> String {
    let running = Command::new(built(name))
        .env("TENANTRY_TOPIC_PREFIX", prefix)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(Duration::from_mins(1), running).await;
    let output = ended.expect("it ends by itself").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{name}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[tokio::test]
async fn the_shop_publishes_the_mailer_reads_and_what_it_put_aside_is_replayed() {
    let prefix = format!("it{}.", Uuid::now_v7().simple());

    let published = run("produce", &prefix).await;
    assert!(published.contains("order-2 order.paid"), "{published}");

    let consumed = run("consume", &prefix).await;
    assert!(
        consumed.contains("mail: thank you for 1999 cents, order-1"),
        "{consumed}"
    );
    assert!(
        consumed.contains("dead letter: order-2 paid nothing (permanent)"),
        "{consumed}"
    );

    // Everything is committed: the second run has nothing to do.
    let consumed = run("consume", &prefix).await;
    assert!(
        !consumed.contains("mail:") && consumed.contains("caught up"),
        "{consumed}"
    );

    let replayed = run("replay", &prefix).await;
    for line in [
        "(order-2 paid nothing)",
        "to be replayed: 1",
        "mail: thank you, order-2, for 0 cents",
        "open now: 0",
    ] {
        assert!(replayed.contains(line), "{line}: {replayed}");
    }
}
