//! Several records, as the lanes of a consumer mix them.

use std::collections::VecDeque;

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::testing::{Delivery, HandlerTest, Outcome};

/// What goes one after the other: tenant and subject, or the key of what does not read.
#[derive(PartialEq)]
enum Lane {
    Aggregate(Option<uuid::Uuid>, String),
    InvalidRecord(Vec<u8>),
}

impl HandlerTest {
    /// Delivers all, aggregates mixed as `seed` says and each in its order, as a consumer may. The outcomes are in the
    /// order of `deliveries`.
    pub async fn deliver_mixed(&self, seed: u64, deliveries: &[Delivery]) -> Vec<Outcome> {
        let mut lanes: Vec<(Lane, VecDeque<usize>)> = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            let lane = self.lane(delivery);
            match lanes.iter_mut().find(|(known, _)| *known == lane) {
                Some((_, queue)) => queue.push_back(index),
                None => lanes.push((lane, VecDeque::from([index]))),
            }
        }
        let mut random = StdRng::seed_from_u64(seed);
        let mut outcomes: Vec<Option<Outcome>> = vec![None; deliveries.len()];
        while !lanes.is_empty() {
            let chosen = random.random_range(0..lanes.len());
            match lanes[chosen].1.pop_front() {
                Some(index) => {
                    outcomes[index] = Some(self.deliver(&deliveries[index]).await);
                }
                None => drop(lanes.swap_remove(chosen)),
            }
        }
        outcomes.into_iter().flatten().collect()
    }

    fn lane(&self, delivery: &Delivery) -> Lane {
        match self.read(delivery) {
            Ok(record) => {
                let tenant = record.envelope.tenant.as_ref().map(|tenant| tenant.id);
                Lane::Aggregate(tenant, record.envelope.subject.clone())
            }
            Err(_) => Lane::InvalidRecord(delivery.original().key().unwrap_or_default().to_vec()),
        }
    }
}
