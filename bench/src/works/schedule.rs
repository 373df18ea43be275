//! When which tenant commits: a plan made beforehand, that no delay changes.

use std::time::Duration;

use event_bus::OutboundRecord;

use super::{event::placed, timer::drawn};
use crate::place::Place;

/// Tenants whose events are timed; the noisy one comes after them.
pub const QUIET: usize = 20;
/// Events of each of them that are timed, one in each pace: for 20 s.
const EVENTS: u64 = 100;
const PACE: Duration = Duration::from_millis(200);
/// Paces before them that are not timed: statements are prepared, caches fill.
const WARM: u64 = 10;
/// As many events the noisy tenant commits in a pace, each in a transaction of its own, as the others do. Rows loaded at
/// once would be gone within a second; these take turns of the relay and of the consumer all the time.
const NOISE: u32 = 100;

/// An event and when its commit is due.
pub struct Planned {
    /// The number of its outbox, and of its tenant.
    pub outbox: usize,
    /// After the begin.
    pub due: Duration,
    /// Whether its time is one of those that are asked for.
    pub counts: bool,
    /// The event.
    pub record: OutboundRecord,
}

/// All events of a turn, in the order in which they are due.
///
/// # Errors
/// When an event breaks a rule, which none does.
pub fn schedule(place: &Place, tenants: usize) -> anyhow::Result<Vec<Planned>> {
    let paces = WARM + place.scaled(EVENTS);
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
                // Aggregates of their own: nothing waits for its predecessor.
                record: placed(tenant, number, 1)?,
            });
        }
    }
    planned.sort_by_key(|planned| planned.due);
    Ok(planned)
}

/// Somewhere within its pace, so that tenants meet by chance and in every turn alike.
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
