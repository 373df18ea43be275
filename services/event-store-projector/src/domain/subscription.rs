//! A tenant's subscription.

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::billing::SubscriptionStarted;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Life, Shown, begun, read, shown};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: Uuid,
    tenant_id: Uuid,
    package: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    trial_ends_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    current_period_end: OffsetDateTime,
    #[serde(flatten)]
    life: Life,
}

/// A subscription: to which package, until when.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SubscriptionFold(Option<Subscription>);

impl Fold for SubscriptionFold {
    const NAME: &'static str = "subscription/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        if event_type == SubscriptionStarted::TYPE {
            let event: SubscriptionStarted = read(payload)?;
            self.0 = Some(Subscription {
                id: event.subscription_id,
                tenant_id: event.tenant_id,
                package: event.package,
                trial_ends_at: event.trial_ends_at.map(Into::into),
                current_period_end: event.current_period_end.into(),
                life: Life::begin(envelope),
            });
            return Ok(());
        }
        begun(&mut self.0, SubscriptionStarted::TYPE)?
            .life
            .go_on(envelope);
        Ok(())
    }
}

impl Shown for SubscriptionFold {
    fn view(&self) -> Option<Value> {
        shown(self.0.as_ref())
    }
}
