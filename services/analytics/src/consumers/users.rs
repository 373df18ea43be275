//! What the users tell.

use auth::UserId;
use event_bus::{Failure, Received};
use events::user::{UserCreated, UserLoginFailed, UserLoginSucceeded, UserRegistered};
use service::{EventHandler, Tx};

use super::Facts;
use crate::{
    domain::{EventId, Login, Outcome},
    use_cases::{note_login, note_user},
};

impl EventHandler<UserRegistered> for Facts {
    async fn handle(&self, event: Received<UserRegistered>, tx: &mut Tx) -> Result<(), Failure> {
        Ok(note_user(tx, event.data.user_id.into(), event.envelope.time).await?)
    }
}

impl EventHandler<UserCreated> for Facts {
    async fn handle(&self, event: Received<UserCreated>, tx: &mut Tx) -> Result<(), Failure> {
        Ok(note_user(tx, event.data.user_id.into(), event.envelope.time).await?)
    }
}

impl EventHandler<UserLoginSucceeded> for Facts {
    async fn handle(
        &self,
        event: Received<UserLoginSucceeded>,
        tx: &mut Tx,
    ) -> Result<(), Failure> {
        let login = Login {
            event: EventId(event.envelope.id),
            user: Some(event.data.user_id.into()),
            outcome: Outcome::Succeeded,
            at: event.envelope.time,
        };
        Ok(note_login(tx, &login).await?)
    }
}

impl EventHandler<UserLoginFailed> for Facts {
    async fn handle(&self, event: Received<UserLoginFailed>, tx: &mut Tx) -> Result<(), Failure> {
        let login = Login {
            event: EventId(event.envelope.id),
            user: event.data.user_id.map(UserId::from),
            outcome: Outcome::Failed,
            at: event.envelope.time,
        };
        Ok(note_login(tx, &login).await?)
    }
}
