//! Test fixture: a running billing service, tenants that sell, and their orders.

use std::time::Duration;

use event_bus::{Event, EventParts, TenantRef};
use events::{
    billing::PaymentRequested,
    order::{OrderCancelled, OrderCreated, OrderExpired, OrderItem, OrderPaid},
};
use reqwest::Method;
use serde_json::Value;
use service::Running;
use sqlx::{Connection, PgConnection};
use testkit::{
    Client, PublishedEvent, Reply, TestEnvironment, TestTenant, TopicLog, eventually,
    on_shared_runtime,
};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use billing_service::{App, settings::BillingSettings};

const GROUP: &str = "billing-order-consumer";

/// One running service, shared by all tests; each test has tenants and orders of its own.
pub struct Billing {
    pub world: TestEnvironment,
    pub log: TopicLog,
    running: Running,
}

static BILLING: OnceCell<Billing> = OnceCell::const_new();

pub async fn billing() -> &'static Billing {
    BILLING.get_or_init(|| on_shared_runtime(start())).await
}

async fn start() -> Billing {
    let world = TestEnvironment::new(&["billing"]).await;
    let settings = world.settings("billing");
    let running = App::start(settings, BillingSettings::default())
        .await
        .expect("billing starts");
    Billing {
        log: world.log("billing.events"),
        world,
        running,
    }
}

impl Billing {
    pub fn stranger(&self) -> Client {
        Client::new(format!("http://{}", self.running.address()), None)
    }

    /// A new tenant.
    pub async fn shop(&'static self) -> Shop {
        Shop {
            tenant: self.world.tenant(&["billing"]).await,
            billing: self,
        }
    }

    /// The events of type `E` published so far whose payload has this id in `field`.
    pub fn published<E: Event>(&self, field: &str, id: Uuid) -> Vec<PublishedEvent> {
        let id = id.to_string();
        let mut seen = self.log.events();
        seen.retain(|seen| {
            seen.envelope.event_type == E::TYPE && seen.payload[field].as_str() == Some(&id)
        });
        seen
    }
}

/// A tenant that sells.
pub struct Shop {
    pub billing: &'static Billing,
    pub tenant: TestTenant,
}

/// An order of 19.99 EUR.
pub struct Order {
    pub id: Uuid,
    pub buyer: Uuid,
}

impl Order {
    pub fn new() -> Self {
        Self {
            id: Uuid::now_v7(),
            buyer: Uuid::now_v7(),
        }
    }
}

fn total() -> events::Money {
    events::Money {
        amount: 1999,
        currency: "EUR".to_owned(),
    }
}

impl Shop {
    fn created(&self, order: &Order) -> OrderCreated {
        let now = OffsetDateTime::now_utc();
        OrderCreated {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            items: vec![OrderItem {
                product_id: Uuid::now_v7(),
                name: "Anvil".to_owned(),
                quantity: 1,
                unit_price: total(),
                total: total(),
            }],
            total: total(),
            created_at: now.into(),
            expires_at: (now + Duration::from_mins(15)).into(),
        }
    }

    pub async fn publish_created(&self, order: &Order) -> Uuid {
        self.publish(order, &self.created(order)).await
    }

    /// Publishes the same event again, as after a crash or a replay.
    pub async fn republish_created(&self, order: &Order, event: Uuid) {
        let tenant = TenantRef {
            id: self.tenant.tenant.id.0,
            region: self.tenant.tenant.region.to_string(),
        };
        let mut parts = EventParts::new("/tenantry/test", order.id)
            .sequence(1)
            .tenant(tenant);
        parts.id = event;
        self.billing
            .world
            .publish_parts(parts, &self.created(order))
            .await;
    }

    pub async fn publish_paid(&self, order: &Order, payment: Uuid) -> Uuid {
        let paid = OrderPaid {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            payment_id: payment,
            total: total(),
        };
        self.publish(order, &paid).await
    }

    pub async fn publish_expired(&self, order: &Order) -> Uuid {
        let expired = OrderExpired {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            total: total(),
        };
        self.publish(order, &expired).await
    }

    pub async fn publish_cancelled(&self, order: &Order) -> Uuid {
        let cancelled = OrderCancelled {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            total: total(),
            reason: "cancelled by the buyer".to_owned(),
        };
        self.publish(order, &cancelled).await
    }

    async fn publish<E: Event>(&self, order: &Order, event: &E) -> Uuid {
        let world = &self.billing.world;
        world.publish(&self.tenant, order.id, event).await
    }

    /// Publishes a new order and waits until its payment is requested.
    pub async fn ordered(&self) -> (Order, Payment) {
        let order = Order::new();
        self.publish_created(&order).await;
        let payment = self.requested_payment(&order).await;
        (order, payment)
    }

    /// The payment that was requested for the order.
    pub async fn requested_payment(&self, order: &Order) -> Payment {
        let requested = eventually("the payment to be requested", || async {
            self.published::<PaymentRequested>(order).pop()
        })
        .await;
        let text = |field: &str| requested.payload[field].as_str().expect("text").to_owned();
        let link = text("paymentLink");
        Payment {
            id: text("paymentId").parse().expect("an id"),
            path: link
                .strip_prefix("http://tenantry.test")
                .expect("a link under the public URL")
                .to_owned(),
            client: self.billing.stranger(),
        }
    }

    pub fn published<E: Event>(&self, order: &Order) -> Vec<PublishedEvent> {
        self.billing.published::<E>("orderId", order.id)
    }

    /// Waits until billing has handled these events and published their effects, and the log is read to its end.
    pub async fn handled(&self, events: &[Uuid]) {
        let mut conn = self.database().await;
        let wanted = i64::try_from(events.len()).expect("few");
        loop {
            let handled: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM billing.inbox WHERE consumer = $1 AND event_id = ANY($2)",
            )
            .bind(GROUP)
            .bind(events)
            .fetch_one(&mut conn)
            .await
            .expect("the inbox can be read");
            let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM billing.outbox")
                .fetch_one(&mut conn)
                .await
                .expect("the outbox can be read");
            if handled == wanted && waiting == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.billing.log.read_to_end().await;
    }

    /// The number of events of type `E` about the order, after `events` are handled.
    pub async fn count<E: Event>(&self, order: &Order, events: &[Uuid]) -> usize {
        self.handled(events).await;
        self.published::<E>(order).len()
    }

    pub fn admin(&self) -> Client {
        let (_, token) = self.billing.world.identity().admin_of(&self.tenant);
        self.billing.stranger().with_token(token)
    }

    /// The order's payment as the tenant's admin sees it.
    pub async fn payment_of(&self, order: &Order) -> Value {
        let path = format!("/api/{}/billing/payments", self.tenant.code());
        let payments = self.admin().get(&path).await.expect(200);
        let rows = payments["data"].as_array().expect("rows");
        let id = order.id.to_string();
        let own = rows.iter().find(|row| row["orderId"].as_str() == Some(&id));
        own.expect("the order has a payment").clone()
    }

    pub async fn status_of(&self, order: &Order) -> String {
        let payment = self.payment_of(order).await;
        payment["status"].as_str().expect("text").to_owned()
    }

    async fn database(&self) -> PgConnection {
        let stack = self.billing.world.stack();
        let url = stack.database("billing", &self.tenant.database);
        PgConnection::connect(&url)
            .await
            .expect("the database answers")
    }

    /// Locks the order's payment, so that transactions that change it wait.
    pub async fn lock_payment(&self, order: &Order) -> PaymentLock {
        let mut conn = self.database().await;
        sqlx::raw_sql("BEGIN")
            .execute(&mut conn)
            .await
            .expect("begins");
        sqlx::query("SELECT FROM billing.payment WHERE order_id = $1 FOR UPDATE")
            .bind(order.id)
            .fetch_one(&mut conn)
            .await
            .expect("the payment can be locked");
        PaymentLock { conn }
    }
}

/// A row lock on a payment.
pub struct PaymentLock {
    conn: PgConnection,
}

impl PaymentLock {
    /// Releases the lock once this many sessions of the database wait for a lock.
    pub async fn release_when_awaited_by(mut self, others: i64) {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut self.conn)
            .await
            .expect("the sessions can be listed");
            if waiting >= others {
                break;
            }
            // Within a transaction the statistics are a snapshot.
            sqlx::raw_sql("SELECT pg_stat_clear_snapshot()")
                .execute(&mut self.conn)
                .await
                .expect("the snapshot can be cleared");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.conn.close().await.expect("the session is closed");
    }
}

/// A payment's link as its buyer uses it.
pub struct Payment {
    pub id: Uuid,
    pub path: String,
    client: Client,
}

impl Payment {
    /// Opens the link.
    pub async fn open(&self) -> Reply {
        self.client.get(&self.path).await
    }

    /// Presses the button.
    pub async fn press(&self) -> Reply {
        self.client.send(Method::POST, &self.path, None).await
    }
}
