//! Instructions per event: the difference between runs with many and few events, which eliminates the start-up.

use crate::{Path, callgrind, consume, mock_servers::MockServers};

const FEW: u64 = 2_000;
const MANY: u64 = 10_000;

/// Returns the instructions per event of each path.
pub async fn all() -> anyhow::Result<Vec<(Path, u64)>> {
    let mock_servers = MockServers::start().await?;
    for events in [FEW, MANY] {
        consume::fill(events, &mock_servers.settings(events)?).await?;
    }
    let mut counts = Vec::new();
    // Consuming runs before producing to the same topics.
    for path in [
        Path::Consume,
        Path::ConsumeParts,
        Path::ProduceParts,
        Path::Produce,
    ] {
        let per_event = one(path, &mock_servers).await?;
        println!("  {:14} {per_event:>7} instructions per event", path.name());
        counts.push((path, per_event));
    }
    Ok(counts)
}

async fn one(path: Path, mock_servers: &MockServers) -> anyhow::Result<u64> {
    let (kafka, registry) = (mock_servers.kafka(), mock_servers.registry());
    let few = callgrind::count(path, FEW, &kafka, &registry).await?;
    let many = callgrind::count(path, MANY, &kafka, &registry).await?;
    Ok(many.saturating_sub(few) / (MANY - FEW))
}
