//! Why something is being done, and on whose behalf.

use auth::UserId;
use event_bus::Envelope;
use uuid::Uuid;

use crate::telemetry;

/// What links an effect to its cause: it goes from a request into its events, and from an event into the next ones.
#[derive(Clone, Debug)]
pub struct Context {
    /// Shared by everything that follows from one request.
    pub correlation_id: Uuid,
    /// The event that is being handled, if it is one.
    pub causation_id: Option<Uuid>,
    /// The person on whose behalf.
    pub user_id: Option<UserId>,
}

impl Context {
    /// The beginning of something new that no request asked for, such as a timer's work.
    #[must_use]
    pub fn background() -> Self {
        Self {
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            user_id: None,
        }
    }

    /// A request with this correlation id.
    #[must_use]
    pub fn of_request(correlation_id: Uuid) -> Self {
        Self {
            correlation_id,
            causation_id: None,
            user_id: None,
        }
    }

    /// The handling of this event. What a service does about an event is not the person's own act, so the next
    /// events name no user: each deed is audited once.
    #[must_use]
    pub fn of_event(envelope: &Envelope) -> Self {
        Self {
            correlation_id: envelope.correlation_id,
            causation_id: Some(envelope.id),
            user_id: None,
        }
    }

    /// The same, on behalf of `user`.
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
