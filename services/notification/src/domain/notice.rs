//! A message of the feed.

use event_bus::Event;
use events::tenant::TenantCreated;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::AboutTenant;

ids::uuid_id!(
    /// A message's id, a `UUIDv7`.
    NoticeId
);

/// What an audience is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Type of the event it tells of.
    pub kind: &'static str,
    /// The tenant it is about.
    pub tenant: AboutTenant,
    /// When that happened.
    pub time: OffsetDateTime,
    /// One line.
    pub title: String,
    /// The text.
    pub body: String,
    /// What else clients may want to know.
    pub data: Map<String, Value>,
}

impl Notice {
    /// As it is stored and sent: everything in one object.
    #[must_use]
    pub fn payload(&self, id: NoticeId) -> Value {
        let mut data = self.data.clone();
        data.insert("notificationId".to_owned(), json!(id));
        data.insert("title".to_owned(), json!(self.title));
        data.insert("body".to_owned(), json!(self.body));
        Value::Object(data)
    }
}

/// The landlord is told of a new tenant.
#[must_use]
pub fn tenant_created(tenant: AboutTenant, facts: &TenantCreated, time: OffsetDateTime) -> Notice {
    let (name, code, package, region) = (&facts.name, &facts.code, &facts.package, &facts.region);
    let data = json!({
        "tenantId": facts.tenant_id, "code": code, "name": name, "package": package, "region": region,
    });
    Notice {
        kind: TenantCreated::TYPE,
        tenant,
        time,
        title: format!("New tenant {code}"),
        body: format!("{name} ({code}) was created in region {region} with the package {package}."),
        data: object(data),
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// A message of the feed as clients see it, without its cursor: that depends on who reads it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Type of the event it tells of.
    #[serde(rename = "type")]
    pub kind: String,
    /// Code of the tenant it is about.
    pub tenant_code: Option<String>,
    /// `notificationId`, `title`, `body`, and what belongs to the type.
    #[schema(value_type = Object)]
    pub data: Value,
    /// When that happened.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
}
