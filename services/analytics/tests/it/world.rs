//! Test fixture: a running analytics service, and orders whose events can be published repeatedly.

use analytics_service::{App, domain::OrderStatus};
use event_bus::{EventParts, TenantRef};
use events::{
    Money, Timestamp,
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
};
use serde_json::Value;
use service::Running;
use testkit::{Client, TestEnvironment, TestTenant, eventually, on_shared_runtime};
use tokio::{runtime::Handle, sync::OnceCell, task::spawn_blocking};
use uuid::Uuid;

/// A running service on a stack of its own.
pub struct Analytics {
    pub world: TestEnvironment,
    url: String,
    _running: Running,
}

/// The service shared by tests that look at one tenant or one user only.
pub async fn shared_service() -> &'static Analytics {
    static SERVICE: OnceCell<Analytics> = OnceCell::const_new();
    SERVICE.get_or_init(Analytics::start).await
}

impl Analytics {
    pub async fn start() -> Self {
        let world = TestEnvironment::new(&["analytics"]).await;
        let settings = world.settings("analytics");
        // The start's future is not `Send`, so it runs on a thread of its own.
        let running = on_shared_runtime(async move {
            let runtime = Handle::current();
            spawn_blocking(move || runtime.block_on(App::start(settings))).await
        })
        .await
        .expect("the start does not panic")
        .expect("the service starts");
        let url = format!("http://{}", running.address());
        Self {
            world,
            url,
            _running: running,
        }
    }

    pub async fn tenant(&self) -> TestTenant {
        self.world.tenant(&["analytics"]).await
    }

    pub fn client(&self, token: String) -> Client {
        self.world.client(&self.url, token)
    }

    pub fn stranger(&self) -> Client {
        Client::new(&self.url, None)
    }

    /// The tenant's report, read by its admin.
    pub async fn report(&self, tenant: &TestTenant) -> Value {
        let (_, token) = self.world.identity().admin_of(tenant);
        let path = format!("/api/{}/analytics", tenant.code());
        report_at(&self.client(token), &path).await
    }

    /// The platform report, read by the platform admin.
    pub async fn platform_report(&self) -> Value {
        let (_, token) = self.world.identity().platform_admin();
        report_at(&self.client(token), "/api/analytics").await
    }

    /// Publishes one event of an order.
    pub async fn publish(&self, event: &OrderEvent) {
        let OrderEvent {
            parts,
            order,
            status,
        } = event;
        let parts = parts.clone();
        let (order_id, tenant_code) = (order.id, order.tenant.code().to_owned());
        let (buyer_id, buyer_email) = (order.buyer, "ann@example.com".to_owned());
        let (total, payment_id) = (order.total.clone(), order.id);
        match status {
            OrderStatus::Created => {
                let at = Timestamp::from(parts.time);
                let (items, created_at, expires_at) = (Vec::new(), at, at);
                let payload = OrderCreated {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    items,
                    total,
                    created_at,
                    expires_at,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::WaitingForPayment => {
                let (payment_link, gateway) = ("http://pay.test/".to_owned(), "test".to_owned());
                let payload = OrderPaymentRequested {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    payment_link,
                    gateway,
                    total,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::Paid => {
                let payload = OrderPaid {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    total,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::Complete => {
                let transaction_id = "tx-1".to_owned();
                let payload = OrderCompleted {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    transaction_id,
                    total,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::Cancelled => {
                let reason = "changed their mind".to_owned();
                let payload = OrderCancelled {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    total,
                    reason,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::Expired => {
                let payload = OrderExpired {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    total,
                };
                self.world.publish_parts(parts, &payload).await
            }
            OrderStatus::Refunded => {
                let payload = OrderRefunded {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    total,
                };
                self.world.publish_parts(parts, &payload).await
            }
        };
    }
}

/// The report at this path. On a busy machine acquiring a connection may time out; the answer is then 503 with
/// `Retry-After`, and the request is retried.
async fn report_at(client: &Client, path: &str) -> Value {
    let reply = eventually("the report", || async {
        let reply = client.get(path).await;
        (reply.status != 503).then_some(reply)
    })
    .await;
    let mut answer = reply.expect(200);
    assert_eq!(answer["status"], "success");
    answer["data"].take()
}

/// An order at a tenant.
#[derive(Clone)]
pub struct TestOrder {
    pub id: Uuid,
    pub tenant: TestTenant,
    pub buyer: Uuid,
    pub total: Money,
}

/// An event of an order, with the same id each time it is published.
#[derive(Clone)]
pub struct OrderEvent {
    pub parts: EventParts,
    order: TestOrder,
    status: OrderStatus,
}

impl TestOrder {
    pub fn new(tenant: &TestTenant, buyer: Uuid, amount: i64, currency: &str) -> Self {
        let total = Money {
            amount,
            currency: currency.to_owned(),
        };
        Self {
            id: Uuid::now_v7(),
            tenant: tenant.clone(),
            buyer,
            total,
        }
    }

    /// The events of these statuses, in this order.
    pub fn events<const N: usize>(&self, statuses: [OrderStatus; N]) -> [OrderEvent; N] {
        let mut version = 0;
        statuses.map(|status| {
            version += 1;
            let parts = EventParts::new("/tenantry/order", self.id)
                .sequence(version)
                .tenant(tenant_ref(&self.tenant));
            OrderEvent {
                parts,
                order: self.clone(),
                status,
            }
        })
    }
}

impl OrderEvent {
    /// The same transition as an event with a new id.
    pub fn with_new_id(&self) -> Self {
        let parts = EventParts {
            id: Uuid::now_v7(),
            ..self.parts.clone()
        };
        Self {
            parts,
            ..self.clone()
        }
    }
}

pub fn tenant_ref(tenant: &TestTenant) -> TenantRef {
    TenantRef {
        id: tenant.tenant.id.0,
        region: tenant.tenant.region.to_string(),
    }
}
