//! The steps of the journey. Each returns what the following ones need.

mod access_control;
mod catalogue;
mod expiry;
mod invalid_messages;
mod ordering;
mod payment;
mod rebuild;
mod tenants;
mod totals;

use anyhow::Result;
use serde_json::Value;

use crate::{Endpoints, Report, client::Client};

/// A tenant and its administrator.
pub struct TestTenant {
    /// The tenant's code.
    pub code: String,
    /// The tenant's id.
    pub id: String,
    /// A client of its administrator.
    pub admin: Client,
}

/// A registered customer.
pub struct Customer {
    /// The user id.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// A client of the customer.
    pub api: Client,
}

/// The first order, in two of its states.
pub struct PlacedOrder {
    /// The order id.
    pub id: String,
    /// The order as returned when it was complete.
    pub order: Value,
    /// The order as returned while it waited for the payment.
    pub waiting: Value,
}

pub(crate) async fn run(endpoints: Endpoints, report: &mut Report) -> Result<()> {
    report.begin("Platform admin creates two tenants");
    let (platform_admin, acme, globex) = tenants::create(&endpoints, report).await?;

    report.begin("Tenant admin creates products");
    let products = catalogue::create_products(&endpoints, &acme, report).await?;

    report.begin("Customer registers and places an order");
    let (customer, mut live, created) =
        ordering::order(&endpoints, &platform_admin, &acme, &products, report).await?;

    report.begin("Order is paid and completed");
    let ordered = payment::pay(
        &endpoints, &customer, &acme, &products, &mut live, created, report,
    )
    .await?;

    report.begin("Unpaid order expires and releases its stock");
    expiry::let_expire(&endpoints, &customer, &acme, &products, &mut live, report).await?;

    report.begin("Order lists and analytics are correct");
    totals::read(
        &endpoints,
        &platform_admin,
        &customer,
        &acme,
        &globex,
        report,
    )
    .await?;

    report.begin("Event store rebuilds the order");
    rebuild::rebuild(&endpoints, &acme, &ordered, report).await?;

    report.begin("Unauthorised access is denied");
    access_control::check(&endpoints, &acme, &globex, &products, &ordered, report).await?;

    report.begin("Invalid messages go to the dead-letter topic");
    invalid_messages::publish_and_find(&endpoints, &customer, &acme, &products, report).await?;
    report.end();
    Ok(())
}

/// Generates a valid password.
fn password() -> String {
    format!("Journey-{}", uuid::Uuid::new_v4().simple())
}

/// Generates a unique e-mail address.
fn address(name: &str) -> String {
    format!(
        "{name}-{}@example.com",
        &uuid::Uuid::new_v4().simple().to_string()[..10]
    )
}

/// Logs in and returns a client with the token.
async fn log_in(endpoints: &Endpoints, email: &str, password: &str) -> Result<Client> {
    let anonymous = Client::anonymous(&endpoints.user)?;
    let response = anonymous
        .post(
            "/api/auth/login",
            serde_json::json!({ "email": email, "password": password }),
        )
        .await?
        .expect(200)?;
    Ok(anonymous.with_token(crate::client::text(&response, "access_token")?))
}

/// Registers a customer and logs in.
async fn register(endpoints: &Endpoints, name: &str) -> Result<Customer> {
    let (email, password) = (address(&name.to_lowercase()), password());
    let anonymous = Client::anonymous(&endpoints.user)?;
    let body = serde_json::json!({ "email": email, "password": password, "name": name });
    let user = anonymous
        .post("/api/auth/register", body)
        .await?
        .expect(201)?;
    let id = crate::client::text(&user, "id")?.to_owned();
    let api = log_in(endpoints, &email, &password).await?;
    Ok(Customer { id, email, api })
}

/// Returns the available stock of a product.
async fn stock(
    endpoints: &Endpoints,
    client: &Client,
    tenant: &TestTenant,
    product: &str,
) -> Result<i64> {
    let path = format!("/api/{}/products/{product}", tenant.code);
    crate::client::number(
        &client.at(&endpoints.order).get(&path).await?.expect(200)?,
        "/stock",
    )
}
