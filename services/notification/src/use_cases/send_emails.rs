//! Delivery of e-mails that are due.

use events::notification::{EmailFailed, EmailSent};
use service::{Context, LeasedJob, StoreError};
use uuid::Uuid;

use super::request_email::tell;
use crate::{
    App,
    domain::{EmailState, SendError, Verdict, after_failure},
    metrics::EMAILS,
    store::emails::{self, DueEmail},
};

/// An e-mail's versions: requested, then ended.
const ENDED: u64 = 2;

/// Sends e-mails that are due. Each attempt takes at most the mailer's time limit, which is well below its lease.
#[derive(Clone)]
pub(crate) struct EmailDelivery(pub App);

impl LeasedJob for EmailDelivery {
    const NAME: &'static str = "emails";
    type Item = DueEmail;

    async fn lease(&self, limit: u32) -> Result<Vec<DueEmail>, StoreError> {
        emails::lease(&self.0.runtime.platform_db(), limit).await
    }

    async fn run(&self, email: DueEmail) -> Result<(), StoreError> {
        send(&self.0, &email).await
    }
}

async fn send(app: &App, email: &DueEmail) -> Result<(), StoreError> {
    let (outcome, noted) = match app.mailer.send(email).await {
        Ok(()) => ("sent", note_sent(app, email).await),
        Err(error) => match after_failure(email.attempts, &error) {
            Verdict::Retry(pause) => {
                tracing::warn!(email_id = %email.id, attempts = email.attempts, %error, "e-mail not sent, tried again later");
                let reason = error.to_string();
                (
                    "retried",
                    emails::retry(&app.runtime.platform_db(), email, pause, &reason).await,
                )
            }
            Verdict::GiveUp => {
                tracing::error!(email_id = %email.id, attempts = email.attempts, %error, "e-mail given up");
                ("failed", note_failed(app, email, &error).await)
            }
        },
    };
    EMAILS
        .with_label_values(&[email.template.as_str(), outcome])
        .inc();
    noted
}

/// Sending follows from the event that asked for the e-mail, in its name.
fn context(email: &DueEmail) -> Context {
    Context {
        correlation_id: email.correlation_id,
        causation_id: email.causation_id,
        user_id: None,
    }
}

async fn note_sent(app: &App, email: &DueEmail) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(email)).begin().await?;
    let now = tx.now();
    if emails::end(&tx, email.id, EmailState::Sent, None, now).await? {
        let about = &email.about;
        let event = EmailSent {
            email_id: email.id.0,
            template: email.template.clone(),
            user_id: about.user.map(Uuid::from),
            tenant_id: about.tenant.as_ref().map(|tenant| tenant.id.0),
            tenant_code: about.tenant.as_ref().map(|tenant| tenant.code.clone()),
        };
        tell(&mut tx, email.id, ENDED, about, &event).await?;
    }
    tx.commit().await
}

async fn note_failed(app: &App, email: &DueEmail, error: &SendError) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(email)).begin().await?;
    let (now, reason) = (tx.now(), error.to_string());
    if emails::end(&tx, email.id, EmailState::Failed, Some(&reason), now).await? {
        let about = &email.about;
        let event = EmailFailed {
            email_id: email.id.0,
            template: email.template.clone(),
            user_id: about.user.map(Uuid::from),
            tenant_id: about.tenant.as_ref().map(|tenant| tenant.id.0),
            tenant_code: about.tenant.as_ref().map(|tenant| tenant.code.clone()),
            reason,
        };
        tell(&mut tx, email.id, ENDED, about, &event).await?;
    }
    tx.commit().await
}
