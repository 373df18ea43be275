//! Delivers e-mails that are due.

use events::notification::{EmailFailed, EmailSent};
use service::{Context, LeasedJob, StoreError};
use uuid::Uuid;

use super::request_email::publish;
use crate::{
    App,
    domain::{EmailState, RetryDecision, SendError, retry_decision},
    metrics::EMAILS,
    store::emails::{self, DueEmail},
};

/// The event sequence of the event that ends an e-mail.
const FINISHED: u64 = 2;

/// Sends e-mails that are due. Each attempt takes at most the mailer's time limit, which is well below the lease.
#[derive(Clone)]
pub(crate) struct EmailDelivery(pub App);

impl LeasedJob for EmailDelivery {
    const NAME: &'static str = "emails";
    type Item = DueEmail;

    async fn lease(&self, limit: u32) -> Result<Vec<DueEmail>, StoreError> {
        emails::lease(&self.0.runtime.platform_db(), limit).await
    }

    /// If the outcome cannot be recorded, the e-mail stays leased and becomes due again.
    async fn run(&self, email: DueEmail) -> Result<(), StoreError> {
        deliver(&self.0, &email).await
    }
}

async fn deliver(app: &App, email: &DueEmail) -> Result<(), StoreError> {
    let (outcome, recorded) = match app.mailer.send(email).await {
        Ok(()) => ("sent", record_sent(app, email).await),
        Err(error) => match retry_decision(email.attempts, &error) {
            RetryDecision::RetryAfter(backoff) => {
                tracing::warn!(email_id = %email.id, attempts = email.attempts, %error, "e-mail not sent, trying again later");
                let db = app.runtime.platform_db();
                let recorded = emails::postpone(&db, email, backoff, &error.to_string()).await;
                ("retried", recorded)
            }
            RetryDecision::GiveUp => {
                tracing::error!(email_id = %email.id, attempts = email.attempts, %error, "e-mail abandoned");
                ("failed", record_failed(app, email, &error).await)
            }
        },
    };
    EMAILS
        .with_label_values(&[email.template.as_str(), outcome])
        .inc();
    recorded
}

/// The delivery continues the correlation of the event that requested the e-mail.
fn context(email: &DueEmail) -> Context {
    Context {
        correlation_id: email.correlation_id,
        causation_id: email.causation_id,
        user_id: None,
    }
}

async fn record_sent(app: &App, email: &DueEmail) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(email)).begin().await?;
    let now = tx.now();
    if emails::finish(&tx, email.id, EmailState::Sent, None, now).await? {
        let references = &email.references;
        let tenant = references.tenant.as_ref();
        let event = EmailSent {
            email_id: email.id.0,
            template: email.template.clone(),
            user_id: references.user.map(Uuid::from),
            tenant_id: tenant.map(|tenant| tenant.id.0),
            tenant_code: tenant.map(|tenant| tenant.code.clone()),
        };
        publish(&mut tx, email.id, FINISHED, references, &event).await?;
    }
    tx.commit().await
}

async fn record_failed(app: &App, email: &DueEmail, error: &SendError) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(email)).begin().await?;
    let (now, reason) = (tx.now(), error.to_string());
    if emails::finish(&tx, email.id, EmailState::Failed, Some(&reason), now).await? {
        let references = &email.references;
        let tenant = references.tenant.as_ref();
        let event = EmailFailed {
            email_id: email.id.0,
            template: email.template.clone(),
            user_id: references.user.map(Uuid::from),
            tenant_id: tenant.map(|tenant| tenant.id.0),
            tenant_code: tenant.map(|tenant| tenant.code.clone()),
            reason,
        };
        publish(&mut tx, email.id, FINISHED, references, &event).await?;
    }
    tx.commit().await
}
