//! Handlers for e-mail events.

use event_bus::{Failure, Received};
use events::notification::{EmailFailed, EmailSent};
use service::{EventHandler, Tx};
use tenancy::TenantId;

use super::Onboarding;
use crate::use_cases::{GuideOutcome, record_guide};

/// The template of the e-mail that completes the onboarding.
const GUIDE: &str = "setup_guide";

impl EventHandler<EmailSent> for Onboarding {
    async fn handle(&self, event: Received<EmailSent>, tx: &mut Tx) -> Result<(), Failure> {
        match event.data {
            EmailSent {
                template,
                tenant_id: Some(tenant),
                ..
            } if template == GUIDE => {
                Ok(record_guide(tx, TenantId(tenant), GuideOutcome::Sent).await?)
            }
            _ => Ok(()),
        }
    }
}

impl EventHandler<EmailFailed> for Onboarding {
    async fn handle(&self, event: Received<EmailFailed>, tx: &mut Tx) -> Result<(), Failure> {
        match event.data {
            EmailFailed {
                template,
                tenant_id: Some(tenant),
                reason,
                ..
            } if template == GUIDE => {
                Ok(record_guide(tx, TenantId(tenant), GuideOutcome::Failed { reason }).await?)
            }
            _ => Ok(()),
        }
    }
}
