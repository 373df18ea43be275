//! An e-mail is to be sent.

use events::notification::EmailRequested;
use service::{StoreError, Tx};
use uuid::Uuid;

use super::NotificationError;
use crate::{
    App,
    domain::{About, EmailId, Letter},
    store::emails::{self, NewEmail},
};

/// An e-mail's versions: asked for, then ended.
const REQUESTED: u64 = 1;

/// Writes the e-mail down in the transaction of the event that causes it; the background sends it.
pub(super) async fn request_email(
    app: &App,
    tx: &mut Tx,
    recipient: &str,
    letter: &Letter,
    about: About,
) -> Result<(), NotificationError> {
    let (id, template) = (EmailId::generate(), letter.template());
    let text = app.templates.render(letter)?;
    let email = NewEmail {
        id,
        template,
        recipient,
        text: &text,
        about: &about,
        correlation_id: tx.context().correlation_id,
        causation_id: tx.context().causation_id,
        now: tx.now(),
    };
    emails::insert(tx, &email).await?;
    let event = EmailRequested {
        email_id: id.0,
        template: template.to_string(),
        user_id: about.user.map(Uuid::from),
        tenant_id: about.tenant.as_ref().map(|tenant| tenant.id.0),
        tenant_code: about.tenant.as_ref().map(|tenant| tenant.code.clone()),
    };
    Ok(tell(tx, id, REQUESTED, &about, &event).await?)
}

/// Publishes an e-mail's event, naming the tenant it is about where that is known in full.
pub(super) async fn tell<E: event_bus::Event>(
    tx: &mut Tx,
    id: EmailId,
    version: u64,
    about: &About,
    event: &E,
) -> Result<(), StoreError> {
    let tenant = about
        .tenant
        .as_ref()
        .and_then(|tenant| Some((tenant.id.0, tenant.region.as_deref()?)));
    match tenant {
        Some(tenant) => tx.publish_for(tenant, id, version, event).await,
        None => tx.publish(id, version, event).await,
    }
}
