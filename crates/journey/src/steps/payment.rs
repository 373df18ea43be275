//! The order is paid and completed.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Ordered, Person, Shop, catalogue::Products};
use crate::{
    Places, Report,
    api::{number, text},
    live::Live,
    mail::mail_to,
    until::until,
};

pub(super) async fn pay(
    places: &Places,
    customer: &Person,
    acme: &Shop,
    products: &Products,
    live: &mut Live,
    created: Value,
    report: &mut Report,
) -> Result<Ordered> {
    let id = text(&created, "id")?.to_owned();
    let api = customer.api.at(&places.order);
    let path = format!("/api/orders/{}/{id}", acme.code);
    let waiting = until("billing's answer with a payment", || async {
        let order = api.get(&path).await?.expect(200)?;
        Ok((order["status"] == "WAITING_FOR_PAYMENT").then_some(order))
    })
    .await?;
    let link = text(&waiting, "paymentLink")?;
    text(&waiting, "paymentId")?;
    report.saw(format!(
        "billing asks for a payment: {}",
        link.split('?').next().unwrap_or(link)
    ));
    live.next("order.payment_requested", |message| {
        message["type"] == "order.payment_requested" && message.to_string().contains(&id)
    })
    .await?;
    report.saw("she sees it live");
    mail_to(&places.mail_dir, &customer.email, "/api/billing/pay/").await?;
    report.saw("and by mail");

    let complete = json!({ "transaction_id": format!("tx-{id}") });
    api.post(&format!("{path}/complete"), complete.clone())
        .await?
        .expect(409)?;
    report.saw("an unpaid order cannot be completed (409)");
    let paid = api
        .post(&format!("{path}/payment-received"), json!({}))
        .await?
        .expect(200)?;
    ensure!(paid["status"] == "PAID", "the order is not PAID: {paid}");
    let again = api
        .post(&format!("{path}/payment-received"), json!({}))
        .await?
        .expect(200)?;
    ensure!(
        again["version"] == paid["version"],
        "a second notice changed the order: {again}"
    );
    let product = api
        .get(&format!("/api/{}/products/{}", acme.code, products.anvil))
        .await?
        .expect(200)?;
    ensure!(
        number(&product, "/stock")? == 8 && number(&product, "/reserved")? == 0,
        "two pieces are sold: {product}"
    );
    report.saw("payment received → PAID; two pieces are sold, once");

    let done = api
        .post(&format!("{path}/complete"), complete)
        .await?
        .expect(200)?;
    ensure!(
        done["status"] == "COMPLETE",
        "the order is not COMPLETE: {done}"
    );
    live.next("order.completed", |message| {
        message["type"] == "order.completed" && message.to_string().contains(&id)
    })
    .await?;
    mail_to(&places.mail_dir, &customer.email, &format!("tx-{id}")).await?;
    report.saw("completed with a transaction_id → COMPLETE; confirmation live and by mail");
    Ok(Ordered {
        id,
        order: done,
        waiting,
    })
}
