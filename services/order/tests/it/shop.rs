//! The language of these tests: a started service, shops, buyers, and billing, whose role the test plays.

use std::time::Duration;

use event_bus::{EventParts, TenantRef};
use events::{
    Money,
    billing::{PaymentRequested, PaymentSucceeded},
};
use order_service::{App, settings::OrderSettings};
use reqwest::Method;
use serde_json::{Value, json};
use service::{Running, Settings};
use sqlx::{PgPool, postgres::PgPoolOptions};
use testkit::{
    Client, Reply, TestEnvironment, TestTenant, TopicLog, eventually, on_shared_runtime,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Locks a product, and an order.
pub const PRODUCT: &str = "SELECT 1 FROM \"order\".product WHERE id = $1 FOR UPDATE";
pub const ORDER: &str = "SELECT 1 FROM \"order\".customer_order WHERE id = $1 FOR UPDATE";

/// Long enough that no order expires while a test runs.
const QUARTER_OF_AN_HOUR: u64 = 900;

/// A world with a running order service, shared by the tests of this binary.
pub struct Stage {
    pub world: TestEnvironment,
    pub service: Running,
    pub log: TopicLog,
}

impl Stage {
    /// The stage of all tests that break nothing.
    pub async fn shared() -> &'static Self {
        static STAGE: OnceCell<Stage> = OnceCell::const_new();
        STAGE
            .get_or_init(|| async { Self::on(TestEnvironment::new(&["order"]).await).await })
            .await
    }

    /// A service of one's own in a world.
    pub async fn on(world: TestEnvironment) -> Self {
        let service = start(world.settings("order"), QUARTER_OF_AN_HOUR).await;
        let log = world.log("order.events");
        Self {
            world,
            service,
            log,
        }
    }

    pub fn url(&self) -> String {
        url(&self.service)
    }

    /// A new shop in it.
    pub async fn shop(&self) -> Shop {
        Shop::open(&self.world, self.url()).await
    }
}

/// Starts an order service in this process, where it outlives the test.
pub async fn start(settings: Settings, ttl_seconds: u64) -> Running {
    on_shared_runtime(async move {
        let own = OrderSettings {
            order_payment_ttl_seconds: ttl_seconds,
        };
        App::start(settings, own).await.expect("the service starts")
    })
    .await
}

pub fn url(service: &Running) -> String {
    format!("http://{}", service.address())
}

/// A tenant that sells.
pub struct Shop {
    pub world: TestEnvironment,
    pub tenant: TestTenant,
    pub admin: Client,
    /// The tenant's database, as the order service's role.
    pub database: PgPool,
}

impl Shop {
    /// Opens a shop whose people speak to the service at `url`.
    pub async fn open(world: &TestEnvironment, url: impl Into<String>) -> Self {
        let tenant = world.tenant(&["order"]).await;
        let (_, token) = world.identity().admin_of(&tenant);
        let database = world.stack().database("order", &tenant.database);
        Self {
            admin: world.client(url, token),
            world: world.clone(),
            database: PgPoolOptions::new()
                .max_connections(2)
                .connect_lazy(&database)
                .expect("a database URL"),
            tenant,
        }
    }

    pub fn code(&self) -> &str {
        self.tenant.code()
    }

    pub fn products(&self) -> String {
        format!("/api/{}/products", self.code())
    }

    /// Puts a product at 19.99 EUR on sale; its id.
    pub async fn sells(&self, name: &str, stock: i64) -> Uuid {
        let body =
            json!({"name": name, "price": {"amount": 1999, "currency": "EUR"}, "stock": stock});
        let path = self.products();
        let answer = patiently(async || self.admin.post(&path, body.clone()).await).await;
        id_of(&answer.expect(201))
    }

    pub async fn product(&self, product: Uuid) -> Value {
        let path = format!("{}/{product}", self.products());
        patiently(async || self.admin.get(&path).await)
            .await
            .expect(200)
    }

    /// Pieces for sale and pieces held, as the database has them.
    pub async fn pieces(&self, product: Uuid) -> (i64, i64) {
        sqlx::query_as("SELECT stock, reserved FROM \"order\".product WHERE id = $1")
            .bind(product)
            .fetch_one(&self.database)
            .await
            .expect("the product is there")
    }

    /// One number from the tenant's database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.database)
            .await
            .expect("the tenant's database answers")
    }

    /// A new customer, whom every shop serves.
    pub fn customer(&self) -> Buyer {
        let (caller, token) = self.world.identity().customer();
        Buyer {
            id: caller.user_id.as_uuid(),
            client: self.admin.with_token(token),
        }
    }

    /// Holds a row (`sql` locks it) until `count` others wait for it, so that they really meet there; then lets go.
    pub async fn meeting<T>(
        &self,
        sql: &'static str,
        row: Uuid,
        count: i64,
        others: impl Future<Output = T>,
    ) -> T {
        let mut holder = self.database.begin().await.expect("the database answers");
        let held = sqlx::query(sql).bind(row).execute(&mut *holder);
        held.await.expect("the row can be locked");
        let lets_go = async {
            eventually("others to wait for the row", || async {
                let waiting = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
                (self.count(waiting).await >= count).then_some(())
            })
            .await;
            holder.rollback().await.expect("it can be let go");
        };
        tokio::join!(others, lets_go).0
    }

    pub fn order_path(&self, order: Uuid) -> String {
        format!("/api/orders/{}/{order}", self.code())
    }

    /// The order as the seller sees it.
    pub async fn order(&self, order: Uuid) -> Value {
        let path = self.order_path(order);
        patiently(async || self.admin.get(&path).await)
            .await
            .expect(200)
    }

    /// Waits until the order is there.
    pub async fn order_becomes(&self, order: Uuid, status: &str) -> Value {
        let what = format!("order {order} to become {status}");
        eventually(&what, || async {
            let found = self.admin.get(&self.order_path(order)).await;
            (found.body["status"] == status).then_some(found.body)
        })
        .await
    }

    /// Waits, through kills and outages, until the order is stored so.
    pub async fn order_is_stored_as(&self, order: Uuid, status: &str) {
        let what = format!("order {order} to be stored as {status}");
        testkit::eventually_within(Duration::from_mins(1), &what, || async {
            let sql = "SELECT status = $2 FROM \"order\".customer_order WHERE id = $1";
            let asked = sqlx::query_scalar(sql).bind(order).bind(status);
            let found: Result<bool, _> = asked.fetch_one(&self.database).await;
            found.ok().filter(|found| *found).map(drop)
        })
        .await;
    }

    /// An envelope as billing would make it.
    pub fn parts(&self, subject: Uuid) -> EventParts {
        EventParts::new("/tenantry/billing", subject)
            .sequence(1)
            .tenant(TenantRef {
                id: self.tenant.tenant.id.0,
                region: self.tenant.tenant.region.to_string(),
            })
    }

    /// Billing asks for this payment.
    pub fn payment_requested(&self, order: Uuid, payment: Uuid) -> PaymentRequested {
        PaymentRequested {
            payment_id: payment,
            order_id: order,
            tenant_id: self.tenant.tenant.id.0,
            tenant_code: self.code().to_owned(),
            buyer_id: Uuid::now_v7(),
            amount: euros(1999),
            gateway: "test".to_owned(),
            payment_link: format!("http://tenantry.test/pay/{payment}"),
        }
    }

    /// Billing has the money.
    pub fn payment_succeeded(&self, order: Uuid, payment: Uuid) -> PaymentSucceeded {
        PaymentSucceeded {
            payment_id: payment,
            order_id: order,
            tenant_id: self.tenant.tenant.id.0,
            tenant_code: self.code().to_owned(),
            buyer_id: Uuid::now_v7(),
            amount: euros(1999),
            gateway: "test".to_owned(),
        }
    }

    /// Billing asks for a payment, and the order waits for it; the payment.
    pub async fn bills(&self, order: Uuid) -> Uuid {
        let payment = Uuid::now_v7();
        let event = self.payment_requested(order, payment);
        self.world.publish(&self.tenant, payment, &event).await;
        self.order_becomes(order, "WAITING_FOR_PAYMENT").await;
        payment
    }

    /// Waits until the order service has handled these events of billing.
    pub async fn handled(&self, events: &[Uuid]) {
        eventually("the events to be handled", || async {
            let sql = "SELECT count(*) FROM \"order\".inbox WHERE event_id = ANY($1)";
            let handled: i64 = sqlx::query_scalar(sql)
                .bind(events)
                .fetch_one(&self.database)
                .await
                .expect("the tenant's database answers");
            (usize::try_from(handled) == Ok(events.len())).then_some(())
        })
        .await;
    }

    /// Waits until everything this shop wrote is on the log.
    pub async fn published_everything(&self) {
        testkit::eventually_within(Duration::from_mins(1), "the outbox to be empty", || async {
            (self.count("SELECT count(*) FROM \"order\".outbox").await == 0).then_some(())
        })
        .await;
    }
}

/// A customer.
#[derive(Clone)]
pub struct Buyer {
    pub id: Uuid,
    pub client: Client,
}

impl Buyer {
    /// Orders some pieces.
    pub async fn orders(&self, shop: &Shop, product: Uuid, quantity: i64) -> Reply {
        let path = create_path(shop);
        patiently(async || self.client.post(&path, items(product, quantity)).await).await
    }

    /// Orders with an `Idempotency-Key`.
    pub async fn orders_with_key(
        &self,
        key: &str,
        shop: &Shop,
        product: Uuid,
        quantity: i64,
    ) -> Reply {
        let client = self.client.header("idempotency-key", key);
        let path = create_path(shop);
        patiently(async || client.post(&path, items(product, quantity)).await).await
    }

    /// Orders, where the service may be away: its answer, if there was one.
    pub async fn tries_to_order(&self, shop: &Shop, product: Uuid) -> Option<Reply> {
        let (path, body) = (create_path(shop), items(product, 1).to_string());
        self.client
            .try_send(Method::POST, &path, Some(body))
            .await
            .ok()
    }

    /// Orders, and gets it; the order's id.
    pub async fn gets(&self, shop: &Shop, product: Uuid, quantity: i64) -> Uuid {
        id_of(&self.orders(shop, product, quantity).await.expect(201))
    }
}

/// Asks again while the answer is "later", as on a machine with too much to do: nothing was done then.
pub async fn patiently(ask: impl AsyncFn() -> Reply) -> Reply {
    eventually("an answer other than 503", || async {
        Some(ask().await).filter(|answer| answer.status != 503)
    })
    .await
}

pub fn create_path(shop: &Shop) -> String {
    format!("/api/orders/{}/create", shop.code())
}

pub fn items(product: Uuid, quantity: i64) -> Value {
    json!({"items": [{"productId": product, "quantity": quantity}]})
}

pub fn id_of(body: &Value) -> Uuid {
    let id = body["id"].as_str().expect("an id");
    id.parse().expect("an id is a UUID")
}

/// The statuses of some answers, sorted.
pub fn statuses(answers: &[Reply]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    statuses
}

pub fn euros(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}
