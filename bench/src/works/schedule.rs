//! The schedule of commits, computed in advance and independent of delays.

use std::time::Duration;

use event_bus::OutboundRecord;

use super::{event::placed, timer::drawn};
use crate::environment::Environment;

/// Number of measured tenants; the noisy one follows them.
pub const QUIET: usize = 20;
/// Measured events per tenant, one per interval, for 20 s.
const EVENTS: u64 = 100;
const PACE: Duration = Duration::from_millis(200);
/// Warm-up intervals, in which statements are prepared and caches filled.
const WARM: u64 = 10;
/// Events per interval of the noisy tenant, each in a transaction of its own. Preloaded rows would be published within a
/// second; these keep the relay and the consumer busy all the time.
const NOISE: u32 = 100;

/// An event with the due time of its commit.
pub struct Planned {
    /// Number of its outbox and tenant.
    pub outbox: usize,
    /// Due time, from the start.
    pub due: Duration,
    /// Whether its latency is measured.
    pub counts: bool,
    /// The event.
    pub record: OutboundRecord,
}

/// Returns all events of a turn, ordered by due time.
///
/// # Errors
/// An event is invalid, which none is.
pub fn schedule(environment: &Environment, tenants: usize) -> anyhow::Result<Vec<Planned>> {
    let paces = WARM + environment.scaled(EVENTS);
    let mut planned = Vec::new();
    for outbox in 0..tenants {
        let tenant = outbox as u64;
        let is_quiet = outbox < QUIET;
        let (every, events) = if is_quiet {
            (PACE, paces)
        } else {
            (PACE / NOISE, paces * u64::from(NOISE))
        };
        for number in 0..events {
            planned.push(Planned {
                outbox,
                due: due(every, tenant, number),
                counts: is_quiet && number >= WARM,
                // Distinct aggregates, so that no event waits for a previous one.
                record: placed(tenant, number, 1)?,
            });
        }
    }
    planned.sort_by_key(|planned| planned.due);
    Ok(planned)
}

/// Returns a pseudo-random offset within the interval, equal in every turn.
fn due(pace: Duration, tenant: u64, number: u64) -> Duration {
    let within = u64::try_from(pace.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(number * within + drawn((tenant << 32) | number, within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_due_within_its_pace() {
        for number in 0..1_000 {
            let due = due(PACE, 3, number);
            let pace = PACE * u32::try_from(number).unwrap();
            assert!((pace..pace + PACE).contains(&due));
        }
    }
}
