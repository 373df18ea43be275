//! Correlation, causation and user of a piece of work.

use auth::UserId;
use event_bus::Envelope;
use uuid::Uuid;

use crate::telemetry;

/// Links effects to their cause: carried from a request into its events, and from an event into the events it causes.
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared by everything that one request causes.
    pub correlation_id: Uuid,
    /// The event being handled, if any.
    pub causation_id: Option<Uuid>,
    /// The user on whose behalf the work is done.
    pub user_id: Option<UserId>,
}

impl Context {
    /// Background work that no request caused, such as a job.
    #[must_use]
    pub fn background() -> Self {
        Self {
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            user_id: None,
        }
    }

    /// The work of a request with this correlation id.
    #[must_use]
    pub fn of_request(correlation_id: Uuid) -> Self {
        Self {
            correlation_id,
            causation_id: None,
            user_id: None,
        }
    }

    /// The handling of this event. Effects of an event are not the user's own action, so the events they cause name no
    /// user and each action is audited once.
    #[must_use]
    pub fn of_event(envelope: &Envelope) -> Self {
        Self {
            correlation_id: envelope.correlation_id,
            causation_id: Some(envelope.id),
            user_id: None,
        }
    }

    /// Sets the user on whose behalf the work is done.
    #[must_use]
    pub fn on_behalf_of(mut self, user: UserId) -> Self {
        self.user_id = Some(user);
        self
    }

    pub(crate) fn fill(&self, parts: &mut event_bus::EventParts) {
        parts.correlation_id = self.correlation_id;
        parts.causation_id = self.causation_id;
        parts.user_id = self.user_id.map(UserId::as_uuid);
        (parts.traceparent, parts.tracestate) = telemetry::current_trace();
    }
}
