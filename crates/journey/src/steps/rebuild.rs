//! The order out of the log.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Ordered, Shop};
use crate::{Places, Report, api::text, until::until};

pub(super) async fn rebuild(
    places: &Places,
    acme: &Shop,
    ordered: &Ordered,
    report: &mut Report,
) -> Result<()> {
    let store = acme.admin.at(&places.event_store);
    let path = format!("/api/aggregates/order/{}", ordered.id);
    let now = until("the rebuilt order to be COMPLETE", || async {
        let reply = store.get(&path).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let rebuilt = reply.expect(200)?;
        Ok((rebuilt["state"]["status"] == "COMPLETE").then_some(rebuilt))
    })
    .await?;
    equal(&now["state"], &ordered.order)?;
    report.saw("rebuilt now: the same, field by field, as the order service answers");

    let before = text(&ordered.waiting, "updatedAt")?;
    let then = store
        .get(&format!("{path}?as_of={before}"))
        .await?
        .expect(200)?;
    equal(&then["state"], &ordered.waiting)?;
    report.saw(format!(
        "rebuilt as of {before}: WAITING_FOR_PAYMENT, as it was before the payment"
    ));
    Ok(())
}

fn equal(rebuilt: &Value, answered: &Value) -> Result<()> {
    let fields = answered.as_object().context("an order is an object")?;
    for (field, value) in fields {
        ensure!(
            &rebuilt[field] == value,
            "{field} was rebuilt as {} and answered as {value}",
            rebuilt[field]
        );
    }
    ensure!(
        rebuilt == answered,
        "the rebuilt order has more than was answered: {rebuilt}"
    );
    Ok(())
}
