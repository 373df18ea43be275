//! Handlers for user events.

use auth::UserId;
use event_bus::{Failure, Received};
use events::user::{UserCreated, UserLoginFailed, UserLoginSucceeded, UserRegistered};
use service::{EventHandler, Tx};

use super::FactRecorder;
use crate::{
    domain::{EventId, LoginAttempt, LoginOutcome},
    use_cases::{record_login, record_user},
};

impl EventHandler<UserRegistered> for FactRecorder {
    async fn handle(&self, event: Received<UserRegistered>, tx: &mut Tx) -> Result<(), Failure> {
        Ok(record_user(tx, event.data.user_id.into(), event.envelope.time).await?)
    }
}

impl EventHandler<UserCreated> for FactRecorder {
    async fn handle(&self, event: Received<UserCreated>, tx: &mut Tx) -> Result<(), Failure> {
        Ok(record_user(tx, event.data.user_id.into(), event.envelope.time).await?)
    }
}

impl EventHandler<UserLoginSucceeded> for FactRecorder {
    async fn handle(
        &self,
        event: Received<UserLoginSucceeded>,
        tx: &mut Tx,
    ) -> Result<(), Failure> {
        let attempt = LoginAttempt {
            event: EventId(event.envelope.id),
            user: Some(event.data.user_id.into()),
            outcome: LoginOutcome::Succeeded,
            at: event.envelope.time,
        };
        Ok(record_login(tx, &attempt).await?)
    }
}

impl EventHandler<UserLoginFailed> for FactRecorder {
    async fn handle(&self, event: Received<UserLoginFailed>, tx: &mut Tx) -> Result<(), Failure> {
        let attempt = LoginAttempt {
            event: EventId(event.envelope.id),
            user: event.data.user_id.map(UserId::from),
            outcome: LoginOutcome::Failed,
            at: event.envelope.time,
        };
        Ok(record_login(tx, &attempt).await?)
    }
}
