//! E-mails that are due go out.

use events::notification::{EmailFailed, EmailSent};
use futures::{StreamExt, stream};
use service::{Context, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::request_email::tell;
use crate::{
    App,
    domain::{EmailState, SendError, Verdict, after_failure},
    metrics::EMAILS,
    store::emails::{self, Due},
};

/// E-mails claimed in one go, and sent side by side. Each takes the mailer's time limit at the most, which is well
/// below the time for which it is claimed.
const AT_ONCE: i64 = 16;
const SIDE_BY_SIDE: usize = 16;
/// An e-mail's versions: asked for, then ended.
const ENDED: u64 = 2;

/// Sends what is due, until nothing is or `stop` says so.
pub(crate) async fn send_emails(app: &App, stop: &CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() {
        let due = emails::claim(app.runtime.platform_pool(), AT_ONCE).await?;
        if due.is_empty() {
            break;
        }
        stream::iter(due)
            .for_each_concurrent(SIDE_BY_SIDE, |due| async move {
                if let Err(error) = send(app, &due).await {
                    tracing::warn!(email_id = %due.id, %error, "what became of an e-mail is not noted; it comes back");
                }
            })
            .await;
    }
    Ok(())
}

async fn send(app: &App, due: &Due) -> Result<(), StoreError> {
    let (outcome, noted) = match app.mailer.send(due).await {
        Ok(()) => ("sent", note_sent(app, due).await),
        Err(error) => match after_failure(due.attempts, &error) {
            Verdict::Retry(pause) => {
                tracing::warn!(email_id = %due.id, attempts = due.attempts, %error, "e-mail not sent, tried again later");
                let reason = error.to_string();
                (
                    "retried",
                    emails::retry(app.runtime.platform_pool(), due, pause, &reason).await,
                )
            }
            Verdict::GiveUp => {
                tracing::error!(email_id = %due.id, attempts = due.attempts, %error, "e-mail given up");
                ("failed", note_failed(app, due, &error).await)
            }
        },
    };
    EMAILS
        .with_label_values(&[due.template.as_str(), outcome])
        .inc();
    noted
}

/// Sending follows from the event that asked for the e-mail, in its name.
fn context(due: &Due) -> Context {
    Context {
        correlation_id: due.correlation_id,
        causation_id: due.causation_id,
        user_id: None,
    }
}

async fn note_sent(app: &App, due: &Due) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(due)).begin().await?;
    let now = tx.now();
    if emails::end(tx.conn(), due.id, EmailState::Sent, None, now).await? {
        let about = due.about();
        let event = EmailSent {
            email_id: due.id.0,
            template: due.template.clone(),
            user_id: about.user.map(Uuid::from),
            tenant_id: about.tenant.as_ref().map(|tenant| tenant.id.0),
            tenant_code: about.tenant.as_ref().map(|tenant| tenant.code.clone()),
        };
        tell(&mut tx, due.id, ENDED, &about, &event).await?;
    }
    tx.commit().await
}

async fn note_failed(app: &App, due: &Due, error: &SendError) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(due)).begin().await?;
    let (now, reason) = (tx.now(), error.to_string());
    if emails::end(tx.conn(), due.id, EmailState::Failed, Some(&reason), now).await? {
        let about = due.about();
        let event = EmailFailed {
            email_id: due.id.0,
            template: due.template.clone(),
            user_id: about.user.map(Uuid::from),
            tenant_id: about.tenant.as_ref().map(|tenant| tenant.id.0),
            tenant_code: about.tenant.as_ref().map(|tenant| tenant.code.clone()),
            reason,
        };
        tell(&mut tx, due.id, ENDED, &about, &event).await?;
    }
    tx.commit().await
}
