//! Replaying and discarding dead letters.

use event_bus::dlq::{
    DeadLetterAdmin, DeadLetterError, Discard, Replay, Report, Selection, Treated,
};
use events::{Timestamp, audit::ActionPerformed};
use service::{PlatformScope, StoreError, Tx};
use uuid::Uuid;

/// What is to be done with letters.
pub enum Orders {
    /// Publish them again.
    Replay(Replay),
    /// Give them up.
    Discard(Discard),
}

/// Whether it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Only say what would be.
    Dry,
    /// Do it.
    Real,
}

/// Letters that were not treated, or not told of.
#[derive(Debug, thiserror::Error)]
pub enum TreatError {
    /// They were not looked at, or nothing came of it.
    #[error(transparent)]
    Letters(#[from] DeadLetterError),
    /// The audit could not be told beforehand: nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Letters were treated, and the audit could not be told of each.
    #[error("the audit could not be told of what command {command} did: {cause}")]
    Untold {
        /// The id of the command's acts.
        command: Uuid,
        /// What the database said.
        cause: StoreError,
    },
}

/// Does it, and tells the audit: before anything is done that it begins, and in `tx`, which the caller
/// commits, of each letter that was treated. Nothing happens that nobody was told of.
///
/// # Errors
/// [`TreatError`]
pub async fn treat_letters(
    scope: &PlatformScope,
    tx: &mut Tx,
    letters: &DeadLetterAdmin,
    selection: &Selection,
    orders: Orders,
    run: Run,
) -> Result<Report, TreatError> {
    let command = Uuid::now_v7();
    let (report, action) = match (orders, run) {
        (Orders::Replay(orders), Run::Dry) => {
            return Ok(letters.replay(selection, &orders.dry_run()).await?);
        }
        (Orders::Discard(orders), Run::Dry) => {
            return Ok(letters.discard(selection, &orders.dry_run()).await?);
        }
        (Orders::Replay(orders), Run::Real) => {
            announce(scope, command, "dead_letter.replaying").await?;
            let report = letters.replay(selection, &orders.id(command)).await?;
            (report, "dead_letter.replayed")
        }
        (Orders::Discard(orders), Run::Real) => {
            announce(scope, command, "dead_letter.discarding").await?;
            let report = letters.discard(selection, &orders.id(command)).await?;
            (report, "dead_letter.discarded")
        }
    };
    for treated in &report.letters {
        if treated.outcome.is_done() {
            let told = tell(tx, command, action, treated).await;
            told.map_err(|cause| TreatError::Untold { command, cause })?;
        }
    }
    Ok(report)
}

/// The command's beginning, committed by itself.
async fn announce(scope: &PlatformScope, command: Uuid, action: &str) -> Result<(), StoreError> {
    let mut tx = scope.begin().await?;
    let told = ActionPerformed {
        resource: "dead_letter_command".to_owned(),
        resource_id: command.to_string(),
        ..performed(&tx, action)
    };
    tx.publish(command, 1, &told).await?;
    tx.commit().await
}

async fn tell(
    tx: &mut Tx,
    command: Uuid,
    action: &str,
    treated: &Treated,
) -> Result<(), StoreError> {
    let letter = &treated.letter;
    let place = letter.place.to_string();
    // One act on one letter is one thing, however often it is told.
    let act = Uuid::new_v5(&command, place.as_bytes());
    let told = ActionPerformed {
        resource: "dead_letter".to_owned(),
        resource_id: place,
        tenant_id: letter.tenant,
        ..performed(tx, action)
    };
    let envelope = letter.envelope.as_ref();
    match envelope.and_then(|envelope| envelope.tenant.as_ref()) {
        Some(tenant) => {
            tx.publish_for((tenant.id, &tenant.region), act, 1, &told)
                .await
        }
        None => tx.publish(act, 1, &told).await,
    }
}

fn performed(tx: &Tx, action: &str) -> ActionPerformed {
    let actor = tx.context().user_id;
    ActionPerformed {
        actor_id: actor.map(auth::UserId::as_uuid).unwrap_or_default(),
        action: action.to_owned(),
        resource: String::new(),
        resource_id: String::new(),
        tenant_id: None,
        at: Timestamp::from(tx.now()),
    }
}
