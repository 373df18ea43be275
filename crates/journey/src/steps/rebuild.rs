//! Rebuilding the order from its events.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{PlacedOrder, TestTenant};
use crate::{Endpoints, Report, client::text, poll::poll};

pub(super) async fn rebuild(
    endpoints: &Endpoints,
    acme: &TestTenant,
    ordered: &PlacedOrder,
    report: &mut Report,
) -> Result<()> {
    let store = acme.admin.at(&endpoints.event_store);
    let path = format!("/api/aggregates/order/{}", ordered.id);
    let now = poll("the rebuilt order to be COMPLETE", || async {
        let reply = store.get(&path).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let rebuilt = reply.expect(200)?;
        Ok((rebuilt["state"]["status"] == "COMPLETE").then_some(rebuilt))
    })
    .await?;
    ensure_equal(&now["state"], &ordered.order)?;
    report.passed("current state equals the response of the order service, field by field");

    let before = text(&ordered.waiting, "updatedAt")?;
    let then = store
        .get(&format!("{path}?as_of={before}"))
        .await?
        .expect(200)?;
    ensure_equal(&then["state"], &ordered.waiting)?;
    report.passed(format!(
        "state as of {before}: WAITING_FOR_PAYMENT, as before the payment"
    ));
    Ok(())
}

fn ensure_equal(rebuilt: &Value, expected: &Value) -> Result<()> {
    let fields = expected.as_object().context("the order is not an object")?;
    for (field, value) in fields {
        ensure!(
            &rebuilt[field] == value,
            "{field} is {} instead of {value}",
            rebuilt[field]
        );
    }
    ensure!(
        rebuilt == expected,
        "the rebuilt order has unexpected fields: {rebuilt}"
    );
    Ok(())
}
