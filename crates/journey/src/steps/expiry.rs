//! An order that nobody pays.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Person, Shop, catalogue::Products, stock};
use crate::{Places, Report, api::text, live::Live, until::until_within};

pub(super) async fn let_expire(
    places: &Places,
    customer: &Person,
    acme: &Shop,
    products: &Products,
    live: &mut Live,
    report: &mut Report,
) -> Result<()> {
    let api = customer.api.at(&places.order);
    let body = json!({ "items": [{ "productId": products.rocket, "quantity": 3 }] });
    let order = api
        .post(&format!("/api/orders/{}/create", acme.code), body.clone())
        .await?
        .expect(201)?;
    let id = text(&order, "id")?.to_owned();
    ensure!(
        stock(places, &customer.api, acme, &products.rocket).await? == 0,
        "all pieces are reserved"
    );
    api.post(&format!("/api/orders/{}/create", acme.code), body)
        .await?
        .expect(409)?;
    report.saw("all pieces are reserved; the next buyer is told so (409)");

    let path = format!("/api/orders/{}/{id}", acme.code);
    until_within(
        Duration::from_mins(2),
        "the unpaid order to expire",
        || async {
            let order = api.get(&path).await?.expect(200)?;
            Ok((order["status"] == "EXPIRED").then_some(()))
        },
    )
    .await?;
    live.next("order.expired", |message| {
        message["type"] == "order.expired" && message.to_string().contains(&id)
    })
    .await?;
    report.saw("unpaid → EXPIRED, seen live");
    let back = stock(places, &customer.api, acme, &products.rocket).await?;
    ensure!(back == 3, "3 pieces return, {back} are there");
    report.saw("its 3 pieces are for sale again");
    Ok(())
}
