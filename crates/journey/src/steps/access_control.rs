//! Access to another tenant's resources is denied.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PlacedOrder, TestTenant, catalogue::Products, register};
use crate::{
    Endpoints, Report,
    client::Client,
    web_socket::{LiveMessages, rejection_status},
};

pub(super) async fn check(
    endpoints: &Endpoints,
    acme: &TestTenant,
    globex: &TestTenant,
    products: &Products,
    ordered: &PlacedOrder,
    report: &mut Report,
) -> Result<()> {
    let other = register(endpoints, "Oscar").await?;
    let anonymous = Client::anonymous(&endpoints.order)?;
    let forged = anonymous.with_token(&forge(acme.admin.token().unwrap_or_default()));
    let mut tried = 0;
    for (method, base, path, body, others) in requests(endpoints, acme, products, ordered) {
        let mut callers = vec![
            ("admin of globex", globex.admin.clone()),
            (
                "admin of globex with the header of acme",
                globex.admin.header("x-tenant-id", &acme.code),
            ),
            ("anonymous", anonymous.clone()),
            ("forged token", forged.clone()),
        ];
        if others == OtherCustomers::Denied {
            callers.push(("another customer", other.api.clone()));
        }
        for (who, api) in callers {
            let reply = api
                .at(base)
                .send(method.clone(), &path, body.clone())
                .await?;
            let status = reply.status.as_u16();
            ensure!(
                [401, 403, 404].contains(&status),
                "{who}: {method} {path} returned {status}: {}",
                reply.body
            );
            tried += 1;
        }
    }
    report.passed(format!(
        "{tried} requests by path, header and token: all 401, 403 or 404"
    ));

    let contradiction = acme
        .admin
        .at(&endpoints.order)
        .header("x-tenant-id", &globex.code);
    let reply = contradiction
        .get(&format!("/api/{}/products", acme.code))
        .await?;
    ensure!(
        reply.status == 400 || reply.status == 403,
        "a tenant header that contradicts the path returned {}",
        reply.status
    );
    report.passed("tenant header that contradicts path and token rejected");

    ensure!(
        rejection_status(&endpoints.notification, None).await? == 401,
        "an anonymous WebSocket was not rejected with 401"
    );
    ensure!(
        rejection_status(&endpoints.notification, forged.token()).await? == 401,
        "a WebSocket with a forged token was not rejected with 401"
    );
    ensure_isolated_messages(endpoints, &globex.admin, acme, products).await?;
    report.passed("WebSockets: anonymous and forged rejected, other tenant receives no messages");
    Ok(())
}

/// Whether other customers may send the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OtherCustomers {
    Denied,
    Allowed,
}

type Request<'a> = (Method, &'a str, String, Option<Value>, OtherCustomers);

#[expect(clippy::too_many_lines, reason = "a table of requests")]
fn requests<'a>(
    endpoints: &'a Endpoints,
    acme: &TestTenant,
    products: &Products,
    ordered: &PlacedOrder,
) -> Vec<Request<'a>> {
    use OtherCustomers::{Allowed, Denied};
    let (code, order, anvil) = (&acme.code, &ordered.id, &products.anvil);
    let (order_service, none) = (&*endpoints.order, None::<Value>);
    let price = json!({ "price": { "amount": 1, "currency": "EUR" } });
    let product = json!({ "name": "x", "price": { "amount": 1, "currency": "EUR" }, "stock": 1 });
    vec![
        (
            Method::GET,
            order_service,
            format!("/api/{code}/products"),
            none.clone(),
            Allowed,
        ),
        (
            Method::POST,
            order_service,
            format!("/api/{code}/products"),
            Some(product),
            Denied,
        ),
        (
            Method::GET,
            order_service,
            format!("/api/{code}/products/{anvil}"),
            none.clone(),
            Allowed,
        ),
        (
            Method::PATCH,
            order_service,
            format!("/api/{code}/products/{anvil}"),
            Some(price),
            Denied,
        ),
        (
            Method::DELETE,
            order_service,
            format!("/api/{code}/products/{anvil}"),
            none.clone(),
            Denied,
        ),
        (
            Method::GET,
            order_service,
            format!("/api/orders/{code}/{order}"),
            none.clone(),
            Denied,
        ),
        (
            Method::POST,
            order_service,
            format!("/api/orders/{code}/{order}/payment-received"),
            Some(json!({})),
            Denied,
        ),
        (
            Method::POST,
            order_service,
            format!("/api/orders/{code}/{order}/complete"),
            Some(json!({ "transaction_id": "x" })),
            Denied,
        ),
        (
            Method::POST,
            order_service,
            format!("/api/orders/{code}/{order}/cancel"),
            Some(json!({})),
            Denied,
        ),
        (
            Method::GET,
            &endpoints.analytics,
            format!("/api/{code}/analytics"),
            none.clone(),
            Denied,
        ),
        (
            Method::GET,
            &endpoints.tenant,
            format!("/api/tenants/{code}"),
            none.clone(),
            Denied,
        ),
        (
            Method::GET,
            &endpoints.tenant,
            format!("/api/tenants/{}", acme.id),
            none.clone(),
            Denied,
        ),
        (
            Method::GET,
            &endpoints.tenant,
            format!("/api/tenants/{code}/onboarding"),
            none.clone(),
            Denied,
        ),
        (
            Method::POST,
            &endpoints.tenant,
            format!("/api/tenants/{code}/suspend"),
            Some(json!({})),
            Denied,
        ),
        (
            Method::GET,
            &endpoints.event_store,
            format!("/api/aggregates/order/{order}"),
            none,
            Denied,
        ),
    ]
}

/// Modifies the claims of a token, so that its signature does not match.
fn forge(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    if let Some(claims) = parts.get_mut(1) {
        // Replaces any character.
        let middle = claims.len() / 2;
        let swapped = if claims[middle..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        claims.replace_range(middle..=middle, swapped);
    }
    parts.join(".")
}

/// Globex's admin listens while acme's catalogue is ordered from, and hears only their own tenant.
async fn ensure_isolated_messages(
    endpoints: &Endpoints,
    globex: &Client,
    acme: &TestTenant,
    products: &Products,
) -> Result<()> {
    let mut live =
        LiveMessages::open(&endpoints.notification, globex.token().unwrap_or_default()).await?;
    let buyer = register(endpoints, "Bea").await?;
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 1 }] });
    let mut acme_messages = LiveMessages::open(
        &endpoints.notification,
        acme.admin.token().unwrap_or_default(),
    )
    .await?;
    let path = format!("/api/orders/{}/create", acme.code);
    let order = buyer
        .api
        .at(&endpoints.order)
        .post(&path, body)
        .await?
        .expect(201)?;
    let id = crate::client::text(&order, "id")?.to_owned();
    acme_messages
        .next("the order of acme", |message| {
            message.to_string().contains(&id)
        })
        .await?;
    // The admin of acme has received it. The admin of globex must not receive it.
    let path = format!("/api/orders/{}/{id}/cancel", acme.code);
    buyer
        .api
        .at(&endpoints.order)
        .post(&path, json!({}))
        .await?
        .expect(200)?;
    acme_messages
        .next("the cancellation of acme's order", |message| {
            message["type"] == "order.cancelled"
        })
        .await?;
    ensure!(
        !live.has_received(&id).await?,
        "the admin of globex received a message about acme's order {id}"
    );
    Ok(())
}
