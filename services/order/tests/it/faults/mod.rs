//! Servers and processes that die, and what must hold nevertheless.

mod checker;
mod database;
mod kafka;
mod process;
mod redis;
mod registry;

use std::sync::{Arc, Mutex};

use testkit::eventually_within;
use uuid::Uuid;

use crate::shop::{Buyer, Shop, id_of};

/// What was acknowledged so far.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<Vec<Uuid>>>);

impl Acknowledged {
    fn note(&self, order: Uuid) {
        self.0.lock().expect("no holder panics").push(order);
    }

    fn all(&self) -> Vec<Uuid> {
        self.0.lock().expect("no holder panics").clone()
    }

    /// Waits until so many are.
    async fn reach(&self, count: usize) {
        eventually_within(LONG, "orders to be acknowledged", || async {
            (self.all().len() >= count).then_some(())
        })
        .await;
    }
}

/// Waits until the service has tried to publish and failed: an outage that is over before that proves little.
async fn kafka_is_given_up(shop: &Shop) {
    eventually_within(LONG, "the service to give Kafka up", || async {
        let health = shop.admin.get("/health/ready").await.expect(200);
        (health["checks"]["publishing"] != "up").then_some(())
    })
    .await;
}

/// A minute: servers are started again meanwhile.
const LONG: std::time::Duration = std::time::Duration::from_mins(1);

/// Places `count` orders one after another, each with a key of its own that is sent again until there is an answer.
async fn shops_stubbornly(
    buyer: Buyer,
    shop: &Shop,
    product: Uuid,
    count: usize,
    noted: &Acknowledged,
) {
    for _ in 0..count {
        let key = Uuid::now_v7().to_string();
        let client = buyer.client.header("idempotency-key", &key);
        let stubborn = Buyer {
            client,
            ..buyer.clone()
        };
        let order = eventually_within(LONG, "an order to be answered", || async {
            let answer = stubborn.tries_to_order(shop, product).await?;
            let status = answer.status.as_u16();
            assert!(
                [201, 409, 503].contains(&status),
                "{status}: {}",
                answer.text
            );
            (status == 201).then(|| id_of(&answer.body))
        })
        .await;
        noted.note(order);
    }
}
