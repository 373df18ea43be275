//! A running analytics service, and orders whose steps can be told again and again.

use analytics_service::{App, domain::Status};
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

/// The service in a world, known to nobody else.
pub struct Analytics {
    pub world: TestEnvironment,
    url: String,
    _running: Running,
}

/// The one that tests share which look at one tenant or one person only.
pub async fn shared() -> &'static Analytics {
    static SHARED: OnceCell<Analytics> = OnceCell::const_new();
    SHARED.get_or_init(Analytics::alone).await
}

impl Analytics {
    pub async fn alone() -> Self {
        let world = TestEnvironment::new(&["analytics"]).await;
        let settings = world.settings("analytics");
        // What a start borrows keeps it from moving between threads: it has one of its own.
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

    /// What the tenant's admin sees.
    pub async fn report(&self, tenant: &TestTenant) -> Value {
        let (_, token) = self.world.identity().admin_of(tenant);
        let path = format!("/api/{}/analytics", tenant.code());
        figures(&self.client(token), &path).await
    }

    /// What the landlord sees.
    pub async fn platform_report(&self) -> Value {
        let (_, token) = self.world.identity().platform_admin();
        figures(&self.client(token), "/api/analytics").await
    }

    /// Tells of one step of an order.
    pub async fn tell(&self, step: &Told) {
        let Told {
            parts,
            order,
            reached,
        } = step;
        let parts = parts.clone();
        let (order_id, tenant_code) = (order.id, order.tenant.code().to_owned());
        let (buyer_id, buyer_email) = (order.buyer, "ann@example.com".to_owned());
        let (total, payment_id) = (order.total.clone(), order.id);
        match reached {
            Status::Created => {
                let at = Timestamp::from(parts.time);
                let (items, created_at, expires_at) = (Vec::new(), at, at);
                let told = OrderCreated {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    items,
                    total,
                    created_at,
                    expires_at,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::WaitingForPayment => {
                let (payment_link, gateway) = ("http://pay.test/".to_owned(), "test".to_owned());
                let told = OrderPaymentRequested {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    payment_link,
                    gateway,
                    total,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::Paid => {
                let told = OrderPaid {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    total,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::Complete => {
                let transaction_id = "tx-1".to_owned();
                let told = OrderCompleted {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    transaction_id,
                    total,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::Cancelled => {
                let reason = "changed their mind".to_owned();
                let told = OrderCancelled {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    total,
                    reason,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::Expired => {
                let told = OrderExpired {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    total,
                };
                self.world.publish_parts(parts, &told).await
            }
            Status::Refunded => {
                let told = OrderRefunded {
                    order_id,
                    tenant_code,
                    buyer_id,
                    buyer_email,
                    payment_id,
                    total,
                };
                self.world.publish_parts(parts, &told).await
            }
        };
    }
}

/// The figures at this path. On a machine that is busy with something else a connection may take too long to come, and
/// the answer is 503 with `Retry-After`: it is tried again.
async fn figures(client: &Client, path: &str) -> Value {
    let reply = eventually("figures", || async {
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
pub struct Ordered {
    pub id: Uuid,
    pub tenant: TestTenant,
    pub buyer: Uuid,
    pub total: Money,
}

/// A step of it, to be told as often as one likes: the same event each time.
#[derive(Clone)]
pub struct Told {
    pub parts: EventParts,
    order: Ordered,
    reached: Status,
}

impl Ordered {
    pub fn of(tenant: &TestTenant, buyer: Uuid, amount: i64, currency: &str) -> Self {
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

    /// The events of these steps, one after the other.
    pub fn steps<const N: usize>(&self, life: [Status; N]) -> [Told; N] {
        let mut version = 0;
        life.map(|reached| {
            version += 1;
            let parts = EventParts::new("/tenantry/order", self.id)
                .sequence(version)
                .tenant(tenant_ref(&self.tenant));
            Told {
                parts,
                order: self.clone(),
                reached,
            }
        })
    }
}

impl Told {
    /// The same step as another event, as if nobody remembered the first.
    pub fn forgotten(&self) -> Self {
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
