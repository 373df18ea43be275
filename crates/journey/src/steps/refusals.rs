//! Everyone who should be refused, at everything that is acme's.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Ordered, Shop, catalogue::Products, register};
use crate::{
    Places, Report,
    api::Api,
    live::{Live, refused},
};

pub(super) async fn try_all(
    places: &Places,
    acme: &Shop,
    globex: &Shop,
    products: &Products,
    ordered: &Ordered,
    report: &mut Report,
) -> Result<()> {
    let other = register(places, "Oscar").await?;
    let stranger = Api::stranger(&places.order)?;
    let forged = stranger.with_token(&forge(acme.admin.token().unwrap_or_default()));
    let mut tried = 0;
    for (method, base, path, body, others) in calls(places, acme, products, ordered) {
        let mut callers = vec![
            ("globex's admin", globex.admin.clone()),
            (
                "globex's admin with acme's header",
                globex.admin.header("x-tenant-id", &acme.code),
            ),
            ("a stranger", stranger.clone()),
            ("a forged token", forged.clone()),
        ];
        if others == Others::Refused {
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
                "{who}: {method} {path} answered {status}: {}",
                reply.body
            );
            tried += 1;
        }
    }
    report.saw(format!(
        "{tried} calls by path, header and token: every one 401, 403 or 404"
    ));

    let contradiction = acme
        .admin
        .at(&places.order)
        .header("x-tenant-id", &globex.code);
    let reply = contradiction
        .get(&format!("/api/{}/products", acme.code))
        .await?;
    ensure!(
        reply.status == 400 || reply.status == 403,
        "a header against the path answered {}",
        reply.status
    );
    report.saw("a header that contradicts path and token is refused");

    ensure!(
        refused(&places.notification, None).await? == 401,
        "a stranger's WebSocket is refused"
    );
    ensure!(
        refused(&places.notification, forged.token()).await? == 401,
        "a forged token's WebSocket is refused"
    );
    silent(places, &globex.admin, acme, products).await?;
    report.saw("WebSockets: strangers are refused, globex's admin hears nothing of acme's");
    Ok(())
}

/// Whether another customer may make the call too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Refused,
    Welcome,
}

type Call<'a> = (Method, &'a str, String, Option<Value>, Others);

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn calls<'a>(
    places: &'a Places,
    acme: &Shop,
    products: &Products,
    ordered: &Ordered,
) -> Vec<Call<'a>> {
    use Others::{Refused, Welcome};
    let (code, order, anvil) = (&acme.code, &ordered.id, &products.anvil);
    let (shop, none) = (&*places.order, None::<Value>);
    let price = json!({ "price": { "amount": 1, "currency": "EUR" } });
    let product = json!({ "name": "x", "price": { "amount": 1, "currency": "EUR" }, "stock": 1 });
    vec![
        (
            Method::GET,
            shop,
            format!("/api/{code}/products"),
            none.clone(),
            Welcome,
        ),
        (
            Method::POST,
            shop,
            format!("/api/{code}/products"),
            Some(product),
            Refused,
        ),
        (
            Method::GET,
            shop,
            format!("/api/{code}/products/{anvil}"),
            none.clone(),
            Welcome,
        ),
        (
            Method::PATCH,
            shop,
            format!("/api/{code}/products/{anvil}"),
            Some(price),
            Refused,
        ),
        (
            Method::DELETE,
            shop,
            format!("/api/{code}/products/{anvil}"),
            none.clone(),
            Refused,
        ),
        (
            Method::GET,
            shop,
            format!("/api/orders/{code}/{order}"),
            none.clone(),
            Refused,
        ),
        (
            Method::POST,
            shop,
            format!("/api/orders/{code}/{order}/payment-received"),
            Some(json!({})),
            Refused,
        ),
        (
            Method::POST,
            shop,
            format!("/api/orders/{code}/{order}/complete"),
            Some(json!({ "transaction_id": "x" })),
            Refused,
        ),
        (
            Method::POST,
            shop,
            format!("/api/orders/{code}/{order}/cancel"),
            Some(json!({})),
            Refused,
        ),
        (
            Method::GET,
            &places.analytics,
            format!("/api/{code}/analytics"),
            none.clone(),
            Refused,
        ),
        (
            Method::GET,
            &places.tenant,
            format!("/api/tenants/{code}"),
            none.clone(),
            Refused,
        ),
        (
            Method::GET,
            &places.tenant,
            format!("/api/tenants/{}", acme.id),
            none.clone(),
            Refused,
        ),
        (
            Method::GET,
            &places.tenant,
            format!("/api/tenants/{code}/onboarding"),
            none.clone(),
            Refused,
        ),
        (
            Method::POST,
            &places.tenant,
            format!("/api/tenants/{code}/suspend"),
            Some(json!({})),
            Refused,
        ),
        (
            Method::GET,
            &places.event_store,
            format!("/api/aggregates/order/{order}"),
            none,
            Refused,
        ),
    ]
}

/// A token of acme's own admin whose claims were touched: its signature no longer fits.
fn forge(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    if let Some(claims) = parts.get_mut(1) {
        // A letter in the middle becomes another one; which one does not matter.
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
async fn silent(places: &Places, globex: &Api, acme: &Shop, products: &Products) -> Result<()> {
    let mut live = Live::open(&places.notification, globex.token().unwrap_or_default()).await?;
    let buyer = register(places, "Bea").await?;
    let body = json!({ "items": [{ "productId": products.anvil, "quantity": 1 }] });
    let mut acmes =
        Live::open(&places.notification, acme.admin.token().unwrap_or_default()).await?;
    let path = format!("/api/orders/{}/create", acme.code);
    let order = buyer
        .api
        .at(&places.order)
        .post(&path, body)
        .await?
        .expect(201)?;
    let id = crate::api::text(&order, "id")?.to_owned();
    acmes
        .next("acme's own order", |message| {
            message.to_string().contains(&id)
        })
        .await?;
    // Acme's admin has heard of it. Now globex's next message must be one of their own.
    let path = format!("/api/orders/{}/{id}/cancel", acme.code);
    buyer
        .api
        .at(&places.order)
        .post(&path, json!({}))
        .await?
        .expect(200)?;
    acmes
        .next("acme's own cancellation", |message| {
            message["type"] == "order.cancelled"
        })
        .await?;
    ensure!(
        !live.heard(&id).await?,
        "globex's admin heard of acme's order {id}"
    );
    Ok(())
}
