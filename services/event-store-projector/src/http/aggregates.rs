//! One aggregate, now or at an earlier moment.

use actix_web::{get, web};
use auth::Caller;
use event_store::{AggregateRef, At};
use events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Answer, Problem, Query};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    App,
    domain::Reader,
    use_cases::{self, AggregateState},
};

/// Which moment.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Moment {
    /// After the event that made it this version, from 1.
    #[param(minimum = 1)]
    version: Option<u64>,
    /// As of this time, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// An aggregate's state at a moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AggregateView {
    aggregate_type: String,
    aggregate_id: String,
    /// The version the state is of.
    version: u64,
    /// Whether every version up to it is in the store.
    complete: bool,
    last_event: LastEventView,
    /// The state; of an order exactly what the order service answers.
    #[schema(value_type = Object)]
    state: Value,
}

/// The last event in a state.
#[derive(Serialize, ToSchema)]
struct LastEventView {
    id: Uuid,
    r#type: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
}

/// The state of an aggregate, rebuilt from its events: now, at a version, or as of a time. The landlord and services
/// any; an admin those of their tenant; a customer their own orders.
#[utoipa::path(tag = "aggregates", params(("type" = String, Path), ("id" = String, Path), Moment),
    responses((status = 200, body = AggregateView), (status = "4XX", body = Problem)))]
#[get("/api/aggregates/{type}/{id}")]
pub async fn read(
    caller: Caller,
    path: web::Path<(String, String)>,
    moment: Query<Moment>,
    app: web::Data<App>,
) -> Result<Answer<AggregateView>, Problem> {
    let (ty, id) = path.into_inner();
    let aggregate = AggregateRef { ty: &ty, id: &id };
    let at = moment
        .0
        .at()
        .map_err(|(field, rule)| Problem::invalid(field, rule))?;
    let found = use_cases::show_aggregate(&app.store, Reader::of(&caller), aggregate, at).await?;
    Ok(Answer::ok(AggregateView::new(ty, id, found)))
}

impl Moment {
    /// # Errors
    /// The parameter and the rule it breaks.
    fn at(&self) -> Result<At, (&'static str, &'static str)> {
        match (self.version, self.as_of) {
            (None, None) => Ok(At::Now),
            (Some(0), _) => Err(("version", "should be 1 or more")),
            (Some(version), None) => Ok(At::Version(version)),
            (None, Some(time)) => Ok(At::Time(time.into())),
            (Some(_), Some(_)) => Err(("as_of", "should not be given together with version")),
        }
    }
}

impl AggregateView {
    fn new(aggregate_type: String, aggregate_id: String, found: AggregateState) -> Self {
        Self {
            aggregate_type,
            aggregate_id,
            version: found.version,
            complete: found.complete,
            last_event: LastEventView {
                id: found.last_event.id,
                r#type: found.last_event.event_type,
                time: found.last_event.time,
            },
            state: found.state,
        }
    }
}
