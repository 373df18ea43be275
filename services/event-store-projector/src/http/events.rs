//! The events themselves.

use actix_web::{HttpRequest, get, web};
use auth::Caller;
use event_store::{Filter, Page, StoredEvent};
use events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Answer, Problem, Query};
use tenancy::DirectoryError;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{App, domain::Reader, use_cases};

/// Which events; what is absent does not matter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Of this tenant: its id or code.
    tenant: Option<String>,
    /// Of this type, as `order.paid`.
    r#type: Option<String>,
    /// About this kind of thing, as `order`.
    aggregate: Option<String>,
    /// About the thing of this id.
    #[serde(rename = "aggregateId")]
    #[param(rename = "aggregateId")]
    aggregate_id: Option<String>,
    /// Following from this request.
    correlation: Option<Uuid>,
    /// Not before this time, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Go on after this place: `meta.next` of the page before, or an event's `position`.
    cursor: Option<i64>,
    /// Events a page, 1 to 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    per_page: Option<u32>,
}

/// A page of events, in the order they were stored.
#[derive(Serialize, ToSchema)]
struct EventsView {
    data: Vec<EventView>,
    meta: EventsMeta,
    links: EventsLinks,
}

/// What goes on after a page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventsMeta {
    per_page: u32,
    /// The `cursor` of the next page, if there is one by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Paths of the pages around.
#[derive(Serialize, ToSchema)]
struct EventsLinks {
    #[serde(rename = "self")]
    this: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A stored event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventView {
    /// Its place in the store.
    position: i64,
    id: Uuid,
    r#type: String,
    source: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    aggregate_type: String,
    aggregate_id: String,
    /// The aggregate's version after it; 0 if it changed none.
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Uuid>,
    correlation_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    recorded_at: OffsetDateTime,
    /// Where in the log it was read.
    topic: String,
    partition: i32,
    offset: i64,
    /// What happened.
    #[schema(value_type = Object)]
    data: Value,
}

/// The events that fit, in the order they were stored. The landlord and services see all; an admin those of their
/// tenant; a customer those of one order of theirs, named by `aggregate` and `aggregateId`.
#[utoipa::path(tag = "events", params(EventsQuery),
    responses((status = 200, body = EventsView), (status = "4XX", body = Problem)))]
#[get("/api/events")]
pub async fn list(
    caller: Caller,
    query: Query<EventsQuery>,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<Answer<EventsView>, Problem> {
    let limit = query.0.per_page.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        return Err(Problem::invalid("per_page", "should be 1 to 500"));
    }
    let filter = filter(&app, query.0).await?;
    let page = use_cases::find_events(&app.store, Reader::of(&caller), filter, limit).await?;
    Ok(Answer::ok(EventsView::new(&request, limit, page)))
}

async fn filter(app: &App, query: EventsQuery) -> Result<Filter, Problem> {
    let tenant_id = match query.tenant {
        Some(named) => Some(tenant_named(app, &named).await?),
        None => None,
    };
    Ok(Filter {
        tenant_id,
        event_type: query.r#type,
        aggregate_type: query.aggregate,
        aggregate_id: query.aggregate_id,
        correlation_id: query.correlation,
        from: query.from.map(Into::into),
        to: query.to.map(Into::into),
        after: query.cursor,
    })
}

/// An id is taken as it is: the store also knows tenants that are gone.
pub(super) async fn tenant_named(app: &App, named: &str) -> Result<Uuid, Problem> {
    if let Ok(id) = Uuid::try_parse(named) {
        return Ok(id);
    }
    match app.runtime.directory().by_reference(named).await {
        Ok(Some(tenant)) => Ok(tenant.id.0),
        Ok(None) => Err(Problem::not_found("tenant")),
        Err(error @ (DirectoryError::Unreachable(_) | DirectoryError::Store(_))) => {
            tracing::warn!(%error, "tenant not looked up");
            Err(Problem::unavailable(
                "the tenant cannot be looked up at the moment",
                1,
            ))
        }
    }
}

impl EventsView {
    fn new(request: &HttpRequest, per_page: u32, page: Page) -> Self {
        let this = match request.query_string() {
            "" => request.path().to_owned(),
            query => format!("{}?{query}", request.path()),
        };
        let next = page.next.map(|cursor| {
            let others = request.query_string().split('&');
            let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
            let query = others
                .map(str::to_owned)
                .chain([format!("cursor={cursor}")]);
            format!("{}?{}", request.path(), query.collect::<Vec<_>>().join("&"))
        });
        Self {
            data: page.events.into_iter().map(EventView::from).collect(),
            meta: EventsMeta {
                per_page,
                next: page.next,
            },
            links: EventsLinks { this, next },
        }
    }
}

impl From<StoredEvent> for EventView {
    fn from(stored: StoredEvent) -> Self {
        let envelope = stored.envelope;
        Self {
            position: stored.position,
            id: envelope.id,
            r#type: envelope.event_type,
            source: envelope.source,
            time: envelope.time,
            aggregate_type: envelope.aggregate,
            aggregate_id: envelope.subject,
            version: envelope.sequence,
            tenant_id: envelope.tenant.map(|tenant| tenant.id),
            correlation_id: envelope.correlation_id,
            causation_id: envelope.causation_id,
            user_id: envelope.user_id,
            recorded_at: stored.recorded_at,
            topic: stored.place.topic,
            partition: stored.place.partition,
            offset: stored.place.offset,
            data: stored.payload,
        }
    }
}
