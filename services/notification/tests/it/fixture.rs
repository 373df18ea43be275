//! The test fixture: a running notification service, events of the other services, and access to the sent e-mails.

use std::{path::PathBuf, time::Duration};

use event_bus::EventParts;
use events::{
    Money,
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderItem, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
    user::UserRegistered,
};
use notification_service::{App, settings::NotificationSettings};
use service::{Running, Settings};
use sqlx::PgPool;
use testkit::{Client, TestEnvironment, TestTenant, TopicLog, eventually, on_shared_runtime};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{socket_client::Socket, stub_user_service::StubUserService};

/// A [`TestEnvironment`] with a running notification service.
pub struct Fixture {
    pub world: TestEnvironment,
    pub users: StubUserService,
    pub service: Running,
    pub log: TopicLog,
    mail_dir: PathBuf,
}

impl Fixture {
    /// The fixture shared by all tests that do not disturb each other: each uses its own users and tenants.
    pub async fn shared() -> &'static Self {
        static FIXTURE: OnceCell<Fixture> = OnceCell::const_new();
        FIXTURE.get_or_init(|| Self::build(&[])).await
    }

    /// A fixture for one test, with some of the service's environment variables changed.
    pub async fn build(changed: &[(&str, &str)]) -> Self {
        let world = TestEnvironment::new(&["notification"]).await;
        let users = StubUserService::start().await;
        let mail_dir =
            std::env::temp_dir().join(format!("tenantry-mail-{}", Uuid::now_v7().simple()));
        let service = start(settings(&world, &users, changed), with_mail_dir(&mail_dir)).await;
        let log = world.log("notification.events");
        Self {
            world,
            users,
            service,
            log,
            mail_dir,
        }
    }

    /// Starts another replica.
    pub async fn replica(&self, changed: &[(&str, &str)]) -> Running {
        start(
            settings(&self.world, &self.users, changed),
            with_mail_dir(&self.mail_dir),
        )
        .await
    }

    /// Starts a replica that sends e-mails to this mail server.
    pub async fn replica_with_mail_server(&self, url: &str) -> Running {
        let own = NotificationSettings {
            smtp_url: Some(url.into()),
            ..with_mail_dir(&self.mail_dir)
        };
        start(settings(&self.world, &self.users, &[]), own).await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.service.address())
    }

    pub fn client(&self, token: &str) -> Client {
        self.world.client(self.url(), token)
    }

    pub async fn database(&self) -> PgPool {
        self.world.platform_pool("notification").await
    }

    /// A new tenant.
    pub async fn tenant(&self) -> TestTenant {
        self.world.tenant(&[]).await
    }

    pub async fn socket(&self, token: &str, cursor: Option<&str>) -> Socket {
        Socket::open(&self.url(), token, cursor).await
    }

    /// The e-mails to this address as written to their files, once there are at least `count`.
    pub async fn mail_to(&self, address: &str, count: usize) -> Vec<String> {
        eventually(&format!("{count} e-mails to {address}"), || async {
            Some(self.mail_so_far(address)).filter(|found| found.len() >= count)
        })
        .await
    }

    /// The e-mails to this address so far.
    pub fn mail_so_far(&self, address: &str) -> Vec<String> {
        let to = format!("To: {address}\r\n");
        let files = std::fs::read_dir(&self.mail_dir).expect("the mail directory exists");
        files
            .map(|file| file.expect("the directory is readable").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
            .map(|path| std::fs::read_to_string(path).expect("an e-mail is text"))
            .filter(|text| text.contains(&to))
            .map(|text| text.replace("=\r\n", "").replace("=3D", "="))
            .collect()
    }

    /// Registers a customer; returns the id and e-mail address.
    pub async fn registered(&self) -> (Uuid, String) {
        let (user_id, email) = (
            Uuid::now_v7(),
            format!("{}@example.com", Uuid::now_v7().simple()),
        );
        let event = UserRegistered {
            user_id,
            email: email.clone(),
            name: "Ann".to_owned(),
        };
        self.world.publish_platform(user_id, &event).await;
        (user_id, email)
    }
}

fn settings(
    world: &TestEnvironment,
    users: &StubUserService,
    changed: &[(&str, &str)],
) -> Settings {
    let mut variables = vec![("USER_URL", users.url())];
    variables.extend_from_slice(changed);
    world.settings_with("notification", &variables)
}

fn with_mail_dir(mail_dir: &std::path::Path) -> NotificationSettings {
    NotificationSettings {
        mail_dir: Some(mail_dir.to_owned()),
        smtp_url: None,
        mail_from: "Tenantry <no-reply@tenantry.test>".to_owned(),
    }
}

async fn start(settings: Settings, own: NotificationSettings) -> Running {
    on_shared_runtime(async move { App::start(settings, own).await.expect("the service starts") })
        .await
}

/// An order of a customer at a tenant; publishes its events as the order service would.
pub struct Order<'a> {
    world: &'a TestEnvironment,
    pub tenant: &'a TestTenant,
    pub id: Uuid,
    pub buyer: Uuid,
    pub email: String,
}

impl<'a> Order<'a> {
    pub fn of(fixture: &'a Fixture, tenant: &'a TestTenant, buyer: Uuid) -> Self {
        let email = format!("{buyer}@example.com");
        Self {
            world: &fixture.world,
            tenant,
            id: Uuid::now_v7(),
            buyer,
            email,
        }
    }

    fn total() -> Money {
        Money {
            amount: 3998,
            currency: "EUR".to_owned(),
        }
    }

    pub async fn created(&self) -> Uuid {
        let unit = Money {
            amount: 1999,
            currency: "EUR".to_owned(),
        };
        let item = OrderItem {
            product_id: Uuid::now_v7(),
            name: "Anvil".to_owned(),
            quantity: 2,
            unit_price: unit,
            total: Self::total(),
        };
        let event = OrderCreated {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            items: vec![item],
            total: Self::total(),
            created_at: events::Timestamp::now(),
            expires_at: events::Timestamp::now(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn payment_requested(&self) -> Uuid {
        let event = OrderPaymentRequested {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            payment_id: Uuid::now_v7(),
            payment_link: format!("http://tenantry.test/pay/{}?token=canary", self.id),
            gateway: "test".to_owned(),
            total: Self::total(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn completed(&self) -> Uuid {
        let event = OrderCompleted {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            transaction_id: "tx-1".to_owned(),
            total: Self::total(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn paid(&self) -> Uuid {
        let event = OrderPaid {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            payment_id: Uuid::now_v7(),
            total: Self::total(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn refunded(&self) -> Uuid {
        let event = OrderRefunded {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            payment_id: Uuid::now_v7(),
            total: Self::total(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn cancelled(&self) -> Uuid {
        let event = OrderCancelled {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            total: Self::total(),
            reason: "called off".to_owned(),
        };
        self.world.publish(self.tenant, self.id, &event).await
    }

    pub async fn expired(&self) -> Uuid {
        self.expired_again(Uuid::now_v7()).await
    }

    /// Publishes the event with this id, possibly again.
    pub async fn expired_again(&self, id: Uuid) -> Uuid {
        let event = OrderExpired {
            order_id: self.id,
            tenant_code: self.tenant.code().to_owned(),
            buyer_id: self.buyer,
            buyer_email: self.email.clone(),
            total: Self::total(),
        };
        let mut parts = EventParts::new("/tenantry/test", self.id)
            .sequence(1)
            .tenant(event_bus::TenantRef {
                id: self.tenant.tenant.id.0,
                region: self.tenant.tenant.region.to_string(),
            });
        parts.id = id;
        self.world.publish_parts(parts, &event).await
    }
}

/// Time to wait before asserting that something did not happen.
pub const QUIET_PERIOD: Duration = Duration::from_millis(1500);
