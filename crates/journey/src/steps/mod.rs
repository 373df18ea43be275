//! The steps, one file each. Each leaves behind what the next ones need.

mod bad_messages;
mod catalogue;
mod expiry;
mod ordering;
mod payment;
mod rebuild;
mod refusals;
mod tenants;
mod totals;

use anyhow::Result;
use serde_json::Value;

use crate::{Places, Report, api::Api};

/// A tenant of the journey and its admin.
pub struct Shop {
    /// The tenant's code.
    pub code: String,
    /// The tenant's id.
    pub id: String,
    /// Its admin, logged in.
    pub admin: Api,
}

/// The customer of the journey.
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their e-mail.
    pub email: String,
    /// They, logged in.
    pub api: Api,
}

/// What is known of the first order after it was placed and paid.
pub struct Ordered {
    /// Its id.
    pub id: String,
    /// As the order service answered last.
    pub order: Value,
    /// As it answered while the order waited for its payment.
    pub waiting: Value,
}

pub(crate) async fn walk(places: Places, report: &mut Report) -> Result<()> {
    report.begin("The landlord creates two tenants");
    let (landlord, acme, globex) = tenants::create(&places, report).await?;

    report.begin("Acme's admin puts up products");
    let products = catalogue::put_up(&places, &acme, report).await?;

    report.begin("A customer registers, listens and orders");
    let (customer, mut live, created) =
        ordering::order(&places, &landlord, &acme, &products, report).await?;

    report.begin("The order is paid and completed");
    let ordered = payment::pay(
        &places, &customer, &acme, &products, &mut live, created, report,
    )
    .await?;

    report.begin("An unpaid order expires, its stock returns");
    expiry::let_expire(&places, &customer, &acme, &products, &mut live, report).await?;

    report.begin("Customer and admins read what happened");
    totals::read(&places, &landlord, &customer, &acme, &globex, report).await?;

    report.begin("The event store rebuilds the order");
    rebuild::rebuild(&places, &acme, &ordered, report).await?;

    report.begin("Everyone else is refused everything");
    refusals::try_all(&places, &acme, &globex, &products, &ordered, report).await?;

    report.begin("Bad messages are set aside, nothing stops");
    bad_messages::put_and_find(&places, &customer, &acme, &products, report).await?;
    report.end();
    Ok(())
}

/// A password good enough for the journey, never the same.
fn password() -> String {
    format!("Journey-{}", uuid::Uuid::new_v4().simple())
}

/// An address nobody has yet.
fn address(name: &str) -> String {
    format!(
        "{name}-{}@example.com",
        &uuid::Uuid::new_v4().simple().to_string()[..10]
    )
}

/// Logs in.
async fn log_in(places: &Places, email: &str, password: &str) -> Result<Api> {
    let stranger = Api::stranger(&places.user)?;
    let answer = stranger
        .post(
            "/api/auth/login",
            serde_json::json!({ "email": email, "password": password }),
        )
        .await?
        .expect(200)?;
    Ok(stranger.with_token(crate::api::text(&answer, "access_token")?))
}

/// Registers a customer and logs them in.
async fn register(places: &Places, name: &str) -> Result<Person> {
    let (email, password) = (address(&name.to_lowercase()), password());
    let stranger = Api::stranger(&places.user)?;
    let body = serde_json::json!({ "email": email, "password": password, "name": name });
    let user = stranger
        .post("/api/auth/register", body)
        .await?
        .expect(201)?;
    let id = crate::api::text(&user, "id")?.to_owned();
    let api = log_in(places, &email, &password).await?;
    Ok(Person { id, email, api })
}

/// A product's pieces for sale.
async fn stock(places: &Places, person: &Api, shop: &Shop, product: &str) -> Result<i64> {
    let path = format!("/api/{}/products/{product}", shop.code);
    crate::api::number(
        &person.at(&places.order).get(&path).await?.expect(200)?,
        "/stock",
    )
}
