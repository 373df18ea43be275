//! Instructions of one event on each path: the difference between many events and few, in which starting falls out.

use crate::{Path, callgrind, consume, stand_in::StandIn};

const FEW: u64 = 2_000;
const MANY: u64 = 10_000;

/// Instructions per event.
pub async fn all() -> anyhow::Result<Vec<(Path, u64)>> {
    let stand_in = StandIn::start().await?;
    for events in [FEW, MANY] {
        consume::fill(events, &stand_in.settings(events)?).await?;
    }
    let mut counts = Vec::new();
    // What is read comes before what is written to the same topics.
    for path in [
        Path::Consume,
        Path::ConsumeParts,
        Path::ProduceParts,
        Path::Produce,
    ] {
        let per_event = one(path, &stand_in).await?;
        println!("  {:14} {per_event:>7} instructions an event", path.name());
        counts.push((path, per_event));
    }
    Ok(counts)
}

async fn one(path: Path, stand_in: &StandIn) -> anyhow::Result<u64> {
    let (kafka, registry) = (stand_in.kafka(), stand_in.registry());
    let few = callgrind::count(path, FEW, &kafka, &registry).await?;
    let many = callgrind::count(path, MANY, &kafka, &registry).await?;
    Ok(many.saturating_sub(few) / (MANY - FEW))
}
