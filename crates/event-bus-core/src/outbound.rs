//! An event on its way out: envelope made, payload encoded, nothing asked of the network yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    AvroSchema, Envelope, Event, InvalidEnvelope, SchemaError, Scope, TenantRef,
    envelope::{AVRO_CONTENT_TYPE, OriginalAttributes},
};

/// What the publisher says of an event besides its payload.
#[derive(Clone, Debug)]
pub struct EventParts {
    /// The event's id; a new UUID of version 7 unless set.
    pub id: Uuid,
    /// Who says so, as `/tenantry/order`.
    pub source: String,
    /// When it happened; now unless set.
    pub time: OffsetDateTime,
    /// The aggregate's id.
    pub subject: String,
    /// The tenant: required for [`Scope::Tenant`].
    pub tenant: Option<TenantRef>,
    /// Shared by everything that follows from one request; the event's own id unless set.
    pub correlation_id: Uuid,
    /// The event or command that caused this one.
    pub causation_id: Option<Uuid>,
    /// The person on whose behalf.
    pub user_id: Option<Uuid>,
    /// The aggregate's version after the event.
    pub sequence: u64,
    /// W3C trace context of the publisher.
    pub traceparent: Option<String>,
    /// W3C trace state of the publisher.
    pub tracestate: Option<String>,
}

impl EventParts {
    /// An event of now about `subject`, told by `source`.
    #[allow(clippy::needless_pass_by_value)] // so that ids and texts are given alike
    pub fn new(source: impl Into<String>, subject: impl ToString) -> Self {
        let id = Uuid::now_v7();
        Self {
            id,
            source: source.into(),
            time: OffsetDateTime::now_utc(),
            subject: subject.to_string(),
            tenant: None,
            correlation_id: id,
            causation_id: None,
            user_id: None,
            sequence: 0,
            traceparent: None,
            tracestate: None,
        }
    }

    /// It belongs to this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantRef) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// It made the aggregate this version.
    #[must_use]
    pub fn sequence(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// It was done on behalf of this person.
    #[must_use]
    pub fn user(mut self, user_id: Uuid) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// It follows from `cause`: same correlation, same trace, the cause named.
    #[must_use]
    pub fn caused_by(mut self, cause: &Envelope) -> Self {
        self.correlation_id = cause.correlation_id;
        self.causation_id = Some(cause.id);
        self.user_id = self.user_id.or(cause.user_id);
        self.traceparent = self.traceparent.or_else(|| cause.traceparent.clone());
        self.tracestate = self.tracestate.or_else(|| cause.tracestate.clone());
        self
    }
}

/// An event that may not be published.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEvent {
    /// A tenant's event must name the tenant.
    #[error("{0} is a tenant's event and names no tenant")]
    NoTenant(&'static str),
    /// The payload names another tenant than the envelope.
    #[error("{event_type}: the payload is of tenant {payload}, the event of tenant {envelope}")]
    WrongTenant {
        /// The type of event.
        event_type: &'static str,
        /// The tenant in the payload.
        payload: Uuid,
        /// The tenant given for the envelope.
        envelope: Uuid,
    },
    /// The payload does not fit its own schema.
    #[error(transparent)]
    Payload(#[from] SchemaError),
    /// An attribute breaks a rule.
    #[error(transparent)]
    Envelope(#[from] InvalidEnvelope),
}

/// An event ready for the log. The key is fixed here and nowhere else: the tenant's id for a tenant's
/// event, the subject for the platform's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboundRecord {
    /// The topic without prefix.
    pub topic: String,
    /// The envelope; its `partition_key` is the record's key.
    pub envelope: Envelope,
    /// The Avro datum, without the registry's id: neither Kafka nor the registry is needed to make it.
    pub datum: Vec<u8>,
}

impl OutboundRecord {
    /// Makes the record of one event.
    pub fn of<E: Event>(parts: EventParts, event: &E) -> Result<Self, InvalidEvent> {
        let partition_key = match (E::SCOPE, &parts.tenant) {
            (Scope::Tenant, Some(tenant)) => tenant.id.to_string(),
            (Scope::Tenant, None) => return Err(InvalidEvent::NoTenant(E::TYPE)),
            (Scope::Platform, _) => parts.subject.clone(),
        };
        if let (Some(payload), Some(tenant)) = (event.tenant_id(), &parts.tenant)
            && payload != tenant.id
        {
            return Err(InvalidEvent::WrongTenant {
                event_type: E::TYPE,
                payload,
                envelope: tenant.id,
            });
        }
        let schema: &AvroSchema = E::schema();
        let envelope = Envelope {
            id: parts.id,
            event_type: E::TYPE.to_owned(),
            source: parts.source,
            time: parts.time,
            subject: parts.subject,
            aggregate: E::AGGREGATE.to_owned(),
            tenant: parts.tenant,
            correlation_id: parts.correlation_id,
            causation_id: parts.causation_id,
            user_id: parts.user_id,
            data_version: E::VERSION,
            sequence: parts.sequence,
            partition_key,
            traceparent: parts.traceparent,
            tracestate: parts.tracestate,
            data_content_type: AVRO_CONTENT_TYPE.to_owned(),
            data_schema: None,
            extensions: BTreeMap::new(),
            as_given: OriginalAttributes::default(),
        };
        envelope.check_ours()?;
        Ok(Self {
            topic: E::TOPIC.to_owned(),
            envelope,
            datum: schema.encode(event)?,
        })
    }
}
