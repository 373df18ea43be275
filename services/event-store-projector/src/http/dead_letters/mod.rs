//! Dead letters: what consumers could not handle, for the landlord.

mod commands;
mod views;

use actix_web::{get, web};
use auth::PlatformAdmin;
use event_bus::dlq::{DeadLetterFilter, DeadLetterLocation, DeadLetterState};
use events::Timestamp;
use serde::Deserialize;
use service::{Answer, Problem, Query};
use utoipa::{IntoParams, ToSchema};

pub use self::commands::{discard, replay};
use self::views::{ActsView, LettersView, ShownView};
use super::events::tenant_named;
use crate::{App, use_cases::TreatError};

/// Rows a page, unless said, and at the most.
const ROWS: u16 = 100;
const MOST_ROWS: u16 = 500;

/// Which letters; what is absent does not matter.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LettersQuery {
    /// Of this topic, as `order.events`.
    topic: Option<String>,
    /// Of this tenant: its id or code.
    tenant: Option<String>,
    /// Of this type of event, as `order.paid`.
    r#type: Option<String>,
    /// Whose error contains this text.
    error: Option<String>,
    /// Whose error is of this class, as `transient`.
    class: Option<String>,
    /// That this consumer group could not handle.
    group: Option<String>,
    /// That failed at this time or later, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// That failed before this time, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// In this state; open unless said.
    state: Option<State>,
    /// Go on behind this place: `meta.next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<DeadLetterLocation>,
    /// Letters a page, 1 to 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    per_page: Option<u16>,
}

/// What was done with a letter, or all of them.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Replayed,
    Discarded,
    All,
}

impl State {
    fn letters(self) -> Option<DeadLetterState> {
        match self {
            Self::Open => Some(DeadLetterState::Open),
            Self::Replayed => Some(DeadLetterState::Replayed),
            Self::Discarded => Some(DeadLetterState::Discarded),
            Self::All => None,
        }
    }
}

/// Which acts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActsQuery {
    /// On letters of this topic.
    topic: Option<String>,
    /// Not before this time, RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Go on behind this place: `meta.next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<DeadLetterLocation>,
    /// Acts a page, 1 to 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    per_page: Option<u16>,
}

/// The dead letters that fit, in the order of topic, partition and offset. For the landlord.
#[utoipa::path(tag = "dead letters", params(LettersQuery), responses(
    (status = 200, body = LettersView),
    (status = 400, body = Problem, description = "the query cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 503, body = Problem, description = "Kafka does not answer"),
))]
#[get("/api/platform/dead-letters")]
pub async fn list(
    _: PlatformAdmin,
    query: Query<LettersQuery>,
    app: web::Data<App>,
) -> Result<Answer<LettersView>, Problem> {
    let Query(query) = query;
    let per_page = rows(query.per_page)?;
    let after = query.cursor.clone();
    let filter = filter(&app, query).await?;
    let page = app.letters.list(&filter, after.as_ref(), per_page.into());
    Ok(Answer::ok(LettersView::new(
        per_page,
        page.await.map_err(TreatError::from)?,
    )))
}

/// One dead letter: envelope, decoded payload, story, and what was done with it. For the landlord.
#[utoipa::path(tag = "dead letters", params(
    ("topic" = String, Path, description = "The dead-letter topic, as `order.events.dlq`"),
    ("partition" = i32, Path), ("offset" = i64, Path)), responses(
    (status = 200, body = ShownView),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 404, body = Problem, description = "there is none at that place"),
    (status = 503, body = Problem, description = "Kafka does not answer"),
))]
#[get("/api/platform/dead-letters/{topic}/{partition}/{offset}")]
pub async fn show(
    _: PlatformAdmin,
    path: web::Path<(String, String, String)>,
    app: web::Data<App>,
) -> Result<Answer<ShownView>, Problem> {
    let (topic, partition, offset) = path.into_inner();
    let place: DeadLetterLocation = format!("{topic}/{partition}/{offset}")
        .parse()
        .map_err(|_| Problem::not_found("dead letter"))?;
    let shown = app.letters.show(&place).await;
    Ok(Answer::ok(ShownView::from(
        shown.map_err(TreatError::from)?,
    )))
}

/// What was done with dead letters, by whom and why, in the order of topic, partition and offset. For the landlord.
#[utoipa::path(tag = "dead letters", params(ActsQuery), responses(
    (status = 200, body = ActsView),
    (status = 400, body = Problem, description = "the query cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 503, body = Problem, description = "Kafka does not answer"),
))]
#[get("/api/platform/dead-letters/acts")]
pub async fn acts(
    _: PlatformAdmin,
    query: Query<ActsQuery>,
    app: web::Data<App>,
) -> Result<Answer<ActsView>, Problem> {
    let Query(query) = query;
    let per_page = rows(query.per_page)?;
    let topics: Vec<String> = query.topic.into_iter().collect();
    let from = query.from.map(Into::into);
    let page = (app.letters)
        .acts(&topics, from, query.cursor.as_ref(), per_page.into())
        .await
        .map_err(TreatError::from)?;
    Ok(Answer::ok(ActsView::new(per_page, page)))
}

async fn filter(app: &App, query: LettersQuery) -> Result<DeadLetterFilter, Problem> {
    let tenant = match query.tenant {
        Some(named) => Some(tenant_named(app, &named).await?),
        None => None,
    };
    Ok(DeadLetterFilter {
        topics: query.topic.into_iter().collect(),
        tenant,
        event_type: query.r#type,
        error: query.error,
        class: query.class,
        group: query.group,
        from: query.from.map(Into::into),
        to: query.to.map(Into::into),
        state: query.state.unwrap_or(State::Open).letters(),
    })
}

fn rows(asked: Option<u16>) -> Result<u16, Problem> {
    let rows = asked.unwrap_or(ROWS);
    if (1..=MOST_ROWS).contains(&rows) {
        return Ok(rows);
    }
    let rule = format!("should be 1 to {MOST_ROWS}");
    Err(Problem::invalid("per_page", rule))
}
