//! A tenant that sells, and what billing makes of its orders.

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
use testkit::{Client, Log, Reply, Seen, TestTenant, World, eventually, on_shared_runtime};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use billing_service::{App, settings::BillingSettings};

const GROUP: &str = "billing-order-consumer";

/// One running service for all tests: they keep apart by having tenants and orders of their own.
pub struct Billing {
    pub world: World,
    pub log: Log,
    running: Running,
}

static BILLING: OnceCell<Billing> = OnceCell::const_new();

pub async fn billing() -> &'static Billing {
    BILLING.get_or_init(|| on_shared_runtime(start())).await
}

async fn start() -> Billing {
    let world = World::new(&["billing"]).await;
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

    /// A shop that has just opened.
    pub async fn shop(&'static self) -> Shop {
        Shop {
            tenant: self.world.tenant(&["billing"]).await,
            billing: self,
        }
    }

    /// Everything of type `E` that was said so far with this id in this field of the payload.
    pub fn said<E: Event>(&self, field: &str, id: Uuid) -> Vec<Seen> {
        let id = id.to_string();
        let mut seen = self.log.so_far();
        seen.retain(|seen| {
            seen.envelope.event_type == E::TYPE && seen.payload[field].as_str() == Some(&id)
        });
        seen
    }
}

/// A shop of one tenant.
pub struct Shop {
    pub billing: &'static Billing,
    pub tenant: TestTenant,
}

/// An order of 19.99 EUR, as the order service tells of it.
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

    pub async fn says_created(&self, order: &Order) -> Uuid {
        self.says(order, &self.created(order)).await
    }

    /// The same event again, as after a crash or a replay.
    pub async fn says_created_again(&self, order: &Order, event: Uuid) {
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

    pub async fn says_paid(&self, order: &Order, payment: Uuid) -> Uuid {
        let paid = OrderPaid {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            payment_id: payment,
            total: total(),
        };
        self.says(order, &paid).await
    }

    pub async fn says_expired(&self, order: &Order) -> Uuid {
        let expired = OrderExpired {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            total: total(),
        };
        self.says(order, &expired).await
    }

    pub async fn says_cancelled(&self, order: &Order) -> Uuid {
        let cancelled = OrderCancelled {
            order_id: order.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: order.buyer,
            buyer_email: "ann@example.com".to_owned(),
            total: total(),
            reason: "cancelled by the buyer".to_owned(),
        };
        self.says(order, &cancelled).await
    }

    async fn says<E: Event>(&self, order: &Order, event: &E) -> Uuid {
        let world = &self.billing.world;
        world.publish(&self.tenant, order.id, event).await
    }

    /// Places an order and waits until its buyer is asked to pay.
    pub async fn ordered(&self) -> (Order, Payment) {
        let order = Order::new();
        self.says_created(&order).await;
        let payment = self.asked(&order).await;
        (order, payment)
    }

    /// What the buyer is asked to pay.
    pub async fn asked(&self, order: &Order) -> Payment {
        let requested = eventually("a request for payment", || async {
            self.said::<PaymentRequested>(order).pop()
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

    pub fn said<E: Event>(&self, order: &Order) -> Vec<Seen> {
        self.billing.said::<E>("orderId", order.id)
    }

    /// Waits until billing has handled these events, published what follows, and the log is read.
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
        self.billing.log.to_its_end().await;
    }

    /// How often billing has said `E` of the order, once it has handled `events`.
    pub async fn count<E: Event>(&self, order: &Order, events: &[Uuid]) -> usize {
        self.handled(events).await;
        self.said::<E>(order).len()
    }

    pub fn admin(&self) -> Client {
        let (_, token) = self.billing.world.identity().admin_of(&self.tenant);
        self.billing.stranger().with_token(token)
    }

    /// The payment of the order as the seller sees it.
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

    /// Locks the order's payment, so that whoever wants to change it queues up.
    pub async fn hold(&self, order: &Order) -> Held {
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
        Held { conn }
    }
}

/// A payment that nobody can change for now.
pub struct Held {
    conn: PgConnection,
}

impl Held {
    /// Lets go once so many others wait in this database.
    pub async fn release_when_awaited_by(mut self, others: i64) {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut self.conn)
            .await
            .expect("the sessions can be seen");
            if waiting >= others {
                break;
            }
            // Within a transaction the view is taken once.
            sqlx::raw_sql("SELECT pg_stat_clear_snapshot()")
                .execute(&mut self.conn)
                .await
                .expect("the view can be taken anew");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.conn
            .close()
            .await
            .expect("the lock goes with the session");
    }
}

/// A payment as its buyer meets it: a link.
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
