//! Kafka's own benchmark tools, from the broker's jars.

use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Runs `org.apache.kafka.tools.ProducerPerformance`. Its rate includes the warm-up of Java.
pub async fn produce(
    environment: &Environment,
    topic: &str,
    events: u64,
    bytes: usize,
    settings: &[&str],
) -> anyhow::Result<Reading> {
    let (events, bytes) = (events.to_string(), bytes.to_string());
    let mut arguments = vec![
        "--topic",
        topic,
        "--num-records",
        &events,
        "--record-size",
        &bytes,
    ];
    arguments.extend(["--throughput", "-1", "--command-property"]);
    let bootstrap = format!("bootstrap.servers={}", environment.kafka);
    arguments.push(&bootstrap);
    arguments.extend(settings);
    let (said, reading) = tool(environment, "ProducerPerformance", &arguments).await?;
    let (events, rate) = produced(&said)
        .with_context(|| format!("no rate in the output of ProducerPerformance:\n{said}"))?;
    Ok(Reading {
        events,
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        seconds: events as f64 / rate,
        ..reading
    })
}

/// `1000000 records sent, 221000.0 records/sec (33.11 MB/sec), …` in the last of such lines.
fn produced(text: &str) -> Option<(u64, f64)> {
    let line = text
        .lines()
        .rfind(|line| line.contains(" records sent, "))?;
    let (events, rest) = line.split_once(" records sent, ")?;
    let (rate, _) = rest.split_once(" records/sec")?;
    Some((events.trim().parse().ok()?, rate.trim().parse().ok()?))
}

async fn tool(
    environment: &Environment,
    name: &str,
    arguments: &[&str],
) -> anyhow::Result<(String, Reading)> {
    let clock = Clock::children();
    let output = Command::new(&environment.java)
        .args([
            "-Xmx512m",
            "-cp",
            &format!("{}/*", environment.jars.display()),
        ])
        .arg(format!("org.apache.kafka.tools.{name}"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot start java")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}):\n{said}{errors}", output.status);
    }
    Ok((said, clock.read(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tool_says_of_itself_is_understood() {
        let said = "411063 records sent, 82212.6 records/sec (12.31 MB/sec), 1.0 ms avg latency.\n\
                    1000000 records sent, 221043.3 records/sec (33.10 MB/sec), 590.44 ms avg latency, 9 ms 50th.\n";
        assert_eq!(produced(said), Some((1_000_000, 221_043.3)));
        assert_eq!(produced("nothing"), None);
    }
}
