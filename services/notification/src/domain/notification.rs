//! Notifications in the application, and the messages of the feed that carry them.

use event_bus::Event;
use events::tenant::TenantCreated;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::TenantSummary;

ids::uuid_id!(
    /// A notification's id, a `UUIDv7`.
    NotificationId
);

/// A notification for one audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The type of the event that caused it.
    pub kind: &'static str,
    /// The tenant it concerns.
    pub tenant: TenantSummary,
    /// The time of the event.
    pub time: OffsetDateTime,
    /// The title, a single line.
    pub title: String,
    /// The body, plain text.
    pub body: String,
    /// Further fields for clients, by type.
    pub data: Map<String, Value>,
}

impl Notification {
    /// The JSON object that is stored and sent to clients.
    #[must_use]
    pub fn payload(&self, id: NotificationId) -> Value {
        let mut data = self.data.clone();
        data.insert("notificationId".to_owned(), json!(id));
        data.insert("title".to_owned(), json!(self.title));
        data.insert("body".to_owned(), json!(self.body));
        Value::Object(data)
    }
}

/// The notification for the platform's administrators about a new tenant.
#[must_use]
pub fn tenant_created(
    tenant: TenantSummary,
    event: &TenantCreated,
    time: OffsetDateTime,
) -> Notification {
    let (name, code, package, region) = (&event.name, &event.code, &event.package, &event.region);
    let data = json!({
        "tenantId": event.tenant_id, "code": code, "name": name, "package": package, "region": region,
    });
    Notification {
        kind: TenantCreated::TYPE,
        tenant,
        time,
        title: format!("New tenant {code}"),
        body: format!("{name} ({code}) was created in region {region} with the package {package}."),
        data: object(data),
    }
}

/// The fields of a JSON object; any other value becomes the field `value`.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// A message of the feed as clients see it, without the cursor, which depends on the reader.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedMessage {
    /// The type of the event that caused it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code of the tenant it concerns.
    pub tenant_code: Option<String>,
    /// `notificationId`, `title`, `body`, and further fields by type.
    #[schema(value_type = Object)]
    pub data: Value,
    /// The time of the event.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
}
