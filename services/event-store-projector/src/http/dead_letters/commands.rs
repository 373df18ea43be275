//! Replaying and discarding.

use std::num::NonZeroU32;

use actix_web::{post, web};
use auth::PlatformAdmin;
use event_bus::dlq::{
    DeadLetterFilter, DeadLetterLocation, DeadLetterState, Discard, Replay, ReplayTo, Selection,
};
use events::Timestamp;
use serde::{Deserialize, Serialize};
use service::{Answer, Begun, Idempotency, PlatformScope, Problem, Valid};
use utoipa::ToSchema;

use super::views::ReportView;
use crate::{
    App,
    http::events::tenant_named,
    use_cases::{Orders, Run, treat_letters},
};

/// Letters of one call, unless said, and at the most.
const LETTERS: u16 = 100;
const MOST_LETTERS: u16 = 500;
/// Seconds that a call with a rate may take: the ingress waits for half a minute.
const MOST_SECONDS: u32 = 15;

/// Which letters: these, or the open ones that fit.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fitting {
    /// Of this topic, as `order.events`.
    topic: Option<String>,
    /// Of this tenant: its id or code.
    tenant: Option<String>,
    /// Of this type of event, as `order.paid`.
    r#type: Option<String>,
    /// Whose error contains this text.
    error: Option<String>,
    /// Whose error is of this class.
    class: Option<String>,
    /// That this consumer group could not handle.
    group: Option<String>,
    /// That failed at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// That failed before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Which letters are to be replayed, and how.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplayRequest {
    /// These letters, as `order.events.dlq/3/17`.
    #[schema(value_type = Option<Vec<String>>, max_items = 500)]
    letters: Option<Vec<DeadLetterLocation>>,
    /// Instead: the open letters that fit; an empty filter is all of them.
    filter: Option<Fitting>,
    /// With a filter: only ones behind this place, `next` of the answer before.
    #[schema(value_type = Option<String>)]
    after: Option<DeadLetterLocation>,
    /// To this group instead of the one that failed.
    to_group: Option<String>,
    /// To every group that reads the topic.
    #[serde(default)]
    all_groups: bool,
    /// At most so many records a second.
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate: Option<NonZeroU32>,
    /// At most so many letters, 1 to 500; 100 unless said.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Also letters replayed or discarded before, and those replayed three times.
    #[serde(default)]
    force: bool,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
    /// Why.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Which letters are to be given up, and why.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiscardRequest {
    /// These letters, as `order.events.dlq/3/17`.
    #[schema(value_type = Option<Vec<String>>, max_items = 500)]
    letters: Option<Vec<DeadLetterLocation>>,
    /// Instead: the open letters that fit; an empty filter is all of them.
    filter: Option<Fitting>,
    /// With a filter: only ones behind this place, `next` of the answer before.
    #[schema(value_type = Option<String>)]
    after: Option<DeadLetterLocation>,
    /// At most so many letters, 1 to 500; 100 unless said.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
    /// Why.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Publish dead letters again, with the same id, to the group that failed unless another is named. What came of each is in
/// the answer. For the landlord; audited.
#[utoipa::path(tag = "dead letters", request_body = ReplayRequest, responses(
    (status = 200, body = ReportView),
    (status = 400, body = Problem, description = "the body or a header cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 404, body = Problem, description = "a letter named is not there"),
    (status = 503, body = Problem, description = "Kafka or the database does not answer"),
))]
#[post("/api/platform/dead-letters/replay")]
pub async fn replay(
    admin: PlatformAdmin,
    scope: PlatformScope,
    call: Idempotency,
    Valid(wish): Valid<ReplayRequest>,
    app: web::Data<App>,
) -> Result<Answer<ReportView>, Problem> {
    let orders = wish.orders(&admin.email)?;
    let fingerprint = serde_json::to_value(&wish).map_err(|error| Problem::internal(&error))?;
    let (run, orders) = (run(wish.dry_run), Orders::Replay(orders));
    let selection = selection(&app, wish.letters, wish.filter, wish.after).await?;
    let call = (&call, &fingerprint);
    treat(&app, &scope, call, &selection, orders, run).await
}

/// Give dead letters up. They stay in the log until it drops them. For the landlord; audited.
#[utoipa::path(tag = "dead letters", request_body = DiscardRequest, responses(
    (status = 200, body = ReportView),
    (status = 400, body = Problem, description = "the body or a header cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 404, body = Problem, description = "a letter named is not there"),
    (status = 503, body = Problem, description = "Kafka or the database does not answer"),
))]
#[post("/api/platform/dead-letters/discard")]
pub async fn discard(
    admin: PlatformAdmin,
    scope: PlatformScope,
    call: Idempotency,
    Valid(wish): Valid<DiscardRequest>,
    app: web::Data<App>,
) -> Result<Answer<ReportView>, Problem> {
    let limit = limit(wish.limit)?;
    let fingerprint = serde_json::to_value(&wish).map_err(|error| Problem::internal(&error))?;
    let orders = Discard::by(&admin.email, wish.reason).limit(limit.into());
    let (run, orders) = (run(wish.dry_run), Orders::Discard(orders));
    let selection = selection(&app, wish.letters, wish.filter, wish.after).await?;
    let call = (&call, &fingerprint);
    treat(&app, &scope, call, &selection, orders, run).await
}

/// Once for each `Idempotency-Key`: the answer is kept with the audit's events.
async fn treat(
    app: &App,
    scope: &PlatformScope,
    (call, wish): (&Idempotency, &serde_json::Value),
    selection: &Selection,
    orders: Orders,
    run: Run,
) -> Result<Answer<ReportView>, Problem> {
    let mut tx = match scope.begin_once(call, wish).await? {
        Begun::Replayed(answer) => return Ok(Answer::ok(answer)),
        Begun::First(tx) => tx,
    };
    let treated = treat_letters(scope, &mut tx, &app.letters, selection, orders, run).await;
    let report = ReportView::from(treated?);
    tx.commit_once(&report).await?;
    Ok(Answer::ok(report))
}

impl ReplayRequest {
    fn orders(&self, by: &str) -> Result<Replay, Problem> {
        let limit = limit(self.limit)?;
        let mut orders = Replay::by(by).limit(limit.into());
        orders = match (&self.to_group, self.all_groups) {
            (Some(_), true) => {
                let rule = "should not be given together with allGroups";
                return Err(Problem::invalid("toGroup", rule));
            }
            (Some(group), false) => orders.to(ReplayTo::Group(group.clone())),
            (None, true) => orders.to(ReplayTo::AllGroups),
            (None, false) => orders,
        };
        if let Some(rate) = self.rate {
            if u32::from(limit) > rate.get().saturating_mul(MOST_SECONDS) {
                let rule = format!(
                    "{limit} letters would take more than {MOST_SECONDS} seconds: raise it, or lower limit"
                );
                return Err(Problem::invalid("rate", rule));
            }
            orders = orders.rate(rate);
        }
        if let Some(reason) = &self.reason {
            orders = orders.reason(reason.clone());
        }
        Ok(if self.force { orders.forced() } else { orders })
    }
}

async fn selection(
    app: &App,
    letters: Option<Vec<DeadLetterLocation>>,
    fitting: Option<Fitting>,
    after: Option<DeadLetterLocation>,
) -> Result<Selection, Problem> {
    match (letters, fitting) {
        (Some(_), Some(_)) => Err(Problem::invalid(
            "letters",
            "should not be given together with filter",
        )),
        (None, None) => Err(Problem::invalid(
            "letters",
            "should name letters, or filter should say which",
        )),
        (Some(letters), None)
            if letters.is_empty() || letters.len() > usize::from(MOST_LETTERS) =>
        {
            let rule = format!("should be 1 to {MOST_LETTERS}");
            Err(Problem::invalid("letters", rule))
        }
        (Some(letters), None) => Ok(Selection::Letters(letters)),
        (None, Some(fitting)) => {
            let filter = filter(app, fitting).await?;
            Ok(Selection::Matching { filter, after })
        }
    }
}

async fn filter(app: &App, fitting: Fitting) -> Result<DeadLetterFilter, Problem> {
    let tenant = match fitting.tenant {
        Some(named) => Some(tenant_named(app, &named).await?),
        None => None,
    };
    Ok(DeadLetterFilter {
        topics: fitting.topic.into_iter().collect(),
        tenant,
        event_type: fitting.r#type,
        error: fitting.error,
        class: fitting.class,
        group: fitting.group,
        from: fitting.from.map(Into::into),
        to: fitting.to.map(Into::into),
        state: Some(DeadLetterState::Open),
    })
}

fn run(is_dry: bool) -> Run {
    if is_dry { Run::Dry } else { Run::Real }
}

fn limit(asked: Option<u16>) -> Result<u16, Problem> {
    let letters = asked.unwrap_or(LETTERS);
    if (1..=MOST_LETTERS).contains(&letters) {
        return Ok(letters);
    }
    let rule = format!("should be 1 to {MOST_LETTERS}");
    Err(Problem::invalid("limit", rule))
}
