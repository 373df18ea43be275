//! Requests an e-mail.

use events::notification::EmailRequested;
use service::{StoreError, Tx};
use uuid::Uuid;

use super::NotificationError;
use crate::{
    App,
    domain::{EmailContent, EmailId, EmailReferences},
    store::emails::{self, NewEmail},
};

/// The event sequence of `notification.email_requested`; the event that ends the e-mail has the next one.
const REQUESTED: u64 = 1;

/// Renders and stores the e-mail in the transaction of the event that causes it; the delivery job sends it.
pub(super) async fn request_email(
    app: &App,
    tx: &mut Tx,
    recipient: &str,
    content: &EmailContent,
    references: EmailReferences,
) -> Result<(), NotificationError> {
    let (id, template) = (EmailId::generate(), content.template());
    let rendered = app.renderer.render(content)?;
    let email = NewEmail {
        id,
        template,
        recipient,
        rendered: &rendered,
        references: &references,
        correlation_id: tx.context().correlation_id,
        causation_id: tx.context().causation_id,
        now: tx.now(),
    };
    emails::insert(tx, &email).await?;
    let event = EmailRequested {
        email_id: id.0,
        template: template.to_string(),
        user_id: references.user.map(Uuid::from),
        tenant_id: references.tenant.as_ref().map(|tenant| tenant.id.0),
        tenant_code: references.tenant.as_ref().map(|tenant| tenant.code.clone()),
    };
    Ok(publish(tx, id, REQUESTED, &references, &event).await?)
}

/// Publishes an event of an e-mail, with the e-mail's tenant in the envelope if its region is known.
pub(super) async fn publish<E: event_bus::Event>(
    tx: &mut Tx,
    id: EmailId,
    sequence: u64,
    references: &EmailReferences,
    event: &E,
) -> Result<(), StoreError> {
    let tenant = references
        .tenant
        .as_ref()
        .and_then(|tenant| Some((tenant.id.0, tenant.region.as_deref()?)));
    match tenant {
        Some(tenant) => tx.publish_for(tenant, id, sequence, event).await,
        None => tx.publish(id, sequence, event).await,
    }
}
